//! Events of campaigns and cards, to bytes and back. They stand apart because nothing but what they name is like the events
//! of stocks.
//!
//! Invariant: as of all events: what is read is what was written, and no count is trusted before it was checked.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;
use crate::answer::WHY_BITS;
use crate::limits::{CAMPAIGN_KEY_BYTES_MAX, SCOPE_MAX, STACKING_CLASSES, TIERS_MAX};

/// What happened to the account of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountEntry {
    /// Stored value was paid in: a lot of principal and one of bonus, as far as they have units.
    ToppedUp {
        /// Units that were paid for.
        principal: u32,
        /// Units that came with them.
        bonus: u32,
        /// What was paid for the principal, in minor units.
        paid: u32,
        /// When these units end, seconds; 0: with the card.
        until_s: u32,
    },
    /// Stamps or points were earned.
    Earned {
        /// Units.
        units: u32,
        /// When they end, seconds; 0: with the card, in whose own lot they are.
        until_s: u32,
    },
    /// What was left was paid back: all that was available is void.
    Refunded {
        /// Live units of principal.
        units: u32,
        /// All that became void.
        voided: u32,
        /// What was paid for the principal, in minor units.
        paid: u64,
    },
    /// A pass is valid for longer.
    Renewed {
        /// Until then, seconds.
        until_s: u32,
    },
    /// A pass has another level.
    Levelled {
        /// The level, from 1.
        level: u8,
    },
}

impl AccountEntry {
    const fn kind(self) -> u8 {
        match self {
            AccountEntry::ToppedUp { .. } => TOPPED_UP,
            AccountEntry::Earned { .. } => EARNED,
            AccountEntry::Refunded { .. } => CARD_REFUNDED,
            AccountEntry::Renewed { .. } => RENEWED,
            AccountEntry::Levelled { .. } => LEVELLED,
        }
    }
}

/// An entry in the account of a card; what an event does not need is 0.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct EntryLayout {
    paid: U64,
    units: U32,
    more: U32,
    until_s: U32,
    spare: U32,
}

impl EntryLayout {
    fn new(entry: AccountEntry) -> EntryLayout {
        let (paid, units, more, until_s) = match entry {
            AccountEntry::ToppedUp { principal, bonus, paid, until_s } => {
                (u64::from(paid), principal, bonus, until_s)
            }
            AccountEntry::Earned { units, until_s } => (0, units, 0, until_s),
            AccountEntry::Refunded { units, voided, paid } => (paid, units, voided, 0),
            AccountEntry::Renewed { until_s } => (0, 0, 0, until_s),
            AccountEntry::Levelled { .. } => (0, 0, 0, 0),
        };
        EntryLayout {
            paid: U64::new(paid),
            units: U32::new(units),
            more: U32::new(more),
            until_s: U32::new(until_s),
            spare: U32::ZERO,
        }
    }
}

/// How much follows a definition.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Lengths {
    tiers: u8,
    scope: u8,
    key_bytes: u8,
    layout: u8,
    /// 1: an extension stands before the tiers.
    extended: u8,
    spare: [u8; 3],
}

/// How many cards, and when they are valid.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Times {
    count: U32,
    from_s: U32,
    until_s: U32,
    spare: U32,
}

impl Times {
    fn new(count: u32, from_s: u32, until_s: u32) -> Times {
        Times {
            count: U32::new(count),
            from_s: U32::new(from_s),
            until_s: U32::new(until_s),
            spare: U32::ZERO,
        }
    }
}

impl Writer<'_> {
    fn put_definition(&mut self, terms: &CampaignTerms<'_>, layout: u8, key: &[u8]) {
        let lengths = Lengths {
            tiers: terms.tiers.len() as u8,
            scope: terms.scope.len() as u8,
            key_bytes: key.len() as u8,
            layout,
            extended: u8::from(!terms.extension.is_none()),
            spare: [0; 3],
        };
        self.put(terms.definition.as_bytes());
        self.put(lengths.as_bytes());
        if !terms.extension.is_none() {
            self.put(terms.extension.as_bytes());
        }
        self.put(terms.tiers.as_bytes());
        self.put(terms.scope.as_bytes());
        self.put(key);
    }

    #[inline]
    fn put_parties(&mut self, parties: Option<&Parties>) -> u8 {
        if let Some(parties) = parties {
            self.put(parties.as_bytes());
        }
        if parties.is_some() { FLAG_PARTIES } else { 0 }
    }
}

/// The number of an extension, whose time is that of the card from then on.
const EXTENDED_CARD: u8 = CardChange::Extend { until_ms: 0 }.number();

const fn when(yes: bool, flag: u8) -> u8 {
    if yes { flag } else { 0 }
}

impl Event<'_> {
    #[inline]
    pub(super) fn encode_issued(&self, mut writer: Writer<'_>) -> usize {
        let Event::Issued { origin, campaign, owner, first, count, .. } = self else {
            unreachable!("only Issued is encoded here");
        };
        let Event::Issued {
            claimed, own_times, flagged, from_s, until_s, counting, parties, referral, ..
        } = self
        else {
            unreachable!("only Issued is encoded here");
        };
        writer.put_origin(origin, *counting as u16);
        writer.put_u64(campaign.0);
        writer.put_u64(first.0);
        writer.put(Times::new(*count, *from_s, *until_s).as_bytes());
        let mut flags = when(*claimed, FLAG_CLAIMED) | when(*own_times, FLAG_OWN_TIMES);
        flags |= when(writer.put_u128_if(owner.0), FLAG_USER) | when(*flagged, FLAG_FLAGGED);
        flags |= writer.put_parties(parties.as_ref());
        let mut kind = ISSUED;
        if let Some(referral) = referral {
            writer.put(referral.as_bytes());
            kind = REFERRED;
        }
        writer.finish(kind, flags, 0, origin.channel)
    }

    #[inline]
    pub(super) fn encode_redeemed(&self, mut writer: Writer<'_>) -> usize {
        let Event::Redeemed { origin, card, units, buyer, parties, flagged, amount, discount, offline } =
            self
        else {
            unreachable!("only Redeemed is encoded here");
        };
        writer.put_origin(origin, 0);
        writer.put_u64(card.0);
        writer.put_u64(u64::from(*units));
        writer.put_u64(*amount);
        writer.put_u64(*discount);
        let flags = writer.put_buyer(buyer) | when(*flagged, FLAG_FLAGGED);
        let flags = flags | writer.put_parties(parties.as_ref());
        let mut kind = REDEEMED;
        if let Some(offline) = offline {
            writer.put(offline.as_bytes());
            kind = OFFLINE_REDEEMED;
        }
        writer.finish(kind, flags, 0, origin.channel)
    }

    pub(super) fn encode_cards(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::Campaign(CampaignEvent::Created {
                origin,
                campaign,
                units,
                layout,
                terms,
                name,
                key,
                definition,
            }) => {
                writer.put_origin(&origin, 0);
                writer.put_u64(campaign.0);
                writer.put_u64(units);
                writer.put_terms(&terms);
                writer.put_definition(&definition, layout, key);
                writer.put(name);
                writer.finish(CAMPAIGN_CREATED, 0, name.len(), origin.channel)
            }
            Event::Campaign(CampaignEvent::Edited { origin, campaign, definition }) => {
                writer.put_origin(&origin, 0);
                writer.put_u64(campaign.0);
                writer.put_definition(&definition, 0, &[]);
                writer.finish(CAMPAIGN_EDITED, 0, 0, origin.channel)
            }
            Event::Campaign(CampaignEvent::Moved { origin, campaign, state }) => {
                writer.put_origin(&origin, state as u16);
                writer.put_u64(campaign.0);
                writer.finish(CAMPAIGN_MOVED, 0, 0, origin.channel)
            }
            Event::OfflineConflict { origin, card, units, buyer, amount, offline, why } => {
                writer.put_origin(&origin, why as u16);
                writer.put_u64(card.0);
                writer.put_u64(u64::from(units));
                writer.put_u64(amount);
                writer.put(offline.as_bytes());
                let flags = writer.put_buyer(&buyer);
                writer.finish(OFFLINE_CONFLICT, flags, 0, origin.channel)
            }
            Event::Reversed { origin, redemption, units, until_s } => {
                writer.put_origin(&origin, 0);
                writer.put(&redemption.0.to_le_bytes());
                writer.put(Times::new(units, 0, until_s).as_bytes());
                writer.finish(REVERSED, 0, 0, origin.channel)
            }
            Event::CardChanged { origin, card, change, from_s, until_s } => {
                writer.put_origin(&origin, u16::from(change.number()));
                writer.put_u64(card.0);
                writer.put(Times::new(0, from_s, until_s).as_bytes());
                writer.finish(CARD_CHANGED, 0, 0, origin.channel)
            }
            Event::Account { origin, card, entry } => {
                let level = if let AccountEntry::Levelled { level } = entry { level } else { 0 };
                writer.put_origin(&origin, u16::from(level));
                writer.put_u64(card.0);
                writer.put(EntryLayout::new(entry).as_bytes());
                writer.finish(entry.kind(), 0, 0, origin.channel)
            }
            Event::Codes(CodeEvent::Imported { .. }) | Event::Codes(CodeEvent::Set { .. }) => {
                self.encode_given_codes(writer)
            }
            _ => self.encode_endings(writer),
        }
    }
}

/// A definition, the layout of its codes and their sealed key.
fn take_definition<'a>(reader: &mut Reader<'a>) -> Result<(CampaignTerms<'a>, u8, &'a [u8]), EventError> {
    let definition = &reader.take_slice::<Definition>(1, 1)?[0];
    let lengths: Lengths = reader.take()?;
    let extension = if lengths.extended != 0 { reader.take()? } else { Extension::default() };
    let tiers = reader.take_slice(usize::from(lengths.tiers), TIERS_MAX)?;
    let scope = reader.take_slice(usize::from(lengths.scope), SCOPE_MAX)?;
    let key = reader.take_slice(usize::from(lengths.key_bytes), CAMPAIGN_KEY_BYTES_MAX)?;
    let Some(kind) = CampaignKind::from_number(definition.kind) else {
        return Err(reader.field("definition"));
    };
    if !(kind.units_min()..=kind.units_max()).contains(&definition.units.get())
        || kind == CampaignKind::Pass && tiers.is_empty()
        || matches!(kind, CampaignKind::Stamps | CampaignKind::Points) && definition.value == 0
        || definition.each() && definition.threshold == 0
        || definition.class >= STACKING_CLASSES
        || !definition.hours().is_sound()
    {
        return Err(reader.field("definition"));
    }
    Ok((CampaignTerms { definition, extension, tiers, scope }, lengths.layout, key))
}

fn take_parties(reader: &mut Reader<'_>, flags: u8) -> Result<Option<Parties>, EventError> {
    if flags & FLAG_PARTIES != 0 { reader.take().map(Some) } else { Ok(None) }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, code) = reader.take_origin(channel)?;
    let (flags, number) = (head.flags, u8::try_from(code).unwrap_or(0));
    Ok(match head.kind {
        CAMPAIGN_CREATED => {
            let (campaign, units) = (StockId(reader.take_u64()?), reader.take_u64()?);
            let terms = reader.take_terms()?;
            let (definition, layout, key) = take_definition(reader)?;
            let name = reader.take_slice(usize::from(head.count.get()), NAME_BYTES_MAX)?;
            Event::Campaign(CampaignEvent::Created {
                origin,
                campaign,
                units,
                layout,
                terms,
                name,
                key,
                definition,
            })
        }
        CAMPAIGN_EDITED => {
            let campaign = StockId(reader.take_u64()?);
            Event::Campaign(CampaignEvent::Edited {
                origin,
                campaign,
                definition: take_definition(reader)?.0,
            })
        }
        CAMPAIGN_MOVED => {
            let state = CampaignState::from_number(number).ok_or_else(|| reader.field("state"))?;
            Event::Campaign(CampaignEvent::Moved { origin, campaign: StockId(reader.take_u64()?), state })
        }
        ISSUED | REFERRED => decode_issued(reader, origin, (head, code))?,
        REDEEMED | OFFLINE_REDEEMED => {
            let card = CardId(reader.take_u64()?);
            let units = reader.take_u32("units")?;
            let (amount, discount) = (reader.take_u64()?, reader.take_u64()?);
            let buyer = reader.take_buyer(flags)?;
            let (parties, flagged) = (take_parties(reader, flags)?, flags & FLAG_FLAGGED != 0);
            let offline = if head.kind == OFFLINE_REDEEMED { Some(reader.take()?) } else { None };
            Event::Redeemed { origin, card, units, buyer, parties, flagged, amount, discount, offline }
        }
        OFFLINE_CONFLICT => {
            let card = CardId(reader.take_u64()?);
            let units = reader.take_u32("units")?;
            let amount = reader.take_u64()?;
            let offline = reader.take()?;
            let buyer = reader.take_buyer(flags)?;
            let why = Code::from_number(code).filter(|why| (*why as u16) < 1 << WHY_BITS);
            let why = why.ok_or_else(|| reader.field("why"))?;
            Event::OfflineConflict { origin, card, units, buyer, amount, offline, why }
        }
        REVERSED => {
            let redemption = OperationId(reader.take_u128()?);
            let times: Times = reader.take()?;
            let (units, until_s) = (times.count.get(), times.until_s.get());
            Event::Reversed { origin, redemption, units, until_s }
        }
        TOPPED_UP..=LEVELLED => {
            let card = CardId(reader.take_u64()?);
            let layout: EntryLayout = reader.take()?;
            let (units, more, until_s) = (layout.units.get(), layout.more.get(), layout.until_s.get());
            let entry = match head.kind {
                TOPPED_UP => {
                    let paid = reader.narrow(layout.paid.get(), "paid")?;
                    AccountEntry::ToppedUp { principal: units, bonus: more, paid, until_s }
                }
                EARNED => AccountEntry::Earned { units, until_s },
                CARD_REFUNDED => AccountEntry::Refunded { units, voided: more, paid: layout.paid.get() },
                RENEWED => AccountEntry::Renewed { until_s },
                _ if (1..=TIERS_MAX as u8).contains(&number) => AccountEntry::Levelled { level: number },
                _ => return Err(reader.field("level")),
            };
            Event::Account { origin, card, entry }
        }
        _ => {
            let card = CardId(reader.take_u64()?);
            let times: Times = reader.take()?;
            let (from_s, until_s) = (times.from_s.get(), times.until_s.get());
            let change = match number {
                EXTENDED_CARD => Some(CardChange::Extend { until_ms: u64::from(until_s) * 1_000 }),
                number => CardChange::from_number(number, 0),
            };
            let change = change.ok_or_else(|| reader.field("change"))?;
            Event::CardChanged { origin, card, change, from_s, until_s }
        }
    })
}

fn decode_issued<'a>(
    reader: &mut Reader<'a>,
    origin: Origin,
    (head, counting): (&Head, u16),
) -> Result<Event<'a>, EventError> {
    let flags = head.flags;
    let (campaign, first) = (StockId(reader.take_u64()?), CardId(reader.take_u64()?));
    let times: Times = reader.take()?;
    let owner = UserId(reader.take_u128_if(flags & FLAG_USER != 0)?);
    let most = if owner.0 == 0 { BEARER_CARDS_MAX } else { CARDS_PER_ISSUE_MAX as u32 };
    if times.count == 0 || times.count.get() > most {
        return Err(reader.field("count"));
    }
    Ok(Event::Issued {
        origin,
        campaign,
        owner,
        first,
        count: times.count.get(),
        claimed: flags & FLAG_CLAIMED != 0,
        own_times: flags & FLAG_OWN_TIMES != 0,
        flagged: flags & FLAG_FLAGGED != 0,
        from_s: times.from_s.get(),
        until_s: times.until_s.get(),
        counting: u32::from(counting),
        parties: take_parties(reader, flags)?,
        referral: if head.kind == REFERRED { Some(reader.take()?) } else { None },
    })
}
