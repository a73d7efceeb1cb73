//! Purchase limits and caps: what a subject may have of a stock, in all, per day, week and month, and held at once.
//!
//! Invariant: a line counts for exactly the subjects that its stock limits at that moment and that the command tells.

use super::Plan;
use super::take::Replaced;
use super::taken::subjects;
use crate::answer::HoldState;
use crate::command::{Span, SubjectKind, SubjectLimit, Take};
use crate::event::EventLine;
use crate::limits::PERSON_MEMBERS_MAX;
use crate::state::State;
use crate::state::counts::{Entries, NO_ENTRIES};
use crate::state::persons::Members;
use crate::state::records::Counted;
use crate::state::stock::Stock;
use crate::state::table::{Handle, NONE};
use arrayvec::ArrayVec;
use core::iter::once;
use scrip_planted::{Bug, on};

/// Purchase limit entries of the other ids of a person.
type Others = ArrayVec<u32, PERSON_MEMBERS_MAX>;

/// Units of the replaced hold that an entry counts.
#[derive(Default, Clone, Copy)]
struct GivenUp {
    /// In all.
    units: u64,
    /// Of lines that count fully.
    fully: u64,
}

fn given_up(state: &State, replaced: Option<Replaced<'_>>, entry: u32) -> GivenUp {
    let mut sum = GivenUp::default();
    let Some(hold) = replaced.map(Replaced::hold).filter(|hold| hold.state() == HoldState::Held) else {
        return sum;
    };
    for line in state.lines(hold).filter(|line| state.entries(line.limit).contains(&entry)) {
        sum.units += u64::from(line.current);
        if matches!(Counted::of(line.limit), Counted::Fully(_)) {
            sum.fully += u64::from(line.current);
        }
    }
    sum
}

/// Units of the replaced hold that a subject is counted with by a span, as those of the entry of days `entry`.
fn given_up_by(state: &State, replaced: Option<Replaced<'_>>, entry: u32, span: Span) -> u64 {
    let Some(hold) = replaced.map(Replaced::hold).filter(|hold| hold.state() == HoldState::Held) else {
        return 0;
    };
    let counts = |limit| state.entries(limit).contains(&entry) && state.counts_by(limit, span);
    let lines = state.lines(hold).filter(|line| counts(line.limit));
    lines.map(|line| u64::from(line.current)).sum()
}

/// What a stock limits for a kind of subject, units per user included.
#[inline]
fn limit_of(stock: &Stock, kind: SubjectKind) -> SubjectLimit {
    let mut limit = *stock.limits.of(kind);
    if kind == SubjectKind::User {
        limit.total.set(stock.terms.limit_per_user);
    }
    limit
}

/// Whether a stock limits anything for a kind of subject.
#[inline]
fn speaks_of(stock: &Stock, kind: SubjectKind) -> bool {
    !limit_of(stock, kind).is_none() || stock.span_limits.speaks_of(kind)
}

/// The most units that a subject can be counted with: its limit in all, or what a count can say.
#[inline]
fn most_of(limit: SubjectLimit) -> u32 {
    if limit.total.get() == 0 { u32::MAX } else { limit.total.get() }
}

/// Cuts each pool to what purchase limits leave, in all and per day, and notes the entries; answers whether any stock has
/// limits.
#[inline]
pub fn cut_to_totals(
    state: &State,
    now_ms: u64,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> bool {
    let mut limited = false;
    for wish in &mut plan.wishes {
        let (room, entries) = room(state, now_ms, take, replaced, wish.stock());
        plan.resolved.lines.push((Some(wish.stock()), entries));
        if let Some(room) = room {
            limited = true;
            wish.cut(room);
        }
    }
    limited
}

/// What purchase limits in all and per day leave on a stock (`None`: it has none), and the entries of the subjects that it
/// limits.
#[inline]
pub fn room(
    state: &State,
    now_ms: u64,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    handle: Handle,
) -> (Option<u64>, Entries) {
    let stock = state.stock(handle);
    if stock.limits_further {
        let (room, entries) = room_of_all(state, now_ms, take, replaced, handle);
        return (Some(room), entries);
    }
    let limit = stock.terms.limit_per_user;
    if limit == 0 {
        return (None, NO_ENTRIES);
    }
    let entry = match take.user.0 {
        0 => None,
        user => state.find_limit(SubjectKind::User, user, handle),
    };
    let entry = entry.map_or(NONE, |entry| entry.0);
    let others = of_others(state, handle, (SubjectKind::User, take.user.0));
    let entries = once(entry).chain(others);
    let room = if take.user.0 == 0 { 0 } else { left(state, limit, replaced, entries) };
    (Some(room), [entry, NONE, NONE, NONE])
}

/// What a limit in all leaves of the entries of a subject: one, and those of the other ids of a user's person.
#[inline]
fn left(
    state: &State,
    limit: u32,
    replaced: Option<Replaced<'_>>,
    entries: impl Iterator<Item = u32>,
) -> u64 {
    let counted = |entry: u32| {
        u64::from(state.limits.get(Handle(entry)).units) - given_up(state, replaced, entry).units
    };
    u64::from(limit).saturating_sub(entries.filter(|entry| *entry != NONE).map(counted).sum())
}

/// The other ids of a user's person.
#[inline]
fn others(state: &State, handle: Handle, (kind, user): (SubjectKind, u128)) -> Members {
    if kind != SubjectKind::User || state.persons.used() == 0 || on(Bug::LinkedLimitNotShared) {
        return Members::new();
    }
    let stock = state.stock(handle);
    state.others((stock.merchant, stock.id.slot()), user)
}

/// The entries of the other ids of a user's person on a stock.
#[inline]
fn of_others(state: &State, handle: Handle, of: (SubjectKind, u128)) -> Others {
    let entry = |other| state.find_limit(SubjectKind::User, other, handle);
    others(state, handle, of).into_iter().filter_map(entry).map(|entry| entry.0).collect()
}

/// What all limits in all and per day leave on a stock, and the entries of the subjects that it limits.
fn room_of_all(
    state: &State,
    now_ms: u64,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    handle: Handle,
) -> (u64, Entries) {
    let stock = state.stock(handle);
    let subjects = subjects(take.user, take.parties);
    let (mut room, mut entries) = (u64::MAX, NO_ENTRIES);
    for kind in SubjectKind::LIMITED {
        let (limit, subject) = (limit_of(stock, kind), subjects[kind.position()]);
        if !speaks_of(stock, kind) {
            continue;
        }
        if subject == 0 {
            // A limit per user asks for a user. The other subjects are known to some channels only.
            room = if kind == SubjectKind::User { 0 } else { room };
            continue;
        }
        let entry = state.find_limit(kind, subject, handle).map_or(NONE, |entry| entry.0);
        entries[kind.position()] = entry;
        let others = of_others(state, handle, (kind, subject));
        let all = || once(entry).chain(others.iter().copied());
        room = room.min(left(state, most_of(limit), replaced, all()));
        if limit.per_day.get() != 0 {
            let today = left_today(state, (now_ms, stock), limit.per_day.get(), replaced, all());
            room = room.min(today);
        }
        for span in Span::ALL {
            let limit = stock.span_limits.of(span)[kind.position()].get();
            if limit != 0 {
                let of = (kind, subject, handle);
                room = room.min(left_in_span(state, (now_ms, of), (span, limit), replaced));
            }
        }
    }
    (room, entries)
}

/// What a limit of a span leaves a subject, with the other ids of a user's person.
fn left_in_span(
    state: &State,
    (now_ms, (kind, subject, handle)): (u64, (SubjectKind, u128, Handle)),
    (span, limit): (Span, u32),
    replaced: Option<Replaced<'_>>,
) -> u64 {
    let number = |time_ms| span.of_day(state.day_of(state.stock(handle), time_ms));
    let now = number(now_ms);
    let of_now = replaced.filter(|replaced| number(replaced.hold().reserved_ms) == now);
    let counted = |subject: u128| {
        let counted = counted_in_span(state, (kind, subject, handle), (span, now)).unwrap_or(0);
        let entry = state.find_limit(kind, subject, handle).filter(|_| counted > 0);
        counted - entry.map_or(0, |entry| given_up_by(state, of_now, entry.0, span))
    };
    let all = once(subject).chain(others(state, handle, (kind, subject)));
    u64::from(limit).saturating_sub(all.map(counted).sum())
}

/// Units that a subject is counted with in a week or month; `None`: he has units of a later one.
fn counted_in_span(
    state: &State,
    (kind, subject, handle): (SubjectKind, u128, Handle),
    (span, number): (Span, u16),
) -> Option<u64> {
    match state.find_span(kind, subject, handle, span) {
        None => Some(0),
        Some(entry) => state.limits.get(entry).on_day(number).map(u64::from),
    }
}

fn left_today(
    state: &State,
    (now_ms, stock): (u64, &Stock),
    limit: u32,
    replaced: Option<Replaced<'_>>,
    entries: impl Iterator<Item = u32>,
) -> u64 {
    let today = state.day_of(stock, now_ms);
    let of_today = replaced.filter(|replaced| state.day_of(stock, replaced.hold().reserved_ms) == today);
    let counted = |entry: u32| {
        let counted = state.limits.get(Handle(entry)).on_day(today).expect("shard time does not go back");
        let given_up = if counted == 0 { 0 } else { given_up(state, of_today, entry).fully };
        u64::from(counted) - given_up
    };
    u64::from(limit).saturating_sub(entries.filter(|entry| *entry != NONE).map(counted).sum())
}

/// Cuts each pool to what caps on units held at once leave; answers whether any stock has such caps.
#[inline]
pub fn cut_to_held(state: &State, take: &Take<'_>, replaced: Option<Replaced<'_>>, plan: &mut Plan) -> bool {
    if on(Bug::HeldCapIgnored) {
        return false;
    }
    let subjects = subjects(take.user, take.parties);
    let mut limited = false;
    for (position, wish) in plan.wishes.iter_mut().enumerate() {
        let stock = state.stock(wish.stock());
        if !stock.limits_further {
            continue;
        }
        for kind in SubjectKind::LIMITED {
            let cap = stock.limits.of(kind).held.get();
            if cap == 0 || subjects[kind.position()] == 0 {
                continue;
            }
            limited = true;
            let entry = plan.resolved.lines[position].1[kind.position()];
            let others = of_others(state, wish.stock(), (kind, subjects[kind.position()]));
            let held = |entry: u32| {
                let held = u64::from(state.limits.get(Handle(entry)).held);
                held - given_up(state, replaced, entry).fully
            };
            let held = once(entry).chain(others).filter(|entry| *entry != NONE).map(held).sum();
            wish.cut(u64::from(cap).saturating_sub(held));
        }
    }
    limited
}

/// For which subjects a new line of this stock counts, and how.
#[inline]
pub fn flags_of(stock: &Stock, take: &Take<'_>) -> u32 {
    if stock.limits_further {
        flags(stock, take)
    } else if stock.terms.limit_per_user != 0 && take.user.0 != 0 {
        EventLine::COUNTED
    } else {
        0
    }
}

/// For which subjects a new line of a stock counts that limits more than the user's total.
fn flags(stock: &Stock, take: &Take<'_>) -> u32 {
    let subjects = subjects(take.user, take.parties);
    let counts = |kind: &SubjectKind| subjects[kind.position()] != 0 && speaks_of(stock, *kind);
    let counted = SubjectKind::LIMITED.into_iter().filter(counts);
    let spans = Span::ALL.into_iter().filter(|span| stock.span_limits.limits(*span));
    match counted.fold(0, |flags, kind| flags | EventLine::COUNTED << kind.position()) {
        0 => 0,
        flags => spans.fold(flags | EventLine::FULLY, |flags, span| flags | EventLine::flag_of(span)),
    }
}

/// Entries that a line on this stock would make, of days and of its spans, where `entries` of days are there.
pub fn new_entries_of(
    state: &State,
    take: &Take<'_>,
    line: &EventLine,
    (stock, entries): (Handle, Entries),
) -> u32 {
    let subjects = subjects(take.user, take.parties);
    let missing = |kind: SubjectKind| {
        let (at, is_new) = (kind.position(), entries[kind.position()] == NONE);
        let lacks = |span: &Span| is_new || state.find_span(kind, subjects[at], stock, *span).is_none();
        u32::from(is_new) + line.spans().filter(lacks).count() as u32
    };
    SubjectKind::LIMITED.into_iter().filter(|kind| line.counts(*kind)).map(missing).sum()
}

/// Purchase limit entries that the planned lines would make.
pub fn new_entries(state: &State, take: &Take<'_>, plan: &Plan) -> u32 {
    let missing = |line: usize| {
        let (stock, entries) = plan.resolved.lines[line];
        let stock = stock.expect("a planned line has a stock");
        new_entries_of(state, take, &plan.lines[line], (stock, entries))
    };
    let first =
        |line: usize| plan.wishes[..line].iter().all(|earlier| earlier.stock() != plan.wishes[line].stock());
    (0..plan.lines.len()).filter(|line| first(*line)).map(missing).sum()
}

/// What purchase limits leave a late CONFIRM on the stock of a line, whose hold was made at `reserved_ms`; `None`: they do
/// not matter. Counts as new takes do, but for the day: it is that of the hold, and one that an entry no longer counts does
/// not matter.
pub fn room_late(state: &State, (limit, stock): (u32, &Stock), reserved_ms: u64) -> Option<u64> {
    let fully = matches!(Counted::of(limit), Counted::Fully(_));
    let day = state.day_of(stock, reserved_ms);
    let entries = state.entries(limit);
    let counted = SubjectKind::LIMITED.into_iter().filter(|kind| entries[kind.position()] != NONE);
    let rooms = counted.flat_map(|kind| {
        let (limit, entry) = (limit_of(stock, kind), state.limits.get(Handle(entries[kind.position()])));
        let others = of_others(state, Handle(entry.stock), (kind, entry.subject));
        let others = || others.iter().map(|other| state.limits.get(Handle(*other)));
        let left = |limit: u32, counted: u64| u64::from(limit).saturating_sub(counted);
        let in_all: u64 = once(entry).chain(others()).map(|entry| u64::from(entry.units)).sum();
        let per_day = if fully && limit.per_day.get() != 0 { entry.on_day(day) } else { None };
        let of_others = || others().filter_map(|other| other.on_day(day)).map(u64::from).sum::<u64>();
        let per_day = per_day.map(|counted| u64::from(counted) + of_others());
        [Some(left(most_of(limit), in_all)), per_day.map(|counted| left(limit.per_day.get(), counted))]
    });
    let in_spans = state.span_entries(limit).filter_map(|entry| {
        let entry = state.limits.get(entry);
        let (span, kind, handle) =
            (entry.span().expect("an entry of a span"), entry.kind(), Handle(entry.stock));
        let limit = stock.span_limits.of(span)[kind.position()].get();
        let number = span.of_day(day);
        let counted = if limit != 0 { entry.on_day(number) } else { None };
        let of_other = |other| counted_in_span(state, (kind, other, handle), (span, number));
        let of_others = || others(state, handle, (kind, entry.subject)).into_iter().filter_map(of_other);
        counted.map(|counted| u64::from(limit).saturating_sub(u64::from(counted) + of_others().sum::<u64>()))
    });
    rooms.flatten().chain(in_spans).min()
}
