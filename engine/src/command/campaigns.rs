//! What commands on campaigns carry: their definitions as they lie on the wire and in the log. The rules are in docs/cards.md.
//!
//! Invariant: what passed `check` needs no second look: a definition's fields agree with its kind, lists are in order and
//! inside their limits.

use super::{Malformed, StockTerms};
use crate::ids::StockId;
use crate::limits::{CAMPAIGN_KEY_BYTES_MAX, CAMPAIGN_UNITS_MAX, CARD_UNITS_MAX, CARD_VALUE_MAX};
use zerocopy::little_endian::{I16, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What the cards of a campaign are worth. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CampaignKind {
    /// So much off (满减券).
    AmountOff = 1,
    /// A part off (折扣券).
    PercentOff = 2,
    /// Pieces of an item (兑换券).
    Item = 3,
    /// An item at a price (换购券).
    FixedPrice = 4,
    /// So many uses (次卡).
    Uses = 5,
    /// Money that was paid in before (储值卡).
    StoredValue = 6,
    /// Filled stamp by stamp, then used whole (集点卡).
    Stamps = 7,
    /// Points that are earned and spent (积分).
    Points = 8,
    /// Membership: a percent off by its level, as often as one likes (会员卡).
    Pass = 9,
}

impl CampaignKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<CampaignKind> {
        Some(match number {
            1 => CampaignKind::AmountOff,
            2 => CampaignKind::PercentOff,
            3 => CampaignKind::Item,
            4 => CampaignKind::FixedPrice,
            5 => CampaignKind::Uses,
            6 => CampaignKind::StoredValue,
            7 => CampaignKind::Stamps,
            8 => CampaignKind::Points,
            9 => CampaignKind::Pass,
            _ => return None,
        })
    }

    /// Whether its cards can be filled, by TOPUP or EARN.
    #[inline]
    pub const fn is_filled(self) -> bool {
        matches!(self, CampaignKind::StoredValue | CampaignKind::Stamps | CampaignKind::Points)
    }

    /// Whether its cards can be given to somebody else: those that are an account of one person's doings can't.
    pub const fn is_given(self) -> bool {
        !matches!(self, CampaignKind::Stamps | CampaignKind::Points | CampaignKind::Pass)
    }

    /// Whether its cards stay usable without units.
    #[inline]
    pub const fn is_never_used(self) -> bool {
        matches!(self, CampaignKind::StoredValue | CampaignKind::Points | CampaignKind::Pass)
    }

    /// Whether a balance of its cards can be as large as one of money.
    #[inline]
    pub const fn is_wide(self) -> bool {
        matches!(self, CampaignKind::StoredValue | CampaignKind::Points)
    }

    /// The most units that a new card can have.
    pub const fn units_max(self) -> u32 {
        match self {
            CampaignKind::Item | CampaignKind::Uses => CARD_UNITS_MAX,
            CampaignKind::StoredValue | CampaignKind::Points => CARD_VALUE_MAX,
            CampaignKind::Stamps => 0,
            _ => 1,
        }
    }

    /// The least units that a new card can have.
    pub const fn units_min(self) -> u32 {
        if self.is_filled() { 0 } else { 1 }
    }
}

/// Where a campaign stands. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CampaignState {
    /// Being prepared: issues nothing yet.
    Draft = 1,
    /// Issues cards.
    Running = 2,
    /// Issues none for the time being.
    Paused = 3,
    /// Issues none any more.
    Stopped = 4,
    /// Issues none any more, and all of its cards that were not used are void.
    Void = 5,
}

impl CampaignState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<CampaignState> {
        Some(match number {
            1 => CampaignState::Draft,
            2 => CampaignState::Running,
            3 => CampaignState::Paused,
            4 => CampaignState::Stopped,
            5 => CampaignState::Void,
            _ => return None,
        })
    }

    /// Whether a CAMPAIGN_STATE may take a campaign from this state to `to`.
    pub const fn leads_to(self, to: CampaignState) -> bool {
        use CampaignState::{Draft, Paused, Running, Stopped};
        matches!((self, to), (Draft, Running) | (Running, Paused | Stopped) | (Paused, Running | Stopped))
    }
}

/// What the cards of a campaign are worth, when and for how long, as it lies on the wire and in the log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Definition {
    /// A [`CampaignKind`].
    pub kind: u8,
    /// [`Definition::EACH`], [`Definition::INACTIVE`], [`Definition::BEFORE`].
    pub flags: u8,
    /// In a quote: its stacking class, 0 to 31.
    pub class: u8,
    /// Reserved; 0.
    pub spare: u8,
    /// Balance of a new card.
    pub units: U32,
    /// The least amount an order must have, in minor units; 0: any.
    pub threshold: U64,
    /// Minor units off; hundredths of a percent off; the price; what is paid for a new card of stored value; the goal of
    /// stamps; hundredths of a minor unit that a point is worth; else 0.
    pub value: U64,
    /// The most a discount can be, in minor units; 0: no maximum.
    pub cap: U64,
    /// Shard time from which on a card is valid; 0: open.
    pub from_ms: U64,
    /// Shard time from which on it no longer is; 0: open.
    pub until_ms: U64,
    /// Seconds from its receipt until a card is valid.
    pub starts_after_s: U32,
    /// Seconds for which it is valid then; 0: open.
    pub lasts_s: U32,
    /// Seconds between two redemptions of one card; 0: none.
    pub interval_s: U32,
    /// Seconds after a redemption in which it can be reversed; 0: [`crate::limits::REVERSAL_WINDOW_DEFAULT_S`].
    pub window_s: U32,
    /// Seconds that a card lives at least after a reversal has given it units back; 0: none.
    pub grace_s: U32,
    /// In a quote: the stacking classes it combines with, bit n for class n; 0: it is used alone, of stored value: with any.
    pub combines: U32,
    /// Of points: seconds for which those that are earned can be spent; 0: as the card.
    pub earned_lasts_s: U32,
    /// Of stored value: three capital letters; else 0.
    pub currency: [u8; 3],
    /// Of stored value, which lots are spent first: [`Definition::EARLIEST_FIRST`] and the others.
    pub spending: u8,
    /// The most that one card can cost, in minor units; 0: see [`CampaignTerms::cost`].
    pub cost: U64,
    /// The most that its cards can cost in all, in minor units; 0: no maximum.
    pub budget: U64,
    /// The most that the cards issued on one day can cost, in minor units; 0: no maximum.
    pub budget_per_day: U64,
    /// The most cards that can be issued on one day; 0: no maximum.
    pub cards_per_day: U64,
    /// Minutes of the day from which on cards can be used.
    pub opens_minute: U16,
    /// Minutes of the day from which on they no longer can; as many: all day; fewer: across midnight.
    pub closes_minute: U16,
    /// The campaign's clock: minutes ahead of UTC, or [`super::Limits::BY_ZONE`].
    pub clock_minutes: I16,
    /// Weekdays on which cards can be used, bit 0 for Monday; 0: all.
    pub weekdays: u8,
    /// Reserved; 0.
    pub spare_end: u8,
}

impl Definition {
    /// Lots that end first are spent first.
    pub const EARLIEST_FIRST: u8 = 0;
    /// Bonus is spent first.
    pub const BONUS_FIRST: u8 = 1;
    /// Principal is spent first.
    pub const PRINCIPAL_FIRST: u8 = 2;

    /// Flag: the value is granted for each whole threshold in the amount.
    pub const EACH: u8 = 1;
    /// Flag: cards begin inactive.
    pub const INACTIVE: u8 = 2;
    /// Flag: in a quote the threshold counts what lines cost before everything, not after earlier stages.
    pub const BEFORE: u8 = 4;
    /// All flags there are.
    pub const FLAGS: u8 = Definition::EACH | Definition::INACTIVE | Definition::BEFORE;

    /// What its cards are worth. Panics on a definition that was not checked.
    pub fn kind(&self) -> CampaignKind {
        CampaignKind::from_number(self.kind).expect("a definition was checked")
    }

    /// Whether the value is granted for each whole threshold.
    pub const fn each(&self) -> bool {
        self.flags & Definition::EACH != 0
    }

    /// Whether the threshold of a quote counts what lines cost before everything.
    pub const fn before(&self) -> bool {
        self.flags & Definition::BEFORE != 0
    }

    /// The stacking classes that it combines with in a quote, bit n for class n. Stored value that names none combines with all:
    /// it is the holder's own money, and takes nothing off.
    pub fn classes(&self) -> u32 {
        match self.combines.get() {
            0 if self.kind() == CampaignKind::StoredValue => u32::MAX,
            classes => classes,
        }
    }

    /// Whether cards begin inactive.
    pub const fn inactive(&self) -> bool {
        self.flags & Definition::INACTIVE != 0
    }
}

/// A step of a discount, as it lies on the wire and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Tier {
    /// The least amount, in minor units.
    pub threshold: U64,
    /// Minor units off.
    pub value: U64,
}

impl Tier {
    /// From `threshold` on `value` off.
    pub const fn new(threshold: u64, value: u64) -> Tier {
        Tier { threshold: U64::new(threshold), value: U64::new(value) }
    }
}

/// Something that cards can be used for, as it lies on the wire and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ScopeEntry {
    /// The merchant's id of it.
    pub id: U64,
    /// [`ScopeEntry::CHANNEL`] and the others.
    pub what: u8,
    /// Reserved; 0.
    pub spare: [u8; 7],
}

impl ScopeEntry {
    /// A channel.
    pub const CHANNEL: u8 = 1;
    /// A store.
    pub const STORE: u8 = 2;
    /// A product.
    pub const PRODUCT: u8 = 3;
    /// A category of products.
    pub const CATEGORY: u8 = 4;
    /// A segment of users, one of which a user must be in to use a card.
    pub const SEGMENT: u8 = 5;
    /// A channel through which users get cards.
    pub const CLAIM_CHANNEL: u8 = 6;
    /// A segment of users, one of which a user must be in to get a card.
    pub const CLAIM_SEGMENT: u8 = 7;

    /// Whether it says who gets cards, not what they can be used for.
    #[inline]
    pub const fn is_of_claims(&self) -> bool {
        matches!(self.what, ScopeEntry::CLAIM_CHANNEL | ScopeEntry::CLAIM_SEGMENT)
    }

    /// Whether there can be one with this id, of this sort.
    pub(super) fn is_sound(&self) -> bool {
        let id = self.id.get();
        let fits = match self.what {
            ScopeEntry::CHANNEL | ScopeEntry::CLAIM_CHANNEL => id <= u64::from(u16::MAX),
            ScopeEntry::STORE | ScopeEntry::PRODUCT | ScopeEntry::CATEGORY => id != 0,
            ScopeEntry::SEGMENT | ScopeEntry::CLAIM_SEGMENT => (1..=u64::from(u32::MAX)).contains(&id),
            _ => false,
        };
        fits && self.spare == [0; 7]
    }

    /// The one with this id, of this sort.
    pub const fn new(what: u8, id: u64) -> ScopeEntry {
        ScopeEntry { id: U64::new(id), what, spare: [0; 7] }
    }
}

/// What a definition says besides, as it lies on the wire and in the log: nowhere, if it is all 0, so that definitions from
/// before it was there are what they are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Extension {
    /// The stock whose limits hold for its cards, too, and in which they count; 0: none.
    pub group: U64,
    /// Seconds that a use of a till that was offline may be old when it comes; 0: none is taken.
    pub late_s: U32,
    /// Minutes before the end of a card at which it is told of, descending; 0: none.
    pub remind_minutes: [U16; 2],
}

impl Extension {
    /// Whether it says nothing.
    #[inline]
    pub fn is_none(&self) -> bool {
        *self == Extension::default()
    }

    /// The stock in which its cards count, too.
    #[inline]
    pub fn group(&self) -> Option<StockId> {
        Some(StockId(self.group.get())).filter(|group| group.0 != 0)
    }
}

/// A definition with its lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CampaignTerms<'a> {
    /// What its cards are worth.
    pub definition: &'a Definition,
    /// What it says besides.
    pub extension: Extension,
    /// In place of threshold and value: ascending in both; at most 8.
    pub tiers: &'a [Tier],
    /// What its cards can be used for; at most 64.
    pub scope: &'a [ScopeEntry],
}

/// A new campaign.
#[derive(Clone, Copy, PartialEq)]
pub struct CampaignCreate<'a> {
    /// The id of its stock; the slot inside must be the command's.
    pub campaign: StockId,
    /// For people: UTF-8, at most 64 bytes.
    pub name: &'a [u8],
    /// Cards that can be issued from the start.
    pub units: u64,
    /// Sale rules of the stock.
    pub terms: StockTerms,
    /// How long its codes are: the number of a layout of docs/codes.md. Kept, not interpreted.
    pub layout: u8,
    /// The key of its codes, sealed by the edge, which puts it in; empty on the wire. No content.
    pub key: &'a [u8],
    /// What its cards are worth.
    pub definition: CampaignTerms<'a>,
}

impl core::fmt::Debug for CampaignCreate<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let CampaignCreate { campaign, units, terms, layout, definition, .. } = self;
        let name = String::from_utf8_lossy(self.name);
        let mut fields = formatter.debug_struct("CampaignCreate");
        fields.field("campaign", campaign).field("name", &name).field("units", units);
        fields.field("terms", terms).field("layout", layout).field("key", &"***");
        fields.field("definition", definition).finish()
    }
}

impl CampaignCreate<'_> {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        super::check::check_name(self.name)?;
        if self.units > CAMPAIGN_UNITS_MAX {
            return Err(Malformed::CampaignUnits(self.units));
        }
        if self.key.len() > CAMPAIGN_KEY_BYTES_MAX {
            return Err(Malformed::CampaignKey(self.key.len()));
        }
        self.terms.check()?;
        self.definition.check(self.campaign)
    }
}
