//! What a stock or a merchant may lay down beside the plain sale rules: quotas, limits of subjects, prices, risk rules, blocks, a time zone. As
//! they lie on the wire; the commands that set them borrow them from there.

use crate::calendar::{Day, Transition};
use crate::ids::ChannelId;
use crate::limits::{
    PRICES_PER_STOCK_MAX, RISK_RULES_MAX, RISK_WINDOW_MAX_MS, RISK_WINDOW_MIN_MS, UNITS_PER_LINE_MAX,
};
use zerocopy::little_endian::{I16, U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Malformed;

/// A channel's part of a stock, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Quota {
    /// Units that no other channel can take.
    pub guaranteed: U64,
    /// The most units that may be held and consumed through the channel; [`Quota::NO_CAP`]: no maximum.
    pub cap: U64,
    /// Shard time at which the guarantee lapses; 0: never.
    pub lapses_ms: U64,
    /// The channel.
    pub channel: U16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl Quota {
    /// No maximum.
    pub const NO_CAP: u64 = u64::MAX;

    /// A quota of `channel`.
    pub fn new(channel: ChannelId, guaranteed: u64, cap: u64, lapses_ms: u64) -> Quota {
        Quota {
            guaranteed: U64::new(guaranteed),
            cap: U64::new(cap),
            lapses_ms: U64::new(lapses_ms),
            channel: U16::new(channel.0),
            spare: [0; 6],
        }
    }

    /// The channel.
    pub fn channel(&self) -> ChannelId {
        ChannelId(self.channel.get())
    }
}

/// Whose purchases and successes are counted. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SubjectKind {
    /// The buyer.
    User = 1,
    /// A natural person, whatever his accounts.
    LimitKey = 2,
    /// A device.
    Device = 3,
    /// An address.
    Address = 4,
    /// A user by whose word a card is claimed: risk rules and blocks alone speak of these.
    Referrer = 5,
}

impl SubjectKind {
    /// All of them, by number.
    pub const ALL: [SubjectKind; 5] = [
        SubjectKind::User,
        SubjectKind::LimitKey,
        SubjectKind::Device,
        SubjectKind::Address,
        SubjectKind::Referrer,
    ];
    /// Those that stocks and campaigns can limit, by number.
    pub const LIMITED: [SubjectKind; 4] =
        [SubjectKind::User, SubjectKind::LimitKey, SubjectKind::Device, SubjectKind::Address];

    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<SubjectKind> {
        Some(match number {
            1 => SubjectKind::User,
            2 => SubjectKind::LimitKey,
            3 => SubjectKind::Device,
            4 => SubjectKind::Address,
            5 => SubjectKind::Referrer,
            _ => return None,
        })
    }

    /// Its position in lists of one per kind.
    pub const fn position(self) -> usize {
        self as usize - 1
    }
}

/// Whom a RESERVE or SELL comes from beside the buyer, as it lies on the wire. 0: not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Parties {
    /// The natural person, whatever his accounts.
    pub limit_key: U128,
    /// Keyed hash of the device.
    pub device: U64,
    /// Keyed hash of the address.
    pub address: U64,
}

impl Parties {
    /// These three; 0: not told.
    pub const fn new(limit_key: u128, device: u64, address: u64) -> Parties {
        Parties { limit_key: U128::new(limit_key), device: U64::new(device), address: U64::new(address) }
    }
}

/// What one subject may have of a stock. 0: no limit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SubjectLimit {
    /// Units held and consumed.
    pub total: U32,
    /// Of those, units whose holds were made on one day.
    pub per_day: U32,
    /// Units held at once.
    pub held: U32,
}

impl SubjectLimit {
    /// These limits.
    pub const fn new(total: u32, per_day: u32, held: u32) -> SubjectLimit {
        SubjectLimit { total: U32::new(total), per_day: U32::new(per_day), held: U32::new(held) }
    }

    /// Whether nothing is limited.
    pub const fn is_none(&self) -> bool {
        self.total.get() == 0 && self.per_day.get() == 0 && self.held.get() == 0
    }
}

/// The limits of a stock's subjects.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Limits {
    /// By [`SubjectKind::position`]. The buyer's `total` is the stock's limit per user.
    pub subjects: [SubjectLimit; 4],
    /// Where the days begin: minutes that the merchant's clock is ahead of UTC, or [`Limits::BY_ZONE`].
    pub utc_offset_minutes: I16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl Limits {
    /// Stands for the merchant's zone: days begin where its clock says so.
    pub const BY_ZONE: i16 = i16::MIN;

    /// Whether days are those of the merchant's zone.
    #[inline]
    pub const fn by_zone(&self) -> bool {
        self.utc_offset_minutes.get() == Limits::BY_ZONE
    }

    /// The limits of one kind.
    #[inline]
    pub const fn of(&self, kind: SubjectKind) -> &SubjectLimit {
        &self.subjects[kind.position()]
    }

    /// Whether more is limited than the units per user.
    pub fn further(&self) -> bool {
        let user = SubjectLimit { total: U32::ZERO, ..self.subjects[0] };
        !user.is_none() || self.subjects[1..].iter().any(|limit| !limit.is_none())
    }

    pub(super) fn check(&self) -> Result<(), Malformed> {
        for limit in &self.subjects {
            for units in [limit.total, limit.per_day, limit.held] {
                if units.get() > UNITS_PER_LINE_MAX {
                    return Err(Malformed::Limit(units.get()));
                }
            }
        }
        let minutes = self.utc_offset_minutes.get();
        let somewhere = (-720..=840).contains(&minutes) || self.by_zone();
        if !somewhere || self.spare != [0; 6] {
            return Err(Malformed::Offset(minutes));
        }
        Ok(())
    }
}

/// What subjects may have of a stock in longer spans of time, as it lies on the wire and in the log; it stands apart from
/// [`Limits`] because most stocks have none, and because those that were set before it was there say nothing of it. 0: no limit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SpanLimits {
    /// Units whose holds were made in one ISO week, by [`SubjectKind::position`].
    pub per_week: [U32; 4],
    /// Units whose holds were made in one month, by [`SubjectKind::position`].
    pub per_month: [U32; 4],
}

impl SpanLimits {
    /// The limits of a span, by [`SubjectKind::position`].
    #[inline]
    pub const fn of(&self, span: Span) -> &[U32; 4] {
        match span {
            Span::Week => &self.per_week,
            Span::Month => &self.per_month,
        }
    }

    /// The same, to be set.
    pub const fn of_mut(&mut self, span: Span) -> &mut [U32; 4] {
        match span {
            Span::Week => &mut self.per_week,
            Span::Month => &mut self.per_month,
        }
    }

    /// Whether anybody is limited in a span.
    #[inline]
    pub fn limits(&self, span: Span) -> bool {
        self.of(span).iter().any(|limit| *limit != 0)
    }

    /// Whether anybody is limited in any span.
    #[inline]
    pub fn further(&self) -> bool {
        Span::ALL.into_iter().any(|span| self.limits(span))
    }

    /// Whether subjects of a kind are limited in any span.
    #[inline]
    pub fn speaks_of(&self, kind: SubjectKind) -> bool {
        Span::ALL.into_iter().any(|span| self.of(span)[kind.position()] != 0)
    }

    pub(super) fn check(&self) -> Result<(), Malformed> {
        let beyond = |limit: &&U32| limit.get() > UNITS_PER_LINE_MAX;
        let limits = Span::ALL.into_iter().flat_map(|span| self.of(span));
        limits.into_iter().find(beyond).map_or(Ok(()), |limit| Err(Malformed::Limit(limit.get())))
    }
}

/// A span of time, longer than a day, in which units are counted. Numbers are those of entries in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Span {
    /// An ISO week, Monday to Sunday.
    Week = 1,
    /// A month.
    Month = 2,
}

impl Span {
    /// Both.
    pub const ALL: [Span; 2] = [Span::Week, Span::Month];

    /// The number of the week or month that a day lies in.
    #[inline]
    pub fn of_day(self, day: u16) -> u16 {
        let day = Day(u32::from(day));
        // A day below 2^16 lies in a week and month below it, too.
        match self {
            Span::Week => day.week() as u16,
            Span::Month => day.month() as u16,
        }
    }
}

/// To whom a price is offered. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PriceKind {
    /// To everybody.
    List = 1,
    /// To members: commands marked so.
    Member = 2,
    /// To everybody, as a promotion.
    Promotional = 3,
}

impl PriceKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<PriceKind> {
        Some(match number {
            1 => PriceKind::List,
            2 => PriceKind::Member,
            3 => PriceKind::Promotional,
            _ => return None,
        })
    }
}

/// A price of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Price {
    /// Shard time from which on it is in force; 0: always.
    pub from_ms: U64,
    /// Shard time from which on it no longer is; 0: never.
    pub until_ms: U64,
    /// Minor units.
    pub amount: U32,
    /// The channel; [`Price::ANY_CHANNEL`]: all that have none of their own.
    pub channel: U16,
    /// A [`PriceKind`].
    pub kind: u8,
    /// Reserved; 0.
    pub spare: u8,
}

impl Price {
    /// Stands for all channels without a price of their own.
    pub const ANY_CHANNEL: ChannelId = ChannelId(u16::MAX);

    /// A price of `amount` minor units, always in force.
    pub const fn new(channel: ChannelId, kind: PriceKind, amount: u32) -> Price {
        Price {
            from_ms: U64::new(0),
            until_ms: U64::new(0),
            amount: U32::new(amount),
            channel: U16::new(channel.0),
            kind: kind as u8,
            spare: 0,
        }
    }

    /// Whether it is in force at `now_ms` for such a buyer.
    pub fn holds(&self, now_ms: u64, member: bool) -> bool {
        let (from_ms, until_ms) = (self.from_ms.get(), self.until_ms.get());
        from_ms <= now_ms
            && (until_ms == 0 || now_ms < until_ms)
            && (member || self.kind != PriceKind::Member as u8)
    }
}

pub(super) fn check_prices(prices: &[Price]) -> Result<(), Malformed> {
    if prices.len() > PRICES_PER_STOCK_MAX {
        return Err(Malformed::PriceCount(prices.len()));
    }
    let bad = |price: &Price| {
        let (from_ms, until_ms) = (price.from_ms.get(), price.until_ms.get());
        PriceKind::from_number(price.kind).is_none()
            || price.spare != 0
            || price.amount.get() == 0
            || until_ms != 0 && until_ms <= from_ms
    };
    prices.iter().position(bad).map_or(Ok(()), |position| Err(Malformed::Price(position)))
}

/// What becomes of a command that a risk rule or a block speaks of. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RiskAction {
    /// It is refused: RISK_LIMIT.
    Refuse = 1,
    /// It passes; its hold is flagged.
    Flag = 2,
}

impl RiskAction {
    /// The action with this number.
    pub const fn from_number(number: u8) -> Option<RiskAction> {
        Some(match number {
            1 => RiskAction::Refuse,
            2 => RiskAction::Flag,
            _ => return None,
        })
    }
}

/// At most so many successes per window and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RiskRule {
    /// Its number among the merchant's rules of the slot, 1 to 64.
    pub number: U16,
    /// The channel; [`Price::ANY_CHANNEL`]: all.
    pub channel: U16,
    /// A [`SubjectKind`].
    pub subject: u8,
    /// A [`RiskAction`]; 0: the rule is lifted.
    pub action: u8,
    /// Reserved; 0.
    pub spare: U16,
    /// Commands that may succeed in one window.
    pub at_most: U32,
    /// Length of a window in milliseconds; windows follow each other from the Unix epoch on.
    pub window_ms: U32,
}

impl RiskRule {
    /// Whose successes are counted.
    pub fn subject(&self) -> SubjectKind {
        SubjectKind::from_number(self.subject).expect("a rule was checked")
    }

    /// Whether it speaks of commands of this channel.
    pub fn covers(&self, channel: ChannelId) -> bool {
        self.channel.get() == Price::ANY_CHANNEL.0 || self.channel.get() == channel.0
    }

    pub(super) fn check(&self) -> Result<(), Malformed> {
        let number = self.number.get();
        let lifted = self.action == 0;
        let within = (RISK_WINDOW_MIN_MS..=RISK_WINDOW_MAX_MS).contains(&self.window_ms.get());
        let sound = (1..=RISK_RULES_MAX as u16).contains(&number)
            && self.spare.get() == 0
            && (lifted
                || RiskAction::from_number(self.action).is_some()
                    && SubjectKind::from_number(self.subject).is_some()
                    && within);
        if sound { Ok(()) } else { Err(Malformed::RiskRule(number)) }
    }
}

/// A subject whose commands are refused or flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Block {
    /// The user, limit key, device, address or referrer; not 0.
    pub subject: U128,
    /// Shard time from which on it no longer counts; 0: never.
    pub until_ms: U64,
    /// A [`SubjectKind`].
    pub kind: u8,
    /// A [`RiskAction`]; 0: the block is lifted.
    pub action: u8,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl Block {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        let known = SubjectKind::from_number(self.kind).is_some()
            && (self.action == 0 || RiskAction::from_number(self.action).is_some());
        let hashed = [SubjectKind::Device as u8, SubjectKind::Address as u8].contains(&self.kind);
        let narrow = !hashed || self.subject.get() <= u128::from(u64::MAX);
        if known && narrow && self.subject.get() != 0 && self.spare == [0; 6] {
            Ok(())
        } else {
            Err(Malformed::Block)
        }
    }
}

/// A merchant's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneSet<'a> {
    /// The version the caller has seen; 0: there is none yet.
    pub version: u32,
    /// For people: UTF-8, 1 to 64 bytes, such as an IANA name.
    pub name: &'a [u8],
    /// Its transitions, 1 to 256, in ascending order.
    pub transitions: &'a [Transition],
}
