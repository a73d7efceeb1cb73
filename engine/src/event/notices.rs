//! Events of notices, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written, and no count is trusted before it was checked.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;

/// What became of notices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoticeEvent<'a> {
    /// Cards have expired, or will soon.
    Told {
        /// What was due by then, seconds.
        through_s: u32,
        /// So many batches of bearer cards left the queue.
        batches: u16,
        /// So many pages of cards did.
        pages: u16,
        /// Which cards; at most 256.
        rows: &'a [NoticeRow],
    },
    /// Pages of a campaign whose reminders were changed were queued anew.
    Requeued {
        /// The first page that was not looked at.
        to: u32,
    },
}

/// Cards that follow each other, of which the same is told, as it lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct NoticeRow {
    /// The first.
    pub first: U64,
    /// How many.
    pub count: U32,
    /// When they end, seconds.
    pub until_s: U32,
    /// So many minutes before their end; 0: they have expired.
    pub lead_minutes: U16,
    /// 1: a batch of bearer cards, whatever became of each.
    pub batch: u8,
    /// Reserved; 0.
    pub spare: [u8; 5],
}

impl NoticeRow {
    /// The first card.
    pub fn first(&self) -> CardId {
        CardId(self.first.get())
    }

    /// Whether it is a batch of bearer cards.
    pub fn is_batch(&self) -> bool {
        self.batch != 0
    }

    /// Notices that it is: one for each card, one for a batch.
    pub fn notices(&self) -> u32 {
        if self.is_batch() { 1 } else { self.count.get() }
    }

    /// Whether `next` is nothing but more of it.
    pub fn goes_on_with(&self, next: &NoticeRow) -> bool {
        let like = |row: &NoticeRow| (row.until_s, row.lead_minutes, row.batch);
        let (first, after) = (self.first(), self.first.get() + u64::from(self.count.get()));
        like(self) == like(next)
            && !self.is_batch()
            && next.first.get() == after
            && first.locator() == next.first().locator()
            && self.count.get().checked_add(next.count.get()).is_some()
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Step {
    through_s: U32,
    batches: U16,
    pages: U16,
}

impl NoticeEvent<'_> {
    pub(super) fn encode(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            NoticeEvent::Told { through_s, batches, pages, rows } => {
                let step = Step {
                    through_s: U32::new(through_s),
                    batches: U16::new(batches),
                    pages: U16::new(pages),
                };
                writer.put(step.as_bytes());
                writer.put(rows.as_bytes());
                writer.finish(NOTICES_TOLD, 0, rows.len(), ChannelId(0))
            }
            NoticeEvent::Requeued { to } => {
                writer.put_u64(u64::from(to));
                writer.finish(NOTICES_REQUEUED, 0, 0, ChannelId(0))
            }
        }
    }
}

pub(super) fn decode<'a>(reader: &mut Reader<'a>, head: &Head) -> Result<Event<'a>, EventError> {
    if head.kind == NOTICES_REQUEUED {
        let to = u32::try_from(reader.take_u64()?).map_err(|_| reader.field("page"))?;
        return Ok(Event::Notice(NoticeEvent::Requeued { to }));
    }
    let step: Step = reader.take()?;
    let rows: &[NoticeRow] = reader.take_slice(usize::from(head.count.get()), NOTICES_PER_EVENT_MAX)?;
    let sound = |row: &NoticeRow| row.count != 0 && row.batch <= 1 && row.spare == [0; 5];
    if !rows.iter().all(sound) {
        return Err(reader.field("rows"));
    }
    let (batches, pages) = (step.batches.get(), step.pages.get());
    let told = NoticeEvent::Told { through_s: step.through_s.get(), batches, pages, rows };
    Ok(Event::Notice(told))
}
