//! Replacements of card keys that are owed, one situation each: who gets the next key, what everybody is told meanwhile, and
//! what is left if none comes.

use super::keys::{STOCK, buckets, change, import, keys, page, reading, replacing, sell, shop_of, shop_with};
use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::{BatchChange, Quota, StockTerms};
use scrip_engine::ids::{ChannelId, OperationId, UserId};
use scrip_engine::limits::{Capacity, OWED_MAX_MS, REPLACEMENTS_MAX};
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, take};

const UNTIL_MS: u64 = START_MS + OWED_MAX_MS;

fn owed(position: u32) -> OwnedOutcome {
    OwnedOutcome::Owed { position, until_ms: UNTIL_MS }
}

/// Of each key of a hold: its number, whether it is void, and whether another is owed for it.
#[track_caller]
fn shown(world: &mut World, hold: u128) -> Vec<(u32, bool, bool)> {
    page(&world.run(1, reading(hold, 0))).keys.iter().map(|key| (key.key, key.void, key.owed)).collect()
}

/// Units confirmed and returned of the first line of a hold.
fn units_of(world: &mut World, hold: u128) -> (u32, u32) {
    let line = world.show_hold(hold).lines[0];
    (line.confirmed, line.returned)
}

fn giving(hold: u128, units: u32) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available: false, units: vec![units] }
}

#[test]
fn a_bad_key_is_owed_another_and_gets_the_next_one_before_any_new_buyer() {
    let mut world = shop_of(2);
    world.run(10, sell(2));
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    assert_eq!(buckets(&mut world), ([0, 0, 1, 0, 1], [0, 0]), "the bad key is void at once");
    assert_eq!(shown(&mut world, 10), [(0, true, true), (1, false, false)]);
    assert_eq!(world.run(30, replacing(10, 0)), owed(1), "the same command waits on");
    assert_refused(&world.run(31, replacing(10, 0)), Code::Void);
    assert_eq!(keys(&world.run(10, sell(2))), [0, 1], "a repeat names no other key");
    let OwnedOutcome::Debts { total, debts } = world.run(0, OwnedCommand::OwedShow { stock: STOCK, from: 0 })
    else {
        panic!("debts can be seen");
    };
    assert_eq!((total, debts[0].hold.get(), debts[0].of_key.get(), debts[0].key.get()), (1, 10, 1, 0));
    assert_eq!((debts[0].since_ms.get(), debts[0].until_ms.get()), (START_MS, UNTIL_MS));
    world.restart();
    world.wait(700);
    import(&mut world, 4, 1, &[50]);
    assert_refused(&world.run(11, sell(1)), Code::OutOfStock);
    assert_eq!(shown(&mut world, 10), [(2, false, false), (1, false, false)]);
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [2]);
    let said = OwnedOutcome::Refused { code: Code::KeyReplaced, facts: OwnedFacts::Key(2) };
    assert_eq!(world.run(10, sell(2)), said);
    world.restart();
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [2]);
    assert_refused(&world.run(31, replacing(10, 0)), Code::NotFound);
    assert_eq!(units_of(&mut world, 10), (2, 0), "nothing was given back");
}

#[test]
fn sales_and_replacements_that_are_owed_are_served_in_the_order_they_were_made() {
    let mut world = shop_of(1);
    world.run(10, sell(1));
    let wait_until_ms = UNTIL_MS;
    let waiting = OwnedCommand::Sell {
        take: OwnedTake { wait_until_ms, ..take(&[(STOCK, 2)]) },
        paid: true,
        hidden: false,
    };
    assert_eq!(world.run(11, waiting.clone()), owed(1));
    assert_eq!(world.run(30, replacing(10, 0)), owed(2));
    import(&mut world, 4, 1, &[50]);
    assert_eq!(world.run(30, replacing(10, 0)), owed(2), "the first key waits for the older debt");
    import(&mut world, 5, 1, &[51, 52]);
    assert_eq!(keys(&world.run(11, waiting)), [1, 2]);
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [3]);
}

#[test]
fn a_replacement_that_is_owed_needs_no_limit_nor_cap_and_takes_no_others_guarantee() {
    let mut world = shop_of(1);
    let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
    world.run(20, OwnedCommand::StockEdit { stock: STOCK, version: 1, terms });
    let take = OwnedTake { user: UserId(7), ..take(&[(STOCK, 1)]) };
    let buy = OwnedCommand::Sell { take, paid: true, hidden: false };
    world.run(10, buy.clone());
    let channel = world.envelope(1).channel;
    // The cap is what the channel has used.
    let quotas = vec![Quota::new(channel, 0, 1, 0)];
    world.run(21, OwnedCommand::StockQuota { stock: STOCK, version: 2, quotas });
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    assert_refused(&world.run(11, buy.clone()), Code::OutOfStock);
    // What another channel is guaranteed is not for it.
    change(&mut world, 22, 1, BatchChange::Freeze);
    super::keys::batch(&mut world, 2, 0);
    let quotas = vec![Quota::new(ChannelId(9), 0, Quota::NO_CAP, 0)];
    world.run(23, OwnedCommand::StockQuota { stock: STOCK, version: 3, quotas });
    import(&mut world, 4, 2, &[50]);
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [1], "the cap and the limit count it already");
    assert_refused(&world.run(11, buy), Code::OutOfStock);
    import(&mut world, 5, 2, &[51]);
    let quotas = vec![Quota::new(ChannelId(9), 1, Quota::NO_CAP, 0)];
    world.run(24, OwnedCommand::StockQuota { stock: STOCK, version: 4, quotas });
    assert_eq!(world.run(31, replacing(10, 1)), owed(1));
    let none = vec![Quota::new(ChannelId(9), 0, Quota::NO_CAP, 0)];
    world.run(25, OwnedCommand::StockQuota { stock: STOCK, version: 5, quotas: none });
    assert_eq!(keys(&world.run(31, replacing(10, 1))), [2]);
}

#[test]
fn a_replacement_that_never_comes_leaves_a_unit_that_was_given_back() {
    let mut world = shop_of(3);
    let terms = StockTerms { limit_per_user: 3, ..ANY_TERMS };
    world.run(20, OwnedCommand::StockEdit { stock: STOCK, version: 1, terms });
    let buy = |units| {
        let take = OwnedTake { user: UserId(7), ..take(&[(STOCK, units)]) };
        OwnedCommand::Sell { take, paid: false, hidden: false }
    };
    world.run(10, buy(3));
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    world.wait(OWED_MAX_MS - 1);
    assert_eq!(shown(&mut world, 10)[0], (0, true, true), "it is remembered until then");
    world.wait(1);
    world.created_ms += OWED_MAX_MS;
    assert_eq!(shown(&mut world, 10), [(1, false, false), (2, false, false), (0, true, false)]);
    assert_eq!(units_of(&mut world, 10), (3, 1), "one unit is to be refunded");
    assert_eq!(world.show_hold(10).state, HoldState::Confirmed);
    assert_eq!(buckets(&mut world), ([0, 0, 2, 0, 1], [0, 0]));
    import(&mut world, 4, 1, &[50, 51]);
    assert_refused(&world.run(31, replacing(10, 0)), Code::Void);
    assert_eq!(keys(&world.run(32, replacing(10, 1))), [3], "the others can be replaced still");
    assert_eq!(keys(&world.run(11, buy(1))), [4], "and the limit has room for one more");
    world.restart();
    assert_eq!(units_of(&mut world, 10), (3, 1));
}

#[test]
fn a_repeat_of_a_replacement_that_never_came_is_refused_as_it_would_have_been() {
    let mut world = shop_of(1);
    world.run(10, sell(1));
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    // A RETURN ends the debt without the key, at once.
    assert_eq!(world.run(40, giving(10, 1)), OwnedOutcome::Returned { units: 1 });
    let facts = OwnedFacts::Units { stock: STOCK, asked: 1, available: 0 };
    let refusal = OwnedOutcome::Refused { code: Code::OutOfStock, facts };
    assert_eq!(world.run(30, replacing(10, 0)), refusal);
    import(&mut world, 4, 1, &[50]);
    assert_eq!(world.run(30, replacing(10, 0)), refusal, "whatever comes later");
    let OwnedOutcome::Operation(view) = world.run(30, OwnedCommand::OperationShow) else {
        panic!("it is recorded");
    };
    assert_eq!(view.value, u64::from(u32::MAX), "it has brought no key");
    world.restart();
    assert_eq!(world.run(30, replacing(10, 0)), refusal);
}

#[test]
fn a_return_or_cancel_that_reaches_the_place_drops_the_debt_and_voids_nothing_twice() {
    let mut world = shop_of(3);
    world.run(10, sell(3));
    assert_eq!(world.run(30, replacing(10, 2)), owed(1));
    assert_eq!(world.run(31, replacing(10, 0)), owed(2));
    assert_eq!(world.run(40, giving(10, 2)), OwnedOutcome::Returned { units: 2 });
    assert_eq!(shown(&mut world, 10), [(0, true, true), (1, true, false), (2, true, false)]);
    assert_eq!(buckets(&mut world), ([0, 0, 0, 0, 3], [0, 0]));
    assert_eq!(world.run(31, replacing(10, 0)), owed(1));
    assert_eq!(
        world.run(10, OwnedCommand::Cancel),
        OwnedOutcome::Cancelled(Cancelled::Returned { units: 1 })
    );
    assert_eq!(buckets(&mut world), ([0, 0, 0, 0, 3], [0, 0]));
    assert_refused(&world.run(31, replacing(10, 0)), Code::Cancelled);
    import(&mut world, 4, 1, &[50]);
    assert_eq!(keys(&world.run(11, sell(1))), [3], "nobody is owed anything");
}

#[test]
fn a_sale_is_cancelled_two_months_after_it_was_made_while_a_key_of_it_is_owed() {
    let mut world = shop_of(1);
    world.run(10, sell(1));
    // Another key was owed twice, and each time it took as long as it may.
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    world.wait(OWED_MAX_MS - 1);
    world.created_ms = world.now_ms;
    import(&mut world, 40, 1, &[50]);
    assert_eq!(shown(&mut world, 10), [(1, false, false)]);
    let until_ms = world.now_ms + OWED_MAX_MS;
    assert_eq!(world.run(31, replacing(10, 1)), OwnedOutcome::Owed { position: 1, until_ms });
    world.wait(OWED_MAX_MS - 1);
    world.created_ms = START_MS;
    assert_eq!(
        world.run(10, OwnedCommand::Cancel),
        OwnedOutcome::Cancelled(Cancelled::Returned { units: 1 })
    );
    let shown = world.show_hold(10);
    assert_eq!((shown.state, shown.closed_ms), (HoldState::Cancelled, START_MS + 2 * (OWED_MAX_MS - 1)));
    world.restart();
    assert_eq!(world.show_hold(10), shown);
}

#[test]
fn a_place_that_was_owed_counts_its_replacements_as_any_other() {
    let mut world = shop_of(1);
    world.run(10, sell(1));
    for time in 0..u32::from(REPLACEMENTS_MAX) {
        let operation = 30 + u128::from(time);
        assert_eq!(world.run(operation, replacing(10, time)), owed(1));
        import(&mut world, 50 + u128::from(time), 1, &[100 + time as u16]);
        assert_eq!(keys(&world.run(operation, replacing(10, time))), [time + 1]);
    }
    assert_refused(&world.run(40, replacing(10, u32::from(REPLACEMENTS_MAX))), Code::RuleFailed);
}

#[test]
fn without_room_for_a_debt_a_replacement_is_refused_and_may_be_repeated() {
    let mut world = shop_with(Capacity { debts_max: 1, ..ROOMY });
    super::keys::batch(&mut world, 1, 0);
    import(&mut world, 3, 1, &[0, 1]);
    world.run(10, sell(2));
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    let events = world.log.events;
    assert_refused(&world.run(31, replacing(10, 1)), Code::OutOfStock);
    assert_eq!(world.log.events, events, "nothing is recorded");
    let quotas = vec![Quota::new(ChannelId(9), 2, Quota::NO_CAP, 0)];
    import(&mut world, 5, 1, &[60, 61]);
    assert_eq!(keys(&world.run(30, replacing(10, 0))), [2]);
    assert_eq!(keys(&world.run(32, replacing(10, 2))), [3]);
    import(&mut world, 6, 1, &[62, 63]);
    world.run(21, OwnedCommand::StockQuota { stock: STOCK, version: 1, quotas });
    assert_eq!(world.run(33, replacing(10, 3)), owed(1));
    assert_refused(&world.run(31, replacing(10, 1)), Code::ChannelQuota);
    import(&mut world, 4, 1, &[50, 51]);
    assert_eq!(keys(&world.run(33, replacing(10, 3))), [4]);
    assert_eq!(keys(&world.run(31, replacing(10, 1))), [5]);
}

#[test]
fn a_hold_is_not_forgotten_while_a_replacement_is_owed() {
    let mut world = shop_of(1);
    world.run(10, sell(1));
    assert_eq!(world.run(30, replacing(10, 0)), owed(1));
    for _ in 0..29 {
        world.wait(86_400_000);
    }
    assert_eq!(shown(&mut world, 10), [(0, true, true)]);
    world.created_ms += 29 * 86_400_000;
    import(&mut world, 1 << 80, 1, &[50]);
    assert_eq!(shown(&mut world, 10), [(1, false, false)]);
    world.restart();
    assert_eq!(shown(&mut world, 10), [(1, false, false)]);
}
