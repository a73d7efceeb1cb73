//! Card keys, one situation each: what is sold when, what a repeat says, what becomes of frozen, void and expired batches.

use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::{BatchChange, Quota, StockKind, StockTerms};
use scrip_engine::ids::{ChannelId, OperationId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, KEYS_PER_HOLD_MAX, OWED_MAX_MS, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedKeys, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Sealed};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

pub(super) const STOCK: StockId = StockId::new(Slot(0), 1);

/// A world with a keys stock without batches.
pub(super) fn shop() -> World {
    shop_with(ROOMY)
}

pub(super) fn shop_with(capacity: Capacity) -> World {
    let mut world = World::new(capacity, Rules::default(), START_MS);
    assert_eq!(world.run(1, creating(StockKind::Keys, 0)), OwnedOutcome::StockChanged { value: 0 });
    world
}

pub(super) fn creating(kind: StockKind, units: u64) -> OwnedCommand {
    let (name, once_per_order) = (b"keys".to_vec(), false);
    OwnedCommand::StockCreate { stock: STOCK, name, units, kind, once_per_order, terms: ANY_TERMS }
}

/// A shop whose batch 1 has the keys 0 to below `keys`.
pub(super) fn shop_of(keys: u16) -> World {
    let mut world = shop();
    batch(&mut world, 1, 0);
    let texts: Vec<u16> = (0..keys).collect();
    assert_eq!(import(&mut world, 3, 1, &texts), (1 << keys) - 1);
    world
}

pub(super) fn batch(world: &mut World, number: u32, expires_ms: u64) {
    let create = OwnedCommand::BatchCreate {
        stock: STOCK,
        batch: number,
        cost: 1,
        expires_ms,
        supplier: b"A".to_vec(),
    };
    let made = world.run(1 << 70 | u128::from(number), create);
    assert_eq!(made, OwnedOutcome::StockChanged { value: u64::from(number) });
}

pub(super) fn importing(batch: u32, texts: &[u16]) -> OwnedCommand {
    OwnedCommand::KeysImport { stock: STOCK, batch, texts: texts.to_vec(), sealed: Sealed(vec![7; 9]) }
}

/// The bits of the texts that were taken.
#[track_caller]
pub(super) fn import(world: &mut World, operation: u128, batch: u32, texts: &[u16]) -> u64 {
    match world.run(operation, importing(batch, texts)) {
        OwnedOutcome::KeysImported { taken } => taken,
        other => panic!("an import is answered {other:?}"),
    }
}

pub(super) fn changing(batch: u32, change: BatchChange) -> OwnedCommand {
    OwnedCommand::BatchChange { stock: STOCK, batch, change, forced: false }
}

/// Changes a batch; answers the units that moved at once.
#[track_caller]
pub(super) fn change(world: &mut World, operation: u128, batch: u32, change: BatchChange) -> u64 {
    match world.run(operation, changing(batch, change)) {
        OwnedOutcome::StockChanged { value } => value,
        other => panic!("a change of a batch is answered {other:?}"),
    }
}

pub(super) fn sell(units: u32) -> OwnedCommand {
    OwnedCommand::Sell { take: take(&[(STOCK, units)]), paid: false, hidden: false }
}

/// The answer to a CONFIRM that is owed from [`START_MS`] on.
fn owed(position: u32) -> OwnedOutcome {
    OwnedOutcome::Owed { position, until_ms: START_MS + OWED_MAX_MS }
}

/// The keys in an answer, by number.
#[track_caller]
pub(super) fn keys(outcome: &OwnedOutcome) -> Vec<u32> {
    page(outcome).keys.iter().map(|key| key.key).collect()
}

#[track_caller]
pub(super) fn page(outcome: &OwnedOutcome) -> &OwnedKeys {
    outcome.keys().unwrap_or_else(|| panic!("there are no keys in {outcome:?}"))
}

/// Available, held, consumed, frozen, void; and the marks for frozen and void.
pub(super) fn buckets(world: &mut World) -> ([u64; 5], [u64; 2]) {
    let view = world.show(STOCK);
    assert!(view.kind.is_keys());
    let units = [view.available, view.held, view.consumed, view.frozen, view.void];
    (units, [view.marked_frozen, view.marked_void])
}

pub(super) fn replacing(hold: u128, key: u32) -> OwnedCommand {
    OwnedCommand::KeyReplace { hold: OperationId(hold), key, reason: 3 }
}

pub(super) fn reading(hold: u128, from: u32) -> OwnedCommand {
    OwnedCommand::KeysRead { hold: OperationId(hold), from }
}

#[test]
fn a_repeated_confirm_gives_the_same_keys_and_never_others() {
    let mut world = shop_of(6);
    world.reserve(10, &[(STOCK, 2)]);
    let first = world.confirm(10);
    assert_eq!(keys(&first), [0, 1]);
    let events = world.log.events;
    assert_eq!(world.confirm(10), first);
    assert_eq!(world.log.events, events, "a repeat binds nothing");
    assert_eq!(keys(&world.run(11, sell(2))), [2, 3]);
    assert_eq!(world.confirm(10), first);
    world.restart();
    assert_eq!(world.confirm(10), first);
    assert_refused(
        &world.run(10, OwnedCommand::Confirm { units: vec![], hidden: true }),
        Code::OperationMismatch,
    );
    assert_eq!(world.counts(STOCK), [2, 0, 4]);
}

#[test]
fn lines_of_one_stock_get_their_keys_in_order() {
    let mut world = shop_of(12);
    let lines = [(STOCK, 2), (STOCK, 1), (STOCK, 3)];
    let sold = world.run(10, OwnedCommand::Sell { take: take(&lines), paid: false, hidden: false });
    assert_eq!(keys(&sold), [0, 1, 2, 3, 4, 5]);
    world.reserve(11, &lines);
    assert_eq!(keys(&world.confirm(11)), [6, 7, 8, 9, 10, 11]);
    // The second line gives its key back: position 2 is void, and no other.
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![0, 1] };
    assert_eq!(world.run(12, give), OwnedOutcome::Returned { units: 1 });
    let void: Vec<bool> = page(&world.run(1, reading(10, 0))).keys.iter().map(|key| key.void).collect();
    assert_eq!(void, [false, false, true, false, false, false]);
}

#[test]
fn a_key_once_imported_is_already_there_whatever_became_of_it() {
    let mut world = shop();
    batch(&mut world, 1, 0);
    batch(&mut world, 2, 0);
    assert_eq!(import(&mut world, 20, 1, &[5, 6, 5, 7]), 0b1011, "of equal ones the first");
    assert_eq!(keys(&world.run(10, sell(2))), [0, 1]);
    world.run(11, OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] });
    assert_eq!(import(&mut world, 21, 2, &[5, 6, 7]), 0, "one sold, one void, one unsold in another batch");
    change(&mut world, 22, 1, BatchChange::Void);
    assert_eq!(import(&mut world, 23, 2, &[7, 8]), 0b10);
    assert_eq!(world.run(20, importing(1, &[5, 6, 5, 7])), OwnedOutcome::KeysImported { taken: 0b1011 });
    assert_refused(&world.run(20, importing(1, &[5, 6, 5, 8])), Code::OperationMismatch);
    assert_eq!(buckets(&mut world), ([1, 0, 1, 0, 2], [0, 0]));
}

#[test]
fn keys_are_sold_by_expiry_and_then_as_imported() {
    let mut world = shop();
    let day_ms = 86_400_000;
    batch(&mut world, 1, 0);
    batch(&mut world, 2, START_MS + 2 * day_ms);
    batch(&mut world, 3, START_MS + day_ms);
    batch(&mut world, 4, START_MS + day_ms);
    for (operation, number) in [(20, 1), (21, 4), (22, 2), (23, 3), (24, 3)] {
        import(&mut world, operation, number, &[operation as u16 * 2, operation as u16 * 2 + 1]);
    }
    let shown = world.run(1, OwnedCommand::BatchesShow { stock: STOCK, from: 0 });
    let OwnedOutcome::Batches { total: 4, batches } = shown else { panic!("{shown:?}") };
    let numbers: Vec<u32> = batches.iter().map(|batch| batch.batch.get()).collect();
    assert_eq!(numbers, [3, 4, 2, 1], "the order of sale");
    assert_eq!(keys(&world.run(10, sell(10))), [6, 7, 8, 9, 2, 3, 4, 5, 0, 1]);
}

#[test]
fn a_batch_frozen_while_all_its_units_are_held_gives_nothing_back_to_sale() {
    let mut world = shop_of(3);
    world.reserve(10, &[(STOCK, 3)]);
    assert_eq!(change(&mut world, 20, 1, BatchChange::Freeze), 0);
    assert_eq!(buckets(&mut world), ([0, 3, 0, 0, 0], [3, 0]));
    world.release(10);
    assert_eq!(buckets(&mut world), ([0, 0, 0, 3, 0], [0, 0]));
    assert_refused(&world.reserve(11, &[(STOCK, 1)]), Code::OutOfStock);
    assert_eq!(change(&mut world, 21, 1, BatchChange::Unfreeze), 3);
    assert_eq!(keys(&world.run(12, sell(3))), [0, 1, 2]);
}

#[test]
fn a_frozen_batch_that_is_voided_takes_its_marks_along() {
    let mut world = shop_of(5);
    world.reserve(10, &[(STOCK, 2)]);
    assert_eq!(change(&mut world, 20, 1, BatchChange::Freeze), 3);
    assert_eq!(change(&mut world, 21, 1, BatchChange::Void), 3);
    assert_eq!(buckets(&mut world), ([0, 2, 0, 0, 3], [0, 2]));
    world.release(10);
    assert_eq!(buckets(&mut world), ([0, 0, 0, 0, 5], [0, 0]));
    assert_refused(&world.run(22, changing(1, BatchChange::Unfreeze)), Code::Void);
    assert_refused(&world.run(23, importing(1, &[9])), Code::Void);
}

#[test]
fn imports_go_where_marks_wait_before_anything_is_available() {
    let mut world = shop_of(3);
    world.reserve(10, &[(STOCK, 3)]);
    change(&mut world, 20, 1, BatchChange::Freeze);
    batch(&mut world, 2, 0);
    // Two new units fill two marks: the hold now counts on the two new keys.
    assert_eq!(import(&mut world, 21, 2, &[10, 11]), 0b11);
    assert_eq!(buckets(&mut world), ([0, 3, 0, 2, 0], [1, 0]));
    import(&mut world, 22, 2, &[12, 13]);
    assert_eq!(buckets(&mut world), ([1, 3, 0, 3, 0], [0, 0]));
    assert_eq!(keys(&world.confirm(10)), [3, 4, 5], "keys of the batch that is sold from");
}

#[test]
fn a_confirm_with_marked_keys_alone_is_owed_and_settled_by_an_import() {
    let mut world = shop_of(2);
    let reserved = world.reserve(10, &[(STOCK, 2)]);
    change(&mut world, 20, 1, BatchChange::Freeze);
    assert_eq!(buckets(&mut world), ([0, 2, 0, 0, 0], [2, 0]));
    assert_eq!(world.confirm(10), owed(1));
    assert_eq!(buckets(&mut world), ([0, 0, 0, 2, 0], [0, 0]), "what was held has followed its marks");
    batch(&mut world, 2, 0);
    import(&mut world, 21, 2, &[10]);
    assert_eq!(world.confirm(10), owed(1), "one key is not enough");
    assert_eq!(world.reserve(10, &[(STOCK, 2)]), reserved, "its RESERVE is answered as ever");
    assert_refused(&world.run(11, sell(1)), Code::OutOfStock);
    let hidden = OwnedCommand::Confirm { units: Vec::new(), hidden: true };
    assert_refused(&world.run(10, hidden), Code::OperationMismatch);
    assert_refused(&world.release(10), Code::NotActive);
    world.restart();
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.show_hold(10).state, HoldState::Owed, "it was paid in time");
    import(&mut world, 22, 2, &[11]);
    let confirmed = world.confirm(10);
    assert_eq!(keys(&confirmed), [2, 3]);
    assert_eq!(buckets(&mut world), ([0, 0, 2, 2, 0], [0, 0]));
    let shown = world.show_hold(10);
    let end_ms = START_MS + OWED_MAX_MS;
    assert_eq!((shown.closed_ms, shown.deadline_ms), (START_MS + u64::from(TTL_MS), end_ms));
    assert_eq!(world.confirm(10), confirmed, "a repeat gives the same keys");
    assert_refused(&world.run(10, OwnedCommand::Cancel), Code::HoldConfirmed);
    world.check_laws();
}

#[test]
fn a_confirm_that_is_owed_stands_behind_older_debts_and_before_new_demand() {
    let mut world = shop_of(2);
    world.reserve(10, &[(STOCK, 2)]);
    let wait_until_ms = START_MS + OWED_MAX_MS;
    let waiting = |units| OwnedCommand::Sell {
        take: OwnedTake { wait_until_ms, ..take(&[(STOCK, units)]) },
        paid: true,
        hidden: false,
    };
    assert_eq!(world.run(11, waiting(1)), owed(1));
    change(&mut world, 20, 1, BatchChange::Freeze);
    assert_eq!(world.confirm(10), owed(2));
    assert_eq!(world.run(12, waiting(1)), owed(3));
    let OwnedOutcome::Debts { total, debts } = world.run(0, OwnedCommand::OwedShow { stock: STOCK, from: 0 })
    else {
        panic!("debts can be seen");
    };
    let seen: Vec<_> = debts.iter().map(|debt| (debt.hold.get(), debt.units.get())).collect();
    assert_eq!((total, seen), (3, vec![(11, 1), (10, 2), (12, 1)]));
    batch(&mut world, 2, 0);
    import(&mut world, 21, 2, &[10]);
    assert_eq!(keys(&world.run(11, waiting(1))), [2]);
    assert_eq!(world.confirm(10), owed(1), "it has moved up");
    import(&mut world, 22, 2, &[11, 12]);
    assert_eq!((keys(&world.confirm(10)), world.run(12, waiting(1))), (vec![3, 4], owed(1)));
}

#[test]
fn a_confirm_that_is_owed_claims_what_it_asked_for_and_the_rest_is_free() {
    let mut world = shop_of(2);
    batch(&mut world, 2, 0);
    import(&mut world, 20, 2, &[10]);
    let counter = world.stock(2, 3);
    world.reserve(10, &[(counter, 3), (STOCK, 2), (STOCK, 1)]);
    change(&mut world, 21, 1, BatchChange::Freeze);
    let confirm = |units| OwnedCommand::Confirm { units, hidden: false };
    assert_eq!(world.run(10, confirm(vec![1, 2])), owed(1));
    assert_eq!(world.run(10, confirm(vec![1, 2, 0])), owed(1), "the same units");
    assert_refused(&world.confirm(10), Code::OperationMismatch);
    assert_eq!(buckets(&mut world), ([1, 0, 0, 2, 0], [0, 0]));
    // One of three counted units is claimed, and the key that is there: the rest is anybody's.
    assert_eq!(world.counts(counter), [3, 0, 0]);
    assert_refused(&world.reserve(11, &[(counter, 3)]), Code::OutOfStock);
    assert_eq!(world.reserve(12, &[(counter, 2)]).code(), None);
    assert_refused(&world.run(13, sell(1)), Code::OutOfStock);
    change(&mut world, 22, 1, BatchChange::Unfreeze);
    assert_eq!(keys(&world.run(10, confirm(vec![1, 2]))), [0, 1]);
    assert_eq!((world.counts(counter), buckets(&mut world)), ([0, 2, 1], ([1, 0, 2, 0, 0], [0, 0])));
}

#[test]
fn a_confirm_that_is_owed_ends_in_vain_or_cancelled_and_is_counted_until_then() {
    let mut world = shop_of(2);
    let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
    world.run(20, OwnedCommand::StockEdit { stock: STOCK, version: 1, terms });
    let of = |user: u128| OwnedTake { user: UserId(user), ..take(&[(STOCK, 1)]) };
    for user in [1, 2] {
        assert_eq!(world.run(10 + user, reserve(of(user))).code(), None);
    }
    change(&mut world, 21, 1, BatchChange::Void);
    assert_eq!((world.confirm(11), world.confirm(12)), (owed(1), owed(2)));
    batch(&mut world, 2, 0);
    assert_eq!(world.run(11, OwnedCommand::Cancel), OwnedOutcome::Cancelled(Cancelled::Released));
    assert_eq!(world.run(11, OwnedCommand::Cancel), OwnedOutcome::Cancelled(Cancelled::Released));
    assert_refused(&world.confirm(11), Code::Cancelled);
    assert_eq!(world.confirm(12), owed(1));
    import(&mut world, 22, 2, &[10]);
    assert_eq!(keys(&world.confirm(12)), [2]);
    import(&mut world, 23, 2, &[11]);
    assert_refused(&world.run(13, reserve(of(2))), Code::UserLimit);
    assert_eq!(world.run(14, reserve(of(1))).code(), None, "what was cancelled is counted no more");
    change(&mut world, 24, 2, BatchChange::Freeze);
    assert_eq!(world.confirm(14), owed(1));
    world.wait(OWED_MAX_MS);
    let shown = world.show_hold(14);
    assert_eq!((shown.state, shown.refusal), (HoldState::Unfulfilled, Some(Code::OutOfStock)));
    let lack = Lack { line: 0, why: Code::OutOfStock, asked: 1, available: 0 };
    let refusal = OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack]);
    world.created_ms = world.now_ms;
    change(&mut world, 25, 2, BatchChange::Unfreeze);
    assert_eq!((world.confirm(14), world.confirm(14)), (refusal.clone(), refusal), "it stays so: refund it");
    assert_eq!(world.run(15, reserve(of(1))).code(), None);
    world.check_laws();
}

#[test]
fn a_confirm_without_room_for_its_debt_is_refused_and_may_be_repeated() {
    let mut world = shop_with(Capacity { debts_max: 1, ..ROOMY });
    batch(&mut world, 1, 0);
    import(&mut world, 20, 1, &[0, 1]);
    world.reserve(10, &[(STOCK, 1)]);
    world.reserve(11, &[(STOCK, 1)]);
    change(&mut world, 21, 1, BatchChange::Freeze);
    assert_eq!(world.confirm(10), owed(1));
    let events = world.log.events;
    assert_refused(&world.confirm(11), Code::OutOfStock);
    assert_eq!(world.log.events, events, "the refusal is not recorded");
    change(&mut world, 22, 1, BatchChange::Unfreeze);
    assert_eq!((keys(&world.confirm(11)), keys(&world.confirm(10))), (vec![1], vec![0]));
}

#[test]
fn a_partial_confirm_gives_its_rest_to_the_marks() {
    let mut world = shop_of(2);
    batch(&mut world, 2, 0);
    import(&mut world, 20, 2, &[10]);
    world.reserve(10, &[(STOCK, 2), (STOCK, 1)]);
    change(&mut world, 21, 1, BatchChange::Freeze);
    let confirm = |units| OwnedCommand::Confirm { units, hidden: false };
    assert_eq!(keys(&world.run(10, confirm(vec![0, 1]))), [2]);
    assert_eq!(buckets(&mut world), ([0, 0, 1, 2, 0], [0, 0]));
}

#[test]
fn a_batch_expires_at_its_millisecond_before_the_holds_of_that_moment() {
    let mut world = shop();
    let end_ms = START_MS + u64::from(TTL_MS);
    batch(&mut world, 1, end_ms);
    import(&mut world, 20, 1, &[0, 1, 2]);
    world.reserve(10, &[(STOCK, 1)]);
    world.advance(end_ms - 1);
    assert_eq!(keys(&world.run(11, sell(1))), [0]);
    world.advance(end_ms);
    assert_eq!(buckets(&mut world), ([0, 0, 1, 0, 2], [0, 0]), "what was held is void as well");
    assert_refused(&world.run(12, sell(1)), Code::OutOfStock);
    assert_refused(&world.run(21, importing(1, &[9])), Code::Expired);
    assert_refused(&world.run(22, changing(1, BatchChange::Freeze)), Code::Void);
    assert_refused(&world.confirm(10), Code::HoldExpiredNoStock);
}

#[test]
fn an_expiry_lowers_what_is_guaranteed() {
    let mut world = shop();
    batch(&mut world, 1, START_MS + 50);
    import(&mut world, 20, 1, &[0, 1, 2]);
    let quotas = vec![Quota::new(ChannelId(4), 2, Quota::NO_CAP, 0)];
    world.run(21, OwnedCommand::StockQuota { stock: STOCK, version: 1, quotas });
    let refused = world.run(22, changing(1, BatchChange::Freeze));
    let facts = OwnedFacts::Units { stock: STOCK, asked: 3, available: 1 };
    assert_eq!(refused, OwnedOutcome::Refused { code: Code::ChannelQuota, facts });
    world.wait(50);
    let shown = world.run(1, OwnedCommand::StockChannels { stock: STOCK });
    let OwnedOutcome::Channels { channels, .. } = shown else { panic!("{shown:?}") };
    assert_eq!(channels[0].guaranteed.get(), 0);
}

#[test]
fn a_replacement_leaves_what_the_channel_has_used_and_repeats_say_so() {
    let mut world = shop_of(8);
    // The cap is reached: a replacement does not mind.
    let quotas = vec![Quota::new(ChannelId(1), 2, 2, 0)];
    world.run(20, OwnedCommand::StockQuota { stock: STOCK, version: 1, quotas });
    let sale = world.run(10, sell(2));
    assert_eq!(keys(&sale), [0, 1]);
    let replaced = world.run(30, replacing(10, 0));
    assert_eq!((keys(&replaced), page(&replaced).from, page(&replaced).total), (vec![2], 0, 2));
    let shown = world.run(1, OwnedCommand::StockChannels { stock: STOCK });
    let OwnedOutcome::Channels { channels, .. } = shown else { panic!("{shown:?}") };
    assert_eq!((channels[0].consumed.get(), channels[0].guaranteed.get()), (2, 1));
    let said = OwnedOutcome::Refused { code: Code::KeyReplaced, facts: OwnedFacts::Key(2) };
    assert_eq!(world.run(10, sell(2)), said);
    assert_eq!(world.confirm(10), said);
    assert_eq!(keys(&world.run(1, reading(10, 0))), [2, 1]);
    assert_eq!(world.run(30, replacing(10, 0)), replaced);
    assert_refused(&world.run(31, replacing(10, 0)), Code::NotFound);
    // The same place once more: the repeat of the first replacement still names its key, which is void now.
    assert_eq!(keys(&world.run(32, replacing(10, 2))), [3]);
    let again = world.run(30, replacing(10, 0));
    assert_eq!((keys(&again), page(&again).from, page(&again).keys[0].void), (vec![2], 2, true));
    assert_eq!(keys(&world.run(33, replacing(10, 3))), [4]);
    assert_refused(&world.run(34, replacing(10, 4)), Code::RuleFailed);
    assert_eq!(buckets(&mut world), ([3, 0, 2, 0, 3], [0, 0]));
}

#[test]
fn a_replacement_needs_a_key_that_nobody_else_is_guaranteed() {
    let mut world = shop_of(2);
    world.run(10, sell(1));
    let quotas = vec![Quota::new(ChannelId(4), 1, Quota::NO_CAP, 0)];
    world.run(20, OwnedCommand::StockQuota { stock: STOCK, version: 1, quotas });
    let owed = OwnedOutcome::Owed { position: 1, until_ms: START_MS + OWED_MAX_MS };
    assert_eq!(world.run(30, replacing(10, 0)), owed);
    let quotas = vec![Quota::new(ChannelId(4), 0, Quota::NO_CAP, 0)];
    world.run(21, OwnedCommand::StockQuota { stock: STOCK, version: 2, quotas });
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [1]);
    world.run(11, sell(1));
}

#[test]
fn a_return_voids_the_last_keys_and_none_comes_back_to_sale() {
    let mut world = shop_of(5);
    world.run(10, sell(4));
    assert_refused(&world.run(20, return_all(10)), Code::RuleFailed);
    let give = |units| OwnedCommand::Return { hold: OperationId(10), to_available: false, units };
    let void = |world: &mut World| -> Vec<bool> {
        page(&world.run(1, reading(10, 0))).keys.iter().map(|key| key.void).collect()
    };
    world.run(21, give(vec![1]));
    assert_eq!(void(&mut world), [false, false, false, true]);
    world.run(22, give(vec![2]));
    assert_eq!(void(&mut world), [false, true, true, true]);
    assert_refused(&world.run(23, replacing(10, 3)), Code::Void);
    assert_eq!(keys(&world.run(24, replacing(10, 0))), [4]);
    world.run(25, give(Vec::new()));
    assert_eq!(buckets(&mut world), ([0, 0, 0, 0, 5], [0, 0]));
}

#[test]
fn hidden_keys_are_shown_by_a_reveal_alone() {
    let mut world = shop_of(2);
    world.reserve(10, &[(STOCK, 2)]);
    let hidden = OwnedCommand::Confirm { units: Vec::new(), hidden: true };
    let first = world.run(10, hidden.clone());
    assert_eq!((keys(&first), page(&first).shown), (vec![0, 1], false));
    assert!(!page(&world.run(1, reading(10, 0))).shown);
    let reveal = OwnedCommand::Reveal { hold: OperationId(10) };
    assert!(page(&world.run(20, reveal.clone())).shown);
    assert!(page(&world.run(20, reveal)).shown);
    assert!(page(&world.run(1, reading(10, 1))).shown);
    assert_eq!(world.run(10, hidden), first, "the confirmation itself stays hidden");
}

#[test]
fn twenty_thousand_keys_are_sold_at_once_and_not_one_more() {
    let mut world = shop_with(Capacity { keys_max: 20_001, ..ROOMY });
    batch(&mut world, 1, 0);
    let all: Vec<u16> = (0..KEYS_PER_HOLD_MAX as u16 + 1).collect();
    for (chunk, texts) in all.chunks(64).enumerate() {
        import(&mut world, 1_000 + chunk as u128, 1, texts);
    }
    assert_eq!(world.counts(STOCK), [20_001, 0, 0]);
    let lack = Lack { line: 0, why: Code::RuleFailed, asked: 20_001, available: 20_000 };
    let refused = OwnedOutcome::refused_lines(Code::RuleFailed, vec![lack]);
    assert_eq!(world.run(10, sell(20_001)), refused);
    assert_eq!(world.reserve(10, &[(STOCK, 20_001)]), refused);
    // Nor on several lines.
    let lack = Lack { line: 1, why: Code::RuleFailed, asked: 1, available: 20_000 };
    let refused = OwnedOutcome::refused_lines(Code::RuleFailed, vec![lack]);
    assert_eq!(world.reserve(10, &[(STOCK, 20_000), (STOCK, 1)]), refused);
    let sold = world.run(10, sell(20_000));
    assert_eq!((page(&sold).total, keys(&sold)), (20_000, (0..64).collect()));
    assert_eq!(keys(&world.run(1, reading(10, 19_999))), [19_999]);
    assert_eq!(keys(&world.run(1, reading(10, 20_000))), Vec::<u32>::new());
    world.check_laws();
}

#[test]
fn a_full_table_of_keys_takes_what_is_there_already_and_nothing_new() {
    let mut world = shop_with(Capacity { keys_max: 3, sealed_bytes_max: 20, ..ROOMY });
    batch(&mut world, 1, 0);
    import(&mut world, 20, 1, &[0, 1]);
    let full =
        |of, maximum| OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum) };
    assert_eq!(world.run(21, importing(1, &[1, 2, 3])), full(CapacityOf::Keys, 3));
    assert_eq!(import(&mut world, 21, 1, &[1, 2]), 0b10);
    assert_eq!(import(&mut world, 22, 1, &[1, 2]), 0);
    let mut world = shop_with(Capacity { keys_max: 30, sealed_bytes_max: 17, ..ROOMY });
    batch(&mut world, 1, 0);
    import(&mut world, 20, 1, &[0]);
    assert_eq!(world.run(21, importing(1, &[1])), full(CapacityOf::SealedBytes, 17));
    assert_eq!(import(&mut world, 22, 1, &[0]), 0, "a block without new keys needs no room");
}

#[test]
fn what_is_for_counters_is_not_for_keys_and_the_other_way_round() {
    let mut world = shop_of(2);
    let counter = world.stock(2, 5);
    let of_counters = [
        OwnedCommand::StockSupply { stock: STOCK, units: 1 },
        OwnedCommand::StockVoid { stock: STOCK, units: 1, from_frozen: false, forced: false },
        OwnedCommand::StockFreeze { stock: STOCK, units: 1, forced: false },
        OwnedCommand::StockUnfreeze { stock: STOCK, units: 1 },
    ];
    let change = BatchChange::Void;
    let of_keys = [
        OwnedCommand::BatchCreate {
            stock: counter,
            batch: 1,
            cost: 0,
            expires_ms: 0,
            supplier: b"A".to_vec(),
        },
        OwnedCommand::BatchChange { stock: counter, batch: 1, change, forced: false },
        OwnedCommand::KeysImport { stock: counter, batch: 1, texts: vec![1], sealed: Sealed::default() },
        OwnedCommand::BatchesShow { stock: counter, from: 0 },
    ];
    for command in of_counters.into_iter().chain(of_keys) {
        assert_refused(&world.run(50, command), Code::RuleFailed);
    }
    world.reserve(10, &[(counter, 1)]);
    world.confirm(10);
    for command in [OwnedCommand::Reveal { hold: OperationId(10) }, replacing(10, 0), reading(10, 0)] {
        assert_refused(&world.run(51, command), Code::RuleFailed);
    }
}

#[test]
fn the_keys_of_a_cancelled_sale_are_void() {
    let mut world = shop_of(4);
    let sold = world.run(10, sell(2));
    let replaced = keys(&sold)[0];
    world.run(11, replacing(10, replaced));
    let cancel = world.run(10, OwnedCommand::Cancel);
    assert_eq!(cancel, OwnedOutcome::Cancelled(scrip_engine::answer::Cancelled::Returned { units: 2 }));
    // They may have been seen: none of them is sold again.
    assert_eq!(buckets(&mut world), ([1, 0, 0, 0, 3], [0, 0]));
    assert_refused(&world.run(10, sell(2)), Code::Cancelled);
    assert_refused(&world.run(11, replacing(10, replaced)), Code::Cancelled);
    assert_refused(
        &world.run(12, OwnedCommand::KeysRead { hold: OperationId(10), from: 0 }),
        Code::Cancelled,
    );
    world.check_laws();
}
