//! The oracle on limits of subjects: what a user, a limit key, a device and an address have of a stock, in all, on its newest
//! day and held at once, and what that leaves for others.
//!
//! Invariant: what is counted changes only here, for the subjects that a line noted when its units were taken.

use super::{BY_ZONE, Hold, HoldLine, Oracle, Stock};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedTake;
use scrip_engine::answer::HoldState;
use scrip_engine::command::{Envelope, Limits, Parties, SpanLimits, SubjectKind};
use scrip_engine::ids::StockId;
use scrip_engine::rejection::Code;
use std::collections::BTreeMap;

/// A kind of subject, by number, and which one.
pub type Subject = (u8, u128);

/// What a subject has of a stock, as far as it was counted.
#[derive(Debug, Clone, Default)]
pub struct Purchases {
    /// Held and consumed.
    pub units: i128,
    /// Held by lines that count fully.
    pub held: i128,
    /// The newest day in which a fully counted line was taken.
    pub day: Option<i128>,
    /// Units whose holds were made on it.
    pub today: i128,
    /// The newest week, and the newest month, in which a line that counts by them was taken, and units whose holds were made
    /// in it; none: no such line was.
    pub spans: [Option<(i128, i128)>; 2],
    /// Units of all lines that count by weeks, and by months.
    pub in_spans: [i128; 2],
}

/// What a stock limits for a kind of subject; 0: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Held and consumed.
    pub total: i128,
    /// Of those, on one day.
    pub per_day: i128,
    /// Held at once.
    pub held: i128,
    /// In one week, in one month.
    pub spans: [i128; 2],
}

impl Limit {
    /// Whether anything is.
    pub fn is_any(&self) -> bool {
        (self.total, self.per_day, self.held, self.spans) != (0, 0, 0, [0, 0])
    }

    /// The most units that a subject is counted with.
    fn most(&self) -> i128 {
        if self.total > 0 { self.total } else { 4_294_967_295 }
    }
}

/// The kind of those by whose word cards are claimed.
pub const REFERRER: u8 = 5;

/// Who asks: one of each kind that can be limited; 0: not told.
pub fn told(take: &OwnedTake) -> [Subject; 4] {
    let nobody = Parties::new(0, 0, 0);
    let parties = take.parties.as_ref().unwrap_or(&nobody);
    let (device, address) = (u128::from(parties.device.get()), u128::from(parties.address.get()));
    [(1, take.user.0), (2, parties.limit_key.get()), (3, device), (4, address)]
}

/// The numbers of the week and of the month that a day lies in, found by walking through the calendar.
pub(super) fn span_numbers(day: i128) -> [i128; 2] {
    // The first of January 1970 was a Thursday.
    let week = (day + 3).div_euclid(7);
    let (mut left, mut month) = (day, 0);
    loop {
        let (year, of_year) = (1970 + month / 12, month % 12);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match of_year {
            1 if is_leap => 29,
            1 => 28,
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if left < days {
            return [week, month];
        }
        left -= days;
        month += 1;
    }
}

impl Stock {
    /// What is limited for subjects of this kind.
    pub fn limit(&self, kind: u8) -> Limit {
        let kind = SubjectKind::from_number(kind).expect("there are four kinds");
        let set = self.limits.of(kind);
        let limit_per_user = self.terms.limit_per_user;
        let total = if kind == SubjectKind::User { limit_per_user } else { set.total.get() };
        Limit {
            total: i128::from(total),
            per_day: i128::from(set.per_day.get()),
            held: i128::from(set.held.get()),
            spans: [self.spans.per_week, self.spans.per_month]
                .map(|limits| i128::from(limits[kind.position()].get())),
        }
    }

    /// Whether anybody is limited by weeks, and by months.
    pub fn limits_spans(&self) -> [bool; 2] {
        [0, 1].map(|span| (1..=4).any(|kind| self.limit(kind).spans[span] > 0))
    }

    /// Whether more is limited than what a user has in all.
    fn limits_further(&self) -> bool {
        let user = self.limit(1);
        user.per_day > 0
            || user.held > 0
            || user.spans != [0, 0]
            || (2..=4).any(|kind| self.limit(kind).is_any())
    }

    /// STOCK_LIMITS. `zoned`: the merchant has a zone in the stock's slot.
    pub(super) fn set_limits(
        &mut self,
        version: u32,
        (limits, spans): (&Limits, Option<SpanLimits>),
        zoned: bool,
    ) -> OwnedOutcome {
        if version != self.version {
            let facts = OwnedFacts::Version(self.version);
            return OwnedOutcome::Refused { code: Code::RuleFailed, facts };
        }
        let minutes = limits.utc_offset_minutes.get();
        if self.clock.is_some_and(|clock| clock != minutes) || minutes == BY_ZONE && !zoned {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        self.clock = Some(minutes);
        self.terms.limit_per_user = limits.subjects[0].total.get();
        self.limits = *limits;
        self.spans = spans.unwrap_or(self.spans);
        self.version += 1;
        OwnedOutcome::StockChanged { value: u64::from(self.version) }
    }

    /// STOCK_TERMS_SHOW.
    fn terms_view(&self) -> OwnedOutcome {
        let mut limits = self.limits;
        limits.subjects[0].total.set(self.terms.limit_per_user);
        let (limits, spans) = (Box::new(limits), Box::new(self.spans));
        OwnedOutcome::Terms { version: self.version, limits, spans, prices: self.prices.clone() }
    }
}

impl HoldLine {
    /// The week and the month of a day, as far as the line counts by them: 0 and 1, and their numbers.
    pub(super) fn spans_of(&self, day: i128) -> impl Iterator<Item = (usize, i128)> + use<> {
        let by_spans = self.by_spans;
        span_numbers(day).into_iter().enumerate().filter(move |(at, _)| by_spans[*at])
    }

    /// Notes for whom a line counts: now, when its units are taken, and for good.
    pub(super) fn note_subjects(&mut self, stock: &Stock, take: &OwnedTake) {
        let counts = |(kind, subject): &Subject| *subject != 0 && stock.limit(*kind).is_any();
        self.subjects = told(take).into_iter().filter(counts).collect();
        self.fully = !self.subjects.is_empty() && stock.limits_further();
        self.by_spans = stock.limits_spans().map(|limits| self.fully && limits);
    }
}

/// Units of a held hold that `replace` gives up.
fn given_up(replaced: Option<&Hold>, counts: impl Fn(&Hold, &HoldLine) -> bool) -> i128 {
    let Some(hold) = replaced.filter(|hold| hold.state == HoldState::Held) else { return 0 };
    hold.lines.iter().filter(|line| counts(hold, line)).map(|line| line.reserved).sum()
}

impl HoldLine {
    /// Cards that are issued, as a line.
    pub(super) fn of_cards(campaign: StockId, cards: i128) -> HoldLine {
        HoldLine {
            stock: campaign,
            reserved: cards,
            owed: 0,
            confirmed: cards,
            returned: 0,
            subjects: Vec::new(),
            fully: false,
            by_spans: [false; 2],
            price: 0,
            keys: Vec::new(),
            reclaimed: 0,
            sold: Vec::new(),
        }
    }
}

impl Oracle {
    /// The units of a line count for its subjects, whatever becomes of them: no hold stands for them.
    pub(super) fn count_for_good(&mut self, line: &HoldLine) {
        let day = self.day(line.stock, self.now_ms);
        for subject in &line.subjects {
            *self.departed_purchases.entry((line.stock, *subject)).or_insert(0) += line.reserved;
            if line.fully {
                *self.departed_days.entry((line.stock, *subject, day)).or_insert(0) += line.reserved;
            }
            for (at, number) in line.spans_of(day) {
                let of = (line.stock, *subject, at, number);
                *self.departed_spans.entry(of).or_insert(0) += line.reserved;
            }
        }
    }

    /// What is counted for a subject.
    pub fn purchased(&self, stock: StockId, subject: Subject) -> Purchases {
        self.purchases.get(&(stock, subject)).cloned().unwrap_or_default()
    }

    /// Units of a line are taken, by a hold made now.
    pub(super) fn count_new(&mut self, line: &HoldLine, held: bool) {
        let now_ms = self.now_ms;
        let day = self.day(line.stock, now_ms);
        let today = Some(day);
        for subject in line.subjects.iter().filter(|_| line.fully) {
            let purchases = self.purchases.entry((line.stock, *subject)).or_default();
            if purchases.day < today {
                (purchases.day, purchases.today) = (today, 0);
            }
            for (at, number) in line.spans_of(day) {
                if purchases.spans[at].is_none_or(|(newest, _)| newest < number) {
                    purchases.spans[at] = Some((number, 0));
                }
            }
        }
        self.count(line, now_ms, line.reserved, if held { line.reserved } else { 0 });
    }

    /// The units of a line, of a hold made at `reserved_ms`, become more or fewer: in all and held.
    pub(super) fn count(&mut self, line: &HoldLine, reserved_ms: u64, units: i128, held: i128) {
        let day = self.day(line.stock, reserved_ms);
        for subject in &line.subjects {
            let purchases = self.purchases.entry((line.stock, *subject)).or_default();
            purchases.units += units;
            if line.fully {
                purchases.held += held;
                if purchases.day == Some(day) {
                    purchases.today += units;
                }
                for (at, number) in line.spans_of(day) {
                    purchases.in_spans[at] += units;
                    match &mut purchases.spans[at] {
                        Some((newest, there)) if *newest == number => *there += units,
                        _ => {}
                    }
                }
            }
        }
    }

    /// The pools, cut to what limits in all and per day leave.
    pub(super) fn rooms(
        &self,
        take: &OwnedTake,
        replaced: Option<&Hold>,
        pools: &BTreeMap<StockId, i128>,
    ) -> BTreeMap<StockId, i128> {
        let cut = |(stock, pool): (&StockId, &i128)| {
            let rooms = told(take).map(|subject| self.room_of(*stock, subject, replaced));
            let least = rooms.into_iter().flatten().min().unwrap_or(*pool);
            (*stock, (*pool).min(least.max(0)))
        };
        pools.iter().map(cut).collect()
    }

    /// What a stock's limits in all and per day leave one subject; none: it is not limited.
    pub(super) fn room_of(&self, stock: StockId, subject: Subject, replaced: Option<&Hold>) -> Option<i128> {
        let limit = self.stocks[&stock].limit(subject.0);
        if subject.1 == 0 {
            // A limit of users asks for a user; the other subjects are known to some channels only.
            return (subject.0 == 1 && limit.is_any()).then_some(0);
        }
        let today = self.day(stock, self.now_ms);
        let all = self.purchases_of(stock, subject);
        let is_asked = |id: &Subject| all.iter().any(|(subject, _)| subject == id);
        let counts = |line: &HoldLine| line.stock == stock && line.subjects.iter().any(is_asked);
        let bought: i128 = all.iter().map(|(_, purchases)| purchases.units).sum();
        let in_all = bought - given_up(replaced, |_, line| counts(line));
        let is_of_today = |hold: &Hold| self.day(stock, hold.reserved_ms) == today;
        let of_day = all.iter().filter(|(_, purchases)| purchases.day == Some(today));
        let of_today = of_day.map(|(_, purchases)| purchases.today).sum::<i128>()
            - given_up(replaced, |hold, line| counts(line) && line.fully && is_of_today(hold));
        let total = limit.is_any().then_some(limit.most() - in_all);
        let per_day = (limit.per_day > 0).then_some(limit.per_day - of_today);
        let now = span_numbers(today);
        let in_span = |at: usize| {
            let is_of_now = |hold: &Hold| span_numbers(self.day(stock, hold.reserved_ms))[at] == now[at];
            let of_now =
                |spans: [Option<(i128, i128)>; 2]| spans[at].filter(|(newest, _)| *newest == now[at]);
            let counted: i128 =
                all.iter().filter_map(|(_, purchases)| of_now(purchases.spans)).map(|(_, units)| units).sum();
            let back = given_up(replaced, |hold, line| counts(line) && line.by_spans[at] && is_of_now(hold));
            (limit.spans[at] > 0).then_some(limit.spans[at] - (counted - back))
        };
        [total, per_day, in_span(0), in_span(1)].into_iter().flatten().min()
    }

    /// The pools, cut further to what caps on units held at once leave.
    pub(super) fn cut_to_held(
        &self,
        take: &OwnedTake,
        replaced: Option<&Hold>,
        pools: &BTreeMap<StockId, i128>,
    ) -> BTreeMap<StockId, i128> {
        let room = |stock: StockId, subject: Subject| {
            let cap = self.stocks[&stock].limit(subject.0).held;
            let all = self.purchases_of(stock, subject);
            let is_asked = |id: &Subject| all.iter().any(|(subject, _)| subject == id);
            let counts =
                |line: &HoldLine| line.stock == stock && line.fully && line.subjects.iter().any(is_asked);
            let held = all.iter().map(|(_, purchases)| purchases.held).sum::<i128>()
                - given_up(replaced, |_, line| counts(line));
            (subject.1 != 0 && cap > 0).then_some(cap - held)
        };
        let cut = |(stock, pool): (&StockId, &i128)| {
            let least = told(take).into_iter().filter_map(|subject| room(*stock, subject)).min();
            (*stock, (*pool).min(least.unwrap_or(*pool).max(0)))
        };
        pools.iter().map(cut).collect()
    }

    /// What limits in all and per day leave a line that is confirmed late; none: they do not matter.
    pub(super) fn room_late(&self, hold: &Hold, line: &HoldLine) -> Option<i128> {
        let stock = &self.stocks[&line.stock];
        let day = self.day(line.stock, hold.reserved_ms);
        let room = |subject: &Subject| {
            let (limit, all) = (stock.limit(subject.0), self.purchases_of(line.stock, *subject));
            let total = Some(limit.most() - all.iter().map(|(_, purchases)| purchases.units).sum::<i128>());
            // Of the others those count who have bought nothing later.
            let matters = line.fully && limit.per_day > 0 && all[0].1.day <= Some(day);
            let of_day = all.iter().filter(|(_, purchases)| purchases.day == Some(day));
            let of_day: i128 = of_day.map(|(_, purchases)| purchases.today).sum();
            let per_day = matters.then_some(limit.per_day - of_day);
            let in_span = |at: usize| {
                let number = span_numbers(day)[at];
                let newest = all[0].1.spans[at].map_or(number, |(newest, _)| newest);
                let matters = line.by_spans[at] && limit.spans[at] > 0 && newest <= number;
                let spans = all.iter().filter_map(|(_, purchases)| purchases.spans[at]);
                let units: i128 = spans.filter(|(newest, _)| *newest == number).map(|(_, units)| units).sum();
                matters.then_some(limit.spans[at] - units)
            };
            [total, per_day, in_span(0), in_span(1)].into_iter().flatten().min()
        };
        line.subjects.iter().filter_map(room).min().map(|room| room.max(0))
    }

    /// STOCK_TERMS_SHOW.
    pub(super) fn show_terms(&self, envelope: &Envelope, stock: StockId) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        match self.own_stock(envelope, stock) {
            Some(found) => found.terms_view(),
            None => OwnedOutcome::refused(Code::NotFound),
        }
    }
}
