//! Options of card keys, one situation each: random order, keys taken back, one text for many buyers, lists of keys.

use super::keys::{
    STOCK, batch, buckets, change, changing, creating, import, importing, keys, page, reading, replacing,
    sell, shop, shop_of, shop_with,
};
use scrip_engine::command::{BatchChange, StockKind, StockTerms};
use scrip_engine::ids::{OperationId, OrderId, Slot, StockId};
use scrip_engine::limits::{Capacity, KEYS_SCANNED_MAX, Rules};
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedListed, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, Sealed};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, return_all, take};
use std::ops::Range;

/// What [`drawn`] sells with the seed 42.
const DRAWN_BY_42: [u32; 11] = [5, 7, 0, 4, 2, 6, 1, 3, 9, 10, 11];

/// The keys of a random stock with this seed, bought one after another: 0 to 7 of the batch that expires, then 8 to 11.
fn drawn(seed: u64) -> (World, Vec<u32>) {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    world.run(1, creating(StockKind::RandomKeys { seed }, 0));
    batch(&mut world, 1, 0);
    batch(&mut world, 2, START_MS + 86_400_000);
    import(&mut world, 20, 2, &[0, 1, 2, 3, 4, 5, 6, 7]);
    import(&mut world, 21, 1, &[8, 9, 10, 11]);
    let sold = keys(&world.run(10, sell(5))).into_iter().chain(keys(&world.run(11, sell(6)))).collect();
    (world, sold)
}

#[test]
fn random_keys_are_drawn_batch_by_batch_each_once_and_by_seed() {
    let (mut world, sold) = drawn(42);
    // Written down once from the rule in docs/semantics.md.
    assert_eq!(sold, DRAWN_BY_42);
    let (mut first, mut second) = (sold[..8].to_vec(), sold[8..].to_vec());
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, [0, 1, 2, 3, 4, 5, 6, 7], "the batch that expires comes first");
    assert!(second.iter().all(|key| (8..12).contains(key)), "{second:?}");
    assert_ne!(drawn(43).1, sold, "another seed, another order");
    let answer = world.run(10, sell(5));
    world.restart();
    assert_eq!(world.run(10, sell(5)), answer, "a repeat draws nothing");
    assert_eq!(keys(&world.run(12, sell(1))).len(), 1);
}

#[test]
fn the_seed_of_a_random_stock_is_no_content_and_is_not_shown() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    let made = world.run(1, creating(StockKind::RandomKeys { seed: 7 }, 0));
    assert_eq!(made, OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(world.run(1, creating(StockKind::RandomKeys { seed: 8 }, 0)), made);
    assert_refused(&world.run(1, creating(StockKind::Keys, 0)), Code::OperationMismatch);
    assert_eq!(world.show(STOCK).kind, StockKind::RandomKeys { seed: 0 });
}

fn reclaiming(hold: u128, key: u32) -> OwnedCommand {
    OwnedCommand::KeyReclaim { hold: OperationId(hold), key, reason: 9 }
}

/// Sells units hidden, by operation 10; answers the keys.
#[track_caller]
fn sell_hidden(world: &mut World, units: u32) -> Vec<u32> {
    keys(&world.run(10, selling_hidden(units)))
}

fn selling_hidden(units: u32) -> OwnedCommand {
    OwnedCommand::Sell { take: take(&[(STOCK, units)]), paid: false, hidden: true }
}

#[test]
fn a_key_nobody_has_seen_is_reclaimed_and_sold_first() {
    let mut world = shop_of(5);
    assert_eq!(sell_hidden(&mut world, 3), [0, 1, 2]);
    let reclaimed = world.run(30, reclaiming(10, 1));
    assert_eq!(reclaimed, OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(buckets(&mut world), ([3, 0, 2, 0, 0], [0, 0]));
    assert_eq!(keys(&world.run(10, selling_hidden(3))), [0, 2], "the repeat has the keys that are left");
    assert_eq!(page(&world.run(1, reading(10, 1))).total, 2);
    assert_refused(&world.run(31, reclaiming(10, 1)), Code::NotFound);
    assert_eq!(keys(&world.run(11, sell(2))), [1, 3], "it is the next to be sold");
    assert_eq!(world.run(30, reclaiming(10, 1)), reclaimed, "a repeat takes nothing");
    world.restart();
    let reveal = OwnedCommand::Reveal { hold: OperationId(10) };
    assert_eq!(keys(&world.run(32, reveal)), [0, 2]);
    assert_refused(&world.run(33, reclaiming(10, 0)), Code::RuleFailed);
    // The last unit of the line that is left has the last key that is left.
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    assert_eq!(world.run(34, give), OwnedOutcome::Returned { units: 1 });
    let void: Vec<bool> = page(&world.run(1, reading(10, 0))).keys.iter().map(|key| key.void).collect();
    assert_eq!(void, [false, true]);
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![2] };
    assert_refused(&world.run(35, give), Code::ExceedsHold);
}

#[test]
fn what_was_shown_or_is_void_is_not_reclaimed() {
    let mut world = shop_of(6);
    world.run(11, sell(1));
    assert_refused(&world.run(30, reclaiming(11, 0)), Code::RuleFailed);
    assert_eq!(sell_hidden(&mut world, 2), [1, 2]);
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    world.run(31, give);
    assert_refused(&world.run(32, reclaiming(10, 2)), Code::Void);
    assert_refused(&world.run(32, reclaiming(10, 0)), Code::NotFound);
    assert_refused(&world.run(32, reclaiming(77, 1)), Code::HoldNotFound);
    world.reserve(12, &[(STOCK, 1)]);
    assert_refused(&world.run(32, reclaiming(12, 1)), Code::NotActive);
    world.run(33, OwnedCommand::Reveal { hold: OperationId(10) });
    assert_refused(&world.run(32, reclaiming(10, 1)), Code::RuleFailed);
}

#[test]
fn a_hold_without_keys_left_answers_as_one_without_keys() {
    let mut world = shop_of(2);
    sell_hidden(&mut world, 2);
    world.run(30, reclaiming(10, 0));
    world.run(31, reclaiming(10, 1));
    let repeat = world.run(10, selling_hidden(2));
    assert!(matches!(&repeat, OwnedOutcome::Confirmed { units, .. } if units == &[2]), "{repeat:?}");
    assert_refused(&world.run(32, OwnedCommand::Reveal { hold: OperationId(10) }), Code::RuleFailed);
    assert_refused(&world.run(33, return_all(10)), Code::AlreadyReversed);
    assert_eq!(keys(&world.run(11, sell(2))), [1, 0], "each was put in front");
}

#[test]
fn a_reclaimed_key_follows_its_batch_and_the_marks() {
    let mut world = shop_of(3);
    sell_hidden(&mut world, 2);
    change(&mut world, 20, 1, BatchChange::Freeze);
    assert_eq!(world.run(30, reclaiming(10, 0)), OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(buckets(&mut world), ([0, 0, 1, 2, 0], [0, 0]));
    assert_eq!(change(&mut world, 21, 1, BatchChange::Unfreeze), 2);
    assert_eq!(keys(&world.run(11, sell(1))), [0]);
    change(&mut world, 22, 1, BatchChange::Void);
    assert_eq!(world.run(31, reclaiming(10, 1)), OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(buckets(&mut world), ([0, 0, 1, 0, 2], [0, 0]));
    // A mark of another batch waits for the next unit that becomes available.
    let mut world = shop_of(2);
    batch(&mut world, 2, 0);
    import(&mut world, 20, 2, &[10]);
    sell_hidden(&mut world, 1);
    world.reserve(12, &[(STOCK, 2)]);
    change(&mut world, 21, 2, BatchChange::Freeze);
    assert_eq!(buckets(&mut world), ([0, 2, 1, 0, 0], [1, 0]));
    assert_eq!(world.run(30, reclaiming(10, 0)), OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(buckets(&mut world), ([0, 2, 0, 1, 0], [0, 0]));
    assert_eq!(keys(&world.confirm(12)), [0, 1]);
}

#[test]
fn a_key_reclaimed_after_it_took_anothers_place_is_not_shown_again() {
    let mut world = shop_of(3);
    sell_hidden(&mut world, 2);
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [2]);
    assert_refused(&world.run(10, selling_hidden(2)), Code::KeyReplaced);
    world.run(31, reclaiming(10, 2));
    assert_eq!(keys(&world.run(10, selling_hidden(2))), [1]);
    assert_eq!(keys(&world.run(11, sell(1))), [2], "somebody else's now");
    world.run(32, OwnedCommand::Reveal { hold: OperationId(10) });
    let again = world.run(30, replacing(10, 0));
    assert_eq!((keys(&again), page(&again).from, page(&again).shown), (vec![2], 1, false));
}

#[test]
fn a_reclaim_credits_the_purchase_limit() {
    let mut world = shop_of(4);
    let terms = StockTerms { limit_per_user: 2, ..ANY_TERMS };
    world.run(20, OwnedCommand::StockEdit { stock: STOCK, version: 1, terms });
    sell_hidden(&mut world, 2);
    assert_refused(&world.run(11, sell(1)), Code::UserLimit);
    world.run(30, reclaiming(10, 1));
    assert_eq!(keys(&world.run(11, sell(1))), [1]);
}

/// A reusable stock of so many units, with the text 5 as its version.
fn link(units: u64) -> World {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    let made = world.run(1, creating(StockKind::Reusable, units));
    assert_eq!(made, OwnedOutcome::StockChanged { value: units });
    batch(&mut world, 1, 0);
    assert_eq!(import(&mut world, 20, 1, &[5]), 1);
    world
}

#[test]
fn every_buyer_of_a_reusable_text_gets_the_version_of_the_moment() {
    let mut world = link(10);
    let first = world.run(10, sell(3));
    assert_eq!((keys(&first), page(&first).total), (vec![0], 1), "one text for three units");
    world.reserve(11, &[(STOCK, 1), (STOCK, 2)]);
    assert_eq!(import(&mut world, 21, 1, &[6]), 1);
    assert_eq!(keys(&world.confirm(11)), [1, 1], "the version in force at the CONFIRM, once per line");
    assert_eq!(import(&mut world, 22, 1, &[5]), 0, "an older version is there already");
    assert_eq!(keys(&world.run(12, sell(1))), [1]);
    world.restart();
    assert_eq!(world.run(10, sell(3)), first, "a repeat has the version of the first time");
    assert_eq!(keys(&world.confirm(11)), [1, 1]);
    assert_eq!(world.counts(STOCK), [3, 0, 7]);
    let shown = world.run(1, OwnedCommand::BatchesShow { stock: STOCK, from: 0 });
    let OwnedOutcome::Batches { batches, .. } = shown else { panic!("{shown:?}") };
    let counts = [batches[0].imported, batches[0].unsold, batches[0].sold, batches[0].void];
    assert_eq!(counts.map(|count| count.get()), [2, 0, 0, 0]);
}

#[test]
fn a_reusable_text_is_sold_up_to_its_cap_and_not_before_it_has_one() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    world.run(1, creating(StockKind::Reusable, 2));
    batch(&mut world, 1, 0);
    assert_refused(&world.run(10, sell(1)), Code::NotStarted);
    assert_eq!(import(&mut world, 20, 1, &[5]), 1);
    assert_eq!(keys(&world.run(10, sell(2))), [0]);
    assert_refused(&world.run(11, sell(1)), Code::OutOfStock);
    let supply = OwnedCommand::StockSupply { stock: STOCK, units: 1 };
    assert_eq!(world.run(21, supply), OwnedOutcome::StockChanged { value: 3 });
    assert_eq!(keys(&world.run(11, sell(1))), [0]);
    assert_eq!(world.show(STOCK).kind, StockKind::Reusable);
    // More than 20,000 in a line: nothing is bound one by one.
    let supply = OwnedCommand::StockSupply { stock: STOCK, units: 1_000_000 };
    world.run(22, supply);
    assert_eq!(keys(&world.run(12, sell(1_000_000))), [0]);
}

#[test]
fn a_return_of_a_reusable_text_voids_the_unit_alone() {
    let mut world = link(5);
    world.run(10, sell(2));
    world.run(11, sell(1));
    assert_refused(&world.run(30, return_all(10)), Code::RuleFailed);
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    assert_eq!(world.run(31, give.clone()), OwnedOutcome::Returned { units: 1 });
    assert!(!page(&world.run(1, reading(10, 0))).keys[0].void, "one unit is left");
    world.run(32, give);
    assert!(page(&world.run(1, reading(10, 0))).keys[0].void);
    assert!(!page(&world.run(1, reading(11, 0))).keys[0].void, "another buyer's stays");
    let view = world.show(STOCK);
    assert_eq!([view.available, view.consumed, view.void], [2, 1, 2]);
}

#[test]
fn what_is_for_keys_of_their_own_is_not_for_a_reusable_text() {
    let mut world = link(5);
    world.run(10, selling_hidden(1));
    assert_eq!(world.run(20, importing(1, &[5])), OwnedOutcome::KeysImported { taken: 1 });
    let of_two = world.run(30, importing(1, &[8, 9]));
    assert_refused(&of_two, Code::RuleFailed);
    assert_refused(&world.run(30, importing(2, &[8, 9])), Code::NotFound);
    assert_refused(&world.run(30, replacing(10, 0)), Code::RuleFailed);
    assert_refused(&world.run(30, reclaiming(10, 0)), Code::RuleFailed);
    assert_refused(&world.run(30, reclaiming(10, 1)), Code::NotFound);
    assert_refused(&world.run(30, changing(1, BatchChange::Freeze)), Code::RuleFailed);
    let expiring = OwnedCommand::BatchCreate {
        stock: STOCK,
        batch: 2,
        cost: 0,
        expires_ms: START_MS + 1_000,
        supplier: b"A".to_vec(),
    };
    assert_refused(&world.run(30, expiring), Code::RuleFailed);
    assert!(!page(&world.run(1, reading(10, 0))).shown);
    assert!(page(&world.run(31, OwnedCommand::Reveal { hold: OperationId(10) })).shown);
}

fn listing(batch: Option<u32>, from: u32) -> OwnedCommand {
    OwnedCommand::KeysList { stock: STOCK, batch, from }
}

/// Number, state, batch state and hold of each key on a page, and where to go on.
#[track_caller]
fn listed(outcome: &OwnedOutcome) -> (Vec<(u32, u8, u8, u128)>, u32) {
    let OwnedOutcome::KeysListed(list) = outcome else { panic!("{outcome:?}") };
    let row = |key: &OwnedListed| (key.key.key, key.state, key.batch_state, key.hold.0);
    (list.keys.iter().map(row).collect(), list.next)
}

#[test]
fn a_list_says_where_each_key_stands_and_for_whom() {
    let mut world = shop_of(4);
    batch(&mut world, 2, 0);
    import(&mut world, 20, 2, &[10, 11]);
    world.run(10, sell(2));
    let give = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    world.run(21, give);
    world.run(22, replacing(10, 0));
    change(&mut world, 23, 2, BatchChange::Freeze);
    let all = world.run(1, listing(None, 0));
    let expected = [(0, 2, 1, 0), (1, 2, 1, 10), (2, 1, 1, 10), (3, 0, 1, 0), (4, 0, 2, 0), (5, 0, 2, 0)];
    assert_eq!(listed(&all), (expected.to_vec(), u32::MAX));
    let OwnedOutcome::KeysListed(list) = &all else { unreachable!("it was listed") };
    assert!(!list.clear && list.keys[2].order == OrderId(1), "{list:?}");
    assert_eq!(listed(&world.run(1, listing(Some(2), 0))).0, expected[4..]);
    assert_eq!(listed(&world.run(1, listing(None, 5))).0, expected[5..]);
    assert_eq!(listed(&world.run(1, listing(None, 6))), (Vec::new(), u32::MAX));
    assert_refused(&world.run(1, listing(Some(3), 0)), Code::NotFound);
    // Once the hold is gone, nobody knows whose the keys were.
    world.wait(2 * 86_400_000);
    let rows = listed(&world.run(1, listing(None, 0))).0;
    assert_eq!(rows[..4], [(0, 2, 1, 0), (1, 2, 1, 0), (2, 1, 1, 0), (3, 0, 1, 0)]);
}

/// Another keys stock of the same merchant, with a batch.
const OTHER: StockId = StockId::new(Slot(0), 2);

fn with_other(world: &mut World) {
    let create = OwnedCommand::StockCreate {
        stock: OTHER,
        name: b"other keys".to_vec(),
        units: 0,
        kind: StockKind::Keys,
        once_per_order: false,
        terms: ANY_TERMS,
    };
    assert_eq!(world.run(2, create), OwnedOutcome::StockChanged { value: 0 });
    let supplier = b"A".to_vec();
    let batch = OwnedCommand::BatchCreate { stock: OTHER, batch: 1, cost: 1, expires_ms: 0, supplier };
    assert_eq!(world.run(3, batch), OwnedOutcome::StockChanged { value: 1 });
}

/// Imports texts into the other stock: they must be none of the first one's.
fn import_elsewhere(world: &mut World, operation: u128, texts: Range<u16>) {
    let sealed = Sealed(vec![7; 9]);
    let count = texts.len();
    let command = OwnedCommand::KeysImport { stock: OTHER, batch: 1, texts: texts.collect(), sealed };
    let imported = world.run(operation, command);
    let OwnedOutcome::KeysImported { taken } = imported else { panic!("{imported:?}") };
    assert_eq!(taken.count_ones() as usize, count);
}

#[test]
fn pages_of_a_list_follow_each_other_over_keys_of_other_stocks() {
    let mut world = shop();
    batch(&mut world, 1, 0);
    with_other(&mut world);
    // Keys 0 to 49, 60 to 109 and 120 to 169 are ours, those between are the other stock's.
    for chunk in 0..3 {
        let texts: Vec<u16> = (chunk * 50..chunk * 50 + 50).collect();
        import(&mut world, 20 + u128::from(chunk), 1, &texts);
        import_elsewhere(&mut world, 30 + u128::from(chunk), 1_000 + chunk * 10..1_010 + chunk * 10);
    }
    let numbers = |page: &[(u32, u8, u8, u128)]| page.iter().map(|row| row.0).collect::<Vec<_>>();
    let (first, next) = listed(&world.run(1, listing(None, 0)));
    assert_eq!((numbers(&first), next), ((0..50).chain(60..74).collect(), 74));
    let (second, next) = listed(&world.run(1, listing(None, next)));
    assert_eq!((numbers(&second), next), ((74..110).chain(120..148).collect(), 148));
    let (third, next) = listed(&world.run(1, listing(None, next)));
    assert_eq!((numbers(&third), next), ((148..170).collect(), u32::MAX));
}

#[test]
fn one_page_looks_at_8_192_numbers() {
    const SCANNED: u32 = 8_192;
    assert_eq!(SCANNED, KEYS_SCANNED_MAX, "docs/semantics.md says so");
    let mut world = shop_with(Capacity { keys_max: 16_384, sealed_bytes_max: 1 << 20, ..ROOMY });
    batch(&mut world, 1, 0);
    with_other(&mut world);
    for chunk in 0..129_u16 {
        let first = 1_000 + 64 * chunk;
        import_elsewhere(&mut world, 1_000 + u128::from(chunk), first..(first + 64).min(1_000 + 8_200));
    }
    import(&mut world, 20, 1, &[0, 1, 2]);
    assert_eq!(listed(&world.run(1, listing(None, 0))), (Vec::new(), SCANNED));
    let (rows, next) = listed(&world.run(1, listing(None, SCANNED)));
    assert_eq!(
        (rows.iter().map(|row| row.0).collect::<Vec<_>>(), next),
        (vec![8_200, 8_201, 8_202], u32::MAX)
    );
    // From 8 on, our first key is the one just beyond those that are looked at; from 10 on two are among them.
    assert_eq!(listed(&world.run(1, listing(None, 8))), (Vec::new(), 8_200));
    let (rows, next) = listed(&world.run(1, listing(None, 10)));
    assert_eq!((rows.len(), next), (2, 8_202));
    // The list of the other stock ends with its own keys.
    let of_other = OwnedCommand::KeysList { stock: OTHER, batch: None, from: SCANNED };
    assert_eq!(listed(&world.run(1, of_other)).0.len(), 8);
}

#[test]
fn an_export_is_recorded_once_and_reads_on_under_its_id() {
    let mut world = shop_of(6);
    let exporting = |batch, from| OwnedCommand::KeysExport { stock: STOCK, batch, from };
    let first = world.run(30, exporting(None, 0));
    let OwnedOutcome::KeysListed(list) = &first else { panic!("{first:?}") };
    assert!(list.clear && list.keys.len() == 6);
    let events = world.log.events;
    assert_eq!(listed(&world.run(30, exporting(None, 4))).0.len(), 2, "a repeat reads on");
    world.restart();
    assert_eq!(listed(&world.run(30, exporting(None, 5))).0.len(), 1);
    assert_eq!(world.log.events, events, "one export is one event");
    assert_refused(&world.run(30, exporting(Some(1), 0)), Code::OperationMismatch);
    assert_eq!(world.run(31, exporting(Some(1), 0)), first);
    assert_eq!(world.log.events, events + 1, "another export is another event");
    let counter = world.stock(2, 5);
    let of_counter = OwnedCommand::KeysExport { stock: counter, batch: None, from: 0 };
    assert_refused(&world.run(32, of_counter), Code::RuleFailed);
}
