//! Expiry: holds whose deadline has come give their units back, up to 256 in one event.
//!
//! Belongs to shard time, not to a worker: `Engine::advance` posts what is due before any command runs.

use super::Resolved;
use super::hold::free_units;
use crate::answer::HoldState;
use crate::event::{Event, EventHold, EventSink};
use crate::state::State;

/// Applies an [`crate::event::Event::Expired`].
pub fn apply(state: &mut State, resolved: &Resolved) {
    for handle in &resolved.holds {
        let deadline_ms = state.holds.get(*handle).deadline_ms();
        assert!(state.holds.get(*handle).state() == HoldState::Held, "only a held hold expires");
        free_units(state, *handle);
        let late_ms = state.rules.late_confirm_ms;
        let hold = state.holds.get_mut(*handle);
        hold.close(HoldState::Expired, deadline_ms + late_ms);
    }
}

/// Posts an event about the holds that were resolved, and applies it.
pub fn post_holds(
    state: &mut State,
    (resolved, holds): (&Resolved, &mut Vec<EventHold>),
    sink: &mut impl EventSink,
    event: impl FnOnce(&[EventHold]) -> Event<'_>,
) {
    holds.clear();
    holds.extend(resolved.holds.iter().map(|handle| EventHold::new(state.holds.get(*handle).key())));
    let event = event(holds);
    sink.push(&event);
    super::apply(state, &event, resolved);
}
