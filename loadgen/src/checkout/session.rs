//! One checkout under way, and what an answer means to it.
//!
//! Invariant: of each operation of a story the first answer is counted, every further one is compared with it. What
//! contradicts an earlier answer is a finding, never a crash.

use super::script::{self, Move};
use crate::answers::{Raw, is_for_good, owed, record, refused, sum};
use crate::cards::{essence, shown};
use crate::desk::Desk;
use crate::ids::OWN_NUMBER;
use crate::ledger::{LAPSED, Record};
use crate::plan::CHECKOUT_LINES_MAX;
use crate::recipe::{Cart, Fate, What};
use crate::sums::is_turned_away;
use scrip_engine::answer::{Answer, KeyPage, Outcome};
use scrip_engine::ids::OperationId;
use scrip_engine::rejection::{Code, Facts};
use scrip_protocol::error::ProtocolError;
use zerocopy::little_endian::U32;

/// How often a command is sent that is turned away.
const TRIES_MAX: u8 = 200;

/// Where the number of the key stands that took another's place, among the digests.
const NEW_KEY: usize = place(What::Confirm);

/// A checkout, in one cache line: tens of thousands are under way, and each command touches one of them twice.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) created_ms: u64,
    /// When this move was due.
    pub(super) due_ns: u64,
    /// Its hold's deadline in milliseconds after `created_ms`; of a SELL, which has none, the number of its first card key.
    deadline_or_key: u32,
    /// The time of its operation with an id of its own, in milliseconds after `created_ms`.
    own_after_ms: u32,
    granted: [u32; CHECKOUT_LINES_MAX],
    /// The low halves of the digests of the first answers that the server recorded: RESERVE or SELL; EXTEND, RETURN,
    /// REVEAL or KEY_REPLACE; CONFIRM or RELEASE. 0: none. Whoever has a key replaced confirms nothing: in the third place
    /// stands the new key's number then.
    digests: [u32; 3],
    fate: Fate,
    /// The move it is at.
    pub(super) at: u8,
    /// Commands of this move in flight.
    pub(super) open: u8,
    /// The first answer to this move has come.
    pub(super) settled: bool,
    /// This move was in flight on a lost connection: it is counted as unknown, and asked again.
    pub(super) unknown: bool,
    /// Whether it is kept in the ledger.
    pub(super) kept: bool,
    /// What follows from the answers to this move.
    pub(super) next: Next,
    tries: u8,
}

const _: () = assert!(size_of::<Session>() == 64);

/// What a checkout does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next move.
    Advance,
    /// The same move, a little later.
    Retry,
    /// Only what asks this move again.
    Repeats,
    /// Nothing: the story ends.
    Finish,
}

impl Session {
    pub(super) fn new(number: u64, created_ms: u64, cart: &Cart, due_ns: u64, kept: bool) -> Session {
        Session {
            number,
            created_ms,
            due_ns,
            deadline_or_key: 0,
            own_after_ms: 0,
            granted: [0; CHECKOUT_LINES_MAX],
            digests: [0; 3],
            fate: cart.fate,
            at: 0,
            open: 0,
            settled: false,
            unknown: false,
            kept,
            next: Next::Advance,
            tries: 0,
        }
    }

    pub(super) fn story(&self) -> &'static [Move] {
        script::of(self.fate)
    }

    pub(super) fn present(&self) -> Move {
        self.story()[usize::from(self.at)]
    }

    /// Units granted per line; all 0 before there was an answer.
    pub(super) fn granted(&self, cart: &Cart) -> &[u32] {
        &self.granted[..cart.lines().len()]
    }

    pub(super) fn deadline_ms(&self) -> u64 {
        self.created_ms + u64::from(self.deadline_or_key)
    }

    fn set_deadline_ms(&mut self, deadline_ms: u64) {
        self.deadline_or_key = u32::try_from(deadline_ms.saturating_sub(self.created_ms)).unwrap_or(u32::MAX);
    }

    /// The number of the first card key of a SELL; means nothing in other checkouts.
    pub(super) fn first_key(&self) -> u32 {
        self.deadline_or_key
    }

    /// The number of the key that took the first one's place, if it was replaced: repeats then name it, and show none.
    fn replaced_by(&self) -> Option<u32> {
        let replaced = self.fate == Fate::Replace && self.digests[place(What::KeyReplace)] != 0;
        replaced.then_some(self.digests[NEW_KEY])
    }

    /// Its operation with an id of its own is made now.
    pub(super) fn begin_own(&mut self, now_ms: u64) {
        self.own_after_ms = u32::try_from(now_ms.saturating_sub(self.created_ms)).unwrap_or(u32::MAX);
    }

    pub(super) fn hold(&self, desk: &Desk) -> OperationId {
        desk.generator().operation(self.created_ms, self.number)
    }

    /// The id under which this move is asked.
    pub(super) fn operation(&self, desk: &Desk) -> OperationId {
        if !self.present().what.is_own() {
            return self.hold(desk);
        }
        let created_ms = self.created_ms + u64::from(self.own_after_ms);
        desk.generator().operation(created_ms, self.number | OWN_NUMBER)
    }

    /// This move without an answer.
    pub(super) fn record(&self, desk: &Desk, now_ns: u64) -> Record {
        desk.unknown(self.present().what, self.operation(desk), self.hold(desk), now_ns)
    }

    /// Takes an answer to the present move.
    pub(super) fn answer(&mut self, desk: &mut Desk, raw: Raw<'_>, now_ns: u64) -> Result<(), ProtocolError> {
        let outcome = raw.outcome()?;
        if let Outcome::Done(answer) = &outcome
            && !fits(self.present().what, answer)
        {
            return Err(ProtocolError::Payload("an answer to another command"));
        }
        self.open -= 1;
        if self.settled || self.present().again {
            self.compare(desk, raw, &outcome);
            return Ok(());
        }
        self.settle(desk, raw, &outcome, now_ns);
        Ok(())
    }

    /// An operation that was answered before: the answer must be the same, if the server keeps the first.
    fn compare(&mut self, desk: &mut Desk, raw: Raw<'_>, outcome: &Outcome<'_>) {
        if !self.settled {
            (self.settled, self.next) = (true, Next::Advance);
        }
        let what = self.present().what;
        let first = self.digests[place(what)];
        match outcome {
            Outcome::Refused(no) if is_turned_away(no.code) || no.code == Code::OperationTooOld => return,
            _ => desk.sums.repeats += 1,
        }
        let same = match (self.replaced_by(), outcome) {
            (Some(new), Outcome::Refused(no)) if what == What::Sell => {
                no.code == Code::KeyReplaced && no.facts == Facts::Key(u64::from(new))
            }
            _ => first == 0 || first == half(essence(raw.bytes, outcome)),
        };
        if !same {
            let operation = self.operation(desk);
            desk.mismatch(|| {
                format!("{} {operation} was answered differently again: {outcome:?}", what.name())
            });
        }
    }

    /// The first answer to an operation.
    fn settle(&mut self, desk: &mut Desk, raw: Raw<'_>, outcome: &Outcome<'_>, now_ns: u64) {
        self.settled = true;
        let what = self.present().what;
        match outcome {
            Outcome::Refused(no) if is_turned_away(no.code) => self.turned_away(desk, no.code),
            Outcome::Refused(no) => {
                let for_good = is_for_good(what, desk.generator().is_paid(self.fate), no.code);
                if self.kept && (for_good || (self.unknown && no.code != Code::OperationTooOld)) {
                    desk.record(refused(self.record(desk, now_ns), raw.bytes, no.code, for_good));
                }
                if for_good {
                    self.digests[place(what)] = half(essence(raw.bytes, outcome));
                }
                self.resolve(desk);
                desk.refused_in(self.number, no.code);
                if is_absurd(no.code) {
                    let operation = self.operation(desk);
                    desk.contradiction(|| {
                        format!("{} {operation} was refused: {}", what.name(), no.code.name())
                    });
                }
                self.next = if for_good { Next::Repeats } else { Next::Finish };
            }
            Outcome::Done(Answer::Owed { until_ms, .. }) => {
                // No key is left for it: which one comes, and when, is for the server to know.
                self.resolve(desk);
                desk.acknowledged(1);
                if self.kept {
                    let mut record = owed(self.record(desk, now_ns), *until_ms);
                    record.units.set(self.first_key());
                    desk.record(record);
                }
                self.next = Next::Finish;
            }
            Outcome::Done(answer) => {
                self.resolve(desk);
                desk.acknowledged(1);
                let essence = essence(raw.bytes, outcome);
                self.digests[place(what)] = half(essence);
                let record = record(self.record(desk, now_ns), essence, 0, 0, false);
                let record = self.take(desk, answer, record);
                if self.kept {
                    desk.record(record);
                }
                self.next = Next::Advance;
            }
        }
    }

    /// What had been unknown no longer is.
    fn resolve(&mut self, desk: &mut Desk) {
        if self.unknown {
            desk.sums.unknown -= 1;
            desk.sums.repeats += 1;
            self.unknown = false;
        }
    }

    fn turned_away(&mut self, desk: &mut Desk, code: Code) {
        self.tries = self.tries.saturating_add(1);
        let begins = self.at == 0;
        if !self.unknown {
            desk.refused_in(self.number, code);
        }
        let gives_up = self.tries >= TRIES_MAX || (begins && !self.unknown);
        self.next = if gives_up { Next::Finish } else { Next::Retry };
    }

    /// Takes over what a success says, and looks whether it can be true.
    fn take(&mut self, desk: &mut Desk, answer: &Answer<'_>, record: Record) -> Record {
        let cart = desk.generator().cart(self.number);
        let mut record = record;
        let right = match answer {
            Answer::Reserved { deadline_ms, units } => {
                self.set_deadline_ms(*deadline_ms);
                record.at_ms.set(*deadline_ms);
                let (units, of_cards) = split(&cart, units);
                record.units.set(sum(units));
                desk.sums.reserved_units += u64::from(sum(units));
                self.grant(&cart, units) && are_asked(&cart, of_cards)
            }
            Answer::Confirmed { confirmed_ms, late, units, keys, .. } => {
                let (units, of_cards) = split(&cart, units);
                record.at_ms.set(*confirmed_ms);
                record.units.set(sum(units));
                record.flags = if *late { crate::ledger::LATE } else { 0 };
                desk.sold_in(self.number, u64::from(sum(units)));
                let sell = self.present().what == What::Sell;
                let right = if sell { self.grant(&cart, units) } else { self.paid(&cart, units) };
                let keys_right = self.take_keys(desk, keys, sum(units), !cart.is_hidden());
                if let (true, Some(first)) = (sell, shown(keys).next()) {
                    self.deadline_or_key = first.key;
                }
                right && keys_right && are_asked(&cart, of_cards)
            }
            Answer::Extended { deadline_ms } => {
                record.at_ms.set(*deadline_ms);
                let earlier = *deadline_ms < self.deadline_ms();
                self.set_deadline_ms(*deadline_ms);
                !earlier
            }
            Answer::Released { lapsed } => {
                record.flags = if *lapsed { LAPSED } else { 0 };
                true
            }
            Answer::Returned { units } => {
                record.units.set(u32::try_from(*units).unwrap_or(u32::MAX));
                desk.sums.returned_units += units;
                *units == self.paid_units(&cart)
            }
            Answer::Keys(page) => self.take_page(desk, page, &cart, &mut record),
            _ => true,
        };
        if !right {
            let (what, operation) = (self.present().what.name(), self.operation(desk));
            desk.contradiction(|| {
                format!("{what} {operation} was answered with what was not asked for: {answer:?}")
            });
        }
        record
    }

    /// Takes the keys of a REVEAL or KEY_REPLACE.
    fn take_page(&mut self, desk: &mut Desk, page: &KeyPage<'_>, cart: &Cart, record: &mut Record) -> bool {
        if self.present().what == What::Reveal {
            return self.take_keys(desk, page, self.paid_units(cart) as u32, true);
        }
        let Some(new) = shown(page).next() else { return false };
        let old = self.first_key();
        self.digests[NEW_KEY] = new.key;
        record.units.set(old);
        record.at_ms.set(u64::from(new.key));
        let known = desk.keys_given(page, self.hold(desk), What::KeyReplace, self.kept);
        known && new.key != old && !new.text.is_empty() && (page.from, shown(page).count()) == (0, 1)
    }

    /// Takes keys given for so many units. False: they are not as many, or not as visible, as they must be.
    fn take_keys(&self, desk: &mut Desk, page: &KeyPage<'_>, units: u32, visible: bool) -> bool {
        if desk.generator().recipe.cards.is_none() {
            return true;
        }
        let known = desk.keys_given(page, self.hold(desk), self.present().what, self.kept);
        let as_asked = shown(page).all(|key| key.text.is_empty() != visible && !key.void);
        known && as_asked && page.total == units && shown(page).count() == units as usize
    }

    /// Units granted per line: what was asked, or with `partial` not less than the least.
    fn grant(&mut self, cart: &Cart, units: &[U32]) -> bool {
        let lines = cart.lines();
        for (granted, units) in self.granted.iter_mut().zip(units) {
            *granted = units.get();
        }
        units.len() == lines.len()
            && lines.iter().zip(units).all(|(line, units)| {
                let least = if cart.partial { line.units_min.get() } else { line.units.get() };
                (least..=line.units.get()).contains(&units.get())
            })
    }

    /// Units confirmed per line: what was paid for, which is all of them or one less.
    fn paid(&self, cart: &Cart, units: &[U32]) -> bool {
        let granted = self.granted(cart);
        match cart.pays(granted).units() {
            [] => {
                granted.len() == units.len()
                    && granted.iter().zip(units).all(|(one, other)| *one == other.get())
            }
            paid => paid == units,
        }
    }

    /// Units that a CONFIRM of this checkout sells.
    fn paid_units(&self, cart: &Cart) -> u64 {
        let all: u64 = self.granted.iter().map(|&units| u64::from(units)).sum();
        match cart.pays(self.granted(cart)).units() {
            [] => all,
            paid => u64::from(sum(paid)),
        }
    }
}

/// Units of an answer: those of the cart's lines, and those of its cards.
fn split<'u>(cart: &Cart, units: &'u [U32]) -> (&'u [U32], &'u [U32]) {
    units.split_at(cart.lines().len().min(units.len()))
}

/// Whether these are the units that the cart takes of cards.
fn are_asked(cart: &Cart, of_cards: &[U32]) -> bool {
    of_cards.iter().eq(cart.cards().iter().map(|line| &line.units))
}

/// Where the digest of this command's answer is kept.
const fn place(what: What) -> usize {
    match what {
        What::Reserve | What::Sell => 0,
        What::Extend | What::Return | What::Reveal | What::KeyReplace => 1,
        What::Confirm | What::Release => 2,
        What::Claim | What::Redeem => panic!("a checkout claims and redeems no cards"),
    }
}

/// Half of what an answer says: never 0.
fn half(essence: u64) -> u32 {
    (essence as u32).max(1)
}

/// Whether this is the kind of answer that this command gets.
fn fits(what: What, answer: &Answer<'_>) -> bool {
    match what {
        What::Reserve => matches!(answer, Answer::Reserved { .. }),
        What::Sell | What::Confirm => matches!(answer, Answer::Confirmed { .. }),
        What::Extend => matches!(answer, Answer::Extended { .. }),
        What::Release => matches!(answer, Answer::Released { .. }),
        What::Return => matches!(answer, Answer::Returned { .. }),
        What::Reveal => matches!(answer, Answer::Keys(_)),
        What::KeyReplace => matches!(answer, Answer::Keys(_) | Answer::Owed { .. }),
        What::Claim => matches!(answer, Answer::Issued(_)),
        What::Redeem => matches!(answer, Answer::Redeemed(_)),
    }
}

/// Refusals that no story of ours leads to, unless the server forgot or doubled something.
const fn is_absurd(code: Code) -> bool {
    matches!(
        code,
        Code::HoldNotFound
            | Code::HoldReleased
            | Code::HoldConfirmed
            | Code::ExceedsHold
            | Code::AlreadyReversed
            | Code::OperationMismatch
            | Code::NotOwner
            | Code::CrossSlot
            | Code::NotActive
            | Code::ClockAhead
    )
}
