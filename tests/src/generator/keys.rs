//! Drawing commands on card keys: few batches, near expiries, texts that come twice, keys of this hold and of others.
//!
//! Invariant: what is drawn is well formed; whether it makes sense is for engine and oracle to say.

use super::Generator;
use super::commands::key_beside;
use super::plan::Kind;
use crate::oracle::{Hold, KeyState, Oracle, Stock};
use crate::request::{OwnedCommand, OwnedRequest, Sealed};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{BatchChange, Envelope, StockKind};
use scrip_engine::ids::{MerchantId, OperationId, Slot, StockId};
use scrip_engine::limits::KEYS_PER_CHUNK_MAX;

impl Generator {
    /// A batch and some keys, if `request` makes a keys stock; the last of them comes first.
    pub(super) fn first_keys(&mut self, request: &OwnedRequest) -> Vec<OwnedRequest> {
        let OwnedCommand::StockCreate { stock, kind, .. } = request.command else { return Vec::new() };
        if kind == StockKind::Counter {
            return Vec::new();
        }
        let mut commands = vec![self.create_batch(stock, 1)];
        for _ in 0..self.rng.usize(0..3) {
            let import = self.import(stock, 1);
            commands.push(if kind == StockKind::Reusable { alone(import) } else { import });
        }
        let envelope = request.envelope;
        let mut requests: Vec<OwnedRequest> = commands
            .into_iter()
            .map(|command| OwnedRequest {
                envelope: self.envelope_at(envelope.merchant, envelope.slot),
                command,
            })
            .collect();
        requests.reverse();
        requests
    }

    /// A hold on card keys gets into need: its batch is frozen or voided, or it is confirmed when that has happened.
    pub(super) fn pinched(&mut self, oracle: &Oracle) -> Option<OwnedRequest> {
        let mut held = Vec::new();
        for ((merchant, slot, operation), record) in &oracle.records {
            let hold = record.hold.as_ref().filter(|hold| hold.state == HoldState::Held);
            for line in hold.into_iter().flat_map(|hold| &hold.lines).filter(|line| line.reserved > 0) {
                if oracle.stocks[&line.stock].keys {
                    held.push((MerchantId(*merchant), Slot(*slot), OperationId(*operation), line.stock));
                }
            }
        }
        if held.is_empty() {
            return None;
        }
        let (merchant, slot, operation, id) = *self.choose(&held);
        let stock = &oracle.stocks[&id];
        let mut envelope = self.envelope(oracle, merchant, slot);
        let command = if stock.marked_void + stock.marked_frozen > 0 && self.rng.u8(0..3) > 0 {
            envelope.operation = operation;
            let units = self.line_units(oracle, &envelope, operation, Hold::all_reserved);
            OwnedCommand::Confirm { units, hidden: self.happens(self.plan.chances.hidden) }
        } else {
            let change = *self.choose(&[BatchChange::Freeze, BatchChange::Freeze, BatchChange::Void]);
            let batch = self.batch(Some(stock));
            OwnedCommand::BatchChange { stock: id, batch, change, forced: true }
        };
        Some(OwnedRequest { envelope, command })
    }

    /// BATCH_CREATE, BATCH_CHANGE, KEYS_IMPORT, KEYS_EXPORT, KEYS_LIST, BATCHES_SHOW.
    pub(super) fn batch_command(&mut self, id: StockId, stock: Option<&Stock>, kind: Kind) -> OwnedCommand {
        let batch = self.batch(stock);
        match kind {
            Kind::BatchCreate => {
                let made = stock.map_or(0, |stock| stock.batches.len() as u32);
                let number = if self.rng.u8(0..4) == 0 { batch } else { made.min(5) + 1 };
                self.create_batch(id, number)
            }
            Kind::BatchChange => {
                let changes =
                    [BatchChange::Freeze, BatchChange::Unfreeze, BatchChange::Freeze, BatchChange::Unfreeze];
                let change = if self.rng.u8(0..6) == 0 { BatchChange::Void } else { *self.choose(&changes) };
                let forced = self.happens(self.plan.chances.forced);
                OwnedCommand::BatchChange { stock: id, batch, change, forced }
            }
            Kind::KeysImport => {
                let import = self.import(id, batch);
                let one = stock.is_some_and(|stock| stock.reusable) && self.rng.u8(0..6) > 0;
                if one { alone(import) } else { import }
            }
            Kind::KeysExport | Kind::KeysList => {
                let (batch, from) = (self.rng.bool().then_some(batch), self.first_listed());
                match kind {
                    Kind::KeysExport => OwnedCommand::KeysExport { stock: id, batch, from },
                    _ => OwnedCommand::KeysList { stock: id, batch, from },
                }
            }
            _ => OwnedCommand::BatchesShow { stock: id, from: *self.choose(&[0, 0, 0, 1, 2, u32::MAX]) },
        }
    }

    fn first_listed(&mut self) -> u32 {
        let any = self.rng.u32(0..200);
        *self.choose(&[0, 0, any, u32::MAX])
    }

    fn batch(&mut self, stock: Option<&Stock>) -> u32 {
        let numbers: Vec<u32> =
            stock.map_or(Vec::new(), |stock| stock.batches.iter().map(|batch| batch.number).collect());
        if numbers.is_empty() || self.rng.u8(0..12) == 0 {
            return self.rng.u32(0..6);
        }
        // Those that are not void yet, mostly.
        let living = stock.into_iter().flat_map(|stock| &stock.batches).filter(|batch| !batch.is_void());
        let living: Vec<u32> = living.map(|batch| batch.number).collect();
        if living.is_empty() || self.rng.u8(0..6) == 0 {
            *self.choose(&numbers)
        } else {
            *self.choose(&living)
        }
    }

    fn create_batch(&mut self, stock: StockId, batch: u32) -> OwnedCommand {
        let soon_ms = self.now_ms + self.rng.u64(1..40);
        let later_ms = self.now_ms + self.rng.u64(1..3_000);
        let far_ms = self.now_ms + 10_000_000;
        let expiries = [0, 0, 0, far_ms, far_ms, soon_ms, later_ms, later_ms, self.now_ms, self.now_ms + 1];
        OwnedCommand::BatchCreate {
            stock,
            batch,
            cost: self.rng.u64(0..3),
            expires_ms: *self.choose(&expiries),
            supplier: vec![b'a'; self.rng.usize(1..=64)],
        }
    }

    fn import(&mut self, stock: StockId, batch: u32) -> OwnedCommand {
        let most = *self.choose(&[2, 6, 6, 20, KEYS_PER_CHUNK_MAX]);
        let count = self.rng.usize(1..=most);
        let texts = (0..count).map(|_| self.rng.u16(0..self.plan.texts)).collect();
        let sealed = (0..self.rng.usize(0..40)).map(|_| self.rng.u8(..)).collect();
        OwnedCommand::KeysImport { stock, batch, texts, sealed: Sealed(sealed) }
    }

    /// REVEAL, KEY_REPLACE, KEY_RECLAIM, KEYS_READ.
    pub(super) fn hold_of_keys(
        &mut self,
        oracle: &Oracle,
        envelope: &mut Envelope,
        kind: Kind,
    ) -> OwnedCommand {
        let mut hold = self.hold(envelope, oracle, &[HoldState::Confirmed]);
        // Only what nobody has seen can be reclaimed: those mostly.
        let unseen_only = kind == Kind::KeyReclaim && self.rng.u8(0..4) > 0;
        // Only a key that is not void yet can be replaced.
        let whole_only = kind == Kind::KeyReplace && self.rng.u8(0..8) > 0;
        let whole = |hold: &Hold| {
            let mut keys = hold.keys().map(|place| oracle.keys[place.key as usize].state);
            hold.state == HoldState::Confirmed && keys.any(|state| state == KeyState::Sold)
        };
        let wanted =
            |hold: &Hold| (!unseen_only || hold.hidden && !hold.revealed) && (!whole_only || whole(hold));
        let with_keys: Vec<_> = oracle
            .records
            .iter()
            .filter(|(_, record)| record.hold.as_ref().is_some_and(|hold| hold.has_keys() && wanted(hold)))
            .map(|(key, _)| *key)
            .collect();
        if !with_keys.is_empty() && self.rng.u8(0..8) > 0 {
            let (merchant, slot, operation) = *self.choose(&with_keys);
            envelope.merchant.0 = merchant;
            envelope.slot.0 = slot;
            hold.0 = operation;
        }
        if kind == Kind::Reveal {
            return OwnedCommand::Reveal { hold };
        }
        let record = oracle.records.get(&key_beside(envelope, hold));
        let found = record.and_then(|record| record.hold.as_ref());
        let keys: Vec<u32> = found.map_or(Vec::new(), |hold| hold.keys().map(|place| place.key).collect());
        if kind == Kind::KeysRead {
            let from = self.rng.u32(0..=keys.len() as u32 + 1);
            return OwnedCommand::KeysRead { hold, from: *self.choose(&[0, from, u32::MAX]) };
        }
        let any = self.rng.u32(0..=oracle.keys.len() as u32);
        // The same place again and again, so that its replacements run out.
        let first = keys.first().copied().unwrap_or(any);
        let one = if keys.is_empty() { any } else { *self.choose(&keys) };
        let key = *self.choose(&[first, first, one, one, any]);
        if kind == Kind::KeyReclaim {
            return OwnedCommand::KeyReclaim { hold, key, reason: 1 };
        }
        OwnedCommand::KeyReplace { hold, key, reason: 1 }
    }

    /// The same command on keys with one thing changed.
    pub(super) fn altered_keys(&mut self, command: OwnedCommand) -> OwnedCommand {
        match command {
            OwnedCommand::BatchCreate { stock, batch, cost, expires_ms, supplier } => {
                OwnedCommand::BatchCreate { stock, batch, cost: cost + 1, expires_ms, supplier }
            }
            OwnedCommand::BatchChange { stock, batch, change, forced } => {
                OwnedCommand::BatchChange { stock, batch, change, forced: !forced }
            }
            OwnedCommand::KeysImport { stock, batch, mut texts, sealed } => {
                if self.rng.bool() {
                    texts[0] ^= 1;
                    return OwnedCommand::KeysImport { stock, batch, texts, sealed };
                }
                // Sealed anew: the same content.
                let sealed = Sealed(sealed.0.iter().map(|byte| !byte).collect());
                OwnedCommand::KeysImport { stock, batch, texts, sealed }
            }
            OwnedCommand::KeyReplace { hold, key, reason } => {
                OwnedCommand::KeyReplace { hold, key, reason: reason + 1 }
            }
            OwnedCommand::KeyReclaim { hold, key, reason } => {
                OwnedCommand::KeyReclaim { hold, key, reason: reason + 1 }
            }
            OwnedCommand::KeysExport { stock, batch, from } => {
                // Reading on is the same content, another batch is not.
                if self.rng.bool() {
                    return OwnedCommand::KeysExport { stock, batch, from: from / 2 + 1 };
                }
                OwnedCommand::KeysExport { stock, batch: batch.xor(Some(1)), from }
            }
            OwnedCommand::KeysRead { hold, from } => OwnedCommand::KeysRead { hold, from: from ^ 1 },
            other => other,
        }
    }
}

/// The same import of its first text alone.
fn alone(mut import: OwnedCommand) -> OwnedCommand {
    if let OwnedCommand::KeysImport { texts, .. } = &mut import {
        texts.truncate(1);
    }
    import
}
