//! The crate against a naive model of the same rules, and the laws that every quote keeps, on carts and wallets by chance.
//!
//! It stands beside the tests of single rules because it knows none of them. Invariant: the model (naive.rs) shares no
//! code with the crate.

mod naive;
mod worlds;

use proptest::prelude::*;
use scrip_quote::{Cart, Offer, Outcome, Quote, Quoter, Refusal, Return, Returning, share_of_return};
use worlds::{borrowed, carts, wallets};

/// That `quote` says what the model says of the same combination.
fn same_as_model(quote: &Quote<'_>, model: &naive::Priced) -> Result<(), TestCaseError> {
    prop_assert_eq!(u128::from(quote.totals.discount.0), model.discount);
    prop_assert_eq!(u128::from(quote.totals.paid.0), model.paid);
    prop_assert_eq!(u128::from(quote.totals.due.0), model.due);
    for (at, taken) in model.taken.iter().enumerate() {
        let card = &quote.cards[at];
        let Some(taken) = taken else {
            prop_assert_ne!(card.outcome, Outcome::Used);
            continue;
        };
        prop_assert_eq!(card.outcome, taken.outcome);
        prop_assert_eq!(u128::from(card.shipping.0), taken.shipping);
        let shares: Vec<u128> = quote.shares(at).iter().map(|share| u128::from(share.0)).collect();
        prop_assert_eq!(&shares, &taken.lines);
    }
    Ok(())
}

/// What holds for every quote.
fn lawful(cart: &Cart<'_>, quote: &Quote<'_>) -> Result<(), TestCaseError> {
    let mut goods_due = 0;
    for (line, quoted) in quote.lines.iter().enumerate() {
        let gross = cart.lines[line].unit_price.0 * u64::from(cart.lines[line].quantity);
        prop_assert_eq!(quoted.gross.0, gross);
        let parts = quoted.platform.0 + quoted.discount.0 + quoted.paid.0 + quoted.due.0;
        prop_assert_eq!(parts, gross, "parts of line {} add up, so none is beyond it", line);
        let of_cards: u64 = (0..quote.cards.len()).map(|at| quote.shares(at)[line].0).sum();
        prop_assert_eq!(of_cards, quoted.discount.0 + quoted.paid.0);
        goods_due += quoted.due.0;
    }
    let shipping = &quote.shipping;
    prop_assert_eq!(shipping.discount.0 + shipping.paid.0 + shipping.due.0, cart.shipping.0);
    let totals = &quote.totals;
    prop_assert_eq!(totals.platform.0 + totals.discount.0 + totals.paid.0 + totals.due.0, totals.gross.0);
    prop_assert_eq!(totals.due.0, goods_due + shipping.due.0);
    for (at, card) in quote.cards.iter().enumerate() {
        prop_assert_eq!(quote.shares(at).iter().map(|share| share.0).sum::<u64>(), card.goods.0);
        prop_assert_eq!(card.amount().0 > 0, card.outcome == Outcome::Used);
    }
    prop_assert_eq!(
        quote.order().count(),
        quote.cards.iter().filter(|card| card.outcome == Outcome::Used).count()
    );
    Ok(())
}

/// What a quote says, by card id instead of by place.
fn by_card(quote: &Quote<'_>) -> Vec<(u64, String, Vec<u64>)> {
    let cards = quote.cards.iter().enumerate();
    let mut told: Vec<_> = cards
        .map(|(at, card)| {
            let shares = quote.shares(at).iter().map(|share| share.0).collect();
            (card.card.0, format!("{:?} {:?} {:?}", card.outcome, card.goods, card.shipping), shares)
        })
        .collect();
    told.sort();
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn best_is_what_trying_every_legal_combination_finds(cart in carts(6), wallet in wallets(8)) {
        let (lines, offers) = (cart.lines(), borrowed(&wallet));
        let cart = cart.cart(&lines);
        let mut quoter = Quoter::new();
        let best = quoter.best(&cart, &offers).expect("well formed");
        let (chosen, priced) = naive::best(&cart, &offers);
        prop_assert!(best.exact);
        lawful(&cart, &best.quote)?;
        let used: Vec<usize> =
            (0..offers.len()).filter(|at| best.quote.cards[*at].outcome == Outcome::Used).collect();
        prop_assert_eq!(used, chosen);
        same_as_model(&best.quote, &priced)?;
        for (at, offer) in offers.iter().enumerate() {
            let alone = naive::price(&cart, std::slice::from_ref(offer), &[0]);
            let alone = alone.taken[0].as_ref().expect("chosen").outcome;
            match best.quote.cards[at].outcome {
                Outcome::Used => {}
                Outcome::LeftOut => prop_assert_eq!(alone, Outcome::Used),
                refused => prop_assert_eq!(alone, refused),
            }
        }
    }

    #[test]
    fn a_quote_is_what_the_model_says_or_the_cards_clash(cart in carts(12), wallet in wallets(6)) {
        let (lines, offers) = (cart.lines(), borrowed(&wallet));
        let cart = cart.cart(&lines);
        let all: Vec<usize> = (0..offers.len()).collect();
        let mut quoter = Quoter::new();
        match quoter.quote(&cart, &offers) {
            Ok(quote) => {
                prop_assert!(naive::legal(&offers, &all));
                lawful(&cart, &quote)?;
                same_as_model(&quote, &naive::price(&cart, &offers, &all))?;
            }
            Err(Refusal::Clash(clash)) => {
                let place = |card| offers.iter().position(|offer| offer.card == card).expect("a card of these");
                prop_assert!(!naive::legal(&offers, &[place(clash.first), place(clash.second)]));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn the_order_of_the_offers_changes_nothing(
        (cart, wallet, shuffled) in (carts(8), wallets(20)).prop_flat_map(|(cart, wallet)| {
            let places: Vec<usize> = (0..wallet.len()).collect();
            (Just(cart), Just(wallet), Just(places).prop_shuffle())
        }),
        work_max in prop_oneof![Just(40_u32), Just(20_000)],
    ) {
        let (lines, offers) = (cart.lines(), borrowed(&wallet));
        let cart = cart.cart(&lines);
        let mixed: Vec<Offer<'_>> = shuffled.iter().map(|at| offers[*at]).collect();
        let (mut one, mut other) = (Quoter::with_work_max(work_max), Quoter::with_work_max(work_max));
        let first = one.best(&cart, &offers).expect("well formed");
        // A quoter that has priced something else before answers alike.
        other.best(&Cart::of(&lines[..1]), &offers[..offers.len() / 2]).expect("well formed");
        let second = other.best(&cart, &mixed).expect("well formed");
        prop_assert_eq!((first.exact, first.work), (second.exact, second.work));
        prop_assert_eq!(by_card(&first.quote), by_card(&second.quote));
        prop_assert_eq!(first.quote.lines, second.quote.lines);
        lawful(&cart, &first.quote)?;
    }

    #[test]
    fn best_is_the_quote_of_its_own_cards(cart in carts(8), wallet in wallets(16)) {
        let (lines, offers) = (cart.lines(), borrowed(&wallet));
        let cart = cart.cart(&lines);
        let (mut one, mut other) = (Quoter::new(), Quoter::new());
        let best = one.best(&cart, &offers).expect("well formed");
        let chosen: Vec<Offer<'_>> = best.quote.order().map(|at| offers[at]).collect();
        let quote = other.quote(&cart, &chosen).expect("a legal combination");
        prop_assert_eq!(quote.totals, best.quote.totals);
        prop_assert_eq!(quote.lines, best.quote.lines);
        prop_assert!(quote.cards.iter().all(|card| card.outcome == Outcome::Used));
    }

    #[test]
    fn returns_in_any_steps_add_up_to_the_line(
        cart in carts(6),
        wallet in wallets(10),
        steps in prop::collection::vec(prop::collection::vec(0_u32..3, 6), 0..6),
    ) {
        let (lines, offers) = (cart.lines(), borrowed(&wallet));
        let cart = cart.cart(&lines);
        let mut quoter = Quoter::new();
        let quote = quoter.best(&cart, &offers).expect("well formed").quote;
        let mut back = Return::default();
        let mut sums = vec![[0_u64; 5]; quote.lines.len()];
        let mut cards = vec![(0_u64, 0_u32); quote.cards.len()];
        let mut before = vec![0_u32; quote.lines.len()];
        // At last whatever is still there.
        for step in steps.into_iter().chain([vec![u32::MAX; 6]]) {
            let returning: Vec<Returning> = before.iter().zip(&step).zip(quote.lines)
                .map(|((before, now), line)| Returning { before: *before, now: (*now).min(line.quantity - before) })
                .collect();
            share_of_return(&quote, &returning, &mut back).expect("pieces that are there");
            for (line, returned) in back.lines.iter().enumerate() {
                let parts = [returned.platform, returned.discount, returned.paid, returned.due].map(|part| part.0);
                prop_assert_eq!(parts.iter().sum::<u64>(), returned.gross.0);
                prop_assert_eq!(returned.gross.0, cart.lines[line].unit_price.0 * u64::from(returning[line].now));
                sums[line][4] += returned.gross.0;
                (0..4).for_each(|part| sums[line][part] += parts[part]);
                before[line] += returning[line].now;
            }
            for (sum, card) in cards.iter_mut().zip(&back.cards) {
                *sum = (sum.0 + card.amount.0, sum.1 + u32::from(card.back));
            }
        }
        for (line, sum) in quote.lines.iter().zip(sums) {
            let whole = [line.platform, line.discount, line.paid, line.due, line.gross].map(|part| part.0);
            prop_assert_eq!(whole, sum);
        }
        for (card, (amount, times)) in quote.cards.iter().zip(cards) {
            prop_assert_eq!(card.goods.0, amount);
            prop_assert_eq!(u32::from(card.outcome == Outcome::Used), times, "a used card comes back once");
        }
    }
}
