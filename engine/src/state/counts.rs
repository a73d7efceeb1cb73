//! Purchase limits: what each subject (a user, limit key, device or address) holds and has bought of a limited stock.
//!
//! They stand here because a line's units are counted wherever they move. A line counts *plainly*, for the buyer's units
//! in all, as long as its stock limits nothing else; else *fully*: for each of its subjects that the stock limits, in all,
//! per day and held at once. A plain line costs one word, a full one sixteen bytes more. What a stock limits by weeks or
//! months has entries of its own beside those, so that nobody else pays for them.
//!
//! Invariant: of an entry, units = held and consumed units of the lines that count in it, `held` and `today` the parts of
//! full lines that are held, and whose holds were made on its `day` (of a span: in that week or month); what has left
//! memory is in `moved_out`. An entry of a span has one of days beside it.

use super::State;
use super::records::{Counted, Counts, HoldRecord, LimitRecord};
use super::table::{Handle, NONE};
use crate::command::{Span, SubjectKind, Take};
use crate::event::EventLine;
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

const fn number_of(span: Option<Span>) -> u8 {
    match span {
        Some(span) => span as u8,
        None => 0,
    }
}

impl LimitRecord {
    /// An entry that counts nothing yet.
    fn new((kind, subject, stock): (SubjectKind, u128, Handle), span: Option<Span>) -> LimitRecord {
        LimitRecord {
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
            span: number_of(span),
        }
    }

    /// Whether it is the entry of this subject, stock and span.
    #[inline]
    fn is(&self, kind: SubjectKind, subject: u128, stock: Handle, span: Option<Span>) -> bool {
        self.subject == subject
            && self.stock == stock.0
            && self.kind == kind as u8
            && self.span == number_of(span)
    }

    /// By which span it counts; `None`: by days.
    pub fn span(&self) -> Option<Span> {
        Span::ALL.into_iter().find(|span| number_of(Some(*span)) == self.span)
    }

    /// What stands in `day` for a day: itself, or its week or month.
    #[inline]
    pub fn number_of_day(&self, day: u16) -> u16 {
        self.span().map_or(day, |span| span.of_day(day))
    }

    /// Whose entry it is. Panics on a free record.
    pub fn kind(&self) -> SubjectKind {
        SubjectKind::from_number(self.kind).expect("an entry in use has a kind")
    }

    /// Units counted on `day` (of a span: in the week or month of this number); `None`: the entry counts a newer one, so it
    /// can't tell.
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

impl LimitRecord {
    fn count_for_good(&mut self, units: u32, day: u16) {
        self.count(units, Count::Consumed, day);
        self.moved_out += units;
        self.today_moved_out += units;
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
            self.limits.get(handle).is(kind, subject, stock, None)
        })
    }

    /// The hash of a subject's entry of a span.
    fn span_hash(&self, kind: SubjectKind, subject: u128, stock: Handle, span: Span) -> u32 {
        let of = u64::from(stock.0) << 8 | (span as u64) << 4 | kind as u64;
        self.hasher.hash_one((subject, of)) as u32
    }

    /// The entry of a subject and a stock of a span.
    pub fn find_span(&self, kind: SubjectKind, subject: u128, stock: Handle, span: Span) -> Option<Handle> {
        self.limit_index.find(self.span_hash(kind, subject, stock, span), |handle| {
            self.limits.get(handle).is(kind, subject, stock, Some(span))
        })
    }

    /// The entry of a span that lies beside an entry of days, and must be there.
    fn span_beside(&self, entry: Handle, span: Span) -> Handle {
        let LimitRecord { subject, stock, .. } = *self.limits.get(entry);
        let found = self.find_span(self.limits.get(entry).kind(), subject, Handle(stock), span);
        found.expect("who counts by a span has an entry of it")
    }

    /// The entries of spans in which a line counts.
    pub fn span_entries(&self, limit: u32) -> impl Iterator<Item = Handle> {
        let counts = match Counted::of(limit) {
            Counted::Fully(counts) => Some(self.counts.get(counts)).filter(|counts| counts.has_spans()),
            Counted::Nowhere | Counted::Plain(_) => None,
        };
        counts.into_iter().flat_map(move |counts| {
            let entries = counts.entries().into_iter().filter(|entry| *entry != NONE);
            entries
                .flat_map(move |entry| counts.spans().map(move |span| self.span_beside(Handle(entry), span)))
        })
    }

    /// Whether a line counts by a span.
    #[inline]
    pub fn counts_by(&self, limit: u32, span: Span) -> bool {
        match Counted::of(limit) {
            Counted::Fully(counts) => self.counts.get(counts).spans().any(|by| by == span),
            Counted::Nowhere | Counted::Plain(_) => false,
        }
    }

    /// Hashes of the purchase limits that a take's first line may have.
    #[inline]
    pub fn subject_hashes(&self, take: &Take<'_>, stock: StockId) -> impl Iterator<Item = u32> {
        let subjects = crate::commands::taken::subjects(take.user, take.parties);
        let named = SubjectKind::LIMITED.into_iter().filter(move |kind| subjects[kind.position()] != 0);
        named.map(move |kind| self.limit_hash(kind, subjects[kind.position()], stock))
    }

    /// The entries in which a line counts, those of subjects it does not count for being [`NONE`].
    #[inline]
    pub fn entries(&self, limit: u32) -> Entries {
        match Counted::of(limit) {
            Counted::Nowhere => NO_ENTRIES,
            Counted::Plain(entry) => [entry.0, NONE, NONE, NONE],
            Counted::Fully(counts) => self.counts.get(counts).entries(),
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
        let handle = self.limits.insert(LimitRecord::new((kind, subject, stock), None));
        self.limit_index.insert(self.limit_hash(kind, subject, self.stock(stock).id), handle);
        handle
    }

    /// The entry of a subject and a stock of a span, made if there is none.
    fn span_entry(&mut self, (kind, subject, stock): (SubjectKind, u128, Handle), span: Span) -> Handle {
        if let Some(handle) = self.find_span(kind, subject, stock, span) {
            return handle;
        }
        let handle = self.limits.insert(LimitRecord::new((kind, subject, stock), Some(span)));
        self.limit_index.insert(self.span_hash(kind, subject, stock, span), handle);
        handle
    }

    /// A new line counts in these entries, and by its spans; answers its word.
    #[inline]
    pub(crate) fn begin_counting(&mut self, entries: Entries, line: &EventLine) -> u32 {
        for entry in entries.into_iter().filter(|entry| *entry != NONE).map(Handle) {
            let record = self.limits.get_mut(entry);
            record.lines += 1;
            let of = (record.kind(), record.subject, Handle(record.stock));
            for span in line.spans() {
                let entry = self.span_entry(of, span);
                self.limits.get_mut(entry).lines += 1;
            }
        }
        match line.fully() {
            true => Counted::fully(self.counts.insert(Counts::new(entries, line.spans()))),
            false => entries[0],
        }
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
                let counts = *self.counts.get(counts);
                for entry in counts.entries().into_iter().filter(|entry| *entry != NONE).map(Handle) {
                    self.limits.get_mut(entry).count(units, what, day);
                    if counts.has_spans() {
                        self.count_by_spans((entry, &counts), units, what, day);
                    }
                }
            }
        }
    }

    /// Counts units of a line for the subject of an entry by the line's spans.
    fn count_by_spans(&mut self, (entry, counts): (Handle, &Counts), units: u32, what: Count, day: u16) {
        for span in counts.spans() {
            let entry = self.span_beside(entry, span);
            if span == Span::Month && on(Bug::MonthNotCredited) && what == Count::ConsumedBack {
                continue;
            }
            self.limits.get_mut(entry).count(units, what, span.of_day(day));
        }
    }

    /// Counts units that a subject has for good, whatever becomes of them, as a line with these flags: none points to the
    /// entries.
    pub(crate) fn count_for_good(&mut self, of: (SubjectKind, u128, Handle), units: u32, line: &EventLine) {
        let day = self.day_of(self.stock(of.2), self.now_ms);
        let handle = self.limit_entry(of.0, of.1, of.2);
        let entry = self.limits.get_mut(handle);
        if line.fully() {
            entry.count_for_good(units, day);
        } else {
            entry.moved_out += units;
            entry.units += units;
        }
        for span in line.spans() {
            let entry = self.span_entry(of, span);
            self.limits.get_mut(entry).count_for_good(units, span.of_day(day));
        }
    }

    /// A line of an evicted hold no longer points to its entries, which keep `left` consumed units for good.
    pub(crate) fn forget_line(&mut self, (limit, stock): (u32, u32), left: u32, reserved_ms: u64) {
        let entries = self.entries(limit);
        let (day, counts) = match Counted::of(limit) {
            Counted::Fully(handle) => {
                let counts = *self.counts.get(handle);
                self.counts.remove(handle);
                (Some(self.day_of(self.stock(Handle(stock)), reserved_ms)), Some(counts))
            }
            Counted::Nowhere | Counted::Plain(_) => (None, None),
        };
        for handle in entries.into_iter().filter(|entry| *entry != NONE).map(Handle) {
            for span in counts.iter().flat_map(Counts::spans) {
                let entry = self.span_beside(handle, span);
                self.forget_entry(entry, left, day);
            }
            self.forget_entry(handle, left, day);
        }
    }

    /// A line no longer points to an entry; one that counts nothing any more goes.
    fn forget_entry(&mut self, handle: Handle, left: u32, day: Option<u16>) {
        let entry = self.limits.get_mut(handle);
        entry.lines -= 1;
        entry.moved_out += left;
        if day.map(|day| entry.number_of_day(day)) == Some(entry.day) {
            entry.today_moved_out += left;
        }
        if entry.units == 0 && entry.lines == 0 {
            let (kind, subject, stock) = (entry.kind(), entry.subject, Handle(entry.stock));
            let hash = match entry.span() {
                Some(span) => self.span_hash(kind, subject, stock, span),
                None => self.limit_hash(kind, subject, self.stock(stock).id),
            };
            self.limit_index.remove(hash, handle);
            self.limits.remove(handle);
        }
    }
}
