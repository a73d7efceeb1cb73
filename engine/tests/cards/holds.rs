//! Cards in holds, by docs/cards.md: a checkout of goods and cards is one event, and what becomes of the hold becomes of its cards.

use crate::shop::*;
use scrip_engine::command::{
    CampaignKind, CampaignTerms, CardChange, CardLine, CardState, Command, Definition, Line, Redeem,
    StockCreate, StockKind, Take,
};
use scrip_engine::ids::{CardId, OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use zerocopy::little_endian::U32;

const GOODS: StockId = StockId::new(SLOT, 9);

/// Ten goods, and a campaign of this definition.
fn shop(definition: Definition) -> Shop {
    shop_of(ROOMY, definition)
}

fn shop_of(capacity: Capacity, definition: Definition) -> Shop {
    let mut shop = Shop::new(capacity, Rules::default());
    shop.open(
        &CampaignTerms { definition: &definition, extension: Default::default(), tiers: &[], scope: &[] },
        1_000,
    );
    let (kind, once_per_order) = (StockKind::Counter, false);
    let goods = StockCreate { stock: GOODS, name: b"goods", units: 10, kind, once_per_order, terms: OPEN };
    assert_eq!(shop.run(Command::StockCreate(goods)), Got::Value(10));
    shop
}

fn coupon() -> Definition {
    let mut coupon = definition(CampaignKind::AmountOff, 1, 300);
    coupon.threshold.set(1_000);
    coupon
}

fn item(units: u32) -> Definition {
    definition(CampaignKind::Item, units, 0)
}

/// Runs a RESERVE of two goods and these cards; answers its id with the answer.
fn reserve(shop: &mut Shop, cards: &[CardLine]) -> (OperationId, Got) {
    let operation = shop.next_operation();
    let lines = [Line::new(GOODS, 2)];
    let take = Take { order: OrderId(5), user: UserId(6), cards, ..Take::of(&lines) };
    (operation, shop.run(Command::Reserve { take, ttl_ms: 60_000 }))
}

fn reserved(shop: &mut Shop, cards: &[CardLine]) -> OperationId {
    let (operation, got) = reserve(shop, cards);
    assert!(matches!(&got, Got::Other(text) if text.starts_with("Reserved")), "{got:?}");
    operation
}

fn confirm(shop: &mut Shop, hold: OperationId, units: &[u32]) -> Got {
    let units: Vec<U32> = units.iter().map(|units| U32::new(*units)).collect();
    shop.run_as(hold, START_MS, Command::Confirm { units: &units, hidden: false })
}

fn confirmed(shop: &mut Shop, hold: OperationId, units: &[u32]) {
    let got = confirm(shop, hold, units);
    assert!(matches!(&got, Got::Other(text) if text.starts_with("Confirmed")), "{got:?}");
}

fn give_back(shop: &mut Shop, hold: OperationId, units: &[u32]) -> Got {
    let units: Vec<U32> = units.iter().map(|units| U32::new(*units)).collect();
    shop.run(Command::Return { hold, to_available: true, units: &units })
}

fn one(card: CardId) -> [CardLine; 1] {
    [CardLine::new(card, 1, 2_000)]
}

/// State, and units available, consumed and void.
fn units(shop: &mut Shop, card: CardId) -> (CardState, u32, u32, u32) {
    let card = shop.show(card);
    (card.state, card.available, card.consumed, card.void)
}

fn goods(shop: &mut Shop) -> u64 {
    match shop.run(Command::StockShow { stock: GOODS }) {
        Got::Buckets { available, .. } => available,
        other => panic!("no goods: {other:?}"),
    }
}

#[test]
fn a_checkout_holds_goods_and_a_coupon_and_confirms_both() {
    let mut shop = shop(coupon());
    let card = shop.card(6);
    let hold = reserved(&mut shop, &one(card));
    assert_eq!((goods(&mut shop), units(&mut shop, card)), (8, (CardState::Active, 0, 0, 0)));
    confirmed(&mut shop, hold, &[]);
    assert_eq!((goods(&mut shop), units(&mut shop, card)), (8, (CardState::Used, 0, 1, 0)));
    assert_eq!(shop.show(card).redemption, hold, "the card tells what it was used for");
    let first = confirm(&mut shop, hold, &[]);
    assert_eq!(confirm(&mut shop, hold, &[2, 1]), first, "a repeat says all lines, or names them");
    assert_eq!(confirm(&mut shop, hold, &[2]), refused(Code::OperationMismatch));
    let Got::Other(shown) = shop.run_as(hold, START_MS, Command::OperationShow) else {
        panic!("a hold is shown");
    };
    assert!(shown.contains("HoldCard") && shown.contains("discount: U64(300)"), "{shown}");
    shop.close();
}

#[test]
fn a_hold_gives_its_cards_back_when_it_is_released_cancelled_or_expires() {
    let mut shop = shop(item(3));
    let card = shop.card(6);
    let lines = [CardLine::new(card, 2, 0)];
    let hold = reserved(&mut shop, &lines);
    assert_eq!(units(&mut shop, card), (CardState::Active, 1, 0, 0));
    shop.run_as(hold, START_MS, Command::Release);
    assert_eq!(units(&mut shop, card), (CardState::Active, 3, 0, 0));
    let hold = reserved(&mut shop, &lines);
    shop.run_as(hold, START_MS, Command::Cancel);
    assert_eq!(units(&mut shop, card), (CardState::Active, 3, 0, 0));
    reserved(&mut shop, &lines);
    shop.now_ms += 60_000;
    assert_eq!(units(&mut shop, card), (CardState::Active, 3, 0, 0));
    let sale = shop.next_operation();
    let (cart, cards) = ([Line::new(GOODS, 2)], lines);
    let take = Take { cards: &cards, ..Take::of(&cart) };
    shop.run(Command::Sell { take, paid: false, hidden: false });
    assert_eq!(units(&mut shop, card), (CardState::Active, 1, 2, 0));
    let again = shop.now_ms;
    shop.run_as(sale, again, Command::Cancel);
    assert_eq!((goods(&mut shop), units(&mut shop, card)), (10, (CardState::Active, 3, 0, 0)));
    shop.close();
}

#[test]
fn what_a_hold_has_is_locked_for_others_and_a_replacement_frees_it() {
    let mut shop = shop(item(3));
    let card = shop.card(6);
    let hold = reserved(&mut shop, &[CardLine::new(card, 2, 0)]);
    assert_eq!(shop.redeem(card, 2, 0), Got::Refused(Code::LockedByOtherOrder, Why::Units(2, 1)));
    assert_eq!(shop.redeem(card, 4, 0), Got::Refused(Code::BalanceExceeded, Why::Units(4, 1)));
    let (_, got) = reserve(&mut shop, &[CardLine::new(card, 1, 0), CardLine::new(card, 1, 0)]);
    assert_eq!(got, Got::Refused(Code::LockedByOtherOrder, Why::Line(1)), "lines on one card are summed");
    let (_, got) = reserve(&mut shop, &[CardLine::new(card, 4, 0)]);
    assert_eq!(got, Got::Refused(Code::BalanceExceeded, Why::Line(1)));
    assert_eq!(goods(&mut shop), 8, "all or nothing");
    let (lines, cards) = ([Line::new(GOODS, 2)], [CardLine::new(card, 3, 0)]);
    let take = Take { order: OrderId(5), user: UserId(6), replace: hold, cards: &cards, ..Take::of(&lines) };
    shop.run(Command::Reserve { take, ttl_ms: 0 });
    assert_eq!((goods(&mut shop), units(&mut shop, card)), (8, (CardState::Active, 0, 0, 0)));
    shop.close();
}

#[test]
fn a_card_in_a_hold_is_checked_as_one_that_is_redeemed() {
    let mut shop = shop(coupon());
    let (card, other) = (shop.card(7), shop.card(6));
    let (_, got) = reserve(&mut shop, &one(CardId(other.0 + 1)));
    assert_eq!(got, Got::Refused(Code::NotFound, Why::Line(0)));
    let by_code = CardLine { by_code: 1, generation: 1, ..one(other)[0] };
    assert_eq!(reserve(&mut shop, &[by_code]).1, Got::Refused(Code::NotFound, Why::Line(0)));
    assert_eq!(reserve(&mut shop, &one(card)).1, Got::Refused(Code::NotOwner, Why::Line(0)));
    let (_, got) = reserve(&mut shop, &[CardLine::new(other, 1, 999)]);
    assert_eq!(got, Got::Refused(Code::RuleFailed, Why::Line(0)), "below the threshold");
    shop.change(other, CardChange::Freeze);
    assert_eq!(reserve(&mut shop, &one(other)).1, Got::Refused(Code::Frozen, Why::Line(0)));
    let foreign = CardId::new(scrip_engine::ids::Slot(4), 0, 0);
    assert_eq!(reserve(&mut shop, &one(foreign)).1, refused(Code::CrossSlot));
    assert_eq!(goods(&mut shop), 10);
    shop.close();
}

#[test]
fn a_payment_after_expiry_uses_the_card_while_it_can_and_the_discount_stays() {
    let mut shop = shop(coupon());
    let card = shop.card(6);
    let (early, late) = (reserved(&mut shop, &one(card)), START_MS + 60_000);
    shop.now_ms = late;
    let second = reserved(&mut shop, &one(card));
    let locked = Got::Refused(Code::HoldExpiredNoStock, Why::Line(0));
    assert_eq!(confirm(&mut shop, early, &[]), locked);
    shop.run_as(second, late, Command::Release);
    assert_eq!(confirm(&mut shop, early, &[]), locked, "a refusal after payment is final");
    let third = reserved(&mut shop, &one(card));
    shop.now_ms += 60_000;
    confirmed(&mut shop, third, &[]);
    assert_eq!(units(&mut shop, card), (CardState::Used, 0, 1, 0));
    shop.close();
}

#[test]
fn units_of_a_void_card_that_are_held_are_void_when_the_hold_ends_and_used_when_it_is_paid() {
    let mut shop = shop(item(5));
    let card = shop.card(6);
    let held = reserved(&mut shop, &[CardLine::new(card, 2, 0)]);
    let paid = reserved(&mut shop, &[CardLine::new(card, 1, 0)]);
    shop.change(card, CardChange::Void);
    assert_eq!(units(&mut shop, card), (CardState::Void, 0, 0, 2));
    shop.run_as(held, START_MS, Command::Release);
    assert_eq!(units(&mut shop, card), (CardState::Void, 0, 0, 4));
    confirmed(&mut shop, paid, &[]);
    assert_eq!(units(&mut shop, card), (CardState::Void, 0, 1, 4));
    assert_eq!(give_back(&mut shop, paid, &[]), Got::Refused(Code::Void, Why::Line(0)));
    assert_eq!(give_back(&mut shop, paid, &[2]), Got::Value(2), "its goods can go back");
    shop.close();
}

#[test]
fn a_return_gives_cards_back_inside_the_window_and_with_a_grace() {
    let mut terms = item(3);
    terms.until_ms.set(START_MS + 10_000);
    terms.window_s.set(60);
    terms.grace_s.set(600);
    let mut shop = shop(terms);
    let card = shop.card(6);
    let hold = reserved(&mut shop, &[CardLine::new(card, 3, 0)]);
    confirmed(&mut shop, hold, &[2, 2]);
    assert_eq!(units(&mut shop, card), (CardState::Active, 1, 2, 0));
    shop.now_ms += 30_000;
    let too_many = give_back(&mut shop, hold, &[0, 3]);
    assert_eq!(too_many, Got::Refused(Code::ExceedsHold, Why::Line(2)));
    assert_eq!(give_back(&mut shop, hold, &[1, 1]), Got::Value(2));
    assert_eq!(shop.show(card).until_ms, shop.now_ms + 600_000);
    shop.now_ms += 30_001;
    assert_eq!(give_back(&mut shop, hold, &[]), Got::Refused(Code::ReversalWindow, Why::Line(0)));
    assert_eq!(give_back(&mut shop, hold, &[1]), Got::Value(1));
    assert_eq!(units(&mut shop, card), (CardState::Active, 2, 1, 0));
    shop.close();
}

#[test]
fn an_interval_counts_what_holds_have_used() {
    let mut terms = definition(CampaignKind::Uses, 5, 0);
    terms.interval_s.set(60);
    let mut shop = shop(terms);
    let card = shop.card(6);
    let hold = reserved(&mut shop, &one(card));
    confirmed(&mut shop, hold, &[]);
    assert_eq!(shop.redeem(card, 1, 0), Got::Refused(Code::RuleFailed, Why::Units(1, 0)));
    assert_eq!(reserve(&mut shop, &one(card)).1, Got::Refused(Code::RuleFailed, Why::Line(0)));
    assert_eq!(give_back(&mut shop, hold, &[0, 1]), Got::Value(1));
    reserved(&mut shop, &one(card));
    shop.close();
}

#[test]
fn cards_of_holds_leave_memory_with_them_and_keep_their_room_until_then() {
    let capacity = Capacity { redemptions_max: 2, ..ROOMY };
    let mut shop = shop_of(capacity, item(9));
    let card = shop.card(6);
    let hold = reserved(&mut shop, &one(card));
    confirmed(&mut shop, hold, &[]);
    reserved(&mut shop, &one(card));
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Redemptions, 2));
    assert_eq!(reserve(&mut shop, &one(card)).1, full);
    let lines = [Line::new(GOODS, 1)];
    shop.now_ms += 3 * 86_400_000;
    for _ in 0..8 {
        let take = Take::of(&lines);
        shop.run(Command::Reserve { take, ttl_ms: 1_000 });
        shop.now_ms += 60_000;
    }
    assert_eq!(shop.used("redemptions"), 0);
    assert_eq!(units(&mut shop, card), (CardState::Active, 8, 1, 0), "what was used stays used");
    shop.close();
}

#[test]
fn bearer_cards_in_holds_take_their_pages_all_or_none() {
    let mut shop = shop_of(Capacity { cards_max: 64, ..ROOMY }, item(2));
    let Got::Issued(batch) = shop.issue(0, 200, false) else { panic!("bearer cards are issued") };
    let at = |serial: u64| CardLine::new(CardId(batch.first.0 + serial), 1, 0);
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Cards, 64));
    assert_eq!(reserve(&mut shop, &[at(0), at(70)]).1, full);
    let hold = reserved(&mut shop, &[at(0), at(1), at(0)]);
    let using_it = Command::Redeem(Redeem { units: 1, ..using(CardId(batch.first.0)) });
    assert_eq!(shop.run(using_it), Got::Refused(Code::LockedByOtherOrder, Why::Units(1, 0)));
    confirmed(&mut shop, hold, &[2, 1, 0, 1]);
    assert_eq!(units(&mut shop, CardId(batch.first.0)), (CardState::Used, 0, 2, 0));
    assert_eq!(units(&mut shop, CardId(batch.first.0 + 1)), (CardState::Active, 2, 0, 0));
    shop.close();
}
