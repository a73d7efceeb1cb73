//! A storm on cards, held to its ledger: every operation asked back, a share asked again, every card of the campaign looked at.
//!
//! It stands apart because cards are no holds: an operation has one record, and what it did is seen on its card. Invariant: as of
//! the whole check: nothing is changed; the cards are read last, when nothing is asked again any more.

use super::{Check, StockCheck, show};
use crate::error::CheckError;
use crate::ids::mix;
use crate::ledger::{Known, Record};
use crate::recipe::{Generator, What};
use crate::storm::{Storm, user_of};
use scrip_engine::answer::{Answer, CardView, OperationKind, Outcome};
use scrip_engine::command::{Command, Request};
use scrip_engine::ids::{CardId, OperationId, StockId};
use scrip_engine::rejection::Code;
use scrip_protocol::error::ProtocolError;
use std::time::Instant;

/// Operations asked back, or cards looked at, between two looks at the time.
const BLOCK: usize = 1 << 18;

/// What the cards of the campaign add up to.
#[derive(Debug, Default)]
struct Seen {
    /// Cards looked at.
    cards: u64,
    /// Units used of them.
    consumed: u64,
    /// Of CLAIMs: cards of each user, up to 255.
    of_user: Vec<u8>,
}

/// The campaign as it is.
#[derive(Debug, Clone, Copy, Default)]
struct Campaign {
    issued: u64,
    units: u32,
}

impl<'a> Check<'a> {
    /// The whole check of a storm. `records` are sorted by operation.
    pub(super) fn storm(
        &mut self,
        storm: &Storm,
        records: &[&'a Record],
        started: Instant,
        progress: &impl Fn(u64, u64),
    ) -> Result<(), CheckError> {
        let operations: Vec<&[&Record]> =
            records.chunk_by(|one, other| one.operation == other.operation).collect();
        let campaign = self.campaign()?;
        let mut happened: Vec<(u64, &'a Record)> = Vec::new();
        for block in operations.chunks(BLOCK) {
            self.in_time(started, records.len())?;
            self.ask_operations(storm, block, &mut happened)?;
            self.done += block.iter().map(|records| records.len() as u64).sum::<u64>();
            progress(self.done, records.len() as u64);
        }
        self.ask_claims_again(&operations)?;
        happened.sort_unstable_by_key(|(serial, _)| *serial);
        self.count_twice(&happened);
        let seen = self.look_at_cards(storm, campaign, &happened, started)?;
        self.judge_cards(&seen)
    }

    fn is_claims(&self) -> bool {
        self.generator.recipe.work == crate::plan::Work::Claim
    }

    fn in_time(&self, started: Instant, all: usize) -> Result<(), CheckError> {
        if started.elapsed() <= self.plan.within {
            return Ok(());
        }
        Err(CheckError::Overdue { seconds: self.plan.within.as_secs(), done: self.done, all: all as u64 })
    }

    /// Asks operations back; those that happened go to `happened`, by the serials of their cards.
    fn ask_operations(
        &mut self,
        storm: &Storm,
        block: &[&[&'a Record]],
        happened: &mut Vec<(u64, &'a Record)>,
    ) -> Result<(), CheckError> {
        let (generator, report) = (&self.generator, &mut self.report);
        self.caller.ask(
            block.len(),
            |n, push| push(&show(generator, block[n][0].operation())),
            |n, raw| {
                report.operations += 1;
                let record = best(block[n]);
                let (operation, what) = (record.operation(), record.what());
                let acknowledged = record.known() == Known::Acknowledged;
                let card = match Told::of(generator, operation, &raw.outcome()?) {
                    Told::About(card) => card,
                    Told::TooOld => {
                        report.too_old += 1;
                        return Ok(());
                    }
                    Told::Nothing => {
                        report.lost += u64::from(acknowledged);
                        report.unknown_not += u64::from(!acknowledged);
                        if acknowledged {
                            report.finding(|| format!("lost: {} {operation} is not known", what.name()));
                        }
                        return Ok(());
                    }
                };
                report.found += u64::from(acknowledged);
                report.unknown_happened += u64::from(!acknowledged);
                let serial = card & ((1 << CardId::SERIAL_BITS) - 1);
                let asked = storm.subject(generator.ids.number(operation));
                let right = card == storm.card(serial).0
                    && (what == What::Claim || serial == asked)
                    && (!acknowledged || card == record.at_ms.get());
                if right {
                    happened.push((serial, record));
                } else {
                    report.mismatched += 1;
                    report
                        .finding(|| format!("mismatched: {} {operation} is about another card", what.name()));
                }
                Ok(())
            },
        )?;
        self.report.duplicates += block.iter().filter(|records| is_doubled(records)).count() as u64;
        Ok(())
    }

    /// Asks a share of the acknowledged operations again: each answer must be the first one.
    fn ask_claims_again(&mut self, operations: &[&[&'a Record]]) -> Result<(), CheckError> {
        let drawn = |record: &Record| {
            let draw = mix(record.digest.get() ^ record.operation().0 as u64) >> 11;
            (draw as f64 / (1_u64 << 53) as f64) < self.plan.repeat_share
        };
        let repeats: Vec<&Record> = operations
            .iter()
            .map(|records| best(records))
            .filter(|record| record.known() == Known::Acknowledged && drawn(record))
            .take(self.plan.repeats_max as usize)
            .collect();
        let (generator, report) = (&self.generator, &mut self.report);
        self.caller.ask(
            repeats.len(),
            |n, push| {
                let (operation, what) = (repeats[n].operation(), repeats[n].what());
                let command = generator.storm_command(what, generator.ids.number(operation));
                push(&Request { envelope: generator.envelope(operation), command });
            },
            |n, raw| {
                let outcome = raw.outcome()?;
                if matches!(&outcome, Outcome::Refused(no) if no.code == Code::OperationTooOld) {
                    report.too_old += 1;
                    return Ok(());
                }
                report.repeats += 1;
                if raw.essence()? != repeats[n].digest.get() {
                    report.mismatched_repeats += 1;
                    let (what, operation) = (repeats[n].what().name(), repeats[n].operation());
                    report.finding(|| {
                        format!("mismatched repeat: {what} {operation} is now answered {outcome:?}")
                    });
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// No card is issued to two operations, or used by two.
    fn count_twice(&mut self, happened: &[(u64, &Record)]) {
        for pair in happened.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            self.report.duplicates += 1;
            let (one, other) = (pair[0].1.operation(), pair[1].1.operation());
            let serial = pair[0].0;
            self.report
                .finding(|| format!("duplicate: card number {serial} was got by {one} and by {other}"));
        }
    }

    /// The campaign's issued cards, and the units of each.
    fn campaign(&mut self) -> Result<Campaign, CheckError> {
        let generator = &self.generator;
        let mut campaign = Campaign::default();
        self.caller.ask(
            1,
            |_, push| {
                let command = Command::CampaignShow { campaign: StockId(generator.recipe.stocks[0]) };
                push(&Request { envelope: generator.envelope(OperationId(0)), command });
            },
            |_, raw| match raw.outcome()? {
                Outcome::Done(Answer::Campaign(view)) => {
                    campaign = Campaign { issued: view.issued, units: view.definition.units.get() };
                    Ok(())
                }
                _ => Err(ProtocolError::Payload("no answer about a campaign")),
            },
        )?;
        Ok(campaign)
    }

    /// Looks at every card that the storm was about, and compares those of `happened` (by serial) with it.
    fn look_at_cards(
        &mut self,
        storm: &Storm,
        campaign: Campaign,
        happened: &[(u64, &Record)],
        started: Instant,
    ) -> Result<Seen, CheckError> {
        let claims = self.is_claims();
        let before = self.ledger.before[0];
        // Cards are issued one after the other, and a voided one has left `consumed` for `void`.
        let first = if claims { before.consumed + before.void } else { 0 };
        let end = if claims { campaign.issued } else { storm.subjects };
        let mut seen =
            Seen { of_user: vec![0; if claims { storm.subjects as usize } else { 0 }], ..Seen::default() };
        let mut next = first;
        while next < end {
            self.in_time(started, self.ledger.records.len())?;
            let count = (end - next).min(BLOCK as u64) as usize;
            let (generator, report, start) = (&self.generator, &mut self.report, next);
            self.caller.ask(
                count,
                |n, push| {
                    let command = Command::CardShow { card: storm.card(start + n as u64), generation: None };
                    push(&Request { envelope: generator.envelope(OperationId(0)), command });
                },
                |n, raw| {
                    let serial = start + n as u64;
                    let Outcome::Done(Answer::Card(view, _)) = raw.outcome()? else {
                        report.lost += 1;
                        report.finding(|| format!("lost: card number {serial} is not known to the server"));
                        return Ok(());
                    };
                    let at = happened.partition_point(|(of, _)| *of < serial);
                    let record = happened.get(at).filter(|(of, _)| *of == serial).map(|(_, record)| *record);
                    seen.take(&view, campaign, storm, claims);
                    let wrong = record.is_some_and(|record| {
                        let subject = storm.subject(generator.ids.number(record.operation()));
                        match claims {
                            true => view.owner.0 != user_of(subject),
                            false => view.consumed == 0 || view.redemption != record.operation(),
                        }
                    });
                    if wrong {
                        report.mismatched += 1;
                        report.finding(|| format!("mismatched: card number {serial} is not as acknowledged"));
                    }
                    if view.consumed > campaign.units {
                        report.oversold_units += u64::from(view.consumed - campaign.units);
                    }
                    Ok(())
                },
            )?;
            next += count as u64;
        }
        Ok(seen)
    }

    /// What all cards add up to, against what was acknowledged.
    fn judge_cards(&mut self, seen: &Seen) -> Result<(), CheckError> {
        let (before, now) = (self.ledger.before[0], self.caller.stocks(&self.generator)?[0]);
        let counts = &self.ledger.counts;
        let limit = if now.limit_per_user == 0 { u32::MAX } else { now.limit_per_user };
        let over = seen.of_user.iter().filter(|&&cards| u32::from(cards) > limit).count() as u64;
        self.report.over_limit_users = over;
        if over > 0 {
            self.report.finding(|| format!("{over} users have more than {limit} cards"));
        }
        let counted = if self.is_claims() { seen.cards } else { seen.consumed };
        // Where not every operation is kept, the unknown ones can't be asked back: any of them may have happened.
        let (least, most) = if self.ledger.complete {
            let known = counts.acknowledged + self.report.unknown_happened;
            (known, known)
        } else {
            (counts.acknowledged, counts.acknowledged + counts.unknown)
        };
        let short = least.saturating_sub(counted);
        let beyond = if self.plan.alone { counted.saturating_sub(most) } else { 0 };
        self.report.unaccounted_units = short + beyond;
        if short + beyond > 0 {
            let words = if self.is_claims() { "cards were issued" } else { "units of cards were used" };
            self.report.finding(|| format!("{counted} {words}, but {least} to {most} acknowledged"));
        }
        self.report.oversold_units += now.consumed.saturating_add(now.void).saturating_sub(now.total);
        let sold_out = counts.refused.get(Code::OutOfStock.name()).copied().unwrap_or(0);
        if self.is_claims() && sold_out > 0 && now.available > 0 {
            self.report.unaccounted_units += now.available;
            self.report
                .finding(|| format!("{} cards are left, but users were told there were none", now.available));
        }
        self.report.cards_read = seen.cards;
        self.report.stocks = vec![StockCheck {
            stock: now.stock,
            now,
            consumed_counted: now.consumed as i64 - before.consumed as i64,
            consumed_by_operations: self.ledger.complete.then_some(counted as i64),
            held_by_operations: None,
            promised: counts.acknowledged,
            right: short + beyond == 0,
        }];
        Ok(())
    }
}

impl Seen {
    fn take(&mut self, view: &CardView, campaign: Campaign, storm: &Storm, claims: bool) {
        self.cards += 1;
        self.consumed += u64::from(view.consumed.min(campaign.units));
        if claims && (1..=u128::from(storm.subjects)).contains(&view.owner.0) {
            let cards = &mut self.of_user[view.owner.0 as usize - 1];
            *cards = cards.saturating_add(1);
        }
    }
}

/// What OPERATION_SHOW said of a CLAIM or REDEEM.
enum Told {
    /// It happened, to this card; one that does not exist, if it was another command.
    About(u64),
    /// Beyond the operation window.
    TooOld,
    Nothing,
}

impl Told {
    fn of(generator: &Generator, operation: OperationId, outcome: &Outcome<'_>) -> Told {
        match outcome {
            Outcome::Done(Answer::Operation(view)) if view.kind == OperationKind::Claim => {
                Told::About(view.value)
            }
            Outcome::Done(Answer::Redemption(view)) if view.units == 1 && view.reversed == 0 => {
                let order = u128::from(generator.ids.bits(generator.ids.number(operation)));
                Told::About(if view.order.0 == order { view.card.0 } else { u64::MAX })
            }
            Outcome::Done(_) => Told::About(u64::MAX),
            Outcome::Refused(no) if no.code == Code::OperationTooOld => Told::TooOld,
            Outcome::Refused(_) => Told::Nothing,
        }
    }
}

/// Whether an operation was acknowledged twice, with different answers.
fn is_doubled(records: &[&Record]) -> bool {
    let mut answers = records.iter().filter(|record| record.known() == Known::Acknowledged);
    answers.next().is_some_and(|first| answers.any(|other| other.digest != first.digest))
}

/// The best that is known of an operation.
fn best<'a>(records: &[&'a Record]) -> &'a Record {
    let of = |known: Known| records.iter().find(|record| record.known() == known);
    of(Known::Acknowledged).or_else(|| of(Known::Unknown)).unwrap_or(&records[0])
}
