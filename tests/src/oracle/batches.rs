//! The oracle on batches of card keys: making, freezing, voiding, expiring and filling them, and whose mark is taken when.
//!
//! Invariant: the buckets and marks of a keys stock change only together with what its batches count.

use super::stocks::unsigned;
use super::{Batch, BatchState, CardKey, KeyState, Oracle, Stock};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedCommand;
use scrip_engine::answer::BatchView;
use scrip_engine::command::{BatchChange, Envelope};
use scrip_engine::ids::{ChannelId, StockId};
use scrip_engine::limits::{BATCHES_MAX, BATCHES_PER_ANSWER_MAX, BATCHES_PER_STOCK_MAX, NAME_BYTES_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use std::collections::VecDeque;
use std::rc::Rc;
use zerocopy::little_endian::{U16, U32, U64};

impl Batch {
    /// Whether its unsold keys are gone for good.
    pub fn is_void(&self) -> bool {
        matches!(self.state, BatchState::Void | BatchState::Expired)
    }

    /// Unsold keys whose units are still available or held, though they can't be sold.
    pub fn marked(&self) -> i128 {
        if self.state == BatchState::Active { 0 } else { self.unsold.len() as i128 - self.moved }
    }

    /// Keys imported so far.
    pub fn imported(&self) -> i128 {
        self.unsold.len() as i128 + self.sold + self.void + self.versions
    }

    fn view(&self) -> BatchView {
        let mut supplier = [0; NAME_BYTES_MAX];
        supplier[..self.supplier.len()].copy_from_slice(&self.supplier);
        let wire = |units: i128| U64::new(unsigned(units));
        BatchView {
            cost: U64::new(self.cost),
            expires_ms: U64::new(self.expires_ms),
            imported: wire(self.imported()),
            unsold: wire(self.unsold.len() as i128 - self.moved),
            moved: wire(self.moved),
            sold: wire(self.sold),
            void: wire(self.void),
            batch: U32::new(self.number),
            state: self.state as u8,
            supplier_bytes: self.supplier.len() as u8,
            spare: U16::ZERO,
            supplier,
        }
    }
}

impl Stock {
    /// Positions of the batches in the order of sale: by expiry, never is last, then as they were made.
    pub(super) fn sale_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.batches.len()).collect();
        order.sort_by_key(|batch| match self.batches[*batch].expires_ms {
            0 => u64::MAX,
            expires_ms => expires_ms,
        });
        order
    }

    fn batch(&self, number: u32) -> Option<usize> {
        self.batches.iter().position(|batch| batch.number == number)
    }

    /// Marks were taken: of the batches in the order of sale.
    pub(super) fn take_marks(&mut self, to_void: i128, to_frozen: i128) {
        if !self.keys {
            return;
        }
        let (mut to_void, mut to_frozen) = (to_void, to_frozen);
        for position in self.sale_order() {
            let batch = &mut self.batches[position];
            let left = if batch.is_void() { &mut to_void } else { &mut to_frozen };
            let units = batch.marked().min(*left);
            batch.moved += units;
            *left -= units;
        }
        assert_eq!((to_void, to_frozen), (0, 0), "marks are those of batches");
    }

    /// Units that have become available go where marks wait.
    fn settle(&mut self) {
        let to_void = self.available.min(self.marked_void);
        let to_frozen = (self.available - to_void).min(self.marked_frozen);
        self.available -= to_void + to_frozen;
        self.marked_void -= to_void;
        self.void += to_void;
        self.marked_frozen -= to_frozen;
        self.frozen += to_frozen;
        self.take_marks(to_void, to_frozen);
    }

    /// The unsold keys of an active batch leave available as far as they can; answers how many do at once.
    fn set_aside(&mut self, position: usize, state: BatchState) -> i128 {
        let batch = &mut self.batches[position];
        assert_eq!(batch.state, BatchState::Active);
        let unsold = batch.unsold.len() as i128;
        let at_once = unsold.min(self.available);
        batch.state = state;
        batch.moved = at_once;
        self.available -= at_once;
        if batch.is_void() {
            self.void += at_once;
            self.marked_void += unsold - at_once;
        } else {
            self.frozen += at_once;
            self.marked_frozen += unsold - at_once;
        }
        self.lower_until_available();
        at_once
    }

    /// A batch is void from now on, or has expired; answers the units that move at once.
    fn void_batch(&mut self, position: usize, state: BatchState) -> i128 {
        let batch = &mut self.batches[position];
        if batch.state == BatchState::Active {
            return self.set_aside(position, state);
        }
        let (moved, marked) = (batch.moved, batch.marked());
        batch.state = state;
        self.frozen -= moved;
        self.void += moved;
        self.marked_frozen -= marked;
        self.marked_void += marked;
        moved
    }

    fn unfreeze_batch(&mut self, position: usize) -> i128 {
        let batch = &mut self.batches[position];
        let (moved, marked) = (batch.moved, batch.marked());
        batch.state = BatchState::Active;
        batch.moved = 0;
        self.frozen -= moved;
        self.marked_frozen -= marked;
        self.available += moved;
        self.settle();
        moved
    }

    /// A key that was sold is unsold again, the first of its batch (of a random one, the last of the list); its unit goes
    /// where the batch stands. Answers whether it can be bought.
    pub(super) fn unsell(&mut self, channel: ChannelId, number: u32, key: u32) -> bool {
        let position = self.batch(number).expect("keys have a batch");
        let random = self.seed != 0;
        self.consumed -= 1;
        self.channel_mut(channel).consumed -= 1;
        let batch = &mut self.batches[position];
        batch.sold -= 1;
        if random {
            batch.unsold.push_back(key);
        } else {
            batch.unsold.push_front(key);
        }
        match batch.state {
            BatchState::Active => {
                let before = self.available;
                self.available += 1;
                self.settle();
                self.lower_until_available();
                return self.available > before;
            }
            BatchState::Frozen => self.frozen += 1,
            BatchState::Void | BatchState::Expired => self.void += 1,
        }
        self.batches[position].moved += 1;
        self.lower_guarantee(channel, 1);
        false
    }

    /// Batches whose time this is expire, as they were made.
    pub(super) fn expire_batches(&mut self, due_ms: u64) {
        for position in 0..self.batches.len() {
            let batch = &self.batches[position];
            if batch.expires_ms == due_ms && !batch.is_void() {
                self.void_batch(position, BatchState::Expired);
            }
        }
    }

    fn change(&mut self, id: StockId, number: u32, change: BatchChange, forced: bool) -> OwnedOutcome {
        let Some(position) = self.batch(number) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let batch = &self.batches[position];
        if batch.is_void() {
            return OwnedOutcome::refused(Code::Void);
        }
        let is_active = batch.state == BatchState::Active;
        let fits = match change {
            BatchChange::Freeze => is_active,
            BatchChange::Unfreeze => !is_active,
            BatchChange::Void => true,
        };
        if !fits {
            return OwnedOutcome::refused(Code::NotActive);
        }
        let (unsold, spare) = (batch.unsold.len() as i128, self.available - self.unused());
        if is_active && !forced && unsold.min(self.available) > spare {
            let (asked, available) = (unsigned(unsold), unsigned(spare));
            let facts = OwnedFacts::Units { stock: id, asked, available };
            return OwnedOutcome::Refused { code: Code::ChannelQuota, facts };
        }
        let moved = match change {
            BatchChange::Freeze => self.set_aside(position, BatchState::Frozen),
            BatchChange::Unfreeze => self.unfreeze_batch(position),
            BatchChange::Void => self.void_batch(position, BatchState::Void),
        };
        OwnedOutcome::StockChanged { value: unsigned(moved) }
    }
}

impl Oracle {
    /// BATCH_CREATE, BATCH_CHANGE, KEYS_IMPORT of a keys stock of the merchant.
    pub(super) fn change_batch(
        &mut self,
        envelope: &Envelope,
        stock: StockId,
        command: &OwnedCommand,
    ) -> OwnedOutcome {
        match command {
            OwnedCommand::BatchCreate { .. } => self.create_batch(stock, command),
            OwnedCommand::BatchChange { batch, change, forced, .. } => {
                self.stock_mut(stock).change(stock, *batch, *change, *forced)
            }
            OwnedCommand::KeysImport { batch, texts, sealed, .. } => {
                self.import(envelope, (stock, *batch), texts, &sealed.0)
            }
            other => unreachable!("{other:?} is not about batches"),
        }
    }

    /// The same of a reusable stock: its batches stay as they are, and a text comes alone.
    pub(super) fn change_reusable(
        &mut self,
        envelope: &Envelope,
        stock: StockId,
        command: &OwnedCommand,
    ) -> OwnedOutcome {
        let there = |number: u32| self.stocks[&stock].batch(number).is_some();
        let fits = match command {
            OwnedCommand::BatchCreate { expires_ms, .. } => *expires_ms == 0,
            OwnedCommand::KeysImport { batch, texts, .. } => texts.len() == 1 || !there(*batch),
            _ => false,
        };
        if fits {
            self.change_batch(envelope, stock, command)
        } else {
            OwnedOutcome::refused(Code::RuleFailed)
        }
    }

    fn create_batch(&mut self, stock: StockId, command: &OwnedCommand) -> OwnedOutcome {
        let OwnedCommand::BatchCreate { batch, cost, expires_ms, supplier, .. } = command else {
            unreachable!("called for BATCH_CREATE alone");
        };
        let now_ms = self.now_ms;
        let in_all: usize = self.stocks.values().map(|stock| stock.batches.len()).sum();
        let found = self.stock_mut(stock);
        if found.batch(*batch).is_some() || *expires_ms != 0 && *expires_ms <= now_ms {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        if found.batches.len() >= BATCHES_PER_STOCK_MAX {
            return full(CapacityOf::Batches, BATCHES_PER_STOCK_MAX);
        }
        if in_all >= BATCHES_MAX {
            return full(CapacityOf::Batches, BATCHES_MAX);
        }
        found.batches.push(Batch {
            number: *batch,
            supplier: supplier.clone(),
            cost: *cost,
            expires_ms: *expires_ms,
            state: BatchState::Active,
            unsold: VecDeque::new(),
            moved: 0,
            sold: 0,
            void: 0,
            versions: 0,
        });
        OwnedOutcome::StockChanged { value: u64::from(*batch) }
    }

    fn import(
        &mut self,
        envelope: &Envelope,
        (stock, number): (StockId, u32),
        texts: &[u16],
        sealed: &[u8],
    ) -> OwnedOutcome {
        let Some(position) = self.stocks[&stock].batch(number) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        match self.stocks[&stock].batches[position].state {
            BatchState::Active => {}
            BatchState::Frozen => return OwnedOutcome::refused(Code::Frozen),
            BatchState::Void => return OwnedOutcome::refused(Code::Void),
            BatchState::Expired => return OwnedOutcome::refused(Code::Expired),
        }
        let mut new = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let text = (envelope.merchant.0, envelope.slot.0, *text);
            let is_there = |key: &CardKey| key.text == text;
            if !self.keys.iter().any(is_there) && !new.iter().any(|(_, other)| *other == text) {
                new.push((at, text));
            }
        }
        let bytes = if new.is_empty() { 0 } else { sealed.len() };
        if self.keys.len() + new.len() > self.keys_max {
            return full(CapacityOf::Keys, self.keys_max);
        }
        if self.sealed_bytes + bytes > self.sealed_bytes_max {
            return full(CapacityOf::SealedBytes, self.sealed_bytes_max);
        }
        self.sealed_bytes += bytes;
        let sealed = Rc::new(sealed.to_vec());
        let mut taken = 0;
        for (at, text) in new {
            taken |= 1 << at;
            let key = self.keys.len() as u32;
            self.keys.push(CardKey {
                refusal: None,
                successor: None,
                text,
                sealed: Rc::clone(&sealed),
                position: at as u8,
                operation: envelope.operation,
                stock,
                batch: number,
                state: KeyState::Unsold,
            });
            let found = self.stock_mut(stock);
            if found.reusable {
                found.batches[position].versions += 1;
                found.content = Some(key);
                self.keys[key as usize].state = KeyState::Content;
                continue;
            }
            found.batches[position].unsold.push_back(key);
            found.total += 1;
            found.available += 1;
        }
        if self.stocks[&stock].keys {
            self.stock_mut(stock).settle();
        }
        OwnedOutcome::KeysImported { taken }
    }

    /// BATCHES_SHOW.
    pub(super) fn show_batches(&self, envelope: &Envelope, stock: StockId, from: u32) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some(found) = self.own_stock(envelope, stock) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        if !found.keys && !found.reusable {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let page = found.sale_order().into_iter().skip(from as usize).take(BATCHES_PER_ANSWER_MAX);
        OwnedOutcome::Batches {
            total: found.batches.len() as u32,
            batches: page.map(|batch| found.batches[batch].view()).collect(),
        }
    }
}

fn full(of: CapacityOf, maximum: usize) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum as u64) }
}
