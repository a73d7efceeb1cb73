//! What commands on cards carry: issues, redemptions, changes of a card. The rules are in docs/cards.md.
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: what passed `check` needs no second
//! look: lists are in order and inside their limits.

use super::{Malformed, Parties, Referral};
use crate::ids::{CardId, GivenCode, OrderId, StockId, UserId};
use crate::limits::{BEARER_CARDS_MAX, CARD_VALUE_MAX, CARDS_PER_ISSUE_MAX};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// ISSUE and CLAIM: cards for an owner, or for whoever bears them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Issue<'a> {
    /// The campaign.
    pub campaign: StockId,
    /// CLAIM: the code under which it is claimed, which names the campaign then.
    pub code: Option<GivenCode>,
    /// Who gets them; 0: bearer cards.
    pub owner: UserId,
    /// How many: 1 to 64 for an owner, 1 of a CLAIM, 1 to 2^27 bearer cards.
    pub count: u32,
    /// CLAIM: the owner asks for it.
    pub claimed: bool,
    /// Whom else the demand comes from; `None`: not told, as of bearer cards always.
    pub parties: Option<&'a Parties>,
    /// CLAIM: by whose word the owner comes.
    pub referral: Option<&'a Referral>,
    /// The cards' own times, in place of the campaign's if one of the two is not 0: valid from, ms; 0: open. 0 of a CLAIM.
    pub from_ms: u64,
    /// Valid until, ms; 0: open. 0 of a CLAIM.
    pub until_ms: u64,
}

impl Issue<'_> {
    /// One bearer card, with the definition's times.
    pub const fn of_nobody(campaign: StockId) -> Issue<'static> {
        Issue {
            campaign,
            code: None,
            owner: UserId(0),
            count: 1,
            claimed: false,
            parties: None,
            referral: None,
            from_ms: 0,
            until_ms: 0,
        }
    }

    /// Whether the cards get times of their own.
    pub const fn own_times(&self) -> bool {
        self.from_ms != 0 || self.until_ms != 0
    }
}

/// What a till tells with a use that it could not send at once, as it lies on the wire and in the log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Offline {
    /// When it took the card, milliseconds since the Unix epoch; not 0.
    pub occurred_ms: U64,
    /// Which till; 0: not told.
    pub terminal: U64,
}

impl Offline {
    /// Taken then, at this till.
    pub const fn new(occurred_ms: u64, terminal: u64) -> Offline {
        Offline { occurred_ms: U64::new(occurred_ms), terminal: U64::new(terminal) }
    }
}

/// REDEEM: units of a card are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redeem<'a> {
    /// The card.
    pub card: CardId,
    /// The generation of its code; `None`: it is named by its id.
    pub generation: Option<u8>,
    /// Units; 0: 1, or what docs/cards.md says of a card that can be filled.
    pub units: u32,
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// Who uses it; 0: not told.
    pub user: UserId,
    /// Whom else the demand comes from, for risk rules; `None`: not told.
    pub parties: Option<&'a Parties>,
    /// What of the order the card may be used on, in minor units.
    pub amount: u64,
    /// The store; 0: not told.
    pub store: u64,
    /// The product; 0: not told.
    pub product: u64,
    /// The category; 0: not told.
    pub category: u64,
    /// It happened before, at a till that was offline; `None`: it happens now.
    pub offline: Option<&'a Offline>,
}

impl Redeem<'_> {
    /// The units it asks for.
    pub const fn asked(&self) -> u32 {
        if self.units == 0 { 1 } else { self.units }
    }
}

/// A card in a hold, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CardLine {
    /// The card.
    pub card: U64,
    /// What of the order the card may be used on, in minor units.
    pub amount: U64,
    /// The store; 0: not told.
    pub store: U64,
    /// The product; 0: not told.
    pub product: U64,
    /// The category; 0: not told.
    pub category: U64,
    /// Units, 1 to 1,000,000.
    pub units: U32,
    /// The generation of its code; 0 if it is named by its id.
    pub generation: u8,
    /// 1: the card is named by its code.
    pub by_code: u8,
    /// Reserved; 0.
    pub spare: U16,
}

impl CardLine {
    /// Units of a card, named by its id, on so much of the order.
    pub fn new(card: CardId, units: u32, amount: u64) -> CardLine {
        CardLine {
            card: U64::new(card.0),
            units: U32::new(units),
            amount: U64::new(amount),
            ..CardLine::default()
        }
    }

    /// The card.
    pub fn card(&self) -> CardId {
        CardId(self.card.get())
    }

    /// The same use as a REDEEM, for who takes the hold.
    pub fn as_redeem<'a>(&self, take: &super::Take<'a>) -> Redeem<'a> {
        Redeem {
            card: self.card(),
            generation: (self.by_code != 0).then_some(self.generation),
            units: self.units.get(),
            order: take.order,
            user: take.user,
            parties: take.parties,
            amount: self.amount.get(),
            store: self.store.get(),
            product: self.product.get(),
            category: self.category.get(),
            offline: None,
        }
    }

    /// Whether its numbers lie inside their limits.
    pub(super) fn is_sound(&self) -> bool {
        let generation_max = if self.by_code == 1 { super::check::GENERATION_MAX } else { 0 };
        (1..=CARD_VALUE_MAX).contains(&self.units.get())
            && self.by_code <= 1
            && self.generation <= generation_max
            && self.spare == 0
    }
}

/// What happens to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardChange {
    /// It can be used from now on.
    Activate,
    /// It can't be used for the time being.
    Freeze,
    /// It can be used again.
    Unfreeze,
    /// It is gone for good.
    Void,
    /// It is valid until this time, ms.
    Extend {
        /// Shard time; in the future.
        until_ms: u64,
    },
}

impl CardChange {
    /// Its number on the wire and in the log; never reused.
    pub const fn number(self) -> u8 {
        match self {
            CardChange::Activate => 1,
            CardChange::Freeze => 2,
            CardChange::Unfreeze => 3,
            CardChange::Void => 4,
            CardChange::Extend { .. } => 5,
        }
    }

    /// The change with this number; `until_ms` is that of an extension, 0 of all others.
    pub const fn from_number(number: u8, until_ms: u64) -> Option<CardChange> {
        Some(match (number, until_ms) {
            (1, 0) => CardChange::Activate,
            (2, 0) => CardChange::Freeze,
            (3, 0) => CardChange::Unfreeze,
            (4, 0) => CardChange::Void,
            (5, until_ms) => CardChange::Extend { until_ms },
            _ => return None,
        })
    }

    /// The time of an extension; else 0.
    pub const fn until_ms(self) -> u64 {
        if let CardChange::Extend { until_ms } = self { until_ms } else { 0 }
    }
}

/// Where a card stands. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CardState {
    /// To be activated.
    Inactive = 1,
    /// It can be used, as far as its times and balance allow.
    Active = 2,
    /// Set aside by the operator.
    Frozen = 3,
    /// Used up.
    Used = 4,
    /// Gone for good.
    Void = 5,
    /// Being given to somebody, and the giver's until it is accepted.
    Gifting = 6,
}

impl CardState {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            CardState::Inactive => "inactive",
            CardState::Active => "active",
            CardState::Frozen => "frozen",
            CardState::Used => "used",
            CardState::Void => "void",
            CardState::Gifting => "gifting",
        }
    }

    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<CardState> {
        Some(match number {
            1 => CardState::Inactive,
            2 => CardState::Active,
            3 => CardState::Frozen,
            4 => CardState::Used,
            5 => CardState::Void,
            6 => CardState::Gifting,
            _ => return None,
        })
    }
}

impl Issue<'_> {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        let bearer = self.owner.0 == 0;
        let most = match (self.claimed, bearer) {
            (true, _) => 1,
            (false, true) => BEARER_CARDS_MAX,
            (false, false) => CARDS_PER_ISSUE_MAX as u32,
        };
        if self.count == 0 || self.count > most {
            return Err(Malformed::CardCount { count: self.count, most });
        }
        let by_code = self.code.is_some() && !self.claimed;
        if self.claimed && (bearer || self.own_times()) || bearer && self.parties.is_some() || by_code {
            return Err(Malformed::Issue);
        }
        if self.referral.is_some_and(|referral| !self.claimed || referral.referrer == 0) {
            return Err(Malformed::Referral);
        }
        Ok(())
    }
}
