//! The cart while cards take their turns: what is left of each line, what a card would take, and the taking itself. It
//! stands below the search and the quote, which use the same two functions, so that what was searched for is what is
//! quoted.
//!
//! Invariant: what is left only ever falls, never below zero, and what a card would take from less is never more. The
//! search's bounds rest on that.

use crate::arithmetic::{bits, half_up_share, sum, take_split};
use crate::ids::Amount;
use crate::limits::{CARDS_MAX, LINES_MAX};
use crate::offer::Stage;
use crate::outcome::Reason;
use crate::prepare::{Action, Card, Prepared};
use arrayvec::ArrayVec;

/// The cart after some cards.
#[derive(Clone)]
pub(crate) struct Level {
    /// What is left of each line.
    pub left: [u64; LINES_MAX],
    /// Pieces of each line that no item card has taken.
    pub free: [u32; LINES_MAX],
    pub shipping: u64,
    /// What is left of all lines.
    goods: u64,
    /// The stage of the last card.
    stage: Stage,
    /// The level at which that stage began.
    stage_level: usize,
    /// What the cards took off, but for payment.
    pub discount: u64,
    /// What they paid.
    pub paid: u64,
    /// The cards.
    pub cards: u64,
    /// Their ranks.
    pub ranks: u64,
}

impl Level {
    /// What is left of the lines and the shipping.
    pub(crate) fn left_total(&self) -> u64 {
        self.goods + self.shipping
    }

    /// What is left of `lines`. Most cards are for all lines, whose sum is at hand.
    fn goods(&self, prepared: &Prepared, lines: u64) -> u64 {
        if lines == prepared.all_lines() { self.goods } else { sum(&self.left, lines) }
    }
}

/// The cart after none, one, two and more cards: what a search goes up and down.
pub(crate) struct Levels(Vec<Level>);

impl Levels {
    pub(crate) fn new() -> Levels {
        let empty = Level {
            left: [0; LINES_MAX],
            free: [0; LINES_MAX],
            shipping: 0,
            goods: 0,
            stage: Stage::Item,
            stage_level: 0,
            discount: 0,
            paid: 0,
            cards: 0,
            ranks: 0,
        };
        Levels(vec![empty; CARDS_MAX + 1])
    }

    /// Begins with the cart before any card.
    pub(crate) fn begin(&mut self, prepared: &Prepared) {
        let level = &mut self.0[0];
        level.goods = 0;
        for line in 0..prepared.lines {
            level.left[line] = prepared.gross[line] - prepared.platform[line];
            level.free[line] = prepared.quantities[line];
            level.goods += level.left[line];
        }
        level.shipping = prepared.shipping;
        (level.stage, level.stage_level) = (Stage::Item, 0);
        (level.discount, level.paid, level.cards, level.ranks) = (0, 0, 0, 0);
    }

    pub(crate) fn at(&self, depth: usize) -> &Level {
        &self.0[depth]
    }

    /// What `card` would take off at `depth`, or why nothing. It may not stand before a card that is there already.
    pub(crate) fn judge(&self, prepared: &Prepared, card: &Card, depth: usize) -> Result<u64, Reason> {
        if let Some(reason) = card.refused {
            return Err(reason);
        }
        let level = &self.0[depth];
        let began = if card.stage == level.stage { &self.0[level.stage_level] } else { level };
        let counted = match card.counted {
            Some(counted) => counted,
            // Nobody asks how much is bought, so nobody counts. Tiers ask, even if the first begins at nothing.
            None if card.threshold == 0 && !matches!(card.action, Action::Tiers { .. }) => 0,
            None => began.goods(prepared, card.threshold_lines),
        };
        if counted < card.threshold {
            return Err(Reason::Threshold { counted: Amount(counted), needed: Amount(card.threshold) });
        }
        match amount(prepared, card, level, counted) {
            0 => Err(Reason::NothingLeft),
            amount => Ok(amount),
        }
    }

    /// Lets the card at `place` take `amount`, which [`Levels::judge`] has named, and leads to `depth` + 1.
    pub(crate) fn take(&mut self, prepared: &Prepared, place: usize, amount: u64, depth: usize) {
        let card = &prepared.cards[place];
        let (before, after) = self.0.split_at_mut(depth + 1);
        let (level, next) = (&before[depth], &mut after[0]);
        let lines = prepared.lines;
        next.left[..lines].copy_from_slice(&level.left[..lines]);
        next.free[..lines].copy_from_slice(&level.free[..lines]);
        next.shipping = level.shipping;
        next.goods = level.goods;
        next.stage = card.stage;
        next.stage_level = if card.stage == level.stage { level.stage_level } else { depth };
        next.cards = level.cards | 1 << place;
        next.ranks = level.ranks | card.rank;
        (next.discount, next.paid) = (level.discount, level.paid);
        match card.stage {
            Stage::StoredValue => next.paid += amount,
            _ => next.discount += amount,
        }
        match card.action {
            Action::Pieces { pieces, price } => {
                take_pieces(prepared, card.lines, (pieces, price), level, |line, count, value| {
                    next.left[line] -= value;
                    next.free[line] -= count;
                });
                next.goods -= amount;
            }
            Action::Shipping { .. } => next.shipping -= amount,
            Action::Off { .. } | Action::Tiers { .. } | Action::Percent { .. } | Action::Stored { .. } => {
                let goods = level.goods(prepared, card.lines);
                take_split(amount.min(goods), goods, &mut next.left, card.lines);
                next.goods -= amount.min(goods);
                next.shipping -= amount.saturating_sub(goods);
            }
        }
    }
}

/// What a card takes off once its threshold is reached.
fn amount(prepared: &Prepared, card: &Card, level: &Level, counted: u64) -> u64 {
    let goods = || level.goods(prepared, card.lines);
    match card.action {
        Action::Off { value, repeats_max: 1, cap } => value.min(cap).min(goods()),
        Action::Off { value, repeats_max, cap } => {
            let times = (counted / card.threshold).min(u64::from(repeats_max));
            // A product too large to be written is larger than any cart.
            value.saturating_mul(times).min(cap).min(goods())
        }
        Action::Tiers { from, to } => {
            let reached = prepared.tiers[from..to].iter().rev().find(|tier| tier.threshold.0 <= counted);
            reached.map_or(0, |tier| tier.value.0.min(goods()))
        }
        Action::Percent { off_basis_points, cap } => half_up_share(goods(), off_basis_points).min(cap),
        Action::Pieces { pieces, price } => {
            let mut together = 0;
            take_pieces(prepared, card.lines, (pieces, price), level, |_, _, value| together += value);
            together
        }
        Action::Shipping { value } => value.min(level.shipping),
        Action::Stored { balance, pays_shipping } => {
            let shipping = if pays_shipping { level.shipping } else { 0 };
            balance.min(goods() + shipping)
        }
    }
}

/// Some pieces of a line that are worth the same.
struct Heap {
    value: u64,
    line: usize,
    count: u32,
}

/// Names to `each` the pieces a card takes: line, how many, what they are worth together. They are the pieces worth most
/// to the buyer, of equal ones those of the earlier line. A piece is worth its price less what it costs with the card,
/// and no more than is left of its line; one worth nothing is not taken.
fn take_pieces(
    prepared: &Prepared,
    lines: u64,
    (pieces, price): (u32, u64),
    level: &Level,
    mut each: impl FnMut(usize, u32, u64),
) {
    let mut heaps: ArrayVec<Heap, { 2 * LINES_MAX }> = ArrayVec::new();
    for line in bits(lines) {
        let (drop, left) = (prepared.unit_prices[line].saturating_sub(price), level.left[line]);
        let free = level.free[line];
        if drop == 0 || left == 0 || free == 0 {
            continue;
        }
        if drop * u64::from(free) <= left {
            heaps.push(Heap { value: drop, line, count: free });
            continue;
        }
        // Not enough is left of the line for all of them: some are worth their drop, one what is left over.
        let full = left / drop;
        heaps.push(Heap { value: drop, line, count: full as u32 });
        heaps.push(Heap { value: left % drop, line, count: 1 });
    }
    let mut wanted = pieces;
    while wanted > 0 {
        let worth_most = heaps
            .iter()
            .enumerate()
            .max_by(|(_, one), (_, other)| one.value.cmp(&other.value).then(other.line.cmp(&one.line)));
        let Some((at, _)) = worth_most.filter(|(_, heap)| heap.value > 0) else { return };
        let heap = heaps.swap_remove(at);
        let count = heap.count.min(wanted);
        if count > 0 {
            each(heap.line, count, heap.value * u64::from(count));
        }
        wanted -= count;
    }
}
