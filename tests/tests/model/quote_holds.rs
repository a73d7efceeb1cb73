//! Quotes that are held, one situation each: the best of a wallet at the price that was told, what is refused and in which order, what a
//! returned line costs and when a card comes back.

use super::card_scene::{
    card, change, create, issue, issue_of, issued, redeem, show, to_state, void_campaign, worth, worth_with,
};
use super::keys::{STOCK, shop_of};
use scrip_engine::answer::{HoldState, OperationKind, OperationView, PiecesReturned};
use scrip_engine::command::{
    CampaignKind, CampaignState, CardChange, CardState, CartLine, QuoteCard, ScopeEntry, StockedLine, Tier,
};
use scrip_engine::ids::{CardId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome, OwnedQuoted};
use scrip_tests::request::{OwnedCommand, OwnedQuoteReserve, OwnedRedeem, Worth};
use scrip_tests::world::{TTL_MS, World, assert_refused, reserve, take};

const TEA: u64 = 100;
const CUP: u64 = 101;

/// 10 off 80 and half price on product 2, which combine; user 1 has one of each. Ten teas, ten cups.
pub(super) fn shop() -> (World, StockId, StockId) {
    let mut world = World::usual();
    let (tea, cup) = (world.stock(TEA, 10), world.stock(CUP, 10));
    fill_wallet(&mut world);
    (world, tea, cup)
}

pub(super) fn fill_wallet(world: &mut World) {
    let ten = worth_with(CampaignKind::AmountOff, |worth| {
        worth.definition.threshold.set(80);
        worth.definition.combines.set(1);
    });
    let half = worth_with(CampaignKind::PercentOff, |worth| {
        worth.definition.value.set(5_000);
        worth.definition.combines.set(1);
        worth.scope.push(ScopeEntry::new(ScopeEntry::PRODUCT, 2));
    });
    add(world, 201, ten);
    add(world, 202, half);
}

/// A running campaign of this number, one card of it issued to user 1.
pub(super) fn add(world: &mut World, number: u64, worth: Worth) {
    let campaign = StockId::new(Slot(0), number);
    let base = 1 << 80 | u128::from(number) << 8;
    world.run(base, create(campaign, 10, worth));
    world.run(base + 1, to_state(campaign, 1, CampaignState::Running));
    issued(world.run(base + 2, issue(issue_of(campaign, 1, 1))));
}

pub(super) const TEN: CardId = CardId::new(Slot(0), 0, 0);
pub(super) const HALF: CardId = CardId::new(Slot(0), 1, 0);

/// Two teas at 30, a cup at 40, and 8 for somebody who brings them.
pub(super) fn cart(tea: StockId, cup: StockId) -> OwnedQuoteReserve {
    OwnedQuoteReserve {
        order: OrderId(1),
        user: UserId(1),
        store: 0,
        best: false,
        replace: OperationId(0),
        parties: None,
        expected_total: None,
        ttl_ms: TTL_MS,
        lines: vec![
            StockedLine::new(tea, CartLine::new(1, 0, 30, 2)),
            StockedLine::new(cup, CartLine::new(2, 0, 40, 1)),
            StockedLine::new(StockId(0), CartLine::new(9, 0, 8, 1)),
        ],
        cards: Vec::new(),
    }
}

pub(super) fn hold(quote: OwnedQuoteReserve) -> OwnedCommand {
    OwnedCommand::QuoteReserve(Box::new(quote))
}

#[track_caller]
pub(super) fn quoted(answer: OwnedOutcome) -> OwnedQuoted {
    match answer {
        OwnedOutcome::QuoteReserved { quote, .. } => *quote,
        other => panic!("answered {other:?}"),
    }
}

pub(super) fn giving(hold: u128, pieces: &[u32]) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available: true, units: pieces.to_vec() }
}

#[track_caller]
fn returned(answer: OwnedOutcome) -> (u64, u64, u32) {
    match answer {
        OwnedOutcome::PiecesReturned(PiecesReturned { pieces, amount, on_cards: 0, cards }) => {
            (pieces, amount, cards)
        }
        other => panic!("answered {other:?}"),
    }
}

fn lack(line: usize, why: Code, asked: u32, available: u64) -> Lack {
    Lack { line, why, asked, available }
}

#[test]
fn the_best_of_a_wallet_is_held_with_its_goods_in_one_step() {
    let (mut world, tea, cup) = shop();
    let answer = world.run(10, hold(cart(tea, cup)));
    let quote = quoted(answer.clone());
    // Half of the cup; then 88 are left, which is enough for 10 off.
    assert_eq!((quote.gross, quote.discount, quote.exact), (108, 30, true));
    assert_eq!(quote.cards.iter().map(|card| card.card()).collect::<Vec<_>>(), [HALF, TEN]);
    assert_eq!(quote.shares, [0, 20, 0, 7, 2, 1]);
    assert_eq!(world.counts(tea), [8, 2, 0]);
    assert_eq!((show(&mut world, TEN).held, show(&mut world, HALF).held), (1, 1));
    let shown = world.show_hold(10);
    assert_eq!(shown.lines.iter().map(|line| line.price).collect::<Vec<_>>(), [30, 40]);
    assert_eq!(shown.cards.iter().map(|card| card.discount).collect::<Vec<_>>(), [20, 10]);
    // Nobody else can use them meanwhile, and a repeat says the same, whatever becomes of the hold.
    assert_refused(
        &world.run(11, redeem(OwnedRedeem { amount: 90, ..OwnedRedeem::of(TEN, 1) })),
        Code::LockedByOtherOrder,
    );
    world.confirm(10);
    assert_eq!(world.run(10, hold(cart(tea, cup))), answer);
    assert_eq!(show(&mut world, TEN).state, CardState::Used);
    let other = OwnedQuoteReserve { store: 1, ..cart(tea, cup) };
    assert_refused(&world.run(10, hold(other)), Code::OperationMismatch);
}

#[test]
fn what_is_left_to_pay_is_what_the_buyer_was_told() {
    let (mut world, tea, cup) = shop();
    let told = |total| OwnedQuoteReserve { expected_total: Some(total), ..cart(tea, cup) };
    let refusal = world.run(10, hold(told(98)));
    assert_eq!(refusal, OwnedOutcome::Refused { code: Code::QuoteChanged, facts: OwnedFacts::Total(78) });
    assert_eq!((world.counts(tea), show(&mut world, TEN).held), ([10, 0, 0], 0));
    quoted(world.run(10, hold(told(78))));
}

#[test]
fn goods_are_refused_before_cards_and_named_by_their_place_in_the_cart() {
    let (mut world, tea, cup) = shop();
    let gone = QuoteCard::new(card(9), None);
    let mut wish = OwnedQuoteReserve { cards: vec![QuoteCard::new(TEN, None), gone], ..cart(tea, cup) };
    wish.lines.swap(0, 2);
    wish.lines[2].line.quantity.set(11);
    let short = OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack(2, Code::OutOfStock, 11, 10)]);
    assert_eq!(world.run(10, hold(wish.clone())), short);
    // Then each card that was named and is not used; 10 off needs 80.
    wish.lines[2].line.quantity.set(1);
    wish.lines[1].line.quantity.set(1);
    wish.lines[1].line.unit_price.set(1);
    wish.expected_total = Some(1);
    let lacks = vec![lack(3, Code::RuleFailed, 0, 0), lack(4, Code::NotFound, 0, 0)];
    assert_eq!(world.run(10, hold(wish.clone())), OwnedOutcome::refused_lines(Code::RuleFailed, lacks));
    // The best of them is no card at all, and only then does the price matter.
    wish.best = true;
    assert_refused(&world.run(10, hold(wish.clone())), Code::QuoteChanged);
    wish.expected_total = Some(39);
    assert!(quoted(world.run(10, hold(wish))).cards.is_empty());
    assert_eq!(world.counts(tea), [9, 1, 0]);
}

#[test]
fn two_cards_that_may_not_be_used_together_hold_nothing() {
    let (mut world, tea, cup) = shop();
    add(&mut world, 203, worth(CampaignKind::AmountOff));
    let alone = CardId::new(Slot(0), 2, 0);
    let cards = vec![QuoteCard::new(alone, None), QuoteCard::new(TEN, None)];
    let clash = vec![lack(3, Code::RuleFailed, 0, 0), lack(4, Code::RuleFailed, 0, 0)];
    let answer = world.run(10, hold(OwnedQuoteReserve { cards, ..cart(tea, cup) }));
    assert_eq!(answer, OwnedOutcome::refused_lines(Code::RuleFailed, clash));
    assert_eq!(world.counts(tea), [10, 0, 0]);
}

#[test]
fn a_buyers_own_hold_does_not_keep_his_cards_from_the_cart_that_takes_its_place() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    assert_eq!(
        quoted(world.run(11, hold(OwnedQuoteReserve { order: OrderId(2), ..cart(tea, cup) }))).discount,
        0
    );
    world.release(11);
    let again = OwnedQuoteReserve { replace: OperationId(10), ..cart(tea, cup) };
    assert_eq!(quoted(world.run(12, hold(again))).discount, 30);
    assert_eq!(world.show_hold(10).state, HoldState::Released);
    assert_eq!(show(&mut world, TEN).held, 1);
}

#[test]
fn a_quote_is_confirmed_as_a_whole_or_expires_as_a_whole() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    let some = |units: &[u32]| OwnedCommand::Confirm { units: units.to_vec(), hidden: false };
    assert_refused(&world.run(10, some(&[3, 1, 1, 1])), Code::ExceedsHold);
    assert_refused(&world.run(10, some(&[1, 1, 1, 1])), Code::RuleFailed);
    assert_refused(&world.run(10, some(&[2, 1])), Code::RuleFailed);
    world.wait(u64::from(TTL_MS));
    assert_eq!((world.counts(tea), show(&mut world, TEN).held), ([10, 0, 0], 0));
    assert_refused(&world.run(10, some(&[1, 1, 1, 1])), Code::RuleFailed);
    // A late payment finds all of it, or nothing.
    world.run(10, some(&[2, 1, 1, 1]));
    assert_eq!(show(&mut world, HALF).state, CardState::Used);
}

#[test]
fn a_returned_line_takes_its_share_and_a_card_comes_back_with_the_last_of_its_lines() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    assert_refused(&world.run(20, giving(10, &[1])), Code::NotActive);
    world.confirm(10);
    // 30 without a half of 7, half up; the cup costs 40 - 20 - 2.
    assert_eq!(returned(world.run(20, giving(10, &[1]))), (1, 26, 0));
    assert_eq!(returned(world.run(21, giving(10, &[0, 1]))), (1, 18, 0b01));
    assert_eq!(show(&mut world, HALF).state, CardState::Active);
    let exceeds = vec![lack(0, Code::ExceedsHold, 2, 1), lack(3, Code::ExceedsHold, 1, 0)];
    let answer = world.run(22, giving(10, &[2, 0, 1, 1]));
    assert_eq!(answer, OwnedOutcome::refused_lines(Code::ExceedsHold, exceeds));
    // What is left, the line without a stock, too; what was paid comes back in all: 108 - 30.
    assert_eq!(returned(world.run(22, giving(10, &[]))), (2, 78 - 26 - 18, 0b10));
    assert_eq!((world.counts(tea), world.counts(cup)), ([10, 0, 0], [10, 0, 0]));
    assert_eq!(show(&mut world, TEN).state, CardState::Active);
    assert_refused(&world.run(23, giving(10, &[])), Code::AlreadyReversed);
    assert_eq!(returned(world.run(21, giving(10, &[0, 1]))), (1, 18, 0b01), "a repeat says the same");
    let shown = world.run(21, OwnedCommand::OperationShow);
    let view = OperationView { kind: OperationKind::ReturnPieces, value: 1 << 40 | 1 };
    assert_eq!(shown, OwnedOutcome::Operation(view));
}

#[test]
fn goods_go_back_without_a_card_that_may_not() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    world.run(11, change(HALF, CardChange::Void));
    world.confirm(10);
    assert_eq!(returned(world.run(20, giving(10, &[0, 1]))), (1, 18, 0));
    assert_eq!(show(&mut world, HALF).state, CardState::Void);
    assert_eq!(returned(world.run(21, giving(10, &[]))), (3, 60, 0b10));
    assert_refused(&world.run(22, giving(10, &[])), Code::AlreadyReversed);
}

#[test]
fn goods_go_back_without_a_card_that_was_used_for_good() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    world.confirm(10);
    world.run(11, void_campaign(StockId::new(Slot(0), 202), 2));
    assert_eq!(returned(world.run(20, giving(10, &[0, 1]))), (1, 18, 0));
    assert_eq!(show(&mut world, HALF).state, CardState::Used);
    assert_eq!(returned(world.run(21, giving(10, &[]))), (3, 60, 0b10));
    world.check_laws();
}

#[test]
fn a_pass_lowers_the_price_and_is_not_held() {
    let (mut world, tea, cup) = shop();
    let member = worth_with(CampaignKind::Pass, |worth| {
        worth.tiers = vec![Tier::new(0, 5_000)];
    });
    add(&mut world, 203, member);
    let pass = CardId::new(Slot(0), 2, 0);
    let named = OwnedQuoteReserve { cards: vec![QuoteCard::new(pass, None)], ..cart(tea, cup) };
    let quote = quoted(world.run(10, hold(named)));
    assert_eq!((quote.discount, quote.cards.len()), (54, 1));
    assert!(world.show_hold(10).cards.is_empty());
    world.confirm(10);
    assert_eq!(returned(world.run(20, giving(10, &[2, 1, 1]))), (4, 54, 0));
}

#[test]
fn card_keys_of_a_cart_go_back_to_void_at_their_share_of_its_price() {
    let mut world = shop_of(3);
    fill_wallet(&mut world);
    let lines = vec![StockedLine::new(STOCK, CartLine::new(1, 0, 100, 2))];
    quoted(world.run(10, hold(OwnedQuoteReserve { lines, ..cart(STOCK, STOCK) })));
    assert_eq!(show(&mut world, TEN).held, 1);
    world.confirm(10);
    let to_void = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    assert_refused(&world.run(20, giving(10, &[1])), Code::RuleFailed);
    assert_eq!(returned(world.run(20, to_void)), (1, 95, 0));
}

#[test]
fn a_stock_is_sold_in_the_usual_way_beside_a_quote() {
    let (mut world, tea, cup) = shop();
    quoted(world.run(10, hold(cart(tea, cup))));
    world.run(11, reserve(take(&[(tea, 8)])));
    assert_refused(&world.run(12, reserve(take(&[(tea, 1)]))), Code::OutOfStock);
    world.release(10);
    world.run(12, reserve(take(&[(tea, 2)])));
    assert_eq!(show(&mut world, TEN).held, 0);
}
