//! TOPUP, EARN, CARD_REFUND, RENEW, LEVEL: cards are filled, paid back, renewed, and change their level.
//!
//! They share who may be asked for what, so they are decided side by side. Invariant: what an entry adds, and what it takes
//! away for good, is in its event: the state follows from that and from the lots there are.

use super::checks::{capacity, operation_room};
use super::redeem::{balance, check_state, check_times, named, no_page};
use super::worth::{end_in_seconds, in_ms};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::{OperationKind, REFUND_PAID_BITS};
use crate::command::{AccountWish, CampaignKind, Definition};
use crate::event::{AccountEntry, Event};
use crate::ids::CardId;
use crate::limits::{CARD_TOTAL_MAX, CARD_VALUE_MAX, LOTS_PER_CARD_MAX};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::Found;
use crate::state::lots::NewLot;
use crate::state::table::Handle;

/// A part of the time for which points last: their ends are rounded up to it, so that a card has few lots of points.
const ENDS_PER_SPAN: u64 = 8;

/// Decides one of them.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation, wish): (CardId, Option<u8>, AccountWish),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let (content, found) = match named(state, question, card, generation) {
        Ok(named) => named,
        Err(verdict) => return verdict,
    };
    if !wish.is_for(found.campaign.definition.kind()) {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    if let Some(rejection) = check_state(state, &found) {
        return Verdict::Refuse(rejection);
    }
    let renews = matches!(wish, AccountWish::Renew { .. });
    if let Some(rejection) = check_times(&found.card, question.now_ms).filter(|_| !renews) {
        return Verdict::Refuse(rejection);
    }
    let entry = match entry(state, question.now_ms, &found, wish) {
        Ok(entry) => entry,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let no_room = operation_room(state)
        .or_else(|| no_page(state, card, &found))
        .or_else(|| no_lots(state, question.now_ms, &found, &entry));
    if let Some(rejection) = no_room {
        return Verdict::Refuse(rejection);
    }
    let (kind, value) = answered(&entry, balance(state, &found, question.now_ms));
    let event = Event::Account { origin: question.origin(content), card, entry };
    Verdict::Do(event, &plan.resolved, Reply::Value(kind, value))
}

/// Whether a card is one of points.
pub(super) fn is_of_points(found: &Found<'_>) -> bool {
    found.campaign.definition.kind() == CampaignKind::Points
}

/// What a wish comes to, or why it can't be.
pub(super) fn entry(
    state: &State,
    now_ms: u64,
    found: &Found<'_>,
    wish: AccountWish,
) -> Result<AccountEntry, Rejection<'static>> {
    let (definition, card) = (&found.campaign.definition, &found.card);
    let stock = state.stock_of_campaign(found.campaign).id;
    let short =
        |code, asked, available| Err(Rejection { code, facts: Facts::Units { stock, asked, available } });
    let failed = Err(Rejection::plain(Code::RuleFailed));
    match wish {
        AccountWish::TopUp { until_ms, .. } if until_ms != 0 && in_ms(end_in_seconds(until_ms)) <= now_ms => {
            failed
        }
        AccountWish::TopUp { principal, bonus, paid, until_ms } => {
            let (asked, room) = (u64::from(principal) + u64::from(bonus), room(state, found));
            if asked > room {
                return short(Code::RuleFailed, asked, room);
            }
            Ok(AccountEntry::ToppedUp { principal, bonus, paid, until_s: end_in_seconds(until_ms) })
        }
        AccountWish::Earn { units } => {
            let room = match definition.kind() {
                CampaignKind::Stamps => {
                    let there = u64::from(card.available) + u64::from(card.held);
                    definition.value.get().saturating_sub(there)
                }
                _ => room(state, found),
            };
            if u64::from(units) > room {
                return short(Code::RuleFailed, u64::from(units), room);
            }
            Ok(AccountEntry::Earned { units, until_s: earned_until(definition, now_ms) })
        }
        AccountWish::Refund => match refund(state, now_ms, found) {
            (0, _) => short(Code::BalanceExceeded, 1, 0),
            (units, paid) => Ok(AccountEntry::Refunded { units, voided: card.available, paid }),
        },
        AccountWish::Renew { .. } if card.until_s == 0 => failed,
        AccountWish::Renew { seconds } => {
            let begins_ms = in_ms(card.until_s).max(now_ms);
            Ok(AccountEntry::Renewed { until_s: end_in_seconds(begins_ms + in_ms(seconds)) })
        }
        AccountWish::Level { level } => {
            let levels = found.campaign.tiers.len();
            if usize::from(level) > levels || level == card.level() {
                return short(Code::RuleFailed, u64::from(level), levels as u64);
            }
            Ok(AccountEntry::Levelled { level })
        }
    }
}

/// How many units a card can still be filled with.
pub(super) fn room(state: &State, found: &Found<'_>) -> u64 {
    // What is held may come back.
    let there = u64::from(found.card.available) + u64::from(found.card.held);
    let balance = u64::from(CARD_VALUE_MAX).saturating_sub(there);
    balance.min(u64::from(CARD_TOTAL_MAX).saturating_sub(state.units_given(found)))
}

/// When points that are earned now end; 0: with the card.
fn earned_until(definition: &Definition, now_ms: u64) -> u32 {
    let lasts_s = u64::from(definition.earned_lasts_s.get());
    if lasts_s == 0 {
        return 0;
    }
    let step_ms = (lasts_s / ENDS_PER_SPAN).max(1) * 1_000;
    end_in_seconds((now_ms + lasts_s * 1_000).next_multiple_of(step_ms))
}

/// Live principal of a card, and what was paid for it.
fn refund(state: &State, now_ms: u64, found: &Found<'_>) -> (u32, u64) {
    let definition = &found.campaign.definition;
    let own = state.own_available(found.record, &found.card);
    let part = |paid: u64, available: u32, units: u32| {
        (paid * u64::from(available)).checked_div(u64::from(units)).unwrap_or(0)
    };
    let mut units = own;
    let mut paid = part(definition.value.get(), own, definition.units.get());
    for (_, lot) in state.lots_of(found.record).filter(|(_, lot)| lot.is_live(now_ms) && !lot.is_bonus()) {
        units += lot.available;
        paid += part(u64::from(lot.paid), lot.available, lot.units);
    }
    (units, paid)
}

/// Lots that an entry makes.
fn new_lots(entry: &AccountEntry) -> impl Iterator<Item = NewLot> {
    let [first, second] = match *entry {
        AccountEntry::ToppedUp { principal, bonus, paid, until_s } => [
            NewLot { units: principal, bonus: false, paid, until_s },
            NewLot { units: bonus, bonus: true, paid: 0, until_s },
        ],
        AccountEntry::Earned { units, until_s } if until_s != 0 => {
            [NewLot { units, bonus: false, paid: 0, until_s }, NewLot::NONE]
        }
        _ => [NewLot::NONE; 2],
    };
    [first, second].into_iter().filter(|lot| lot.units > 0)
}

/// The lot of a card that points with this end go to.
fn lot_until(state: &State, record: Option<Handle>, entry: &AccountEntry) -> Option<Handle> {
    let AccountEntry::Earned { until_s, .. } = entry else { return None };
    let mut lots = state.lots_of(record);
    lots.find(|(_, lot)| *until_s != 0 && lot.until_s == *until_s).map(|(handle, _)| handle)
}

/// CAPACITY if there is no room for an entry's lots, or for the card's account.
pub(super) fn no_lots(
    state: &State,
    now_ms: u64,
    found: &Found<'_>,
    entry: &AccountEntry,
) -> Option<Rejection<'static>> {
    if !matches!(entry, AccountEntry::ToppedUp { .. } | AccountEntry::Earned { .. }) {
        return None;
    }
    let made = match lot_until(state, found.record, entry) {
        Some(_) => 0,
        None => new_lots(entry).count(),
    };
    if made > 0 {
        return room_for_lots(state, now_ms, found, (made, true));
    }
    room_for_account(state, found, (0, 0))
}

/// CAPACITY if there is no room for so many new lots, or for the card's account if it is *filled*. Lots that are over go first.
pub(super) fn room_for_lots(
    state: &State,
    now_ms: u64,
    found: &Found<'_>,
    (made, filled): (usize, bool),
) -> Option<Rejection<'static>> {
    let (stay, go) = state.lots_staying(found.record, now_ms);
    if stay + made > LOTS_PER_CARD_MAX {
        return Some(capacity(CapacityOf::Lots, LOTS_PER_CARD_MAX as u64));
    }
    if filled { room_for_account(state, found, (made, go)) } else { None }
}

fn room_for_account(
    state: &State,
    found: &Found<'_>,
    (made, go): (usize, usize),
) -> Option<Rejection<'static>> {
    let account = usize::from(!found.record.is_some_and(|record| state.has_account(record)));
    let maximum = u64::from(state.capacity.lots_max);
    let full = u64::from(state.lots.used()) + (made + account) as u64 > maximum + go as u64;
    full.then(|| capacity(CapacityOf::Lots, maximum))
}

/// The command, and the number in its operation record, of an entry in an account with this balance.
fn answered(entry: &AccountEntry, balance: u32) -> (OperationKind, u64) {
    let filled = |units: u32| u64::from(units) << 32 | u64::from(balance + units);
    match *entry {
        AccountEntry::ToppedUp { principal, bonus, .. } => (OperationKind::TopUp, filled(principal + bonus)),
        AccountEntry::Earned { units, .. } => (OperationKind::Earn, filled(units)),
        AccountEntry::Refunded { units, paid, .. } => {
            (OperationKind::CardRefund, u64::from(units) << REFUND_PAID_BITS | paid)
        }
        AccountEntry::Renewed { until_s } => (OperationKind::Renew, in_ms(until_s)),
        AccountEntry::Levelled { level } => (OperationKind::Level, u64::from(level)),
    }
}

/// Applies an [`Event::Account`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::Account { origin, card, entry } = event else {
        unreachable!("only entries in accounts are applied here");
    };
    let handle = state.touch_card(*card);
    let before = state.balance(Some(handle), state.cards.get(handle), state.now_ms);
    let (kind, value) = answered(entry, before);
    match *entry {
        AccountEntry::ToppedUp { .. } | AccountEntry::Earned { .. } => fill(state, handle, entry),
        AccountEntry::Refunded { voided, .. } => {
            assert!(voided == state.cards.get(handle).available, "all that is left is paid back");
            state.void_units(handle);
        }
        AccountEntry::Renewed { until_s } => state.set_until(handle, until_s),
        AccountEntry::Levelled { level } => state.cards.get_mut(handle).set_level(level),
    }
    record(state, origin, kind, value, resolved);
}

/// Units of an entry go to their lots.
pub(super) fn fill(state: &mut State, card: Handle, entry: &AccountEntry) {
    let into = lot_until(state, Some(card), entry);
    let units = match *entry {
        AccountEntry::ToppedUp { principal, bonus, .. } => principal + bonus,
        AccountEntry::Earned { units, .. } => units,
        _ => 0,
    };
    state.supply_card(card, units);
    match into {
        Some(lot) => state.add_to_lot(lot, units),
        None => new_lots(entry).for_each(|lot| state.make_lot(card, &lot)),
    }
}
