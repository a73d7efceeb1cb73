//! The cards that checkouts brought along, held to the holds: a coupon was used by the order that was told so, once; a gift card
//! paid at least what orders paid with it.
//!
//! Invariant: as of the whole check: nothing is changed.

use super::Check;
use super::story::View;
use crate::error::CheckError;
use crate::purse::Purse;
use scrip_engine::answer::{Answer, HoldState, Outcome};
use scrip_engine::command::{Command, Request};
use scrip_engine::ids::{CardId, OperationId};
use std::collections::BTreeMap;

/// What holds have used of cards.
#[derive(Debug)]
pub(super) struct Spent {
    purse: Purse,
    /// Of each coupon the hold that has used it; of one that two have used, the number of it.
    coupons: BTreeMap<u64, u128>,
    twice: u64,
    /// Units of each gift card.
    gift_cards: BTreeMap<u64, u64>,
}

impl Spent {
    pub(super) fn new(purse: Purse) -> Spent {
        Spent { purse, coupons: BTreeMap::new(), twice: 0, gift_cards: BTreeMap::new() }
    }

    /// A hold as the server shows it. The error says what is wrong with its cards.
    pub(super) fn take(
        &mut self,
        hold: OperationId,
        number: u64,
        content: u64,
        view: &View,
    ) -> Result<(), String> {
        let asked = self.purse.lines(number, content);
        if view.cards().len() != asked.len() {
            return Err(format!("it has {} cards, {} were asked for", view.cards().len(), asked.len()));
        }
        let is_sold = view.state == HoldState::Confirmed;
        for (seen, asked) in view.cards().iter().zip(&asked) {
            let used = if is_sold { asked.units.get() } else { 0 };
            if (seen.card, seen.reserved, seen.confirmed.get()) != (asked.card, asked.units, used) {
                return Err(format!("it was to have used {used} units of card {}", asked.card()));
            }
        }
        if is_sold {
            self.twice += u64::from(self.coupons.insert(asked[0].card().0, hold.0).is_some());
            *self.gift_cards.entry(asked[1].card().0).or_default() += u64::from(asked[1].units.get());
        }
        Ok(())
    }
}

impl Check<'_> {
    /// Looks at every card that was used.
    pub(super) fn look_at_purse(&mut self) -> Result<(), CheckError> {
        let Some(spent) = self.spent.take() else { return Ok(()) };
        if spent.twice > 0 {
            self.report.duplicates += spent.twice;
            self.report.finding(|| format!("{} coupons were used by two orders", spent.twice));
        }
        let coupons = spent.coupons.iter().map(|(card, hold)| (*card, Some(*hold), 1));
        let gift_cards = spent.gift_cards.iter().map(|(card, units)| (*card, None, *units));
        let cards: Vec<(u64, Option<u128>, u64)> = coupons.chain(gift_cards).collect();
        let (generator, report) = (&self.generator, &mut self.report);
        self.caller.ask(
            cards.len(),
            |n, push| {
                let command = Command::CardShow { card: CardId(cards[n].0), generation: None };
                push(&Request { envelope: generator.envelope(OperationId(0)), command });
            },
            |n, raw| {
                let (card, hold, units) = cards[n];
                let Outcome::Done(Answer::Card(view, _)) = raw.outcome()? else {
                    report.lost += 1;
                    report.finding(|| format!("lost: card {} is not known to the server", CardId(card)));
                    return Ok(());
                };
                report.cards_read += 1;
                let by_another = hold.is_some_and(|hold| view.redemption.0 != hold || view.consumed != 1);
                if by_another || u64::from(view.consumed) < units {
                    report.mismatched += 1;
                    let consumed = view.consumed;
                    report.finding(|| {
                        format!("mismatched: card {} has {consumed} units used, orders {units}", CardId(card))
                    });
                }
                Ok(())
            },
        )?;
        Ok(())
    }
}
