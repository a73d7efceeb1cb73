//! The offer: one card of a campaign, as far as a quote needs it. It stands between the engine's campaigns and cards,
//! which this crate does not know, and the arithmetic.
//!
//! Invariant: an offer holds the rules of one card and borrows its lists; every list of a scope is ascending without
//! doubles (a quote refuses others), so that looking something up is bounded.

use crate::ids::{
    Amount, CampaignId, CardId, CategoryId, ChannelId, Currency, ProductId, SegmentId, StoreId, TimeMs,
};
use crate::limits::{AMOUNT_MAX, STACKING_CLASSES};

/// One card and the rules it is used by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The card. One card stands once in a list of offers.
    pub card: CardId,
    /// The campaign it is of. Cards of one campaign stand together in the order of application.
    pub campaign: CampaignId,
    /// What it does.
    pub kind: Kind<'a>,
    /// The currency of its amounts; 0: it does not matter.
    pub currency: Currency,
    /// How much must be bought for it to count. [`Kind::Tiers`] brings its own amounts.
    pub threshold: Threshold,
    /// Where, for whom and for which lines it counts.
    pub scope: Scope<'a>,
    /// The first moment at which it is valid.
    pub starts_ms: TimeMs,
    /// The first moment at which it is no longer valid.
    pub expires_ms: TimeMs,
    /// Which cards it may be used with.
    pub stacking: Stacking,
}

impl<'a> Offer<'a> {
    /// A card without threshold, valid always, everywhere and for everything, in class 0, which combines with class 0.
    pub const fn new(card: u64, kind: Kind<'a>) -> Offer<'a> {
        Offer {
            card: CardId(card),
            campaign: CampaignId(card),
            kind,
            currency: Currency(0),
            threshold: Threshold::NONE,
            scope: Scope::ALL,
            starts_ms: TimeMs(0),
            expires_ms: TimeMs::NEVER,
            stacking: Stacking::TOGETHER,
        }
    }
}

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// 满减: takes an amount off; 每满: once for every time the threshold is reached.
    AmountOff {
        /// What it takes off each time.
        value: Amount,
        /// How often at most, at least 1. More than 1 needs a threshold.
        repeats_max: u32,
        /// What it takes off at most, all times together.
        cap: Option<Amount>,
    },
    /// 阶梯: takes off the value of the highest tier that is reached. Thresholds and values ascend.
    Tiers(&'a [Tier]),
    /// 折扣: takes a share off.
    PercentOff {
        /// The share taken off, in hundredths of a percent, 1 to 10,000: 八折 is 2,000.
        off_basis_points: u16,
        /// What it takes off at most.
        cap: Option<Amount>,
    },
    /// 兑换: some pieces are free.
    Item {
        /// How many, at least 1.
        pieces: u32,
    },
    /// 换购: some pieces cost a fixed price.
    FixedPrice {
        /// What each of them costs.
        price: Amount,
        /// How many, at least 1.
        pieces: u32,
    },
    /// Takes something off the shipping.
    Shipping {
        /// How much at most; [`Kind::FREE_SHIPPING`] takes all.
        value: Amount,
    },
    /// Pays: the holder's own money, not a discount.
    StoredValue {
        /// What is on it.
        balance: Amount,
        /// Whether it pays for shipping, too.
        pays_shipping: bool,
    },
}

impl Kind<'_> {
    /// Shipping costs nothing.
    pub const FREE_SHIPPING: Kind<'static> = Kind::Shipping { value: Amount(AMOUNT_MAX) };

    /// An amount off, once.
    pub const fn amount_off(value: u64) -> Kind<'static> {
        Kind::AmountOff { value: Amount(value), repeats_max: 1, cap: None }
    }

    /// A share off, without a cap.
    pub const fn percent_off(off_basis_points: u16) -> Kind<'static> {
        Kind::PercentOff { off_basis_points, cap: None }
    }

    /// When it takes its turn.
    pub const fn stage(&self) -> Stage {
        match self {
            Kind::Item { .. } | Kind::FixedPrice { .. } => Stage::Item,
            Kind::PercentOff { .. } => Stage::Percent,
            Kind::AmountOff { .. } | Kind::Tiers(_) => Stage::Fixed,
            Kind::Shipping { .. } => Stage::Shipping,
            Kind::StoredValue { .. } => Stage::StoredValue,
        }
    }
}

/// The order of application: a card of an earlier stage takes its turn before one of a later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Single pieces.
    Item,
    /// A share of the order.
    Percent,
    /// An amount off the order.
    Fixed,
    /// The shipping.
    Shipping,
    /// Payment.
    StoredValue,
}

/// One step of [`Kind::Tiers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// What must be bought.
    pub threshold: Amount,
    /// What is taken off then.
    pub value: Amount,
}

/// How much must be bought for a card to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// How much; 0: nothing need be.
    pub amount: Amount,
    /// At which prices the lines count.
    pub counted: Counted,
    /// Which lines count.
    pub over: Over,
}

impl Threshold {
    /// No threshold.
    pub const NONE: Threshold =
        Threshold { amount: Amount(0), counted: Counted::AfterEarlierStages, over: Over::Scope };

    /// So much in lines of the scope, after earlier stages.
    pub const fn of(amount: u64) -> Threshold {
        Threshold { amount: Amount(amount), ..Threshold::NONE }
    }
}

/// At which prices lines count for a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// What was left of them when the card's stage began: after platform-funded discounts and earlier stages.
    AfterEarlierStages,
    /// Price times quantity, before everything.
    BeforeEverything,
}

/// Which lines count for a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Those in the card's scope.
    Scope,
    /// All lines of the cart: "spend 100 on anything, and the mug costs 10".
    Cart,
}

/// Where, for whom and for which lines a card counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Channels.
    pub channels: Choice<'a, ChannelId>,
    /// Stores.
    pub stores: Choice<'a, StoreId>,
    /// Segments: `only` asks for one of them, `never` turns away whoever is in any of them.
    pub segments: Choice<'a, SegmentId>,
    /// Products. A line is in by its product or by a category, and out by either.
    pub products: Choice<'a, ProductId>,
    /// Categories.
    pub categories: Choice<'a, CategoryId>,
}

impl Scope<'_> {
    /// Everywhere, for everybody, for everything.
    pub const ALL: Scope<'static> = Scope {
        channels: Choice::ANY,
        stores: Choice::ANY,
        segments: Choice::ANY,
        products: Choice::ANY,
        categories: Choice::ANY,
    };
}

/// A list of what is in and a list of what is out. Who is in both is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a, T> {
    /// What is in, ascending. Empty: everything.
    pub only: &'a [T],
    /// What is out, ascending.
    pub never: &'a [T],
}

impl<'a, T> Choice<'a, T> {
    /// Everything.
    pub const ANY: Choice<'a, T> = Choice { only: &[], never: &[] };

    /// These alone.
    pub const fn only(only: &'a [T]) -> Choice<'a, T> {
        Choice { only, never: &[] }
    }

    /// All but these.
    pub const fn never(never: &'a [T]) -> Choice<'a, T> {
        Choice { only: &[], never }
    }
}

/// Which cards a card may be used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stacking {
    /// The class it is in.
    pub class: StackingClass,
    /// The classes it may be used with. Whether two cards of one class may be used together is said here, too.
    pub combines: ClassSet,
    /// It is used alone, whatever the classes say.
    pub exclusive: bool,
}

impl Stacking {
    /// In class 0, which combines with itself.
    pub const TOGETHER: Stacking = Stacking::new(0, &[0]);

    /// In this class, combining with these.
    ///
    /// # Panics
    /// If a class is not under [`STACKING_CLASSES`].
    pub const fn new(class: u8, combines: &[u8]) -> Stacking {
        Stacking { class: StackingClass(class), combines: ClassSet::of(combines), exclusive: false }
    }

    /// Used alone.
    pub const fn exclusive(class: u8) -> Stacking {
        Stacking { class: StackingClass(class), combines: ClassSet(0), exclusive: true }
    }

    /// Whether two cards may be used together: each must allow the other's class, and neither may be exclusive.
    pub const fn allows(&self, other: &Stacking) -> bool {
        !self.exclusive
            && !other.exclusive
            && self.combines.has(other.class)
            && other.combines.has(self.class)
    }
}

/// A stacking class, 0 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackingClass(pub u8);

/// A set of stacking classes: bit n for class n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassSet(pub u32);

impl ClassSet {
    /// Every class.
    pub const ALL: ClassSet = ClassSet(u32::MAX);

    /// These classes.
    ///
    /// # Panics
    /// If one of them is not under [`STACKING_CLASSES`].
    pub const fn of(classes: &[u8]) -> ClassSet {
        let mut bits = 0;
        let mut at = 0;
        while at < classes.len() {
            assert!(classes[at] < STACKING_CLASSES, "a stacking class is a number under 32");
            bits |= 1 << classes[at];
            at += 1;
        }
        ClassSet(bits)
    }

    /// Whether `class` is in it. No class beyond the last is.
    pub const fn has(self, class: StackingClass) -> bool {
        class.0 < STACKING_CLASSES && self.0 >> class.0 & 1 == 1
    }
}
