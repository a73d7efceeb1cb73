//! What one random history is made of.

use fastrand::Rng;
use scrip_engine::command::CampaignKind;
use scrip_engine::ids::{Slot, StockId};
use scrip_engine::limits::{Capacity, OPERATION_WINDOW_FLOOR_MS, Rules};

/// The commands a history draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are those of `Command`, which documents them")]
pub enum Kind {
    StockCreate,
    StockSupply,
    StockVoid,
    StockFreeze,
    StockUnfreeze,
    StockEdit,
    StockQuota,
    Reserve,
    Extend,
    Confirm,
    Release,
    Sell,
    Return,
    BatchCreate,
    BatchChange,
    KeysImport,
    Reveal,
    KeyReplace,
    KeyReclaim,
    KeysExport,
    KeysList,
    KeysRead,
    BatchesShow,
    OwedShow,
    OrderShow,
    StockShow,
    StockChannels,
    OperationShow,
    StockLimits,
    StockPrice,
    StockTermsShow,
    RiskSet,
    BlockSet,
    RiskShow,
    ZoneSet,
    ZoneShow,
    Cancel,
    Persons,
    OfCards,
}

/// All kinds with their usual weights.
const KINDS: [(Kind, u32); 38] = [
    (Kind::StockCreate, 1),
    (Kind::StockSupply, 12),
    (Kind::StockVoid, 3),
    (Kind::StockFreeze, 4),
    (Kind::StockUnfreeze, 5),
    (Kind::StockEdit, 5),
    (Kind::StockQuota, 8),
    (Kind::Reserve, 30),
    (Kind::Extend, 6),
    (Kind::Confirm, 16),
    (Kind::Release, 8),
    (Kind::Sell, 12),
    (Kind::Return, 10),
    (Kind::BatchCreate, 2),
    (Kind::BatchChange, 7),
    (Kind::KeysImport, 12),
    (Kind::Reveal, 4),
    (Kind::KeyReplace, 8),
    (Kind::KeyReclaim, 8),
    (Kind::KeysExport, 3),
    (Kind::KeysList, 4),
    (Kind::KeysRead, 4),
    (Kind::BatchesShow, 4),
    (Kind::OwedShow, 3),
    (Kind::StockShow, 5),
    (Kind::StockChannels, 6),
    (Kind::OperationShow, 7),
    (Kind::StockLimits, 6),
    (Kind::StockPrice, 5),
    (Kind::StockTermsShow, 2),
    (Kind::RiskSet, 3),
    (Kind::BlockSet, 2),
    (Kind::RiskShow, 2),
    (Kind::ZoneSet, 4),
    (Kind::ZoneShow, 1),
    (Kind::Cancel, 6),
    (Kind::OrderShow, 4),
    (Kind::Persons, 5),
];

/// The commands on campaigns and cards a history with cards draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are those of `CardCommand`, or a group of them")]
pub enum CardKind {
    Create,
    Edit,
    State,
    GivenCodes,
    Ending,
    Recycle,
    Issue,
    Claim,
    Redeem,
    Gift,
    Account,
    Reverse,
    Change,
    Merge,
    Group,
    Activity,
    ShowCampaign,
    ShowCard,
    Quote,
    QuoteReserve,
    Wallet,
}

/// All of them with their usual weights.
const CARD_KINDS: [(CardKind, u32); 21] = [
    (CardKind::Create, 1),
    (CardKind::Edit, 4),
    (CardKind::State, 3),
    (CardKind::GivenCodes, 4),
    (CardKind::Ending, 3),
    (CardKind::Recycle, 2),
    (CardKind::Issue, 10),
    (CardKind::Claim, 12),
    (CardKind::Redeem, 17),
    (CardKind::Gift, 5),
    (CardKind::Account, 9),
    (CardKind::Reverse, 9),
    (CardKind::Change, 8),
    (CardKind::Merge, 3),
    (CardKind::Group, 10),
    (CardKind::Activity, 4),
    (CardKind::ShowCampaign, 2),
    (CardKind::ShowCard, 6),
    (CardKind::Quote, 2),
    (CardKind::QuoteReserve, 3),
    (CardKind::Wallet, 3),
];

/// What campaigns are of, the usual ones more than once. Half of the histories have all of them, the others two to four.
const CAMPAIGN_KINDS: [CampaignKind; 15] = [
    CampaignKind::AmountOff,
    CampaignKind::AmountOff,
    CampaignKind::PercentOff,
    CampaignKind::PercentOff,
    CampaignKind::Item,
    CampaignKind::FixedPrice,
    CampaignKind::Uses,
    CampaignKind::Uses,
    CampaignKind::StoredValue,
    CampaignKind::StoredValue,
    CampaignKind::StoredValue,
    CampaignKind::Stamps,
    CampaignKind::Points,
    CampaignKind::Points,
    CampaignKind::Pass,
];

/// How often things happen, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chances {
    /// Shard time moves.
    pub wait: u32,
    /// The rules change.
    pub configure: u32,
    /// Shard time is logged without a reason.
    pub tick: u32,
    /// The engine starts again from its log.
    pub restart: u32,
    /// An earlier request comes again.
    pub retry: u32,
    /// A repeated request differs from its original.
    pub alter: u32,
    /// A new command carries an id that was used before.
    pub collide: u32,
    /// The id says its creation time itself.
    pub embed: u32,
    /// The id is too old, at the floor, far ahead, at the limit.
    pub odd_created: u32,
    /// The command has a deadline.
    pub odd_deadline: u32,
    /// A take replaces a hold.
    pub replace: u32,
    /// A take accepts fewer units.
    pub partial: u32,
    /// A stock limits purchases.
    pub limited: u32,
    /// A stock has opening and closing times, or is frozen.
    pub timed: u32,
    /// A stock or hold of somebody else is named.
    pub foreign: u32,
    /// A void or freeze may cut into guarantees.
    pub forced: u32,
    /// A take has several lines.
    pub several: u32,
    /// A take has up to 64 lines.
    pub wide: u32,
    /// A stock is one of card keys.
    pub keyed: u32,
    /// A stock is sold once per order.
    pub once: u32,
    /// A stock counts days by a clock that changes soon.
    pub zoned: u32,
    /// Card keys are not shown.
    pub hidden: u32,
    /// Keys that are held are frozen or voided, and such a hold is confirmed.
    pub pinched: u32,
    /// A take tells limit key, device and address.
    pub parties: u32,
    /// The buyer is a member.
    pub member: u32,
    /// A take says what the buyer was told.
    pub quoted: u32,
    /// A SELL waits for units that are not there.
    pub waits: u32,
    /// Quantities lie at a boundary of what is there.
    pub boundary: u32,
    /// Quantities are huge.
    pub huge: u32,
}

/// What one history is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Shard time at the start.
    pub start_ms: u64,
    /// Rules at the start.
    pub rules: Rules,
    /// Sizes of the engine's tables.
    pub capacity: Capacity,
    /// Merchants are numbered from 1 to this.
    pub merchants: u32,
    /// Slots in use.
    pub slots: Vec<Slot>,
    /// Stocks in each slot are numbered from 1 to this.
    pub stocks_per_slot: u64,
    /// Users and orders are numbered from 0 (none) to this.
    pub buyers: u128,
    /// Channels are numbered from 0 to below this.
    pub channels: u16,
    /// Texts of card keys are numbered from 0 to below this; few, so that they come twice.
    pub texts: u16,
    /// Some stocks are campaigns.
    pub cards: bool,
    /// Most takes are checkouts of goods with cards, and little goes wrong before they come to that.
    pub checkouts: bool,
    /// Commands and their weights.
    pub kinds: Vec<(Kind, u32)>,
    /// Commands on campaigns and cards and their weights; none in a history without cards.
    pub card_kinds: Vec<(CardKind, u32)>,
    /// What its campaigns are of, each as likely.
    pub worths: Vec<CampaignKind>,
    /// How often things happen.
    pub chances: Chances,
}

/// Tables that a history of a few thousand steps does not fill.
pub const ROOMY: Capacity = Capacity {
    stocks_max: 64,
    holds_max: 4_096,
    extra_lines_max: 65_536,
    operations_max: 4_096,
    user_limits_max: 4_096,
    keys_max: 2_048,
    sealed_bytes_max: 64 << 10,
    risk_counts_max: 1_024,
    order_lines_max: 4_096,
    debts_max: 4_096,
    cards_max: 4_096,
    redemptions_max: 4_096,
    lots_max: 4_096,
    gifts_max: 4_096,
    given_codes_max: 4_096,
    groups_max: 4_096,
    links_max: 256,
    labels_max: 256,
    friends_max: 4_096,
    notices_max: 1 << 14,
};

impl Plan {
    /// Draws a plan.
    pub fn draw(rng: &mut Rng) -> Plan {
        let chances = draw_chances(rng);
        let slots = [&[0][..], &[7], &[1_023], &[3, 4], &[0, 1_023]][rng.usize(0..5)];
        // The last one is ten seconds before a midnight, by UTC, with which both a week and a month begin.
        let starts_ms = [1_000, 12_345, 1_700_000_000_000, 1_767_225_600_999, 1_780_271_990_000];
        let start_ms = starts_ms[rng.usize(0..5)];
        let mut plan = Plan {
            start_ms,
            rules: draw_rules(rng),
            capacity: if rng.u8(0..5) == 0 { draw_capacity(rng) } else { ROOMY },
            merchants: *pick(rng, &[1, 1, 2, 3]),
            slots: slots.iter().map(|slot| Slot(*slot)).collect(),
            stocks_per_slot: *pick(rng, &[1, 2, 3, 6]),
            buyers: *pick(rng, &[1, 2, 5]),
            // Now and then there are more than one stock counts.
            channels: *pick(rng, &[1, 2, 2, 3, 3, 3, 4, 6, 70]),
            texts: *pick(rng, &[20, 100, 100, 400]),
            cards: false,
            checkouts: false,
            kinds: draw_kinds(rng, chances.keyed > 0),
            card_kinds: Vec::new(),
            worths: CAMPAIGN_KINDS.to_vec(),
            chances,
        };
        // A history without cards is what it was before there were any.
        plan.add_cards(&mut rng.clone());
        plan
    }

    /// Cards in two of five histories, where they are half of all commands or more.
    fn add_cards(&mut self, rng: &mut Rng) {
        self.cards = rng.u8(0..5) < 2;
        if !self.cards {
            return;
        }
        let others: u32 = self.kinds.iter().map(|(_, weight)| weight).sum();
        self.kinds.push((Kind::OfCards, others * *pick(rng, &[1, 3, 6])));
        if self.capacity != ROOMY {
            self.capacity.cards_max = *pick(rng, &[1, 100, 256, 4_096]);
            self.capacity.redemptions_max = *pick(rng, &[1, 3, 10, 4_096]);
            self.capacity.lots_max = *pick(rng, &[1, 4, 30, 4_096]);
            self.capacity.gifts_max = *pick(rng, &[1, 2, 10, 4_096]);
            self.capacity.given_codes_max = *pick(rng, &[1, 3, 20, 4_096]);
            self.capacity.groups_max = *pick(rng, &[1, 3, 12, 4_096]);
            self.capacity.friends_max = *pick(rng, &[1, 3, 12, 4_096]);
        }
        self.checkouts = rng.bool();
        if self.checkouts {
            self.add_checkouts(rng, others);
        }
        self.card_kinds = draw_card_kinds(rng, self.checkouts);
        if rng.bool() {
            let few = rng.usize(2..=4);
            self.worths = (0..few).map(|_| *pick(rng, &CAMPAIGN_KINDS)).collect();
        }
    }

    /// Goods and campaigns of one merchant side by side, and all that can become of a hold with cards.
    fn add_checkouts(&mut self, rng: &mut Rng, others: u32) {
        self.merchants = 1;
        self.stocks_per_slot = *pick(rng, &[2, 4, 6]);
        let life = [(Kind::Reserve, 4), (Kind::Sell, 8), (Kind::Confirm, 4), (Kind::Release, 12)];
        let life = life.into_iter().chain([(Kind::Return, 6), (Kind::Cancel, 16), (Kind::StockSupply, 6)]);
        self.kinds.extend(life.map(|(kind, part)| (kind, others.div_ceil(part))));
        let chances = &mut self.chances;
        for chance in [
            &mut chances.foreign,
            &mut chances.odd_created,
            &mut chances.odd_deadline,
            &mut chances.limited,
            &mut chances.timed,
            &mut chances.quoted,
            &mut chances.huge,
        ] {
            *chance = (*chance).min(*pick(rng, &[0, 20, 50]));
        }
    }

    /// The stocks of this history.
    pub fn stocks(&self) -> Vec<StockId> {
        let numbers = 1..=self.stocks_per_slot;
        self.slots.iter().flat_map(|slot| numbers.clone().map(|number| StockId::new(*slot, number))).collect()
    }
}

/// Rules within their bounds, short windows mostly.
pub(super) fn draw_rules(rng: &mut Rng) -> Rules {
    let window_ms = *pick(rng, &[10_000, 10_500, 12_000, 60_000, 900_000, 86_400_000]);
    let least_ms = *pick(rng, &[OPERATION_WINDOW_FLOOR_MS, OPERATION_WINDOW_FLOOR_MS, window_ms]);
    let late_ms = *pick(rng, &[0, 1, 500, 5_000, 15_000, 60_000, 86_400_000]);
    Rules { operation_window_ms: window_ms, operation_window_min_ms: least_ms, late_confirm_ms: late_ms }
}

fn draw_capacity(rng: &mut Rng) -> Capacity {
    let drawn = Capacity {
        stocks_max: *pick(rng, &[1, 2, 64]),
        holds_max: *pick(rng, &[1, 3, 10, 30, 4_096]),
        extra_lines_max: *pick(rng, &[1, 5, 70, 65_536]),
        operations_max: *pick(rng, &[3, 10, 30, 4_096]),
        user_limits_max: *pick(rng, &[1, 3, 4_096]),
        keys_max: *pick(rng, &[0, 5, 40, 1_024]),
        sealed_bytes_max: *pick(rng, &[0, 200, 2_000, 64 << 10]),
        risk_counts_max: *pick(rng, &[1, 3, 20, 1_024]),
        order_lines_max: *pick(rng, &[0, 3, 10, 4_096]),
        debts_max: *pick(rng, &[0, 2, 10, 4_096]),
        cards_max: 4_096,
        redemptions_max: 4_096,
        lots_max: 4_096,
        gifts_max: 4_096,
        given_codes_max: 4_096,
        groups_max: 4_096,
        links_max: 256,
        labels_max: 256,
        notices_max: 1 << 14,
        friends_max: 4_096,
    };
    // Where purchase limits are few, so are linked ids and labels.
    let few = drawn.user_limits_max < 256;
    let (links_max, labels_max) = if few { (16, 4) } else { (drawn.links_max, drawn.labels_max) };
    Capacity { links_max, labels_max, ..drawn }
}

/// Every kind at its usual weight, three times that, or not at all; RESERVE always.
fn draw_kinds(rng: &mut Rng, keyed: bool) -> Vec<(Kind, u32)> {
    let weigh = |(kind, weight): (Kind, u32)| {
        let factor = if kind == Kind::Reserve { *pick(rng, &[1, 3]) } else { *pick(rng, &[0, 1, 1, 3]) };
        let needs_keys = matches!(
            kind,
            Kind::BatchCreate
                | Kind::BatchChange
                | Kind::KeysImport
                | Kind::Reveal
                | Kind::KeyReplace
                | Kind::KeyReclaim
                | Kind::KeysExport
                | Kind::KeysList
                | Kind::KeysRead
                | Kind::BatchesShow
        );
        // Without a keys stock all of these are refused: now and then is enough.
        let weight = if needs_keys && !keyed { weight.min(1) } else { weight };
        (kind, weight * factor)
    };
    KINDS.into_iter().map(weigh).filter(|(_, weight)| *weight > 0).collect()
}

/// Every kind at its usual weight, three or ten times that, or not at all: a history tells a few stories at length, not all of them
/// in passing. Without cards that can be had there is nothing to tell, and checkouts are about carts.
fn draw_card_kinds(rng: &mut Rng, checkouts: bool) -> Vec<(CardKind, u32)> {
    let weigh = |(kind, weight): (CardKind, u32)| {
        let factor = match kind {
            CardKind::Issue | CardKind::Redeem | CardKind::State => *pick(rng, &[1, 1, 3]),
            CardKind::QuoteReserve if checkouts => *pick(rng, &[1, 10, 30]),
            CardKind::Account if checkouts => *pick(rng, &[0, 3, 10]),
            _ => *pick(rng, &[0, 1, 1, 3, 10]),
        };
        (kind, weight * factor)
    };
    CARD_KINDS.into_iter().map(weigh).filter(|(_, weight)| *weight > 0).collect()
}

fn draw_chances(rng: &mut Rng) -> Chances {
    let mut draw = |low, high| *pick(rng, &[0, low, low, high]);
    Chances {
        wait: draw(150, 400).max(20),
        configure: draw(0, 10),
        tick: draw(0, 50),
        restart: draw(0, 5),
        retry: draw(80, 300),
        alter: draw(300, 700),
        collide: draw(20, 200),
        embed: draw(100, 900),
        odd_created: draw(50, 300),
        odd_deadline: draw(30, 200),
        replace: draw(150, 600),
        partial: draw(200, 800),
        limited: draw(300, 900),
        timed: draw(80, 300),
        foreign: draw(20, 150),
        forced: draw(300, 700),
        several: draw(300, 800),
        wide: draw(5, 100),
        keyed: draw(400, 900),
        once: draw(0, 500),
        zoned: draw(300, 900),
        hidden: draw(150, 600),
        pinched: draw(30, 150),
        parties: draw(400, 900),
        member: draw(300, 700),
        quoted: draw(100, 500),
        waits: draw(500, 950),
        boundary: draw(200, 600),
        huge: draw(10, 200),
    }
}

/// One of `from`, by their weights.
pub(super) fn pick_weighted<T: Copy>(rng: &mut Rng, from: &[(T, u32)]) -> T {
    let total = from.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.u32(0..total);
    for (one, weight) in from {
        if left < *weight {
            return *one;
        }
        left -= weight;
    }
    unreachable!("the weights add up to their total")
}

/// One of `from`, at random.
pub(super) fn pick<'f, T>(rng: &mut Rng, from: &'f [T]) -> &'f T {
    &from[rng.usize(0..from.len())]
}
