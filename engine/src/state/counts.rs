//! Purchase limits: what each subject (a user, limit key, device or address) holds and has bought of a limited stock.
//!
//! They stand here because a line's units are counted wherever they move. A line counts *plainly*, for the buyer's units
//! in all, as long as its stock limits nothing else; else *fully*: for each of its subjects that the stock limits, in all,
//! per day and held at once. A plain line costs one word, a full one sixteen bytes more.
//!
//! Invariant: of an entry, units = held and consumed units of the lines that count in it, `held` and `today` the parts of
//! full lines that are held, and whose holds were made on its `day`; what has left memory is in `moved_out`.

use super::State;
use super::records::{Counted, Counts, HoldRecord, LimitRecord};
use super::table::{Handle, NONE};
use crate::command::{SubjectKind, Take};
use crate::ids::StockId;
use scrip_planted::{Bug, on};

/// The purchase limit entries of one line, by kind of subject; [`NONE`] where there is none.
pub type Entries = [u32; 4];

/// No entry of any kind.
pub const NO_ENTRIES: Entries = [NONE; 4];

/// What happens to units that a line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// They are held now.
    Held,
    /// They are consumed now, and were not held before.
    Consumed,
    /// They were held and are consumed now.
    HeldToConsumed,
    /// They were held and are given back.
    HeldBack,
    /// They were consumed and are given back.
    ConsumedBack,
}

impl LimitRecord {
    /// Whether it is the entry of this subject and stock.
    #[inline]
    fn is(&self, kind: SubjectKind, subject: u128, stock: Handle) -> bool {
        self.subject == subject && self.stock == stock.0 && self.kind == kind as u8
    }

    /// Whose entry it is. Panics on a free record.
    pub fn kind(&self) -> SubjectKind {
        SubjectKind::from_number(self.kind).expect("an entry in use has a kind")
    }

    /// Units counted on `day`; `None`: the entry counts a newer day, so it can't tell.
    pub fn on_day(&self, day: u16) -> Option<u32> {
        match self.day.cmp(&day) {
            core::cmp::Ordering::Less => Some(0),
            core::cmp::Ordering::Equal => Some(self.today),
            core::cmp::Ordering::Greater => None,
        }
    }

    #[inline]
    fn count(&mut self, units: u32, what: Count, day: u16) {
        let minus = |from: &mut u32| *from = from.checked_sub(units).expect("what is credited was counted");
        match what {
            Count::Held | Count::Consumed => {
                self.units += units;
                if day > self.day {
                    (self.day, self.today, self.today_moved_out) = (day, 0, 0);
                }
                if day == self.day {
                    self.today += units;
                }
            }
            Count::HeldToConsumed => {}
            Count::HeldBack | Count::ConsumedBack => {
                minus(&mut self.units);
                if day == self.day && !on(Bug::DayNotCredited) {
                    minus(&mut self.today);
                }
            }
        }
        match what {
            Count::Held => self.held += units,
            Count::HeldToConsumed | Count::HeldBack => minus(&mut self.held),
            Count::Consumed | Count::ConsumedBack => {}
        }
    }
}

impl State {
    /// The hash of a subject's purchase limit on a stock.
    #[inline]
    pub fn limit_hash(&self, kind: SubjectKind, subject: u128, stock: StockId) -> u32 {
        // The kind lies where a stock's id has its slot: equal subjects of two kinds have two places.
        self.hasher.hash_one((subject, stock.0.rotate_left(8) ^ (kind as u64 - 1))) as u32
    }

    /// The purchase limit entry of a subject and a stock.
    #[inline]
    pub fn find_limit(&self, kind: SubjectKind, subject: u128, stock: Handle) -> Option<Handle> {
        self.limit_index.find(self.limit_hash(kind, subject, self.stock(stock).id), |handle| {
            self.limits.get(handle).is(kind, subject, stock)
        })
    }

    /// Hashes of the purchase limits that a take's first line may have.
    #[inline]
    pub fn subject_hashes(&self, take: &Take<'_>, stock: StockId) -> impl Iterator<Item = u32> {
        let subjects = crate::commands::taken::subjects(take.user, take.parties);
        let named = SubjectKind::ALL.into_iter().filter(move |kind| subjects[kind.position()] != 0);
        named.map(move |kind| self.limit_hash(kind, subjects[kind.position()], stock))
    }

    /// The entries in which a line counts, those of subjects it does not count for being [`NONE`].
    #[inline]
    pub fn entries(&self, limit: u32) -> Entries {
        match Counted::of(limit) {
            Counted::Nowhere => NO_ENTRIES,
            Counted::Plain(entry) => [entry.0, NONE, NONE, NONE],
            Counted::Fully(counts) => self.counts.get(counts).entries,
        }
    }

    /// The day of a hold by a stock's clock.
    #[inline]
    pub fn day_of_hold(&self, hold: &HoldRecord, stock: Handle) -> u16 {
        self.day_of(self.stock(stock), hold.reserved_ms)
    }
}

/// Writing: for `apply` alone.
impl State {
    /// The purchase limit entry of a subject and a stock, made if there is none.
    pub(crate) fn limit_entry(&mut self, kind: SubjectKind, subject: u128, stock: Handle) -> Handle {
        if let Some(handle) = self.find_limit(kind, subject, stock) {
            return handle;
        }
        let record = LimitRecord {
            subject,
            stock: stock.0,
            units: 0,
            lines: 0,
            moved_out: 0,
            held: 0,
            today: 0,
            today_moved_out: 0,
            day: 0,
            kind: kind as u8,
            spare: 0,
        };
        let handle = self.limits.insert(record);
        self.limit_index.insert(self.limit_hash(kind, subject, self.stock(stock).id), handle);
        handle
    }

    /// A new line counts in these entries; answers its word.
    #[inline]
    pub(crate) fn begin_counting(&mut self, entries: Entries, fully: bool) -> u32 {
        for entry in entries.into_iter().filter(|entry| *entry != NONE) {
            self.limits.get_mut(Handle(entry)).lines += 1;
        }
        if fully { Counted::fully(self.counts.insert(Counts { entries })) } else { entries[0] }
    }

    /// Counts `units` of a line with the word `limit`, of a hold made at `reserved_ms`.
    #[inline]
    pub(crate) fn count(&mut self, (limit, stock): (u32, u32), units: u32, what: Count, reserved_ms: u64) {
        let back = matches!(what, Count::HeldBack | Count::ConsumedBack);
        if back && on(Bug::LimitNotCredited) {
            return;
        }
        match Counted::of(limit) {
            Counted::Nowhere => {}
            Counted::Plain(entry) => {
                let entry = self.limits.get_mut(entry);
                match what {
                    Count::Held | Count::Consumed => entry.units += units,
                    Count::HeldToConsumed => {}
                    Count::HeldBack | Count::ConsumedBack => {
                        entry.units = entry.units.checked_sub(units).expect("what is credited was counted");
                    }
                }
            }
            Counted::Fully(counts) => {
                let day = self.day_of(self.stock(Handle(stock)), reserved_ms);
                let entries = self.counts.get(counts).entries;
                for entry in entries.into_iter().filter(|entry| *entry != NONE) {
                    self.limits.get_mut(Handle(entry)).count(units, what, day);
                }
            }
        }
    }

    /// Counts units that a subject has for good, whatever becomes of them: no line points to the entry.
    pub(crate) fn count_for_good(
        &mut self,
        (kind, subject, stock): (SubjectKind, u128, Handle),
        units: u32,
        fully: bool,
    ) {
        let day = self.day_of(self.stock(stock), self.now_ms);
        let handle = self.limit_entry(kind, subject, stock);
        let entry = self.limits.get_mut(handle);
        entry.moved_out += units;
        if fully {
            entry.count(units, Count::Consumed, day);
            entry.today_moved_out += units;
        } else {
            entry.units += units;
        }
    }

    /// A line of an evicted hold no longer points to its entries, which keep `left` consumed units for good.
    pub(crate) fn forget_line(&mut self, (limit, stock): (u32, u32), left: u32, reserved_ms: u64) {
        let entries = self.entries(limit);
        let day = match Counted::of(limit) {
            Counted::Fully(counts) => {
                self.counts.remove(counts);
                Some(self.day_of(self.stock(Handle(stock)), reserved_ms))
            }
            Counted::Nowhere | Counted::Plain(_) => None,
        };
        for handle in entries.into_iter().filter(|entry| *entry != NONE).map(Handle) {
            let entry = self.limits.get_mut(handle);
            entry.lines -= 1;
            entry.moved_out += left;
            if day == Some(entry.day) {
                entry.today_moved_out += left;
            }
            if entry.units == 0 && entry.lines == 0 {
                let (kind, subject, stock) = (entry.kind(), entry.subject, Handle(entry.stock));
                let hash = self.limit_hash(kind, subject, self.stock(stock).id);
                self.limit_index.remove(hash, handle);
                self.limits.remove(handle);
            }
        }
    }
}
