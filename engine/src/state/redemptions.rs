//! Redemptions: what was used of a card, and what of that was given back since.
//!
//! The third kind of record under the operation index: a redemption is its REDEEM's record, and what a REVERSE names. It
//! leaves memory with its operation slice. A card's redemptions that are not reversed whole hang behind each other, so
//! that an interval between two of them can be kept when the newest is reversed.
//!
//! Invariant: a record in use hangs in its card's list exactly if units of it are not reversed, behind those made after it.

use super::State;
use super::recount::{RecountError, same};
use super::slices::slice_of;
use super::table::{Handle, NONE};
use crate::answer::HoldState;
use crate::ids::{MerchantId, OperationId, OperationKey, OrderId, Slot};
use crate::limits::{
    CARD_UNITS_MAX, CARD_VALUE_MAX, OPERATION_WINDOW_MAX_MS, POINTS_DISCOUNT_MAX, REDEMPTIONS_SCANNED_MAX,
    SLICE_MS,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub mod card_lines;

/// A redemption. Times and numbers of units are packed: it is 80 bytes, and so it should stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RedemptionRecord {
    /// The operation's id.
    pub operation: u128,
    /// The order; 0: none. Of a card line that was refused, what it lacked.
    pub order: u128,
    /// Digest of its content. Of a card line, its hold.
    pub content: u64,
    /// What it took off the amount, in minor units; of a wide record in the lower 34 bits, above them the units that the card
    /// had left then. (A card line has the units it was made with in that place.)
    discount: u64,
    /// Shard time in the lower 44 bits; above it, how far the slice of its `created_ms` lies behind, see
    /// [`RedemptionRecord::slice`]; at the top [`WIDE`] and [`PARTS`]. 0: the record is free.
    times: u64,
    /// From the lowest bit: units, of those reversed, units that the card had left then (20 bits each; of a wide record the
    /// first two, 30 bits each); a flag.
    counts: u64,
    /// The card's record.
    pub card: u32,
    /// The next record of the same operation slice, tagged as in the operation index.
    pub slice_next: u32,
    /// The card's next redemption that is not reversed whole; [`NONE`]: none, or it does not hang.
    newer: u32,
    /// The one before; [`NONE`]: none, or it does not hang.
    older: u32,
}

const _: () = assert!(size_of::<RedemptionRecord>() == 80);

const AT_BITS: u32 = 44;
/// A slice may lie this many ahead of the redemption's time: an id may be made a minute in the future.
const SLICES_AHEAD: u64 = 64;
const BEHIND_BITS: u32 = 18;
/// Flag beside the times: of a card whose balance can be as large as one of money.
const WIDE: u64 = 1 << 63;
/// Flag beside the times: it has parts, see [`super::lots`].
const PARTS: u64 = 1 << 62;
const UNITS_BITS: u32 = 20;
const UNITS_MASK: u64 = (1 << UNITS_BITS) - 1;
const WIDE_BITS: u32 = 30;
const DISCOUNT_BITS: u32 = 34;
const FLAGGED: u64 = 1 << (3 * UNITS_BITS);

const _: () = assert!((CARD_UNITS_MAX as u64) <= UNITS_MASK && (CARD_VALUE_MAX as u64) < 1 << WIDE_BITS);
const _: () = assert!(POINTS_DISCOUNT_MAX < 1 << DISCOUNT_BITS && 2 * WIDE_BITS <= 3 * UNITS_BITS);
const _: () = assert!(
    AT_BITS + BEHIND_BITS <= 62 && OPERATION_WINDOW_MAX_MS / SLICE_MS + 2 * SLICES_AHEAD < 1 << BEHIND_BITS
);
const _: () = assert!(SLICES_AHEAD * SLICE_MS > crate::limits::CLOCK_AHEAD_MAX_MS + SLICE_MS);

/// What a new redemption is made of.
#[derive(Debug, Clone, Copy)]
pub struct NewRedemption {
    /// The operation's id.
    pub operation: OperationId,
    /// When the caller made the id.
    pub created_ms: u64,
    /// Digest of its content.
    pub content: u64,
    /// The order; 0: none.
    pub order: OrderId,
    /// Units.
    pub units: u32,
    /// Units that the card has left.
    pub left: u32,
    /// What it takes off the amount.
    pub discount: u64,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
    /// Its card's balance can be as large as one of money; the discount then is less than 2^34.
    pub wide: bool,
}

impl RedemptionRecord {
    fn new(new: &NewRedemption, card: Handle, now_ms: u64) -> RedemptionRecord {
        let behind = (slice_of(now_ms) + SLICES_AHEAD).checked_sub(slice_of(new.created_ms));
        let behind = behind.filter(|behind| *behind < 1 << BEHIND_BITS);
        assert!(now_ms < 1 << AT_BITS, "shard time lies in this millennium's first half");
        let behind = behind.expect("ids are at most a day old and a minute young");
        let flag = if new.flagged { FLAGGED } else { 0 };
        let (wide, left, discount) = match new.wide {
            true => (WIDE, 0, u64::from(new.left) << DISCOUNT_BITS | new.discount),
            false => (0, u64::from(new.left) << (2 * UNITS_BITS), new.discount),
        };
        RedemptionRecord {
            operation: new.operation.0,
            order: new.order.0,
            content: new.content,
            discount,
            times: wide | behind << AT_BITS | now_ms,
            counts: flag | left | u64::from(new.units),
            card: card.0,
            slice_next: NONE,
            newer: NONE,
            older: NONE,
        }
    }

    /// Whether the record is free.
    pub(super) fn is_free(&self) -> bool {
        self.times == 0
    }

    /// Shard time of the redemption.
    pub fn at_ms(&self) -> u64 {
        self.times & ((1 << AT_BITS) - 1)
    }

    /// The slice it lies in.
    #[inline]
    pub fn slice(&self) -> u64 {
        slice_of(self.at_ms()) + SLICES_AHEAD - ((self.times & !(WIDE | PARTS)) >> AT_BITS)
    }

    /// Whether its units are those of stored value or of points.
    pub fn is_wide(&self) -> bool {
        self.times & WIDE != 0
    }

    /// Whether it took of other lots than the card's own.
    #[inline]
    pub(super) fn has_parts(&self) -> bool {
        self.times & PARTS != 0
    }

    pub(super) fn set_has_parts(&mut self, has: bool) {
        self.times = if has { self.times | PARTS } else { self.times & !PARTS };
    }

    /// How wide its counts are.
    fn bits(&self) -> u32 {
        if self.is_wide() { WIDE_BITS } else { UNITS_BITS }
    }

    fn count(&self, position: u32) -> u32 {
        (self.counts >> (position * self.bits()) & ((1 << self.bits()) - 1)) as u32
    }

    /// What it took off the amount, in minor units.
    pub fn discount(&self) -> u64 {
        if self.is_wide() { self.discount & ((1 << DISCOUNT_BITS) - 1) } else { self.discount }
    }

    /// Units that were used.
    pub fn units(&self) -> u32 {
        self.count(0)
    }

    /// Of those, units that were given back.
    pub fn reversed(&self) -> u32 {
        self.count(1)
    }

    /// Units that the card had left then.
    pub fn left(&self) -> u32 {
        if self.is_wide() { (self.discount >> DISCOUNT_BITS) as u32 } else { self.count(2) }
    }

    /// Whether a risk rule or a block has marked it.
    pub fn flagged(&self) -> bool {
        self.counts & FLAGGED != 0
    }

    /// Whether something of it is not reversed. A use of a pass, of no units, can't be; a card line of no units is not used yet.
    pub fn stands(&self) -> bool {
        self.reversed() < self.units() || self.units() == 0 && !self.is_of_hold()
    }
}

impl State {
    /// Whether it is the redemption with this key.
    #[inline]
    pub(super) fn is_redemption(&self, handle: Handle, key: &OperationKey) -> bool {
        let redemption = self.redemptions.get(handle);
        redemption.operation == key.operation.0
            && self.owner_of_card(Handle(redemption.card)) == (key.merchant, key.slot)
    }

    /// Whether the floor has passed a redemption: it is as if it had never been.
    #[inline]
    pub(super) fn is_redemption_gone(&self, redemption: &RedemptionRecord) -> bool {
        if redemption.is_of_hold() {
            return self.is_gone(redemption.hold(), self.now_ms);
        }
        redemption.slice() < slice_of(self.floor_ms)
    }

    /// The key of a redemption.
    pub fn redemption_key(&self, handle: Handle) -> OperationKey {
        let redemption = self.redemptions.get(handle);
        let (merchant, slot): (MerchantId, Slot) = self.owner_of_card(Handle(redemption.card));
        OperationKey { merchant, slot, operation: OperationId(redemption.operation) }
    }

    /// The newest redemption of a card that stands. Those the floor has passed may lie among them until they are freed;
    /// where all that are older must be passed, too, the search ends. (Of holds that outlive the floor, because they were owed, that is
    /// the rule itself.)
    pub fn newest_redemption(&self, newest: u32) -> Option<&RedemptionRecord> {
        let all = core::iter::successors(self.redemption(newest), |record| self.redemption(record.older));
        let oldest_ms = self.floor_ms.saturating_sub(crate::limits::CLOCK_AHEAD_MAX_MS);
        all.take(REDEMPTIONS_SCANNED_MAX)
            .take_while(|record| record.at_ms() >= oldest_ms)
            .find(|record| !self.is_redemption_gone(record))
    }

    fn redemption(&self, handle: u32) -> Option<&RedemptionRecord> {
        (handle != NONE).then(|| self.redemptions.get(Handle(handle)))
    }

    /// Each card line hangs in its hold, and is held exactly if that is.
    fn compare_card_lines(&self, of_holds: u64) -> Result<(), RecountError> {
        let mut found = 0;
        for (handle, hold) in self.holds.iter().filter(|(_, hold)| hold.state != 0) {
            let held = hold.state() == HoldState::Held;
            for (_, line) in self.card_lines(hold) {
                found += 1;
                let agrees = line.is_of_hold() && line.hold() == handle && line.is_held() == held;
                same("cards of a hold", u64::from(agrees), 1)?;
            }
        }
        same("cards in holds", found, of_holds)
    }

    /// Compares the lists of redemptions with the records; answers how many there are.
    pub(super) fn compare_redemptions(&self) -> Result<u64, RecountError> {
        let (mut used, mut standing, mut newest, mut of_holds) = (0u64, 0u64, 0u64, 0u64);
        let mut held = std::collections::BTreeMap::<u32, u64>::new();
        let mut units = std::collections::BTreeMap::<u32, u64>::new();
        for (handle, record) in self.redemptions.iter().filter(|(_, record)| !record.is_free()) {
            used += 1;
            of_holds += u64::from(record.is_of_hold());
            if record.is_held() {
                *held.entry(record.card).or_default() += u64::from(record.reserved());
            }
            *units.entry(record.card).or_default() += u64::from(record.units() - record.reversed());
            if !record.stands() {
                same(
                    "redemptions that are reversed",
                    u64::from(record.newer == NONE && record.older == NONE),
                    1,
                )?;
                continue;
            }
            standing += 1;
            let older_agrees = self.redemption(record.older).is_none_or(|older| {
                (older.newer, older.card) == (handle.0, record.card) && older.at_ms() <= record.at_ms()
            });
            let newer_agrees = match self.redemption(record.newer) {
                None => self.cards.get(Handle(record.card)).redemption == handle.0,
                Some(newer) => (newer.older, newer.card) == (handle.0, record.card),
            };
            same("redemptions that hang in their card's list", u64::from(older_agrees && newer_agrees), 1)?;
        }
        let mut reached = 0u64;
        for (handle, card) in self.cards.iter() {
            newest += u64::from(card.redemption != NONE);
            let all = core::iter::successors(self.redemption(card.redemption), |found| {
                self.redemption(found.older)
            });
            reached += all.take(standing as usize + 1).count() as u64;
            let redeemed = units.get(&handle.0).copied().unwrap_or(0);
            same("held units of a card", u64::from(card.held), held.get(&handle.0).copied().unwrap_or(0))?;
            // Those that have left memory keep their units used.
            same("units used by redemptions", u64::from(redeemed <= u64::from(card.consumed)), 1)?;
        }
        same("redemptions of cards", reached, standing)?;
        same("cards with redemptions", u64::from(newest <= standing), 1)?;
        same("redemptions", u64::from(self.redemptions.used()), used)?;
        self.compare_card_lines(of_holds)?;
        // A card line stands under its hold's id.
        Ok(used - of_holds)
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Records a redemption of a card: its newest.
    pub(crate) fn insert_redemption(&mut self, new: &NewRedemption, card: Handle, hash: u32) -> Handle {
        let record = RedemptionRecord::new(new, card, self.now_ms);
        let handle = self.redemptions.insert(record);
        self.hang_redemption(handle, card);
        self.index_redemption(handle, new.created_ms, hash);
        handle
    }

    /// It is its card's newest.
    fn hang_redemption(&mut self, handle: Handle, card: Handle) {
        let before = core::mem::replace(&mut self.cards.get_mut(card).redemption, handle.0);
        self.redemptions.get_mut(handle).older = before;
        if before != NONE {
            self.redemptions.get_mut(Handle(before)).newer = handle.0;
        }
        self.count_redeemed(card);
    }

    /// Units of a redemption are given back.
    pub(crate) fn reverse_redemption(&mut self, handle: Handle, units: u32) {
        let record = self.redemptions.get_mut(handle);
        assert!(
            units > 0 && record.reversed() + units <= record.units(),
            "no more is reversed than was redeemed"
        );
        record.counts += u64::from(units) << record.bits();
        if !record.stands() {
            self.unhang_redemption(handle);
        }
    }

    /// Its neighbours are next to each other.
    fn unhang_redemption(&mut self, handle: Handle) {
        let RedemptionRecord { card, newer, older, .. } = *self.redemptions.get(handle);
        match newer {
            NONE => self.cards.get_mut(Handle(card)).redemption = older,
            newer => self.redemptions.get_mut(Handle(newer)).older = older,
        }
        if older != NONE {
            self.redemptions.get_mut(Handle(older)).newer = newer;
        }
        let record = self.redemptions.get_mut(handle);
        (record.newer, record.older) = (NONE, NONE);
    }

    /// A redemption leaves memory.
    pub(super) fn evict_redemption(&mut self, handle: Handle) {
        if self.redemptions.get(handle).stands() {
            self.unhang_redemption(handle);
        }
        self.forget_parts(handle);
        let hash = self.record_hash(&self.redemption_key(handle));
        self.unindex_redemption(handle, hash);
    }
}
