//! Answers as values of their own, so that they outlive the bytes they came in.

use crate::cards::{CampaignShown, WalletShown};
use crate::error::OwnedRejection;
use crate::groups::GroupShown;
use crate::notices::NoticesShown;
use crate::operation::Hold;
use crate::orders::OrderShown;
use crate::quotes::QuoteShown;
use crate::sharing::ActivityShown;
use scrip_engine::answer::{
    Answer, Cancelled, CardView, ChannelView, DebtView, GroupJoined, HoldState, HoldView, Issued, LotView,
    OperationView, Outcome, PiecesReturned, Redeemed, RedemptionView, SoldCards, StockView,
};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Block, Limits, Price, Quota, RiskRule, SpanLimits, StockKind, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::U32;

mod keys;
pub use keys::{
    BatchShown, BatchesShown, KeyListed, KeyShown, KeyText, KeysImported, KeysListed, KeysShown, Replaced,
};

/// A stock was made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockChanged {
    /// The total after it (create, supply); the version after it (edit, quota, limits, prices; of the zone: zone); units moved at once, the
    /// rest being marked (void, freeze, unfreeze, of batches too); the number of the batch or rule; the action of a block; 1
    /// if a reclaimed key can be sold again, else 0.
    pub value: u64,
}

/// Units are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The hold, to confirm or release.
    pub hold: Hold,
    /// It counts while server time is below this.
    pub deadline_ms: u64,
    /// Units granted per line, then of each card.
    pub units: Vec<u32>,
}

/// A hold's deadline was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    /// The deadline in force.
    pub deadline_ms: u64,
}

/// Units are sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The hold, to return units of.
    pub hold: Hold,
    /// Server time of the confirmation.
    pub confirmed_ms: u64,
    /// Confirmed after the hold had expired.
    pub late: bool,
    /// Units confirmed per line, then of each card.
    pub units: Vec<u32>,
    /// Card keys, the first of them; the rest is read with [`crate::Client::keys_read`].
    pub keys: KeysShown,
    /// Cards that lines on campaigns have sold, line by line. Whose they are: the hold's user, or who bears them.
    pub cards: Vec<CardsSold>,
}

/// Cards that a line has sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardsSold {
    /// The line, from 0.
    pub line: usize,
    /// The first card; the others follow it.
    pub first: CardId,
    /// How many.
    pub cards: u32,
}

impl CardsSold {
    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = CardId> + use<> {
        let first = self.first.0;
        (first..first.saturating_add(u64::from(self.cards))).map(CardId)
    }
}

impl From<&SoldCards> for CardsSold {
    fn from(row: &SoldCards) -> CardsSold {
        CardsSold {
            line: usize::from(row.line.get()),
            first: CardId(row.first.get()),
            cards: row.cards.get(),
        }
    }
}

/// Units are owed: they are sold as soon as they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The hold: repeat the sale or confirm under the same operation, or ask where it stands.
    pub hold: Hold,
    /// How many debts of the stock of its first line with units there are up to this one.
    pub position: u32,
    /// They are owed while server time is below this.
    pub until_ms: u64,
}

/// What became of a sale, or of a hold's confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sold {
    /// Its units are sold.
    Confirmed(Confirmed),
    /// Its units are owed: a sale that may wait gets that, and a hold whose card keys were frozen or voided.
    Owed(Owed),
}

impl Sold {
    /// The sale, if its units are sold.
    pub fn confirmed(self) -> Option<Confirmed> {
        match self {
            Sold::Confirmed(confirmed) => Some(confirmed),
            Sold::Owed(_) => None,
        }
    }

    /// The debt, if its units are owed.
    pub fn owed(self) -> Option<Owed> {
        match self {
            Sold::Confirmed(_) => None,
            Sold::Owed(owed) => Some(owed),
        }
    }
}

/// A debt as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebtShown {
    /// The sale that is owed, or whose card key is.
    pub hold: OperationId,
    /// The card key whose replacement is owed; none: the sale is.
    pub key: Option<u32>,
    /// The order it is for; 0: none.
    pub order: OrderId,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Units of the stock asked about.
    pub units: u64,
    /// Server time of the sale, or of the wish for another key.
    pub since_ms: u64,
    /// They are owed while server time is below this.
    pub until_ms: u64,
}

impl From<&DebtView> for DebtShown {
    fn from(view: &DebtView) -> DebtShown {
        DebtShown {
            hold: OperationId(view.hold.get()),
            key: (view.of_key.get() != 0).then(|| view.key.get()),
            order: OrderId(view.order.get()),
            channel: ChannelId(view.channel.get()),
            units: view.units.get(),
            since_ms: view.since_ms.get(),
            until_ms: view.until_ms.get(),
        }
    }
}

/// The debts of a stock, a page of them, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebtsShown {
    /// Debts of the stock in all.
    pub total: u32,
    /// The debts of this page.
    pub debts: Vec<DebtShown>,
}

/// A hold was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// It had expired before: a late confirm is now refused.
    pub lapsed: bool,
}

/// Units of a confirmed hold were given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Units given back by this operation, over all lines.
    pub units: u64,
    /// Of a hold that a quote made: what the pieces cost the buyer, and what went back to cards with them.
    pub of_quote: Option<PiecesReturned>,
}

/// A stock as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockShown {
    /// Its id.
    pub stock: StockId,
    /// For people.
    pub name: String,
    /// Counts up with each edit of the rules.
    pub version: u32,
    /// What its units are.
    pub kind: StockKind,
    /// An order has at most one sale or hold of it.
    pub once_per_order: bool,
    /// Sale rules.
    pub terms: StockTerms,
    /// Units supplied so far.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside by the operator.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Units in holds that go to frozen when their holds end.
    pub marked_frozen: u64,
    /// Units in holds that go to void when their holds end.
    pub marked_void: u64,
}

/// Limits and prices of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsShown {
    /// The stock's version, to set limits and prices with.
    pub version: u32,
    /// What its subjects may have, the units per user included.
    pub limits: Limits,
    /// What they may have by weeks and months.
    pub spans: SpanLimits,
    /// Its prices.
    pub prices: Vec<Price>,
}

/// Risk rules and blocks of the merchant in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskShown {
    /// The rules, by number.
    pub rules: Vec<RiskRule>,
    /// Blocks in all.
    pub blocks_total: u32,
    /// A page of them, by kind and subject.
    pub blocks: Vec<Block>,
}

/// The time zone of the merchant in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneShown {
    /// Its version, to set it with; 0: there is none.
    pub version: u32,
    /// For people.
    pub name: String,
    /// Its transitions, in ascending order.
    pub transitions: Vec<Transition>,
}

/// The channels of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelsShown {
    /// The stock's version, to set quotas with.
    pub version: u32,
    /// The channels that have used it or have a quota, in ascending order.
    pub channels: Vec<ChannelShown>,
}

/// What one channel has of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelShown {
    /// The channel.
    pub channel: ChannelId,
    /// Units that no other channel can take, those held and consumed included.
    pub guaranteed: u64,
    /// The most units that may be held and consumed.
    pub cap: Option<u64>,
    /// Server time at which the guarantee lapses.
    pub lapses_ms: Option<u64>,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units that the channel could take now.
    pub room: u64,
}

impl From<&ChannelView> for ChannelShown {
    fn from(view: &ChannelView) -> ChannelShown {
        let unless = |none: u64, value: u64| (value != none).then_some(value);
        ChannelShown {
            channel: ChannelId(view.channel.get()),
            guaranteed: view.guaranteed.get(),
            cap: unless(Quota::NO_CAP, view.cap.get()),
            lapses_ms: unless(0, view.lapses_ms.get()),
            held: view.held.get(),
            consumed: view.consumed.get(),
            room: view.room.get(),
        }
    }
}

/// One line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldLineShown {
    /// The stock.
    pub stock: StockId,
    /// Units granted when the hold was made.
    pub reserved: u32,
    /// Units confirmed; 0 unless confirmed.
    pub confirmed: u32,
    /// Units of those given back since.
    pub returned: u32,
    /// Price of a unit in minor units, fixed when the hold was made; 0: none.
    pub price: u32,
}

/// A card of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldCardShown {
    /// The card.
    pub card: CardId,
    /// Units taken when the hold was made.
    pub reserved: u32,
    /// Units used; of a hold that is owed, too.
    pub confirmed: u32,
    /// Units of those given back since.
    pub returned: u32,
    /// What it takes off the order, in minor units, fixed when the hold was made; 0 once a late confirm was refused.
    pub discount: u64,
}

/// A hold as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldShown {
    /// Its id.
    pub id: OperationId,
    /// Where it stands.
    pub state: HoldState,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Confirmed after it had expired.
    pub late: bool,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
    /// The recorded refusal of a lapsed, refused or unfulfilled one.
    pub refusal: Option<Code>,
    /// The order it is for; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none.
    pub user: UserId,
    /// Server time of its making.
    pub reserved_ms: u64,
    /// The deadline in force; of a sale that was owed: until when.
    pub deadline_ms: u64,
    /// Server time at which it came into its present state; 0 while held or owed.
    pub closed_ms: u64,
    /// Its lines.
    pub lines: Vec<HoldLineShown>,
    /// Its cards: behind the lines, wherever units are listed per line.
    pub cards: Vec<HoldCardShown>,
}

/// What is recorded under an operation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationShown {
    /// A reserve or sell.
    Hold(HoldShown),
    /// A redeem.
    Redemption(RedemptionView),
    /// Any other operation.
    Operation(OperationView),
}

/// What a command was answered, whatever it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnedOutcome {
    StockChanged(u64),
    Reserved { deadline_ms: u64, units: Vec<u32> },
    Extended { deadline_ms: u64 },
    Confirmed { confirmed_ms: u64, late: bool, units: Vec<u32>, keys: KeysShown, cards: Vec<CardsSold> },
    Owed { position: u32, until_ms: u64 },
    Debts(DebtsShown),
    Order(OrderShown),
    KeysImported { taken: u64 },
    Keys(KeysShown),
    Listed(KeysListed),
    Batches(BatchesShown),
    Released { lapsed: bool },
    Cancelled(Cancelled),
    Returned { units: u64 },
    QuoteReserved { deadline_ms: u64, quote: Box<QuoteShown> },
    PiecesReturned(PiecesReturned),
    Stock(Box<StockShown>),
    Channels(ChannelsShown),
    Terms(Box<TermsShown>),
    Risk(RiskShown),
    Zone(ZoneShown),
    Identity(Vec<UserId>),
    Hold(Box<HoldShown>),
    Operation(OperationView),
    Issued(Issued),
    Redeemed(Redeemed),
    OfflineConflict { card: CardId, why: Code },
    Reversed { units: u32, available: u32 },
    Campaign(Box<CampaignShown>),
    Filled { units: u32, available: u32 },
    CardRefunded { units: u32, paid: u64 },
    GivenCode { campaign: StockId, card: Option<CardId> },
    Card(CardView, Vec<LotView>),
    Wallet(WalletShown),
    Quote(Box<QuoteShown>),
    GroupJoined(GroupJoined),
    Group(Box<GroupShown>),
    Activity(Box<ActivityShown>),
    Notices(NoticesShown),
    Redemption(RedemptionView),
    Refused(OwnedRejection),
}

impl From<Outcome<'_>> for OwnedOutcome {
    fn from(outcome: Outcome<'_>) -> OwnedOutcome {
        let answer = match outcome {
            Outcome::Refused(rejection) => return OwnedOutcome::Refused(rejection.into()),
            Outcome::Done(answer) => answer,
        };
        let counts = |units: &[U32]| units.iter().map(|units| units.get()).collect();
        match answer {
            Answer::StockChanged { value } => OwnedOutcome::StockChanged(value),
            Answer::Reserved { deadline_ms, units } => {
                OwnedOutcome::Reserved { deadline_ms, units: counts(units) }
            }
            Answer::Extended { deadline_ms } => OwnedOutcome::Extended { deadline_ms },
            Answer::Confirmed { confirmed_ms, late, units, keys, sold } => OwnedOutcome::Confirmed {
                confirmed_ms,
                late,
                units: counts(units),
                keys: keys.into(),
                cards: sold.iter().map(CardsSold::from).collect(),
            },
            Answer::KeysImported { taken } => OwnedOutcome::KeysImported { taken },
            Answer::Keys(page) => OwnedOutcome::Keys(page.into()),
            Answer::KeysListed(page) => OwnedOutcome::Listed(page.into()),
            Answer::Batches { total, batches } => {
                let batches = batches.iter().map(BatchShown::from).collect();
                OwnedOutcome::Batches(BatchesShown { total, batches })
            }
            Answer::Owed { position, until_ms } => OwnedOutcome::Owed { position, until_ms },
            Answer::Debts { total, debts } => {
                let debts = debts.iter().map(DebtShown::from).collect();
                OwnedOutcome::Debts(DebtsShown { total, debts })
            }
            Answer::OrderHolds { more, holds } => OwnedOutcome::Order(OrderShown::read(more, holds)),
            Answer::Released { lapsed } => OwnedOutcome::Released { lapsed },
            Answer::Cancelled(what) => OwnedOutcome::Cancelled(what),
            Answer::Returned { units } => OwnedOutcome::Returned { units },
            Answer::QuoteReserved { deadline_ms, quote } => {
                OwnedOutcome::QuoteReserved { deadline_ms, quote: Box::new(quote.into()) }
            }
            Answer::PiecesReturned(returned) => OwnedOutcome::PiecesReturned(returned),
            Answer::Stock(view) => OwnedOutcome::Stock(Box::new(view.into())),
            Answer::Channels { version, channels } => {
                let channels = channels.iter().map(ChannelShown::from).collect();
                OwnedOutcome::Channels(ChannelsShown { version, channels })
            }
            Answer::Terms { version, limits, spans, prices } => {
                OwnedOutcome::Terms(Box::new(TermsShown { version, limits, spans, prices: prices.to_vec() }))
            }
            Answer::Risk { rules, total, blocks } => OwnedOutcome::Risk(RiskShown {
                rules: rules.to_vec(),
                blocks_total: total,
                blocks: blocks.to_vec(),
            }),
            Answer::Zone { version, name, transitions } => OwnedOutcome::Zone(ZoneShown {
                version,
                name: String::from_utf8_lossy(name).into_owned(),
                transitions: transitions.to_vec(),
            }),
            Answer::Identity { members } => {
                OwnedOutcome::Identity(members.iter().map(|member| UserId(member.get())).collect())
            }
            Answer::Hold(view) => OwnedOutcome::Hold(Box::new(view.into())),
            Answer::Operation(view) => OwnedOutcome::Operation(view),
            Answer::Issued(issued) => OwnedOutcome::Issued(issued),
            Answer::Redeemed(redeemed) => OwnedOutcome::Redeemed(redeemed),
            Answer::OfflineConflict { card, why } => OwnedOutcome::OfflineConflict { card, why },
            Answer::Reversed { units, available } => OwnedOutcome::Reversed { units, available },
            Answer::Campaign(view) => OwnedOutcome::Campaign(Box::new(view.into())),
            Answer::Filled { units, available } => OwnedOutcome::Filled { units, available },
            Answer::CardRefunded { units, paid } => OwnedOutcome::CardRefunded { units, paid },
            Answer::GivenCode { campaign, card } => OwnedOutcome::GivenCode { campaign, card },
            Answer::Card(view, lots) => OwnedOutcome::Card(view, lots.to_vec()),
            Answer::Wallet { next, cards } => {
                OwnedOutcome::Wallet(WalletShown { next, cards: cards.to_vec() })
            }
            Answer::Quote(view) => OwnedOutcome::Quote(Box::new(view.into())),
            Answer::GroupJoined(joined) => OwnedOutcome::GroupJoined(joined),
            Answer::Group(view) => OwnedOutcome::Group(Box::new((&view).into())),
            Answer::Activity(view) => OwnedOutcome::Activity(Box::new((&view).into())),
            Answer::Notices(page) => OwnedOutcome::Notices((&page).into()),
            Answer::Redemption(view) => OwnedOutcome::Redemption(view),
        }
    }
}

impl From<StockView<'_>> for StockShown {
    fn from(view: StockView<'_>) -> StockShown {
        StockShown {
            stock: view.stock,
            name: String::from_utf8_lossy(view.name).into_owned(),
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
        }
    }
}

impl From<HoldView<'_>> for HoldShown {
    fn from(view: HoldView<'_>) -> HoldShown {
        let lines = view.lines.iter().map(|line| HoldLineShown {
            stock: StockId(line.stock.get()),
            reserved: line.reserved.get(),
            confirmed: line.confirmed.get(),
            returned: line.returned.get(),
            price: line.price.get(),
        });
        let cards = view.cards.iter().map(|line| HoldCardShown {
            card: CardId(line.card.get()),
            reserved: line.reserved.get(),
            confirmed: line.confirmed.get(),
            returned: line.returned.get(),
            discount: line.discount.get(),
        });
        HoldShown {
            id: view.hold,
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
            lines: lines.collect(),
            cards: cards.collect(),
        }
    }
}
