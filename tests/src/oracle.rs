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
mod gifts;
mod hold_cards;
mod holds;
mod keys;
mod laws;
mod limits;
mod orders;
mod prices;
mod quotes;
mod redemptions;
mod risk;
mod stocks;
mod take;
mod zones;

pub use accounts::{Account, Lot, Part};
pub use campaigns::{Campaign, CardBatch};
pub use cards::{Card, Times};
pub use gifts::Gift;
pub use hold_cards::HeldCard;
pub use limits::{Purchases, Subject, told};
pub(crate) use quotes::CARDS_MAX as QUOTED_MAX;
pub use redemptions::Redemption;
pub use risk::{Risk, Rule};
pub use zones::{BY_ZONE, Zone, owner as zone_owner};

use self::content::{content_of, kind_of, slots_of};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::{CardCommand, OwnedCommand, OwnedRequest};
use scrip_engine::answer::{Cancelled, HoldState, OperationView};
use scrip_engine::command::{Envelope, Limits, Price, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::{CLOCK_AHEAD_MAX_MS, Capacity};
use scrip_engine::rejection::Code;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

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
    /// Every card key that was imported, by its number.
    pub keys: Vec<CardKey>,
    /// How many there may be.
    pub keys_max: usize,
    /// Every card with an owner, and every other one to which something has happened.
    pub cards: BTreeMap<CardId, Card>,
    /// How many there may be, in pages of 64.
    pub cards_max: usize,
    /// ISSUEs, CLAIMs and gifts that were accepted so far.
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

/// A stock.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `StockView`, which documents them")]
pub struct Stock {
    pub merchant: u32,
    pub name: Vec<u8>,
    pub version: u32,
    pub terms: StockTerms,
    /// Limits of subjects; what a user may have in all is in `terms`.
    pub limits: Limits,
    /// By how many minutes the stock's clock is ahead, or [`BY_ZONE`], once a STOCK_LIMITS has said so.
    pub clock: Option<i16>,
    pub prices: Vec<Price>,
    pub total: i128,
    pub available: i128,
    pub held: i128,
    pub consumed: i128,
    pub frozen: i128,
    pub void: i128,
    pub marked_frozen: i128,
    pub marked_void: i128,
    /// What each channel that has taken units or has a quota is counted with.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Each unit is a card key.
    pub keys: bool,
    /// Where chance starts from, if keys are sold in random order; else 0.
    pub seed: u64,
    /// Keys bound so far.
    pub bound: u64,
    /// Every buyer gets the same text.
    pub reusable: bool,
    /// The version of that text in force.
    pub content: Option<u32>,
    /// An order has at most one sale or hold of it.
    pub once_per_order: bool,
    /// Batches of card keys, as they were made.
    pub batches: Vec<Batch>,
    /// What debts claim, in the order in which they were made.
    pub claims: Vec<debts::Claim>,
    /// Its units are cards.
    pub campaign: Option<Box<Campaign>>,
}

/// A batch of card keys.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `BatchView`, which documents them")]
pub struct Batch {
    pub number: u32,
    pub supplier: Vec<u8>,
    pub cost: u64,
    pub expires_ms: u64,
    pub state: BatchState,
    /// Keys nobody has bought, by number, in the order of import.
    pub unsold: VecDeque<u32>,
    /// Of those, how many have their units in frozen or void.
    pub moved: i128,
    pub sold: i128,
    pub void: i128,
    /// Versions of a reusable text.
    pub versions: i128,
}

/// Where a batch stands, with the number that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/semantics.md has them")]
pub enum BatchState {
    Active = 1,
    Frozen = 2,
    Void = 3,
    Expired = 4,
}

/// A card key.
#[derive(Debug, Clone)]
pub struct CardKey {
    /// Merchant, slot and text: there is no second one.
    pub text: (u32, u16, u16),
    /// What the edge has made of the texts of its import.
    pub sealed: Rc<Vec<u8>>,
    /// Its position among them.
    pub position: u8,
    /// The import.
    pub operation: OperationId,
    /// The stock it is of.
    pub stock: StockId,
    /// The number of its batch.
    pub batch: u32,
    /// Where it stands.
    pub state: KeyState,
    /// Its replacement was owed: the refusal if it does not come.
    pub refusal: Option<OwnedOutcome>,
    /// Its replacement was owed, and this one came.
    pub successor: Option<u32>,
}

/// Where a card key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/semantics.md has them")]
pub enum KeyState {
    Unsold,
    Sold,
    Void,
    Content,
}

/// What a stock counts for a channel.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `ChannelView`, which documents them")]
pub struct Channel {
    pub guaranteed: i128,
    pub cap: i128,
    pub lapses_ms: u64,
    pub held: i128,
    pub consumed: i128,
}

/// What is remembered of an operation with an id of its own.
#[derive(Debug, Clone)]
pub struct Record {
    /// How many records were made before it.
    pub ordinal: u64,
    /// Part of the id.
    pub created_ms: u64,
    /// Part of the content.
    pub channel: ChannelId,
    /// The rest of the content.
    pub command: OwnedCommand,
    /// The answer to every repeat.
    pub answer: OwnedOutcome,
    /// What a RESERVE or SELL made.
    pub hold: Option<Hold>,
    /// What a REDEEM made.
    pub redemption: Option<Redemption>,
}

impl Record {
    /// Whether it is neither a hold's own nor a redemption's.
    pub fn is_operation(&self) -> bool {
        self.hold.is_none() && self.redemption.is_none()
    }
}

/// A hold.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `HoldView`, which documents them")]
pub struct Hold {
    pub order: OrderId,
    pub user: UserId,
    pub channel: ChannelId,
    pub state: HoldState,
    pub late: bool,
    pub flagged: bool,
    /// The refusal of a late CONFIRM or of a paid SELL, and the one of what is owed if its units do not come.
    pub refusal: Option<OwnedOutcome>,
    pub reserved_ms: u64,
    pub deadline_ms: u64,
    pub closed_ms: u64,
    /// Expired: from here on it can't be confirmed any more.
    pub late_until_ms: u64,
    /// Its keys are not shown with the answer.
    pub hidden: bool,
    /// When a replacement of one of them was owed last.
    pub owed_key_ms: u64,
    /// A REVEAL has shown them.
    pub revealed: bool,
    /// What the CANCEL of it was answered.
    pub cancelled: Option<Cancelled>,
    pub lines: Vec<HoldLine>,
    /// Cards that it took units of, too.
    pub cards: Vec<HeldCard>,
}

/// One line of a hold.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `HoldLine`, which documents them")]
pub struct HoldLine {
    pub stock: StockId,
    pub reserved: i128,
    /// While owed: the units that are.
    pub owed: i128,
    pub confirmed: i128,
    pub returned: i128,
    /// For whom these units count: whom the stock limited when the hold was made.
    pub subjects: Vec<Subject>,
    /// They count in all, per day and while held; else in all.
    pub fully: bool,
    pub price: u32,
    /// Its card keys, in the order they were bound.
    pub keys: Vec<BoundKey>,
    /// Card keys that were taken back since.
    pub reclaimed: i128,
}

/// A card key in its place in a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundKey {
    /// Its number.
    pub key: u32,
    /// How often the key in this place was replaced.
    pub replacements: u32,
    /// Another one is owed in this place until then.
    pub owed_until_ms: Option<u64>,
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
            keys: Vec::new(),
            keys_max: usize::MAX,
            cards: BTreeMap::new(),
            cards_max: usize::MAX,
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

    /// Lets time pass: guarantees lapse, batches expire, holds whose deadline is reached expire, and what is old and closed is forgotten. `floor_ms` is
    /// the floor that the engine publishes.
    pub fn advance(&mut self, now_ms: u64, floor_ms: u64) {
        assert!(now_ms >= self.now_ms, "shard time never goes back");
        assert!(floor_ms >= self.floor_ms, "the floor only rises");
        assert_eq!(floor_ms % 1_000, 0, "the floor rises by whole seconds");
        if now_ms > self.now_ms {
            self.now_ms = now_ms;
            self.happen_until_now();
        }
        if (now_ms, floor_ms) != (self.forgotten_ms, self.floor_ms) {
            self.floor_ms = floor_ms;
            self.forgotten_ms = now_ms;
            self.forget();
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
            OwnedCommand::OfCards(CardCommand::Quote(quote)) => self.can_price(&request.envelope, quote),
            _ => true,
        }
    }

    /// What `request` is answered at this time, and what it does.
    pub fn answer(&mut self, request: &OwnedRequest) -> OwnedOutcome {
        let answer = self.answer_now(request);
        self.settle(self.now_ms);
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
        OwnedOutcome::Operation(OperationView { kind: kind_of(&record.command), value })
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
