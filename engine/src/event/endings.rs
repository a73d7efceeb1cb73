//! Events that end many cards at once, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;

impl Event<'_> {
    pub(super) fn encode_endings(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::CampaignVoided { origin, campaign, reason, cards } => {
                writer.put_origin(&origin, reason);
                writer.put_u64(campaign.0);
                writer.put_u64(cards);
                writer.finish(CAMPAIGN_VOIDED, 0, 0, origin.channel)
            }
            Event::CardBatchEnded { origin, campaign, first, end, cards } => {
                let (kind, reason) = match end {
                    BatchEnd::Void { reason } => (CARD_BATCH_VOIDED, reason),
                    BatchEnd::Recycle => (CARD_BATCH_RECYCLED, 0),
                };
                writer.put_origin(&origin, reason);
                writer.put_u64(campaign.0);
                writer.put_u64(first.0);
                writer.put_u64(cards);
                writer.finish(kind, 0, 0, origin.channel)
            }
            _ => self.encode_gifts(writer),
        }
    }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, reason) = reader.take_origin(channel)?;
    let campaign = StockId(reader.take_u64()?);
    if head.kind == CAMPAIGN_VOIDED {
        return Ok(Event::CampaignVoided { origin, campaign, reason, cards: reader.take_u64()? });
    }
    let (first, cards) = (CardId(reader.take_u64()?), reader.take_u64()?);
    let end = match head.kind {
        CARD_BATCH_VOIDED => BatchEnd::Void { reason },
        _ => BatchEnd::Recycle,
    };
    Ok(Event::CardBatchEnded { origin, campaign, first, end, cards })
}
