//! The cart and the offers in the form that is computed with: lines as columns, sets of lines and cards as bits, every
//! question whose answer does not depend on other cards answered once. It stands between what callers say and the
//! search, which asks the rest many thousand times.
//!
//! Invariant: cards stand in the order of application, whatever order the offers came in; nothing here borrows from the
//! input, and nothing grows beyond the maxima.

use crate::arithmetic::sum;
use crate::cart::{Cart, Line};
use crate::check;
use crate::ids::{CampaignId, CardId, CategoryId, TimeMs};
use crate::limits::{CARDS_MAX, LINES_MAX, TIERS_MAX};
use crate::offer::{Choice, Counted, Kind, Offer, Over, Scope, Stacking, Stage, Tier};
use crate::outcome::Reason;
use crate::refusal::{Clash, ClashCause, Malformed};
use arrayvec::ArrayVec;
use core::cmp::Ordering;

/// The cart as columns, and the cards in the order of application.
pub(crate) struct Prepared {
    /// How many lines there are.
    pub lines: usize,
    /// Price times quantity.
    pub gross: [u64; LINES_MAX],
    /// What the platform pays.
    pub platform: [u64; LINES_MAX],
    pub unit_prices: [u64; LINES_MAX],
    pub quantities: [u32; LINES_MAX],
    pub shipping: u64,
    pub cards: ArrayVec<Card, CARDS_MAX>,
    pub tiers: ArrayVec<Tier, { CARDS_MAX * TIERS_MAX }>,
}

/// One card, as far as it can be judged without the others.
pub(crate) struct Card {
    /// Its place among the offers.
    pub at: usize,
    pub card: CardId,
    pub campaign: CampaignId,
    pub expires_ms: TimeMs,
    pub stage: Stage,
    pub action: Action,
    /// The lines in its scope.
    pub lines: u64,
    pub threshold: u64,
    /// The lines that count for the threshold.
    pub threshold_lines: u64,
    /// What they count, if that is their gross; otherwise it depends on earlier stages.
    pub counted: Option<u64>,
    /// Why it can't be used, whatever else is.
    pub refused: Option<Reason>,
    pub stacking: Stacking,
    /// The cards it may be used with.
    pub allows: u64,
    /// Its bit in the order of expiry: the earliest has the highest.
    pub rank: u64,
    /// It is in every respect but its expiry as the card before it.
    pub twin: bool,
}

/// What a card does, without borrowed lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Off { value: u64, repeats_max: u32, cap: u64 },
    Tiers { from: usize, to: usize },
    Percent { off_basis_points: u16, cap: u64 },
    Pieces { pieces: u32, price: u64 },
    Shipping { value: u64 },
    Stored { balance: u64, pays_shipping: bool },
}

impl Prepared {
    pub(crate) fn new() -> Prepared {
        Prepared {
            lines: 0,
            gross: [0; LINES_MAX],
            platform: [0; LINES_MAX],
            unit_prices: [0; LINES_MAX],
            quantities: [0; LINES_MAX],
            shipping: 0,
            cards: ArrayVec::new(),
            tiers: ArrayVec::new(),
        }
    }

    /// Takes in a cart and its cards, or says what is wrong with them.
    pub(crate) fn fill(&mut self, cart: &Cart<'_>, offers: &[Offer<'_>]) -> Result<(), Malformed> {
        check::cart(cart)?;
        check::offers(offers)?;
        self.fill_lines(cart)?;
        self.cards.clear();
        self.tiers.clear();
        for (at, offer) in offers.iter().enumerate() {
            let card = self.card(at, cart, offer);
            self.cards.push(card);
        }
        self.cards.sort_unstable_by(order_of_application);
        self.relate();
        Ok(())
    }

    /// All lines.
    pub(crate) fn all_lines(&self) -> u64 {
        set_of_first(self.lines)
    }

    /// The first two cards, in the order of application, that may not be used together.
    pub(crate) fn clash(&self) -> Option<Clash> {
        let cards = self.cards.iter().enumerate();
        let pairs = cards.flat_map(|(at, one)| self.cards[at + 1..].iter().map(move |other| (one, other)));
        let (one, other) = pairs.into_iter().find(|(one, other)| !one.stacking.allows(&other.stacking))?;
        let exclusive = one.stacking.exclusive || other.stacking.exclusive;
        let cause = if exclusive { ClashCause::Exclusive } else { ClashCause::Classes };
        Some(Clash { first: one.card, second: other.card, cause })
    }

    fn fill_lines(&mut self, cart: &Cart<'_>) -> Result<(), Malformed> {
        self.lines = cart.lines.len();
        self.shipping = cart.shipping.0;
        for (at, line) in cart.lines.iter().enumerate() {
            self.unit_prices[at] = line.unit_price.0;
            self.quantities[at] = line.quantity;
            self.gross[at] = line.unit_price.0 * u64::from(line.quantity);
            self.platform[at] = 0;
        }
        for fixed in cart.fixed {
            let line = usize::from(fixed.line);
            if line >= self.lines {
                return Err(Malformed::NoSuchLine { line });
            }
            let together = self.platform[line].checked_add(fixed.amount.0);
            let fits = together.filter(|together| *together <= self.gross[line]);
            self.platform[line] = fits.ok_or(Malformed::FixedBeyondLine { line })?;
        }
        Ok(())
    }

    fn card(&mut self, at: usize, cart: &Cart<'_>, offer: &Offer<'_>) -> Card {
        let mut lines = 0;
        for (position, line) in cart.lines.iter().enumerate() {
            lines |= u64::from(in_scope(&offer.scope, line)) << position;
        }
        let action = self.action(&offer.kind);
        let threshold = match offer.kind {
            Kind::Tiers(tiers) => tiers[0].threshold.0,
            _ => offer.threshold.amount.0,
        };
        let threshold_lines = match offer.threshold.over {
            Over::Scope => lines,
            Over::Cart => self.all_lines(),
        };
        let counted = match offer.threshold.counted {
            Counted::AfterEarlierStages => None,
            Counted::BeforeEverything => Some(sum(&self.gross, threshold_lines)),
        };
        Card {
            at,
            card: offer.card,
            campaign: offer.campaign,
            expires_ms: offer.expires_ms,
            stage: offer.kind.stage(),
            action,
            lines,
            threshold,
            threshold_lines,
            counted,
            refused: refused(cart, offer, lines),
            stacking: offer.stacking,
            allows: 0,
            rank: 0,
            twin: false,
        }
    }

    fn action(&mut self, kind: &Kind<'_>) -> Action {
        match *kind {
            Kind::AmountOff { value, repeats_max, cap } => {
                Action::Off { value: value.0, repeats_max, cap: cap.map_or(u64::MAX, |cap| cap.0) }
            }
            Kind::Tiers(tiers) => {
                let from = self.tiers.len();
                self.tiers.extend(tiers.iter().copied());
                Action::Tiers { from, to: self.tiers.len() }
            }
            Kind::PercentOff { off_basis_points, cap } => {
                Action::Percent { off_basis_points, cap: cap.map_or(u64::MAX, |cap| cap.0) }
            }
            Kind::Item { pieces } => Action::Pieces { pieces, price: 0 },
            Kind::FixedPrice { price, pieces } => Action::Pieces { pieces, price: price.0 },
            Kind::Shipping { value } => Action::Shipping { value: value.0 },
            Kind::StoredValue { balance, pays_shipping } => {
                Action::Stored { balance: balance.0, pays_shipping }
            }
        }
    }

    /// Fills in what each card is to the others.
    fn relate(&mut self) {
        let count = self.cards.len();
        let mut by_expiry: ArrayVec<usize, CARDS_MAX> = (0..count).collect();
        by_expiry.sort_unstable_by_key(|at| (self.cards[*at].expires_ms, self.cards[*at].card));
        for (place, at) in by_expiry.iter().enumerate() {
            self.cards[*at].rank = 1 << (63 - place);
        }
        for one in 0..count {
            for other in 0..one {
                if self.cards[one].stacking.allows(&self.cards[other].stacking) {
                    self.cards[one].allows |= 1 << other;
                    self.cards[other].allows |= 1 << one;
                }
            }
        }
        for at in 1..count {
            self.cards[at].twin = self.are_twins(&self.cards[at - 1], &self.cards[at]);
        }
    }

    fn are_twins(&self, one: &Card, other: &Card) -> bool {
        let same_action = match (one.action, other.action) {
            (Action::Tiers { from, to }, Action::Tiers { from: other_from, to: other_to }) => {
                self.tiers[from..to] == self.tiers[other_from..other_to]
            }
            (action, other_action) => action == other_action,
        };
        same_action
            && one.rank > other.rank
            && one.lines == other.lines
            && one.threshold == other.threshold
            && one.threshold_lines == other.threshold_lines
            && one.counted == other.counted
            && one.refused == other.refused
            && one.stacking == other.stacking
    }
}

/// The lowest `count` bits.
pub(crate) fn set_of_first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Which of two cards takes its turn first: by stage; then the one that counts for fewer lines, so that a narrow card is
/// not robbed by a wide one. Then campaign by campaign and in these by expiry; stored value by expiry at once, so that
/// what expires first is spent first. Cards of one campaign and expiry by their ids.
fn order_of_application(one: &Card, other: &Card) -> Ordering {
    fn key(card: &Card) -> (Stage, u32, u64, u64, u64, CardId) {
        let (campaign, expiry) = (card.campaign.0, card.expires_ms.0);
        let (first, second, third) = match card.stage {
            Stage::StoredValue => (expiry, campaign, 0),
            _ => (campaign, expiry, 0),
        };
        (card.stage, card.lines.count_ones(), first, second, third, card.card)
    }
    key(one).cmp(&key(other))
}

/// The first reason, in the documented order, for which the card can't be used whatever else is.
fn refused(cart: &Cart<'_>, offer: &Offer<'_>, lines: u64) -> Option<Reason> {
    let scope = &offer.scope;
    let other_currency = offer.currency.0 != 0 && offer.currency != cart.currency;
    let segments = &scope.segments;
    let wanted = |list: &[_]| cart.segments.iter().any(|segment| list.binary_search(segment).is_ok());
    let no_segment = (!segments.only.is_empty() && !wanted(segments.only)) || wanted(segments.never);
    [
        (cart.now_ms < offer.starts_ms, Reason::NotStarted),
        (cart.now_ms >= offer.expires_ms, Reason::Expired),
        (other_currency, Reason::Currency),
        (!chooses(&scope.channels, &cart.channel), Reason::Channel),
        (!chooses(&scope.stores, &cart.store), Reason::Store),
        (no_segment, Reason::Segment),
        (lines == 0, Reason::NoLine),
    ]
    .into_iter()
    .find_map(|(holds, reason)| holds.then_some(reason))
}

fn chooses<T: Ord>(choice: &Choice<'_, T>, what: &T) -> bool {
    (choice.only.is_empty() || choice.only.binary_search(what).is_ok())
        && choice.never.binary_search(what).is_err()
}

/// Whether a line is in: by its product or by one of its categories, if either list says what is in; out by either.
fn in_scope(scope: &Scope<'_>, line: &Line<'_>) -> bool {
    let (products, categories) = (&scope.products, &scope.categories);
    let has = |list: &[CategoryId]| {
        !list.is_empty() && line.categories.iter().any(|category| list.binary_search(category).is_ok())
    };
    let open = products.only.is_empty() && categories.only.is_empty();
    let is_in = open || products.only.binary_search(&line.product).is_ok() || has(categories.only);
    is_in && products.never.binary_search(&line.product).is_err() && !has(categories.never)
}
