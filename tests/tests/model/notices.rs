//! Notices, one situation each: every card is told of once when it ends and before, as far as anybody cares, whatever happens to it
//! and to the engine in between.

use super::card_scene::{
    CAMPAIGN, card, change, claim, edit, issue, issue_of, issued, redeem, redeemed, start, void_batch,
    void_campaign, worth, worth_with,
};
use scrip_engine::answer::NoticeView;
use scrip_engine::command::{CampaignKind, CardChange};
use scrip_engine::ids::MerchantId;
use scrip_engine::limits::{Capacity, Rules};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedNotices, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedIssue, OwnedRedeem, Worth};
use scrip_tests::world::{START_MS, World};

const MINUTE_MS: u64 = 60_000;

fn lasting(seconds: u32, minutes: [u16; 2]) -> Worth {
    worth_with(CampaignKind::Uses, |worth| {
        worth.definition.lasts_s = seconds.into();
        worth.extension.remind_minutes = minutes.map(Into::into);
    })
}

fn world_of(worth: Worth) -> World {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 100_000, worth);
    world
}

/// Lets time pass; operations are made then.
fn wait(world: &mut World, wait_ms: u64) {
    world.wait(wait_ms);
    world.created_ms = world.now_ms;
}

fn read(world: &mut World, after: u64) -> OwnedNotices {
    let command = OwnedCommand::OfCards(CardCommand::ReadNotices { after, limit: 0 });
    match world.run(1, command) {
        OwnedOutcome::Notices(notices) => notices,
        other => panic!("{other:?}"),
    }
}

/// Serials, minutes before the end and cards of all notices behind a number.
fn told(world: &mut World, after: u64) -> Vec<(u64, u16, u32)> {
    let of = |notice: &NoticeView| {
        let serial = notice.card.get() & ((1 << 33) - 1);
        (serial, notice.lead_minutes.get(), notice.cards.get())
    };
    read(world, after).notices.iter().map(of).collect()
}

#[test]
fn each_card_is_told_of_once_when_it_ends_and_at_both_times_before() {
    let mut world = world_of(lasting(600, [5, 2]));
    issued(world.run(10, claim(CAMPAIGN, 5)));
    issued(world.run(11, issue(issue_of(CAMPAIGN, 6, 2))));
    let expected =
        [(0, 5, 1), (1, 5, 1), (2, 5, 1), (0, 2, 1), (1, 2, 1), (2, 2, 1), (0, 0, 1), (1, 0, 1), (2, 0, 1)];
    wait(&mut world, 5 * MINUTE_MS - 1_000);
    assert_eq!(told(&mut world, 0), []);
    for (wait_ms, count) in [(1_000, 3), (3 * MINUTE_MS - 1, 3), (1, 6), (2 * MINUTE_MS, 9), (MINUTE_MS, 9)] {
        wait(&mut world, wait_ms);
        assert_eq!(told(&mut world, 0), expected[..count]);
        world.restart();
        assert_eq!(told(&mut world, 0), expected[..count], "the log tells the same");
    }
    let last = read(&mut world, 7);
    assert_eq!((last.next, last.newest, last.lost, last.notices.len()), (9, 9, 0, 2));
    assert_eq!(last.notices[1].owner, 6);
    assert_eq!(last.notices[1].until_ms, (START_MS + 600_000) / 1_000 * 1_000);
    world.check_laws();
}

#[test]
fn nobody_is_told_of_cards_that_are_used_up_or_void() {
    let mut world = world_of(lasting(600, [5, 0]));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 6, 5))));
    redeemed(world.run(11, redeem(OwnedRedeem::of(card(0), 3))));
    redeemed(world.run(12, redeem(OwnedRedeem::of(card(1), 2))));
    world.run(13, change(card(2), CardChange::Void));
    world.run(14, change(card(3), CardChange::Freeze));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 0), [(1, 5, 1), (3, 5, 1), (4, 5, 1)]);
    redeemed(world.run(15, redeem(OwnedRedeem::of(card(1), 1))));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 3), [(3, 0, 1), (4, 0, 1)]);
}

#[test]
fn another_end_is_told_of_again_and_one_that_is_near_already_only_when_it_comes() {
    let mut world = world_of(lasting(600, [5, 0]));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 6, 3))));
    wait(&mut world, 6 * MINUTE_MS);
    assert_eq!(told(&mut world, 0), [(0, 5, 1), (1, 5, 1), (2, 5, 1)]);
    let until_ms = world.now_ms + 10 * MINUTE_MS;
    world.run(11, change(card(0), CardChange::Extend { until_ms }));
    let until_ms = world.now_ms + 2 * MINUTE_MS;
    world.run(12, change(card(1), CardChange::Extend { until_ms }));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(
        told(&mut world, 3),
        [(0, 5, 1), (1, 0, 1), (2, 0, 1)],
        "card 1 was near its end when it got it"
    );
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 6), [(0, 0, 1)]);
    // Also one that had expired before.
    let until_ms = world.now_ms + MINUTE_MS;
    world.run(13, change(card(2), CardChange::Extend { until_ms }));
    wait(&mut world, MINUTE_MS);
    assert_eq!(told(&mut world, 7), [(2, 0, 1)]);
}

#[test]
fn a_batch_is_one_notice_and_its_cards_take_no_memory() {
    let mut world = world_of(lasting(600, [5, 0]));
    issued(world.run(10, issue(OwnedIssue { count: 50_000, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    issued(world.run(11, issue(OwnedIssue { count: 7, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    redeemed(world.run(12, redeem(OwnedRedeem::of(card(70), 3))));
    let pages = world.engine.state().cards.pages();
    let until_ms = world.now_ms + 20 * MINUTE_MS;
    world.run(13, change(card(71), CardChange::Extend { until_ms }));
    wait(&mut world, 10 * MINUTE_MS);
    let batches = [(0, 5, 50_000), (50_000, 5, 7), (0, 0, 50_000), (50_000, 0, 7)];
    assert_eq!(told(&mut world, 0), batches);
    assert_eq!(world.engine.state().cards.pages(), pages);
    wait(&mut world, 10 * MINUTE_MS);
    assert_eq!(told(&mut world, 4), [(71, 5, 1), (71, 0, 1)], "one that ends by itself is told of by itself");
    assert_eq!(read(&mut world, 0).notices[0].batch, 1);
}

#[test]
fn what_has_ended_as_a_whole_is_not_told_of() {
    let mut world = world_of(lasting(600, [5, 0]));
    issued(world.run(10, issue(OwnedIssue { count: 9, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    issued(world.run(11, issue(OwnedIssue { count: 9, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    world.run(12, void_batch(card(3)));
    issued(world.run(13, issue(issue_of(CAMPAIGN, 6, 2))));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 0), [(9, 5, 9), (18, 5, 1), (19, 5, 1)]);
    let version = world.show(CAMPAIGN).version;
    world.run(14, void_campaign(CAMPAIGN, version));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 3), []);
    world.check_laws();
}

#[test]
fn other_reminders_hold_for_the_cards_that_are_out() {
    let mut world = world_of(lasting(600, [0, 0]));
    for user in 0..30 {
        issued(world.run(10 + user, issue(issue_of(CAMPAIGN, 6 + user, 64))));
    }
    issued(world.run(90, issue(OwnedIssue { count: 9, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    wait(&mut world, MINUTE_MS);
    world.run(91, edit(CAMPAIGN, 2, lasting(600, [8, 1])));
    world.restart();
    wait(&mut world, MINUTE_MS);
    let first = read(&mut world, 0);
    assert_eq!((first.newest, first.next, first.notices.len()), (1_921, 128, 128));
    assert!(first.notices.iter().all(|notice| notice.lead_minutes.get() == 8));
    // A time before the end that has passed is not told of any more, and none at all is none.
    world.run(92, edit(CAMPAIGN, 3, lasting(600, [9, 3])));
    wait(&mut world, 4 * MINUTE_MS);
    assert_eq!(read(&mut world, 1_921).newest, 1_921);
    wait(&mut world, MINUTE_MS);
    assert_eq!(read(&mut world, 1_921).newest, 2 * 1_921);
    world.run(93, edit(CAMPAIGN, 4, lasting(600, [0, 0])));
    wait(&mut world, 3 * MINUTE_MS);
    assert_eq!(read(&mut world, 2 * 1_921).newest, 3 * 1_921);
    world.check_laws();
}

#[test]
fn other_reminders_hold_from_their_edit_on_however_late_the_next_step_is() {
    let mut world = world_of(lasting(600, [0, 0]));
    issued(world.run(10, claim(CAMPAIGN, 5)));
    issued(world.run(11, issue(OwnedIssue { count: 9, ..OwnedIssue::of_nobody(CAMPAIGN) })));
    wait(&mut world, MINUTE_MS);
    world.run(12, edit(CAMPAIGN, 2, lasting(600, [8, 1])));
    // In one stride past the first reminder, and past the end.
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 0), [(1, 8, 9), (0, 8, 1)]);
    world.run(13, edit(CAMPAIGN, 3, lasting(600, [9, 3])));
    wait(&mut world, 5 * MINUTE_MS);
    assert_eq!(told(&mut world, 2), [(1, 3, 9), (1, 0, 9), (0, 3, 1), (0, 0, 1)]);
}

#[test]
fn notices_are_read_by_their_merchant_in_their_slot_alone() {
    let mut world = world_of(lasting(60, [0, 0]));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 6, 3))));
    wait(&mut world, MINUTE_MS);
    let command = OwnedCommand::OfCards(CardCommand::ReadNotices { after: 0, limit: 0 });
    let mut foreign = world.request(11, command);
    foreign.envelope.merchant = MerchantId(2);
    let OwnedOutcome::Notices(theirs) = world.ask(&foreign) else { panic!("it is a query") };
    assert_eq!((theirs.notices.len(), theirs.next, theirs.newest), (0, 3, 3));
    let ahead = read(&mut world, 99);
    assert_eq!((ahead.next, ahead.notices.len()), (3, 0), "a number that was never given is the newest");
}

#[test]
fn what_was_forgotten_is_told_as_lost() {
    let capacity = Capacity { notices_max: 2, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    start(&mut world, 9, lasting(60, [0, 0]));
    for at in 0..3 {
        issued(world.run(10 + at, claim(CAMPAIGN, 5)));
        wait(&mut world, 1_000);
    }
    wait(&mut world, MINUTE_MS);
    let command = OwnedCommand::OfCards(CardCommand::ReadNotices { after: 0, limit: 0 });
    let now_ms = world.now_ms;
    let seen = world.request(20, command).with(|request| {
        OwnedOutcome::from(world.engine.execute(now_ms, request, &mut scrip_tests::world::Log::default()))
    });
    let OwnedOutcome::Notices(seen) = seen else { panic!("{seen:?}") };
    assert_eq!((seen.lost, seen.next, seen.notices.len()), (1, 3, 2));
}

#[test]
fn a_day_on_which_many_end_is_told_of_in_steps_between_which_anything_is_answered() {
    let mut world = world_of(worth(CampaignKind::Uses));
    let until_ms = START_MS + 600_000;
    for user in 0..60 {
        issued(world.run(100 + user, issue(OwnedIssue { until_ms, ..issue_of(CAMPAIGN, 6 + user, 64) })));
    }
    // Every other card was used up: no two of them follow each other.
    for serial in (0..3_840).step_by(2) {
        redeemed(world.run(1_000 + serial, redeem(OwnedRedeem::of(card(serial as u64), 3))));
    }
    let now_ms = until_ms;
    while world.engine.advance(now_ms, &mut world.log) != Some(now_ms) {}
    let mut steps = 0;
    while world.engine.notify(now_ms, &mut world.log) {
        steps += 1;
        assert!(world.log.told.len() <= steps * 256);
    }
    assert_eq!((world.log.told.len(), steps), (1_920, 8), "as many as an event can tell of");
}
