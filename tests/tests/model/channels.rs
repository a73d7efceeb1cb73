//! Channels: guarantees, caps, and what lowers them. A marketplace that was promised units finds them there.

use scrip_engine::answer::{ChannelView, HoldState, OperationKind, OperationView};
use scrip_engine::command::{Quota, StockTerms};
use scrip_engine::ids::{ChannelId, OperationId, StockId};
use scrip_engine::limits::CHANNELS_PER_STOCK_MAX;
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Wish};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

const WEB: u16 = 1;
const MARKET: u16 = 2;
const SHOP: u16 = 3;

/// A guarantee without a cap that never lapses.
fn guarantee(channel: u16, units: u64) -> Quota {
    Quota::new(ChannelId(channel), units, Quota::NO_CAP, 0)
}

fn cap(channel: u16, units: u64) -> Quota {
    Quota::new(ChannelId(channel), 0, units, 0)
}

#[track_caller]
fn through(world: &mut World, channel: u16, operation: u128, command: OwnedCommand) -> OwnedOutcome {
    let mut request = world.request(operation, command);
    request.envelope.channel = ChannelId(channel);
    world.ask(&request)
}

#[track_caller]
fn take_through(
    world: &mut World,
    channel: u16,
    operation: u128,
    stock: StockId,
    units: u32,
) -> OwnedOutcome {
    through(world, channel, operation, reserve(take(&[(stock, units)])))
}

fn quota_command(stock: StockId, version: u32, quotas: &[Quota]) -> OwnedCommand {
    OwnedCommand::StockQuota { stock, version, quotas: quotas.to_vec() }
}

/// Sets quotas of a stock at the version it has.
#[track_caller]
fn set(world: &mut World, operation: u128, stock: StockId, quotas: &[Quota]) {
    let version = world.show(stock).version;
    let answer = world.run(operation, quota_command(stock, version, quotas));
    assert_eq!(answer, OwnedOutcome::StockChanged { value: u64::from(version) + 1 });
}

#[track_caller]
fn channels(world: &mut World, stock: StockId) -> Vec<ChannelView> {
    match world.run(1, OwnedCommand::StockChannels { stock }) {
        OwnedOutcome::Channels { channels, .. } => channels,
        other => panic!("the channels of {stock} are shown as {other:?}"),
    }
}

/// Guarantee, held, consumed, room of one channel.
#[track_caller]
fn counts(world: &mut World, stock: StockId, channel: u16) -> [u64; 4] {
    let channels = channels(world, stock);
    let view = channels.iter().find(|view| view.channel.get() == channel).expect("the channel is known");
    [view.guaranteed, view.held, view.consumed, view.room].map(|units| units.get())
}

fn quota_lack(asked: u32, available: u64) -> Vec<Lack> {
    vec![Lack { line: 0, why: Code::ChannelQuota, asked, available }]
}

#[track_caller]
fn assert_over(outcome: &OwnedOutcome, stock: StockId, asked: u64, available: u64) {
    let facts = OwnedFacts::Units { stock, asked, available };
    assert_eq!(*outcome, OwnedOutcome::Refused { code: Code::ChannelQuota, facts });
}

#[test]
fn a_guarantee_is_kept_while_another_channel_sells_out() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    set(&mut world, 20, stock, &[guarantee(MARKET, 4)]);
    let refused = take_through(&mut world, WEB, 10, stock, 7);
    assert_eq!(refused, OwnedOutcome::refused_lines(Code::ChannelQuota, quota_lack(7, 6)));
    let partial = OwnedTake {
        partial: true,
        lines: vec![Wish { stock, units: 9, units_min: 1 }],
        ..take(&[(stock, 9)])
    };
    let granted = through(&mut world, WEB, 11, OwnedCommand::Sell { take: partial, paid: false });
    assert_eq!(granted, OwnedOutcome::Confirmed { confirmed_ms: START_MS, late: false, units: vec![6] });
    assert_refused(&take_through(&mut world, WEB, 12, stock, 1), Code::ChannelQuota);
    assert_eq!(counts(&mut world, stock, WEB), [0, 0, 6, 0]);
    assert_eq!(counts(&mut world, stock, MARKET), [4, 0, 0, 4]);
    take_through(&mut world, MARKET, 13, stock, 4);
    assert_eq!(world.counts(stock), [0, 4, 6]);
    assert_refused(&take_through(&mut world, MARKET, 14, stock, 1), Code::OutOfStock);
    // Given back, the units are the marketplace's again.
    world.release(13);
    assert_refused(&take_through(&mut world, WEB, 15, stock, 1), Code::ChannelQuota);
    take_through(&mut world, MARKET, 16, stock, 4);
}

#[test]
fn a_cap_bounds_what_is_held_and_consumed() {
    let mut world = World::usual();
    let stock = world.stock(1, 100);
    set(&mut world, 20, stock, &[cap(WEB, 3)]);
    take_through(&mut world, WEB, 10, stock, 2);
    world.confirm(10);
    take_through(&mut world, WEB, 11, stock, 1);
    let refused = take_through(&mut world, WEB, 12, stock, 1);
    assert_eq!(refused, OwnedOutcome::refused_lines(Code::ChannelQuota, quota_lack(1, 0)));
    take_through(&mut world, MARKET, 13, stock, 50);
    world.run(21, return_all(10));
    assert_eq!(counts(&mut world, stock, WEB), [0, 1, 0, 2]);
    world.wait(u64::from(TTL_MS));
    assert_refused(&take_through(&mut world, WEB, 14, stock, 4), Code::ChannelQuota);
    take_through(&mut world, WEB, 15, stock, 3);
}

#[test]
fn the_channel_that_took_the_units_counts_whoever_ends_the_hold() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    take_through(&mut world, WEB, 10, stock, 3);
    through(&mut world, MARKET, 10, OwnedCommand::Confirm { units: vec![2] });
    assert_eq!(counts(&mut world, stock, WEB), [0, 0, 2, 8]);
    through(&mut world, SHOP, 20, return_all(10));
    let known: Vec<u16> = channels(&mut world, stock).iter().map(|view| view.channel.get()).collect();
    assert_eq!(known, [WEB], "known for good, and nobody else");
    assert_eq!(counts(&mut world, stock, WEB), [0, 0, 0, 10]);
}

#[test]
fn a_guarantee_lapses_at_its_time_and_not_a_millisecond_earlier() {
    let lapses_ms = START_MS + u64::from(TTL_MS);
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    // A hold with the same deadline: at that time both are over.
    take_through(&mut world, WEB, 10, stock, 1);
    set(&mut world, 20, stock, &[Quota::new(ChannelId(MARKET), 4, 4, lapses_ms)]);
    let events = world.log.events;
    world.advance(lapses_ms - 1);
    assert_refused(&take_through(&mut world, WEB, 11, stock, 1), Code::ChannelQuota);
    assert_eq!(counts(&mut world, stock, MARKET), [4, 0, 0, 4]);
    assert_eq!(world.log.events, events);
    world.advance(lapses_ms);
    take_through(&mut world, WEB, 12, stock, 5);
    let view = channels(&mut world, stock)[1];
    assert_eq!([view.guaranteed.get(), view.lapses_ms.get(), view.cap.get()], [0, 0, 4], "the cap stays");
    assert_eq!(world.show(stock).version, 2, "a lapse is no edit");
    world.check_laws();
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn a_lapse_that_was_put_off_does_not_happen_at_the_old_time() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    let until = |after_ms| Quota::new(ChannelId(MARKET), 5, Quota::NO_CAP, START_MS + after_ms);
    set(&mut world, 20, stock, &[until(1_000)]);
    set(&mut world, 21, stock, &[until(3_000)]);
    world.wait(2_999);
    assert_refused(&take_through(&mut world, WEB, 10, stock, 1), Code::ChannelQuota);
    world.restart();
    assert_refused(&take_through(&mut world, WEB, 10, stock, 1), Code::ChannelQuota);
    world.wait(1);
    take_through(&mut world, WEB, 10, stock, 5);
}

#[test]
fn a_lapse_time_must_lie_ahead() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    let at = |lapses_ms| quota_command(stock, 1, &[Quota::new(ChannelId(MARKET), 1, 9, lapses_ms)]);
    assert_eq!(world.run(20, at(START_MS)), OwnedOutcome::refused(Code::RuleFailed));
    assert_eq!(world.run(21, at(START_MS + 1)), OwnedOutcome::StockChanged { value: 2 });
}

#[test]
fn a_replacement_through_another_channel_leaves_the_first_ones_guarantee() {
    let mut world = World::usual();
    let stock = world.stock(1, 3);
    set(&mut world, 20, stock, &[guarantee(WEB, 2), cap(MARKET, 2)]);
    take_through(&mut world, WEB, 10, stock, 2);
    let replacing =
        |hold, units| reserve(OwnedTake { replace: OperationId(hold), ..take(&[(stock, units)]) });
    // Given back, the two units would be the web's again.
    let refused = through(&mut world, MARKET, 11, replacing(10, 2));
    assert_eq!(refused, OwnedOutcome::refused_lines(Code::ChannelQuota, quota_lack(2, 1)));
    assert_eq!(world.show_hold(10).state, HoldState::Held);
    through(&mut world, MARKET, 12, replacing(10, 1));
    assert_eq!(counts(&mut world, stock, WEB), [2, 0, 0, 2]);
    assert_eq!(counts(&mut world, stock, MARKET), [0, 1, 0, 0]);
    // Through the same channel what is given back can be had again.
    through(&mut world, MARKET, 13, replacing(12, 1));
    through(&mut world, WEB, 14, replacing(13, 3));
    assert_eq!(counts(&mut world, stock, WEB), [2, 3, 0, 0]);
}

#[test]
fn a_late_confirm_needs_room_in_the_holds_own_channel() {
    for (guaranteed, asker, refused) in [(2, WEB, true), (2, MARKET, true), (1, WEB, false)] {
        let mut world = World::usual();
        let stock = world.stock(1, 3);
        take_through(&mut world, WEB, 10, stock, 2);
        world.wait(u64::from(TTL_MS));
        set(&mut world, 20, stock, &[guarantee(MARKET, guaranteed)]);
        let answer = through(&mut world, asker, 10, OwnedCommand::Confirm { units: vec![] });
        if refused {
            let refusal = OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, quota_lack(2, 1));
            assert_eq!(answer, refusal);
            // Final, though there is room by now.
            set(&mut world, 21, stock, &[guarantee(MARKET, 0)]);
            assert_eq!(world.confirm(10), refusal);
        } else {
            assert!(matches!(answer, OwnedOutcome::Confirmed { late: true, .. }), "{answer:?}");
            assert_eq!(counts(&mut world, stock, WEB), [0, 0, 2, 0]);
        }
    }
}

#[test]
fn a_forced_void_lowers_the_largest_unused_guarantee_first() {
    let mut world = World::usual();
    let stock = world.stock(1, 20);
    let lapses_ms = START_MS + 500;
    let market = Quota::new(ChannelId(MARKET), 6, Quota::NO_CAP, lapses_ms);
    set(&mut world, 20, stock, &[guarantee(WEB, 4), market, guarantee(SHOP, 6)]);
    let void = |units, forced| OwnedCommand::StockVoid { stock, units, from_frozen: false, forced };
    let freeze = |units, forced| OwnedCommand::StockFreeze { stock, units, forced };
    assert_over(&world.run(21, void(5, false)), stock, 5, 4);
    assert_over(&world.run(21, freeze(5, false)), stock, 5, 4);
    world.run(22, void(4, false));
    let guarantees = |world: &mut World| -> Vec<u64> {
        channels(world, stock).iter().map(|view| view.guaranteed.get()).collect()
    };
    assert_eq!(guarantees(&mut world), [4, 6, 6], "what nobody is promised can be voided");
    world.run(23, void(3, true));
    assert_eq!(guarantees(&mut world), [4, 3, 6], "among equals the lowest channel");
    world.run(24, freeze(8, true));
    assert_eq!(guarantees(&mut world), [2, 3, 0], "the largest goes first, as far as it goes");
    assert_eq!(channels(&mut world, stock)[1].lapses_ms.get(), lapses_ms, "lowered, it lapses all the same");
    // Unfreezing gives no guarantee back.
    world.run(25, OwnedCommand::StockUnfreeze { stock, units: 8 });
    assert_eq!(guarantees(&mut world), [2, 3, 0]);
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn a_return_to_void_lowers_the_guarantee() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    set(&mut world, 20, stock, &[guarantee(WEB, 5)]);
    through(&mut world, WEB, 10, OwnedCommand::Sell { take: take(&[(stock, 3)]), paid: true });
    let to_void =
        |units| OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![units] };
    world.run(21, to_void(2));
    assert_eq!(counts(&mut world, stock, WEB), [3, 0, 1, 7]);
    world.run(22, return_all(10));
    assert_eq!(counts(&mut world, stock, WEB), [3, 0, 0, 8], "a return to available does not");
}

#[test]
fn marks_lower_the_guarantee_when_the_hold_ends() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    set(&mut world, 20, stock, &[guarantee(WEB, 5)]);
    take_through(&mut world, WEB, 10, stock, 4);
    let void = |units, forced| OwnedCommand::StockVoid { stock, units, from_frozen: false, forced };
    assert_over(&world.run(21, void(3, false)), stock, 3, 0);
    assert_eq!(world.run(22, void(3, true)), OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(counts(&mut world, stock, WEB), [4, 4, 0, 0]);
    // With nothing available there is nothing to force: units held are marked.
    let frozen = world.run(23, OwnedCommand::StockFreeze { stock, units: 1, forced: false });
    assert_eq!(frozen, OwnedOutcome::StockChanged { value: 0 });
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.counts(stock), [1, 0, 0]);
    assert_eq!(counts(&mut world, stock, WEB), [1, 0, 0, 1]);
}

#[test]
fn a_stock_counts_sixty_four_channels() {
    let mut world = World::usual();
    let (stock, other) = (world.stock(1, 64), world.stock(2, 5));
    let most = CHANNELS_PER_STOCK_MAX as u16;
    for channel in 0..most {
        take_through(&mut world, channel, 100 + u128::from(channel), stock, 1);
    }
    world.release(100);
    let full = OwnedOutcome::Refused {
        code: Code::Capacity,
        facts: OwnedFacts::Maximum(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64),
    };
    assert_eq!(take_through(&mut world, most, 10, stock, 1), full);
    assert_eq!(world.run(20, quota_command(stock, 1, &[cap(most, 1)])), full);
    set(&mut world, 21, stock, &[cap(most - 1, 1)]);
    take_through(&mut world, 0, 11, stock, 1);
    // What takes no units needs no place: a line that is granted none, and a refusal of a paid sale, which is kept.
    let both = OwnedTake {
        partial: true,
        lines: vec![Wish { stock, units: 1, units_min: 0 }, Wish::exactly(other, 1)],
        ..take(&[])
    };
    let reserved = through(&mut world, most, 12, reserve(both));
    assert!(matches!(&reserved, OwnedOutcome::Reserved { units, .. } if *units == [0, 1]), "{reserved:?}");
    let sale = OwnedCommand::Sell { take: take(&[(stock, 1)]), paid: true };
    assert_refused(&through(&mut world, most, 13, sale), Code::OutOfStock);
    assert_eq!(world.show_hold(13).state, HoldState::Refused);
    assert_eq!(channels(&mut world, stock).len(), CHANNELS_PER_STOCK_MAX);
}

#[test]
fn quotas_are_set_at_the_version_the_caller_has_seen() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    set(&mut world, 20, stock, &[guarantee(MARKET, 4)]);
    let stale = world.run(21, quota_command(stock, 1, &[guarantee(MARKET, 1)]));
    let facts = OwnedFacts::Version(2);
    assert_eq!(stale, OwnedOutcome::Refused { code: Code::RuleFailed, facts });
    let edit = OwnedCommand::StockEdit { stock, version: 2, terms: StockTerms { frozen: true, ..ANY_TERMS } };
    assert_eq!(world.run(22, edit), OwnedOutcome::StockChanged { value: 3 }, "one version for all rules");
    set(&mut world, 23, stock, &[cap(WEB, 5)]);
    assert_eq!(counts(&mut world, stock, MARKET), [4, 0, 0, 10], "who is not named keeps his quota");
}

#[test]
fn a_quota_must_fit_what_is_used_and_what_is_there() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    take_through(&mut world, WEB, 10, stock, 3);
    assert_over(&world.run(20, quota_command(stock, 1, &[cap(WEB, 2), cap(MARKET, 0)])), stock, 2, 3);
    // Seven are available, and three of the web's guarantee are in use.
    let both = |web, market| quota_command(stock, 1, &[guarantee(WEB, web), guarantee(MARKET, market)]);
    assert_over(&world.run(21, both(6, 5)), stock, 8, 7);
    assert_eq!(channels(&mut world, stock).len(), 1, "a refusal leaves no trace");
    assert_eq!(world.run(22, both(6, 4)), OwnedOutcome::StockChanged { value: 2 });
    set(&mut world, 23, stock, &[cap(WEB, 3)]);
    assert_refused(&take_through(&mut world, WEB, 11, stock, 1), Code::ChannelQuota);
}

#[test]
fn a_repeated_stock_quota_gives_the_same_answer() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    let command = quota_command(stock, 1, &[guarantee(MARKET, 4)]);
    let first = world.run(20, command.clone());
    assert_eq!(first, OwnedOutcome::StockChanged { value: 2 });
    set(&mut world, 21, stock, &[guarantee(MARKET, 9)]);
    let events = world.log.events;
    assert_eq!(world.run(20, command), first);
    assert_eq!(world.log.events, events);
    assert_eq!(counts(&mut world, stock, MARKET), [9, 0, 0, 10]);
    let view = OperationView { kind: OperationKind::StockQuota, value: 2 };
    assert_eq!(world.run(20, OwnedCommand::OperationShow), OwnedOutcome::Operation(view));
    for other in [guarantee(MARKET, 5), cap(MARKET, 4), guarantee(SHOP, 4)] {
        let other = quota_command(stock, 1, &[other]);
        assert_refused(&world.run(20, other), Code::OperationMismatch);
    }
    let forced = |forced| OwnedCommand::StockVoid { stock, units: 1, from_frozen: false, forced };
    world.run(22, forced(true));
    assert_refused(&world.run(22, forced(false)), Code::OperationMismatch);
}
