//! Planted bugs: each deliberate fault is switched on, and the suite must notice.
//!
//! A test suite that passes says little unless it is known to fail. For every bug there is a *hunt*: a check that runs
//! on one seed after the other, with the bug switched on, until it finds something wrong: an answer that differs from
//! the oracle's, or an assertion of the engine that breaks. The same hunts find nothing when no bug is switched on.
//!
//! To add a bug of another floor, add a line to [`HUNTS`] with a function that runs that floor's check on one seed.

use scrip_planted::{Bug, with};
use scrip_tests::generator::{CardKind, Generator, Kind, Plan};
use scrip_tests::history::History;
use scrip_tests::simulation::{Simulation, Trace};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Seeds after which a bug counts as missed.
const SEEDS: u64 = 1_000;

/// Steps of one seed's history.
const STEPS: u64 = 500;

/// Runs a check on one seed, counting the work done (commands, disk calls) in the cell. The error says what is wrong;
/// a panic does as well.
type Look = fn(seed: u64, work: &Cell<u64>) -> Result<(), String>;

/// How each bug is hunted.
const HUNTS: &[(Bug, Look)] = &[
    (Bug::DeadlineOffByOne, model),
    (Bug::DoublePosting, model),
    (Bug::FloorNotHonoured, model),
    (Bug::LinesNotSummed, model),
    (Bug::MismatchIgnored, model),
    (Bug::LimitNotCredited, model),
    (Bug::LateRefusalNotFinal, model),
    (Bug::ReturnUnbounded, model),
    (Bug::ReplaceReleasesEarly, model),
    (Bug::QuotaOffByOne, model),
    (Bug::GuaranteeNotCounted, model),
    (Bug::KeyBoundTwice, model),
    (Bug::MarkIgnored, model),
    (Bug::DayNotCredited, model),
    (Bug::HeldCapIgnored, model),
    (Bug::RiskOffByOne, model),
    (Bug::QuoteIgnored, model),
    (Bug::RandomKeyStays, model),
    (Bug::ReclaimForgetsBatch, reclaims),
    (Bug::FirstVersionStays, model),
    (Bug::TombstoneIgnored, model),
    (Bug::OrderLineSoldTwice, model),
    (Bug::DebtsNewestFirst, model),
    (Bug::DebtOvertaken, model),
    (Bug::DebtDeadlineIgnored, model),
    (Bug::OrderForgetsOldest, model),
    (Bug::ConfirmOwesAll, model),
    (Bug::OwedReplacementUsedTwice, model),
    (Bug::ZoneStandsStill, model),
    (Bug::MonthNotCredited, model),
    (Bug::GroupNotCounted, model),
    (Bug::TillNeverLate, model),
    (Bug::ScopeIgnored, model),
    (Bug::ClaimScopeIgnored, model),
    (Bug::ForeignCardRedeemed, model),
    (Bug::OldCodeOpens, model),
    (Bug::ReversedTooFar, model),
    (Bug::HalfRoundedDown, model),
    (Bug::CardsNotCounted, model),
    (Bug::BudgetIgnored, model),
    (Bug::HoursIgnored, model),
    (Bug::HeldCardsNotSummed, model),
    (Bug::HeldCardStaysLocked, model),
    (Bug::HeldLotForgotten, model),
    (Bug::HeldLotDropped, accounts),
    (Bug::ReturnedPastWindow, model),
    (Bug::VoidCardStaysIssued, model),
    (Bug::UsedCardsVoidedToo, model),
    (Bug::RecycledBeforeTheLast, model),
    (Bug::ForeignCardMerged, model),
    (Bug::ActivationChangesNoTimes, model),
    (Bug::GiftKeepsItsCode, model),
    (Bug::ForeignGiftAccepted, model),
    (Bug::CodeGivenTwice, model),
    (Bug::GroupMemberTwice, model),
    (Bug::GroupForgetsLimits, model),
    (Bug::GroupCardsUnbudgeted, model),
    (Bug::LinkedLimitNotShared, model),
    (Bug::LinkedBlockIgnored, model),
    (Bug::CardBackWithFirstLine, carts),
    (Bug::ShareForgotten, carts),
    (Bug::PaymentForgotten, carts),
    (Bug::SoldCardsUnbudgeted, model),
    (Bug::SpentCardReturned, model),
    (Bug::OwnReferral, model),
    (Bug::FriendCountsPerId, friends),
    (Bug::UsedCardToldOf, model),
    (Bug::ExtensionForgetsNotice, model),
    (Bug::AnswerBeforeSync, crashes),
    (Bug::SkippedDirectorySync, crashes),
    (Bug::IgnoredIoError, crashes),
    (Bug::SkippedSync, crashes),
    (Bug::RepairForgets, crashes),
    (Bug::RecoveryDropsLast, crashes),
];

/// Engine and oracle side by side.
fn model(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    let mut history = History::new(seed).quiet();
    for _ in 0..STEPS {
        work.set(work.get() + 1);
        history.step()?;
    }
    history.world.check_laws();
    Ok(())
}

/// The same, of the histories among 20 that suit a bug which needs a long story of one thing.
fn suited(seed: u64, work: &Cell<u64>, suits: impl Fn(&Plan) -> bool) -> Result<(), String> {
    let suits = |seed: &u64| suits(&Generator::new(*seed).plan);
    (20 * seed..20 * (seed + 1)).filter(suits).try_for_each(|seed| model(seed, work))
}

/// Whether a part of what is drawn, one in so many, is of a kind.
fn is_often<K: PartialEq>(kinds: &[(K, u32)], kind: K, one_in: u32) -> bool {
    let all: u32 = kinds.iter().map(|(_, weight)| weight).sum();
    kinds.iter().any(|(other, weight)| *other == kind && weight * one_in >= all)
}

/// Histories that fill cards beside holds.
fn accounts(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    suited(seed, work, |plan| plan.checkouts && is_often(&plan.card_kinds, CardKind::Account, 8))
}

/// Histories that hold carts at their price.
fn carts(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    suited(seed, work, |plan| plan.checkouts && is_often(&plan.card_kinds, CardKind::QuoteReserve, 8))
}

/// Histories that take card keys back.
fn reclaims(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    suited(seed, work, |plan| is_often(&plan.kinds, Kind::KeyReclaim, 12))
}

/// Histories with friends of activities.
fn friends(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    suited(seed, work, |plan| is_often(&plan.card_kinds, CardKind::Activity, 12))
}

/// Engine, shard and log under crashes; work is counted in runs.
fn crashes(seed: u64, work: &Cell<u64>) -> Result<(), String> {
    work.set(work.get() + 1);
    Simulation::new(seed, Trace::Off).quiet().run().map(|_| ())
}

/// How a bug was found.
struct Caught {
    seeds: u64,
    work: u64,
    how: String,
}

/// Runs `look` on one seed after the other until it finds something.
fn hunt(look: Look, seeds: u64) -> Option<Caught> {
    let work = Cell::new(0);
    for seed in 0..seeds {
        let how = match catch_unwind(AssertUnwindSafe(|| look(seed, &work))) {
            Ok(Ok(())) => continue,
            Ok(Err(report)) => shorten(&report),
            Err(panic) => format!("panic: {}", shorten(message(panic.as_ref()))),
        };
        return Some(Caught { seeds: seed + 1, work: work.get(), how });
    }
    None
}

thread_local!(static PANICS_ARE_EXPECTED: Cell<bool> = const { Cell::new(false) });

/// Runs `work` without a word about panics of this thread: they are what is hoped for.
fn silently<R>(work: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !PANICS_ARE_EXPECTED.get() {
                usual(panic);
            }
        }));
    });
    PANICS_ARE_EXPECTED.set(true);
    let result = work();
    PANICS_ARE_EXPECTED.set(false);
    result
}

fn message(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("without a message"),
    }
}

/// The first lines, as one.
fn shorten(report: &str) -> String {
    let first: Vec<&str> = report.lines().take(4).collect();
    first.join(" | ").chars().take(240).collect()
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    println!("{:<24}{:>7}{:>9}  how", "bug", "seeds", "work");
    for (bug, look) in HUNTS {
        match silently(|| with(*bug, || hunt(*look, SEEDS))) {
            Some(Caught { seeds, work, how }) => {
                println!("{:<24}{seeds:>7}{work:>9}  {how}", format!("{bug:?}"))
            }
            None => missed.push(bug),
        }
    }
    for bug in Bug::ALL.iter().filter(|bug| !HUNTS.iter().any(|(hunted, _)| hunted == *bug)) {
        println!("{:<24}is not hunted here", format!("{bug:?}"));
    }
    assert!(missed.is_empty(), "the suite is blind to {missed:?}");
}

#[test]
fn hunts_find_nothing_when_no_bug_is_planted() {
    let mut looks: Vec<Look> = HUNTS.iter().map(|(_, look)| *look).collect();
    looks.sort_by_key(|look| *look as usize);
    looks.dedup_by_key(|look| *look as usize);
    for look in looks {
        if let Some(Caught { seeds, how, .. }) = hunt(look, SEEDS) {
            panic!("a hunt without a bug found something after {seeds} seeds: {how}");
        }
    }
}
