//! The search for the best combination: branch and bound over the cards in the order of application. It stands above the
//! taking of turns and below the quote, which prices what was found.
//!
//! A node is a combination; its children add one card that takes its turn later. Three things keep the tree small. A
//! card that would take nothing is dropped: it never will (what is left only falls). Of cards that differ in nothing but
//! expiry the later is tried only behind the earlier. And a subtree is entered only if what it could reach at most might
//! beat the best so far; cards that exclude each other are counted there once, by groups made beforehand. A tree that is
//! still too large is left, and the best so far bettered by small steps.
//!
//! Invariant: a subtree is left out only if nothing in it is better, so a search that ends by itself is exact.

use crate::arithmetic::bits;
use crate::limits::CARDS_MAX;
use crate::offer::Stage;
use crate::prepare::Prepared;
use crate::state::{Level, Levels};
use arrayvec::ArrayVec;
use core::cmp::{Ordering, Reverse};

/// A combination and what makes it better than another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Found {
    pub discount: u64,
    pub paid: u64,
    pub cards: u64,
    ranks: u64,
}

impl Found {
    fn of(level: &Level) -> Found {
        Found { discount: level.discount, paid: level.paid, cards: level.cards, ranks: level.ranks }
    }

    /// With one more card, which takes `amount`.
    fn with(&self, prepared: &Prepared, place: usize, amount: u64) -> Found {
        let card = &prepared.cards[place];
        let mut found = Found { cards: self.cards | 1 << place, ranks: self.ranks | card.rank, ..*self };
        match card.stage {
            Stage::StoredValue => found.paid += amount,
            _ => found.discount += amount,
        }
        found
    }

    /// The larger discount; then the more paid by cards; then fewer cards; then those that expire earlier: the cards in
    /// the order of expiry and id are compared one by one, and the earlier wins.
    fn beats(&self, other: &Found) -> bool {
        let key =
            |found: &Found| (found.discount, found.paid, Reverse(found.cards.count_ones()), found.ranks);
        key(self) > key(other)
    }
}

/// What a card takes at most, by its place.
pub(crate) type Bounds = [u64; CARDS_MAX];

/// The groups of a bound: of each group a combination has at most one card.
struct Groups {
    discount: ArrayVec<u64, CARDS_MAX>,
    stored: ArrayVec<u64, CARDS_MAX>,
}

/// What a group takes at most, for every group with a candidate.
type Tops = ArrayVec<u64, CARDS_MAX>;

pub(crate) struct Search<'s> {
    prepared: &'s Prepared,
    levels: &'s mut Levels,
    bounds: &'s mut [Bounds],
    groups: Groups,
    best: Found,
    work: u32,
    work_max: u32,
    ended_early: bool,
}

/// What a search found.
pub(crate) struct Result {
    pub best: Found,
    pub exact: bool,
    pub work: u32,
}

/// Searches, within `work_max`. `levels` has begun; `bounds` has room for every depth.
pub(crate) fn search(
    prepared: &Prepared,
    levels: &mut Levels,
    bounds: &mut [Bounds],
    work_max: u32,
) -> Result {
    let mut search = Search {
        prepared,
        levels,
        bounds,
        groups: Groups::of(prepared),
        best: Found::default(),
        work: 0,
        // A tree that does not fit leaves a quarter to be spent better.
        work_max: work_max - work_max / 4,
        ended_early: false,
    };
    let candidates = search.judge_all(0, crate::prepare::set_of_first(prepared.cards.len()));
    search.begin_well(candidates);
    search.children(0, candidates);
    if search.ended_early {
        search.work_max = work_max;
        search.improve(candidates);
    }
    Result { best: search.best, exact: !search.ended_early, work: search.work }
}

impl Search<'_> {
    /// Writes down what each candidate would take at `depth`, and returns those that would take something.
    fn judge_all(&mut self, depth: usize, candidates: u64) -> u64 {
        self.work += candidates.count_ones();
        let mut worth = 0;
        for place in bits(candidates) {
            let judged = self.levels.judge(self.prepared, &self.prepared.cards[place], depth);
            self.bounds[depth][place] = judged.unwrap_or(0);
            worth |= u64::from(judged.is_ok()) << place;
        }
        worth
    }

    /// Good combinations to begin with, so that there is something to beat: of all candidates, and without the early
    /// stages, which may keep later cards below their thresholds.
    fn begin_well(&mut self, candidates: u64) {
        let of = |stage| {
            let of_stage = bits(candidates).filter(|place| self.prepared.cards[*place].stage == stage);
            of_stage.fold(0, |set, place| set | 1_u64 << place)
        };
        let (item, percent) = (of(Stage::Item), of(Stage::Percent));
        for without in [0, item, percent, item | percent] {
            self.greedy(candidates & !without);
        }
    }

    /// Whatever goes with what is there, the largest first.
    fn greedy(&mut self, mut candidates: u64) {
        let mut chosen = 0;
        while candidates != 0 {
            let largest = bits(candidates).max_by_key(|place| (self.bounds[0][*place], Reverse(*place)));
            let Some(place) = largest else { break };
            chosen |= 1 << place;
            candidates &= self.prepared.cards[place].allows;
        }
        self.try_all_of(chosen);
    }

    /// Lets these take their turns, those that take something, and keeps the best of what they are on the way; nothing
    /// once the work is done.
    fn try_all_of(&mut self, cards: u64) {
        if self.work >= self.work_max {
            return;
        }
        let mut depth = 0;
        for place in bits(cards) {
            self.work += 1;
            let card = &self.prepared.cards[place];
            if let Ok(amount) = self.levels.judge(self.prepared, card, depth) {
                self.levels.take(self.prepared, place, amount, depth);
                depth += 1;
                self.offer(Found::of(self.levels.at(depth)));
            }
        }
    }

    /// Betters the best by small steps while there is work left: one card less; or one more, without those that do not go
    /// with it, and perhaps without one that takes its turn before it and keeps it below its threshold.
    fn improve(&mut self, candidates: u64) {
        let mut from = 0;
        while from != self.best.cards {
            from = self.best.cards;
            for place in bits(candidates) {
                let (here, one) = (self.best.cards, 1 << place);
                if here & one != 0 {
                    self.try_all_of(here & !one);
                    continue;
                }
                let with = here & self.prepared.cards[place].allows | one;
                self.try_all_of(with);
                for earlier in bits(with & (one - 1)) {
                    self.try_all_of(with & !(1 << earlier));
                }
            }
        }
    }

    /// Tries each candidate as the next card at `depth`. What they take there stands in `bounds`.
    fn children(&mut self, depth: usize, mut candidates: u64) {
        let here = Found::of(self.levels.at(depth));
        let left = self.levels.at(depth).left_total();
        let first = candidates.trailing_zeros() as usize;
        let mut skipped_before = first;
        for place in bits(candidates) {
            if self.ended_early || !self.may_beat(&here, left, candidates, depth) {
                return;
            }
            candidates &= !(1 << place);
            // The card before it, its twin, was tried as the next one here: whatever this one can, that one could.
            let twin_tried = self.prepared.cards[place].twin && place > first && skipped_before == place - 1;
            skipped_before = place;
            if !twin_tried {
                self.child(depth, place, candidates, &here, left);
            }
        }
    }

    /// The combination at `depth` with the card at `place`, and those below it.
    fn child(&mut self, depth: usize, place: usize, later: u64, here: &Found, left: u64) {
        let amount = self.bounds[depth][place];
        let found = here.with(self.prepared, place, amount);
        self.offer(found);
        let candidates = later & self.prepared.cards[place].allows;
        if candidates == 0 || !self.may_beat(&found, left - amount, candidates, depth) {
            return;
        }
        if self.work >= self.work_max {
            self.ended_early = true;
            return;
        }
        self.levels.take(self.prepared, place, amount, depth);
        self.work += 1;
        let candidates = self.judge_all(depth + 1, candidates);
        self.children(depth + 1, candidates);
    }

    fn offer(&mut self, found: Found) {
        if found.beats(&self.best) {
            self.best = found;
        }
    }

    /// Whether `here` with some of the candidates might be better than the best. What each takes at most stands in the
    /// bounds of `depth`; together they take no more than is `left`.
    fn may_beat(&self, here: &Found, left: u64, candidates: u64, depth: usize) -> bool {
        let bounds = &self.bounds[depth];
        let mut tops = Tops::new();
        let more = Groups::tops(&self.groups.discount, candidates, bounds, left, &mut tops);
        match (here.discount + more).cmp(&self.best.discount) {
            Ordering::Greater => return true,
            Ordering::Less => return false,
            Ordering::Equal => {}
        }
        // From here on it is about combinations whose discount is the most that can be: it is no longer there to be paid.
        let mut fewest = here.cards.count_ones() + fewest_for(more, &mut tops);
        tops.clear();
        let more = Groups::tops(&self.groups.stored, candidates, bounds, left - more, &mut tops);
        match (here.paid + more).cmp(&self.best.paid) {
            Ordering::Greater => return true,
            Ordering::Less => return false,
            Ordering::Equal => {}
        }
        fewest += fewest_for(more, &mut tops);
        match fewest.cmp(&self.best.cards.count_ones()) {
            Ordering::Less => return true,
            Ordering::Greater => return false,
            Ordering::Equal => {}
        }
        self.earliest(here, candidates, fewest) > self.best.ranks
    }

    /// The best ranks of a combination of `count` cards: `here` and the candidates that expire first.
    fn earliest(&self, here: &Found, candidates: u64, count: u32) -> u64 {
        let mut open = bits(candidates).fold(0, |ranks, place| ranks | self.prepared.cards[place].rank);
        let mut ranks = here.ranks;
        for _ in here.cards.count_ones()..count {
            let highest = (1_u64 << 63).checked_shr(open.leading_zeros()).unwrap_or(0);
            ranks |= highest;
            open &= !highest;
        }
        ranks
    }
}

impl Groups {
    /// Puts each card into the first group in which it goes with nobody. Cards that pay have groups of their own.
    fn of(prepared: &Prepared) -> Groups {
        let mut groups = Groups { discount: ArrayVec::new(), stored: ArrayVec::new() };
        for (place, card) in prepared.cards.iter().enumerate() {
            let kind = match card.stage {
                Stage::StoredValue => &mut groups.stored,
                _ => &mut groups.discount,
            };
            match kind.iter_mut().find(|group| **group & card.allows == 0) {
                Some(group) => *group |= 1 << place,
                None => kind.push(1 << place),
            }
        }
        groups
    }

    /// What the candidates take at most together, one of each group, and of each group in `tops`.
    fn tops(groups: &[u64], candidates: u64, bounds: &Bounds, left: u64, tops: &mut Tops) -> u64 {
        let mut together = 0;
        for group in groups {
            let top = bits(group & candidates).map(|place| bounds[place]).max().unwrap_or(0);
            if top > 0 {
                tops.push(top);
                together += top;
            }
        }
        left.min(together)
    }
}

/// How many of `tops` are needed at least to reach `amount`.
fn fewest_for(amount: u64, tops: &mut Tops) -> u32 {
    tops.sort_unstable_by_key(|top| Reverse(*top));
    let mut reached = 0;
    let before = |top: &&u64| {
        let short = reached < amount;
        reached += **top;
        short
    };
    tops.iter().take_while(before).count() as u32
}
