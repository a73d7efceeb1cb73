//! Drawing single commands: new ones with quantities near the boundaries of what is there, and changed old ones.

use super::Generator;
use super::plan::{Kind, pick, pick_weighted};
use crate::oracle::{Hold, Key, Oracle, Record, Stock, key_of, zone_owner};
use crate::request::{OwnedCommand, OwnedRequest, OwnedTake, Wish};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{Envelope, Parties, Segments, StockKind, StockTerms};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{LINES_MAX, OWED_MAX_MS, STOCK_UNITS_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX};

/// States in which a hold can be cancelled, if it was made so.
const CANCELLABLE: &[HoldState] = &[HoldState::Held, HoldState::Expired, HoldState::Confirmed];

/// States in which a hold can be ended.
const OPEN: &[HoldState] = &[HoldState::Held, HoldState::Expired];

impl Generator {
    /// The STOCK_CREATE with which a history begins.
    pub(super) fn first_stock(&mut self, stock: StockId) -> OwnedRequest {
        let merchant = MerchantId(self.rng.u32(1..=self.plan.merchants));
        let envelope = self.envelope_at(merchant, stock.slot());
        let of_cards = match self.plan.checkouts {
            true => stock.0 % 2 == 1,
            false => self.plan.cards && self.happens(700),
        };
        let command = if of_cards { self.campaign(stock) } else { self.create(stock) };
        OwnedRequest { envelope, command }
    }

    pub(super) fn envelope_at(&mut self, merchant: MerchantId, slot: Slot) -> Envelope {
        self.ids += 1;
        Envelope {
            merchant,
            slot,
            channel: ChannelId(1),
            operation: OperationId(self.ids),
            created_ms: self.now_ms,
            deadline_ms: 0,
            segments: Segments::NONE,
        }
    }

    /// A new command.
    pub(super) fn fresh(&mut self, oracle: &Oracle) -> OwnedRequest {
        if self.happens(self.plan.chances.pinched)
            && let Some(request) = self.pinched(oracle)
        {
            return request;
        }
        let (merchant, slot) = self.scope();
        let mut envelope = self.envelope(oracle, merchant, slot);
        let kind = match self.kind() {
            // Where no hold is open there is little to end.
            Kind::Confirm | Kind::Release | Kind::Extend if !has_open(oracle) && self.happens(800) => {
                Kind::Reserve
            }
            kind => kind,
        };
        let command = match kind {
            Kind::Reserve => {
                let take = self.take(oracle, &mut envelope);
                OwnedCommand::Reserve { take, ttl_ms: self.ttl_ms(true) }
            }
            Kind::Sell => {
                let mut take = self.take(oracle, &mut envelope);
                self.may_wait(&mut take);
                let paid = self.rng.bool();
                let hidden = self.happens(self.plan.chances.hidden);
                // What is paid, or waits, takes no cards.
                let paid = paid && take.cards.is_empty();
                if !take.cards.is_empty() {
                    take.wait_until_ms = 0;
                }
                OwnedCommand::Sell { take, paid, hidden }
            }
            Kind::Extend => {
                let hold = self.hold(&mut envelope, oracle, OPEN);
                OwnedCommand::Extend { hold, ttl_ms: self.ttl_ms(false) }
            }
            Kind::Confirm => {
                envelope.operation = self.hold(&mut envelope, oracle, OPEN);
                let units = self.line_units(oracle, &envelope, envelope.operation, Hold::all_reserved);
                OwnedCommand::Confirm { units, hidden: self.happens(self.plan.chances.hidden) }
            }
            Kind::Release => {
                envelope.operation = self.hold(&mut envelope, oracle, OPEN);
                OwnedCommand::Release
            }
            Kind::Cancel => {
                // Every third one overtakes its original.
                if self.rng.u8(0..3) > 0 {
                    envelope.operation = self.hold(&mut envelope, oracle, CANCELLABLE);
                }
                OwnedCommand::Cancel
            }
            Kind::Return => {
                let hold = self.returned_hold(&mut envelope, oracle);
                let units = self.line_units(oracle, &envelope, hold, Hold::pieces_left);
                let record = oracle.records.get(&key_beside(&envelope, hold));
                let of_keys = record.and_then(|record| record.hold.as_ref()).is_some_and(Hold::has_keys);
                // Card keys hardly ever come back.
                let to_available = self.rng.bool() && (!of_keys || self.happens(100));
                OwnedCommand::Return { hold, to_available, units }
            }
            Kind::OperationShow => {
                if !self.sent.is_empty() {
                    let index = self.recent(self.sent.len());
                    envelope.operation = self.sent[index].envelope.operation;
                }
                OwnedCommand::OperationShow
            }
            Kind::OrderShow => self.order_show(oracle, &mut envelope),
            Kind::Reveal | Kind::KeyReplace | Kind::KeyReclaim | Kind::KeysRead => {
                self.hold_of_keys(oracle, &mut envelope, kind)
            }
            Kind::RiskSet | Kind::BlockSet | Kind::RiskShow => self.rules_of_merchant(kind),
            Kind::ZoneSet | Kind::ZoneShow => self.zone_command(oracle, &envelope, kind),
            Kind::Persons => self.person_command(),
            Kind::OfCards => self.card_command(oracle, &mut envelope),
            kind => self.stock_command(oracle, &mut envelope, kind),
        };
        OwnedRequest { envelope, command }
    }

    fn kind(&mut self) -> Kind {
        pick_weighted(&mut self.rng, &self.plan.kinds)
    }

    fn stock_command(&mut self, oracle: &Oracle, envelope: &mut Envelope, kind: Kind) -> OwnedCommand {
        let id = self.stock(oracle, envelope);
        let stock = oracle.stocks.get(&id);
        let there = |units: fn(&Stock) -> i128| stock.map_or(0, units);
        match kind {
            Kind::StockCreate => self.create(id),
            Kind::StockSupply => {
                let most = i128::from(STOCK_UNITS_MAX) - there(|stock| stock.total);
                let units = if self.happens(self.plan.chances.huge) {
                    self.units_near(most)
                } else {
                    self.few() * self.few()
                };
                OwnedCommand::StockSupply { stock: id, units }
            }
            Kind::StockVoid => {
                let from_frozen = self.rng.u8(0..3) == 0;
                let boundary = if from_frozen { there(|stock| stock.frozen) } else { self.takable(stock) };
                let (units, forced) = (self.units_near(boundary), self.happens(self.plan.chances.forced));
                OwnedCommand::StockVoid { stock: id, units, from_frozen, forced }
            }
            Kind::StockFreeze => {
                let boundary = self.takable(stock);
                let (units, forced) = (self.units_near(boundary), self.happens(self.plan.chances.forced));
                OwnedCommand::StockFreeze { stock: id, units, forced }
            }
            Kind::StockUnfreeze => {
                let frozen = there(|stock| stock.frozen);
                let marked = there(|stock| stock.frozen + stock.marked_frozen);
                let boundary = *self.choose(&[frozen, marked]);
                OwnedCommand::StockUnfreeze { stock: id, units: self.units_near(boundary) }
            }
            Kind::StockEdit => {
                let version = self.version(stock);
                OwnedCommand::StockEdit { stock: id, version, terms: self.terms() }
            }
            Kind::StockQuota => {
                let version = self.version(stock);
                OwnedCommand::StockQuota { stock: id, version, quotas: self.quotas(stock) }
            }
            Kind::OwedShow => {
                OwnedCommand::OwedShow { stock: id, from: *self.choose(&[0, 0, 0, 1, 2, u32::MAX]) }
            }
            Kind::StockChannels => OwnedCommand::StockChannels { stock: id },
            Kind::StockLimits | Kind::StockPrice | Kind::StockTermsShow => {
                let zoned = oracle.zones.contains_key(&zone_owner(envelope));
                self.rules_of_stock(id, (stock, zoned), kind)
            }
            Kind::BatchCreate
            | Kind::BatchChange
            | Kind::KeysImport
            | Kind::KeysExport
            | Kind::KeysList
            | Kind::BatchesShow => self.batch_command(id, stock, kind),
            _ => OwnedCommand::StockShow { stock: id },
        }
    }

    fn takable(&mut self, stock: Option<&Stock>) -> i128 {
        let Some(stock) = stock else { return 0 };
        let spare = stock.available - stock.unused();
        *self.choose(&[stock.available, stock.reachable(), stock.available + stock.held, spare])
    }

    fn create(&mut self, stock: StockId) -> OwnedCommand {
        let huge = [100_000_000, 4_294_967_296, 5_000_000_000, STOCK_UNITS_MAX - 1, STOCK_UNITS_MAX];
        let keys = self.happens(self.plan.chances.keyed);
        let units = if keys {
            0
        } else if self.happens(self.plan.chances.huge) {
            *self.choose(&huge)
        } else {
            let most = *self.choose(&[3, 20, 60, 300]);
            self.rng.u64(0..=most)
        };
        let name =
            if self.rng.bool() { "卡密".as_bytes().to_vec() } else { vec![b'x'; self.rng.usize(1..=64)] };
        let kind = match (keys, self.rng.u8(0..6)) {
            (false, 0) => StockKind::Reusable,
            (false, _) => StockKind::Counter,
            (true, 0..2) => StockKind::RandomKeys { seed: self.rng.u64(1..) },
            (true, _) => StockKind::Keys,
        };
        let once_per_order = self.happens(self.plan.chances.once);
        OwnedCommand::StockCreate { stock, name, units, kind, once_per_order, terms: self.terms() }
    }

    pub(super) fn terms(&mut self) -> StockTerms {
        let chances = self.plan.chances;
        let limit_per_user = if self.happens(chances.limited) {
            *pick(&mut self.rng, &[1, 2, 3, 5, 8, UNITS_PER_LINE_MAX])
        } else {
            0
        };
        let (mut opens_ms, mut closes_ms) = (0, 0);
        if self.happens(chances.timed) {
            opens_ms = *self.choose(&[0, self.now_ms, self.now_ms + 1, self.now_ms + 500]);
            closes_ms = *self.choose(&[0, self.now_ms.max(opens_ms + 1), opens_ms.max(self.now_ms) + 700]);
        }
        StockTerms { opens_ms, closes_ms, limit_per_user, frozen: self.happens(chances.timed / 2) }
    }

    /// A stock of the merchant in the slot mostly; else any. Moves the command to where the merchant has one.
    pub(super) fn stock(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> StockId {
        if self.happens(self.plan.chances.foreign) {
            let slot = if self.rng.bool() { self.scope().1 } else { envelope.slot };
            return StockId::new(slot, self.rng.u64(1..=self.plan.stocks_per_slot + 1));
        }
        let is_own = |stock: &Stock| stock.merchant == envelope.merchant.0;
        let own: Vec<StockId> =
            oracle.stocks.iter().filter(|(_, stock)| is_own(stock)).map(|(id, _)| *id).collect();
        let here: Vec<StockId> = own.iter().copied().filter(|stock| stock.slot() == envelope.slot).collect();
        if own.is_empty() {
            return StockId::new(envelope.slot, self.rng.u64(1..=self.plan.stocks_per_slot));
        }
        let stock = *self.choose(if here.is_empty() { &own } else { &here });
        envelope.slot = stock.slot();
        stock
    }

    fn take(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> OwnedTake {
        let chances = self.plan.chances;
        let mut take = OwnedTake {
            order: OrderId(self.rng.u128(0..=self.plan.buyers)),
            user: UserId(self.rng.u128(0..=self.plan.buyers)),
            partial: self.happens(chances.partial),
            ..OwnedTake::default()
        };
        if !self.holds.is_empty() && self.happens(chances.replace) {
            take.replace = self.hold(envelope, oracle, OPEN);
            let replaced = oracle.records.get(&key_beside(envelope, take.replace));
            if let Some(hold) =
                replaced.and_then(|record| record.hold.as_ref()).filter(|_| self.rng.u8(0..5) > 0)
            {
                (take.order, take.user) = (hold.order, hold.user);
            }
        }
        let count = if self.happens(chances.wide) {
            self.rng.usize(1..=LINES_MAX)
        } else if self.happens(chances.several) {
            self.rng.usize(2..=4)
        } else {
            1
        };
        let fixed_slot = envelope.slot;
        for _ in 0..count {
            let stock = self.stock(oracle, envelope);
            take.lines.push(self.wish(oracle, stock, &take, envelope.channel));
        }
        if take.replace != OperationId(0) {
            envelope.slot = fixed_slot;
        }
        if self.plan.cards && self.happens(if self.plan.checkouts { 900 } else { 400 }) {
            self.add_cards(oracle, envelope, &mut take);
        }
        if self.plan.cards && self.happens(300) {
            self.add_sold_cards(oracle, envelope, &mut take);
        }
        self.add_optional_parts(oracle, envelope, &mut take);
        take
    }

    /// Lets a SELL wait for its units, mostly for a short time.
    fn may_wait(&mut self, take: &mut OwnedTake) {
        if !self.happens(self.plan.chances.waits) {
            return;
        }
        let now_ms = self.now_ms;
        let later_ms = now_ms + self.rng.u64(1..5_000);
        let far_ms = [now_ms + OWED_MAX_MS, now_ms + OWED_MAX_MS + 1, u64::MAX];
        take.partial = false;
        take.wait_until_ms = match self.rng.u8(0..20) {
            0 => *self.choose(&far_ms),
            1 => *self.choose(&[now_ms, now_ms - 1]),
            2..5 => now_ms + self.rng.u64(1..4),
            5..9 => now_ms + self.rng.u64(1..200),
            9..12 => now_ms + 100_000,
            _ => later_ms,
        };
    }

    fn wish(&mut self, oracle: &Oracle, stock: StockId, take: &OwnedTake, channel: ChannelId) -> Wish {
        let OwnedTake { user, partial, .. } = *take;
        let chances = self.plan.chances;
        let units = if self.happens(chances.huge) {
            UNITS_PER_LINE_MAX
        } else if self.happens(chances.boundary) {
            let there = oracle.stocks.get(&stock).map_or(0, |found| {
                let limit = i128::from(found.terms.limit_per_user);
                let bought = oracle.purchased(stock, (1, user.0)).units;
                let limited = if limit > 0 { limit - bought } else { found.available };
                *self.choose(&[limited, found.available, found.room(channel)])
            });
            u32::try_from(self.units_near(there)).unwrap_or(UNITS_PER_LINE_MAX).min(UNITS_PER_LINE_MAX)
        } else {
            self.rng.u32(1..=4)
        };
        let units_min = if partial { *pick(&mut self.rng, &[0, 0, 1, units / 2, units]) } else { units };
        Wish { stock, units, units_min: units_min.min(units) }
    }

    pub(super) fn few(&mut self) -> u64 {
        self.rng.u64(1..=6)
    }

    /// A quantity at or beside `boundary`, or a small one.
    pub(super) fn units_near(&mut self, boundary: i128) -> u64 {
        let boundary = u64::try_from(boundary).unwrap_or(0);
        let few = self.few();
        let near = [boundary, boundary + 1, boundary.saturating_sub(1), few, few];
        (*self.choose(&near)).clamp(1, STOCK_UNITS_MAX)
    }

    pub(super) fn ttl_ms(&mut self, default_allowed: bool) -> u32 {
        let ttl_ms = *pick(&mut self.rng, &[0, 1, 2, 10, 100, 1_000, 5_000, 30_000, 900_000, TTL_MAX_MS]);
        if ttl_ms == 0 && !default_allowed { 50 } else { ttl_ms }
    }

    /// A hold in one of the `wanted` states mostly; else any that was asked for. Moves the command to its merchant and
    /// slot mostly.
    pub(super) fn hold(
        &mut self,
        envelope: &mut Envelope,
        oracle: &Oracle,
        wanted: &[HoldState],
    ) -> OperationId {
        if self.holds.is_empty() {
            return envelope.operation;
        }
        let is_wanted =
            |record: &Record| record.hold.as_ref().is_some_and(|hold| wanted.contains(&hold.state));
        let found: Vec<Key> =
            oracle.records.iter().filter(|(_, record)| is_wanted(record)).map(|(key, _)| *key).collect();
        let (merchant, slot, operation) = if found.is_empty() || self.happens(250) {
            let index = self.recent(self.holds.len());
            key_of(&self.holds[index])
        } else {
            *self.choose(&found)
        };
        if !self.happens(self.plan.chances.foreign) {
            (envelope.merchant, envelope.slot) = (MerchantId(merchant), Slot(slot));
        }
        OperationId(operation)
    }

    /// Units per line of a hold: all of them unsaid, exactly, fewer, too many, or for more lines than there are.
    pub(super) fn line_units(
        &mut self,
        oracle: &Oracle,
        envelope: &Envelope,
        hold: OperationId,
        left: fn(&Hold) -> Vec<i128>,
    ) -> Vec<u32> {
        let record = oracle.records.get(&key_beside(envelope, hold));
        let Some(hold) = record.and_then(|record| record.hold.as_ref()) else {
            return if self.rng.bool() { Vec::new() } else { vec![1] };
        };
        let exact: Vec<u32> = left(hold).into_iter().map(|units| u32::try_from(units).unwrap_or(0)).collect();
        let mut units: Vec<u32> = match self.rng.u8(0..12) {
            0..4 => Vec::new(),
            // One line whole, and nothing of the others.
            10.. => {
                let whole = self.rng.usize(0..exact.len().max(1));
                exact.iter().enumerate().map(|(at, units)| if at == whole { *units } else { 0 }).collect()
            }
            4 => exact,
            5..8 => exact.iter().map(|units| self.rng.u32(0..=*units)).collect(),
            8 => exact.iter().map(|units| units + self.rng.u32(0..2)).collect(),
            _ => exact.iter().copied().chain([self.rng.u32(0..2)]).collect(),
        };
        if self.rng.u8(0..8) == 0 {
            units.truncate(self.rng.usize(0..=units.len()));
        }
        if units.iter().all(|units| *units == 0) || units.len() > LINES_MAX {
            units.clear();
        }
        units
    }

    /// The same request with one thing changed. Some changes make no difference to its content.
    pub(super) fn altered(&mut self, mut request: OwnedRequest, oracle: &Oracle) -> OwnedRequest {
        let envelope = &mut request.envelope;
        match self.rng.u8(0..13) {
            12 => {
                // A callback that comes again under a new id.
                self.ids += 1;
                (envelope.operation, envelope.created_ms) = (OperationId(self.ids), self.now_ms);
            }
            0 => envelope.created_ms = envelope.created_ms().saturating_add(1),
            1 => envelope.created_ms = envelope.created_ms().saturating_sub(1),
            2 => envelope.created_ms = envelope.created_ms(),
            3 => envelope.channel.0 ^= 1,
            4 => envelope.deadline_ms = self.now_ms,
            5 => envelope.deadline_ms = self.now_ms + 1,
            6 => (envelope.merchant, envelope.slot) = self.scope(),
            7 => {
                let (order, user) =
                    (self.rng.u128(0..=self.plan.buyers), self.rng.u128(0..=self.plan.buyers));
                if let Some(take) = request.take_mut() {
                    (take.order, take.user) = (OrderId(order), UserId(user));
                }
            }
            _ => self.alter_command(&mut request, oracle),
        }
        request
    }

    fn alter_command(&mut self, request: &mut OwnedRequest, oracle: &Oracle) {
        let choice = self.rng.u8(0..3);
        request.command = match request.command.clone() {
            OwnedCommand::Reserve { take, .. } if choice == 0 => {
                OwnedCommand::Sell { take, paid: false, hidden: false }
            }
            OwnedCommand::Reserve { mut take, ttl_ms } => {
                if let Some(line) = take.cards.first_mut().filter(|_| choice == 1) {
                    line.amount ^= 1;
                    return request.command = OwnedCommand::Reserve { take, ttl_ms };
                }
                match self.rng.u8(0..6) {
                    0 | 1 => take.lines[0].units += 1,
                    2 => take.member = !take.member,
                    3 => take.expected_total = if take.expected_total.is_some() { None } else { Some(0) },
                    4 => {
                        take.parties = if take.parties.is_some() { None } else { Some(Parties::new(0, 0, 0)) }
                    }
                    _ => take.partial = !take.partial,
                }
                OwnedCommand::Reserve { take, ttl_ms }
            }
            OwnedCommand::Sell { take, .. } if choice == 0 => OwnedCommand::Reserve { take, ttl_ms: 0 },
            OwnedCommand::Sell { take, paid, hidden } if choice == 1 => {
                OwnedCommand::Sell { take, paid, hidden: !hidden }
            }
            OwnedCommand::Sell { mut take, paid, hidden } if take.wait_until_ms > 0 && self.rng.bool() => {
                take.wait_until_ms ^= 1;
                OwnedCommand::Sell { take, paid, hidden }
            }
            OwnedCommand::Sell { take, paid, hidden } => OwnedCommand::Sell { take, paid: !paid, hidden },
            OwnedCommand::Extend { hold, ttl_ms } => OwnedCommand::Extend { hold, ttl_ms: ttl_ms / 2 + 1 },
            OwnedCommand::Return { hold, to_available, units } => {
                OwnedCommand::Return { hold, to_available: !to_available, units }
            }
            OwnedCommand::StockVoid { stock, units, from_frozen, forced } if choice == 0 => {
                OwnedCommand::StockVoid { stock, units, from_frozen: !from_frozen, forced }
            }
            OwnedCommand::StockVoid { stock, units, from_frozen, forced } => {
                OwnedCommand::StockVoid { stock, units, from_frozen, forced: !forced }
            }
            OwnedCommand::StockFreeze { stock, units, .. } if choice == 0 => {
                OwnedCommand::StockUnfreeze { stock, units }
            }
            OwnedCommand::StockFreeze { stock, units, forced } => {
                OwnedCommand::StockFreeze { stock, units, forced: !forced }
            }
            OwnedCommand::StockQuota { stock, version, mut quotas } => {
                let quota = &mut quotas[0];
                quota.cap = (quota.cap.get() ^ 1).into();
                OwnedCommand::StockQuota { stock, version, quotas }
            }
            OwnedCommand::StockSupply { stock, units } => {
                OwnedCommand::StockSupply { stock, units: units + 1 }
            }
            OwnedCommand::Confirm { units, hidden } if choice == 0 => {
                OwnedCommand::Confirm { units, hidden: !hidden }
            }
            OwnedCommand::Confirm { hidden, .. } => {
                let envelope = request.envelope;
                let units = self.line_units(oracle, &envelope, envelope.operation, Hold::all_reserved);
                OwnedCommand::Confirm { units, hidden }
            }
            OwnedCommand::OfCards(command) => self.altered_cards(command),
            other => self.altered_rules(other),
        };
    }
}

fn has_open(oracle: &Oracle) -> bool {
    let holds = oracle.records.values().filter_map(|record| record.hold.as_ref());
    holds.into_iter().any(|hold| OPEN.contains(&hold.state))
}

pub(super) fn key_beside(envelope: &Envelope, operation: OperationId) -> crate::oracle::Key {
    key_of(&Envelope { operation, ..*envelope })
}
