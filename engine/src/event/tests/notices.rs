//! Events of notices.

use super::super::*;
use crate::limits::NOTICES_PER_EVENT_MAX;

/// Notices: as many as there can be at once, none, and pages that are queued anew.
pub fn of_notices() -> Vec<Event<'static>> {
    static ROWS: [NoticeRow; NOTICES_PER_EVENT_MAX] = [NoticeRow {
        first: U64::new(u64::MAX),
        count: U32::new(64),
        until_s: U32::new(u32::MAX),
        lead_minutes: U16::new(60),
        batch: 1,
        spare: [0; 5],
    }; NOTICES_PER_EVENT_MAX];
    let told = |rows| NoticeEvent::Told { through_s: 9, batches: 64, pages: 16, rows };
    [told(&ROWS), told(&[]), NoticeEvent::Requeued { to: u32::MAX }].map(Event::Notice).into()
}
