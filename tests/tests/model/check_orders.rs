//! Which code wins when a command has two faults at once: the documented order of the checks, pair by pair.

use scrip_engine::command::{Envelope, Quota, StockKind, StockTerms};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code::{self, *};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRequest, OwnedTake, Wish};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

/// Nobody knows this stock.
pub(super) const MISSING: StockId = StockId::new(Slot(0), 999);
/// A stock of another slot.
pub(super) const ELSEWHERE: StockId = StockId::new(Slot(1), 1);
/// Five units, two per user.
pub(super) const PLENTY: StockId = StockId::new(Slot(0), 1);
const FROZEN: StockId = StockId::new(Slot(0), 2);
const UNOPENED: StockId = StockId::new(Slot(0), 3);
const CLOSED: StockId = StockId::new(Slot(0), 4);
/// Another merchant's.
pub(super) const FOREIGN: StockId = StockId::new(Slot(0), 5);
/// Frozen, and not open yet.
const FROZEN_UNOPENED: StockId = StockId::new(Slot(0), 6);

/// Made by user 1: a held, a confirmed, a released, an expired hold, and a refused paid sale.
const HELD: u128 = 10;
const CONFIRMED: u128 = 11;
const RELEASED: u128 = 12;
const EXPIRED: u128 = 13;
const REFUSED: u128 = 14;
/// Recorded, but no hold.
pub(super) const SUPPLY: u128 = 20;

/// Rules with a window of ten seconds, so that ids can be too old.
const RULES: Rules =
    Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 3_600_000 };

/// The situation all rows meet: the stocks and holds above, at [`START_MS`] + 30 s.
pub(super) fn scene() -> World {
    let mut world = World::new(ROOMY, RULES, START_MS);
    world.stock_with(1, 9, StockTerms { limit_per_user: 4, ..ANY_TERMS });
    world.reserve(EXPIRED, &[(PLENTY, 1)]);
    world.wait(29_000);
    world.created_ms = world.now_ms;
    world.stock_with(2, 9, StockTerms { frozen: true, ..ANY_TERMS });
    world.stock_with(3, 9, StockTerms { opens_ms: START_MS + 90_000, ..ANY_TERMS });
    world.stock_with(4, 9, StockTerms { closes_ms: START_MS + 1, ..ANY_TERMS });
    let terms = StockTerms { opens_ms: START_MS + 90_000, frozen: true, ..ANY_TERMS };
    world.stock_with(6, 9, terms);
    let mut foreign = world.request(1, create(FOREIGN, 9));
    foreign.envelope.merchant = MerchantId(2);
    world.ask(&foreign);
    world.run(HELD, OwnedCommand::Reserve { take: take(&[(PLENTY, 2)]), ttl_ms: 600_000 });
    world.reserve(CONFIRMED, &[(PLENTY, 1)]);
    world.confirm(CONFIRMED);
    world.reserve(RELEASED, &[(PLENTY, 1)]);
    world.release(RELEASED);
    world.run(REFUSED, OwnedCommand::Sell { take: take(&[(PLENTY, 100)]), paid: true, hidden: false });
    world.run(SUPPLY, OwnedCommand::StockSupply { stock: PLENTY, units: 1 });
    world.wait(1_000);
    world
}

fn create(stock: StockId, units: u64) -> OwnedCommand {
    OwnedCommand::StockCreate {
        stock,
        name: b"stock".to_vec(),
        units,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: ANY_TERMS,
    }
}

pub(super) type Fault = fn(&mut OwnedRequest);

pub(super) fn too_old(request: &mut OwnedRequest) {
    request.envelope.created_ms = START_MS + 1;
}
pub(super) fn ahead(request: &mut OwnedRequest) {
    request.envelope.created_ms = START_MS + 30_000 + 60_001;
}
pub(super) fn past_deadline(request: &mut OwnedRequest) {
    request.envelope.deadline_ms = START_MS + 30_000;
}
fn other_channel(request: &mut OwnedRequest) {
    request.envelope.channel.0 += 1;
}
fn of_nobody(request: &mut OwnedRequest) {
    let take = request.take_mut().expect("a take");
    (take.user, take.order) = (UserId(0), OrderId(0));
}
fn add(request: &mut OwnedRequest, stock: StockId, units: u32) {
    request.take_mut().expect("a take").lines.push(Wish::exactly(stock, units));
}
pub(super) fn elsewhere(request: &mut OwnedRequest) {
    add(request, ELSEWHERE, 1);
}
pub(super) fn missing(request: &mut OwnedRequest) {
    add(request, MISSING, 1);
}
fn foreign(request: &mut OwnedRequest) {
    add(request, FOREIGN, 1);
}
fn frozen(request: &mut OwnedRequest) {
    add(request, FROZEN, 1);
}
fn unopened(request: &mut OwnedRequest) {
    add(request, UNOPENED, 1);
}
fn closed(request: &mut OwnedRequest) {
    add(request, CLOSED, 1);
}
fn frozen_unopened(request: &mut OwnedRequest) {
    add(request, FROZEN_UNOPENED, 1);
}
fn too_many(request: &mut OwnedRequest) {
    add(request, PLENTY, 50);
}
fn over_limit(request: &mut OwnedRequest) {
    add(request, PLENTY, 3);
}
pub(super) fn replaces_unknown(request: &mut OwnedRequest) {
    request.take_mut().expect("a take").replace = OperationId(777);
}
fn replaces_supply(request: &mut OwnedRequest) {
    request.take_mut().expect("a take").replace = OperationId(SUPPLY);
}
fn replaces_refused(request: &mut OwnedRequest) {
    request.take_mut().expect("a take").replace = OperationId(REFUSED);
}
fn replaces_confirmed(request: &mut OwnedRequest) {
    request.take_mut().expect("a take").replace = OperationId(CONFIRMED);
}

/// Asks for `command` with `faults`, and expects `code`.
#[track_caller]
pub(super) fn expect(
    world: &mut World,
    operation: u128,
    command: OwnedCommand,
    faults: &[Fault],
    code: Code,
) {
    let mut request = world.request(operation, command);
    for fault in faults {
        fault(&mut request);
    }
    assert_refused(&world.ask(&request), code);
}

#[test]
fn takes_are_checked_in_the_documented_order() {
    let mut world = scene();
    let rows: &[(&[Fault], Code)] = &[
        (&[too_old], OperationTooOld),
        (&[too_old, past_deadline], OperationTooOld),
        (&[too_old, elsewhere, missing], OperationTooOld),
        (&[ahead], ClockAhead),
        (&[ahead, past_deadline], ClockAhead),
        (&[ahead, elsewhere], ClockAhead),
        (&[past_deadline], DeadlinePassed),
        (&[past_deadline, elsewhere], DeadlinePassed),
        (&[past_deadline, missing], DeadlinePassed),
        (&[elsewhere], CrossSlot),
        (&[elsewhere, missing], CrossSlot),
        (&[missing, elsewhere], CrossSlot),
        (&[elsewhere, replaces_unknown], CrossSlot),
        (&[missing], NotFound),
        (&[foreign], NotFound),
        (&[missing, replaces_unknown], NotFound),
        (&[missing, frozen, too_many], NotFound),
        (&[frozen, foreign], NotFound),
        (&[replaces_unknown], HoldNotFound),
        (&[replaces_supply], HoldNotFound),
        (&[replaces_refused], HoldNotFound),
        (&[replaces_unknown, of_nobody], HoldNotFound),
        (&[replaces_refused, of_nobody], HoldNotFound),
        (&[replaces_unknown, frozen], HoldNotFound),
        (&[replaces_confirmed, of_nobody], NotOwner),
        (&[replaces_confirmed, of_nobody, closed], NotOwner),
        (&[replaces_confirmed], HoldConfirmed),
        (&[replaces_confirmed, frozen], HoldConfirmed),
        (&[replaces_confirmed, too_many], HoldConfirmed),
        (&[frozen], Frozen),
        (&[unopened], NotStarted),
        (&[closed], Expired),
        (&[frozen_unopened], Frozen),
        (&[unopened, frozen], NotStarted),
        (&[closed, unopened, frozen], Expired),
        (&[too_many, closed], Expired),
        (&[over_limit, unopened], NotStarted),
        (&[of_nobody, frozen], Frozen),
        (&[too_many], OutOfStock),
        (&[too_many, of_nobody], OutOfStock),
        (&[over_limit], UserLimit),
        (&[of_nobody], UserLimit),
    ];
    for (number, (faults, code)) in rows.iter().enumerate() {
        let plain = take(&[(PLENTY, 1)]);
        println!("row {number}");
        expect(&mut world, 100, reserve(plain.clone()), faults, *code);
        expect(
            &mut world,
            100,
            OwnedCommand::Sell { take: plain, paid: false, hidden: false },
            faults,
            *code,
        );
    }
    // Without a fault it is taken, so each row failed for the fault it has.
    assert!(matches!(world.run(100, reserve(take(&[(PLENTY, 1)]))), OwnedOutcome::Reserved { .. }));
}

#[test]
fn a_record_comes_before_everything_else() {
    let mut world = scene();
    let hold = OwnedCommand::Reserve { take: take(&[(PLENTY, 2)]), ttl_ms: 600_000 };
    let mut repeat = world.request(HELD, hold.clone());
    repeat.envelope.created_ms = START_MS + 29_000;
    let recorded = world.ask(&repeat);
    assert!(matches!(recorded, OwnedOutcome::Reserved { .. }));
    past_deadline(&mut repeat);
    assert_eq!(world.ask(&repeat), recorded, "the deadline is not part of the content");
    for fault in [too_old, ahead, other_channel, elsewhere, missing, replaces_unknown] as [Fault; 6] {
        let mut other = repeat.clone();
        fault(&mut other);
        assert_refused(&world.ask(&other), OperationMismatch);
    }
    // A repeat is answered although the stock is frozen by now.
    let terms = StockTerms { frozen: true, ..ANY_TERMS };
    world.created_ms = world.now_ms;
    world.run(30, OwnedCommand::StockEdit { stock: PLENTY, version: 1, terms });
    assert_eq!(world.ask(&repeat), recorded);
    for command in
        [OwnedCommand::StockSupply { stock: PLENTY, units: 2 }, return_all(CONFIRMED), create(MISSING, 1)]
    {
        expect(&mut world, HELD, command, &[past_deadline], OperationMismatch);
    }
    expect(&mut world, SUPPLY, reserve(take(&[(MISSING, 1)])), &[ahead], OperationMismatch);
}

#[test]
fn commands_on_holds_answer_by_the_state_table() {
    let mut world = scene();
    world.wait(0);
    let confirm = |units: Vec<u32>| OwnedCommand::Confirm { units, hidden: false };
    let extend = |hold| OwnedCommand::Extend { hold: OperationId(hold), ttl_ms: 1_000 };
    // What CONFIRM, RELEASE, EXTEND and RETURN are refused with, hold by hold; `None`: taken.
    let table: &[(u128, [Option<Code>; 4])] = &[
        (777, [Some(HoldNotFound); 4]),
        (SUPPLY, [Some(HoldNotFound); 4]),
        (REFUSED, [Some(HoldNotFound); 4]),
        (RELEASED, [Some(HoldReleased), None, Some(HoldReleased), Some(HoldReleased)]),
        (CONFIRMED, [None, Some(HoldConfirmed), Some(HoldConfirmed), None]),
        (HELD, [None, None, None, Some(NotActive)]),
        (EXPIRED, [None, None, Some(Expired), Some(NotActive)]),
    ];
    for (hold, [confirmed, released, extended, returned]) in table {
        let mut fresh = scene();
        assert_eq!(fresh.run(200, return_all(*hold)).code(), *returned, "RETURN of {hold}");
        assert_eq!(fresh.run(201, extend(*hold)).code(), *extended, "EXTEND of {hold}");
        assert_eq!(fresh.confirm(*hold).code(), *confirmed, "CONFIRM of {hold}");
        assert_eq!(scene().release(*hold).code(), *released, "RELEASE of {hold}");
    }
    // Lapsed by RELEASE.
    world.release(EXPIRED);
    assert_refused(&world.confirm(EXPIRED), HoldReleased);
    assert_refused(&world.run(202, extend(EXPIRED)), HoldReleased);
    assert_refused(&world.run(203, return_all(EXPIRED)), HoldReleased);
    assert_eq!(world.release(EXPIRED), OwnedOutcome::Released { lapsed: true });
    // Two faults at once.
    expect(&mut world, 777, confirm(vec![]), &[too_old, past_deadline], OperationTooOld);
    expect(&mut world, 777, OwnedCommand::Release, &[too_old], OperationTooOld);
    expect(&mut world, 777, OwnedCommand::Release, &[past_deadline], HoldNotFound);
    expect(&mut world, HELD, confirm(vec![9]), &[too_old, past_deadline], DeadlinePassed);
    expect(&mut world, HELD, confirm(vec![9]), &[ahead], ExceedsHold);
    expect(&mut world, HELD, OwnedCommand::Release, &[past_deadline], DeadlinePassed);
    expect(&mut world, CONFIRMED, confirm(vec![9]), &[past_deadline], OperationMismatch);
    expect(&mut world, CONFIRMED, OwnedCommand::Release, &[past_deadline], HoldConfirmed);
    expect(&mut world, RELEASED, confirm(vec![9]), &[past_deadline], HoldReleased);
    expect(&mut world, 300, extend(777), &[too_old, past_deadline], OperationTooOld);
    expect(&mut world, 300, extend(777), &[past_deadline], DeadlinePassed);
    expect(&mut world, 300, extend(777), &[ahead], ClockAhead);
    expect(&mut world, 300, return_all(HELD), &[past_deadline], DeadlinePassed);
}

#[test]
fn a_late_confirm_is_checked_in_the_documented_order() {
    let late = |prepare: fn(&mut World), units: Vec<u32>| {
        let mut world = World::new(ROOMY, Rules { late_confirm_ms: 5_000, ..Rules::default() }, START_MS);
        world.stock_with(1, 4, StockTerms { limit_per_user: 4, ..ANY_TERMS });
        world.reserve(10, &[(PLENTY, 2), (PLENTY, 2)]);
        world.wait(u64::from(TTL_MS));
        prepare(&mut world);
        world.run(10, OwnedCommand::Confirm { units, hidden: false })
    };
    let freeze: fn(&mut World) = |world| {
        let terms = StockTerms { frozen: true, limit_per_user: 1, ..ANY_TERMS };
        world.run(20, OwnedCommand::StockEdit { stock: PLENTY, version: 1, terms });
    };
    let empty: fn(&mut World) =
        |world| drop(world.run(21, reserve(OwnedTake { user: UserId(2), ..take(&[(PLENTY, 1)]) })));
    let use_limit: fn(&mut World) = |world| {
        world.run(22, OwnedCommand::StockSupply { stock: PLENTY, units: 50 });
        world.reserve(23, &[(PLENTY, 1)]);
    };
    let past: fn(&mut World) = |world| world.wait(5_000);
    type Row = (fn(&mut World), Vec<u32>, Code, Option<Code>);
    let rows: [Row; 8] = [
        (|_| {}, vec![3, 1], ExceedsHold, Some(ExceedsHold)),
        (past, vec![3], ExceedsHold, Some(ExceedsHold)),
        (past, vec![], HoldExpiredNoStock, Some(Expired)),
        (freeze, vec![], HoldExpiredNoStock, Some(Frozen)),
        (empty, vec![], HoldExpiredNoStock, Some(OutOfStock)),
        (use_limit, vec![], HoldExpiredNoStock, Some(UserLimit)),
        (freeze, vec![9], ExceedsHold, Some(ExceedsHold)),
        (empty, vec![0, 0, 1], ExceedsHold, Some(ExceedsHold)),
    ];
    for (number, (prepare, units, code, why)) in rows.into_iter().enumerate() {
        let outcome = late(prepare, units);
        let OwnedOutcome::Refused { code: found, facts: OwnedFacts::Lines(lacks) } = outcome else {
            panic!("row {number}: {outcome:?}");
        };
        assert_eq!((found, lacks.first().map(|lack| lack.why)), (code, why), "row {number}");
    }
    // With fewer units there is enough.
    assert!(matches!(late(empty, vec![1, 2]), OwnedOutcome::Confirmed { late: true, .. }));
    assert!(matches!(late(use_limit, vec![2, 1]), OwnedOutcome::Confirmed { late: true, .. }));
}

#[test]
fn stock_commands_are_checked_in_the_documented_order() {
    let mut world = scene();
    let void = |stock, units| OwnedCommand::StockVoid { stock, units, from_frozen: false, forced: false };
    let edit = |stock| OwnedCommand::StockEdit { stock, version: 9, terms: ANY_TERMS };
    let supply = |stock| OwnedCommand::StockSupply { stock, units: 1 << 53 };
    let rows: Vec<(OwnedCommand, &[Fault], Code)> = vec![
        (void(ELSEWHERE, 999), &[too_old, past_deadline], OperationTooOld),
        (void(ELSEWHERE, 999), &[ahead, past_deadline], ClockAhead),
        (void(ELSEWHERE, 999), &[past_deadline], DeadlinePassed),
        (void(ELSEWHERE, 999), &[], CrossSlot),
        (void(MISSING, 999), &[], NotFound),
        (void(FOREIGN, 999), &[], NotFound),
        (void(PLENTY, 999), &[], OutOfStock),
        (edit(ELSEWHERE), &[], CrossSlot),
        (edit(FOREIGN), &[], NotFound),
        (edit(PLENTY), &[], RuleFailed),
        (supply(ELSEWHERE), &[], CrossSlot),
        (supply(FOREIGN), &[], NotFound),
        (supply(PLENTY), &[], Capacity),
        (create(ELSEWHERE, 1), &[], CrossSlot),
        (create(PLENTY, 1), &[past_deadline], DeadlinePassed),
        (create(PLENTY, 1), &[], RuleFailed),
        (create(FOREIGN, 1), &[], RuleFailed),
        (OwnedCommand::StockUnfreeze { stock: PLENTY, units: 1 }, &[], OutOfStock),
        (OwnedCommand::StockFreeze { stock: MISSING, units: 99, forced: false }, &[], NotFound),
        (OwnedCommand::StockShow { stock: ELSEWHERE }, &[too_old, past_deadline], CrossSlot),
        (OwnedCommand::StockShow { stock: FOREIGN }, &[ahead], NotFound),
    ];
    for (command, faults, code) in rows {
        expect(&mut world, 100, command, faults, code);
    }
    expect(&mut world, 777, OwnedCommand::OperationShow, &[past_deadline], NotFound);
    expect(&mut world, 777, OwnedCommand::OperationShow, &[too_old], OperationTooOld);
    // A query of what is there is answered whatever its envelope says.
    let mut show = world.request(HELD, OwnedCommand::OperationShow);
    too_old(&mut show);
    past_deadline(&mut show);
    assert!(matches!(world.ask(&show), OwnedOutcome::Hold(_)));
}

#[test]
fn quotas_come_after_availability_and_before_purchase_limits() {
    let mut world = World::usual();
    world.stock_with(1, 9, StockTerms { limit_per_user: 2, ..ANY_TERMS });
    let quotas = vec![Quota::new(ChannelId(2), 4, Quota::NO_CAP, 0)];
    world.run(20, OwnedCommand::StockQuota { stock: PLENTY, version: 1, quotas });
    // Ten are not there, six are the other channel's, three are beyond the limit.
    for (units, code) in [(10, OutOfStock), (6, ChannelQuota), (3, UserLimit)] {
        let (one, sold) = (take(&[(PLENTY, units)]), take(&[(PLENTY, units)]));
        assert_refused(&world.run(100, reserve(one)), code);
        assert_refused(&world.run(100, OwnedCommand::Sell { take: sold, paid: false, hidden: false }), code);
    }
    // A late confirm looks in the same order.
    world.reserve(10, &[(PLENTY, 2)]);
    world.wait(u64::from(TTL_MS));
    let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
    world.run(21, OwnedCommand::StockEdit { stock: PLENTY, version: 2, terms });
    let quotas = vec![Quota::new(ChannelId(2), 8, Quota::NO_CAP, 0)];
    world.run(22, OwnedCommand::StockQuota { stock: PLENTY, version: 3, quotas });
    let OwnedFacts::Lines(lacks) = world.confirm(10).facts() else { panic!("refused with lines") };
    assert_eq!(lacks.iter().map(|lack| lack.why).collect::<Vec<_>>(), [ChannelQuota]);
}

#[test]
fn stock_quota_is_checked_in_the_documented_order() {
    let mut world = scene();
    let wrong = || Quota::new(ChannelId(1), 2, 2, START_MS + 30_000);
    let quota = |stock, version, quotas: Vec<Quota>| OwnedCommand::StockQuota { stock, version, quotas };
    let low_cap = Quota::new(ChannelId(1), 0, 2, 0);
    let too_much = Quota::new(ChannelId(2), 100, 100, 0);
    // 64 channels beside the one that has taken units, which is known already.
    let many = || (2..66).map(|channel| Quota::new(ChannelId(channel), 0, 9, 0)).collect::<Vec<_>>();
    let mut many_and_much = many();
    many_and_much[0] = too_much;
    let rows: Vec<(OwnedCommand, &[Fault], Code)> = vec![
        (quota(ELSEWHERE, 9, vec![wrong()]), &[too_old, past_deadline], OperationTooOld),
        (quota(ELSEWHERE, 9, vec![wrong()]), &[past_deadline], DeadlinePassed),
        (quota(ELSEWHERE, 9, vec![wrong()]), &[], CrossSlot),
        (quota(MISSING, 9, vec![wrong()]), &[], NotFound),
        (quota(FOREIGN, 9, vec![wrong()]), &[], NotFound),
        (quota(PLENTY, 9, vec![wrong(), too_much]), &[], RuleFailed),
        (quota(PLENTY, 1, vec![wrong(), too_much]), &[], RuleFailed),
        (quota(PLENTY, 1, vec![low_cap, too_much]), &[], ChannelQuota),
        (quota(PLENTY, 1, many_and_much), &[], ChannelQuota),
        (quota(PLENTY, 1, many()), &[], Capacity),
        (OwnedCommand::StockChannels { stock: ELSEWHERE }, &[too_old, past_deadline], CrossSlot),
        (OwnedCommand::StockChannels { stock: FOREIGN }, &[ahead], NotFound),
    ];
    for (command, faults, code) in rows {
        expect(&mut world, 100, command, faults, code);
    }
    let units_of = |outcome: OwnedOutcome| match outcome.facts() {
        OwnedFacts::Units { asked, available, .. } => (asked, available),
        other => panic!("{other:?}"),
    };
    assert_eq!(units_of(world.run(100, quota(PLENTY, 1, vec![low_cap, too_much]))), (2, 3), "cap, then used");
    assert!(matches!(
        world.run(100, quota(PLENTY, 1, vec![Quota::new(ChannelId(1), 3, 3, START_MS + 30_001)])),
        OwnedOutcome::StockChanged { value: 2 }
    ));
}

#[test]
fn want_of_room_is_checked_last() {
    let capacity = Capacity { stocks_max: 1, holds_max: 1, operations_max: 2, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    world.stock(1, 5);
    world.reserve(10, &[(PLENTY, 1)]);
    assert_refused(&world.run(2, create(MISSING, 1)), Capacity);
    assert_refused(&world.run(3, OwnedCommand::StockSupply { stock: PLENTY, units: 1 << 53 }), Capacity);
    world.run(4, OwnedCommand::StockSupply { stock: PLENTY, units: 1 });
    // Every table is full now.
    assert_refused(&world.run(5, create(PLENTY, 1)), RuleFailed);
    assert_refused(&world.run(5, OwnedCommand::StockSupply { stock: MISSING, units: 1 }), NotFound);
    assert_refused(&world.run(5, OwnedCommand::StockUnfreeze { stock: PLENTY, units: 1 }), OutOfStock);
    assert_refused(&world.run(5, return_all(10)), NotActive);
    assert_refused(&world.reserve(5, &[(MISSING, 1)]), NotFound);
    assert_refused(&world.reserve(5, &[(PLENTY, 50)]), OutOfStock);
    assert_refused(&world.reserve(5, &[(PLENTY, 1)]), Capacity);
    assert_refused(&world.run(10, reserve(take(&[(PLENTY, 2)]))), OperationMismatch);
    assert!(
        matches!(world.reserve(10, &[(PLENTY, 1)]), OwnedOutcome::Reserved { .. }),
        "a repeat needs no room"
    );
    let aged = Envelope { created_ms: START_MS + 60_001, ..world.envelope(5) };
    assert_refused(&world.ask(&OwnedRequest { envelope: aged, command: return_all(10) }), ClockAhead);
}
