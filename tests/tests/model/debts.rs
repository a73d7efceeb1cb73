//! Debts, one situation each: who is owed what, who is served first, and what becomes of those who are not.

use super::keys;
use scrip_engine::answer::HoldState;
use scrip_engine::command::{BatchChange, Quota, StockTerms};
use scrip_engine::ids::{ChannelId, OperationId, StockId, UserId};
use scrip_engine::limits::{Capacity, DEBTS_PER_EVENT_MAX, OWED_MAX_MS, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRequest, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

/// How long the debts of these tests wait.
const WAIT_MS: u64 = 60_000;

fn waiting(take: OwnedTake) -> OwnedCommand {
    let take = OwnedTake { wait_until_ms: START_MS + WAIT_MS, ..take };
    OwnedCommand::Sell { take, paid: true, hidden: false }
}

/// SELL that may wait, by the usual channel.
#[track_caller]
fn sell(world: &mut World, operation: u128, lines: &[(StockId, u32)]) -> OwnedOutcome {
    world.run(operation, waiting(take(lines)))
}

/// A request of another channel than the usual one.
fn from(world: &World, channel: u16, operation: u128, command: OwnedCommand) -> OwnedRequest {
    let mut request = world.request(operation, command);
    request.envelope.channel = ChannelId(channel);
    request
}

#[track_caller]
fn sell_from(world: &mut World, channel: u16, operation: u128, lines: &[(StockId, u32)]) -> OwnedOutcome {
    let request = from(world, channel, operation, waiting(take(lines)));
    world.ask(&request)
}

fn owed(position: u32) -> OwnedOutcome {
    OwnedOutcome::Owed { position, until_ms: START_MS + WAIT_MS }
}

#[track_caller]
fn supply(world: &mut World, operation: u128, stock: StockId, units: u64) {
    let answer = world.run(operation, OwnedCommand::StockSupply { stock, units });
    assert_eq!(answer.code(), None, "a supply is answered {answer:?}");
}

#[track_caller]
fn quota(world: &mut World, operation: u128, stock: StockId, quotas: &[Quota]) {
    let version = world.show(stock).version;
    let answer = world.run(operation, OwnedCommand::StockQuota { stock, version, quotas: quotas.to_vec() });
    assert_eq!(answer.code(), None, "quotas are answered {answer:?}");
}

/// States of holds.
#[track_caller]
fn states(world: &mut World, holds: &[u128]) -> Vec<HoldState> {
    holds.iter().map(|hold| world.show_hold(*hold).state).collect()
}

use HoldState::{Confirmed, Owed, Unfulfilled};

#[test]
fn paid_and_keys_gone_is_owed_and_served_on_supply_and_everybody_can_see_it() {
    let (mut world, stock) = (keys::shop(), keys::STOCK);
    keys::batch(&mut world, 1, 0);
    assert_eq!(sell(&mut world, 10, &[(stock, 2)]), owed(1));
    assert_eq!(sell(&mut world, 11, &[(stock, 1)]), owed(2));
    let OwnedOutcome::Debts { total, debts } = world.run(0, OwnedCommand::OwedShow { stock, from: 1 }) else {
        panic!("debts can be seen");
    };
    assert_eq!((total, debts.len(), debts[0].hold.get(), debts[0].units.get()), (2, 1, 11, 1));
    // One key is not enough for the older debt, and the younger one does not get it.
    keys::import(&mut world, 3, 1, &[0]);
    assert_eq!(states(&mut world, &[10, 11]), [Owed, Owed]);
    assert_eq!(world.counts(stock), [1, 0, 0]);
    world.wait(500);
    keys::import(&mut world, 4, 1, &[1, 2]);
    let again = sell(&mut world, 10, &[(stock, 2)]);
    let OwnedOutcome::ConfirmedKeys { confirmed_ms, units, keys, .. } = &again else { panic!("{again:?}") };
    assert_eq!((*confirmed_ms, units.as_slice()), (START_MS + 500, [2].as_slice()));
    assert_eq!(
        keys.keys.iter().map(|key| key.key).collect::<Vec<_>>(),
        [0, 1],
        "the oldest debt, the first keys"
    );
    assert_eq!(states(&mut world, &[10, 11]), [Confirmed, Confirmed]);
    // A bad key of it is replaced once there is another; until then that is owed.
    let replace = OwnedCommand::KeyReplace { hold: OperationId(11), key: 2, reason: 1 };
    let until_ms = START_MS + 500 + OWED_MAX_MS;
    assert_eq!(world.run(30, replace.clone()), OwnedOutcome::Owed { position: 1, until_ms });
    keys::import(&mut world, 5, 1, &[3]);
    let replaced = world.run(30, replace.clone());
    assert_eq!(replaced.keys().map(|keys| keys.keys[0].key), Some(3));
    assert_eq!(world.run(30, replace), replaced, "once");
    world.restart();
    assert_refused(&sell(&mut world, 11, &[(stock, 1)]), Code::KeyReplaced);
}

#[test]
fn debts_of_two_channels_are_served_in_the_order_they_were_made() {
    let mut world = World::usual();
    let stock = world.stock(1, 0);
    for (operation, channel, units) in [(10, 1, 3), (11, 2, 1), (12, 1, 1), (13, 2, 2)] {
        assert_eq!(sell_from(&mut world, channel, operation, &[(stock, units)]), owed(operation as u32 - 9));
    }
    supply(&mut world, 20, stock, 2);
    assert_eq!(states(&mut world, &[10, 11, 12, 13]), [Owed; 4], "nobody passes the oldest");
    supply(&mut world, 21, stock, 2);
    assert_eq!(states(&mut world, &[10, 11, 12, 13]), [Confirmed, Confirmed, Owed, Owed]);
    assert_eq!(sell_from(&mut world, 2, 13, &[(stock, 2)]), owed(2), "it has moved up");
    supply(&mut world, 22, stock, 10);
    assert_eq!(world.counts(stock), [7, 0, 7]);
    world.check_laws();
}

#[test]
fn new_demand_never_overtakes_a_debt() {
    let mut world = World::usual();
    let stock = world.stock(1, 3);
    assert_eq!(sell(&mut world, 10, &[(stock, 5)]), owed(1));
    let lack = |asked, available| {
        let lack = Lack { line: 0, why: Code::OutOfStock, asked, available };
        OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack])
    };
    assert_eq!(world.reserve(11, &[(stock, 1)]), lack(1, 0), "three units are there, and claimed");
    supply(&mut world, 20, stock, 1);
    assert_eq!(world.reserve(11, &[(stock, 1)]), lack(1, 0));
    supply(&mut world, 21, stock, 2);
    assert_eq!(states(&mut world, &[10]), [Confirmed]);
    assert_eq!(world.reserve(11, &[(stock, 2)]), lack(2, 1));
    assert_eq!(world.reserve(11, &[(stock, 1)]).code(), None);
}

#[test]
fn a_late_confirm_finds_nothing_that_is_claimed() {
    let mut world = World::usual();
    let stock = world.stock(1, 2);
    world.reserve(10, &[(stock, 2)]);
    world.reserve(11, &[(stock, 1)]);
    assert_eq!(sell(&mut world, 12, &[(stock, 3)]), owed(1));
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.counts(stock), [2, 0, 0]);
    let lack = Lack { line: 0, why: Code::OutOfStock, asked: 2, available: 0 };
    assert_eq!(world.confirm(10), OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, vec![lack]));
    supply(&mut world, 20, stock, 1);
    assert_eq!(states(&mut world, &[12]), [Confirmed]);
}

#[test]
fn a_debt_takes_its_own_guarantee_and_nobody_elses() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    quota(&mut world, 20, stock, &[Quota::new(ChannelId(2), 4, 6, 0), Quota::new(ChannelId(3), 6, 9, 0)]);
    // Channel 1 finds nothing; what is guaranteed to the others stays theirs.
    assert_eq!(sell(&mut world, 10, &[(stock, 2)]), owed(1));
    assert_eq!(sell_from(&mut world, 2, 11, &[(stock, 3)]).code(), None);
    assert_eq!(states(&mut world, &[11]), [Confirmed]);
    // Its guarantee has one unit left: this debt claims that, and one of what comes.
    assert_eq!(sell_from(&mut world, 2, 12, &[(stock, 2)]), owed(2));
    let shown = world.run(0, OwnedCommand::StockChannels { stock });
    let OwnedOutcome::Channels { channels, .. } = shown else { panic!("{shown:?}") };
    assert_eq!(channels.iter().map(|of| of.room.get()).collect::<Vec<_>>(), [0, 0, 6]);
    supply(&mut world, 21, stock, 2);
    assert_eq!(states(&mut world, &[10, 12]), [Confirmed, Owed], "the older debt takes what is free");
    supply(&mut world, 22, stock, 1);
    assert_eq!(states(&mut world, &[12]), [Confirmed]);
    assert_eq!(sell_from(&mut world, 3, 13, &[(stock, 6)]).code(), None);
    assert_eq!(world.counts(stock), [0, 0, 13]);
}

#[test]
fn the_cap_and_the_limit_count_what_is_owed() {
    let mut world = World::usual();
    let limited = StockTerms { limit_per_user: 4, ..ANY_TERMS };
    let stock = world.stock_with(1, 1, limited);
    quota(&mut world, 20, stock, &[Quota::new(ChannelId(1), 0, 5, 0)]);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]).code(), None);
    assert_eq!(sell(&mut world, 11, &[(stock, 3)]), owed(1));
    // The user has four now, one of them sold; the channel may have one more.
    let lack = |why, asked, available| {
        OwnedOutcome::refused_lines(why, vec![Lack { line: 0, why, asked, available }])
    };
    assert_eq!(sell(&mut world, 12, &[(stock, 2)]), lack(Code::ChannelQuota, 2, 1));
    assert_eq!(sell(&mut world, 13, &[(stock, 1)]), lack(Code::UserLimit, 1, 0));
    let other = OwnedTake { user: UserId(2), ..take(&[(stock, 1)]) };
    assert_eq!(world.run(14, waiting(other)), owed(2));
    assert_eq!(
        sell(&mut world, 12, &[(stock, 2)]),
        lack(Code::ChannelQuota, 2, 1),
        "refused for good: it was paid"
    );
    world.wait(WAIT_MS);
    assert_eq!(states(&mut world, &[11, 14]), [Unfulfilled, Unfulfilled]);
    world.created_ms = world.now_ms;
    let later = OwnedTake { wait_until_ms: world.now_ms + 5, ..take(&[(stock, 3)]) };
    let again = OwnedCommand::Sell { take: later, paid: false, hidden: false };
    assert_eq!(world.run(15, again).code(), None, "what was owed in vain counts no more");
}

#[test]
fn a_debt_of_two_stocks_waits_for_both_and_stops_nobody_beside_its_claims() {
    let mut world = World::usual();
    let (one, two) = (world.stock(1, 7), world.stock(2, 0));
    assert_eq!(sell(&mut world, 10, &[(one, 3), (two, 1), (one, 2)]), owed(1));
    assert_eq!(sell(&mut world, 11, &[(one, 2)]).code(), None);
    assert_eq!(states(&mut world, &[10, 11]), [Owed, Confirmed], "two units are beside its claim of five");
    assert_eq!(sell(&mut world, 12, &[(one, 1)]), owed(2));
    assert_eq!(sell(&mut world, 13, &[(two, 1)]), owed(2));
    supply(&mut world, 20, one, 1);
    assert_eq!(states(&mut world, &[10, 12, 13]), [Owed, Confirmed, Owed]);
    supply(&mut world, 21, two, 1);
    assert_eq!(states(&mut world, &[10, 13]), [Confirmed, Owed]);
    assert_eq!((world.counts(one), world.counts(two)), ([0, 0, 8], [0, 0, 1]));
    world.check_laws();
}

/// A counter stock without a unit left, and a debt of `units`.
fn sold_out(units: u32) -> (World, StockId) {
    let mut world = World::usual();
    let stock = world.stock(1, 4);
    assert_eq!(
        world.run(5, OwnedCommand::Sell { take: take(&[(stock, 2)]), paid: true, hidden: false }).code(),
        None
    );
    assert_eq!(world.reserve(6, &[(stock, 2)]).code(), None);
    assert_eq!(sell(&mut world, 10, &[(stock, units)]), owed(1));
    (world, stock)
}

#[test]
fn whatever_gives_units_back_serves_debts() {
    let (mut world, _) = sold_out(2);
    world.release(6);
    assert_eq!(states(&mut world, &[10]), [Confirmed], "a release");

    let (mut world, _) = sold_out(2);
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.show_hold(10).closed_ms, START_MS + u64::from(TTL_MS), "an expiry, at its time");

    let (mut world, _) = sold_out(2);
    world.run(20, return_all(5));
    assert_eq!(states(&mut world, &[10]), [Confirmed], "a return");

    let (mut world, _) = sold_out(1);
    world.run(6, OwnedCommand::Confirm { units: vec![1], hidden: false });
    assert_eq!(states(&mut world, &[10]), [Confirmed], "the rest of a partial confirm");

    let (mut world, stock) = sold_out(1);
    let replace = OwnedTake { replace: OperationId(6), ..take(&[(stock, 1)]) };
    assert_eq!(world.run(7, reserve(replace)).code(), None);
    assert_eq!(
        states(&mut world, &[10]),
        [Confirmed],
        "what a replaced hold gives back beyond its successor"
    );

    let (mut world, stock) = sold_out(1);
    sell(&mut world, 11, &[(stock, 2)]);
    world.release(6);
    assert_eq!(states(&mut world, &[10, 11]), [Confirmed, Owed]);
    world.wait(WAIT_MS);
    assert_eq!(states(&mut world, &[10, 11]), [Confirmed, Unfulfilled]);
}

#[test]
fn an_operator_who_makes_units_available_serves_debts() {
    let (mut world, stock) = sold_out(1);
    supply(&mut world, 20, stock, 1);
    assert_eq!(states(&mut world, &[10]), [Confirmed], "a supply");

    let mut world = World::usual();
    let stock = world.stock(1, 2);
    world.run(20, OwnedCommand::StockFreeze { stock, units: 2, forced: false });
    assert_eq!(sell(&mut world, 10, &[(stock, 2)]), owed(1));
    world.run(21, OwnedCommand::StockUnfreeze { stock, units: 2 });
    assert_eq!(states(&mut world, &[10]), [Confirmed], "an unfreeze");

    let mut world = World::usual();
    let stock = world.stock(1, 2);
    let lapses_ms = START_MS + 50;
    quota(&mut world, 20, stock, &[Quota::new(ChannelId(2), 2, Quota::NO_CAP, lapses_ms)]);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1));
    assert_eq!(sell(&mut world, 11, &[(stock, 1)]), owed(2));
    quota(&mut world, 21, stock, &[Quota::new(ChannelId(2), 1, Quota::NO_CAP, lapses_ms)]);
    assert_eq!(states(&mut world, &[10, 11]), [Confirmed, Owed], "a quota that is cut");
    world.wait(50);
    assert_eq!(world.show_hold(11).closed_ms, lapses_ms, "a guarantee that lapses, at its time");

    let mut world = World::usual();
    let stock = world.stock(1, 0);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1));
    let edit = |version, frozen| OwnedCommand::StockEdit {
        stock,
        version,
        terms: StockTerms { frozen, ..ANY_TERMS },
    };
    world.run(20, edit(1, true));
    supply(&mut world, 21, stock, 1);
    assert_eq!(states(&mut world, &[10]), [Owed], "a stock whose sale is frozen serves nobody");
    world.run(22, edit(2, false));
    assert_eq!(states(&mut world, &[10]), [Confirmed], "a sale that goes on");
}

#[test]
fn a_batch_that_is_unfrozen_serves_debts_and_one_that_expires_does_not() {
    let (mut world, stock) = (keys::shop(), keys::STOCK);
    for (batch, expires_ms) in [(1, 0), (2, START_MS + 100)] {
        keys::batch(&mut world, batch, expires_ms);
        keys::import(&mut world, u128::from(batch) + 3, batch, &[batch as u16]);
        keys::change(&mut world, u128::from(batch) + 5, batch, BatchChange::Freeze);
    }
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1));
    assert_eq!(sell(&mut world, 11, &[(stock, 1)]), owed(2));
    keys::change(&mut world, 20, 1, BatchChange::Unfreeze);
    assert_eq!(states(&mut world, &[10, 11]), [Confirmed, Owed]);
    world.wait(100);
    assert_refused(&world.run(21, keys::changing(2, BatchChange::Unfreeze)), Code::Void);
    assert_eq!(states(&mut world, &[11]), [Owed], "the key of the batch that expired is nobody's");
    assert_eq!(world.counts(stock), [0, 0, 1]);
}

#[test]
fn keys_that_expire_with_a_guarantee_are_not_sold_at_that_time() {
    let (mut world, stock) = (keys::shop(), keys::STOCK);
    let end_ms = START_MS + 100;
    keys::batch(&mut world, 1, end_ms);
    keys::import(&mut world, 3, 1, &[1]);
    quota(&mut world, 20, stock, &[Quota::new(ChannelId(2), 1, Quota::NO_CAP, end_ms)]);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1));
    // At this very time the guarantee lapses and the last key expires: nobody gets a key that is void.
    world.wait(100);
    assert_eq!(states(&mut world, &[10]), [Owed]);
    assert_eq!(world.counts(stock), [0, 0, 0]);
}

#[test]
fn a_debt_ends_at_its_millisecond_with_the_refusal_it_would_have_had() {
    let mut world = World::usual();
    let stock = world.stock(1, 3);
    // Two of the units come back in the very millisecond in which the debt ends: that is too late for it.
    let ttl_ms = WAIT_MS as u32;
    world.run(9, OwnedCommand::Reserve { take: take(&[(stock, 2)]), ttl_ms });
    let paid = waiting(take(&[(stock, 3)]));
    assert_eq!(world.run(10, paid.clone()), owed(1));
    assert_eq!(world.show_hold(10).refusal, None);
    world.advance(START_MS + WAIT_MS - 1);
    assert_eq!(world.run(10, paid.clone()), owed(1));
    assert_eq!(world.counts(stock), [1, 2, 0]);
    world.advance(START_MS + WAIT_MS);
    assert_eq!(world.counts(stock), [3, 0, 0]);
    let lack = Lack { line: 0, why: Code::OutOfStock, asked: 3, available: 1 };
    let refusal = OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack]);
    assert_eq!(world.run(10, paid.clone()), refusal);
    let shown = world.show_hold(10);
    assert_eq!(
        (shown.state, shown.refusal, shown.closed_ms),
        (Unfulfilled, Some(Code::OutOfStock), START_MS + WAIT_MS)
    );
    supply(&mut world, 20, stock, 10);
    world.restart();
    assert_eq!(world.run(10, paid), refusal, "for good");
    assert_eq!(world.counts(stock), [13, 0, 0]);
}

#[test]
fn a_wait_is_at_most_thirty_days_and_one_that_is_over_is_none() {
    let mut world = World::usual();
    let stock = world.stock(1, 0);
    let until = |wait_until_ms| {
        let take = OwnedTake { wait_until_ms, ..take(&[(stock, 1)]) };
        OwnedCommand::Sell { take, paid: false, hidden: false }
    };
    let cut = OwnedOutcome::Owed { position: 1, until_ms: START_MS + OWED_MAX_MS };
    assert_eq!(world.run(10, until(u64::MAX)), cut);
    assert_refused(&world.run(11, until(START_MS)), Code::OutOfStock);
    assert_eq!(
        world.run(11, until(START_MS + 1)),
        OwnedOutcome::Owed { position: 2, until_ms: START_MS + 1 }
    );
    world.wait(1);
    assert_eq!(states(&mut world, &[10, 11]), [Owed, Unfulfilled]);
    assert_refused(&world.run(10, until(START_MS + OWED_MAX_MS)), Code::OperationMismatch);
    world.drain();
}

#[test]
fn what_is_owed_can_be_neither_confirmed_nor_given_back() {
    let (mut world, stock) = sold_out(3);
    let hold = OperationId(10);
    let commands = [
        (10, OwnedCommand::Confirm { units: vec![], hidden: false }, Code::NotActive),
        (10, OwnedCommand::Release, Code::NotActive),
        (20, OwnedCommand::Extend { hold, ttl_ms: 9 }, Code::NotActive),
        (21, return_all(10), Code::NotActive),
        (22, OwnedCommand::Reveal { hold }, Code::NotActive),
        (23, OwnedCommand::KeyReplace { hold, key: 0, reason: 0 }, Code::NotActive),
        (24, OwnedCommand::KeysRead { hold, from: 0 }, Code::NotActive),
        (25, reserve(OwnedTake { replace: hold, ..take(&[(stock, 1)]) }), Code::HoldConfirmed),
    ];
    for (operation, command, code) in commands.clone() {
        assert_refused(&world.run(operation, command), code);
    }
    world.wait(WAIT_MS);
    world.created_ms = world.now_ms;
    for (operation, command, _) in commands {
        assert_refused(&world.run(operation, command), Code::HoldNotFound);
    }
    world.check_laws();
}

#[test]
fn a_sale_that_waits_ends_the_hold_it_replaces() {
    let mut world = World::usual();
    let stock = world.stock(1, 3);
    world.reserve(9, &[(stock, 2)]);
    let replace = OwnedTake { replace: OperationId(9), ..take(&[(stock, 4)]) };
    assert_eq!(world.run(10, waiting(replace)), owed(1));
    assert_eq!(world.counts(stock), [3, 0, 0]);
    assert_refused(&world.confirm(9), Code::HoldReleased);
    assert_refused(&world.reserve(11, &[(stock, 1)]), Code::OutOfStock);
    supply(&mut world, 20, stock, 1);
    assert_eq!(world.counts(stock), [0, 0, 4]);
}

#[test]
fn debts_have_a_maximum() {
    let capacity = Capacity { debts_max: 3, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    let (one, two) = (world.stock(1, 0), world.stock(2, 0));
    assert_eq!(sell(&mut world, 10, &[(one, 1), (two, 1), (one, 1)]), owed(1));
    let full =
        OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(CapacityOf::Debts, 3) };
    assert_eq!(sell(&mut world, 11, &[(one, 1), (two, 1)]), full);
    assert_eq!(sell(&mut world, 11, &[(two, 1)]), owed(2));
    assert_eq!(sell(&mut world, 12, &[(two, 1)]), full);
    supply(&mut world, 20, one, 2);
    supply(&mut world, 21, two, 1);
    assert_eq!(sell(&mut world, 12, &[(two, 1)]), owed(2));
    world.check_laws();
}

#[test]
fn many_debts_are_settled_in_bounded_steps_and_a_crash_between_them_loses_none() {
    let mut world = World::usual();
    let stock = world.stock(1, 0);
    let count = 3 * DEBTS_PER_EVENT_MAX as u128 + 5;
    for operation in 0..count {
        sell(&mut world, 1_000 + operation, &[(stock, 1)]);
    }
    // The engine alone executes the supply; one event of debts goes with it, and then it is made anew from its log.
    let request = world.request(20, OwnedCommand::StockSupply { stock, units: count as u64 });
    let now_ms = world.now_ms;
    let events = world.log.events;
    request.with(|request| {
        world.engine.execute(now_ms, request, &mut world.log);
    });
    assert_eq!(world.log.events, events + 2);
    assert_eq!(world.log.debts[1], DEBTS_PER_EVENT_MAX as u64);
    assert!(world.engine.must_settle());
    world.oracle.answer(&request);
    world.restart();
    assert_eq!(world.log.debts[1], count as u64, "the rest is settled before anything else happens");
    assert_eq!(world.log.events, events + 5);
    assert_eq!(world.counts(stock), [0, 0, count as u64]);
    assert_eq!(world.replayed().digest(), world.engine.digest());
    world.check_laws();
}

#[test]
fn debts_outlive_the_floor_and_a_restart() {
    let rules =
        Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 1_000 };
    let mut world = World::new(ROOMY, rules, START_MS);
    let stock = world.stock(1, 0);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1));
    world.wait(40_000);
    assert!(world.engine.floor_ms() > START_MS);
    world.restart();
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]), owed(1), "remembered as long as it is owed");
    world.created_ms = world.now_ms;
    supply(&mut world, 20, stock, 1);
    world.created_ms = START_MS;
    assert_eq!(states(&mut world, &[10]), [Confirmed]);
    world.wait(9_000);
    assert_eq!(sell(&mut world, 10, &[(stock, 1)]).code(), None, "and for a window after");
    world.wait(3_000);
    assert_refused(&sell(&mut world, 10, &[(stock, 1)]), Code::OperationTooOld);
    world.drain();
}
