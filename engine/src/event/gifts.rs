//! Events of gifts, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;

/// What became of the gift of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiftEntry {
    /// The card is being given.
    Given {
        /// Who may accept it; 0: whoever the caller lets.
        receiver: UserId,
        /// Until then.
        deadline_ms: u64,
    },
    /// It was accepted: it is the receiver's, and its code one of the next generation.
    Accepted {
        /// Its new owner.
        receiver: UserId,
    },
    /// It was taken back.
    Cancelled,
}

impl Event<'_> {
    pub(super) fn encode_gifts(&self, mut writer: Writer<'_>) -> usize {
        let Event::Gift { origin, card, entry } = self else {
            unreachable!("every other event is encoded before");
        };
        writer.put_origin(origin, 0);
        writer.put_u64(card.0);
        let (kind, deadline_ms, receiver) = match *entry {
            GiftEntry::Given { receiver, deadline_ms } => (GIFT_GIVEN, deadline_ms, receiver.0),
            GiftEntry::Accepted { receiver } => (GIFT_ACCEPTED, 0, receiver.0),
            GiftEntry::Cancelled => (GIFT_CANCELLED, 0, 0),
        };
        writer.put_u64(deadline_ms);
        let flags = if writer.put_u128_if(receiver) { FLAG_USER } else { 0 };
        writer.finish(kind, flags, 0, origin.channel)
    }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, _) = reader.take_origin(channel)?;
    let (card, deadline_ms) = (CardId(reader.take_u64()?), reader.take_u64()?);
    let receiver = UserId(reader.take_u128_if(head.flags & FLAG_USER != 0)?);
    let entry = match head.kind {
        GIFT_GIVEN if deadline_ms > 0 => GiftEntry::Given { receiver, deadline_ms },
        GIFT_ACCEPTED if receiver.0 > 0 => GiftEntry::Accepted { receiver },
        GIFT_CANCELLED => GiftEntry::Cancelled,
        _ => return Err(reader.field("gift")),
    };
    Ok(Event::Gift { origin, card, entry })
}
