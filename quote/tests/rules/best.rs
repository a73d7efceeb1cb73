//! Which combination is the best.

use crate::{CUP, HUNDRED, TEA, used};
use scrip_quote::limits::CARDS_MAX;
use scrip_quote::{
    Amount, CampaignId, CardId, Cart, Choice, Kind, Offer, Outcome, Over, ProductId, Quoter, Reason, Scope,
    Stacking, Threshold, TimeMs,
};

fn alone(card: u64, kind: Kind<'static>) -> Offer<'static> {
    Offer { stacking: Stacking::exclusive(0), ..Offer::new(card, kind) }
}

fn best(offers: &[Offer<'_>]) -> Vec<CardId> {
    let mut quoter = Quoter::new();
    let best = quoter.best(&Cart::of(&HUNDRED), offers).expect("a quote");
    assert!(best.exact);
    used(&best.quote)
}

fn cards(ids: &[u64]) -> Vec<CardId> {
    ids.iter().copied().map(CardId).collect()
}

#[test]
fn the_largest_discount_wins() {
    let together = [Offer::new(1, Kind::amount_off(300)), Offer::new(2, Kind::percent_off(500))];
    let [one, two] = together;
    assert_eq!(best(&[one, two, alone(3, Kind::amount_off(799))]), cards(&[1, 2]));
    assert_eq!(best(&[one, two, alone(3, Kind::amount_off(801))]), cards(&[3]));
}

#[test]
fn a_card_that_spoils_a_better_one_is_left_out() {
    let percent = Offer::new(1, Kind::percent_off(100));
    let amount = Offer { threshold: Threshold::of(10_000), ..Offer::new(2, Kind::amount_off(2_000)) };
    assert_eq!(best(&[percent, amount]), cards(&[2]));
}

#[test]
fn of_equal_discounts_fewer_cards_win() {
    let offers = [
        Offer::new(1, Kind::amount_off(400)),
        Offer::new(2, Kind::amount_off(400)),
        alone(3, Kind::amount_off(800)),
    ];
    assert_eq!(best(&offers), cards(&[3]));
}

#[test]
fn a_card_that_takes_nothing_is_never_used() {
    let offers = [Offer::new(1, Kind::amount_off(10_000)), Offer::new(2, Kind::amount_off(1))];
    assert_eq!(best(&offers), cards(&[1]));
}

#[test]
fn of_as_many_cards_those_that_expire_earlier_win() {
    let until =
        |card, expires_ms| Offer { expires_ms: TimeMs(expires_ms), ..alone(card, Kind::amount_off(800)) };
    assert_eq!(best(&[until(1, 300), until(2, 200), until(3, 250)]), cards(&[2]));
    assert_eq!(best(&[until(3, 200), until(2, 200), until(1, 200)]), cards(&[1]), "at last by id");
}

#[test]
fn of_equal_cards_the_one_that_expires_earlier_is_used_first() {
    let of_one_campaign = |card, expires_ms| Offer {
        campaign: CampaignId(7),
        expires_ms: TimeMs(expires_ms),
        ..Offer::new(card, Kind::amount_off(4_000))
    };
    let offers =
        [of_one_campaign(1, 90), of_one_campaign(2, 50), of_one_campaign(3, 70), of_one_campaign(4, 60)];
    assert_eq!(best(&offers), cards(&[2, 3, 4]));
}

#[test]
fn cards_of_one_campaign_that_differ_in_scope_are_each_tried() {
    let scope = |product| Scope { products: Choice::only(product), ..Scope::ALL };
    let half = |card, product, expires_ms| Offer {
        campaign: CampaignId(7),
        scope: scope(product),
        threshold: Threshold { over: Over::Cart, ..Threshold::NONE },
        expires_ms: TimeMs(expires_ms),
        stacking: Stacking::new(1, &[0]),
        ..Offer::new(card, Kind::percent_off(5_000))
    };
    let free_teas = Offer {
        scope: scope(&[ProductId(TEA)]),
        threshold: Threshold::of(6_000),
        stacking: Stacking::new(0, &[1]),
        ..Offer::new(3, Kind::amount_off(6_000))
    };
    // Half-price teas take more than half-price cups, and expire earlier, but then the teas are too cheap to be free.
    let offers = [half(1, &[ProductId(TEA)], 10), half(2, &[ProductId(CUP)], 20), free_teas];
    assert_eq!(best(&offers), cards(&[2, 3]));
}

#[test]
fn stored_value_never_displaces_a_discount_and_is_used_otherwise() {
    let stored = |card, balance, stacking| Offer {
        stacking,
        ..Offer::new(card, Kind::StoredValue { balance: Amount(balance), pays_shipping: true })
    };
    let coupon = alone(1, Kind::amount_off(100));
    assert_eq!(best(&[coupon, stored(2, 9_000, Stacking::TOGETHER)]), cards(&[1]));
    let coupon = Offer::new(1, Kind::amount_off(100));
    let stores = [1_000, 9_000, 950, 5_000].map(|balance| stored(balance, balance, Stacking::TOGETHER));
    // 99.00 are left to pay: two cards do it, of those the pair that expires alike is chosen by id.
    assert_eq!(best(&[coupon, stores[0], stores[1], stores[2], stores[3]]), cards(&[1, 950, 9_000]));
}

#[test]
fn a_card_that_is_left_out_is_judged_alone() {
    let cup = Scope { products: Choice::only(&[ProductId(CUP)]), ..Scope::ALL };
    let offers = [
        alone(1, Kind::amount_off(900)),
        alone(2, Kind::amount_off(800)),
        Offer { scope: cup, threshold: Threshold::of(5_000), ..Offer::new(3, Kind::amount_off(10)) },
    ];
    let mut quoter = Quoter::new();
    let best = quoter.best(&Cart::of(&HUNDRED), &offers).expect("a quote");
    let outcomes: Vec<Outcome> = best.quote.cards.iter().map(|card| card.outcome).collect();
    let below = Reason::Threshold { counted: Amount(4_000), needed: Amount(5_000) };
    assert_eq!(outcomes, [Outcome::Used, Outcome::LeftOut, Outcome::Refused(below)]);
}

#[test]
fn a_search_beyond_its_bound_says_so_and_still_answers() {
    let offers: Vec<Offer<'_>> = (1..=20)
        .map(|card| Offer {
            threshold: Threshold::of(9_000 - card * 17),
            ..Offer::new(
                card,
                if card % 2 == 0 { Kind::percent_off(100) } else { Kind::amount_off(300 + card) },
            )
        })
        .collect();
    let mut last = 0;
    for work_max in [0, 30, 200, u32::MAX] {
        let mut quoter = Quoter::with_work_max(work_max);
        let best = quoter.best(&Cart::of(&HUNDRED), &offers).expect("a quote");
        assert_eq!(best.exact, work_max == u32::MAX, "{best:?}");
        assert!(best.work <= work_max.saturating_add(2 * CARDS_MAX as u32), "{}", best.work);
        assert!(best.quote.totals.discount.0 >= last, "more work, no less discount: {best:?}");
        last = best.quote.totals.discount.0;
    }
    assert!(last > 0);
}

#[test]
fn no_cards_is_a_combination() {
    assert_eq!(best(&[]), cards(&[]));
}
