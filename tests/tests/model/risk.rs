//! Risk rules and blocks: when they refuse, when they mark, what they count, and how long.

use scrip_engine::command::{Block, Parties, Price, RiskAction, RiskRule, SubjectKind};
use scrip_engine::ids::{ChannelId, MerchantId, Slot, StockId, UserId};
use scrip_engine::limits::{BLOCKS_MAX, Capacity, RISK_BOOKS_MAX, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{START_MS, World, reserve, return_all, take};
use zerocopy::little_endian::{U16, U32, U64, U128};

const STOCK: StockId = StockId::new(Slot(0), 1);
/// A window of the rules below; [`START_MS`] is the beginning of one.
const WINDOW_MS: u64 = 10_000;
const _: () = assert!(START_MS.is_multiple_of(WINDOW_MS));

/// At most so many successes of a user in a window, through any channel.
fn rule(number: u16, at_most: u32, action: RiskAction) -> RiskRule {
    RiskRule {
        number: U16::new(number),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::User as u8,
        action: action as u8,
        spare: U16::ZERO,
        at_most: U32::new(at_most),
        window_ms: U32::new(WINDOW_MS as u32),
    }
}

fn block(kind: SubjectKind, subject: u128, action: RiskAction) -> Block {
    Block {
        subject: U128::new(subject),
        until_ms: U64::ZERO,
        kind: kind as u8,
        action: action as u8,
        spare: [0; 6],
    }
}

/// A hundred units and these rules.
fn world(rules: &[RiskRule]) -> World {
    let mut world = World::usual();
    world.stock(1, 100);
    for (number, rule) in rules.iter().enumerate() {
        set(&mut world, 1_000 + number as u128, *rule);
    }
    world
}

#[track_caller]
fn set(world: &mut World, operation: u128, rule: RiskRule) {
    let done = world.run(operation, OwnedCommand::RiskSet { rule });
    assert_eq!(done, OwnedOutcome::StockChanged { value: u64::from(rule.number.get()) });
}

#[track_caller]
fn set_block(world: &mut World, operation: u128, block: Block) {
    let done = world.run(operation, OwnedCommand::BlockSet { block });
    assert_eq!(done, OwnedOutcome::StockChanged { value: u64::from(block.action) });
}

fn one(user: u128) -> OwnedTake {
    OwnedTake { user: UserId(user), ..take(&[(STOCK, 1)]) }
}

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: false, hidden: false }
}

fn refused_by(rule: u16) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::RiskLimit, facts: OwnedFacts::Rule(rule) }
}

fn full(of: CapacityOf, maximum: u64) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum) }
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

#[test]
fn a_rule_refuses_the_one_too_many_until_its_window_ends() {
    let mut world = world(&[rule(3, 2, RiskAction::Refuse)]);
    assert_taken(&world.run(10, reserve(one(1))));
    assert_taken(&world.run(11, sell(one(1))));
    assert_eq!(world.run(12, reserve(one(1))), refused_by(3));
    assert_taken(&world.run(13, sell(one(2))));
    world.advance(START_MS + WINDOW_MS - 1);
    assert_eq!(world.run(12, reserve(one(1))), refused_by(3));
    world.advance(START_MS + WINDOW_MS);
    assert_taken(&world.run(12, reserve(one(1))));
    assert_taken(&world.run(14, reserve(one(1))));
    assert_eq!(world.run(15, sell(one(1))), refused_by(3));
    world.check_laws();
}

#[test]
fn a_rule_that_allows_nothing_refuses_all_but_those_it_does_not_know() {
    let mut world = world(&[rule(1, 0, RiskAction::Refuse)]);
    assert_eq!(world.run(10, sell(one(1))), refused_by(1));
    assert_taken(&world.run(11, sell(one(0))));
}

#[test]
fn what_is_given_back_stays_counted_and_what_failed_was_never() {
    let mut world = world(&[rule(1, 2, RiskAction::Refuse)]);
    assert!(world.run(9, sell(OwnedTake { user: UserId(1), ..take(&[(STOCK, 101)]) })).code().is_some());
    assert_taken(&world.run(10, reserve(one(1))));
    assert_taken(&world.run(10, reserve(one(1))));
    world.release(10);
    assert_taken(&world.run(11, sell(one(1))));
    world.run(12, return_all(11));
    assert_eq!(world.run(13, sell(one(1))), refused_by(1));
}

#[test]
fn a_rule_set_anew_counts_from_nothing() {
    let mut world = world(&[rule(1, 1, RiskAction::Refuse)]);
    assert_taken(&world.run(10, sell(one(1))));
    assert_eq!(world.run(11, sell(one(1))), refused_by(1));
    set(&mut world, 20, rule(1, 1, RiskAction::Refuse));
    assert_taken(&world.run(11, sell(one(1))));
    assert_eq!(world.run(12, sell(one(1))), refused_by(1));
    let lifted = RiskRule { action: 0, ..rule(1, 1, RiskAction::Refuse) };
    set(&mut world, 21, lifted);
    assert_taken(&world.run(12, sell(one(1))));
    assert_eq!(world.run(22, OwnedCommand::RiskSet { rule: lifted }), OwnedOutcome::refused(Code::NotFound));
}

#[test]
fn rules_are_of_a_channel_a_merchant_and_a_slot() {
    let of_channel = RiskRule { channel: U16::new(2), ..rule(1, 0, RiskAction::Refuse) };
    let mut world = world(&[of_channel]);
    assert_taken(&world.run(10, sell(one(1))));
    let mut elsewhere = world.request(11, sell(one(1)));
    elsewhere.envelope.channel = ChannelId(2);
    assert_eq!(world.ask(&elsewhere), refused_by(1));
    // Another merchant's rules say nothing of this one.
    let mut foreign = world.request(12, OwnedCommand::RiskSet { rule: rule(1, 0, RiskAction::Refuse) });
    foreign.envelope.merchant = MerchantId(2);
    assert_taken(&world.ask(&foreign));
    foreign.envelope.merchant = MerchantId(1);
    foreign.envelope.slot = Slot(9);
    assert_taken(&world.ask(&foreign));
    assert_taken(&world.run(13, sell(one(1))));
}

#[test]
fn a_flagged_hold_shows_it_and_counts() {
    let mut world = world(&[rule(1, 1, RiskAction::Flag), rule(2, 2, RiskAction::Refuse)]);
    world.run(10, reserve(one(1)));
    assert!(!world.show_hold(10).flagged);
    world.run(11, sell(one(1)));
    assert!(world.show_hold(11).flagged);
    assert_eq!(world.run(12, sell(one(1))), refused_by(2), "a refusal outweighs a flag");
    world.confirm(10);
    world.wait(WINDOW_MS);
    assert!(world.show_hold(11).flagged, "a mark stays");
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn a_block_ends_at_its_time() {
    let mut world = world(&[]);
    let until =
        Block { until_ms: U64::new(START_MS + 50), ..block(SubjectKind::User, 1, RiskAction::Refuse) };
    set_block(&mut world, 20, until);
    assert_eq!(world.run(10, sell(one(1))), refused_by(0));
    world.advance(START_MS + 49);
    assert_eq!(world.run(10, sell(one(1))), refused_by(0));
    world.advance(START_MS + 50);
    assert_taken(&world.run(10, sell(one(1))));
    // It is still shown, and still there to be lifted.
    let OwnedOutcome::Risk { total: 1, blocks, .. } = world.run(1, OwnedCommand::RiskShow { from: 0 }) else {
        panic!("the block is shown")
    };
    assert_eq!(blocks, [until]);
    let lifted = Block { action: 0, ..until };
    set_block(&mut world, 21, lifted);
    assert_eq!(
        world.run(22, OwnedCommand::BlockSet { block: lifted }),
        OwnedOutcome::refused(Code::NotFound)
    );
}

#[test]
fn each_subject_of_a_command_can_be_blocked() {
    let mut world = world(&[]);
    set_block(&mut world, 20, block(SubjectKind::LimitKey, 7, RiskAction::Refuse));
    set_block(&mut world, 21, block(SubjectKind::Device, 8, RiskAction::Flag));
    set_block(&mut world, 22, block(SubjectKind::Address, 9, RiskAction::Refuse));
    let mut sale = |operation, parties: Parties| {
        let taken = world.run(operation, sell(OwnedTake { parties: Some(parties), ..one(1) }));
        taken.code().is_none().then(|| world.show_hold(operation).flagged)
    };
    assert_eq!(sale(10, Parties::new(7, 0, 0)), None);
    assert_eq!(sale(11, Parties::new(8, 7, 7)), Some(false), "equal numbers of other kinds");
    assert_eq!(sale(12, Parties::new(0, 8, 0)), Some(true));
    assert_eq!(sale(13, Parties::new(0, 8, 9)), None, "a refusal outweighs a flag");
}

#[test]
fn blocks_come_before_rules_and_rules_by_their_numbers() {
    let none = RiskAction::Refuse;
    let mut world = world(&[rule(9, 0, none), rule(2, 0, none), rule(1, 5, none)]);
    assert_eq!(world.run(10, sell(one(1))), refused_by(2));
    set_block(&mut world, 20, block(SubjectKind::User, 1, RiskAction::Refuse));
    assert_eq!(world.run(10, sell(one(1))), refused_by(0));
    // A rule that is kept shows in its place.
    let OwnedOutcome::Risk { rules, .. } = world.run(1, OwnedCommand::RiskShow { from: 0 }) else {
        panic!("the rules are shown")
    };
    assert_eq!(rules.iter().map(|rule| rule.number.get()).collect::<Vec<_>>(), [1, 2, 9]);
}

#[test]
fn a_refusal_after_payment_is_recorded() {
    let mut world = world(&[rule(1, 0, RiskAction::Refuse)]);
    let paid = OwnedCommand::Sell { take: one(1), paid: true, hidden: false };
    let refused = world.run(10, paid.clone());
    assert_eq!(refused, OwnedOutcome::refused(Code::RiskLimit), "as it is recorded, without facts");
    set(&mut world, 20, RiskRule { action: 0, ..rule(1, 0, RiskAction::Refuse) });
    assert_eq!(world.run(10, paid), refused, "a recorded refusal is final");
    assert_eq!(world.show_hold(10).refusal, Some(Code::RiskLimit));
    assert_taken(&world.run(11, sell(one(1))));
}

#[test]
fn blocks_are_shown_in_pages() {
    let mut world = world(&[]);
    for subject in 1..=70 {
        set_block(&mut world, 100 + subject, block(SubjectKind::Device, subject, RiskAction::Flag));
    }
    let mut page = |from| match world.run(1, OwnedCommand::RiskShow { from }) {
        OwnedOutcome::Risk { total: 70, blocks, .. } => {
            blocks.iter().map(|block| block.subject.get()).collect::<Vec<_>>()
        }
        other => panic!("answered {other:?}"),
    };
    assert_eq!(page(0), (1..=64).collect::<Vec<_>>());
    assert_eq!(page(64), (65..=70).collect::<Vec<_>>());
    assert_eq!(page(70), []);
}

#[test]
fn a_full_table_of_counts_empties_as_windows_end() {
    let capacity = Capacity { risk_counts_max: 3, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    world.stock(1, 100);
    set(&mut world, 1_000, rule(1, 1, RiskAction::Refuse));
    for user in 1..=3 {
        assert_taken(&world.run(10 + user, sell(one(user))));
    }
    assert_eq!(world.run(20, sell(one(4))), full(CapacityOf::RiskCounts, 3));
    // Who is counted already is told what the rule says; a refusal that is recorded counts nobody.
    assert_eq!(world.run(20, sell(one(3))), refused_by(1));
    let lacking = OwnedTake { user: UserId(4), ..take(&[(STOCK, 101)]) };
    let paid = OwnedCommand::Sell { take: lacking, paid: true, hidden: false };
    assert_eq!(world.run(21, paid).code(), Some(Code::OutOfStock));
    // All three are of a past window: they make room though no new count came to push them out.
    world.wait(WINDOW_MS);
    world.tick();
    for user in 4..=6 {
        assert_taken(&world.run(20 + user, sell(one(user))));
    }
    assert_eq!(world.run(30, sell(one(7))), full(CapacityOf::RiskCounts, 3));
    world.check_laws();
}

#[test]
fn rules_and_blocks_have_their_maximum() {
    let capacity = Capacity { operations_max: 1 << 20, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    let rule = rule(1, 1, RiskAction::Flag);
    for book in 0..=RISK_BOOKS_MAX {
        let mut request = world.request(1 + book as u128, OwnedCommand::RiskSet { rule });
        request.envelope.merchant = MerchantId(1 + book as u32 / 1_024);
        request.envelope.slot = Slot(book as u16 % 1_024);
        let expected = match book {
            RISK_BOOKS_MAX => full(CapacityOf::RiskBooks, RISK_BOOKS_MAX as u64),
            _ => OwnedOutcome::StockChanged { value: 1 },
        };
        assert_eq!(world.ask(&request), expected, "book {book}");
    }
    // A book that is there takes further rules; one whose last rule is lifted makes room.
    set(&mut world, 1 << 80, RiskRule { number: U16::new(2), ..rule });
    set(&mut world, 1 << 81, RiskRule { number: U16::new(2), action: 0, ..rule });
    set(&mut world, 1 << 82, RiskRule { action: 0, ..rule });
    let mut last = world.request(1 << 83, OwnedCommand::RiskSet { rule });
    last.envelope.merchant = MerchantId(99);
    assert_taken(&world.ask(&last));
}

/// Beside the oracle, a quarter of a million blocks would take minutes: the engine alone shows the maximum.
#[test]
fn blocks_have_their_maximum() {
    let capacity = Capacity { operations_max: 1 << 20, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    let mut ask = |subject: usize| {
        let block = block(SubjectKind::User, 1 + subject as u128, RiskAction::Flag);
        let request = world.request(1 + subject as u128, OwnedCommand::BlockSet { block });
        request.with(|request| OwnedOutcome::from(world.engine.execute(START_MS, request, &mut world.log)))
    };
    for subject in 0..BLOCKS_MAX {
        assert_taken(&ask(subject));
    }
    assert_eq!(ask(BLOCKS_MAX), full(CapacityOf::Blocks, BLOCKS_MAX as u64));
}
