//! Event to bytes: one pass, no allocation.

use super::layout::*;
use super::*;

/// Writes fields one after another into the log's open frame.
pub(super) struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
}

impl Writer<'_> {
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    #[inline]
    pub(super) fn put_u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    #[inline]
    pub(super) fn put_u128_if(&mut self, number: u128) -> bool {
        if number != 0 {
            self.put(&number.to_le_bytes());
        }
        number != 0
    }

    #[inline]
    pub(super) fn put_origin(&mut self, origin: &Origin, code: u16) {
        let layout = OriginLayout {
            operation: U128::new(origin.operation.0),
            created_ms: U64::new(origin.created_ms),
            content: U64::new(origin.content),
            merchant: U32::new(origin.merchant.0),
            slot: U16::new(origin.slot.0),
            code: U16::new(code),
        };
        self.put(layout.as_bytes());
    }

    pub(super) fn put_terms(&mut self, terms: &StockTerms) {
        let layout = TermsLayout {
            opens_ms: U64::new(terms.opens_ms),
            closes_ms: U64::new(terms.closes_ms),
            limit_per_user: U32::new(terms.limit_per_user),
            frozen: U32::new(u32::from(terms.frozen)),
        };
        self.put(layout.as_bytes());
    }

    /// Order and user where there are any; answers the flags that say so.
    #[inline]
    pub(super) fn put_buyer(&mut self, buyer: &Buyer) -> u8 {
        let order = if self.put_u128_if(buyer.order.0) { FLAG_ORDER } else { 0 };
        let user = if self.put_u128_if(buyer.user.0) { FLAG_USER } else { 0 };
        order | user
    }

    /// Whose debts, and of which keys.
    fn finish_debts(mut self, kind: u8, holds: &[EventHold], keys: &[U32]) -> usize {
        self.put(holds.as_bytes());
        self.put(keys.as_bytes());
        let flags = if keys.is_empty() { 0 } else { FLAG_DEBTS_OF_KEYS };
        self.finish(kind, flags, holds.len(), ChannelId(0))
    }

    #[inline]
    pub(super) fn finish(mut self, kind: u8, flags: u8, count: usize, channel: ChannelId) -> usize {
        while !self.at.is_multiple_of(8) {
            self.put(&[0]);
        }
        let head = Head {
            size: U16::new(self.at as u16),
            kind,
            flags,
            count: U16::new(count as u16),
            channel: U16::new(channel.0),
        };
        self.out[..size_of::<Head>()].copy_from_slice(head.as_bytes());
        self.at
    }
}

impl Event<'_> {
    /// Writes the event to the front of `out` and answers its size. Panics when `out` is shorter than
    /// [`crate::limits::EVENT_BYTES_MAX`] and the event does not fit.
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> usize {
        let mut writer = Writer { out, at: size_of::<Head>() };
        match *self {
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
            } => {
                writer.put_origin(&origin, cards.len() as u16);
                writer.put_u64(u64::from(ttl_ms));
                let mut flags = writer.put_buyer(&buyer) | if sold { FLAG_SOLD } else { 0 };
                if hidden {
                    flags |= FLAG_SELL_HIDDEN;
                }
                if writer.put_u128_if(replaces.0) {
                    flags |= FLAG_REPLACES;
                }
                if let Some(parties) = parties {
                    writer.put(parties.as_bytes());
                    flags |= FLAG_PARTIES;
                }
                if flagged {
                    flags |= FLAG_FLAGGED;
                }
                writer.put(lines.as_bytes());
                if !prices.is_empty() {
                    writer.put(prices.as_bytes());
                    flags |= FLAG_PRICES;
                }
                let mut kind = TAKEN;
                if !cards.is_empty() {
                    writer.put(cards.as_bytes());
                    kind = TAKEN_WITH_CARDS;
                }
                if !quote.lines.is_empty() {
                    quote.put(&mut writer);
                    kind = TAKEN_FOR_QUOTE;
                }
                if !sales.is_empty() {
                    sales::put(&mut writer, sales);
                    kind = TAKEN_WITH_SALES;
                }
                writer.finish(kind, flags, lines.len(), origin.channel)
            }
            Event::Confirmed { hold, late, hidden, lines, sales } => {
                writer.put(EventHold::new(hold).as_bytes());
                writer.put(lines.as_bytes());
                let mut kind = CONFIRMED;
                if !sales.is_empty() {
                    sales::put(&mut writer, sales);
                    kind = CONFIRMED_WITH_SALES;
                }
                let flags = if late { FLAG_LATE } else { 0 } | if hidden { FLAG_CONFIRM_HIDDEN } else { 0 };
                writer.finish(kind, flags, lines.len(), ChannelId(0))
            }
            Event::Tick { now_ms } => {
                writer.put_u64(now_ms);
                writer.finish(TICK, 0, 0, ChannelId(0))
            }
            Event::Expired { holds } => {
                writer.put(holds.as_bytes());
                writer.finish(EXPIRED, 0, holds.len(), ChannelId(0))
            }
            Event::Issued { .. } => self.encode_issued(writer),
            Event::Redeemed { .. } => self.encode_redeemed(writer),
            _ => self.encode_rare(writer),
        }
    }

    fn encode_rare(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::Configured { rules } => {
                writer.put_u64(rules.operation_window_ms);
                writer.put_u64(rules.operation_window_min_ms);
                writer.put_u64(rules.late_confirm_ms);
                writer.finish(CONFIGURED, 0, 0, ChannelId(0))
            }
            Event::FloorRaised { floor_ms } => {
                writer.put_u64(floor_ms);
                writer.finish(FLOOR_RAISED, 0, 0, ChannelId(0))
            }
            Event::SellRefused { origin, buyer, code, lines } => {
                writer.put_origin(&origin, code as u16);
                let flags = writer.put_buyer(&buyer);
                writer.put(lines.as_bytes());
                writer.finish(SELL_REFUSED, flags, lines.len(), origin.channel)
            }
            Event::Owed { .. } => self.encode_owed(writer),
            Event::Settled { holds, keys } => writer.finish_debts(SETTLED, holds, keys),
            Event::Unfulfilled { holds, keys } => writer.finish_debts(UNFULFILLED, holds, keys),
            Event::ConfirmOwed { hold, hidden, until_ms, lines } => {
                writer.put(EventHold::new(hold).as_bytes());
                writer.put_u64(until_ms);
                writer.put(lines.as_bytes());
                let flags = if hidden { FLAG_CONFIRM_HIDDEN } else { 0 };
                writer.finish(CONFIRM_OWED, flags, lines.len(), ChannelId(0))
            }
            Event::LateRefused { hold, lines } => {
                writer.put(EventHold::new(hold).as_bytes());
                writer.put(lines.as_bytes());
                writer.finish(LATE_REFUSED, 0, lines.len(), ChannelId(0))
            }
            Event::Released { hold } => {
                writer.put(EventHold::new(hold).as_bytes());
                writer.finish(RELEASED, 0, 0, ChannelId(0))
            }
            Event::Cancelled { hold } => {
                writer.put(EventHold::new(hold).as_bytes());
                writer.finish(CANCELLED, 0, 0, ChannelId(0))
            }
            Event::Group(group) => group.encode(writer),
            Event::Share(share) => share.encode(writer),
            Event::Notice(notice) => notice.encode(writer),
            Event::Tombstone { origin } => {
                writer.put_origin(&origin, 0);
                writer.finish(TOMBSTONE, 0, 0, origin.channel)
            }
            Event::Extended { origin, hold, deadline_ms } => {
                writer.put_origin(&origin, 0);
                writer.put(&hold.0.to_le_bytes());
                writer.put_u64(deadline_ms);
                writer.finish(EXTENDED, 0, 0, origin.channel)
            }
            Event::Returned { origin, hold, to_available, lines, cart, ended } => {
                writer.put_origin(&origin, cart.pieces.len() as u16);
                writer.put(&hold.0.to_le_bytes());
                writer.put(lines.as_bytes());
                let mut kind = RETURNED;
                if !cart.pieces.is_empty() {
                    writer.put_u64(cart.amount);
                    writer.put(cart.pieces.as_bytes());
                    kind = RETURNED_OF_QUOTE;
                }
                if !ended.is_empty() {
                    sales::put(&mut writer, ended);
                    kind = RETURNED_WITH_SALES;
                }
                let flags = if to_available { FLAG_TO_AVAILABLE } else { 0 };
                writer.finish(kind, flags, lines.len(), origin.channel)
            }
            Event::Revealed { origin, hold } => {
                writer.put_origin(&origin, 0);
                writer.put(&hold.0.to_le_bytes());
                writer.finish(REVEALED, 0, 0, origin.channel)
            }
            Event::KeyReplaced { origin, hold, key, reason } => {
                writer.put_origin(&origin, reason);
                writer.put(&hold.0.to_le_bytes());
                writer.put_u64(u64::from(key));
                writer.finish(KEY_REPLACED, 0, 0, origin.channel)
            }
            Event::ReplaceOwed { origin, hold, key, reason, until_ms, code } => {
                writer.put_origin(&origin, reason);
                writer.put(&hold.0.to_le_bytes());
                writer.put_u64(until_ms);
                writer.put_u64(u64::from(key));
                let flags = if code == Code::ChannelQuota { FLAG_FOR_OTHERS } else { 0 };
                writer.finish(REPLACE_OWED, flags, 0, origin.channel)
            }
            Event::KeyReclaimed { origin, hold, key, reason } => {
                writer.put_origin(&origin, reason);
                writer.put(&hold.0.to_le_bytes());
                writer.put_u64(u64::from(key));
                writer.finish(KEY_RECLAIMED, 0, 0, origin.channel)
            }
            _ => self.encode_stock(writer),
        }
    }

    fn encode_owed(&self, mut writer: Writer<'_>) -> usize {
        let Event::Owed { origin, buyer, hidden, until_ms, code, replaces, parties, flagged, lines, prices } =
            *self
        else {
            unreachable!("only Owed is encoded here");
        };
        writer.put_origin(&origin, code as u16);
        writer.put_u64(until_ms);
        let mut flags = writer.put_buyer(&buyer);
        if hidden {
            flags |= FLAG_SELL_HIDDEN;
        }
        if flagged {
            flags |= FLAG_FLAGGED;
        }
        if writer.put_u128_if(replaces.0) {
            flags |= FLAG_REPLACES;
        }
        if let Some(parties) = parties {
            writer.put(parties.as_bytes());
            flags |= FLAG_PARTIES;
        }
        writer.put(lines.as_bytes());
        if !prices.is_empty() {
            writer.put(prices.as_bytes());
            flags |= FLAG_PRICES;
        }
        writer.finish(OWED, flags, lines.len(), origin.channel)
    }

    fn encode_stock(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::StockCreated { origin, stock, units, kind, once_per_order, terms, name } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put_u64(units);
                writer.put_terms(&terms);
                let flags = match kind {
                    StockKind::Counter => 0,
                    StockKind::Cards => unreachable!("a stock of cards is made by CAMPAIGN_CREATE"),
                    StockKind::Keys => FLAG_KEYS,
                    StockKind::Reusable => FLAG_KEYS | FLAG_REUSABLE,
                    StockKind::RandomKeys { seed } => {
                        writer.put_u64(seed);
                        FLAG_KEYS | FLAG_RANDOM
                    }
                };
                writer.put(name);
                let once = if once_per_order { FLAG_ONCE_PER_ORDER } else { 0 };
                writer.finish(STOCK_CREATED, flags | once, name.len(), origin.channel)
            }
            Event::StockMoved { origin, kind, from_frozen, forced, stock, units } => {
                writer.put_origin(&origin, kind as u16);
                writer.put_u64(stock.0);
                writer.put_u64(units);
                let flags =
                    if from_frozen { FLAG_FROM_FROZEN } else { 0 } | if forced { FLAG_FORCED } else { 0 };
                writer.finish(STOCK_MOVED, flags, 0, origin.channel)
            }
            Event::StockEdited { origin, stock, terms } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put_terms(&terms);
                writer.finish(STOCK_EDITED, 0, 0, origin.channel)
            }
            Event::StockQuotaSet { origin, stock, quotas } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put(quotas.as_bytes());
                writer.finish(STOCK_QUOTA_SET, 0, quotas.len(), origin.channel)
            }
            Event::StockLimitsSet { origin, stock, limits, spans } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put(limits.as_bytes());
                let kind = if spans.is_some() { STOCK_SPAN_LIMITS_SET } else { STOCK_LIMITS_SET };
                spans.iter().for_each(|spans| writer.put(spans.as_bytes()));
                writer.finish(kind, 0, 0, origin.channel)
            }
            Event::StockPriced { origin, stock, prices } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put(prices.as_bytes());
                writer.finish(STOCK_PRICED, 0, prices.len(), origin.channel)
            }
            Event::Risk(RiskEvent::RuleSet { origin, rule }) => {
                writer.put_origin(&origin, 0);
                writer.put(rule.as_bytes());
                writer.finish(RISK_RULE_SET, 0, 0, origin.channel)
            }
            Event::Risk(RiskEvent::BlockSet { origin, block }) => {
                writer.put_origin(&origin, 0);
                writer.put(block.as_bytes());
                writer.finish(BLOCK_SET, 0, 0, origin.channel)
            }
            Event::Person(event) => event.encode(writer),
            Event::ZoneSet { origin, name, transitions } => {
                writer.put_origin(&origin, name.len() as u16);
                writer.put(transitions.as_bytes());
                writer.put(name);
                writer.finish(ZONE_SET, 0, transitions.len(), origin.channel)
            }
            Event::GuaranteeLapsed { stock, channel } => {
                writer.put_u64(stock.0);
                writer.finish(GUARANTEE_LAPSED, 0, 0, channel)
            }
            _ => self.encode_keys(writer),
        }
    }

    fn encode_keys(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            Event::BatchCreated { origin, stock, batch, cost, expires_ms, supplier } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put_u64(u64::from(batch));
                writer.put_u64(cost);
                writer.put_u64(expires_ms);
                writer.put(supplier);
                writer.finish(BATCH_CREATED, 0, supplier.len(), origin.channel)
            }
            Event::BatchChanged { origin, stock, batch, change, forced } => {
                writer.put_origin(&origin, change as u16);
                writer.put_u64(stock.0);
                writer.put_u64(u64::from(batch));
                writer.finish(BATCH_CHANGED, if forced { FLAG_FORCED } else { 0 }, 0, origin.channel)
            }
            Event::BatchExpired { stock, batch } => {
                writer.put_u64(stock.0);
                writer.put_u64(u64::from(batch));
                writer.finish(BATCH_EXPIRED, 0, 0, ChannelId(0))
            }
            Event::KeysImported { origin, stock, batch, keys, sealed } => {
                writer.put_origin(&origin, sealed.len() as u16);
                writer.put_u64(stock.0);
                writer.put_u64(u64::from(batch));
                writer.put(keys.as_bytes());
                writer.put(sealed);
                writer.finish(KEYS_IMPORTED, 0, keys.len(), origin.channel)
            }
            Event::KeysExported { origin, stock, batch } => {
                writer.put_origin(&origin, 0);
                writer.put_u64(stock.0);
                writer.put_u64(batch.map_or(u64::MAX, u64::from));
                writer.finish(KEYS_EXPORTED, 0, 0, origin.channel)
            }
            _ => self.encode_cards(writer),
        }
    }
}
