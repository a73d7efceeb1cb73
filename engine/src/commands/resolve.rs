//! What the events of the past are about: history has no decision to take handles from, so they are looked up again.
//!
//! Invariant: one effect per operation id, checked again here.

use super::{Resolved, taken};
use crate::command::{Parties, SubjectKind};
use crate::event::{
    self, Buyer, CampaignEvent, CodeEvent, Event, EventLine, GroupEvent, OwedLine, PersonEvent, RiskEvent,
    ShareEvent,
};
use crate::ids::OperationKey;
use crate::state::State;
use crate::state::counts::NO_ENTRIES;
use crate::state::debts::Debt;
use crate::state::table::NONE;

/// Finds the handles an event needs, for history, which has no decision to take them from.
pub fn resolve(state: &State, event: &Event<'_>, resolved: &mut Resolved) {
    resolved.lines.clear();
    resolved.holds.clear();
    resolved.debts.clear();
    resolved.hold = None;
    let find = |key: &OperationKey| {
        let hash = state.record_hash(key);
        let found = state.find_hold(key, hash, state.now_ms);
        assert!(found.is_some(), "the log names hold {} which does not exist", key.operation);
        found
    };
    match event {
        Event::Taken { origin, buyer, replaces, parties, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolve_lines(state, (buyer, parties.as_ref()), lines.iter().copied(), resolved);
            if replaces.0 != 0 {
                resolved.hold = find(&OperationKey { operation: *replaces, ..origin.key() });
            }
        }
        Event::Owed { origin, buyer, replaces, parties, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            let counted = lines.iter().map(OwedLine::as_line);
            resolve_lines(state, (buyer, parties.as_ref()), counted, resolved);
            if replaces.0 != 0 {
                resolved.hold = find(&OperationKey { operation: *replaces, ..origin.key() });
            }
        }
        Event::SellRefused { origin, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved
                .lines
                .extend(lines.iter().map(|line| (state.stock_of(origin.merchant, line.stock()), NO_ENTRIES)));
        }
        Event::Confirmed { hold, .. }
        | Event::ConfirmOwed { hold, .. }
        | Event::LateRefused { hold, .. }
        | Event::Released { hold }
        | Event::Cancelled { hold } => {
            resolved.hold = find(hold);
        }
        Event::Extended { origin, hold, .. }
        | Event::Returned { origin, hold, .. }
        | Event::Revealed { origin, hold }
        | Event::KeyReplaced { origin, hold, .. }
        | Event::ReplaceOwed { origin, hold, .. }
        | Event::KeyReclaimed { origin, hold, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved.hold = find(&OperationKey { operation: *hold, ..origin.key() });
        }
        Event::Expired { holds } => resolved.holds.extend(holds.iter().filter_map(|hold| find(&hold.key()))),
        Event::Settled { holds, keys } | Event::Unfulfilled { holds, keys } => {
            for (hold, key) in event::debts(holds, keys) {
                resolved.debts.extend(find(&hold).map(|hold| Debt { hold, key: key.unwrap_or(NONE) }));
            }
        }
        Event::StockCreated { origin, .. }
        | Event::Risk(RiskEvent::RuleSet { origin, .. })
        | Event::Risk(RiskEvent::BlockSet { origin, .. })
        | Event::ZoneSet { origin, .. }
        | Event::Person(PersonEvent::Linked { origin, .. })
        | Event::Person(PersonEvent::Unlinked { origin, .. })
        | Event::Person(PersonEvent::Labelled { origin, .. })
        | Event::Person(PersonEvent::Erased { origin, .. })
        | Event::Tombstone { origin }
        | Event::KeysExported { origin, .. } => resolved.hash = new_record(state, &origin.key()),
        Event::GuaranteeLapsed { stock, .. } | Event::BatchExpired { stock, .. } => {
            resolved.lines.push((state.find_stock(*stock), NO_ENTRIES));
        }
        Event::StockMoved { origin, stock, .. }
        | Event::StockEdited { origin, stock, .. }
        | Event::StockQuotaSet { origin, stock, .. }
        | Event::StockLimitsSet { origin, stock, .. }
        | Event::StockPriced { origin, stock, .. }
        | Event::BatchCreated { origin, stock, .. }
        | Event::BatchChanged { origin, stock, .. }
        | Event::KeysImported { origin, stock, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved.lines.push((state.find_stock(*stock), NO_ENTRIES));
        }
        // Campaigns and cards are found where the event is applied.
        Event::Campaign(CampaignEvent::Created { origin, .. })
        | Event::Campaign(CampaignEvent::Edited { origin, .. })
        | Event::Campaign(CampaignEvent::Moved { origin, .. })
        | Event::Issued { origin, .. }
        | Event::Redeemed { origin, .. }
        | Event::OfflineConflict { origin, .. }
        | Event::Reversed { origin, .. }
        | Event::CardChanged { origin, .. }
        | Event::Account { origin, .. }
        | Event::Campaign(CampaignEvent::Voided { origin, .. })
        | Event::CardBatchEnded { origin, .. }
        | Event::Recycled { origin, .. }
        | Event::Merged { origin, .. }
        | Event::Codes(CodeEvent::Imported { origin, .. })
        | Event::Codes(CodeEvent::Set { origin, .. })
        | Event::Gift { origin, .. }
        | Event::Group(
            GroupEvent::Opened { origin, .. }
            | GroupEvent::Joined { origin, .. }
            | GroupEvent::Left { origin, .. }
            | GroupEvent::Filled { origin, .. },
        )
        | Event::Share(ShareEvent::Created { origin, .. } | ShareEvent::Edited { origin, .. }) => {
            resolved.hash = new_record(state, &origin.key())
        }
        Event::Tick { .. }
        | Event::FloorRaised { .. }
        | Event::Configured { .. }
        | Event::Notice(_)
        | Event::Group(GroupEvent::Lapsed { .. })
        | Event::Share(
            ShareEvent::Rewarded { .. } | ShareEvent::Received { .. } | ShareEvent::Delivered { .. },
        ) => {}
    }
}

/// The stocks of a buyer's lines, and his purchase limit entries there.
fn resolve_lines(
    state: &State,
    (buyer, parties): (&Buyer, Option<&Parties>),
    lines: impl Iterator<Item = EventLine>,
    resolved: &mut Resolved,
) {
    let subjects = taken::subjects(buyer.user, parties);
    for line in lines {
        let stock = state.find_stock(line.stock());
        let entry = |kind: SubjectKind| {
            let counted = stock.filter(|_| line.counts(kind));
            let subject = subjects[kind.position()];
            counted.and_then(|stock| state.find_limit(kind, subject, stock)).map_or(NONE, |found| found.0)
        };
        resolved.lines.push((stock, SubjectKind::LIMITED.map(entry)));
    }
}

/// The hash of a key under which nothing is recorded yet: one effect per operation id, checked again in history.
fn new_record(state: &State, key: &OperationKey) -> u32 {
    let hash = state.record_hash(key);
    let found = state.find_record(key, hash, state.now_ms);
    assert!(found.is_none(), "the log has two effects of operation {}", key.operation);
    hash
}
