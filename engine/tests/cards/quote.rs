//! QUOTE: which cards count for a cart and why the others do not, and that it agrees with REDEEM.

use crate::shop::*;
use proptest::prelude::*;
use scrip_engine::answer::{CardOutcome, QuotedCard};
use scrip_engine::command::{
    CampaignKind, CampaignTerms, CardChange, CartLine, Command, Definition, Quote, QuoteCard, Redeem,
    ScopeEntry, Tier,
};
use scrip_engine::ids::{CardId, MerchantId, Slot, StockId, UserId};
use scrip_engine::limits::{QUOTE_CARDS_MAX, Rules};
use scrip_engine::rejection::Code;

const BUYER: u128 = 1;
const TOGETHER: u32 = 1;

fn campaign(number: u64) -> StockId {
    StockId::new(SLOT, number)
}

fn stacked(kind: CampaignKind, value: u64) -> Definition {
    let mut stacked = definition(kind, 1, value);
    stacked.combines.set(TOGETHER);
    stacked
}

fn plain(definition: &Definition) -> CampaignTerms<'_> {
    CampaignTerms { definition, extension: Default::default(), tiers: &[], scope: &[] }
}

fn of_wallet(lines: &[CartLine]) -> Quote<'_> {
    Quote { user: UserId(BUYER), store: 0, best: false, lines, cards: &[] }
}

fn named(cards: &[CardId]) -> Vec<QuoteCard> {
    cards.iter().map(|card| QuoteCard::new(*card, None)).collect()
}

fn outcomes(quoted: &Quoted) -> Vec<(u64, Option<CardOutcome>)> {
    quoted.cards.iter().map(|card| (card.card.get(), card.outcome())).collect()
}

/// Two teas at 30.00 and a cup at 40.00.
const CART: [CartLine; 2] = [CartLine::new(1, 0, 3_000, 2), CartLine::new(2, 0, 4_000, 1)];

#[test]
fn the_best_cards_of_a_wallet_are_used_and_the_others_say_why_not() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let half = stacked(CampaignKind::PercentOff, 5_000);
    let cups = [ScopeEntry::new(ScopeEntry::PRODUCT, 2)];
    let half = shop.card_of(campaign(1), BUYER, &CampaignTerms { scope: &cups, ..plain(&half) });
    let mut ten = stacked(CampaignKind::AmountOff, 1_000);
    ten.threshold.set(8_000);
    let ten = shop.card_of(campaign(2), BUYER, &plain(&ten));
    let alone = shop.card_of(campaign(3), BUYER, &plain(&definition(CampaignKind::AmountOff, 1, 2_999)));
    let mut far = stacked(CampaignKind::AmountOff, 5_000);
    far.threshold.set(20_000);
    let far = shop.card_of(campaign(4), BUYER, &plain(&far));
    shop.card_of(campaign(5), 2, &plain(&definition(CampaignKind::AmountOff, 1, 9_000)));
    // The cup costs 20.00, which leaves 80.00: enough for 10.00 off.
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.gross, quoted.discount, quoted.exact), (10_000, 3_000, true));
    let [used, left_out] = [CardOutcome::Used, CardOutcome::LeftOut].map(Some);
    let expected = [(far.0, Some(CardOutcome::Refused)), (alone.0, left_out), (ten.0, used), (half.0, used)];
    assert_eq!(outcomes(&quoted), expected);
    let refused = quoted.cards[0];
    assert_eq!(refused.refusal(), Some(Code::RuleFailed));
    assert_eq!((refused.fact.get(), refused.threshold.get()), (10_000, 20_000));
    assert_eq!((quoted.cards[3].turn, quoted.cards[2].turn), (1, 2));
    // 10.00 over 60.00 and 20.00.
    assert_eq!(quoted.lines, [(6_000, 750), (4_000, 2_250)]);
    // What is used up is not looked at again.
    shop.redeem(far, 1, 20_000);
    shop.run(Command::Redeem(Redeem { amount: 4_000, product: 2, ..using(half) }));
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!(outcomes(&quoted), [(alone.0, used), (ten.0, left_out)]);
    let nobody = shop.quote(Quote { user: UserId(0), ..of_wallet(&CART) });
    assert_eq!((nobody.discount, nobody.cards.len()), (0, 0));
    shop.close();
}

/// A shop with a card for every reason; what is expected of each.
fn cards_of_all_states(shop: &mut Shop) -> Vec<(CardId, CardOutcome, Option<Code>)> {
    use CardOutcome::{Nothing, Refused, Used};
    let five = definition(CampaignKind::AmountOff, 1, 500);
    let mut late = five;
    late.from_ms.set(START_MS + 10_000);
    let good = shop.card_of(campaign(1), BUYER, &plain(&five));
    let [void, used, frozen, old] = core::array::from_fn(|_| shop.one_more(campaign(1), BUYER));
    shop.change(void, CardChange::Void);
    shop.redeem(used, 1, 500);
    shop.change(frozen, CardChange::Freeze);
    shop.change(old, CardChange::Extend { until_ms: START_MS + 1_000 });
    let mut asleep = five;
    asleep.flags = Definition::INACTIVE;
    let inactive = shop.card_of(campaign(2), BUYER, &plain(&asleep));
    let early = shop.card_of(campaign(3), BUYER, &plain(&late));
    let cups = [ScopeEntry::new(ScopeEntry::PRODUCT, 3)];
    let elsewhere = shop.card_of(campaign(4), BUYER, &CampaignTerms { scope: &cups, ..plain(&five) });
    let foreign = shop.one_more(campaign(1), 2);
    let uses = shop.card_of(campaign(5), BUYER, &plain(&definition(CampaignKind::Uses, 3, 0)));
    shop.merchant = MerchantId(8);
    let strange = shop.card_of(campaign(6), BUYER, &plain(&five));
    shop.merchant = MERCHANT;
    shop.now_ms = START_MS + 5_000;
    vec![
        (good, Used, None),
        (void, Refused, Some(Code::Void)),
        (used, Refused, Some(Code::Used)),
        (frozen, Refused, Some(Code::Frozen)),
        (old, Refused, Some(Code::Expired)),
        (inactive, Refused, Some(Code::NotActive)),
        (early, Refused, Some(Code::NotStarted)),
        (elsewhere, Refused, Some(Code::OutOfScope)),
        (foreign, Refused, Some(Code::NotOwner)),
        (uses, Nothing, None),
        (strange, Refused, Some(Code::NotFound)),
        (CardId::new(Slot(9), 0, 0), Refused, Some(Code::CrossSlot)),
        (CardId::new(SLOT, 99, 0), Refused, Some(Code::NotFound)),
    ]
}

#[test]
fn a_card_that_cannot_be_used_says_why_and_the_others_go_on() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let expected = cards_of_all_states(&mut shop);
    let cards = named(&expected.iter().map(|(card, ..)| *card).collect::<Vec<_>>());
    for best in [false, true] {
        let quoted = shop.quote(Quote { best, cards: &cards, ..of_wallet(&CART) });
        let found: Vec<_> = quoted
            .cards
            .iter()
            .map(|card| (card.card(), card.outcome().expect("an outcome"), card.refusal()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!((quoted.discount, quoted.exact), (500, true));
    }
    let times = |card: &QuotedCard| card.fact.get();
    let quoted = shop.quote(Quote { cards: &cards, ..of_wallet(&CART) });
    assert_eq!((times(&quoted.cards[4]), times(&quoted.cards[6])), (START_MS + 1_000, START_MS + 10_000));
    // Of a wallet, what is over for good is not told.
    let told: Vec<CardId> = shop.quote(of_wallet(&CART)).cards.iter().map(QuotedCard::card).collect();
    let [good, frozen, inactive, early, elsewhere, uses] = [0, 3, 5, 6, 7, 9].map(|at| expected[at].0);
    assert_eq!(
        told,
        [good, uses, elsewhere, early, inactive, frozen],
        "those that take something off come first"
    );
    // A code of another generation names no card.
    let cards = [QuoteCard::new(good, Some(1))];
    let quoted = shop.quote(Quote { cards: &cards, ..of_wallet(&CART) });
    assert_eq!(quoted.cards[0].refusal(), Some(Code::NotFound));
    shop.close();
}

#[test]
fn cards_that_do_not_combine_are_refused_by_their_places() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let with_all = shop.card_of(campaign(1), BUYER, &plain(&stacked(CampaignKind::PercentOff, 1_000)));
    let also = shop.card_of(campaign(2), BUYER, &plain(&stacked(CampaignKind::AmountOff, 100)));
    let alone = shop.card_of(campaign(3), BUYER, &plain(&definition(CampaignKind::AmountOff, 1, 500)));
    let cards = named(&[with_all, also, alone]);
    let quote = Quote { cards: &cards, ..of_wallet(&CART) };
    let clash = shop.run(Command::Quote(quote));
    assert_eq!(clash, Got::Refused(Code::RuleFailed, Why::Line(0)));
    let quoted = shop.quote(Quote { best: true, ..quote });
    assert_eq!(quoted.discount, 1_100);
    let quoted = shop.quote(Quote { cards: &cards[..2], ..quote });
    assert_eq!(quoted.discount, 1_100);
    shop.close();
}

#[test]
fn an_item_card_says_how_many_pieces_it_takes() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let cups = shop.card_of(campaign(1), BUYER, &plain(&definition(CampaignKind::Item, 5, 0)));
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.cards[0].card(), quoted.cards[0].units.get()), (cups, 3));
    assert_eq!(quoted.discount, quoted.gross);
    shop.redeem(cups, 4, 0);
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.cards[0].units.get(), quoted.discount), (1, 4_000), "the one that is worth most");
    shop.close();
}

#[test]
fn of_a_large_wallet_the_newest_are_looked_at_and_it_is_said() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.card_of(campaign(1), BUYER, &plain(&definition(CampaignKind::AmountOff, 1, 500)));
    for _ in 1..QUOTE_CARDS_MAX {
        shop.one_more(campaign(1), BUYER);
    }
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.cards.len(), quoted.exact), (QUOTE_CARDS_MAX, true));
    shop.one_more(campaign(1), BUYER);
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.cards.len(), quoted.exact), (QUOTE_CARDS_MAX, false));
    shop.close();
}

#[test]
fn a_wallet_full_of_cards_without_a_price_hides_no_coupon() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let coupon = shop.card_of(campaign(1), BUYER, &plain(&definition(CampaignKind::AmountOff, 1, 500)));
    shop.card_of(campaign(2), BUYER, &plain(&definition(CampaignKind::Uses, 3, 0)));
    for _ in 0..QUOTE_CARDS_MAX {
        shop.one_more(campaign(2), BUYER);
    }
    let quoted = shop.quote(of_wallet(&CART));
    assert_eq!((quoted.cards[0].card(), quoted.discount), (coupon, 500));
    assert_eq!((quoted.cards.len(), quoted.exact), (QUOTE_CARDS_MAX, true));
    assert!(quoted.cards[1..].iter().all(|card| card.outcome() == Some(CardOutcome::Nothing)));
    shop.close();
}

/// Any definition that takes an amount off, with its tiers.
fn any_worth() -> impl Strategy<Value = (Definition, Vec<Tier>)> {
    let kinds = prop_oneof![
        Just(CampaignKind::AmountOff),
        Just(CampaignKind::PercentOff),
        Just(CampaignKind::FixedPrice)
    ];
    let large = prop_oneof![4 => 0..3_000u64, 1 => any::<u64>()];
    let steps = prop::collection::vec((1..900u64, 1..400u64), 0..=4);
    (kinds, (large.clone(), large.clone(), large), any::<bool>(), steps).prop_map(
        |(kind, (threshold, value, cap), each, steps)| {
            let amount_off = kind == CampaignKind::AmountOff;
            let tiered = amount_off && !steps.is_empty();
            let value = match kind {
                CampaignKind::PercentOff => value % 10_000 + 1,
                CampaignKind::AmountOff if tiered => 0,
                _ => value.max(1),
            };
            let mut worth = definition(kind, 1, value);
            worth.threshold.set(if tiered { 0 } else { threshold });
            worth.cap.set(if kind == CampaignKind::FixedPrice { 0 } else { cap });
            worth.flags = if each && amount_off && !tiered && threshold != 0 { Definition::EACH } else { 0 };
            let mut last = (0, 0);
            let mut tier = |(threshold, value): (u64, u64)| {
                last = (last.0 + threshold, last.1 + value);
                Tier::new(last.0, last.1)
            };
            let tiers = if tiered { steps.into_iter().map(&mut tier).collect() } else { Vec::new() };
            (worth, tiers)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A cart of one piece and one card: the two commands have one rule.
    #[test]
    fn a_quote_promises_what_a_redemption_gives((worth, tiers) in any_worth(), price in 0..4_000u64) {
        let mut shop = Shop::new(ROOMY, Rules::default());
        let card = shop.card_of(campaign(1), BUYER, &CampaignTerms { tiers: &tiers, ..plain(&worth) });
        let lines = [CartLine::new(1, 0, price, 1)];
        let quoted = shop.quote(of_wallet(&lines));
        let found = quoted.cards[0];
        match shop.redeem(card, 1, price) {
            Got::Redeemed(redeemed) => {
                prop_assert_eq!(found.discount.get(), redeemed.discount);
                let expected = if redeemed.discount == 0 { CardOutcome::Nothing } else { CardOutcome::Used };
                prop_assert_eq!(found.outcome(), Some(expected));
            }
            Got::Refused(Code::RuleFailed, Why::Units(amount, threshold)) => {
                prop_assert_eq!(found.refusal(), Some(Code::RuleFailed));
                prop_assert_eq!((found.fact.get(), found.threshold.get()), (amount, threshold));
            }
            other => prop_assert!(false, "{:?}", other),
        }
        shop.close();
    }
}
