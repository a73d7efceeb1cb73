//! Stored value in quotes, one situation each: it pays what discounts have left, is held for just that, and gets back what it paid
//! of pieces that go back.

use super::card_scene::{change, show, void_campaign, worth, worth_with};
use super::keys::{STOCK, shop_of};
use super::quote_holds::{HALF, TEN, add, cart, fill_wallet, giving, hold, quoted, shop};
use scrip_engine::answer::{CardOutcome, HoldState, OperationKind, OperationView, PiecesReturned};
use scrip_engine::command::{AccountWish, CampaignKind, CardChange, CartLine, QuoteCard, StockedLine};
use scrip_engine::ids::{CardId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome, OwnedQuoted};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedQuote, OwnedQuoteReserve};
use scrip_tests::world::{TTL_MS, World, assert_refused};

/// The third card of user 1 beside [`TEN`] and [`HALF`].
const GIFT: CardId = CardId::new(Slot(0), 2, 0);

/// The shop of quotes that are held, and so many units of stored value for user 1, of a campaign that names no classes.
fn shop_with(units: u32) -> (World, StockId, StockId) {
    let (mut world, tea, cup) = shop();
    add(&mut world, 203, worth_with(CampaignKind::StoredValue, |worth| worth.definition.units.set(units)));
    (world, tea, cup)
}

/// A bonus of 30 that ends in five seconds.
fn fill(world: &mut World) {
    let until_ms = world.now_ms + 5_000;
    let wish = AccountWish::TopUp { principal: 0, bonus: 30, paid: 0, until_ms };
    world.run(1 << 83, OwnedCommand::OfCards(CardCommand::Account { card: GIFT, generation: None, wish }));
}

fn ask(world: &mut World, lines: Vec<CartLine>, cards: &[CardId]) -> OwnedQuoted {
    let cards = cards.iter().map(|card| QuoteCard::new(*card, None)).collect();
    let quote = OwnedQuote { user: UserId(1), store: 0, best: false, lines, cards };
    match world.run(1, OwnedCommand::OfCards(CardCommand::Quote(quote))) {
        OwnedOutcome::Quote(quoted) => *quoted,
        other => panic!("answered {other:?}"),
    }
}

/// Pieces, what is the buyer's, what is back on cards, and which cards got something.
#[track_caller]
fn returned(answer: OwnedOutcome) -> (u64, u64, u64, u32) {
    match answer {
        OwnedOutcome::PiecesReturned(PiecesReturned { pieces, amount, on_cards, cards }) => {
            (pieces, amount, on_cards, cards)
        }
        other => panic!("answered {other:?}"),
    }
}

/// What can be used of the gift card, what lies in lots that have ended, what is held, what was used.
fn units(world: &mut World) -> [u32; 4] {
    let view = show(world, GIFT);
    [view.available, view.expired, view.held, view.consumed]
}

#[test]
fn a_gift_card_pays_what_discounts_have_left_and_is_held_for_just_that() {
    let (mut world, tea, cup) = shop_with(100);
    let told = |total| OwnedQuoteReserve { expected_total: Some(total), ..cart(tea, cup) };
    let refusal = world.run(10, hold(told(78)));
    assert_eq!(refusal, OwnedOutcome::Refused { code: Code::QuoteChanged, facts: OwnedFacts::Total(0) });
    let answer = world.run(10, hold(told(0)));
    let quote = quoted(answer.clone());
    assert_eq!((quote.gross, quote.discount, quote.paid), (108, 30, 78));
    let outcomes: Vec<_> =
        quote.cards.iter().map(|card| (card.card(), card.outcome(), card.units.get())).collect();
    let [used, pays] = [CardOutcome::Used, CardOutcome::Pays].map(Some);
    assert_eq!(outcomes, [(HALF, used, 1), (TEN, used, 1), (GIFT, pays, 78)]);
    assert_eq!(quote.shares[6..], [53, 18, 7]);
    assert_eq!(units(&mut world), [22, 0, 78, 0]);
    // It is its own hold's: another cart finds what is left, and that goes before nothing.
    let other = quoted(world.run(11, hold(OwnedQuoteReserve { order: OrderId(2), ..cart(tea, cup) })));
    assert_eq!((other.discount, other.paid), (0, 22));
    world.release(11);
    // A cart that takes the place of the first has all of it.
    let again = OwnedQuoteReserve { replace: OperationId(10), ..told(0) };
    assert_eq!(quoted(world.run(12, hold(again))).paid, 78);
    assert_eq!(world.show_hold(10).state, HoldState::Released);
    world.confirm(12);
    assert_eq!(units(&mut world), [22, 0, 0, 78]);
    assert_eq!(world.run(10, hold(told(0))), answer, "a repeat says what was answered");
    world.restart();
    world.check_laws();
}

#[test]
fn what_it_paid_of_returned_pieces_goes_back_to_it_and_the_rest_to_the_buyer() {
    let (mut world, tea, cup) = shop_with(50);
    let quote = quoted(world.run(10, hold(cart(tea, cup))));
    // 53, 18 and 7 are left of the lines.
    assert_eq!((quote.paid, &quote.shares[6..]), (50, &[34, 12, 4][..]));
    world.confirm(10);
    // 30 without 4 of the coupon, half up; of the 26 the card has paid as much as of all 53: 34.
    assert_eq!(returned(world.run(20, giving(10, &[1]))), (1, 9, 17, 0b100));
    assert_eq!(units(&mut world), [17, 0, 0, 33]);
    assert_eq!(returned(world.run(21, giving(10, &[0, 1]))), (1, 6, 12, 0b101));
    assert_eq!(returned(world.run(22, giving(10, &[]))), (2, 13, 21, 0b110));
    // In all what was paid in money, and all of the card.
    assert_eq!((9 + 6 + 13, units(&mut world)), (28, [50, 0, 0, 0]));
    assert_refused(&world.run(23, giving(10, &[])), Code::AlreadyReversed);
    world.restart();
    assert_eq!(returned(world.run(21, giving(10, &[0, 1]))), (1, 6, 12, 0b101), "a repeat says the same");
    let shown = world.run(21, OwnedCommand::OperationShow);
    let view = OperationView { kind: OperationKind::ReturnPieces, value: 0b101 << 40 | 1 };
    assert_eq!(shown, OwnedOutcome::Operation(view));
    world.check_laws();
}

#[test]
fn lots_that_have_ended_pay_nothing_and_get_back_what_they_paid() {
    let (mut world, tea, cup) = shop_with(100);
    fill(&mut world);
    let dear = |pieces| {
        let mut dear = cart(tea, cup);
        dear.lines[0].line.quantity.set(pieces);
        dear
    };
    quoted(world.run(10, hold(cart(tea, cup))));
    assert_eq!(units(&mut world), [52, 0, 78, 0], "30 of the bonus, which ends first, and 48 of its own");
    world.wait(5_000);
    // What the replaced hold would give back to a lot that has ended pays nothing.
    let again = OwnedQuoteReserve { replace: OperationId(10), ..dear(5) };
    assert_eq!(quoted(world.run(11, hold(again))).paid, 100);
    assert_eq!(units(&mut world), [0, 30, 100, 0]);
    world.release(11);
    assert_eq!(quoted(world.run(12, hold(dear(5)))).paid, 100);
    world.confirm(12);
    world.check_laws();
}

#[test]
fn what_a_lot_has_paid_goes_back_to_it_though_it_has_ended() {
    let (mut world, tea, cup) = shop_with(100);
    fill(&mut world);
    quoted(world.run(10, hold(cart(tea, cup))));
    world.wait(5_000);
    world.confirm(10);
    assert_eq!(returned(world.run(20, giving(10, &[1]))), (1, 0, 26, 0b100));
    assert_eq!(units(&mut world), [78, 0, 0, 52], "the last taken comes back first");
    assert_eq!(returned(world.run(21, giving(10, &[]))), (3, 0, 52, 0b111));
    assert_eq!(units(&mut world), [100, 30, 0, 0]);
    world.check_laws();
}

#[test]
fn what_is_let_go_or_expires_is_back_and_a_late_payment_takes_it_again() {
    let (mut world, tea, cup) = shop_with(50);
    quoted(world.run(10, hold(cart(tea, cup))));
    world.release(10);
    assert_eq!(units(&mut world), [50, 0, 0, 0]);
    quoted(world.run(11, hold(cart(tea, cup))));
    world.wait(u64::from(TTL_MS));
    assert_eq!(units(&mut world), [50, 0, 0, 0]);
    assert!(matches!(world.confirm(11), OwnedOutcome::Confirmed { .. }));
    assert_eq!(units(&mut world), [0, 0, 0, 50]);
    world.check_laws();
}

#[test]
fn money_comes_back_when_its_window_is_over_and_not_to_a_void_card() {
    let (mut world, tea, cup) = shop();
    let short = worth_with(CampaignKind::StoredValue, |worth| {
        worth.definition.units.set(50);
        worth.definition.window_s.set(1);
    });
    add(&mut world, 203, short);
    quoted(world.run(10, hold(cart(tea, cup))));
    world.confirm(10);
    world.wait(5_000);
    assert_eq!(returned(world.run(20, giving(10, &[1]))), (1, 9, 17, 0b100));
    world.run(11, change(GIFT, CardChange::Void));
    assert_eq!(returned(world.run(21, giving(10, &[0, 1]))), (1, 6, 0, 0b001));
    assert_eq!(returned(world.run(22, giving(10, &[]))), (2, 13, 0, 0b010));
    assert_eq!((show(&mut world, GIFT).void, units(&mut world)), (17, [0, 0, 0, 33]));
    world.check_laws();
}

#[test]
fn a_card_whose_campaign_ended_gets_nothing_back() {
    let (mut world, tea, cup) = shop_with(50);
    quoted(world.run(10, hold(cart(tea, cup))));
    world.confirm(10);
    world.run(11, void_campaign(StockId::new(Slot(0), 203), 2));
    assert_eq!(returned(world.run(20, giving(10, &[1]))), (1, 9, 0, 0));
    world.restart();
    world.check_laws();
}

#[test]
fn what_a_reclaimed_piece_has_paid_comes_back_with_the_next() {
    let mut world = shop_of(3);
    fill_wallet(&mut world);
    add(&mut world, 203, worth_with(CampaignKind::StoredValue, |worth| worth.definition.units.set(90)));
    let lines = vec![StockedLine::new(STOCK, CartLine::new(1, 0, 100, 3))];
    // 290 are left; of each 100 pieces 97, 96 or 97.
    assert_eq!(quoted(world.run(10, hold(OwnedQuoteReserve { lines, ..cart(STOCK, STOCK) }))).paid, 90);
    world.run(10, OwnedCommand::Confirm { units: Vec::new(), hidden: true });
    let reclaim = OwnedCommand::KeyReclaim { hold: OperationId(10), key: 0, reason: 9 };
    assert_eq!(world.run(11, reclaim), OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(units(&mut world)[3], 90);
    let to_void = |units: &[u32]| OwnedCommand::Return {
        hold: OperationId(10),
        to_available: false,
        units: units.to_vec(),
    };
    let (pieces, _, on_cards, cards) = returned(world.run(20, to_void(&[1])));
    assert_eq!((pieces, on_cards, cards), (1, 60, 0b10));
    assert_eq!(returned(world.run(21, to_void(&[]))).2, 30);
    assert_eq!(units(&mut world), [90, 0, 0, 0]);
    world.check_laws();
}

#[test]
fn what_ends_first_pays_first_and_fewer_cards_pay_if_they_can() {
    let (mut world, tea, cup) = shop();
    let ending = |units: u32, lasts_s: u32| {
        worth_with(CampaignKind::StoredValue, |worth| {
            worth.definition.units.set(units);
            worth.definition.lasts_s.set(lasts_s);
        })
    };
    add(&mut world, 203, ending(30, 0));
    add(&mut world, 204, ending(70, 100));
    add(&mut world, 205, ending(80, 200));
    let [open, soon, later] = [2, 3, 4].map(|campaign| CardId::new(Slot(0), campaign, 0));
    // 78 are left: one card is enough.
    let best = quoted(world.run(10, hold(cart(tea, cup))));
    assert_eq!((best.paid, best.cards.last().map(|card| card.card())), (78, Some(later)));
    world.release(10);
    let lines = cart(tea, cup).lines.iter().map(|line| line.line).collect();
    let all = ask(&mut world, lines, &[open, later, soon]);
    let told: Vec<_> = all.cards.iter().map(|card| (card.turn, card.discount.get())).collect();
    assert_eq!(told, [(0, 0), (2, 38), (1, 70)]);
    assert_eq!(all.cards[0].outcome(), Some(CardOutcome::Nothing), "nothing is left to pay");
}

#[test]
fn an_empty_gift_card_pays_nothing_and_a_threshold_counts_what_is_left_to_pay() {
    let (mut world, ..) = shop_with(0);
    let needs = worth_with(CampaignKind::StoredValue, |worth| worth.definition.threshold.set(79));
    add(&mut world, 204, needs);
    let alone = worth_with(CampaignKind::StoredValue, |worth| worth.definition.combines.set(1 << 31));
    add(&mut world, 205, alone);
    let stamps = worth(CampaignKind::Stamps);
    add(&mut world, 206, stamps);
    let [needs, alone, stamps] = [3, 4, 5].map(|campaign| CardId::new(Slot(0), campaign, 0));
    let lines = vec![CartLine::new(1, 0, 30, 2), CartLine::new(2, 0, 40, 1), CartLine::new(9, 0, 8, 1)];
    let asked = ask(&mut world, lines.clone(), &[GIFT, stamps, HALF, TEN, needs]);
    let outcomes: Vec<_> = asked.cards.iter().map(|card| card.outcome().expect("an outcome")).collect();
    use CardOutcome::{Nothing, Refused, Used};
    assert_eq!(outcomes, [Nothing, Nothing, Used, Used, Refused]);
    assert_eq!((asked.cards[4].fact.get(), asked.cards[4].threshold.get()), (78, 79));
    // One that names classes has only those beside it.
    let cards = [TEN, alone].map(|card| QuoteCard::new(card, None)).to_vec();
    let quote = OwnedQuote { user: UserId(1), store: 0, best: false, lines, cards };
    assert_refused(&world.run(1, OwnedCommand::OfCards(CardCommand::Quote(quote))), Code::RuleFailed);
}
