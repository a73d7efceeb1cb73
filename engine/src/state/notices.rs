//! Which cards are still to be told of, that they have expired or are about to, and which were told of last.
//!
//! Times of cards say when a notice is due; nothing is written at a card for it. A page of cards has one entry in a queue, the first
//! second at which any of its cards is due; a batch of bearer cards one of its own, whatever its size. What was told of lies in a
//! ring, from which gateways read it. Rules: docs/cards.md, "Notices".
//!
//! Invariant: a page whose card ends after now is queued for no later than that card's next notice; a live batch is queued for
//! exactly its own. A page is queued too early at the most: then it is looked at, and queued again.

mod queue;
mod ring;

use super::State;
use super::campaigns::{BatchStand, Campaign, CardBatch};
use super::recount::{RecountError, same};
use super::table::Handle;
use crate::command::{CampaignState, CardState, Extension};
use crate::event::NoticeRow;
use crate::ids::CardId;
use crate::limits::{
    CARDS_PER_PAGE, Capacity, NOTICE_BATCHES_PER_EVENT_MAX, NOTICE_REQUEUED_PER_EVENT_MAX,
    NOTICES_PER_EVENT_MAX,
};
use crate::state::cards::pages_max;
use arrayvec::ArrayVec;
use core::ops::RangeInclusive;
use queue::Queue;
pub use ring::{NoticeRecord, Ring};
use scrip_planted::{Bug, on};
use std::collections::{BTreeSet, VecDeque};
use xxhash_rust::xxh3::Xxh3;
use zerocopy::IntoBytes;

const SECOND_MS: u64 = 1_000;
const PER_PAGE: u32 = CARDS_PER_PAGE as u32;
/// Entries of pages that are passed over in one step, of other campaigns.
const PASSED_PER_STEP: u32 = 8_192;

/// The pages of a campaign are queued anew, from this one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Requeue {
    campaign: Handle,
    page: u32,
    /// What is due by the new reminders from this second on, the one behind their change.
    from_s: u32,
}

/// What is due when, and what was told of last.
pub struct Notices {
    queue: Queue,
    /// By second, the first cards of batches.
    batches: BTreeSet<(u32, CardId)>,
    /// Campaigns whose reminders were changed.
    requeues: VecDeque<Requeue>,
    /// All that was due by then was told of, but for pages that are still queued for no later.
    through_s: u32,
    /// What was told of.
    pub ring: Ring,
}

/// What the next step is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeStep {
    /// Pages of a campaign are queued anew, up to this one.
    Requeue {
        /// The first page that is not looked at.
        to: u32,
    },
    /// So many batches and pages are taken out of the queue, with what was due by then.
    Tell {
        /// The second.
        through_s: u32,
        /// Batches; with any, no pages.
        batches: u16,
        /// Pages.
        pages: u16,
    },
}

impl Notices {
    /// Nothing, with room for so many.
    pub fn new(capacity: &Capacity) -> Notices {
        Notices {
            queue: Queue::new(pages_max(capacity)),
            batches: BTreeSet::new(),
            requeues: VecDeque::new(),
            through_s: 0,
            ring: Ring::new(capacity.notices_max),
        }
    }

    /// Whether a step may find something to do by then.
    #[inline]
    pub fn is_due(&self, now_ms: u64) -> bool {
        let first_s = self.queue.first().map_or(u32::MAX, |(due_s, _)| due_s);
        let batch_s = self.batches.first().map_or(u32::MAX, |(due_s, _)| *due_s);
        !self.requeues.is_empty() || u64::from(first_s.min(batch_s)) * SECOND_MS <= now_ms
    }
}

/// The seconds before the end of a card at which notices of it are due: 0 for the end itself.
fn leads_s(extension: &Extension) -> [Option<u32>; 3] {
    let lead = |minutes: u16| (minutes != 0).then_some(u32::from(minutes) * 60);
    let [first, second] = extension.remind_minutes;
    [lead(first.get()), lead(second.get()), Some(0)]
}

/// The first second from `from_s` on at which a card that ends then is to be told of; 0: none.
fn next_due_s(extension: &Extension, until_s: u32, from_s: u32) -> u32 {
    let dues = leads_s(extension).into_iter().flatten().filter_map(|lead_s| until_s.checked_sub(lead_s));
    dues.filter(|due_s| *due_s != 0 && *due_s >= from_s).min().unwrap_or(0)
}

fn second_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / SECOND_MS).unwrap_or(u32::MAX)
}

/// Whether there is anything to tell of a batch as a whole.
fn tells_batch(campaign: &Campaign, batch: &CardBatch) -> bool {
    batch.stand == BatchStand::Live && campaign.state != CampaignState::Void
}

impl State {
    /// What the next step does at this shard time, and what is told by it; `None`: nothing is to be done.
    pub(crate) fn next_notices(&self, now_ms: u64, rows: &mut Vec<NoticeRow>) -> Option<NoticeStep> {
        rows.clear();
        if let Some(requeue) = self.notices.requeues.front() {
            return Some(NoticeStep::Requeue { to: self.requeue_end(requeue) });
        }
        let now_s = second_of(now_ms);
        // A sweep tells all that was due when it began.
        let is_left = |through_s| {
            let page = self.notices.queue.first().is_some_and(|(due_s, _)| due_s <= through_s);
            page || self.notices.batches.first().is_some_and(|(due_s, _)| *due_s <= through_s)
        };
        let left = [self.notices.through_s, now_s].into_iter().find(|through_s| is_left(*through_s));
        let through_s = left?;
        let due = self.notices.batches.iter().take_while(|(due_s, _)| *due_s <= through_s);
        let mut batches = 0;
        for (due_s, first) in due.take(NOTICE_BATCHES_PER_EVENT_MAX) {
            self.tell_batch((*due_s, *first), rows);
            batches += 1;
        }
        let mut pages = 0;
        if batches == 0 {
            for page in self.notices.queue.due(through_s) {
                let (before, newest) = (rows.len(), rows.last().copied());
                let from_s = self.notices.queue.due_s(page);
                self.tell_page(page, from_s..=through_s, rows);
                if rows.len() > NOTICES_PER_EVENT_MAX {
                    // The next step has room for it; what it has added to the newest entry goes, too.
                    rows.truncate(before);
                    rows.last_mut().zip(newest).into_iter().for_each(|(last, newest)| *last = newest);
                    break;
                }
                pages += 1;
            }
        }
        Some(NoticeStep::Tell { through_s, batches, pages })
    }

    /// Where a step that queues pages of a campaign anew ends.
    fn requeue_end(&self, requeue: &Requeue) -> u32 {
        let (mut page, mut queued) = (requeue.page, 0);
        let end = self.cards.pages().min(requeue.page.saturating_add(PASSED_PER_STEP));
        while page < end && queued < NOTICE_REQUEUED_PER_EVENT_MAX {
            let (campaign, _) = self.cards.place(Handle(page * PER_PAGE));
            queued += u32::from(campaign == requeue.campaign);
            page += 1;
        }
        page
    }

    /// What is to be told of a batch that is queued for then.
    fn tell_batch(&self, (due_s, first): (u32, CardId), rows: &mut Vec<NoticeRow>) {
        let (campaign, batch) = self.batch_of_notice(first);
        let leads = leads_s(&campaign.extension).into_iter().flatten();
        let lead_s = leads.into_iter().find(|lead_s| batch.until_s.checked_sub(*lead_s) == Some(due_s));
        if let Some(lead_s) = lead_s.filter(|_| tells_batch(campaign, batch)) {
            rows.push(NoticeRow::new((first, batch.count), batch.until_s, lead_s / 60, true));
        }
    }

    fn batch_of_notice(&self, first: CardId) -> (&Campaign, &CardBatch) {
        let campaign = self.campaigns.of_card(first).expect("campaigns stay");
        let campaign = self.campaigns.get(campaign);
        (campaign, campaign.batch_of(first.serial()).expect("batches stay"))
    }

    /// What is to be told of the cards of a page that are due in these seconds: reminders first, of each by serials.
    fn tell_page(&self, page: u32, due_s: RangeInclusive<u32>, rows: &mut Vec<NoticeRow>) {
        let campaign = self.campaigns.get(self.cards.place(Handle(page * PER_PAGE)).0);
        for lead_s in leads_s(&campaign.extension).into_iter().flatten() {
            for record in (page * PER_PAGE..(page + 1) * PER_PAGE).map(Handle) {
                let until_s = self.end_to_tell(campaign, record);
                let is_due = until_s.and_then(|until_s| until_s.checked_sub(lead_s));
                if !is_due.is_some_and(|due| due_s.contains(&due)) || !self.is_told_of(record) {
                    continue;
                }
                let row = NoticeRow::new((self.card_id(record), 1), until_s.unwrap_or(0), lead_s / 60, false);
                match rows.last_mut().filter(|last| last.goes_on_with(&row)) {
                    Some(last) => last.count.set(last.count.get() + 1),
                    None => rows.push(row),
                }
            }
        }
    }

    /// When a card with a record ends, if its batch does not say so.
    #[inline]
    fn end_to_tell(&self, campaign: &Campaign, record: Handle) -> Option<u32> {
        let card = self.cards.get(record);
        if !card.is_made() || card.until_s == 0 {
            return None;
        }
        if card.owner == 0 {
            // One that was sold is of none.
            let batch = campaign.batch_of(self.cards.place(record).1);
            let says_so = batch.is_some_and(|batch| batch.until_s == card.until_s);
            return (!says_so).then_some(card.until_s);
        }
        Some(card.until_s)
    }

    /// Whether it matters to anybody that a card ends.
    fn is_told_of(&self, record: Handle) -> bool {
        let over = matches!(self.cards.get(record).state(), CardState::Used | CardState::Void);
        (!over || on(Bug::UsedCardToldOf)) && !self.has_ended(record)
    }

    /// The first second from then on at which a page is to be looked at; 0: none.
    fn next_due_of_page(&self, page: u32, from_s: u32) -> u32 {
        let campaign = self.campaigns.get(self.cards.place(Handle(page * PER_PAGE)).0);
        let records = (page * PER_PAGE..(page + 1) * PER_PAGE).map(Handle);
        // A used card may come back.
        let live = records.filter(|record| {
            self.cards.get(*record).is_made() && self.cards.get(*record).state() != CardState::Void
        });
        let dues = live.filter_map(|record| {
            let until_s = self.end_to_tell(campaign, record)?;
            Some(next_due_s(&campaign.extension, until_s, from_s)).filter(|due_s| *due_s != 0)
        });
        dues.min().unwrap_or(0)
    }

    /// Each card is told of in time, and each batch.
    pub(super) fn compare_notices(&self) -> Result<(), RecountError> {
        let from_s = second_of(self.now_ms).saturating_add(1);
        let is_requeued = |campaign| self.notices.requeues.iter().any(|requeue| requeue.campaign == campaign);
        let mut queued = 0;
        for page in 0..self.cards.pages() {
            let (campaign, due_s) =
                (self.cards.place(Handle(page * PER_PAGE)).0, self.notices.queue.due_s(page));
            queued += u64::from(due_s != 0);
            let next_s = if is_requeued(campaign) { 0 } else { self.next_due_of_page(page, from_s) };
            let in_time = next_s == 0 || due_s != 0 && due_s <= next_s;
            same("pages that are told of in time", u64::from(in_time), 1)?;
        }
        same("pages that are to be told of", u64::from(self.notices.queue.length()), queued)?;
        for (_, campaign) in self.campaigns.iter() {
            let live = campaign.batches.iter().filter(|batch| tells_batch(campaign, batch));
            for batch in live.filter(|batch| batch.until_s >= from_s) {
                let due_s = next_due_s(&campaign.extension, batch.until_s, from_s);
                let dues = leads_s(&campaign.extension).into_iter().flatten();
                let queued = dues
                    .filter_map(|lead_s| batch.until_s.checked_sub(lead_s))
                    .filter(|due_s| self.notices.batches.contains(&(*due_s, campaign.card(batch.first))));
                let queued: Vec<u32> = queued.collect();
                same(
                    "batches that are told of in time",
                    u64::from(queued.len() == 1 && queued[0] <= due_s),
                    1,
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn digest_notices(&self, hash: &mut Xxh3) {
        let notices = &self.notices;
        hash.update(notices.through_s.as_bytes());
        for page in 0..self.cards.pages() {
            hash.update(notices.queue.due_s(page).as_bytes());
        }
        for (due_s, first) in &notices.batches {
            hash.update(due_s.as_bytes());
            hash.update(first.0.as_bytes());
        }
        for requeue in &notices.requeues {
            hash.update([requeue.campaign.0, requeue.page, requeue.from_s].as_bytes());
        }
        notices.ring.digest(hash);
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A card ends when its record says: it is told of in time.
    #[inline]
    pub(crate) fn note_end(&mut self, record: Handle) {
        let (campaign, _) = self.cards.place(record);
        let campaign = self.campaigns.get(campaign);
        let Some(until_s) = self.end_to_tell(campaign, record) else { return };
        let after_s = second_of(self.now_ms).saturating_add(1);
        let due_s = next_due_s(&campaign.extension, until_s, after_s);
        let page = record.0 / PER_PAGE;
        let queued_s = self.notices.queue.due_s(page);
        if due_s != 0 && (queued_s == 0 || due_s < queued_s) {
            self.notices.queue.set(page, due_s);
        }
    }

    /// A batch was made: it is told of in time.
    pub(crate) fn note_batch(&mut self, campaign: Handle, first: u64) {
        let campaign = self.campaigns.get(campaign);
        let batch = campaign.batch_of(first).expect("it was made");
        if batch.until_s == 0 || batch.first != first {
            return;
        }
        let due_s = next_due_s(&campaign.extension, batch.until_s, second_of(self.now_ms).saturating_add(1));
        if due_s != 0 {
            self.notices.batches.insert((due_s, campaign.card(first)));
        }
    }

    /// The reminders of a campaign are others from now on: its cards are queued for them, pages step by step.
    pub(crate) fn requeue(&mut self, campaign: Handle, before: &Extension) {
        let after_s = second_of(self.now_ms).saturating_add(1);
        let found = self.campaigns.get(campaign);
        for batch in found.batches.iter().filter(|batch| batch.until_s != 0) {
            let first = found.card(batch.first);
            let mut from_s = after_s;
            for lead_s in leads_s(before).into_iter().flatten() {
                let queued_s = batch.until_s.saturating_sub(lead_s);
                if self.notices.batches.remove(&(queued_s, first)) {
                    // What is due already is told of as it would have been.
                    from_s = from_s.min(queued_s);
                }
            }
            let due_s = next_due_s(&found.extension, batch.until_s, from_s);
            if due_s != 0 {
                self.notices.batches.insert((due_s, first));
            }
        }
        self.notices.requeues.retain(|requeue| requeue.campaign != campaign);
        self.notices.requeues.push_back(Requeue { campaign, page: 0, from_s: after_s });
    }

    /// Pages of the first campaign whose reminders were changed are queued anew, up to this one.
    pub(crate) fn requeue_pages(&mut self, to: u32) {
        let requeue = *self.notices.requeues.front().expect("there is one");
        for page in requeue.page..to {
            if self.cards.place(Handle(page * PER_PAGE)).0 == requeue.campaign {
                let queued_s = self.notices.queue.due_s(page);
                // What is due already is told of as it would have been.
                let from_s = if queued_s == 0 { requeue.from_s } else { requeue.from_s.min(queued_s) };
                let due_s = self.next_due_of_page(page, from_s);
                self.notices.queue.set(page, due_s);
            }
        }
        match to >= self.cards.pages() {
            true => drop(self.notices.requeues.pop_front()),
            false => self.notices.requeues.front_mut().expect("there is one").page = to,
        }
    }

    /// Batches and pages leave the queue with what was due by then, and are queued for what is next.
    pub(crate) fn told(&mut self, (through_s, batches, pages): (u32, u16, u16), rows: &[NoticeRow]) {
        self.notices.through_s = through_s;
        // All leave first: what one of them is queued for next may lie before what others were told of.
        let mut told: ArrayVec<(u32, CardId), NOTICE_BATCHES_PER_EVENT_MAX> = ArrayVec::new();
        for _ in 0..batches {
            told.push(self.notices.batches.pop_first().expect("the log names a batch that was due"));
        }
        for (due_s, first) in told {
            assert!(due_s <= through_s, "nothing is told of before its time");
            let (campaign, batch) = self.batch_of_notice(first);
            let next_s = match tells_batch(campaign, batch) {
                true => next_due_s(&campaign.extension, batch.until_s, due_s + 1),
                false => 0,
            };
            if next_s != 0 {
                self.notices.batches.insert((next_s, first));
            }
        }
        for _ in 0..pages {
            let (due_s, page) = self.notices.queue.first().expect("the log names a page that was due");
            assert!(due_s <= through_s, "nothing is told of before its time");
            let next_s = self.next_due_of_page(page, through_s + 1);
            self.notices.queue.set(page, next_s);
        }
        let at_s = second_of(self.now_ms);
        rows.iter().for_each(|row| self.notices.ring.push(row, at_s));
    }
}
