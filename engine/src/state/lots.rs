//! Lots: what cards were filled with, by TOPUP and EARN, and what redemptions took of which lot.
//!
//! A card has a lot of its own, which no record says: what its record has and its other lots have not. Most cards have no
//! other, and cost nothing here. One that was ever filled has an account, which stays: it names the card's lots, in the order
//! they were made, and says what was supplied in all. A redemption, or a card line of a hold, that took of other lots than the
//! card's own has a part for each lot it took of, so that what comes back finds the way.
//!
//! Invariant: units of a card's lots are among the card's, bucket by bucket; the parts of a redemption add up to its units,
//! those of a card line that is held to what it holds. A lot goes only when nothing of it is held, and no redemption that took of
//! it can be reversed any more.

mod holds;

use super::State;
use super::cards::CardRecord;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::slices::slice_of;
use super::table::{Handle, NONE, Table};
use crate::command::Definition;
use crate::limits::{Capacity, LOTS_PER_CARD_MAX};
use arrayvec::ArrayVec;
use scrip_planted::{Bug, on};
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a card that was ever filled has beside its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AccountRecord {
    /// Units that were supplied, whatever became of them.
    supplied: u64,
    /// The card's record.
    card: u32,
    /// The oldest of its lots; [`NONE`]: it has but its own.
    first: u32,
}

/// Units that a card was filled with at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LotRecord {
    /// The card's record.
    card: u32,
    /// The card's next lot; [`NONE`]: this is the newest.
    next: u32,
    /// Units it was made with; 0: the record is free.
    pub units: u32,
    /// Units left.
    pub available: u32,
    /// Units held by holds.
    held: u32,
    /// Units used.
    pub consumed: u32,
    /// When it ends, seconds; 0: with the card.
    pub until_s: u32,
    /// What was paid for its units, in minor units.
    pub paid: u32,
    /// The operation slice behind the youngest of a redemption that took of it; 0: none has.
    used_before: u32,
    /// No other lot has it, for as long as anybody can name this one.
    number: u32,
    /// 1: bonus; 0: principal.
    bonus: u8,
    spare: [u8; 3],
}

/// What a redemption took of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct PartRecord {
    /// The lot; [`NONE`]: the card's own.
    lot: u32,
    /// Units; 0: the record is free.
    units: u32,
    /// Of those, units that were given back.
    back: u32,
    /// What was taken before it; [`NONE`]: nothing.
    before: u32,
    /// The lot's number: one that is gone may have left its handle to another.
    number: u32,
    /// The redemption.
    redemption: u32,
}

// What docs/architecture.md and `LOT_BYTES` say.
const _: () = assert!(size_of::<AccountRecord>() == 16 && size_of::<LotRecord>() == 44);
const _: () = assert!(size_of::<PartRecord>() == 24);

impl LotRecord {
    /// Whether it was given, not paid for.
    pub fn is_bonus(&self) -> bool {
        self.bonus != 0
    }

    /// Whether its units can be used, as far as the card can.
    pub fn is_live(&self, now_ms: u64) -> bool {
        ends_after(self.until_s, now_ms)
    }

    /// It stays until the floor has passed the slice: what took of it is known until then, and may give it back.
    fn keep(&mut self, slice: u64) {
        self.used_before = self.used_before.max(u32::try_from(slice + 1).unwrap_or(u32::MAX));
    }
}

fn ends_after(until_s: u32, now_ms: u64) -> bool {
    until_s == 0 || now_ms < u64::from(until_s) * 1_000
}

/// A new lot.
#[derive(Debug, Clone, Copy)]
pub struct NewLot {
    /// Units.
    pub units: u32,
    /// It is given, not paid for.
    pub bonus: bool,
    /// What was paid.
    pub paid: u32,
    /// When it ends, seconds; 0: with the card.
    pub until_s: u32,
}

impl NewLot {
    /// None at all.
    pub const NONE: NewLot = NewLot { units: 0, bonus: false, paid: 0, until_s: 0 };
}

/// Units of one lot, or of the card's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The lot; `None`: the card's own.
    pub lot: Option<Handle>,
    /// Units.
    pub units: u32,
}

/// Units of lots, in the order in which they are taken.
pub type Shares = ArrayVec<Share, { LOTS_PER_CARD_MAX + 1 }>;

/// A lot in the order of spending.
struct Candidate {
    lot: Option<Handle>,
    available: u32,
    bonus: bool,
    until_s: u32,
}

/// Accounts, lots, parts.
pub struct Lots {
    accounts: Table<AccountRecord>,
    /// Accounts by their cards.
    index: Index,
    lots: Table<LotRecord>,
    parts: Table<PartRecord>,
    /// What each redemption with parts took last, by the redemption.
    last_parts: Index,
    /// Lots that were made.
    made: u32,
}

impl Lots {
    /// Nothing, with room for so many, all of its memory touched.
    pub fn new(capacity: &Capacity) -> Lots {
        Lots {
            accounts: Table::new(capacity.lots_max),
            index: Index::new(capacity.lots_max),
            lots: Table::new(capacity.lots_max),
            parts: Table::new(capacity.lots_max),
            last_parts: Index::new(capacity.lots_max),
            // A free record has number 0.
            made: 1,
        }
    }

    /// Accounts, lots and parts in use.
    pub fn used(&self) -> u32 {
        self.accounts.used() + self.lots.used() + self.parts.used()
    }
}

impl State {
    #[inline]
    fn last_part(&self, redemption: Handle) -> Option<Handle> {
        if !self.redemptions.get(redemption).has_parts() {
            return None;
        }
        let hash = self.hasher.hash_one(redemption.0) as u32;
        self.lots.last_parts.find(hash, |part| self.lots.parts.get(part).redemption == redemption.0)
    }

    /// Says which part is the last now. The one that was is still there.
    fn set_last_part(&mut self, redemption: Handle, last: Option<Handle>) {
        let hash = self.hasher.hash_one(redemption.0) as u32;
        match (self.last_part(redemption), last) {
            (Some(before), Some(last)) => self.lots.last_parts.replace(hash, before, last),
            (Some(before), None) => self.lots.last_parts.remove(hash, before),
            (None, Some(last)) => self.lots.last_parts.insert(hash, last),
            (None, None) => {}
        }
        self.redemptions.get_mut(redemption).set_has_parts(last.is_some());
    }

    /// The parts of a redemption, the last taken first.
    fn parts(&self, redemption: Handle) -> impl Iterator<Item = Handle> {
        core::iter::successors(self.last_part(redemption), |part| {
            let before = self.lots.parts.get(*part).before;
            (before != NONE).then_some(Handle(before))
        })
    }

    fn account_of(&self, card: Handle) -> Option<Handle> {
        self.lots
            .index
            .find(self.hasher.hash_one(card.0) as u32, |handle| self.lots.accounts.get(handle).card == card.0)
    }

    /// Begins to bring the place of a card's account into the cache.
    #[inline]
    pub(super) fn prefetch_account(&self, card: Handle) {
        self.lots.index.prefetch(self.hasher.hash_one(card.0) as u32);
    }

    /// Whether a card was ever filled.
    pub fn has_account(&self, card: Handle) -> bool {
        self.account_of(card).is_some()
    }

    /// Units that a card was filled with since it was made.
    pub fn supplied(&self, card: Handle) -> u64 {
        self.account_of(card).map_or(0, |account| self.lots.accounts.get(account).supplied)
    }

    /// The lots of a card besides its own, in the order they were made.
    pub fn lots_of(&self, card: Option<Handle>) -> impl Iterator<Item = (Handle, &LotRecord)> {
        let account = card.and_then(|card| self.account_of(card));
        let mut next = account.map_or(NONE, |account| self.lots.accounts.get(account).first);
        core::iter::from_fn(move || {
            let handle = (next != NONE).then_some(Handle(next))?;
            let lot = self.lots.lots.get(handle);
            next = lot.next;
            Some((handle, lot))
        })
    }

    /// What the card's own lot has.
    pub fn own_available(&self, record: Option<Handle>, card: &CardRecord) -> u32 {
        card.available - self.lots_of(record).map(|(_, lot)| lot.available).sum::<u32>()
    }

    /// What of a card is in lots that are no longer live.
    pub fn expired_units(&self, record: Option<Handle>, now_ms: u64) -> u32 {
        let over = self.lots_of(record).filter(|(_, lot)| !lot.is_live(now_ms));
        over.map(|(_, lot)| lot.available).sum()
    }

    /// What of a card can be used, as far as its own times allow.
    pub fn balance(&self, record: Option<Handle>, card: &CardRecord, now_ms: u64) -> u32 {
        // Of a card whose campaign or batch has ended the lots do not know yet.
        if card.available == 0 { 0 } else { card.available - self.expired_units(record, now_ms) }
    }

    /// Whether a lot goes when the card gets another.
    fn is_over(&self, lot: &LotRecord, now_ms: u64) -> bool {
        let is_held = lot.held > 0 && !on(Bug::HeldLotDropped);
        let is_empty = !is_held && (lot.available == 0 || !lot.is_live(now_ms));
        is_empty && u64::from(lot.used_before) <= slice_of(self.floor_ms)
    }

    /// How many lots of a card stay when it gets another, and how many go.
    pub fn lots_staying(&self, record: Option<Handle>, now_ms: u64) -> (usize, usize) {
        let over = self.lots_of(record).filter(|(_, lot)| self.is_over(lot, now_ms)).count();
        (self.lots_of(record).count() - over, over)
    }

    /// The lots of a card that stay when it gets others.
    pub fn lots_kept(&self, record: Option<Handle>, now_ms: u64) -> impl Iterator<Item = &LotRecord> {
        self.lots_of(record).filter(move |(_, lot)| !self.is_over(lot, now_ms)).map(|(_, lot)| lot)
    }

    /// What so many units of a card are taken of. Panics if its live lots have fewer.
    pub fn shares_of(
        &self,
        (record, card): (Option<Handle>, &CardRecord),
        definition: &Definition,
        (now_ms, units): (u64, u32),
    ) -> Shares {
        let mut candidates: ArrayVec<Candidate, { LOTS_PER_CARD_MAX + 1 }> = ArrayVec::new();
        // Of the card's own lot is what the others have not.
        candidates.push(Candidate {
            lot: None,
            available: card.available,
            bonus: false,
            until_s: card.until_s,
        });
        for (handle, lot) in self.lots_of(record) {
            candidates[0].available -= lot.available;
            if lot.is_live(now_ms) {
                candidates.push(Candidate {
                    lot: Some(handle),
                    available: lot.available,
                    bonus: lot.is_bonus(),
                    until_s: if lot.until_s == 0 { card.until_s } else { lot.until_s },
                });
            }
        }
        candidates.retain(|candidate| candidate.available > 0);
        // A stable sort: ties stay in the order of making.
        candidates.sort_by_key(|candidate| {
            let later = match definition.spending {
                Definition::BONUS_FIRST => !candidate.bonus,
                Definition::PRINCIPAL_FIRST => candidate.bonus,
                _ => false,
            };
            (later, candidate.until_s.wrapping_sub(1))
        });
        let (mut shares, mut wanted) = (Shares::new(), units);
        for candidate in candidates {
            let taken = candidate.available.min(wanted);
            if taken > 0 {
                shares.push(Share { lot: candidate.lot, units: taken });
            }
            wanted -= taken;
        }
        assert!(wanted == 0, "a card is used for what its live lots have");
        shares
    }

    /// Where units of a redemption go back to, the last taken first; empty: to the card's own lot alone.
    pub fn way_back(&self, redemption: Handle, units: u32) -> Shares {
        let mut wanted = units;
        let mut shares = Shares::new();
        for part in self.parts(redemption) {
            let part = self.lots.parts.get(part);
            let units = (part.units - part.back).min(wanted);
            if units > 0 {
                shares.push(Share { lot: (part.lot != NONE).then_some(Handle(part.lot)), units });
            }
            wanted -= units;
        }
        shares
    }

    /// What of a lot can be used now, and what once it got so many units back and lives until then at least; `None`: it is
    /// the card's own.
    pub fn revived(&self, share: &Share, (now_ms, lives_until_s): (u64, u32)) -> Option<(u32, u32)> {
        let lot = self.lots.lots.get(share.lot?);
        let until_s = if lot.until_s == 0 { 0 } else { lot.until_s.max(lives_until_s) };
        let before = if lot.is_live(now_ms) { lot.available } else { 0 };
        let after = if ends_after(until_s, now_ms) { lot.available + share.units } else { 0 };
        Some((before, after))
    }

    /// Compares accounts, lots and parts with cards and redemptions.
    pub(super) fn compare_lots(&self) -> Result<(), RecountError> {
        let Lots { accounts, index, lots, parts, .. } = &self.lots;
        let (mut of_accounts, mut of_redemptions, mut with_parts) = (0u64, 0u64, 0u64);
        let held_parts = self.held_parts();
        let held_parts = |lot: &LotRecord| held_parts.get(&lot.number).copied().unwrap_or(0);
        for (handle, account) in accounts.iter() {
            let card = Handle(account.card);
            same("accounts by their cards", u64::from(self.account_of(card) == Some(handle)), 1)?;
            let (mut available, mut held, mut consumed) = (0u64, 0u64, 0u64);
            let record = self.cards.get(card);
            for (_, lot) in self.lots_of(Some(card)) {
                of_accounts += 1;
                let used = u64::from(lot.held) + u64::from(lot.consumed);
                let whole = u64::from(lot.available) + used <= u64::from(lot.units);
                same("lots of a card", u64::from(lot.card == card.0 && lot.units > 0 && whole), 1)?;
                same("held units of a lot", u64::from(lot.held), held_parts(lot))?;
                available += u64::from(lot.available);
                held += u64::from(lot.held);
                consumed += u64::from(lot.consumed);
            }
            let inside = available <= u64::from(record.available)
                && held <= u64::from(record.held)
                && consumed <= u64::from(record.consumed);
            same("units of lots, in their card", u64::from(inside), 1)?;
        }
        for (handle, redemption) in self.redemptions.iter().filter(|(_, redemption)| !redemption.is_free()) {
            let (mut units, mut back, mut any) = (0u64, 0u64, false);
            for part in self.parts(handle) {
                let part = parts.get(part);
                let gone = self.is_redemption_gone(redemption);
                let lot = (part.lot != NONE).then(|| lots.get(Handle(part.lot)));
                let there =
                    gone || lot.is_none_or(|lot| (lot.card, lot.number) == (redemption.card, part.number));
                same("lots that a redemption took of", u64::from(there), 1)?;
                (units, back, any) = (units + u64::from(part.units), back + u64::from(part.back), true);
                of_redemptions += 1;
            }
            same("parts of a redemption that says so", u64::from(redemption.has_parts()), u64::from(any))?;
            if any {
                with_parts += 1;
                let whole = if redemption.is_held() { redemption.reserved() } else { redemption.units() };
                same("units of a redemption's parts", units, u64::from(whole))?;
                same("units given back to lots", back, u64::from(redemption.reversed()))?;
            }
        }
        same("accounts", u64::from(index.used()), u64::from(accounts.used()))?;
        same("lots", u64::from(lots.used()), of_accounts)?;
        same("redemptions with parts", u64::from(self.lots.last_parts.used()), with_parts)?;
        same("parts of redemptions", u64::from(parts.used()), of_redemptions)
    }

    pub(super) fn digest_lots(&self, hash: &mut Xxh3) {
        feed(hash, &self.lots.accounts);
        feed(hash, &self.lots.lots);
        feed(hash, &self.lots.parts);
        for (handle, _) in self.redemptions.iter().filter(|(_, redemption)| !redemption.is_free()) {
            if let Some(part) = self.last_part(handle) {
                hash.update([handle.0, part.0].as_bytes());
            }
        }
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A card gets units, in its own lot until they are put into others.
    pub(crate) fn supply_card(&mut self, card: Handle, units: u32) {
        self.cards.get_mut(card).available += units;
        let account = match self.account_of(card) {
            Some(account) => account,
            None => {
                let account = AccountRecord { supplied: 0, card: card.0, first: NONE };
                let handle = self.lots.accounts.insert(account);
                self.lots.index.insert(self.hasher.hash_one(card.0) as u32, handle);
                handle
            }
        };
        self.lots.accounts.get_mut(account).supplied += u64::from(units);
    }

    /// Units of a card's own lot become one of their own, behind those there are. Lots that are over go.
    pub(crate) fn make_lot(&mut self, card: Handle, new: &NewLot) {
        self.drop_lots_over(card);
        let NewLot { units, bonus, paid, until_s } = *new;
        let made = self.lots.lots.insert(LotRecord {
            card: card.0,
            next: NONE,
            units,
            available: units,
            held: 0,
            consumed: 0,
            until_s,
            paid,
            used_before: 0,
            number: self.lots.made,
            bonus: u8::from(bonus),
            spare: [0; 3],
        });
        self.lots.made = self.lots.made.wrapping_add(1);
        let newest = self.lots_of(Some(card)).last().map(|(handle, _)| handle);
        match newest {
            Some(newest) => self.lots.lots.get_mut(newest).next = made.0,
            None => {
                let account = self.account_of(card).expect("what is filled has an account");
                self.lots.accounts.get_mut(account).first = made.0;
            }
        }
    }

    /// Units of a card's own lot go to one that there is.
    pub(crate) fn add_to_lot(&mut self, lot: Handle, units: u32) {
        let lot = self.lots.lots.get_mut(lot);
        lot.units += units;
        lot.available += units;
    }

    /// The lots of a card that are over go.
    pub(crate) fn drop_lots_over(&mut self, card: Handle) {
        let now_ms = self.now_ms;
        let over: ArrayVec<(Handle, LotRecord), LOTS_PER_CARD_MAX> = self
            .lots_of(Some(card))
            .filter(|(_, lot)| self.is_over(lot, now_ms))
            .map(|(handle, lot)| (handle, *lot))
            .collect();
        for (handle, _) in over {
            let lot = *self.lots.lots.get(handle);
            let before = self.lots_of(Some(card)).find(|(_, other)| other.next == handle.0);
            match before.map(|(before, _)| before) {
                Some(before) => self.lots.lots.get_mut(before).next = lot.next,
                None => {
                    let account = self.account_of(card).expect("lots have an account");
                    self.lots.accounts.get_mut(account).first = lot.next;
                }
            }
            self.lots.lots.remove(handle);
            // What lies in no bucket of a record is void.
            self.cards.get_mut(card).available -= lot.available;
        }
    }

    /// A redemption takes or holds units of lots; its parts are kept if it takes of others than the card's own.
    pub(crate) fn take_of_lots(&mut self, redemption: Handle, shares: &[Share]) {
        if shares.iter().all(|share| share.lot.is_none()) {
            return;
        }
        let record = self.redemptions.get(redemption);
        let (is_held, slice) = (record.is_held(), record.slice());
        let mut before = NONE;
        for share in shares {
            let mut number = 0;
            if let Some(lot) = share.lot {
                let lot = self.lots.lots.get_mut(lot);
                lot.available =
                    lot.available.checked_sub(share.units).expect("a lot is used for what it has");
                number = lot.number;
                if is_held {
                    lot.held += share.units;
                } else {
                    lot.consumed += share.units;
                    lot.keep(slice);
                }
            }
            let lot = share.lot.map_or(NONE, |lot| lot.0);
            let part =
                PartRecord { lot, units: share.units, back: 0, before, number, redemption: redemption.0 };
            before = self.lots.parts.insert(part).0;
        }
        self.set_last_part(redemption, Some(Handle(before)));
    }

    /// Units of a redemption go back to the lots they came from, which live until then at least.
    pub(crate) fn give_back_to_lots(&mut self, redemption: Handle, units: u32, lives_until_s: u32) {
        let card = Handle(self.redemptions.get(redemption).card);
        let is_void = self.is_lost(card);
        let (mut wanted, mut next) = (units, self.last_part(redemption));
        while let Some(handle) = next.filter(|_| wanted > 0) {
            let part = self.lots.parts.get_mut(handle);
            let units = (part.units - part.back).min(wanted);
            part.back += units;
            wanted -= units;
            next = (part.before != NONE).then_some(Handle(part.before));
            if part.lot != NONE && units > 0 {
                let lot = self.lots.lots.get_mut(Handle(part.lot));
                assert!(lot.number == part.number, "a lot that is given back to stays");
                lot.consumed = lot.consumed.checked_sub(units).expect("what is given back was used");
                if !is_void {
                    lot.available += units;
                }
                if lot.until_s != 0 {
                    lot.until_s = lot.until_s.max(lives_until_s);
                }
            }
        }
    }

    /// All that a card has is void.
    pub(crate) fn void_units(&mut self, card: Handle) {
        self.cards.get_mut(card).available = 0;
        let mut next = self.lots_of(Some(card)).next().map(|(handle, _)| handle);
        while let Some(handle) = next {
            let lot = self.lots.lots.get_mut(handle);
            lot.available = 0;
            next = (lot.next != NONE).then_some(Handle(lot.next));
        }
    }

    /// A redemption leaves memory.
    pub(super) fn forget_parts(&mut self, redemption: Handle) {
        let mut next = self.last_part(redemption);
        if next.is_some() {
            self.set_last_part(redemption, None);
        }
        while let Some(handle) = next {
            let before = self.lots.parts.get(handle).before;
            next = (before != NONE).then_some(Handle(before));
            self.lots.parts.remove(handle);
        }
    }
}
