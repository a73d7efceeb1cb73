//! Events that end cards, many at once or one for another, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;

/// What was given for a card that was recycled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecycledFor {
    /// Another can be issued in its place.
    Supply,
    /// Points.
    Points {
        /// The card that got them.
        card: CardId,
        /// How many.
        units: u32,
        /// When they end, seconds; 0: with the card, in whose own lot they are.
        until_s: u32,
    },
    /// A card of another campaign, for the same owner.
    Card {
        /// The campaign.
        campaign: StockId,
        /// The card.
        made: CardId,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
    },
}

/// A card that was merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MergedCard {
    /// The card.
    pub card: U64,
    /// Units that moved.
    pub units: U32,
    /// Units that were no longer live, and are void.
    pub lost: U32,
}

impl MergedCard {
    /// The card.
    pub fn card(&self) -> CardId {
        CardId(self.card.get())
    }
}

/// What was given; what an event does not need is 0.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct GivenLayout {
    into: U64,
    made: U64,
    units: U32,
    from_s: U32,
    until_s: U32,
    spare: U32,
}

impl GivenLayout {
    fn new(given: RecycledFor) -> (GivenLayout, u16) {
        let (number, into, made, units, from_s, until_s) = match given {
            RecycledFor::Supply => (0, 0, 0, 0, 0, 0),
            RecycledFor::Points { card, units, until_s } => (1, card.0, 0, units, 0, until_s),
            RecycledFor::Card { campaign, made, from_s, until_s } => {
                (2, campaign.0, made.0, 0, from_s, until_s)
            }
        };
        let layout = GivenLayout {
            into: U64::new(into),
            made: U64::new(made),
            units: U32::new(units),
            from_s: U32::new(from_s),
            until_s: U32::new(until_s),
            spare: U32::ZERO,
        };
        (layout, number)
    }

    fn given(&self, number: u16) -> Option<RecycledFor> {
        let (units, from_s, until_s) = (self.units.get(), self.from_s.get(), self.until_s.get());
        Some(match number {
            0 => RecycledFor::Supply,
            1 => RecycledFor::Points { card: CardId(self.into.get()), units, until_s },
            2 => {
                let (campaign, made) = (StockId(self.into.get()), CardId(self.made.get()));
                RecycledFor::Card { campaign, made, from_s, until_s }
            }
            _ => return None,
        })
    }
}

impl Event<'_> {
    pub(super) fn encode_endings(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::Campaign(CampaignEvent::Voided { origin, campaign, reason, cards }) => {
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
            Event::Recycled { origin, card, given } => {
                let (layout, number) = GivenLayout::new(given);
                writer.put_origin(&origin, number);
                writer.put_u64(card.0);
                writer.put(layout.as_bytes());
                writer.finish(RECYCLED, 0, 0, origin.channel)
            }
            Event::Merged { origin, into, sources } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(into.0);
                writer.put(sources.as_bytes());
                writer.finish(MERGED, 0, sources.len(), origin.channel)
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
    if head.kind == RECYCLED {
        let card = CardId(reader.take_u64()?);
        let layout: GivenLayout = reader.take()?;
        let given = layout.given(reason).ok_or_else(|| reader.field("given"))?;
        return Ok(Event::Recycled { origin, card, given });
    }
    if head.kind == MERGED {
        let into = CardId(reader.take_u64()?);
        let sources = reader.take_slice(usize::from(head.count.get()), CARDS_PER_MERGE_MAX)?;
        return Ok(Event::Merged { origin, into, sources });
    }
    let campaign = StockId(reader.take_u64()?);
    if head.kind == CAMPAIGN_VOIDED {
        return Ok(Event::Campaign(CampaignEvent::Voided {
            origin,
            campaign,
            reason,
            cards: reader.take_u64()?,
        }));
    }
    let (first, cards) = (CardId(reader.take_u64()?), reader.take_u64()?);
    let end = match head.kind {
        CARD_BATCH_VOIDED => BatchEnd::Void { reason },
        _ => BatchEnd::Recycle,
    };
    Ok(Event::CardBatchEnded { origin, campaign, first, end, cards })
}
