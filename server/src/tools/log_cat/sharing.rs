//! `scrip log cat`: events of activities and rewards.

use scrip_engine::command::ActivityTerms;
use scrip_engine::event::ShareEvent;
use scrip_engine::ids::CardId;
use scrip_engine::sharing::Reward;
use std::io::{self, Write};

pub(super) fn print(out: &mut impl Write, event: &ShareEvent<'_>) -> io::Result<()> {
    match event {
        ShareEvent::Created { origin, activity, terms } => {
            write!(out, "activity_created {} activity={activity}", origin.operation)?;
            print_terms(out, terms)?;
            writeln!(out, " channel={}", origin.channel.0)
        }
        ShareEvent::Edited { origin, activity, terms } => {
            write!(out, "activity_edited {} activity={activity}", origin.operation)?;
            print_terms(out, terms)?;
            writeln!(out, " channel={}", origin.channel.0)
        }
        ShareEvent::Rewarded { activity, channel, campaign, first, from_s, until_s, referrers } => {
            write!(out, "rewarded activity={activity} campaign={campaign} first={first}")?;
            write!(out, " from_s={from_s} until_s={until_s} channel={}", channel.0)?;
            for referrer in *referrers {
                write!(out, " {:032x}", referrer.get())?;
            }
            writeln!(out)
        }
        ShareEvent::Received { reward, card, from_s, until_s } => {
            print_reward(out, "reward_received", (reward, *card))?;
            writeln!(out, " from_s={from_s} until_s={until_s}")
        }
        ShareEvent::Delivered { reward, card } => {
            print_reward(out, "reward_delivered", (reward, *card))?;
            writeln!(out)
        }
    }
}

fn print_terms(out: &mut impl Write, terms: &ActivityTerms) -> io::Result<()> {
    write!(out, " counts={} every={} most={}", terms.counting().name(), terms.every, terms.most)?;
    write!(out, " reward={} from_ms={} until_ms={}", terms.reward(), terms.from_ms, terms.until_ms)?;
    terms.sources().try_for_each(|source| write!(out, " source={source}"))
}

fn print_reward(out: &mut impl Write, what: &str, (reward, card): (&Reward, CardId)) -> io::Result<()> {
    let Reward { activity, referrer, ordinal, campaign, channel, .. } = reward;
    write!(out, "{what} activity={activity} referrer={referrer} ordinal={ordinal}")?;
    write!(out, " campaign={campaign} card={card} channel={}", channel.0)
}
