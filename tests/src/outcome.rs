//! Outcomes that own their parts: what the engine answered and what the oracle answers are compared in this form.
//!
//! Invariant: two outcomes are equal here exactly if their borrowed forms say the same: a comparison sees all that a caller can see.

mod cards;
mod keys;

pub use cards::{
    OwnedActivity, OwnedCampaign, OwnedGroup, OwnedHoldCard, OwnedNotices, OwnedQuoted, OwnedSold,
};

use crate::request::OwnedRequest;
use scrip_engine::answer::{
    Answer, BatchView, Cancelled, CardView, ChannelView, DebtView, GroupJoined, HoldState, HoldView, Issued,
    KeyList, KeyPage, KeyPlace, LotView, More, OperationView, OrderHold, Outcome, PiecesReturned, Redeemed,
    RedemptionView, StockView, WalletCard,
};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Block, Limits, Price, RiskRule, SpanLimits, StockKind, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::LOTS_PER_CARD_MAX;
use scrip_engine::rejection::{CapacityOf, Code, Facts, LineFact};

/// [`Outcome`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `Answer` and `Rejection`, which document them")]
pub enum OwnedOutcome {
    StockChanged { value: u64 },
    Reserved { deadline_ms: u64, units: Vec<u32> },
    QuoteReserved { deadline_ms: u64, quote: Box<OwnedQuoted> },
    Extended { deadline_ms: u64 },
    Confirmed { confirmed_ms: u64, late: bool, units: Vec<u32> },
    Released { lapsed: bool },
    Cancelled(Cancelled),
    Returned { units: u64 },
    PiecesReturned(PiecesReturned),
    Stock(Box<OwnedStock>),
    Terms { version: u32, limits: Box<Limits>, spans: Box<SpanLimits>, prices: Vec<Price> },
    Risk { rules: Vec<RiskRule>, total: u32, blocks: Vec<Block> },
    Zone { version: u32, name: Vec<u8>, transitions: Vec<Transition> },
    Identity { members: Vec<u128> },
    Channels { version: u32, channels: Vec<ChannelView> },
    ConfirmedKeys { confirmed_ms: u64, late: bool, units: Vec<u32>, keys: OwnedKeys },
    ConfirmedCards { confirmed_ms: u64, late: bool, units: Vec<u32>, keys: OwnedKeys, sold: Vec<OwnedSold> },
    KeysImported { taken: u64 },
    GivenCode { campaign: StockId, card: Option<CardId> },
    Keys(OwnedKeys),
    Batches { total: u32, batches: Vec<BatchView> },
    KeysListed(OwnedList),
    Owed { position: u32, until_ms: u64 },
    Debts { total: u32, debts: Vec<DebtView> },
    OrderHolds { more: More, holds: Vec<OrderHold> },
    Hold(Box<OwnedHold>),
    Operation(OperationView),
    Issued(Issued),
    Redeemed(Redeemed),
    OfflineConflict { card: CardId, why: Code },
    Reversed { units: u32, available: u32 },
    Campaign(Box<OwnedCampaign>),
    Filled { units: u32, available: u32 },
    CardRefunded { units: u32, paid: u64 },
    Card(CardView, Vec<LotView>),
    Wallet { next: Option<CardId>, cards: Vec<WalletCard> },
    Redemption(RedemptionView),
    Quote(Box<OwnedQuoted>),
    GroupJoined(GroupJoined),
    Group(Box<OwnedGroup>),
    Activity(Box<OwnedActivity>),
    Notices(OwnedNotices),
    Refused { code: Code, facts: OwnedFacts },
}

/// [`KeyPage`], owned: keys by their numbers, with whether they are void.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of `KeyPage`, which documents them")]
pub struct OwnedKeys {
    pub total: u32,
    pub from: u32,
    pub shown: bool,
    pub keys: Vec<OwnedKey>,
}

/// [`ListPage`], owned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of `ListPage`, which documents them")]
pub struct OwnedList {
    pub next: u32,
    pub clear: bool,
    pub keys: Vec<OwnedListed>,
}

/// [`ListedItem`] in numbers, with what its chunk says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `ListedItem`, which documents them")]
pub struct OwnedListed {
    pub key: OwnedKey,
    pub batch: u32,
    pub batch_state: u8,
    pub state: u8,
    pub hold: OperationId,
    pub order: OrderId,
}

/// [`scrip_engine::answer::KeyPlace`] with what its chunk says: all that the edge needs to open its text.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `KeyPlace` and `Chunk`, which document them")]
pub struct OwnedKey {
    pub key: u32,
    pub void: bool,
    pub owed: bool,
    pub operation: OperationId,
    pub stock: StockId,
    pub position: u8,
    pub sealed: Vec<u8>,
}

/// For people: one key of many in a line.
impl core::fmt::Debug for OwnedKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let OwnedKey { key, void, owed, operation, stock, position, sealed } = self;
        let void = match (void, owed) {
            (_, true) => " owed another",
            (true, false) => " void",
            (false, false) => "",
        };
        write!(formatter, "{key}{void} ({:x} of {stock} at {position}, {} bytes)", operation.0, sealed.len())
    }
}

impl OwnedKeys {
    /// Whether the same keys stand in another order: whoever was owed another in vain stands behind those that are left.
    fn has_moved(&self, before: &OwnedKeys) -> bool {
        let is_whole = self.total as usize == self.keys.len();
        let mut found = self.keys.iter().filter_map(|now| {
            let first = before.keys.iter().find(|first| first.key == now.key);
            if first.is_none() && !is_whole {
                None
            } else {
                Some(first.is_some_and(|first| now.void || !first.void))
            }
        });
        let (last, rest) = (self.keys.iter().any(|key| key.void), found.all(|is_same| is_same));
        last && rest
    }
}

impl From<KeyPage<'_>> for OwnedKeys {
    fn from(page: KeyPage<'_>) -> OwnedKeys {
        let KeyList::Sealed { places, shown, keys } = page.keys else {
            let KeyPage { total, from, .. } = page;
            return OwnedKeys { total, from, ..OwnedKeys::default() };
        };
        let key = |place: &KeyPlace| {
            let (chunk, sealed) = keys.chunk(place.chunk);
            OwnedKey {
                key: place.key,
                void: place.void,
                owed: place.owed,
                operation: chunk.operation,
                stock: chunk.stock,
                position: place.position,
                sealed: sealed.to_vec(),
            }
        };
        let keys = places.iter().map(key).collect();
        OwnedKeys { total: page.total, from: page.from, shown, keys }
    }
}

/// [`StockView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `StockView`, which documents them")]
pub struct OwnedStock {
    pub stock: StockId,
    pub version: u32,
    pub kind: StockKind,
    pub once_per_order: bool,
    pub terms: StockTerms,
    pub total: u64,
    pub available: u64,
    pub held: u64,
    pub consumed: u64,
    pub frozen: u64,
    pub void: u64,
    pub marked_frozen: u64,
    pub marked_void: u64,
    pub name: Vec<u8>,
}

/// [`HoldView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `HoldView`, which documents them")]
pub struct OwnedHold {
    pub hold: OperationId,
    pub state: HoldState,
    pub channel: ChannelId,
    pub late: bool,
    pub flagged: bool,
    pub refusal: Option<Code>,
    pub order: OrderId,
    pub user: UserId,
    pub reserved_ms: u64,
    pub deadline_ms: u64,
    pub closed_ms: u64,
    pub lines: Vec<OwnedHoldLine>,
    pub cards: Vec<OwnedHoldCard>,
}

/// [`scrip_engine::answer::HoldLine`] in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `HoldLine`, which documents them")]
pub struct OwnedHoldLine {
    pub stock: StockId,
    pub reserved: u32,
    pub confirmed: u32,
    pub returned: u32,
    pub price: u32,
}

/// [`Facts`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are those of `Facts`, which documents them")]
pub enum OwnedFacts {
    None,
    Lines(Vec<Lack>),
    Time(u64),
    Floor(u64),
    Maximum(CapacityOf, u64),
    Version(u32),
    Key(u64),
    Total(u64),
    Rule(u16),
    Units { stock: StockId, asked: u64, available: u64 },
}

/// [`LineFact`] in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `LineFact`, which documents them")]
pub struct Lack {
    pub line: usize,
    pub why: Code,
    pub asked: u32,
    pub available: u64,
}

impl OwnedOutcome {
    /// A refusal whose code says it all.
    pub fn refused(code: Code) -> OwnedOutcome {
        OwnedOutcome::Refused { code, facts: OwnedFacts::None }
    }

    /// A refusal that names lines.
    pub fn refused_lines(code: Code, lacks: Vec<Lack>) -> OwnedOutcome {
        OwnedOutcome::Refused { code, facts: OwnedFacts::Lines(lacks) }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            OwnedOutcome::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The facts of a refusal; else none.
    pub fn facts(&self) -> OwnedFacts {
        match self {
            OwnedOutcome::Refused { facts, .. } => facts.clone(),
            _ => OwnedFacts::None,
        }
    }

    /// The maximum that was reached, for CAPACITY.
    pub fn maximum(&self) -> Option<CapacityOf> {
        match self {
            OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, _) } => Some(*of),
            _ => None,
        }
    }

    /// Whether it is a refusal that says when something begins or ended.
    pub fn tells_time(&self) -> bool {
        matches!(self.facts(), OwnedFacts::Time(_))
    }

    /// The table that was full, for CAPACITY. The maximums of one stock are no tables, and card keys, cards, risk rules, blocks and
    /// zones are never forgotten, so the oracle counts them itself.
    pub fn full_table(&self) -> Option<CapacityOf> {
        use CapacityOf::{Batches, Blocks, Channels, Keys, RiskBooks, SealedBytes, StockUnits, Zones};
        use CapacityOf::{Campaigns, CardBatches, Cards};
        self.maximum().filter(|of| {
            !matches!(of, StockUnits | Channels | Batches | Keys | SealedBytes | Blocks | RiskBooks | Zones)
                && !matches!(of, Campaigns | Cards | CardBatches)
                && !self.says_lots_of_one_card()
        })
    }

    /// Whether this may be the answer to a repeat of what was answered `first`: the same, but that keys may have become void
    /// since, been replaced, or reclaimed if they were never shown, that what was owed may have come, or not, and that what
    /// was taken may be cancelled since. REVEAL and KEY_REPLACE need their hold, and say where a key stands and what may be shown now.
    pub fn repeats(&self, first: &OwnedOutcome) -> bool {
        // An export reads on: a repeat says how things stand now.
        if let (OwnedOutcome::KeysListed(now), OwnedOutcome::KeysListed(before)) = (self, first) {
            return now.clear == before.clear;
        }
        if self.code() == Some(Code::Cancelled) && first.can_be_cancelled() {
            return true;
        }
        if let OwnedOutcome::Owed { position, until_ms } = first {
            return self.follows_owed(*position, *until_ms);
        }
        if first.code() == Some(Code::KeyReplaced) {
            // The key in the other's place may be replaced as well, or reclaimed: then the sale answers as it did before.
            return self.code() == Some(Code::KeyReplaced) || self.keys().is_some();
        }
        if first.is_owed_in_vain() {
            let of_another_hold = [Code::HoldNotFound, Code::NotActive, Code::HoldReleased, Code::RuleFailed];
            let gone = |code| code == Code::Cancelled || of_another_hold.contains(&code);
            return self == first || self.code().is_some_and(gone);
        }
        let Some(before) = first.keys() else { return self == first };
        let of_hold = matches!(first, OwnedOutcome::Keys(_));
        let Some(now) = self.keys() else {
            return match self.code() {
                Some(Code::KeyReplaced) => true,
                // The hold may be gone, another may have its id by now, or all of its keys were reclaimed.
                Some(Code::HoldNotFound | Code::NotActive | Code::HoldReleased | Code::RuleFailed) => of_hold,
                _ => !before.shown && self.without_keys() == first.without_keys(),
            };
        };
        if now.total < before.total && (of_hold || !before.shown) {
            // Some keys were reclaimed since: of those that are left, the order is the same.
            let mut left = before.keys.iter().filter(|key| now.keys.iter().any(|other| other.key == key.key));
            let kept = now.keys.iter().filter(|key| before.keys.iter().any(|other| other.key == key.key));
            return kept.zip(&mut left).all(|(now, before)| now.key == before.key)
                && self.without_keys() == first.without_keys();
        }
        let same_place = of_hold || (now.from, now.shown) == (before.from, before.shown);
        let same = |(now, before): (&OwnedKey, &OwnedKey)| {
            OwnedKey { void: before.void, owed: before.owed, ..now.clone() } == *before
                && (now.void || !before.void)
        };
        same_place
            && now.total == before.total
            && now.keys.len() == before.keys.len()
            && (now.keys.iter().zip(&before.keys).all(same) || now.has_moved(before))
            && self.without_keys() == first.without_keys()
    }

    /// Whether it speaks of a hold that a CANCEL may end later.
    fn can_be_cancelled(&self) -> bool {
        use OwnedOutcome::{Confirmed, ConfirmedCards, ConfirmedKeys, Keys, Owed, QuoteReserved, Reserved};
        matches!(
            self,
            Owed { .. }
                | Reserved { .. }
                | QuoteReserved { .. }
                | Confirmed { .. }
                | ConfirmedKeys { .. }
                | ConfirmedCards { .. }
                | Keys(_)
        ) || self.code() == Some(Code::KeyReplaced)
    }

    /// Whether this is what a repeat of a KEY_REPLACE is answered once what was owed did not come: the refusal with units, which
    /// no other command repeats. Its hold may be cancelled later, or be gone, and another may have its id.
    fn is_owed_in_vain(&self) -> bool {
        let OwnedOutcome::Refused { code, facts: OwnedFacts::Units { .. } } = self else { return false };
        matches!(code, Code::OutOfStock | Code::ChannelQuota)
    }

    /// Whether this may be what has become of a debt: it has moved up, is settled, or was owed in vain.
    fn follows_owed(&self, first_position: u32, first_until_ms: u64) -> bool {
        match self {
            OwnedOutcome::Owed { position, until_ms } => {
                *position <= first_position && *until_ms == first_until_ms
            }
            OwnedOutcome::Confirmed { late: false, .. } | OwnedOutcome::ConfirmedKeys { late: false, .. } => {
                true
            }
            // One key in place of another; its hold may be gone, or have none left, as in `repeats`.
            OwnedOutcome::Keys(keys) => keys.keys.len() == 1,
            _ => matches!(
                self.code(),
                Some(Code::OutOfStock | Code::ChannelQuota | Code::KeyReplaced)
                    | Some(Code::HoldNotFound | Code::NotActive | Code::HoldReleased | Code::RuleFailed)
            ),
        }
    }

    fn without_keys(&self) -> OwnedOutcome {
        let mut outcome = self.clone();
        match &mut outcome {
            OwnedOutcome::ConfirmedKeys { confirmed_ms, late, units, .. } => {
                OwnedOutcome::Confirmed { confirmed_ms: *confirmed_ms, late: *late, units: units.clone() }
            }
            OwnedOutcome::Keys(keys) | OwnedOutcome::ConfirmedCards { keys, .. } => {
                *keys = OwnedKeys::default();
                outcome
            }
            _ => outcome,
        }
    }

    /// CAPACITY of the lots of one card, which the oracle counts itself.
    fn says_lots_of_one_card(&self) -> bool {
        self.facts() == OwnedFacts::Maximum(CapacityOf::Lots, LOTS_PER_CARD_MAX as u64)
    }

    /// The card keys of an answer.
    pub fn keys(&self) -> Option<&OwnedKeys> {
        match self {
            OwnedOutcome::ConfirmedKeys { keys, .. }
            | OwnedOutcome::ConfirmedCards { keys, .. }
            | OwnedOutcome::Keys(keys) => Some(keys),
            _ => None,
        }
    }

    /// Whether a command with this answer had reached the check for room, so that a full table may refuse it as well.
    pub fn reached_room(&self, request: &OwnedRequest) -> bool {
        use CapacityOf::{CardBatches, Cards, Channels, Lots};
        let last =
            if request.demand().is_some() { &[Channels, Cards, CardBatches][..] } else { &[Cards, Lots] };
        self.code().is_none() || self.maximum().is_some_and(|of| last.contains(&of))
    }
}

impl From<Outcome<'_>> for OwnedOutcome {
    fn from(outcome: Outcome<'_>) -> OwnedOutcome {
        match outcome {
            Outcome::Done(answer) => OwnedOutcome::from(answer),
            Outcome::Refused(rejection) => {
                OwnedOutcome::Refused { code: rejection.code, facts: rejection.facts.into() }
            }
        }
    }
}

impl From<Answer<'_>> for OwnedOutcome {
    fn from(answer: Answer<'_>) -> OwnedOutcome {
        match answer {
            Answer::StockChanged { value } => OwnedOutcome::StockChanged { value },
            Answer::Reserved { deadline_ms, units } => {
                OwnedOutcome::Reserved { deadline_ms, units: units.iter().map(|units| units.get()).collect() }
            }
            Answer::Extended { deadline_ms } => OwnedOutcome::Extended { deadline_ms },
            Answer::Confirmed { confirmed_ms, late, units, keys, sold } if !sold.is_empty() => {
                let units = units.iter().map(|units| units.get()).collect();
                let sold = sold.iter().map(OwnedSold::from).collect();
                OwnedOutcome::ConfirmedCards { confirmed_ms, late, units, keys: keys.into(), sold }
            }
            Answer::Confirmed { confirmed_ms, late, units, keys, .. } if keys.total > 0 => {
                let units = units.iter().map(|units| units.get()).collect();
                OwnedOutcome::ConfirmedKeys { confirmed_ms, late, units, keys: keys.into() }
            }
            Answer::KeysImported { taken } => OwnedOutcome::KeysImported { taken },
            Answer::GivenCode { campaign, card } => OwnedOutcome::GivenCode { campaign, card },
            Answer::Keys(page) => OwnedOutcome::Keys(page.into()),
            Answer::KeysListed(page) => OwnedOutcome::KeysListed(page.into()),
            Answer::Batches { total, batches } => OwnedOutcome::Batches { total, batches: batches.to_vec() },
            Answer::Confirmed { confirmed_ms, late, units, .. } => OwnedOutcome::Confirmed {
                confirmed_ms,
                late,
                units: units.iter().map(|units| units.get()).collect(),
            },
            Answer::Cancelled(what) => OwnedOutcome::Cancelled(what),
            Answer::Released { lapsed } => OwnedOutcome::Released { lapsed },
            Answer::Returned { units } => OwnedOutcome::Returned { units },
            Answer::PiecesReturned(returned) => OwnedOutcome::PiecesReturned(returned),
            Answer::QuoteReserved { deadline_ms, quote } => {
                OwnedOutcome::QuoteReserved { deadline_ms, quote: Box::new(quote.into()) }
            }
            Answer::Stock(view) => OwnedOutcome::Stock(Box::new(view.into())),
            Answer::Channels { version, channels } => {
                OwnedOutcome::Channels { version, channels: channels.to_vec() }
            }
            Answer::Terms { version, limits, spans, prices } => {
                let (limits, spans) = (Box::new(limits), Box::new(spans));
                OwnedOutcome::Terms { version, limits, spans, prices: prices.to_vec() }
            }
            Answer::Risk { rules, total, blocks } => {
                OwnedOutcome::Risk { rules: rules.to_vec(), total, blocks: blocks.to_vec() }
            }
            Answer::Zone { version, name, transitions } => {
                OwnedOutcome::Zone { version, name: name.to_vec(), transitions: transitions.to_vec() }
            }
            Answer::Identity { members } => {
                OwnedOutcome::Identity { members: members.iter().map(|member| member.get()).collect() }
            }
            Answer::Owed { position, until_ms } => OwnedOutcome::Owed { position, until_ms },
            Answer::Debts { total, debts } => OwnedOutcome::Debts { total, debts: debts.to_vec() },
            Answer::OrderHolds { more, holds } => OwnedOutcome::OrderHolds { more, holds: holds.to_vec() },
            Answer::Hold(view) => OwnedOutcome::Hold(Box::new(view.into())),
            Answer::Operation(view) => OwnedOutcome::Operation(view),
            Answer::Issued(issued) => OwnedOutcome::Issued(issued),
            Answer::Redeemed(redeemed) => OwnedOutcome::Redeemed(redeemed),
            Answer::OfflineConflict { card, why } => OwnedOutcome::OfflineConflict { card, why },
            Answer::Reversed { units, available } => OwnedOutcome::Reversed { units, available },
            Answer::Campaign(view) => OwnedOutcome::Campaign(Box::new(view.into())),
            Answer::Filled { units, available } => OwnedOutcome::Filled { units, available },
            Answer::CardRefunded { units, paid } => OwnedOutcome::CardRefunded { units, paid },
            Answer::Card(view, lots) => OwnedOutcome::Card(view, lots.to_vec()),
            Answer::Wallet { next, cards } => OwnedOutcome::Wallet { next, cards: cards.to_vec() },
            Answer::Redemption(view) => OwnedOutcome::Redemption(view),
            Answer::Quote(view) => OwnedOutcome::Quote(Box::new(view.into())),
            Answer::GroupJoined(joined) => OwnedOutcome::GroupJoined(joined),
            Answer::Group(view) => OwnedOutcome::Group(Box::new(view.into())),
            Answer::Activity(view) => OwnedOutcome::Activity(Box::new(view.into())),
            Answer::Notices(page) => OwnedOutcome::Notices(page.into()),
        }
    }
}

impl From<StockView<'_>> for OwnedStock {
    fn from(view: StockView<'_>) -> OwnedStock {
        OwnedStock {
            stock: view.stock,
            version: view.version,
            kind: view.kind,
            once_per_order: view.once_per_order,
            terms: view.terms,
            total: view.total,
            available: view.available,
            held: view.held,
            consumed: view.consumed,
            frozen: view.frozen,
            void: view.void,
            marked_frozen: view.marked_frozen,
            marked_void: view.marked_void,
            name: view.name.to_vec(),
        }
    }
}

impl From<HoldView<'_>> for OwnedHold {
    fn from(view: HoldView<'_>) -> OwnedHold {
        let line = |line: &scrip_engine::answer::HoldLine| OwnedHoldLine {
            stock: StockId(line.stock.get()),
            reserved: line.reserved.get(),
            confirmed: line.confirmed.get(),
            returned: line.returned.get(),
            price: line.price.get(),
        };
        OwnedHold {
            hold: view.hold,
            state: view.state,
            channel: view.channel,
            late: view.late,
            flagged: view.flagged,
            refusal: view.refusal,
            order: view.order,
            user: view.user,
            reserved_ms: view.reserved_ms,
            deadline_ms: view.deadline_ms,
            closed_ms: view.closed_ms,
            lines: view.lines.iter().map(line).collect(),
            cards: view.cards.iter().map(OwnedHoldCard::from).collect(),
        }
    }
}

impl From<Facts<'_>> for OwnedFacts {
    fn from(facts: Facts<'_>) -> OwnedFacts {
        match facts {
            Facts::None => OwnedFacts::None,
            Facts::Lines(lines) => OwnedFacts::Lines(lines.iter().map(Lack::from).collect()),
            Facts::Time(time_ms) => OwnedFacts::Time(time_ms),
            Facts::Floor(floor_ms) => OwnedFacts::Floor(floor_ms),
            Facts::Maximum(of, maximum) => OwnedFacts::Maximum(of, maximum),
            Facts::Version(version) => OwnedFacts::Version(version),
            Facts::Key(key) => OwnedFacts::Key(key),
            Facts::Total(total) => OwnedFacts::Total(total),
            Facts::Rule(rule) => OwnedFacts::Rule(rule),
            Facts::Units { stock, asked, available } => OwnedFacts::Units { stock, asked, available },
        }
    }
}

impl From<&LineFact> for Lack {
    fn from(fact: &LineFact) -> Lack {
        Lack {
            line: usize::from(fact.line.get()),
            why: Code::from_number(fact.why.get()).expect("a fact names a known code"),
            asked: fact.asked.get(),
            available: fact.available.get(),
        }
    }
}
