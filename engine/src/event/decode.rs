//! Bytes to event: borrows lines and names from the log, checks every count before it trusts it.

use super::facts::{WITH_FACTS, split};
use super::layout::*;
use super::*;

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    kind: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn take<T: FromBytes + KnownLayout + Immutable + Unaligned + Copy>(
        &mut self,
    ) -> Result<T, EventError> {
        let (value, rest) = T::read_from_prefix(self.bytes).map_err(|_| EventError::Short)?;
        self.bytes = rest;
        Ok(value)
    }

    pub(super) fn take_u64(&mut self) -> Result<u64, EventError> {
        self.take::<U64>().map(U64::get)
    }

    pub(super) fn take_u32(&mut self, field: &'static str) -> Result<u32, EventError> {
        let number = self.take_u64()?;
        self.narrow(number, field)
    }

    pub(super) fn narrow(&self, number: u64, field: &'static str) -> Result<u32, EventError> {
        u32::try_from(number).map_err(|_| self.field(field))
    }

    pub(super) fn take_u128(&mut self) -> Result<u128, EventError> {
        self.take::<U128>().map(U128::get)
    }

    pub(super) fn take_u128_if(&mut self, flagged: bool) -> Result<u128, EventError> {
        if flagged { self.take_u128() } else { Ok(0) }
    }

    pub(super) fn take_slice<T: FromBytes + KnownLayout + Immutable + Unaligned>(
        &mut self,
        count: usize,
        count_max: usize,
    ) -> Result<&'a [T], EventError> {
        if count > count_max {
            return Err(self.field("count"));
        }
        let (slice, rest) =
            <[T]>::ref_from_prefix_with_elems(self.bytes, count).map_err(|_| EventError::Short)?;
        self.bytes = rest;
        Ok(slice)
    }

    pub(super) fn take_lines<T: FromBytes + KnownLayout + Immutable + Unaligned>(
        &mut self,
        count: usize,
    ) -> Result<&'a [T], EventError> {
        if count == 0 {
            return Err(self.field("count"));
        }
        self.take_slice(count, LINES_MAX)
    }

    pub(super) fn take_key(&mut self) -> Result<OperationKey, EventError> {
        self.take::<EventHold>().map(|hold| hold.key())
    }

    pub(super) fn take_debts(
        &mut self,
        flags: u8,
        count: usize,
    ) -> Result<(&'a [EventHold], &'a [U32]), EventError> {
        let holds = self.take_slice(count, DEBTS_PER_EVENT_MAX)?;
        let of_keys = flags & FLAG_DEBTS_OF_KEYS != 0;
        let keys = if of_keys { self.take_slice(count, DEBTS_PER_EVENT_MAX)? } else { &[] };
        Ok((holds, keys))
    }

    pub(super) fn take_origin(&mut self, channel: ChannelId) -> Result<(Origin, u16), EventError> {
        let layout = self.take::<OriginLayout>()?;
        let origin = Origin {
            merchant: MerchantId(layout.merchant.get()),
            slot: Slot(layout.slot.get()),
            channel,
            operation: OperationId(layout.operation.get()),
            created_ms: layout.created_ms.get(),
            content: layout.content.get(),
        };
        Ok((origin, layout.code.get()))
    }

    pub(super) fn take_terms(&mut self) -> Result<StockTerms, EventError> {
        let layout = self.take::<TermsLayout>()?;
        Ok(StockTerms {
            opens_ms: layout.opens_ms.get(),
            closes_ms: layout.closes_ms.get(),
            limit_per_user: layout.limit_per_user.get(),
            frozen: layout.frozen.get() != 0,
        })
    }

    pub(super) fn take_buyer(&mut self, flags: u8) -> Result<Buyer, EventError> {
        let order = OrderId(self.take_u128_if(flags & FLAG_ORDER != 0)?);
        let user = UserId(self.take_u128_if(flags & FLAG_USER != 0)?);
        Ok(Buyer { order, user })
    }

    pub(super) fn field(&self, field: &'static str) -> EventError {
        EventError::Field { kind: self.kind, field }
    }
}

impl<'a> Event<'a> {
    /// Reads the event at the front of `bytes`; answers it and its size.
    pub fn decode(bytes: &'a [u8]) -> Result<(Event<'a>, usize), EventError> {
        let (head, _) = Head::read_from_prefix(bytes).map_err(|_| EventError::Short)?;
        let size = usize::from(head.size.get());
        if size < size_of::<Head>() || size > bytes.len() {
            return Err(EventError::Short);
        }
        let own = if head.kind & WITH_FACTS == 0 { &bytes[..size] } else { split(&bytes[..size])?.0 };
        let head = Head { kind: head.kind & !WITH_FACTS, ..head };
        let mut reader = Reader { bytes: &own[size_of::<Head>()..], kind: head.kind };
        let event = decode_body(&mut reader, &head)?;
        Ok((event, size))
    }
}

fn decode_body<'a>(reader: &mut Reader<'a>, head: &Head) -> Result<Event<'a>, EventError> {
    let (flags, count, channel) = (head.flags, usize::from(head.count.get()), ChannelId(head.channel.get()));
    Ok(match head.kind {
        TICK => Event::Tick { now_ms: reader.take_u64()? },
        CONFIGURED => Event::Configured {
            rules: Rules {
                operation_window_ms: reader.take_u64()?,
                operation_window_min_ms: reader.take_u64()?,
                late_confirm_ms: reader.take_u64()?,
            },
        },
        FLOOR_RAISED => Event::FloorRaised { floor_ms: reader.take_u64()? },
        EXPIRED => Event::Expired { holds: reader.take_slice(count, EXPIRED_PER_EVENT_MAX)? },
        TAKEN | TAKEN_WITH_CARDS | TAKEN_FOR_QUOTE | TAKEN_WITH_SALES => {
            let (origin, cards) = reader.take_origin(channel)?;
            let ttl_ms = u32::try_from(reader.take_u64()?).map_err(|_| reader.field("ttl_ms"))?;
            let buyer = reader.take_buyer(flags)?;
            let replaces = OperationId(reader.take_u128_if(flags & FLAG_REPLACES != 0)?);
            let parties = if flags & FLAG_PARTIES != 0 { Some(reader.take()?) } else { None };
            let lines = reader.take_lines(count)?;
            let prices = if flags & FLAG_PRICES != 0 { reader.take_slice(count, LINES_MAX)? } else { &[] };
            let cards: &[EventCard] = match head.kind {
                TAKEN => &[],
                _ => reader.take_slice(usize::from(cards), CARDS_PER_HOLD_MAX)?,
            };
            if cards.iter().any(|card| !(1..=CARD_VALUE_MAX).contains(&card.units.get())) {
                return Err(reader.field("cards"));
            }
            let quote = match head.kind {
                TAKEN_FOR_QUOTE => reader.take_quote((count, cards.len()))?,
                _ => EventQuote::NONE,
            };
            let sales = if head.kind == TAKEN_WITH_SALES { reader.take_sales(count)? } else { &[] };
            let (sold, hidden) = (flags & FLAG_SOLD != 0, flags & FLAG_SELL_HIDDEN != 0);
            let flagged = flags & FLAG_FLAGGED != 0;
            Event::Taken {
                origin,
                buyer,
                sold,
                hidden,
                ttl_ms,
                replaces,
                parties,
                flagged,
                lines,
                prices,
                cards,
                quote,
                sales,
            }
        }
        SELL_REFUSED => {
            let (origin, code) = reader.take_origin(channel)?;
            let code = Code::from_number(code).ok_or_else(|| reader.field("code"))?;
            let buyer = reader.take_buyer(flags)?;
            Event::SellRefused { origin, buyer, code, lines: reader.take_lines(count)? }
        }
        OWED => {
            let (origin, code) = reader.take_origin(channel)?;
            let code = Code::from_number(code).ok_or_else(|| reader.field("code"))?;
            let until_ms = reader.take_u64()?;
            let buyer = reader.take_buyer(flags)?;
            let replaces = OperationId(reader.take_u128_if(flags & FLAG_REPLACES != 0)?);
            let parties = if flags & FLAG_PARTIES != 0 { Some(reader.take()?) } else { None };
            let lines = reader.take_lines(count)?;
            let prices = if flags & FLAG_PRICES != 0 { reader.take_slice(count, LINES_MAX)? } else { &[] };
            let (hidden, flagged) = (flags & FLAG_SELL_HIDDEN != 0, flags & FLAG_FLAGGED != 0);
            Event::Owed { origin, buyer, hidden, until_ms, code, replaces, parties, flagged, lines, prices }
        }
        SETTLED => {
            let (holds, keys) = reader.take_debts(flags, count)?;
            Event::Settled { holds, keys }
        }
        UNFULFILLED => {
            let (holds, keys) = reader.take_debts(flags, count)?;
            Event::Unfulfilled { holds, keys }
        }
        CONFIRMED | CONFIRMED_WITH_SALES => {
            let hold = reader.take_key()?;
            let (late, hidden) = (flags & FLAG_LATE != 0, flags & FLAG_CONFIRM_HIDDEN != 0);
            let lines = reader.take_lines(count)?;
            let sales = if head.kind == CONFIRMED { &[] } else { reader.take_sales(count)? };
            Event::Confirmed { hold, late, hidden, lines, sales }
        }
        CONFIRM_OWED => {
            let (hold, until_ms) = (reader.take_key()?, reader.take_u64()?);
            let hidden = flags & FLAG_CONFIRM_HIDDEN != 0;
            Event::ConfirmOwed { hold, hidden, until_ms, lines: reader.take_lines(count)? }
        }
        LATE_REFUSED => {
            let hold = reader.take_key()?;
            Event::LateRefused { hold, lines: reader.take_lines(count)? }
        }
        RELEASED => Event::Released { hold: reader.take_key()? },
        CANCELLED => Event::Cancelled { hold: reader.take_key()? },
        TOMBSTONE => Event::Tombstone { origin: reader.take_origin(channel)?.0 },
        EXTENDED => {
            let (origin, _) = reader.take_origin(channel)?;
            let hold = OperationId(reader.take_u128()?);
            Event::Extended { origin, hold, deadline_ms: reader.take_u64()? }
        }
        RETURNED | RETURNED_OF_QUOTE | RETURNED_WITH_SALES => {
            let (origin, pieces) = reader.take_origin(channel)?;
            let hold = OperationId(reader.take_u128()?);
            let to_available = flags & FLAG_TO_AVAILABLE != 0;
            let lines = reader.take_lines(count)?;
            let cart = match head.kind {
                RETURNED => EventPieces::NONE,
                RETURNED_WITH_SALES if pieces == 0 => EventPieces::NONE,
                _ => reader.take_pieces(usize::from(pieces))?,
            };
            let ended = if head.kind == RETURNED_WITH_SALES { reader.take_ended()? } else { &[] };
            Event::Returned { origin, hold, to_available, lines, cart, ended }
        }
        REVEALED => {
            let (origin, _) = reader.take_origin(channel)?;
            Event::Revealed { origin, hold: OperationId(reader.take_u128()?) }
        }
        KEY_REPLACED => {
            let (origin, reason) = reader.take_origin(channel)?;
            let hold = OperationId(reader.take_u128()?);
            Event::KeyReplaced { origin, hold, key: reader.take_u32("key")?, reason }
        }
        REPLACE_OWED => {
            let (origin, reason) = reader.take_origin(channel)?;
            let (hold, until_ms) = (OperationId(reader.take_u128()?), reader.take_u64()?);
            let code = if flags & FLAG_FOR_OTHERS != 0 { Code::ChannelQuota } else { Code::OutOfStock };
            Event::ReplaceOwed { origin, hold, key: reader.take_u32("key")?, reason, until_ms, code }
        }
        KEY_RECLAIMED => {
            let (origin, reason) = reader.take_origin(channel)?;
            let hold = OperationId(reader.take_u128()?);
            Event::KeyReclaimed { origin, hold, key: reader.take_u32("key")?, reason }
        }
        KEYS_EXPORTED => {
            let (origin, _) = reader.take_origin(channel)?;
            let stock = StockId(reader.take_u64()?);
            let batch = match reader.take_u64()? {
                u64::MAX => None,
                number => Some(u32::try_from(number).map_err(|_| reader.field("batch"))?),
            };
            Event::KeysExported { origin, stock, batch }
        }
        BATCH_EXPIRED => {
            let stock = StockId(reader.take_u64()?);
            Event::BatchExpired { stock, batch: reader.take_u32("batch")? }
        }
        BATCH_CREATED | BATCH_CHANGED | KEYS_IMPORTED => decode_keys(reader, head, channel)?,
        RISK_RULE_SET => {
            let (origin, _) = reader.take_origin(channel)?;
            let rule: RiskRule = reader.take()?;
            let known =
                crate::command::SubjectKind::from_number(rule.subject).is_some() && rule.window_ms.get() != 0;
            if rule.action != 0 && !known {
                return Err(reader.field("rule"));
            }
            Event::Risk(RiskEvent::RuleSet { origin, rule })
        }
        BLOCK_SET => {
            let (origin, _) = reader.take_origin(channel)?;
            Event::Risk(RiskEvent::BlockSet { origin, block: reader.take()? })
        }
        ZONE_SET => decode_zone(reader, count, channel)?,
        LINKED | UNLINKED | LABELLED | ERASED => Event::Person(persons::decode(reader, head, channel)?),
        GUARANTEE_LAPSED => Event::GuaranteeLapsed { stock: StockId(reader.take_u64()?), channel },
        STOCK_CREATED
        | STOCK_MOVED
        | STOCK_EDITED
        | STOCK_QUOTA_SET
        | STOCK_LIMITS_SET
        | STOCK_SPAN_LIMITS_SET
        | STOCK_PRICED => decode_stock(reader, head, channel)?,
        CAMPAIGN_CREATED..=CARD_CHANGED
        | REFERRED
        | TOPPED_UP..=LEVELLED
        | OFFLINE_REDEEMED
        | OFFLINE_CONFLICT => cards::decode(reader, head, channel)?,
        GIFT_GIVEN..=GIFT_CANCELLED => gifts::decode(reader, head, channel)?,
        CODES_IMPORTED | CODE_SET => given_codes::decode(reader, head, channel)?,
        GROUP_OPENED..=GROUP_LAPSED => groups::decode(reader, head, channel)?,
        ACTIVITY_CREATED..=REWARD_DELIVERED => sharing::decode(reader, head, channel)?,
        NOTICES_TOLD | NOTICES_REQUEUED => notices::decode(reader, head)?,
        CAMPAIGN_VOIDED..=MERGED => endings::decode(reader, head, channel)?,
        kind => return Err(EventError::UnknownKind(kind)),
    })
}

fn decode_zone<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, name_bytes) = reader.take_origin(channel)?;
    let transitions: &[Transition] = reader.take_slice(count, TRANSITIONS_MAX)?;
    if transitions.is_empty() || Transition::first_unsound(transitions).is_some() {
        return Err(reader.field("transitions"));
    }
    let name = reader.take_slice(usize::from(name_bytes), NAME_BYTES_MAX)?;
    Ok(Event::ZoneSet { origin, name, transitions })
}

fn decode_keys<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, code) = reader.take_origin(channel)?;
    let stock = StockId(reader.take_u64()?);
    let batch = reader.take_u32("batch")?;
    let count = usize::from(head.count.get());
    Ok(match head.kind {
        BATCH_CREATED => {
            let (cost, expires_ms) = (reader.take_u64()?, reader.take_u64()?);
            let supplier = reader.take_slice(count, NAME_BYTES_MAX)?;
            Event::BatchCreated { origin, stock, batch, cost, expires_ms, supplier }
        }
        BATCH_CHANGED => {
            let change = u8::try_from(code).ok().and_then(BatchChange::from_number);
            let change = change.ok_or_else(|| reader.field("change"))?;
            Event::BatchChanged { origin, stock, batch, change, forced: head.flags & FLAG_FORCED != 0 }
        }
        _ => {
            let keys: &[EventKey] = reader.take_slice(count, KEYS_PER_CHUNK_MAX)?;
            if keys.iter().any(|key| usize::from(key.position) >= KEYS_PER_CHUNK_MAX) {
                return Err(reader.field("position"));
            }
            let sealed = reader.take_slice(usize::from(code), usize::from(u16::MAX))?;
            Event::KeysImported { origin, stock, batch, keys, sealed }
        }
    })
}

fn decode_stock<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    let (origin, code) = reader.take_origin(channel)?;
    let stock = StockId(reader.take_u64()?);
    Ok(match head.kind {
        STOCK_CREATED => {
            let units = reader.take_u64()?;
            let terms = reader.take_terms()?;
            let once_per_order = head.flags & FLAG_ONCE_PER_ORDER != 0;
            let kind = match head.flags & !FLAG_ONCE_PER_ORDER {
                0 => StockKind::Counter,
                FLAG_KEYS => StockKind::Keys,
                flags if flags == FLAG_KEYS | FLAG_RANDOM => {
                    StockKind::RandomKeys { seed: reader.take_u64()? }
                }
                flags if flags == FLAG_KEYS | FLAG_REUSABLE => StockKind::Reusable,
                _ => return Err(reader.field("kind")),
            };
            let name = reader.take_slice(usize::from(head.count.get()), NAME_BYTES_MAX)?;
            Event::StockCreated { origin, stock, units, kind, once_per_order, terms, name }
        }
        STOCK_MOVED => {
            let kind = u8::try_from(code).ok().and_then(OperationKind::from_number);
            let kind = kind.ok_or_else(|| reader.field("kind"))?;
            let from_frozen = head.flags & FLAG_FROM_FROZEN != 0;
            let forced = head.flags & FLAG_FORCED != 0;
            Event::StockMoved { origin, kind, from_frozen, forced, stock, units: reader.take_u64()? }
        }
        STOCK_QUOTA_SET => {
            let quotas = reader.take_slice(usize::from(head.count.get()), CHANNELS_PER_STOCK_MAX)?;
            Event::StockQuotaSet { origin, stock, quotas }
        }
        STOCK_LIMITS_SET => Event::StockLimitsSet { origin, stock, limits: reader.take()?, spans: None },
        STOCK_SPAN_LIMITS_SET => {
            let (limits, spans) = (reader.take()?, Some(reader.take()?));
            Event::StockLimitsSet { origin, stock, limits, spans }
        }
        STOCK_PRICED => {
            let prices = reader.take_slice(usize::from(head.count.get()), PRICES_PER_STOCK_MAX)?;
            Event::StockPriced { origin, stock, prices }
        }
        _ => Event::StockEdited { origin, stock, terms: reader.take_terms()? },
    })
}
