//! Everything a ledger knows of one hold, and whether the hold as the server shows it can have come of that.

use crate::ledger::{Known, LAPSED, LATE, Record};
use crate::plan::CHECKOUT_LINES_MAX;
use crate::purse::CARD_LINES;
use crate::recipe::{Generator, What};
use scrip_engine::answer::{Answer, HoldCard, HoldLine, HoldState, HoldView, Outcome};
use scrip_engine::ids::OperationId;
use scrip_engine::rejection::Code;

/// Clocks of load, check and server may differ by this much before an expiry counts as false.
const CLOCK_SLACK_MS: u64 = 2_000;

/// A hold as the server shows it, with what outlives the answer's bytes.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) state: HoldState,
    pub(super) late: bool,
    pub(super) refusal: Option<Code>,
    pub(super) user: u128,
    pub(super) order: u128,
    pub(super) deadline_ms: u64,
    pub(super) closed_ms: u64,
    lines: [HoldLine; CHECKOUT_LINES_MAX],
    count: usize,
    cards: [HoldCard; CARD_LINES],
    card_count: usize,
}

impl View {
    fn of(view: &HoldView<'_>) -> View {
        let mut lines = [HoldLine::default(); CHECKOUT_LINES_MAX];
        for (line, found) in lines.iter_mut().zip(view.lines) {
            *line = *found;
        }
        let mut cards = [HoldCard::default(); CARD_LINES];
        for (card, found) in cards.iter_mut().zip(view.cards) {
            *card = *found;
        }
        View {
            cards,
            card_count: view.cards.len(),
            state: view.state,
            late: view.late,
            refusal: view.refusal,
            user: view.user.0,
            order: view.order.0,
            deadline_ms: view.deadline_ms,
            closed_ms: view.closed_ms,
            lines,
            count: view.lines.len(),
        }
    }

    /// Its lines, as far as a load's holds have any.
    pub(super) fn lines(&self) -> &[HoldLine] {
        &self.lines[..self.count.min(CHECKOUT_LINES_MAX)]
    }

    /// Its cards, likewise.
    pub(super) fn cards(&self) -> &[HoldCard] {
        &self.cards[..self.card_count.min(CARD_LINES)]
    }

    /// Units reserved per line.
    pub(super) fn granted(&self) -> ([u32; CHECKOUT_LINES_MAX], u8) {
        (self.lines.map(|line| line.reserved.get()), self.lines().len() as u8)
    }

    fn sum(&self, units: impl Fn(&HoldLine) -> u32) -> u64 {
        self.lines().iter().map(|line| u64::from(units(line))).sum()
    }
}

/// What OPERATION_SHOW said.
#[derive(Debug)]
pub(super) enum Found {
    /// NOT_FOUND.
    Nothing,
    /// Beyond the operation window.
    TooOld,
    Hold(View),
    /// An operation that is not a hold's own, with its number.
    Operation(u64),
}

impl Found {
    pub(super) fn of(outcome: &Outcome<'_>) -> Found {
        match outcome {
            Outcome::Done(Answer::Hold(view)) => Found::Hold(View::of(view)),
            Outcome::Done(Answer::Operation(view)) => Found::Operation(view.value),
            Outcome::Refused(no) if no.code == Code::OperationTooOld => Found::TooOld,
            _ => Found::Nothing,
        }
    }
}

/// All records of one hold, in the order they were learned.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) hold: OperationId,
    records: &'a [&'a Record],
    /// Whether the ledger has every record of the hold.
    whole: bool,
}

impl<'a> Story<'a> {
    pub(super) fn new(records: &'a [&'a Record], whole: bool) -> Story<'a> {
        Story { hold: records[0].hold(), records, whole }
    }

    /// The best that is known of an operation on the hold itself.
    fn known(&self, what: What) -> Option<&'a Record> {
        let of = |known: Known| {
            self.records.iter().find(move |record| record.what() == what && record.known() == known)
        };
        let best = [Known::Acknowledged, Known::RefusedForGood, Known::Owed, Known::Refused, Known::Unknown];
        best.into_iter().find_map(of).copied()
    }

    fn answered_as(&self, what: What, known: Known) -> Option<&'a Record> {
        self.known(what).filter(|record| record.known() == known)
    }

    /// Whether it is a sale that was answered OWED.
    pub(super) fn is_owed(&self) -> bool {
        self.answered_as(What::Sell, Known::Owed).is_some()
    }

    fn is_unknown(&self, what: What) -> bool {
        self.known(what).is_some_and(|record| !is_known(record))
    }

    /// The best that is known of an operation with an id of its own.
    pub(super) fn of(&self, operation: OperationId) -> Option<&'a Record> {
        let of = |known: Known| {
            self.records.iter().find(move |record| record.operation() == operation && record.known() == known)
        };
        let best = [Known::Acknowledged, Known::Owed, Known::Refused, Known::Unknown];
        best.into_iter().find_map(of).copied()
    }

    /// The best that is known of an operation on the hold with an id of its own.
    pub(super) fn own(&self, what: What) -> Option<&'a Record> {
        self.own_operations().filter_map(|operation| self.of(operation)).find(|record| record.what() == what)
    }

    /// Operations with ids of their own, each once.
    pub(super) fn own_operations(&self) -> impl Iterator<Item = OperationId> {
        let own: Vec<OperationId> =
            self.records.iter().map(|record| record.operation()).filter(|own| *own != self.hold).collect();
        let twice = own.clone();
        own.into_iter().enumerate().filter(move |(at, own)| !twice[..*at].contains(own)).map(|(_, own)| own)
    }

    fn of_hold(&self) -> impl Iterator<Item = &'a Record> {
        [What::Reserve, What::Sell, What::Confirm, What::Release]
            .into_iter()
            .filter_map(|what| self.known(what))
    }

    /// Operations on the hold itself.
    pub(super) fn operations(&self) -> u64 {
        self.of_hold().count() as u64
    }

    /// Those of them that the server must know.
    pub(super) fn takes_effect(&self) -> u64 {
        self.of_hold().filter(|record| is_known(record)).count() as u64
    }

    /// Those of them whose outcome is unknown: how many the hold shows to have happened, and how many not.
    pub(super) fn unknowns(&self, view: Option<&View>) -> (u64, u64) {
        let happened = |view: &View, record: &Record| match record.what() {
            What::Confirm => view.state == HoldState::Confirmed || view.refusal.is_some(),
            What::Release => {
                view.state == HoldState::Released
                    || (view.state == HoldState::Lapsed && view.refusal.is_none())
            }
            _ => true,
        };
        let (mut did, mut not) = (0, 0);
        for record in self.of_hold().filter(|record| !is_known(record)) {
            if view.is_some_and(|view| happened(view, record)) {
                did += 1;
            } else {
                // Refused when it was asked again: that was counted as its outcome.
                not += u64::from(record.known() == Known::Unknown);
            }
        }
        (did, not)
    }

    /// All answers that the server must give again, each operation's once.
    pub(super) fn answered(&self) -> impl Iterator<Item = &'a Record> {
        let own =
            self.own_operations().collect::<Vec<_>>().into_iter().filter_map(|operation| self.of(operation));
        self.of_hold().chain(own).filter(|record| is_known(record))
    }

    /// Operations that were acknowledged with two different answers.
    pub(super) fn doubled(&self) -> u64 {
        let answered: Vec<&&Record> = self.records.iter().filter(|record| is_known(record)).collect();
        let differs = |one: &Record, other: &Record| {
            one.what == other.what && one.operation == other.operation && one.digest != other.digest
        };
        let with_earlier = |at: usize| answered[..at].iter().any(|earlier| differs(earlier, answered[at]));
        (0..answered.len()).filter(|&at| with_earlier(at)).count() as u64
    }

    /// What was acknowledged, in words.
    pub(super) fn words(&self) -> String {
        let word = |record: &Record| {
            format!("{} was answered after {} ms", record.what().name(), record.learned_us.get() / 1_000)
        };
        self.of_hold().filter(|record| is_known(record)).map(word).collect::<Vec<_>>().join(", ")
    }

    /// When the hold runs out, as far as was acknowledged.
    pub(super) fn deadline_ms(&self) -> u64 {
        let extends = self.acknowledged_own(What::Extend).map(|record| record.at_ms.get());
        let reserve = self.answered_as(What::Reserve, Known::Acknowledged).map(|record| record.at_ms.get());
        extends.chain(reserve).max().unwrap_or(0)
    }

    fn acknowledged_own(&self, what: What) -> impl Iterator<Item = &'a Record> {
        let own =
            self.own_operations().collect::<Vec<_>>().into_iter().filter_map(|operation| self.of(operation));
        own.filter(move |record| record.what() == what && record.known() == Known::Acknowledged)
    }

    fn has_unknown_own(&self, what: What) -> bool {
        self.own_operations()
            .filter_map(|operation| self.of(operation))
            .any(|record| record.what() == what && !is_known(record))
    }

    /// Units that answers said to be the buyer's at `server_ms`: sold, or held until later. Those given back are not.
    pub(super) fn promised_units(&self, server_ms: u64) -> u64 {
        let acknowledged = |what| self.answered_as(what, Known::Acknowledged);
        let sold = acknowledged(What::Confirm).or_else(|| acknowledged(What::Sell));
        if let Some(sold) = sold {
            let returned: u64 =
                self.acknowledged_own(What::Return).map(|record| u64::from(record.units.get())).sum();
            let left = u64::from(sold.units.get()).saturating_sub(returned);
            return if self.has_unknown_own(What::Return) { 0 } else { left };
        }
        let ended = [What::Confirm, What::Release].into_iter().any(|what| self.known(what).is_some());
        match acknowledged(What::Reserve) {
            Some(reserve) if !ended && self.deadline_ms() > server_ms => u64::from(reserve.units.get()),
            _ => 0,
        }
    }

    /// Whether the hold can have come of what is known of it; else what contradicts it.
    pub(super) fn compare(&self, generator: &Generator, view: &View, server_ms: u64) -> Result<(), String> {
        self.compare_content(generator, view)?;
        self.compare_state(view, server_ms, generator.recipe.wait_ms > 0)?;
        let returned = view.sum(|line| line.returned.get());
        let acknowledged: u64 =
            self.acknowledged_own(What::Return).map(|record| u64::from(record.units.get())).sum();
        if returned < acknowledged || (returned > acknowledged && !self.has_unknown_own(What::Return)) {
            return Err(format!("{acknowledged} units were acknowledged to be returned, {returned} are"));
        }
        let Some(reserve) = self.answered_as(What::Reserve, Known::Acknowledged) else { return Ok(()) };
        let (units, reserved) = (u64::from(reserve.units.get()), view.sum(|line| line.reserved.get()));
        if units != reserved {
            return Err(format!("{units} units were acknowledged to be reserved, {reserved} are"));
        }
        let (deadline_ms, found_ms) = (self.deadline_ms(), view.deadline_ms);
        if found_ms < deadline_ms || (found_ms > deadline_ms && !self.has_unknown_own(What::Extend)) {
            return Err(format!("its acknowledged deadline is {deadline_ms} ms, it is {found_ms} ms"));
        }
        Ok(())
    }

    /// Buyer, order and lines are what the command said.
    fn compare_content(&self, generator: &Generator, view: &View) -> Result<(), String> {
        let cart = generator.cart(generator.ids.number(self.hold));
        if (view.user, view.order) != (cart.user, cart.order) {
            return Err("its buyer or order is not the one that was asked for".to_owned());
        }
        let refused = view.state == HoldState::Refused;
        let same = |(line, found): (&scrip_engine::command::Line, &HoldLine)| {
            let (asked, reserved) = (line.units.get(), found.reserved.get());
            let least = if cart.partial { line.units_min.get() } else { asked };
            line.stock == found.stock && (refused || (least..=asked).contains(&reserved))
        };
        if view.count != cart.lines().len() || !cart.lines().iter().zip(view.lines()).all(same) {
            return Err(format!("its lines {:?} are not those that were asked for", view.lines()));
        }
        Ok(())
    }

    /// `waits`: sales of the load wait for their units.
    fn compare_state(&self, view: &View, server_ms: u64, waits: bool) -> Result<(), String> {
        let acknowledged = |what| self.answered_as(what, Known::Acknowledged);
        let for_good = |what| self.answered_as(what, Known::RefusedForGood);
        let code = |record: &Record| Code::from_number(record.units.get() as u16);
        if let Some(sold) = acknowledged(What::Confirm).or_else(|| acknowledged(What::Sell)) {
            let units = view.sum(|line| line.confirmed.get());
            let late = sold.flags & LATE != 0;
            let found = (view.state, view.closed_ms, units, view.late);
            let expected = (HoldState::Confirmed, sold.at_ms.get(), u64::from(sold.units.get()), late);
            return same("(state, confirmed at, units, late)", expected, found);
        }
        if let Some(refused) = for_good(What::Sell) {
            return same("(state, code)", (HoldState::Refused, code(refused)), (view.state, view.refusal));
        }
        if let Some(refused) = for_good(What::Confirm) {
            return same("(state, code)", (HoldState::Lapsed, code(refused)), (view.state, view.refusal));
        }
        if let Some(released) = acknowledged(What::Release) {
            let lapsed = released.flags & LAPSED != 0;
            let expected = if lapsed { HoldState::Lapsed } else { HoldState::Released };
            return same("state", expected, view.state);
        }
        if let Some(owed) = self.answered_as(What::Sell, Known::Owed) {
            return compare_owed(owed, view, server_ms);
        }
        let sell = self.is_unknown(What::Sell);
        let possible = match view.state {
            HoldState::Held => !sell,
            HoldState::Expired => !sell && view.deadline_ms <= server_ms + CLOCK_SLACK_MS,
            HoldState::Confirmed => sell || self.is_unknown(What::Confirm) || !self.whole,
            HoldState::Refused => sell,
            // The load generator cancels nothing.
            HoldState::Cancelled => false,
            HoldState::Owed | HoldState::Unfulfilled => sell && waits,
            HoldState::Released => self.is_unknown(What::Release),
            HoldState::Lapsed => self.is_unknown(What::Release) || self.is_unknown(What::Confirm),
        };
        let (state, deadline_ms) = (view.state, view.deadline_ms);
        if possible {
            Ok(())
        } else {
            Err(format!("nothing led to its state {state:?} (deadline {deadline_ms} ms)"))
        }
    }
}

/// A sale that was answered OWED waits still, was sold whole, or has waited in vain to the end.
fn compare_owed(owed: &Record, view: &View, server_ms: u64) -> Result<(), String> {
    let until_ms = owed.at_ms.get();
    let (asked, sold) = (view.sum(|line| line.reserved.get()), view.sum(|line| line.confirmed.get()));
    let possible = match view.state {
        HoldState::Owed => view.deadline_ms == until_ms,
        HoldState::Confirmed => sold == asked && view.closed_ms <= until_ms,
        HoldState::Unfulfilled => until_ms <= server_ms + CLOCK_SLACK_MS,
        _ => false,
    };
    if possible {
        return Ok(());
    }
    let (state, closed_ms) = (view.state, view.closed_ms);
    Err(format!(
        "it was owed until {until_ms} ms, its state is {state:?} since {closed_ms} ms with {sold} of {asked} units sold"
    ))
}

/// Whether the server must know the operation: its answer stands for ever, or, of what is owed, until it ends.
fn is_known(record: &Record) -> bool {
    matches!(record.known(), Known::Acknowledged | Known::RefusedForGood | Known::Owed)
}

fn same<T: PartialEq + std::fmt::Debug>(of: &str, expected: T, found: T) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("its {of} was acknowledged as {expected:?}, is {found:?}"))
    }
}
