//! The oracle on cards in holds: judged as redemptions are, held beside goods, used by what pays the hold, given back with it.
//!
//! Invariant: the units that a card has in held are those of its lines in held holds; what it has consumed of a hold is what the
//! hold's lines confirmed and did not return.

use super::cards::{Card, narrow};
use super::redemptions::is_never_used;
use super::stocks::unsigned;
use super::{Hold, Key, Oracle, Part};
use crate::outcome::{Lack, OwnedHoldCard, OwnedOutcome};
use crate::request::{OwnedRedeem, OwnedTake};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{CampaignKind, CardLine, CardState, Envelope};
use scrip_engine::ids::CardId;
use scrip_engine::rejection::Code;

/// A card of a hold.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `HoldCard`, which documents them")]
pub struct HeldCard {
    pub card: CardId,
    pub reserved: i128,
    pub confirmed: i128,
    pub returned: i128,
    pub discount: u64,
    /// What it took of which lot, in this order; empty: of the card's own alone.
    pub parts: Vec<Part>,
    /// When it was used.
    pub at_ms: u64,
    /// How many uses of cards there were before this one.
    pub uses: u64,
}

impl HeldCard {
    pub(super) fn view(&self, hold: &Hold) -> OwnedHoldCard {
        let was_refused = hold.state == HoldState::Lapsed && hold.refusal.is_some();
        OwnedHoldCard {
            card: self.card,
            reserved: narrow(self.reserved),
            confirmed: narrow(self.confirmed),
            returned: narrow(self.returned),
            discount: if was_refused { 0 } else { self.discount },
        }
    }
}

impl Hold {
    /// Units reserved of all lines, those of cards behind those of stocks.
    pub fn all_reserved(&self) -> Vec<i128> {
        let cards = self.cards.iter().map(|line| line.reserved);
        self.lines.iter().map(|line| line.reserved).chain(cards).collect()
    }

    /// Units that were paid for and not given back, likewise.
    pub fn all_left(&self) -> Vec<i128> {
        let cards = self.cards.iter().map(|line| line.confirmed - line.returned);
        self.lines.iter().map(|line| line.confirmed - line.returned).chain(cards).collect()
    }

    /// Units of cards that were paid for.
    pub(super) fn cards_paid(&self) -> impl Iterator<Item = i128> {
        self.cards.iter().map(|line| line.confirmed)
    }
}

/// What a REDEEM of such a line would ask.
fn as_redeem(take: &OwnedTake, line: &CardLine) -> OwnedRedeem {
    OwnedRedeem {
        generation: (line.by_code == 1).then_some(line.generation),
        order: take.order,
        user: take.user,
        parties: take.parties,
        amount: line.amount.get(),
        store: line.store.get(),
        product: line.product.get(),
        category: line.category.get(),
        ..OwnedRedeem::of(line.card(), line.units.get())
    }
}

/// Refuses if `fault` finds one in any card line; the code is the first one's, the facts name all.
fn refuse_cards(
    take: &OwnedTake,
    mut fault: impl FnMut(&CardLine) -> Option<(Code, i128)>,
) -> Result<(), OwnedOutcome> {
    let mut lacks = Vec::new();
    for (position, line) in take.cards.iter().enumerate() {
        if let Some((why, available)) = fault(line) {
            let at = take.lines.len() + position;
            lacks.push(Lack { line: at, why, asked: line.units.get(), available: unsigned(available) });
        }
    }
    match lacks.first() {
        Some(first) => Err(OwnedOutcome::refused_lines(first.why, lacks)),
        None => Ok(()),
    }
}

/// Units that all lines on one card ask for.
fn demand_on(take: &OwnedTake, card: CardId) -> i128 {
    take.cards.iter().filter(|line| line.card() == card).map(|line| i128::from(line.units.get())).sum()
}

/// What is available of a card with what the replaced hold gives back.
pub(super) fn room_of(card: &Card, id: CardId, replaced: Option<&Hold>, now_ms: u64) -> i128 {
    let held = replaced.filter(|hold| hold.state == HoldState::Held);
    let lines = held.into_iter().flat_map(|hold| &hold.cards).filter(|line| line.card == id);
    card.balance(now_ms) + lines.map(|line| card.live_of(&line.parts, line.reserved, now_ms)).sum::<i128>()
}

impl Oracle {
    fn named_card(&self, envelope: &Envelope, line: &CardLine) -> Option<Card> {
        self.own_card(envelope, line.card(), (line.by_code == 1).then_some(line.generation))
    }

    /// Step 1a.
    pub(super) fn cards_exist(&self, envelope: &Envelope, take: &OwnedTake) -> Result<(), OwnedOutcome> {
        refuse_cards(take, |line| self.named_card(envelope, line).is_none().then_some((Code::NotFound, 0)))
    }

    /// Step 3a.
    pub(super) fn cards_can_be_used(
        &self,
        envelope: &Envelope,
        take: &OwnedTake,
        replaced: Option<&Hold>,
    ) -> Result<(), OwnedOutcome> {
        refuse_cards(take, |line| {
            let card = self.named_card(envelope, line).expect("step 1a has found it");
            if let Err(refusal) = self.may_be_used(envelope, &as_redeem(take, line), &card) {
                return Some((refusal.code().expect("a refusal"), 0));
            }
            let demand = demand_on(take, line.card());
            let room = room_of(&card, line.card(), replaced, self.now_ms);
            let in_holds = demand > room && demand <= card.balance(self.now_ms) + card.held;
            in_holds.then_some((Code::LockedByOtherOrder, room))
        })
    }

    /// Step 8a.
    pub(super) fn cards_suffice(
        &self,
        envelope: &Envelope,
        take: &OwnedTake,
        replaced: Option<&Hold>,
    ) -> Result<(), OwnedOutcome> {
        refuse_cards(take, |line| {
            let card = self.named_card(envelope, line).expect("step 1a has found it");
            let is_pass = self.worth_of(&card).definition.kind() == CampaignKind::Pass;
            if is_pass || self.rules_allow(&as_redeem(take, line), &card).is_err() {
                return Some((Code::RuleFailed, 0));
            }
            let demand = demand_on(take, line.card());
            let room = room_of(&card, line.card(), replaced, self.now_ms);
            (demand > room).then_some((Code::BalanceExceeded, room))
        })
    }

    /// The cards of a hold that is made now: they are held, or used by a sale.
    pub(super) fn take_cards(&mut self, envelope: &Envelope, take: &OwnedTake, sold: bool) -> Vec<HeldCard> {
        let mut lines = Vec::new();
        for line in &take.cards {
            let (id, units) = (line.card(), i128::from(line.units.get()));
            let mut card = self.own_card(envelope, id, None).expect("step 1a has found it");
            let parts = self.hold_units(&mut card, units);
            let discount = self.worth_of(&card).discount(line.amount.get(), units, card.level);
            self.cards.insert(id, card);
            let mut held = HeldCard {
                card: id,
                reserved: units,
                confirmed: 0,
                returned: 0,
                discount,
                parts,
                at_ms: 0,
                uses: 0,
            };
            if sold {
                self.use_card(&mut held, units, envelope.created_ms().max(self.now_ms));
            }
            lines.push(held);
        }
        lines
    }

    /// Held units go back to their cards.
    pub(super) fn free_cards(&mut self, key: Key) {
        for line in &mut self.hold(key).clone().cards {
            self.cards.get_mut(&line.card).expect("it was taken").free(&mut line.parts, line.reserved);
        }
    }

    /// Units of a card leave available for a hold; answers what they were taken of.
    fn hold_units(&self, card: &mut Card, units: i128) -> Vec<Part> {
        let spending = self.worth_of(card).definition.spending;
        let parts = card.spend(spending, self.now_ms, (units, true));
        card.available -= units;
        card.held += units;
        parts
    }

    /// These units of a hold's cards are used; what else it holds goes back. `late`: it holds nothing any more. They may come back
    /// until then, if nothing else keeps the hold.
    pub(super) fn pay_cards(&mut self, key: Key, wanted: &[i128], (late, until_ms): (bool, u64)) {
        let hold = self.hold(key);
        let mut lines = hold.cards.clone();
        let units = wanted[hold.lines.len()..].to_vec();
        let kept_ms = self.records[&key].created_ms.max(self.now_ms).max(until_ms);
        for (line, units) in lines.iter_mut().zip(units) {
            let mut card = self.cards[&line.card].clone();
            if late {
                line.parts = self.hold_units(&mut card, units);
            } else {
                card.free(&mut line.parts, line.reserved - units);
            }
            self.cards.insert(line.card, card);
            self.use_card(line, units, kept_ms);
        }
        self.hold_mut(key).cards = lines;
    }

    fn use_card(&mut self, line: &mut HeldCard, units: i128, kept_ms: u64) {
        let kind = self.worth_of(&self.cards[&line.card]).definition.kind();
        let card = self.cards.get_mut(&line.card).expect("it was taken");
        card.use_held_lots(&line.parts, kept_ms);
        card.held -= units;
        card.consumed += units;
        let is_over = card.available == 0 && card.held == 0 && !is_never_used(kind);
        if is_over && card.state != CardState::Void {
            card.state = CardState::Used;
        }
        line.confirmed = units;
        (line.at_ms, line.uses) = (self.now_ms, self.uses);
        self.uses += 1;
        if units > 0 {
            self.count_redeemed(line.card);
        }
    }

    /// Used units of a card of a hold go back to it; lots that get some live until then at least.
    fn give_card_back(&mut self, key: Key, position: usize, (units, graced_ms): (i128, Option<u64>)) {
        let line = &mut self.hold_mut(key).cards[position];
        line.returned += units;
        let (id, mut parts) = (line.card, line.parts.clone());
        let card = self.cards.get_mut(&id).expect("it was taken");
        card.unspend(&mut parts, units, graced_ms);
        card.give_back(units);
        self.hold_mut(key).cards[position].parts = parts;
    }

    /// All that a hold has used of its cards goes back.
    pub(super) fn undo_cards(&mut self, key: Key) {
        for position in 0..self.hold(key).cards.len() {
            let line = &self.hold(key).cards[position];
            self.give_card_back(key, position, (line.confirmed - line.returned, None));
        }
    }

    /// The first reason why a card line can't be confirmed late, with the units that could have been had.
    pub(super) fn late_card_fault(
        &self,
        hold: &Hold,
        wanted: &[i128],
        position: usize,
    ) -> Option<(Code, i128)> {
        let id = hold.cards[position].card;
        let card = &self.cards[&id];
        if self.now_ms >= hold.late_until_ms {
            return Some((Code::Expired, 0));
        }
        match card.state {
            CardState::Void => return Some((Code::Void, 0)),
            CardState::Used => return Some((Code::Used, 0)),
            CardState::Frozen => return Some((Code::Frozen, 0)),
            _ if self.stocks[&card.campaign].terms.frozen => return Some((Code::Frozen, 0)),
            CardState::Gifting => return Some((Code::LockedByOtherOrder, 0)),
            _ => {}
        }
        let same = hold.cards.iter().zip(&wanted[hold.lines.len()..]).filter(|(line, _)| line.card == id);
        let demand: i128 = same.map(|(_, units)| units).sum();
        let balance = card.balance(self.now_ms);
        if demand <= balance {
            None
        } else if demand <= balance + card.held {
            Some((Code::LockedByOtherOrder, balance))
        } else {
            Some((Code::BalanceExceeded, balance))
        }
    }

    /// Why these units of cards can't be returned, if any can't.
    pub(super) fn cards_cannot_return(&self, hold: &Hold, given: &[i128]) -> Option<OwnedOutcome> {
        let mut lacks = Vec::new();
        for (position, line) in hold.cards.iter().enumerate() {
            let at = hold.lines.len() + position;
            let card = &self.cards[&line.card];
            let is_over = self.now_ms > self.worth_of(card).window_ends_ms(line.at_ms);
            let why = match (card.state, is_over) {
                (CardState::Void, _) => Code::Void,
                _ if card.ended => Code::Void,
                (_, true) => Code::ReversalWindow,
                (_, false) => continue,
            };
            if given[at] > 0 {
                lacks.push(Lack { line: at, why, asked: narrow(given[at]), available: 0 });
            }
        }
        let first = lacks.first()?.why;
        Some(OwnedOutcome::refused_lines(first, lacks))
    }

    /// Units of a card line are returned: the card lives for a grace at least.
    pub(super) fn return_card(&mut self, key: Key, position: usize, units: i128) {
        if units == 0 {
            return;
        }
        let id = self.hold(key).cards[position].card;
        let graced_ms = self.graced_ms(&self.worth_of(&self.cards[&id]).definition);
        self.give_card_back(key, position, (units, graced_ms));
        let mut card = self.cards[&id].clone();
        self.grace(&mut card);
        self.note_end(id, card.times.until_ms);
        self.cards.insert(id, card);
    }
}

impl Card {
    /// Held units go back; those of a void card are void.
    fn free(&mut self, parts: &mut [Part], units: i128) {
        self.unhold(parts, units);
        self.held -= units;
        self.put_back(units);
    }

    /// Used units go back.
    pub(super) fn give_back(&mut self, units: i128) {
        self.consumed -= units;
        if self.state == CardState::Used && units > 0 && !self.ended {
            self.state = CardState::Active;
        }
        self.put_back(units);
    }

    fn put_back(&mut self, units: i128) {
        match self.state {
            CardState::Void => self.void += units,
            _ if self.ended => self.void += units,
            _ => self.available += units,
        }
    }
}
