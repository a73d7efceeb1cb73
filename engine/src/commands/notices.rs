//! NOTICES_READ: which cards have expired or will soon; and what telling of them changes.
//!
//! Invariant: a gateway that reads on after the number it was told has seen every notice of its merchant and slot once, or is told
//! that some are gone.

use super::{Question, Replies, Reply, Verdict};
use crate::answer::{NoticeView, NoticesPage};
use crate::command::Envelope;
use crate::event::NoticeEvent;
use crate::ids::{MerchantId, Slot};
use crate::limits::{NOTICES_PER_ANSWER_MAX, NOTICES_SCANNED_MAX};
use crate::state::State;
use crate::state::notices::NoticeRecord;
use zerocopy::little_endian::{U32, U64, U128};

/// Which notices a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    of: (MerchantId, Slot),
    /// Numbers above this one.
    after: u64,
    /// How many it has at most.
    count_max: usize,
}

/// Decides a NOTICES_READ.
pub fn decide<'p>(question: Question<'_>, (after, limit): (u64, u32)) -> Verdict<'p> {
    let Envelope { merchant, slot, .. } = question.request.envelope;
    let count_max = match limit as usize {
        0 => NOTICES_PER_ANSWER_MAX,
        wanted => wanted.min(NOTICES_PER_ANSWER_MAX),
    };
    Verdict::Answer(Reply::Notices(Page { of: (merchant, slot), after, count_max }))
}

/// Fills in a page.
pub(super) fn fill<'r>(state: &State, page: Page, replies: &'r mut Replies) -> NoticesPage<'r> {
    let ring = &state.notices.ring;
    let notices = &mut replies.notices;
    notices.clear();
    let newest = ring.newest();
    let mut next = page.after.min(newest);
    let lost = (ring.oldest() - 1).saturating_sub(page.after);
    'ring: for record in ring.above(next).take(NOTICES_SCANNED_MAX) {
        let campaign = state.campaigns.of_card(record.row.first()).expect("campaigns stay");
        let stock = state.stock_of_campaign(state.campaigns.get(campaign));
        if (stock.merchant, stock.id.slot()) != page.of {
            next = record.last();
            continue;
        }
        for number in record.number.max(next + 1)..=record.last() {
            if notices.len() == page.count_max {
                break 'ring;
            }
            notices.push(NoticeView { campaign: U64::new(stock.id.0), ..view(state, record, number) });
            next = number;
        }
    }
    NoticesPage { next, newest, lost, notices }
}

fn view(state: &State, record: &NoticeRecord, number: u64) -> NoticeView {
    let (row, card) = (&record.row, record.card(number));
    let owner = state.find_card(card).map_or(0, |found| found.card.owner);
    NoticeView {
        number: U64::new(number),
        card: U64::new(card.0),
        owner: U128::new(owner),
        until_ms: U64::new(u64::from(row.until_s.get()) * 1_000),
        at_s: U32::new(record.at_s),
        cards: if row.is_batch() { row.count } else { U32::new(1) },
        lead_minutes: row.lead_minutes,
        batch: row.batch,
        ..NoticeView::default()
    }
}

/// Applies what became of notices.
pub fn apply(state: &mut State, event: &NoticeEvent<'_>) {
    match *event {
        NoticeEvent::Told { through_s, batches, pages, rows } => {
            state.told((through_s, batches, pages), rows);
        }
        NoticeEvent::Requeued { to } => state.requeue_pages(to),
    }
}
