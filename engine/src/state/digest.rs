//! A digest of the whole state: two engines with the same digest are the same engine, bit for bit.
//!
//! Covers every record under its handle, the free lists and the slices, since they decide what the next event does.
//! Leaves out what is derived and may differ: hash indexes (their seed) and timer lists (when the wheel was turned).

use super::State;
use super::memory::Plain;
use super::table::Table;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::IntoBytes;

impl State {
    /// The digest.
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        let rules = &self.rules;
        let numbers = [
            self.now_ms,
            self.floor_ms,
            self.sequence,
            rules.operation_window_ms,
            rules.operation_window_min_ms,
            rules.late_confirm_ms,
        ];
        hash.update(numbers.as_bytes());
        for stock in &self.stocks {
            let (units, terms) = (&stock.units, &stock.terms);
            let numbers = [
                stock.id.0,
                u64::from(stock.merchant.0),
                u64::from(stock.version),
                stock.moved_out,
                terms.opens_ms,
                terms.closes_ms,
                u64::from(terms.limit_per_user),
                u64::from(terms.frozen),
                units.total,
                units.available,
                units.held,
                units.consumed,
                units.frozen,
                units.void,
                units.marked_frozen,
                units.marked_void,
            ];
            hash.update(numbers.as_bytes());
            hash.update([u8::from(stock.once_per_order)].as_bytes());
            hash.update(stock.name());
            hash.update(stock.sale_order.batches().as_bytes());
            hash.update(stock.limits.as_bytes());
            hash.update(stock.span_limits.as_bytes());
            hash.update(&[u8::from(stock.clock_fixed)]);
            hash.update(stock.prices.as_bytes());
            hash.update(stock.sale_order.chance().as_bytes());
            hash.update(stock.content.as_bytes());
            for channel in stock.channels.list() {
                let numbers = [
                    u64::from(channel.channel.0),
                    channel.guaranteed,
                    channel.cap,
                    channel.lapses_ms,
                    channel.held,
                    channel.consumed,
                    channel.moved_out,
                    channel.owed,
                ];
                hash.update(numbers.as_bytes());
            }
        }
        self.digest_keys(&mut hash);
        feed(&mut hash, &self.holds);
        feed(&mut hash, &self.extra_lines);
        self.digest_order_holds(&mut hash);
        feed(&mut hash, &self.operations);
        self.digest_campaigns(&mut hash);
        self.digest_cards(&mut hash);
        self.digest_issue_times(&mut hash);
        feed(&mut hash, &self.redemptions);
        self.digest_lots(&mut hash);
        self.digest_gifts(&mut hash);
        self.digest_given_codes(&mut hash);
        self.digest_groups(&mut hash);
        self.digest_sharing(&mut hash);
        self.digest_notices(&mut hash);
        self.digest_persons(&mut hash);
        self.digest_labels(&mut hash);
        feed(&mut hash, &self.limits);
        feed(&mut hash, &self.counts);
        self.digest_risk(&mut hash);
        self.digest_zones(&mut hash);
        hash.update(self.debts.next_age().as_bytes());
        for (age, debt) in self.debts.by_age() {
            hash.update(age.as_bytes());
            hash.update(debt.hold.0.as_bytes());
            if debt.key().is_some() {
                hash.update(debt.key.as_bytes());
                hash.update(self.debts.deadline_ms(debt).as_bytes());
            }
        }
        for (hold, until_ms) in self.debts.remembered() {
            hash.update(hold.0.as_bytes());
            hash.update(until_ms.as_bytes());
        }
        self.slices.visit(|slice, first, last| {
            hash.update(slice.as_bytes());
            hash.update([first, last].as_bytes());
        });
        hash.digest()
    }
}

impl State {
    fn digest_risk(&self, hash: &mut Xxh3) {
        for ((merchant, slot), book) in &self.risk.books {
            hash.update([merchant.0, u32::from(slot.0), book.rules.len() as u32].as_bytes());
            for found in &book.rules {
                hash.update(found.rule.as_bytes());
                hash.update(found.revision.as_bytes());
            }
            for block in book.blocks.values() {
                hash.update(block.as_bytes());
            }
        }
        feed(hash, &self.risk.counts);
        hash.update(self.risk.ends().as_bytes());
    }

    fn digest_issue_times(&self, hash: &mut Xxh3) {
        for (handle, record) in self.operations.iter().filter(|(_, record)| record.has_more()) {
            let times = self.cards.issue_times(handle);
            hash.update(record.operation.as_bytes());
            hash.update(times.as_bytes());
        }
    }

    fn digest_zones(&self, hash: &mut Xxh3) {
        for found in self.zones.list() {
            let (merchant, slot) = found.owner;
            hash.update([merchant.0, u32::from(slot.0), found.version].as_bytes());
            hash.update(&found.name);
            found.zone.transitions().for_each(|transition| hash.update(transition.as_bytes()));
        }
    }

    fn digest_keys(&self, hash: &mut Xxh3) {
        feed(hash, &self.keys.records);
        for batch in &self.keys.batches {
            let numbers = [
                u64::from(batch.number),
                u64::from(batch.stock.0),
                batch.state as u64,
                batch.cost,
                batch.expires_ms,
                batch.imported,
                batch.unsold,
                batch.moved,
                batch.sold,
                batch.void,
            ];
            hash.update(numbers.as_bytes());
            hash.update(batch.supplier());
            hash.update(batch.shuffled().as_bytes());
        }
        for chunk in 0..self.keys.chunks().len() as u32 {
            let (chunk, sealed) = self.keys.chunk(chunk);
            hash.update(chunk.operation.0.as_bytes());
            hash.update(chunk.stock.0.as_bytes());
            hash.update(sealed);
        }
    }
}

pub(super) fn feed<T: Plain>(hash: &mut Xxh3, table: &Table<T>) {
    for (_, record) in table.iter() {
        hash.update(record.as_bytes());
    }
    for handles in table.free_handles() {
        hash.update(handles.as_bytes());
    }
}
