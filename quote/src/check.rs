//! What must hold for a cart and offers before anything is computed: the maxima, and rules that can be meant. It stands
//! before the preparation so that nothing behind it can overflow or run long.
//!
//! Invariant: behind these checks every sum of amounts of the cart fits [`AMOUNT_MAX`].

use crate::cart::Cart;
use crate::ids::Amount;
use crate::limits::{
    AMOUNT_MAX, BASIS_POINTS, CARDS_MAX, CATEGORIES_PER_LINE_MAX, FIXED_DISCOUNTS_MAX, LINES_MAX,
    SCOPE_ENTRIES_MAX, SEGMENTS_MAX, STACKING_CLASSES, TIERS_MAX,
};
use crate::offer::{Choice, Kind, Offer, Scope, Tier};
use crate::refusal::{Item, Malformed, OfferFault};

/// Everything about the cart but the platform-funded discounts, which are checked as they are taken off.
pub(crate) fn cart(cart: &Cart<'_>) -> Result<(), Malformed> {
    at_most(Item::Lines, cart.lines.len(), LINES_MAX)?;
    at_most(Item::Segments, cart.segments.len(), SEGMENTS_MAX)?;
    at_most(Item::FixedDiscounts, cart.fixed.len(), FIXED_DISCOUNTS_MAX)?;
    let mut total = cart.shipping.0;
    for (line, of_cart) in cart.lines.iter().enumerate() {
        at_most(Item::Categories, of_cart.categories.len(), CATEGORIES_PER_LINE_MAX)?;
        if of_cart.quantity == 0 {
            return Err(Malformed::NoPieces { line });
        }
        let gross = of_cart.unit_price.0.checked_mul(u64::from(of_cart.quantity));
        let gross = gross.filter(|gross| *gross <= AMOUNT_MAX).ok_or(Malformed::LineTooLarge { line })?;
        total = total.checked_add(gross).ok_or(Malformed::CartTooLarge)?;
    }
    if total > AMOUNT_MAX { Err(Malformed::CartTooLarge) } else { Ok(()) }
}

/// All offers: how many, each by itself, and that no card stands twice.
pub(crate) fn offers(offers: &[Offer<'_>]) -> Result<(), Malformed> {
    at_most(Item::Cards, offers.len(), CARDS_MAX)?;
    for (at, offer) in offers.iter().enumerate() {
        if let Kind::Tiers(tiers) = offer.kind {
            at_most(Item::Tiers, tiers.len(), TIERS_MAX)?;
        }
        at_most(Item::ScopeEntries, entries(&offer.scope), SCOPE_ENTRIES_MAX)?;
        one(offer).map_err(|fault| Malformed::Offer { card: offer.card, fault })?;
        if offers[..at].iter().any(|earlier| earlier.card == offer.card) {
            return Err(Malformed::CardTwice { card: offer.card });
        }
    }
    Ok(())
}

fn at_most(item: Item, count: usize, max: usize) -> Result<(), Malformed> {
    if count > max { Err(Malformed::TooMany { item, count, max }) } else { Ok(()) }
}

fn entries(scope: &Scope<'_>) -> usize {
    fn of<T>(choice: &Choice<'_, T>) -> usize {
        choice.only.len() + choice.never.len()
    }
    of(&scope.channels)
        + of(&scope.stores)
        + of(&scope.segments)
        + of(&scope.products)
        + of(&scope.categories)
}

fn one(offer: &Offer<'_>) -> Result<(), OfferFault> {
    kind(offer)?;
    if offer.threshold.amount.0 > AMOUNT_MAX {
        return Err(OfferFault::AmountTooLarge);
    }
    if offer.stacking.class.0 >= STACKING_CLASSES {
        return Err(OfferFault::StackingClass);
    }
    if offer.starts_ms > offer.expires_ms {
        return Err(OfferFault::Validity);
    }
    let scope = &offer.scope;
    let ascend = ascends(&scope.channels)
        && ascends(&scope.stores)
        && ascends(&scope.segments)
        && ascends(&scope.products)
        && ascends(&scope.categories);
    if ascend { Ok(()) } else { Err(OfferFault::ScopeOrder) }
}

fn kind(offer: &Offer<'_>) -> Result<(), OfferFault> {
    let threshold = offer.threshold.amount.0;
    let (amount, fault) = match offer.kind {
        Kind::AmountOff { value, repeats_max, cap } => {
            let never = repeats_max == 0 || (repeats_max > 1 && threshold == 0);
            (value.max(cap.unwrap_or_default()), never.then_some(OfferFault::Repeats))
        }
        Kind::Tiers(tiers) => {
            let stray = tiers.is_empty() || threshold != 0 || !tiers.windows(2).all(rise);
            let largest = tiers.last().map_or(0, |tier| tier.threshold.0.max(tier.value.0));
            (Amount(largest), stray.then_some(OfferFault::Tiers))
        }
        Kind::PercentOff { off_basis_points, cap } => {
            let meant = (1..=BASIS_POINTS).contains(&off_basis_points);
            (cap.unwrap_or_default(), (!meant).then_some(OfferFault::Share))
        }
        Kind::Item { pieces } => (Amount(0), (pieces == 0).then_some(OfferFault::Pieces)),
        Kind::FixedPrice { price, pieces } => (price, (pieces == 0).then_some(OfferFault::Pieces)),
        Kind::Shipping { value } => (value, None),
        Kind::StoredValue { balance, .. } => (balance, None),
    };
    match fault {
        Some(fault) => Err(fault),
        None if amount.0 > AMOUNT_MAX => Err(OfferFault::AmountTooLarge),
        None => Ok(()),
    }
}

fn rise(pair: &[Tier]) -> bool {
    pair[0].threshold < pair[1].threshold && pair[0].value < pair[1].value
}

fn ascends<T: Ord>(choice: &Choice<'_, T>) -> bool {
    choice.only.is_sorted_by(|one, next| one < next) && choice.never.is_sorted_by(|one, next| one < next)
}
