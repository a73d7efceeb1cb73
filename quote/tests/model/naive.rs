//! A quote, written a second time and as plainly as docs/quote.md says it: vectors, wide numbers, every subset tried, no
//! bits, no bounds. It stands apart from the crate so that one of the two may be wrong.
//!
//! Invariant: nothing of the crate is used but its types.

use scrip_quote::{Amount, Cart, Counted, Kind, Line, Offer, Outcome, Over, Reason, Scope, Stage};

/// What one card takes off each line, and off the shipping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub outcome: Outcome,
    pub lines: Vec<u128>,
    pub shipping: u128,
}

/// A combination with everything that is compared.
#[derive(Debug, Clone)]
pub struct Priced {
    /// By the card's place among the offers; none for cards outside the combination.
    pub taken: Vec<Option<Taken>>,
    pub discount: u128,
    pub paid: u128,
    pub due: u128,
}

/// The order in which these offers take their turns.
fn turns(cart: &Cart<'_>, offers: &[Offer<'_>], chosen: &[usize]) -> Vec<usize> {
    let mut order = chosen.to_vec();
    order.sort_by_key(|at| {
        let offer = &offers[*at];
        let lines = cart.lines.iter().filter(|line| covers(&offer.scope, line)).count();
        let (expiry, campaign) = (offer.expires_ms.0, offer.campaign.0);
        let next = match offer.kind {
            Kind::StoredValue { .. } => (expiry, campaign),
            _ => (campaign, expiry),
        };
        (offer.kind.stage(), lines, next, offer.card)
    });
    order
}

fn covers(scope: &Scope<'_>, line: &Line<'_>) -> bool {
    let tagged = |list: &[_]| line.categories.iter().any(|category| list.contains(category));
    let named = !scope.products.only.is_empty() || !scope.categories.only.is_empty();
    let wanted = scope.products.only.contains(&line.product) || tagged(scope.categories.only);
    let unwanted = scope.products.never.contains(&line.product) || tagged(scope.categories.never);
    (!named || wanted) && !unwanted
}

/// The first reason, in order, that needs no other card.
fn reason_alone(cart: &Cart<'_>, offer: &Offer<'_>) -> Option<Reason> {
    let scope = &offer.scope;
    if cart.now_ms < offer.starts_ms {
        return Some(Reason::NotStarted);
    }
    if cart.now_ms >= offer.expires_ms {
        return Some(Reason::Expired);
    }
    if offer.currency.0 != 0 && offer.currency != cart.currency {
        return Some(Reason::Currency);
    }
    let here = |only: bool, never: bool| only && !never;
    let channels = &scope.channels;
    let open = channels.only.is_empty() || channels.only.contains(&cart.channel);
    if !here(open, channels.never.contains(&cart.channel)) {
        return Some(Reason::Channel);
    }
    let stores = &scope.stores;
    let open = stores.only.is_empty() || stores.only.contains(&cart.store);
    if !here(open, stores.never.contains(&cart.store)) {
        return Some(Reason::Store);
    }
    let is_in = |list: &[_]| cart.segments.iter().any(|segment| list.contains(segment));
    if !here(scope.segments.only.is_empty() || is_in(scope.segments.only), is_in(scope.segments.never)) {
        return Some(Reason::Segment);
    }
    (!cart.lines.iter().any(|line| covers(scope, line))).then_some(Reason::NoLine)
}

/// Whether these may be used together.
pub fn legal(offers: &[Offer<'_>], chosen: &[usize]) -> bool {
    chosen.iter().all(|one| {
        chosen.iter().filter(|other| *other != one).all(|other| {
            let (one, other) = (&offers[*one].stacking, &offers[*other].stacking);
            !one.exclusive && one.combines.has(other.class)
        })
    })
}

/// The cart with these cards.
pub fn price(cart: &Cart<'_>, offers: &[Offer<'_>], chosen: &[usize]) -> Priced {
    let mut platform = vec![0_u128; cart.lines.len()];
    for fixed in cart.fixed {
        platform[usize::from(fixed.line)] += u128::from(fixed.amount.0);
    }
    let gross: Vec<u128> =
        cart.lines.iter().map(|line| u128::from(line.unit_price.0) * u128::from(line.quantity)).collect();
    let mut left: Vec<u128> = gross.iter().zip(&platform).map(|(gross, platform)| gross - platform).collect();
    let mut free: Vec<u32> = cart.lines.iter().map(|line| line.quantity).collect();
    let mut shipping = u128::from(cart.shipping.0);
    let mut priced = Priced { taken: vec![None; offers.len()], discount: 0, paid: 0, due: 0 };
    let mut stage = Stage::Item;
    let mut began = left.clone();
    for at in turns(cart, offers, chosen) {
        let offer = &offers[at];
        if offer.kind.stage() != stage {
            stage = offer.kind.stage();
            began = left.clone();
        }
        let before = left.clone();
        let shipping_before = shipping;
        let outcome = turn(cart, offer, (&gross, &began), &mut left, &mut free, &mut shipping);
        let lines: Vec<u128> = before.iter().zip(&left).map(|(before, after)| before - after).collect();
        let taken = Taken { outcome, lines, shipping: shipping_before - shipping };
        let amount = taken.lines.iter().sum::<u128>() + taken.shipping;
        if stage == Stage::StoredValue {
            priced.paid += amount;
        } else {
            priced.discount += amount;
        }
        priced.taken[at] = Some(taken);
    }
    priced.due = left.iter().sum::<u128>() + shipping;
    priced
}

fn turn(
    cart: &Cart<'_>,
    offer: &Offer<'_>,
    (gross, began): (&[u128], &[u128]),
    left: &mut [u128],
    free: &mut [u32],
    shipping: &mut u128,
) -> Outcome {
    if let Some(reason) = reason_alone(cart, offer) {
        return Outcome::Refused(reason);
    }
    let scope: Vec<usize> =
        (0..cart.lines.len()).filter(|line| covers(&offer.scope, &cart.lines[*line])).collect();
    let amounts = match offer.threshold.counted {
        Counted::AfterEarlierStages => began,
        Counted::BeforeEverything => gross,
    };
    let counted: u128 = match offer.threshold.over {
        Over::Scope => scope.iter().map(|line| amounts[*line]).sum(),
        Over::Cart => amounts.iter().sum(),
    };
    let needed = match offer.kind {
        Kind::Tiers(tiers) => tiers[0].threshold,
        _ => offer.threshold.amount,
    };
    if counted < u128::from(needed.0) {
        let shown = if needed.0 == 0 { 0 } else { counted };
        return Outcome::Refused(Reason::Threshold { counted: Amount(shown as u64), needed });
    }
    let goods: u128 = scope.iter().map(|line| left[*line]).sum();
    let mut whole = |wanted: u128| {
        let amount = wanted.min(goods);
        split(amount, left, &scope);
        amount
    };
    let amount = match offer.kind {
        Kind::AmountOff { value, repeats_max, cap } => {
            let times = match needed.0 {
                0 => 1,
                needed => (counted / u128::from(needed)).min(u128::from(repeats_max)),
            };
            let off = u128::from(value.0) * times;
            whole(cap.map_or(off, |cap| off.min(u128::from(cap.0))))
        }
        Kind::Tiers(tiers) => {
            let reached = tiers.iter().filter(|tier| u128::from(tier.threshold.0) <= counted);
            whole(reached.map(|tier| u128::from(tier.value.0)).max().expect("the first is reached"))
        }
        Kind::PercentOff { off_basis_points, cap } => {
            let share = (goods * u128::from(off_basis_points) * 2 + 10_000) / 20_000;
            whole(cap.map_or(share, |cap| share.min(u128::from(cap.0))))
        }
        Kind::Item { pieces } => take_pieces(cart, &scope, (pieces, 0), left, free),
        Kind::FixedPrice { price, pieces } => take_pieces(cart, &scope, (pieces, price.0), left, free),
        Kind::Shipping { value } => {
            let amount = u128::from(value.0).min(*shipping);
            *shipping -= amount;
            amount
        }
        Kind::StoredValue { balance, pays_shipping } => {
            let goods = whole(u128::from(balance.0));
            let rest = u128::from(balance.0) - goods;
            let more = if pays_shipping { rest.min(*shipping) } else { 0 };
            *shipping -= more;
            goods + more
        }
    };
    if amount == 0 { Outcome::Refused(Reason::NothingLeft) } else { Outcome::Used }
}

/// Piece by piece: the one worth most, of equal ones that of the first line.
fn take_pieces(
    cart: &Cart<'_>,
    scope: &[usize],
    (pieces, price): (u32, u64),
    left: &mut [u128],
    free: &mut [u32],
) -> u128 {
    let mut together = 0;
    for _ in 0..pieces {
        let worth = |line: usize, left: &[u128], free: &[u32]| {
            let drop = cart.lines[line].unit_price.0.saturating_sub(price);
            if free[line] == 0 { 0 } else { u128::from(drop).min(left[line]) }
        };
        let mut most: Option<(usize, u128)> = None;
        for line in scope {
            let value = worth(*line, left, free);
            if value > most.map_or(0, |(_, value)| value) {
                most = Some((*line, value));
            }
        }
        let Some((line, value)) = most else { break };
        left[line] -= value;
        free[line] -= 1;
        together += value;
    }
    together
}

/// Largest remainder: everybody the whole units, then one each to the largest remainders, of equal ones to the first.
fn split(amount: u128, left: &mut [u128], scope: &[usize]) {
    let total: u128 = scope.iter().map(|line| left[*line]).sum();
    if total == 0 {
        return;
    }
    let mut rest = amount;
    let mut remainders: Vec<(u128, usize)> = Vec::new();
    for line in scope {
        let share = amount * left[*line] / total;
        remainders.push((amount * left[*line] % total, *line));
        left[*line] -= share;
        rest -= share;
    }
    remainders.sort_by(|(one, first), (other, second)| other.cmp(one).then(first.cmp(second)));
    for (_, line) in remainders.into_iter().take(rest as usize) {
        left[line] -= 1;
    }
}

/// The best of all legal combinations whose cards are all of use, by trying them all.
pub fn best(cart: &Cart<'_>, offers: &[Offer<'_>]) -> (Vec<usize>, Priced) {
    let mut best: Option<(Vec<usize>, Priced)> = None;
    for subset in 0_u32..1 << offers.len() {
        let chosen: Vec<usize> = (0..offers.len()).filter(|at| subset >> at & 1 == 1).collect();
        if !legal(offers, &chosen) {
            continue;
        }
        let priced = price(cart, offers, &chosen);
        let better = best.as_ref().is_none_or(|(other, of_other)| {
            let one = (priced.discount, priced.paid, std::cmp::Reverse(chosen.len()));
            let two = (of_other.discount, of_other.paid, std::cmp::Reverse(other.len()));
            one > two || (one == two && expiries(offers, &chosen) < expiries(offers, other))
        });
        if better {
            best = Some((chosen, priced));
        }
    }
    best.expect("no cards are a combination, too")
}

fn expiries(offers: &[Offer<'_>], chosen: &[usize]) -> Vec<(u64, u64)> {
    let mut expiries: Vec<_> =
        chosen.iter().map(|at| (offers[*at].expires_ms.0, offers[*at].card.0)).collect();
    expiries.sort_unstable();
    expiries
}
