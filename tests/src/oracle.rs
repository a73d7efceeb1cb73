//! The oracle: what every command means, said a second time and as plainly as possible.
//!
//! One ordered map of records, one of stocks, one of purchases; wide signed numbers; owned values; every rule looked up
//! where it applies. It is written from docs/semantics.md and docs/cards.md alone, shares no code with the engine but the types of
//! commands and answers, and knows nothing of memory: CAPACITY of tables is not its business. It answers CAPACITY where
//! nothing is ever forgotten by itself or the documents name a number: card keys and their texts, cards, batches, units and channels
//! of a stock, risk rules, blocks. It counts claims, too: a CONFIRM for which debts have no room is refused otherwise.
//!
//! One thing the documents leave open is learnt from the engine: which of the holds with one deadline expires first.
//!
//! Invariant: [`Oracle::check_laws`] holds after every command.

mod accounts;
mod batches;
mod budgets;
mod campaigns;
mod cancel;
mod card_laws;
mod cards;
mod channels;
mod content;
pub mod debts;
mod endings;
mod exchange;
mod gifts;
mod given_codes;
mod groups;
mod hold_cards;
mod holds;
mod keys;
mod laws;
mod limits;
mod notices;
mod nouns;
mod orders;
mod persons;
mod prices;
mod quote_holds;
mod quotes;
mod redemptions;
mod risk;
mod sharing;
mod sold_cards;
mod stocks;
mod take;
mod zones;

pub use accounts::{Account, Lot, Part};
pub use campaigns::{Campaign, CardBatch};
pub use cards::{Card, Times};
pub use gifts::Gift;
pub use given_codes::Named;
pub use groups::{Group, Member};
pub use hold_cards::HeldCard;
pub use limits::{Purchases, Subject, told};
pub use nouns::{Batch, BatchState, BoundKey, CardKey, Channel, Hold, HoldLine, KeyState, Record, Stock};
pub use quote_holds::{HeldCart, HeldCartLine};
pub(crate) use quotes::CARDS_MAX as QUOTED_MAX;
pub use redemptions::Redemption;
pub use risk::{Risk, Rule};
pub use sharing::Activity;
pub use zones::{BY_ZONE, Zone, owner as zone_owner};

use self::content::{content_of, kind_of, slots_of};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::{CardCommand, OwnedCommand, OwnedRequest};
use scrip_engine::answer::{OperationKind, OperationView};
use scrip_engine::command::Envelope;
use scrip_engine::ids::{CardId, ChannelId, GivenCode, OperationId, StockId};
use scrip_engine::limits::{CLOCK_AHEAD_MAX_MS, Capacity};
use scrip_engine::rejection::Code;
use std::collections::{BTreeMap, BTreeSet};

/// Merchant, slot and operation id.
pub type Key = (u32, u16, u128);

/// The whole state, naively.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// How long after its expiry a hold that expires now can be confirmed.
    pub late_confirm_ms: u64,
    /// Every stock there is.
    pub stocks: BTreeMap<StockId, Stock>,
    /// Every operation that is remembered, holds among them.
    pub records: BTreeMap<Key, Record>,
    /// What counts against limits of subjects.
    pub purchases: BTreeMap<(StockId, Subject), Purchases>,
    /// Risk rules and blocks.
    pub risk: Risk,
    /// Time zones of merchants in slots.
    pub zones: BTreeMap<(u32, u16), Zone>,
    /// Persons of merchants in slots: sets of user ids.
    pub persons: BTreeMap<(u32, u16), Vec<BTreeSet<u128>>>,
    /// The key of the newest label of each user who has one.
    labels: BTreeMap<((u32, u16), u128), u32>,
    /// Every card key that was imported, by its number.
    pub keys: Vec<CardKey>,
    /// How many there may be.
    pub keys_max: usize,
    /// Every card with an owner, and every other one to which something has happened.
    pub cards: BTreeMap<CardId, Card>,
    /// Of these, cards that orders have bought.
    pub sold: BTreeSet<CardId>,
    /// How many there may be, in pages of 64.
    pub cards_max: usize,
    /// What each given code names, by merchant, slot and code.
    pub given_codes: BTreeMap<(u32, u16, GivenCode), Named>,
    /// Groups that are remembered, by the operations that opened them.
    pub groups: BTreeMap<Key, Group>,
    /// Activities, in the order they were made.
    activities: Vec<Activity>,
    /// Referrers who have begun to be owed something, so far.
    referrers_begun: u64,
    /// Something was earned, or an activity edited.
    rewards_due: bool,
    /// Notices of cards.
    notices: notices::Notices,
    /// Groups opened so far.
    groups_opened: u64,
    /// ISSUEs, CLAIMs, gifts that were accepted and groups that became full so far.
    issues: u64,
    /// Uses of cards so far, by redemptions and by holds.
    uses: u64,
    /// Lots of cards so far.
    lots_made: u64,
    /// How many claims debts may have.
    pub debts_max: usize,
    /// Bytes of their sealed texts.
    pub sealed_bytes: usize,
    /// How many there may be.
    pub sealed_bytes_max: usize,
    /// Records made so far.
    pub recorded: u64,
    /// Units of each stock that were sold, through which channel, by holds which are gone by now.
    departed: BTreeMap<(StockId, ChannelId), i128>,
    /// Units that count for a subject and were bought by holds which are gone by now.
    departed_purchases: BTreeMap<(StockId, Subject), i128>,
    /// Of those, units of lines that count fully, by the day of their hold.
    departed_days: BTreeMap<(StockId, Subject, i128), i128>,
    /// And units of lines that count by weeks (0) or months (1), by the number of that of their hold.
    departed_spans: BTreeMap<(StockId, Subject, usize, i128), i128>,
    /// Units of cards that were used by redemptions and holds which are gone by now, and not given back.
    departed_redemptions: BTreeMap<CardId, i128>,
    now_ms: u64,
    floor_ms: u64,
    /// When [`Oracle::forget`] was last called.
    forgotten_ms: u64,
    /// Sales that are owed, as they were made.
    pub debts: Vec<debts::Debt>,
    /// Holds that will expire, in this order as far as their deadlines leave it open.
    expiring: Vec<Key>,
}

impl Oracle {
    /// Nothing yet.
    pub fn new(late_confirm_ms: u64) -> Oracle {
        Oracle {
            late_confirm_ms,
            stocks: BTreeMap::new(),
            records: BTreeMap::new(),
            purchases: BTreeMap::new(),
            risk: Risk::default(),
            zones: BTreeMap::new(),
            persons: BTreeMap::new(),
            labels: BTreeMap::new(),
            keys: Vec::new(),
            keys_max: usize::MAX,
            cards: BTreeMap::new(),
            sold: BTreeSet::new(),
            cards_max: usize::MAX,
            given_codes: BTreeMap::new(),
            groups: BTreeMap::new(),
            activities: Vec::new(),
            referrers_begun: 0,
            rewards_due: false,
            notices: notices::Notices::default(),
            groups_opened: 0,
            issues: 0,
            uses: 0,
            lots_made: 0,
            debts_max: usize::MAX,
            sealed_bytes: 0,
            sealed_bytes_max: usize::MAX,
            recorded: 0,
            departed: BTreeMap::new(),
            departed_purchases: BTreeMap::new(),
            departed_days: BTreeMap::new(),
            departed_spans: BTreeMap::new(),
            departed_redemptions: BTreeMap::new(),
            now_ms: 0,
            floor_ms: 0,
            forgotten_ms: 0,
            debts: Vec::new(),
            expiring: Vec::new(),
        }
    }

    /// The same with as many card keys, as much room for their texts, and as many claims as the engine has.
    pub fn with_room(self, capacity: &Capacity) -> Oracle {
        let (keys_max, sealed_bytes_max) = (capacity.keys_max as usize, capacity.sealed_bytes_max as usize);
        let (cards_max, debts_max) = (capacity.cards_max as usize, capacity.debts_max as usize);
        Oracle { keys_max, sealed_bytes_max, cards_max, debts_max, ..self }
    }

    /// The holds that the engine expires next, in its order.
    pub fn expire_next(&mut self, holds: impl IntoIterator<Item = Key>) {
        self.expiring.extend(holds);
    }

    /// Lets time pass: guarantees lapse, batches expire, groups lapse, holds whose deadline is reached expire, and what is old and closed is forgotten. `floor_ms` is
    /// the floor that the engine publishes.
    pub fn advance(&mut self, now_ms: u64, floor_ms: u64) {
        assert!(now_ms >= self.now_ms, "shard time never goes back");
        assert!(floor_ms >= self.floor_ms, "the floor only rises");
        assert_eq!(floor_ms % 1_000, 0, "the floor rises by whole seconds");
        if now_ms > self.now_ms {
            self.now_ms = now_ms;
            self.happen_until_now();
            self.give_rewards();
        }
        if (now_ms, floor_ms) != (self.forgotten_ms, self.floor_ms) {
            self.floor_ms = floor_ms;
            self.forgotten_ms = now_ms;
            self.forget();
            self.forget_groups();
        }
        self.end_gifts();
    }

    /// Shard time.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The floor in force.
    pub fn floor_ms(&self) -> u64 {
        self.floor_ms
    }

    /// Whether it has an answer: it tries every combination of a quote's cards, and there may be too many.
    pub fn can_answer(&self, request: &OwnedRequest) -> bool {
        match &request.command {
            OwnedCommand::OfCards(CardCommand::Quote(quote)) => {
                self.can_price(&request.envelope, quote, None)
            }
            OwnedCommand::QuoteReserve(quote) => {
                let replaced = self.records.get(&key_beside(&request.envelope, quote.replace));
                let replaced = replaced.and_then(|record| record.hold.as_ref());
                self.can_price(&request.envelope, &quote.quote(), replaced)
            }
            _ => true,
        }
    }

    /// What `request` is answered at this time, and what it does.
    pub fn answer(&mut self, request: &OwnedRequest) -> OwnedOutcome {
        let answer = self.answer_now(request);
        self.settle(self.now_ms);
        if self.rewards_due {
            self.give_rewards();
        }
        answer
    }

    fn answer_now(&mut self, request: &OwnedRequest) -> OwnedOutcome {
        let envelope = &request.envelope;
        match &request.command {
            OwnedCommand::StockShow { stock } => self.show_stock(envelope, *stock),
            OwnedCommand::StockChannels { stock } => self.show_channels(envelope, *stock),
            OwnedCommand::OperationShow => self.show_operation(envelope),
            OwnedCommand::StockTermsShow { stock } => self.show_terms(envelope, *stock),
            OwnedCommand::RiskShow { from } => self.show_risk(envelope, *from),
            OwnedCommand::ZoneShow => self.show_zone(envelope),
            OwnedCommand::IdentityShow { user } => self.show_identity(envelope, *user),
            OwnedCommand::OwedShow { stock, from } => self.show_owed(envelope, *stock, *from),
            OwnedCommand::OrderShow { order, after, limit } => {
                self.show_order(envelope, (*order, *after, *limit))
            }
            OwnedCommand::KeysRead { hold, from } => self.read_keys(envelope, *hold, *from),
            OwnedCommand::KeysList { stock, batch, from } => {
                self.list_keys(envelope, (*stock, *batch, *from), false)
            }
            OwnedCommand::BatchesShow { stock, from } => self.show_batches(envelope, *stock, *from),
            OwnedCommand::OfCards(command) if command.is_query() => self.show_cards(envelope, command),
            OwnedCommand::Confirm { units, hidden } => self.confirm(envelope, units, *hidden),
            OwnedCommand::Release => self.release(envelope),
            OwnedCommand::Cancel => self.cancel(envelope),
            _ => self.with_own_id(request),
        }
    }

    /// The checks of a command with an id of its own, in the documented order.
    fn with_own_id(&mut self, request: &OwnedRequest) -> OwnedOutcome {
        let envelope = &request.envelope;
        let created_ms = envelope.created_ms();
        if let Some(record) = self.record(key_of(envelope)) {
            if record.command == OwnedCommand::Cancel {
                return OwnedOutcome::refused(Code::Cancelled);
            }
            let same = record.created_ms == created_ms
                && record.channel == envelope.channel
                && content_of(&record.command) == content_of(&request.command);
            return if same {
                self.repeated(request, record)
            } else {
                OwnedOutcome::refused(Code::OperationMismatch)
            };
        }
        if let Some(answer) = self.first_of_order(envelope, &request.command) {
            return answer;
        }
        if created_ms < self.floor_ms {
            return self.too_old();
        }
        if created_ms > self.now_ms + CLOCK_AHEAD_MAX_MS {
            return OwnedOutcome::Refused { code: Code::ClockAhead, facts: OwnedFacts::Time(self.now_ms) };
        }
        if let Some(refusal) = self.deadline_passed(envelope) {
            return refusal;
        }
        if slots_of(&request.command).iter().any(|slot| *slot != envelope.slot) {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let mut redemption = None;
        let (answer, hold) = match &request.command {
            OwnedCommand::OfCards(CardCommand::Redeem(redeem)) => {
                let (answer, made) = self.redeem(envelope, redeem);
                redemption = made;
                (answer, None)
            }
            OwnedCommand::OfCards(command) => (self.change_cards(envelope, command), None),
            OwnedCommand::Reserve { take, ttl_ms } => self.reserve(envelope, take, *ttl_ms),
            OwnedCommand::QuoteReserve(quote) => self.quote_reserve(envelope, quote),
            OwnedCommand::Sell { take, paid, hidden } => self.sell(envelope, take, *paid, *hidden),
            OwnedCommand::Extend { hold, ttl_ms } => (self.extend(envelope, *hold, *ttl_ms), None),
            OwnedCommand::Return { hold, to_available, units } => {
                (self.give_return(envelope, *hold, *to_available, units), None)
            }
            OwnedCommand::Reveal { hold } => (self.reveal(envelope, *hold), None),
            OwnedCommand::KeysExport { stock, batch, from } => {
                (self.list_keys(envelope, (*stock, *batch, *from), true), None)
            }
            OwnedCommand::KeyReplace { hold, key, .. } => (self.replace_key(envelope, *hold, *key), None),
            command @ (OwnedCommand::RiskSet { .. } | OwnedCommand::BlockSet { .. }) => {
                (self.change_risk(envelope, command), None)
            }
            command @ OwnedCommand::ZoneSet { .. } => (self.set_zone(envelope, command), None),
            command @ (OwnedCommand::Link { .. }
            | OwnedCommand::Unlink { .. }
            | OwnedCommand::Label { .. }
            | OwnedCommand::Erase { .. }) => (self.change_persons(envelope, command), None),
            OwnedCommand::KeyReclaim { hold, key, .. } => (self.reclaim_key(envelope, *hold, *key), None),
            _ => (self.change_stock(envelope, &request.command), None),
        };
        if answer.code().is_none() || hold.is_some() {
            let record = Record {
                ordinal: self.recorded,
                created_ms,
                channel: envelope.channel,
                command: request.command.clone(),
                answer: answer.clone(),
                hold,
                redemption,
            };
            // What has gone since time last moved makes room for its namesake.
            self.retire(key_of(envelope));
            self.records.insert(key_of(envelope), record);
            self.recorded += 1;
        }
        answer
    }

    /// What is recorded under `key` and not gone.
    pub fn record(&self, key: Key) -> Option<&Record> {
        self.records.get(&key).filter(|record| !self.is_gone(record))
    }

    fn too_old(&self) -> OwnedOutcome {
        OwnedOutcome::Refused { code: Code::OperationTooOld, facts: OwnedFacts::Floor(self.floor_ms) }
    }

    fn deadline_passed(&self, envelope: &Envelope) -> Option<OwnedOutcome> {
        let passed = envelope.deadline_ms != 0 && envelope.deadline_ms <= self.now_ms;
        passed.then_some(OwnedOutcome::Refused {
            code: Code::DeadlinePassed,
            facts: OwnedFacts::Time(self.now_ms),
        })
    }

    fn show_operation(&self, envelope: &Envelope) -> OwnedOutcome {
        let Some(record) = self.record(key_of(envelope)) else {
            return if envelope.created_ms() < self.floor_ms {
                self.too_old()
            } else {
                OwnedOutcome::refused(Code::NotFound)
            };
        };
        if let Some(hold) = &record.hold {
            return OwnedOutcome::Hold(Box::new(hold.view(envelope.operation)));
        }
        if let Some(redemption) = &record.redemption {
            return redemption.view();
        }
        let value = match &record.answer {
            OwnedOutcome::StockChanged { value } => *value,
            OwnedOutcome::Extended { deadline_ms } => *deadline_ms,
            OwnedOutcome::Returned { units } => *units,
            OwnedOutcome::PiecesReturned(returned) => returned.value(),
            OwnedOutcome::KeysImported { taken } => *taken,
            OwnedOutcome::Issued(issued) => {
                let first = self.cards.get(&issued.first);
                let owned = first.is_some_and(|card| card.owner.0 != 0);
                issued.first.0 + if owned { u64::from(issued.cards - 1) << 58 } else { 0 }
            }
            OwnedOutcome::Reversed { units, available } | OwnedOutcome::Filled { units, available } => {
                u64::from(*units) << 32 | u64::from(*available)
            }
            OwnedOutcome::CardRefunded { units, paid } => u64::from(*units) << 34 | paid,
            OwnedOutcome::GroupJoined(joined) => {
                let (members, size) = (u64::from(joined.members), u64::from(joined.size));
                members << 56 | size << 48 | joined.deadline_ms
            }
            OwnedOutcome::OfflineConflict { card, why } => (*why as u64) << 58 | card.0,
            OwnedOutcome::KeysListed(_) => 0,
            OwnedOutcome::Cancelled(_) => 0,
            OwnedOutcome::Keys(keys) => match record.command {
                OwnedCommand::KeyReplace { .. } => u64::from(keys.keys[0].key),
                _ => 0,
            },
            OwnedOutcome::Owed { .. } => {
                let OwnedCommand::KeyReplace { key, .. } = record.command else {
                    unreachable!("it is no hold");
                };
                u64::from(self.keys[key as usize].successor.unwrap_or(u32::MAX))
            }
            _ => unreachable!("only successes are recorded"),
        };
        let kind = match record.answer {
            OwnedOutcome::PiecesReturned(_) => OperationKind::ReturnPieces,
            _ => kind_of(&record.command),
        };
        OwnedOutcome::Operation(OperationView { kind, value })
    }
}

/// The key of the operation that `envelope` names.
pub fn key_of(envelope: &Envelope) -> Key {
    (envelope.merchant.0, envelope.slot.0, envelope.operation.0)
}

/// The key of another operation of the same merchant and slot.
fn key_beside(envelope: &Envelope, operation: OperationId) -> Key {
    (envelope.merchant.0, envelope.slot.0, operation.0)
}

impl OwnedOutcome {
    /// A refusal as it is recorded, from the first answer on: it has no facts but those of lines, capped at 2^32 - 1.
    fn into_recorded(mut self) -> OwnedOutcome {
        if let OwnedOutcome::Refused { facts, .. } = &mut self {
            match facts {
                OwnedFacts::Lines(lacks) => {
                    lacks
                        .iter_mut()
                        .for_each(|lack| lack.available = lack.available.min(u64::from(u32::MAX)));
                }
                other => *other = OwnedFacts::None,
            }
        }
        self
    }
}
