//! Which code wins when a command on cards has several faults at once: the documented order of the checks. Each row names the
//! faults of a command in their order, and is asked with every pair of neighbours, and with all from one on.

use super::card_scene::{
    CAMPAIGN, change, claim, create, edit, give, issue, issue_of, issued, redeem, redeemed, reverse, start,
    to_state, void_campaign, wallet, worth, worth_with,
};
use super::check_orders::{ELSEWHERE, FOREIGN, MISSING, ahead, past_deadline, too_old};
use scrip_engine::command::{
    CampaignKind, CampaignState, CardChange, CardState, Definition, Price, Quota, RiskAction, RiskRule,
    ScopeEntry, StockTerms, SubjectKind,
};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedIssue, OwnedRedeem, OwnedRequest};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused};
use zerocopy::little_endian::{U16, U32};

/// Ids are remembered for ten seconds, so that they can be too old.
const RULES: Rules =
    Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 5_000 };

/// When the rows are asked: the faults of [`super::check_orders`] are made for this time.
pub(super) const NOW_MS: u64 = START_MS + 30_000;

/// A world just before that, and then at that time.
pub(super) fn world_with(capacity: Capacity, prepare: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(capacity, RULES, START_MS);
    world.wait(29_000);
    world.created_ms = world.now_ms;
    prepare(&mut world);
    let left_ms = NOW_MS - world.now_ms;
    world.wait(left_ms);
    world
}

pub(super) fn nobody_may(number: u16) -> RiskRule {
    RiskRule {
        number: U16::new(number),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::User as u8,
        action: RiskAction::Refuse as u8,
        spare: U16::ZERO,
        at_most: U32::ZERO,
        window_ms: U32::new(60_000),
    }
}

/// Asks with each fault alone, with each and its neighbour, and with all from it on: the first one's code each time; and without
/// any, which is taken. `ask` gets the positions of the faults.
#[track_caller]
pub(super) fn assert_order(codes: &[Code], ask: impl Fn(&[usize]) -> Option<Code>) {
    for (first, code) in codes.iter().enumerate() {
        let all: Vec<usize> = (first..codes.len()).collect();
        for faults in [&all[..1], &all[..all.len().min(2)], &all[..]] {
            assert_eq!(ask(faults), Some(*code), "faults {faults:?} of {codes:?}");
        }
    }
    assert_eq!(ask(&[]), None, "without a fault it is taken");
}

/// An ISSUE or CLAIM with these faults, in the order below.
fn issue_with(faults: &[usize], claimed: bool) -> Option<Code> {
    let has = |fault: usize| faults.contains(&fault);
    let mut world = world_with(ROOMY, |world| {
        let worth = worth_with(CampaignKind::Item, |worth| {
            if has(7) {
                worth.definition.until_ms = NOW_MS.into();
            }
        });
        world.run(2, create(CAMPAIGN, if has(11) { 0 } else { 9 }, worth));
        if !has(6) {
            world.run(3, to_state(CAMPAIGN, 1, CampaignState::Running));
        }
        let version = world.show(CAMPAIGN).version;
        let terms = StockTerms { frozen: has(5), ..ANY_TERMS };
        world.run(4, OwnedCommand::StockEdit { stock: CAMPAIGN, version, terms });
        if has(9) {
            let mut limits = scrip_engine::command::Limits::default();
            limits.subjects[1].total = U32::new(1);
            limits.subjects[0].total = U32::new(0);
            world.run(
                5,
                OwnedCommand::StockLimits { stock: CAMPAIGN, version: version + 1, limits, spans: None },
            );
        }
        if has(10) {
            let version = world.show(CAMPAIGN).version;
            let quotas = vec![Quota::new(ChannelId(1), 0, 0, 0)];
            world.run(6, OwnedCommand::StockQuota { stock: CAMPAIGN, version, quotas });
        }
        if has(8) {
            world.run(7, OwnedCommand::RiskSet { rule: nobody_may(1) });
        }
    });
    // The limit key has had its one card, where there was a card to have.
    let parties = Some(scrip_engine::command::Parties::new(5, 0, 0));
    let mut wanted = OwnedIssue { parties, ..issue_of(CAMPAIGN, 7, 1) };
    (wanted.count, wanted.claimed) = (if claimed { 1 } else { 2 }, claimed);
    if has(9) && claimed {
        // One card is all that it may have: a CLAIM needs it to be had before.
        return issue_again(&mut world, wanted, faults);
    }
    let mut request = world.request(100, issue(wanted));
    spoil(&mut request, faults);
    world.ask(&request).code()
}

/// A limit that is used up, as far as the other faults let it be.
fn issue_again(world: &mut World, wanted: OwnedIssue, faults: &[usize]) -> Option<Code> {
    let only_later = faults.iter().all(|fault| *fault == 9);
    if only_later {
        issued(world.run(99, issue(wanted)));
    }
    let mut request = world.request(100, issue(wanted));
    spoil(&mut request, faults);
    world.ask(&request).code()
}

/// The faults that any command can have: id, deadline, slot, and what it names.
pub(super) fn spoil(request: &mut OwnedRequest, faults: &[usize]) {
    for fault in faults {
        match fault {
            0 => too_old(request),
            1 if !faults.contains(&0) => ahead(request),
            2 => past_deadline(request),
            3 => request.envelope.slot = Slot(1),
            4 => request.envelope.merchant = MerchantId(2),
            _ => {}
        }
    }
}

pub(super) const WITH_ID: [Code; 5] =
    [Code::OperationTooOld, Code::ClockAhead, Code::DeadlinePassed, Code::CrossSlot, Code::NotFound];

#[test]
fn an_issue_is_checked_in_the_documented_order() {
    let codes = [
        &WITH_ID[..],
        &[Code::Frozen, Code::NotStarted, Code::Expired, Code::RiskLimit, Code::UserLimit],
        &[Code::ChannelQuota, Code::OutOfStock],
    ]
    .concat();
    assert_order(&codes, |faults| issue_with(faults, false));
}

#[test]
fn a_claim_is_checked_as_an_issue_is() {
    for fault in 0..8 {
        for faults in [vec![fault], vec![fault, fault + 1], (fault..12).collect()] {
            assert_eq!(issue_with(&faults, true), issue_with(&faults, false), "{faults:?}");
        }
    }
    assert_eq!(issue_with(&[9], true), Some(Code::UserLimit));
    assert_eq!(issue_with(&[10, 11], true), Some(Code::ChannelQuota));
    assert_eq!(issue_with(&[11], true), Some(Code::OutOfStock));
    assert_eq!(issue_with(&[], true), None);
}

#[test]
fn states_and_times_of_a_campaign_are_looked_at_in_the_documented_order() {
    use CampaignState::{Draft, Paused, Running, Stopped};
    let (later, past) = (NOW_MS + 5_000, START_MS + 29_500);
    let opens = StockTerms { opens_ms: later, ..ANY_TERMS };
    let closed = StockTerms { closes_ms: past, ..ANY_TERMS };
    let rows = [
        (Draft, ANY_TERMS, Some(Code::NotStarted)),
        (Draft, closed, Some(Code::NotStarted)),
        (Draft, StockTerms { frozen: true, ..ANY_TERMS }, Some(Code::Frozen)),
        (Running, ANY_TERMS, None),
        (Running, opens, Some(Code::NotStarted)),
        (Running, closed, Some(Code::Expired)),
        (Paused, ANY_TERMS, Some(Code::Frozen)),
        (Paused, opens, Some(Code::Frozen)),
        (Paused, closed, Some(Code::Frozen)),
        (Stopped, ANY_TERMS, Some(Code::Expired)),
        (Stopped, opens, Some(Code::NotStarted)),
        (Stopped, StockTerms { frozen: true, ..ANY_TERMS }, Some(Code::Frozen)),
        (CampaignState::Void, StockTerms { frozen: true, ..ANY_TERMS }, Some(Code::Void)),
        (CampaignState::Void, opens, Some(Code::Void)),
    ];
    for (state, terms, expected) in rows {
        let mut world = world_with(ROOMY, |world| {
            world.run(2, create(CAMPAIGN, 9, worth(CampaignKind::Uses)));
            let path: &[CampaignState] = match state {
                Draft => &[],
                Running => &[Running],
                Paused => &[Running, Paused],
                Stopped | CampaignState::Void => &[Running, Paused, Stopped],
            };
            for (step, state) in path.iter().enumerate() {
                let version = 1 + step as u32;
                assert_eq!(world.run(3 + step as u128, to_state(CAMPAIGN, version, *state)).code(), None);
            }
            let mut version = 1 + path.len() as u32;
            if state == CampaignState::Void {
                assert_eq!(world.run(8, void_campaign(CAMPAIGN, version)).code(), None);
                version += 1;
            }
            world.run(9, OwnedCommand::StockEdit { stock: CAMPAIGN, version, terms });
        });
        let commands = [claim(CAMPAIGN, 7), issue(issue_of(CAMPAIGN, 7, 3)), issue(issue_of(CAMPAIGN, 0, 3))];
        for (operation, command) in (100..).zip(commands) {
            assert_eq!(world.run(operation, command).code(), expected, "{state:?} {terms:?}");
        }
    }
    // The command's own end counts in place of the definition's.
    let mut world = world_with(ROOMY, |world| {
        start(world, 9, worth_with(CampaignKind::Uses, |worth| worth.definition.until_ms = NOW_MS.into()));
    });
    assert_refused(&world.run(20, claim(CAMPAIGN, 7)), Code::Expired);
    let own = OwnedIssue { until_ms: NOW_MS, ..issue_of(CAMPAIGN, 7, 1) };
    assert_refused(&world.run(20, issue(own)), Code::Expired);
    issued(world.run(20, issue(OwnedIssue { until_ms: NOW_MS + 1, ..own })));
    issued(world.run(21, issue(OwnedIssue { from_ms: 1, until_ms: 0, ..own })));
}

/// A REDEEM with these faults: those of any command, then used up, ended or not begun, and so on.
fn redeem_with(faults: &[usize]) -> Option<Code> {
    let has = |fault: usize| faults.contains(&fault);
    let card = CardId::new(Slot(0), 0, 0);
    let mut world = world_with(ROOMY, |world| {
        start(world, 9, worth(CampaignKind::Uses));
        let until_ms = if has(7) { START_MS + 29_000 + 1_000 } else { 0 };
        issued(world.run(4, issue(OwnedIssue { until_ms, ..issue_of(CAMPAIGN, 7, 1) })));
        if has(11) || has(12) {
            redeemed(world.run(5, redeem(OwnedRedeem::of(card, 1))));
        }
        let worth = worth_with(CampaignKind::Uses, |worth| {
            let definition = &mut worth.definition;
            definition.threshold = if has(11) { 100 } else { 0 }.into();
            definition.interval_s = if has(12) { 60 } else { 0 }.into();
            worth.scope = if has(8) { vec![ScopeEntry::new(ScopeEntry::STORE, 4)] } else { vec![] };
        });
        world.run(6, edit(CAMPAIGN, 2, worth));
        if has(10) {
            world.run(7, OwnedCommand::RiskSet { rule: nobody_may(1) });
        }
        if has(5) {
            world.run(8, change(card, CardChange::Freeze));
        }
    });
    let asked = if has(13) { 4 } else { 1 };
    let user = UserId(if has(9) { 8 } else { 7 });
    let wanted = OwnedRedeem { user, amount: 99, store: 5, ..OwnedRedeem::of(card, asked) };
    let mut request = world.request(100, redeem(wanted));
    spoil(&mut request, faults);
    world.ask(&request).code()
}

#[test]
fn a_redemption_is_checked_in_the_documented_order() {
    let codes = [
        &WITH_ID[..],
        &[Code::Frozen, Code::Expired, Code::OutOfScope, Code::NotOwner, Code::RiskLimit],
        &[Code::RuleFailed, Code::RuleFailed, Code::BalanceExceeded],
    ]
    .concat();
    // 6, a card that has not begun, is a row of its own below.
    let skip =
        |faults: &[usize]| faults.iter().map(|fault| fault + usize::from(*fault >= 6)).collect::<Vec<_>>();
    assert_order(&codes, |faults| redeem_with(&skip(faults)));
}

#[test]
fn states_of_a_card_are_looked_at_in_the_documented_order() {
    let card = CardId::new(Slot(0), 0, 0);
    use CardState::{Active, Frozen, Gifting, Inactive, Used, Void};
    for state in [Void, Used, Inactive, Frozen, Gifting, Active] {
        for (frozen, never) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut world = world_with(ROOMY, |world| {
                let worth =
                    worth_with(CampaignKind::Uses, |worth| worth.definition.flags |= Definition::INACTIVE);
                start(world, 9, worth);
                issued(world.run(4, issue(issue_of(CAMPAIGN, 7, 1))));
                if state != CardState::Inactive {
                    world.run(5, change(card, CardChange::Activate));
                }
                match state {
                    CardState::Void => drop(world.run(6, change(card, CardChange::Void))),
                    CardState::Used => drop(redeemed(world.run(6, redeem(OwnedRedeem::of(card, 3))))),
                    CardState::Frozen => drop(world.run(6, change(card, CardChange::Freeze))),
                    CardState::Gifting => drop(world.run(6, give(card, 0, 0, 600))),
                    _ => {}
                }
                if never {
                    let until_ms = world.now_ms + 1;
                    world.run(7, change(card, CardChange::Extend { until_ms }));
                }
                let terms = StockTerms { frozen, ..ANY_TERMS };
                world.run(8, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
            });
            let expected = match state {
                CardState::Void => Some(Code::Void),
                CardState::Used => Some(Code::Used),
                CardState::Inactive => Some(Code::NotActive),
                CardState::Frozen => Some(Code::Frozen),
                CardState::Active | CardState::Gifting if frozen => Some(Code::Frozen),
                CardState::Gifting => Some(Code::LockedByOtherOrder),
                CardState::Active if never => Some(Code::Expired),
                CardState::Active => None,
            };
            let answer = world.run(100, redeem(OwnedRedeem::of(card, 1)));
            assert_eq!(answer.code(), expected, "{state:?}, frozen {frozen}, never valid {never}");
        }
    }
    // Not begun comes before ended.
    let mut world = world_with(ROOMY, |world| {
        start(world, 9, worth(CampaignKind::Uses));
        let never = OwnedIssue { from_ms: NOW_MS + 9_000, until_ms: NOW_MS, ..issue_of(CAMPAIGN, 7, 1) };
        issued(world.run(4, issue(never)));
    });
    let foreign = OwnedRedeem { user: UserId(8), ..OwnedRedeem::of(card, 9) };
    assert_refused(&world.run(100, redeem(foreign)), Code::NotStarted);
}

#[test]
fn a_reversal_is_checked_in_the_documented_order() {
    let card = CardId::new(Slot(0), 0, 0);
    // 5: the card is void; 6: the window is over; 7: all of it was given back; 8: more than is left.
    let ask = |faults: &[usize]| {
        let has = |fault: usize| faults.contains(&fault);
        let mut world = world_with(ROOMY, |world| {
            let window_s = if has(6) { 1 } else { 0 };
            let worth = worth_with(CampaignKind::Uses, |worth| worth.definition.window_s = window_s.into());
            start(world, 9, worth);
            issued(world.run(4, issue(issue_of(CAMPAIGN, 7, 1))));
            redeemed(world.run(5, redeem(OwnedRedeem::of(card, 2))));
            if has(7) {
                world.run(6, reverse(5, 0));
            }
            if has(5) {
                world.run(7, change(card, CardChange::Void));
            }
        });
        if has(6) {
            // The last moment of a window counts.
            world.wait(1);
        }
        let mut request = world.request(100, reverse(5, if has(8) { 3 } else { 0 }));
        spoil(&mut request, faults);
        if faults.contains(&1) && !faults.contains(&0) {
            request.envelope.created_ms += 1;
        }
        world.ask(&request).code()
    };
    // A REVERSE names no slot but its own: in another one the redemption is not found.
    let codes = [
        &WITH_ID[..3],
        &[Code::NotFound, Code::NotFound, Code::Void, Code::ReversalWindow, Code::AlreadyReversed],
        &[Code::ExceedsRedeemed],
    ]
    .concat();
    assert_order(&codes, ask);
}

#[test]
fn commands_on_campaigns_are_checked_in_the_documented_order() {
    let mut world = world_with(ROOMY, |world| {
        start(world, 9, worth(CampaignKind::Uses));
        world.stock(7, 5);
        let mut foreign = world.request(2, create(FOREIGN, 9, worth(CampaignKind::Item)));
        foreign.envelope.merchant = MerchantId(2);
        world.ask(&foreign);
    });
    let stock = StockId::new(Slot(0), 7);
    let other = || worth(CampaignKind::Item);
    let move_to = |campaign, version| to_state(campaign, version, CampaignState::Draft);
    let show = |campaign| OwnedCommand::OfCards(CardCommand::ShowCampaign { campaign });
    let rows = [
        (create(ELSEWHERE, 1, other()), Code::CrossSlot),
        (create(CAMPAIGN, 1, other()), Code::RuleFailed),
        (create(FOREIGN, 1, other()), Code::RuleFailed),
        (create(stock, 1, other()), Code::RuleFailed),
        (edit(ELSEWHERE, 9, other()), Code::CrossSlot),
        (edit(MISSING, 9, other()), Code::NotFound),
        (edit(FOREIGN, 9, other()), Code::NotFound),
        (edit(stock, 9, other()), Code::NotFound),
        (move_to(ELSEWHERE, 9), Code::CrossSlot),
        (move_to(MISSING, 9), Code::NotFound),
        (move_to(stock, 1), Code::NotFound),
        (claim(ELSEWHERE, 7), Code::CrossSlot),
        (claim(MISSING, 7), Code::NotFound),
        (claim(FOREIGN, 7), Code::NotFound),
        (claim(stock, 7), Code::NotFound),
        (show(ELSEWHERE), Code::CrossSlot),
        (show(FOREIGN), Code::NotFound),
        (show(stock), Code::NotFound),
        (wallet(7, Some(ELSEWHERE), Some(CardId(0)), 0), Code::CrossSlot),
        (wallet(7, Some(stock), None, 0), Code::NotFound),
        (wallet(7, Some(FOREIGN), None, 0), Code::NotFound),
        (change(CardId::new(Slot(1), 0, 0), CardChange::Freeze), Code::CrossSlot),
        (change(CardId::new(Slot(0), 0, 0), CardChange::Freeze), Code::NotFound),
    ];
    for (command, code) in rows {
        let request = world.request(100, command);
        assert_refused(&world.ask(&request), code);
        if !request.is_query() {
            for (fault, code) in WITH_ID.iter().take(3).enumerate() {
                let mut request = request.clone();
                spoil(&mut request, &[fault, 2]);
                assert_refused(&world.ask(&request), *code);
            }
        }
    }
    // The version comes before what is fixed and before the moves there are.
    for command in [edit(CAMPAIGN, 1, other()), move_to(CAMPAIGN, 1)] {
        let answer = world.run(100, command);
        assert_eq!(answer.facts(), scrip_tests::outcome::OwnedFacts::Version(2), "{answer:?}");
    }
    for command in [edit(CAMPAIGN, 2, other()), move_to(CAMPAIGN, 2)] {
        assert_eq!(world.run(100, command), scrip_tests::outcome::OwnedOutcome::refused(Code::RuleFailed));
    }
}

#[test]
fn want_of_room_for_cards_is_checked_last_and_in_the_documented_order() {
    let mut cards = CardsFull::default();
    let expected = [
        CapacityOf::Operations,
        CapacityOf::Cards,
        CapacityOf::Channels,
        CapacityOf::UserLimits,
        CapacityOf::RiskCounts,
    ];
    for of in expected {
        assert_eq!(cards.issue(), Some(of));
        // Nothing is refused for want of room that is refused anyway.
        assert_eq!(cards.issue_too_many(), Some(Code::OutOfStock));
        cards.relieve(of);
    }
    assert_eq!(cards.issue(), None);
}

/// Tables that are full, until they are relieved.
#[derive(Default)]
struct CardsFull {
    relieved: Vec<CapacityOf>,
}

impl CardsFull {
    fn relieve(&mut self, of: CapacityOf) {
        self.relieved.push(of);
    }

    fn world(&self) -> World {
        let is_full = |of: CapacityOf| !self.relieved.contains(&of);
        let size = |of, small, large| if is_full(of) { small } else { large };
        // Six operations, of which one issue with an owner, take what there is.
        let capacity = Capacity {
            operations_max: size(CapacityOf::Operations, 6, 64),
            cards_max: size(CapacityOf::Cards, 1, 640),
            user_limits_max: size(CapacityOf::UserLimits, 1, 64),
            risk_counts_max: size(CapacityOf::RiskCounts, 1, 64),
            ..ROOMY
        };
        world_with(capacity, |world| {
            start(world, 640, worth(CampaignKind::Item));
            let terms = StockTerms { limit_per_user: 640, ..ANY_TERMS };
            world.run(4, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
            let rule = RiskRule { at_most: U32::new(99), ..nobody_may(1) };
            world.run(5, OwnedCommand::RiskSet { rule });
            issued(world.run(6, issue(issue_of(CAMPAIGN, 7, 64))));
            let count = if is_full(CapacityOf::Channels) { 64 } else { 2 };
            // Channel 1 has issued, so 63 others are all there can be.
            let quotas =
                (2..count + 1).map(|channel| Quota::new(ChannelId(channel), 0, Quota::NO_CAP, 0)).collect();
            world.run(7, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 3, quotas });
        })
    }

    fn issue(&self) -> Option<CapacityOf> {
        let mut world = self.world();
        let mut request = world.request(100, issue(issue_of(CAMPAIGN, 8, 1)));
        request.envelope.channel = ChannelId(99);
        world.ask(&request).maximum()
    }

    fn issue_too_many(&self) -> Option<Code> {
        let mut world = self.world();
        world.run(100, issue(issue_of(CAMPAIGN, 0, 640))).code()
    }
}
