//! The oracle on QUOTE_RESERVE: a RESERVE of a cart's stocks and of the cards that a QUOTE of it uses; and on what goes back of
//! such a cart.
//!
//! Invariant: it prices by the oracle's QUOTE and takes by its RESERVE; only the rules of "Quotes that are held" stand here.

use super::stocks::unsigned;
use super::{Hold, Key, Oracle};
use crate::outcome::{Lack, OwnedFacts, OwnedOutcome, OwnedQuoted};
use crate::request::{OwnedQuoteReserve, OwnedTake};
use scrip_engine::answer::{CardOutcome, HoldState, PiecesReturned, QuotedCard};
use scrip_engine::command::{CampaignKind, CardLine, CardState, Envelope, StockedLine};
use scrip_engine::ids::CardId;
use scrip_engine::limits::TTL_DEFAULT_MS;
use scrip_engine::rejection::Code;

/// The cart of a hold.
#[derive(Debug, Clone)]
pub struct HeldCart {
    /// What QUOTE_RESERVE was answered.
    pub quoted: OwnedQuoted,
    /// Its lines.
    pub lines: Vec<HeldCartLine>,
    /// For each card that is used: its place among the cards of the hold, if it is held.
    pub places: Vec<Option<usize>>,
}

/// One line of it.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `CartLine`, which documents them")]
pub struct HeldCartLine {
    pub price: i128,
    pub quantity: i128,
    /// Its line in the hold, if it has a stock.
    pub place: Option<usize>,
    /// Without a stock: pieces that went back.
    pub returned: i128,
}

impl Hold {
    /// Pieces of each line of its cart that have not gone back; of a hold without one, units as [`Hold::all_left`].
    pub fn pieces_left(&self) -> Vec<i128> {
        let Some(cart) = &self.cart else { return self.all_left() };
        cart.lines.iter().map(|line| line.quantity - self.gone_back(line)).collect()
    }

    fn gone_back(&self, line: &HeldCartLine) -> i128 {
        line.place.map_or(line.returned, |place| self.lines[place].returned)
    }
}

/// Facts about stocks name the lines of the cart.
fn in_cart(refusal: OwnedOutcome, lines: &[StockedLine]) -> OwnedOutcome {
    let stocked: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].stock().is_some()).collect();
    match refusal {
        OwnedOutcome::Refused { code, facts: OwnedFacts::Lines(lacks) } => {
            let lacks = lacks.into_iter().map(|lack| Lack { line: stocked[lack.line], ..lack }).collect();
            OwnedOutcome::refused_lines(code, lacks)
        }
        other => other,
    }
}

impl Oracle {
    /// QUOTE_RESERVE.
    pub(super) fn quote_reserve(
        &mut self,
        envelope: &Envelope,
        quote: &OwnedQuoteReserve,
    ) -> (OwnedOutcome, Option<Hold>) {
        let take = quote.take();
        let checked = self.check_units(envelope, &take, false).map_err(|no| in_cart(no, &quote.lines));
        let (replaced, _, flagged) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return (refusal, None),
        };
        let quoted = match self.price_cart(envelope, quote, replaced) {
            Ok(quoted) => quoted,
            Err(refusal) => return (refusal, None),
        };
        let is_held = |card: &&QuotedCard| {
            let found = self.own_card(envelope, card.card(), None).expect("it is used");
            self.worth_of(&found).definition.kind() != CampaignKind::Pass
        };
        let held: Vec<QuotedCard> = quoted.cards.iter().filter(is_held).copied().collect();
        let granted: Vec<i128> = take.lines.iter().map(|wish| i128::from(wish.units)).collect();
        if let Some(refusal) = self.one_channel_too_many(envelope, &take, &granted) {
            return (refusal, None);
        }
        let line = |card: &QuotedCard| CardLine::new(card.card(), card.units.get(), 0);
        let take = OwnedTake { cards: held.iter().map(line).collect(), ..take };
        if let Err(refusal) = self.room_for_cards(&take, &granted) {
            return (refusal, None);
        }
        let ttl_ms = if quote.ttl_ms == 0 { TTL_DEFAULT_MS } else { quote.ttl_ms };
        let deadline_ms = self.now_ms + u64::from(ttl_ms);
        let mut hold = self.take_units(envelope, &take, &granted, HoldState::Held, deadline_ms);
        hold.flagged = flagged;
        for (line, card) in hold.cards.iter_mut().zip(&held) {
            line.discount = card.discount.get();
        }
        let mut stocked = 0;
        let mut lines = Vec::new();
        for line in &quote.lines {
            let (price, quantity) = (line.line.unit_price.get(), line.line.quantity.get());
            let place = line.stock().map(|_| stocked);
            if let Some(place) = place {
                hold.lines[place].price = u32::try_from(price).expect("else it is malformed");
                stocked += 1;
            }
            lines.push(HeldCartLine { price: price.into(), quantity: quantity.into(), place, returned: 0 });
        }
        let place = |card: &QuotedCard| held.iter().position(|other| other.card == card.card);
        let places = quoted.cards.iter().map(place).collect();
        hold.cart = Some(Box::new(HeldCart { quoted: quoted.clone(), lines, places }));
        (OwnedOutcome::QuoteReserved { deadline_ms, quote: Box::new(quoted) }, Some(hold))
    }

    /// Steps 8a and 9: the quote with the cards that are used alone, as they take their turns.
    fn price_cart(
        &self,
        envelope: &Envelope,
        quote: &OwnedQuoteReserve,
        replaced: Option<&Hold>,
    ) -> Result<OwnedQuoted, OwnedOutcome> {
        let behind = quote.lines.len();
        let all = match self.quote_beside(envelope, &quote.quote(), replaced) {
            OwnedOutcome::Quote(all) => *all,
            OwnedOutcome::Refused { code, facts: OwnedFacts::Lines(lacks) } => {
                let lacks = lacks.into_iter().map(|lack| Lack { line: behind + lack.line, ..lack }).collect();
                return Err(OwnedOutcome::refused_lines(code, lacks));
            }
            other => panic!("{other:?} is no quote"),
        };
        let is_used =
            |card: &QuotedCard| matches!(card.outcome(), Some(CardOutcome::Used | CardOutcome::Pays));
        if !quote.best && !quote.cards.is_empty() {
            let lack = |(at, card): (usize, &QuotedCard)| {
                let why = card.refusal().unwrap_or(Code::RuleFailed);
                (!is_used(card)).then_some(Lack { line: behind + at, why, asked: 0, available: 0 })
            };
            let lacks: Vec<Lack> = all.cards.iter().enumerate().filter_map(lack).collect();
            if let Some(first) = lacks.first() {
                return Err(OwnedOutcome::refused_lines(first.why, lacks));
            }
        }
        let due = all.gross - all.discount - all.paid;
        if quote.expected_total.is_some_and(|expected| expected != due) {
            let facts = OwnedFacts::Total(due);
            return Err(OwnedOutcome::Refused { code: Code::QuoteChanged, facts });
        }
        let mut used: Vec<usize> = (0..all.cards.len()).filter(|at| is_used(&all.cards[*at])).collect();
        used.sort_by_key(|at| all.cards[*at].turn);
        let shares =
            used.iter().flat_map(|at| &all.shares[at * behind..(at + 1) * behind]).copied().collect();
        let cards = used.iter().map(|at| all.cards[*at]).collect();
        Ok(OwnedQuoted { cards, shares, ..all })
    }

    /// RETURN of a hold with a cart.
    pub(super) fn return_pieces(&mut self, key: Key, (to_available, units): (bool, &[u32])) -> OwnedOutcome {
        let hold = self.hold(key).clone();
        let cart = hold.cart.clone().expect("it has a cart");
        let left = hold.pieces_left();
        let asked = |line: usize| units.get(line).map_or(0, |units| i128::from(*units));
        let pieces: Vec<i128> = match units {
            [] => left.clone(),
            _ => (0..left.len()).map(asked).collect(),
        };
        // Only pieces that there are have a share.
        let is_sound = pieces.iter().zip(&left).all(|(pieces, left)| pieces <= left);
        let back = if is_sound { self.back_on_cards(&hold, &cart, &pieces) } else { Vec::new() };
        if units.is_empty() && pieces.iter().all(|pieces| *pieces == 0) && back.is_empty() {
            return OwnedOutcome::refused(Code::AlreadyReversed);
        }
        if to_available && hold.has_keys() {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        if let Some(refusal) = super::holds::exceeds(&left, units) {
            return refusal;
        }
        let of_line = |place: usize| cart.lines.iter().position(|line| line.place == Some(place));
        let given: Vec<i128> =
            (0..hold.lines.len()).map(|place| of_line(place).map_or(0, |at| pieces[at])).collect();
        let ended = match self.sold_cards_that_go_back(&hold, &given) {
            Ok(ended) => ended,
            Err(lacks) => {
                let in_cart = |lack: Lack| Lack { line: of_line(lack.line).expect("of the cart"), ..lack };
                let lacks: Vec<Lack> = lacks.into_iter().map(in_cart).collect();
                return OwnedOutcome::refused_lines(lacks[0].why, lacks);
            }
        };
        self.end_sold_cards(&ended, to_available);
        let amount = (0..pieces.len()).map(|line| paid_for(&hold, &cart, (line, pieces[line]))).sum();
        for (place, units) in &back {
            self.return_card(key, *place, *units);
        }
        for (at, line) in cart.lines.iter().enumerate() {
            match line.place {
                Some(place) => self.return_line(key, place, (pieces[at], to_available)),
                None => {
                    let cart = self.hold_mut(key).cart.as_mut().expect("it has a cart");
                    cart.lines[at].returned += pieces[at];
                }
            }
        }
        let cards = back.iter().fold(0, |cards, (place, _)| cards | 1 << place);
        let paid = back.iter().filter(|(place, _)| self.is_money(hold.cards[*place].card));
        let on_cards = unsigned(paid.map(|(_, units)| units).sum());
        let pieces = unsigned(pieces.iter().sum());
        OwnedOutcome::PiecesReturned(PiecesReturned { pieces, amount, on_cards, cards })
    }

    fn is_money(&self, card: CardId) -> bool {
        self.worth_of(&self.cards[&card]).definition.kind() == CampaignKind::StoredValue
    }

    /// The places of the cards that get something back with these pieces, and how many units: stored value what it has paid of all
    /// pieces that are back then, the others all they have once all their lines are.
    fn back_on_cards(&self, hold: &Hold, cart: &HeldCart, pieces: &[i128]) -> Vec<(usize, i128)> {
        let lines = cart.lines.len();
        let gone = |line: usize| pieces[line] + hold.gone_back(&cart.lines[line]);
        let is_back = |line: usize| gone(line) >= cart.lines[line].quantity;
        let units = |place: usize| {
            let held = &hold.cards[place];
            let card = &self.cards[&held.card];
            let quoted = cart.places.iter().position(|at| *at == Some(place)).expect("it was used");
            let all_back =
                (0..lines).filter(|line| cart.quoted.shares[quoted * lines + line] > 0).all(is_back);
            if card.state == CardState::Void || card.ended {
                0
            } else if self.is_money(held.card) {
                let paid = |line: usize| parts_of(cart, line, gone(line))[quoted];
                (0..lines).map(paid).sum::<i128>() - held.returned
            } else if all_back && self.now_ms <= self.worth_of(card).window_ends_ms(held.at_ms) {
                held.confirmed - held.returned
            } else {
                0
            }
        };
        (0..hold.cards.len()).map(|place| (place, units(place))).filter(|(_, units)| *units > 0).collect()
    }
}

/// What each card has of so many pieces of a line: rule 24 of quote.md. The last part is the buyer's.
fn parts_of(cart: &HeldCart, line: usize, pieces: i128) -> Vec<i128> {
    let HeldCartLine { price, quantity, .. } = cart.lines[line];
    let (mut of_pieces, mut of_line) = (price * pieces, price * quantity);
    let mut parts = Vec::new();
    for card in 0..cart.quoted.cards.len() {
        let share = i128::from(cart.quoted.shares[card * cart.lines.len() + line]);
        let part = if of_line > 0 { (2 * of_pieces * share + of_line) / (2 * of_line) } else { 0 };
        parts.push(part);
        of_pieces -= part;
        of_line -= share;
    }
    parts.push(of_pieces);
    parts
}

/// What pieces of a line cost the buyer.
fn paid_for(hold: &Hold, cart: &HeldCart, (line, now): (usize, i128)) -> u64 {
    let cost_of = |pieces| *parts_of(cart, line, pieces).last().expect("the buyer's part");
    let before = hold.gone_back(&cart.lines[line]);
    unsigned(cost_of(before + now) - cost_of(before))
}
