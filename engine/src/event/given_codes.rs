//! Events of given codes, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;

/// What became of given codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CodeEvent<'a> {
    /// Codes that were made elsewhere, each with a bearer card of its own; their serials are consecutive.
    Imported {
        /// The operation; its channel is that of the cards.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// The card of the first code.
        first: CardId,
        /// Bit n: the n-th code of the command was new.
        taken: u64,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
        /// The new codes, as keyed hashes.
        codes: &'a [U128],
    },
    /// The cards of a campaign can be claimed under a code, or no longer under it.
    Set {
        /// The operation.
        origin: Origin,
        /// The code.
        code: GivenCode,
        /// The campaign; `None`: the code is none any more.
        campaign: Option<StockId>,
    },
}

/// Seconds since the Unix epoch, two of them in one word: from and until.
const UNTIL_SHIFT: u32 = 32;

impl Event<'_> {
    pub(super) fn encode_given_codes(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::Codes(CodeEvent::Imported { origin, campaign, first, taken, from_s, until_s, codes }) => {
                writer.put_origin(&origin, 0);
                writer.put_u64(campaign.0);
                writer.put_u64(first.0);
                writer.put_u64(taken);
                writer.put_u64(u64::from(until_s) << UNTIL_SHIFT | u64::from(from_s));
                writer.put(codes.as_bytes());
                writer.finish(CODES_IMPORTED, 0, codes.len(), origin.channel)
            }
            Event::Codes(CodeEvent::Set { origin, code, campaign }) => {
                writer.put_origin(&origin, 0);
                writer.put(&code.0.to_le_bytes());
                writer.put_u64(campaign.map_or(0, |campaign| campaign.0));
                writer.finish(CODE_SET, if campaign.is_some() { FLAG_OPEN } else { 0 }, 0, origin.channel)
            }
            _ => unreachable!("every other event is encoded before"),
        }
    }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, _) = reader.take_origin(channel)?;
    if head.kind == CODE_SET {
        let (code, campaign) = (GivenCode(reader.take_u128_if(true)?), StockId(reader.take_u64()?));
        let campaign = (head.flags & FLAG_OPEN != 0).then_some(campaign);
        return Ok(Event::Codes(CodeEvent::Set { origin, code, campaign }));
    }
    let (campaign, first) = (StockId(reader.take_u64()?), CardId(reader.take_u64()?));
    let (taken, times) = (reader.take_u64()?, reader.take_u64()?);
    let codes: &[U128] = reader.take_slice(usize::from(head.count.get()), KEYS_PER_CHUNK_MAX)?;
    if taken.count_ones() as usize != codes.len() {
        return Err(reader.field("taken"));
    }
    let (from_s, until_s) = (times as u32, (times >> UNTIL_SHIFT) as u32);
    Ok(Event::Codes(CodeEvent::Imported { origin, campaign, first, taken, from_s, until_s, codes }))
}
