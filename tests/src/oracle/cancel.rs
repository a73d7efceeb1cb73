//! The oracle on CANCEL: what is known goes back, what is unknown never happens.

use super::{Key, Oracle, Record, key_of};
use crate::outcome::OwnedOutcome;
use crate::request::OwnedCommand;
use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::Envelope;
use scrip_engine::limits::CLOCK_AHEAD_MAX_MS;
use scrip_engine::rejection::Code;

impl Oracle {
    pub(super) fn cancel(&mut self, envelope: &Envelope) -> OwnedOutcome {
        let key = key_of(envelope);
        let Some(record) = self.record(key) else { return self.bury(envelope) };
        let Some(hold) = &record.hold else {
            return match record.command {
                OwnedCommand::Cancel => OwnedOutcome::Cancelled(Cancelled::Nothing),
                _ => OwnedOutcome::refused(Code::RuleFailed),
            };
        };
        let sold = matches!(record.command, OwnedCommand::Sell { .. });
        match hold.state {
            HoldState::Cancelled => {
                return OwnedOutcome::Cancelled(hold.cancelled.expect("it says what the CANCEL did"));
            }
            HoldState::Refused | HoldState::Unfulfilled => {
                return OwnedOutcome::Cancelled(Cancelled::Nothing);
            }
            HoldState::Released => return OwnedOutcome::Cancelled(Cancelled::Released),
            HoldState::Lapsed => return OwnedOutcome::Cancelled(Cancelled::Lapsed),
            HoldState::Confirmed if !sold => return OwnedOutcome::refused(Code::HoldConfirmed),
            HoldState::Confirmed | HoldState::Held | HoldState::Expired | HoldState::Owed => {}
        }
        if let Some(refusal) = self.deadline_passed(envelope) {
            return refusal;
        }
        let hold = self.hold(key);
        if hold.state == HoldState::Confirmed {
            let left: Vec<i128> = hold.lines.iter().map(|line| line.confirmed - line.returned).collect();
            match self.sold_cards_that_go_back(hold, &left) {
                Ok(ended) => self.end_sold_cards(&ended, true),
                Err(lacks) => return OwnedOutcome::refused_lines(lacks[0].why, lacks),
            }
        }
        OwnedOutcome::Cancelled(self.undo(key))
    }

    /// A tombstone, if the id is neither too old nor too new.
    fn bury(&mut self, envelope: &Envelope) -> OwnedOutcome {
        let created_ms = envelope.created_ms();
        if created_ms < self.floor_ms {
            return self.too_old();
        }
        if created_ms > self.now_ms + CLOCK_AHEAD_MAX_MS {
            let facts = crate::outcome::OwnedFacts::Time(self.now_ms);
            return OwnedOutcome::Refused { code: Code::ClockAhead, facts };
        }
        if let Some(refusal) = self.deadline_passed(envelope) {
            return refusal;
        }
        let answer = OwnedOutcome::Cancelled(Cancelled::Nothing);
        let (channel, command) = (envelope.channel, OwnedCommand::Cancel);
        let ordinal = self.recorded;
        let record = Record {
            ordinal,
            created_ms,
            channel,
            command,
            answer: answer.clone(),
            hold: None,
            redemption: None,
        };
        self.retire(key_of(envelope));
        self.records.insert(key_of(envelope), record);
        self.recorded += 1;
        answer
    }

    fn undo(&mut self, key: Key) -> Cancelled {
        let now_ms = self.now_ms;
        let what = match self.hold(key).state {
            HoldState::Held => {
                self.give_all_back(key, HoldState::Cancelled, now_ms);
                Cancelled::Released
            }
            HoldState::Expired => Cancelled::Lapsed,
            HoldState::Owed => {
                self.drop_debt(key);
                self.hold_mut(key).refusal = None;
                if self.is_sale(key) { Cancelled::Returned { units: 0 } } else { Cancelled::Released }
            }
            _ => Cancelled::Returned { units: self.return_sale(key) },
        };
        let hold = self.hold_mut(key);
        hold.state = HoldState::Cancelled;
        hold.closed_ms = now_ms;
        hold.cancelled = Some(what);
        what
    }

    /// Units that are left go to available, card keys to void.
    fn return_sale(&mut self, key: Key) -> u64 {
        let hold = self.hold(key).clone();
        let mut total = 0;
        for (position, line) in hold.lines.iter().enumerate() {
            let left = line.confirmed - line.returned;
            total += left;
            let had = left - self.void_last_keys(key, position, left);
            let stock = self.stock_mut(line.stock);
            // The units of cards went with them.
            let had = if stock.campaign.is_some() { 0 } else { had };
            stock.consumed -= had;
            if left > 0 {
                stock.channel_mut(hold.channel).consumed -= had;
            }
            if line.keys.is_empty() {
                stock.available += had;
            } else {
                stock.void += had;
                stock.lower_guarantee(hold.channel, had);
            }
            self.count(line, hold.reserved_ms, -left, 0);
            self.hold_mut(key).lines[position].returned = line.confirmed;
        }
        self.undo_cards(key);
        u64::try_from(total).expect("units are not negative")
    }
}
