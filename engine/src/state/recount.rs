//! Recounting: every counter is computed again from the records and compared.
//!
//! Recovery does it before the server listens, `scrip verify` on a data directory, tests after every few commands.

use super::State;
use super::keys::{BatchState, KeyState};
use super::records::{Counted, HoldRecord};
use super::stock::Stock;
use super::table::{Handle, NONE};
use crate::answer::HoldState;
use crate::command::{CardState, SubjectKind};
use crate::ids::{ChannelId, StockId};

/// A counter that differs from the records behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecountError {
    /// A bucket of a stock.
    #[error("stock {stock} counts {counted} {bucket} units, its holds have {records}")]
    Stock {
        /// The stock.
        stock: StockId,
        /// The bucket.
        bucket: &'static str,
        /// The counter.
        counted: u64,
        /// The sum over the records.
        records: u64,
    },
    /// The buckets of a stock do not add up to its total.
    #[error("the buckets of stock {0} do not add up to its total")]
    Law(StockId),
    /// What a channel has used of a stock.
    #[error("channel {channel} counts {counted} {bucket} units of stock {stock}, the holds have {records}")]
    Channel {
        /// The stock.
        stock: StockId,
        /// The channel.
        channel: u16,
        /// The bucket.
        bucket: &'static str,
        /// The counter.
        counted: u64,
        /// The sum over the records.
        records: u64,
    },
    /// More is guaranteed to channels than the stock has available, or the kept sum of it is wrong.
    #[error("the guarantees of stock {0} do not add up, or are not there")]
    Guarantees(StockId),
    /// What a batch of card keys counts.
    #[error("batch {batch} of stock {stock} counts {counted} {bucket} keys, its records are {records}")]
    Batch {
        /// The stock.
        stock: StockId,
        /// The batch's number.
        batch: u32,
        /// The state.
        bucket: &'static str,
        /// The counter.
        counted: u64,
        /// The records.
        records: u64,
    },
    /// The keys of a stock do not make up its units.
    #[error("the keys of stock {0} do not make up its units")]
    Keys(StockId),
    /// A purchase limit entry.
    #[error(
        "{kind:?} {subject:x} counts {counted} {bucket} units of stock {stock}, the holds have {records}"
    )]
    Limit {
        /// What the subject is.
        kind: SubjectKind,
        /// The subject.
        subject: u128,
        /// Which of its counters.
        bucket: &'static str,
        /// The stock.
        stock: StockId,
        /// The counter.
        counted: u64,
        /// The sum over the records.
        records: u64,
    },
    /// The number of records of one kind that an index or the timer wheel knows.
    #[error("{what}: {counted} are known, {records} exist")]
    Records {
        /// Which records.
        what: &'static str,
        /// Known to the index.
        counted: u64,
        /// In the table.
        records: u64,
    },
}

/// What the lines say of a purchase limit entry.
#[derive(Clone, Copy, Default)]
struct Entry {
    units: u64,
    lines: u64,
    held: u64,
    today: u64,
}

#[derive(Clone, Default)]
struct Sums {
    held: u64,
    consumed: u64,
    /// By channel.
    channels: Vec<(ChannelId, Use)>,
}

/// What the holds of one channel have of a stock.
#[derive(Clone, Copy, Default)]
struct Use {
    held: u64,
    consumed: u64,
    owed: u64,
}

impl Sums {
    fn add(&mut self, channel: ChannelId, line: Use) {
        self.held += line.held;
        self.consumed += line.consumed;
        let position = self.channels.iter().position(|found| found.0 == channel);
        let position = position.unwrap_or_else(|| {
            self.channels.push((channel, Use::default()));
            self.channels.len() - 1
        });
        let sum = &mut self.channels[position].1;
        sum.held += line.held;
        sum.consumed += line.consumed;
        sum.owed += line.owed;
    }

    /// Of what a channel has consumed, so much is void; answers whether it had as much.
    fn take_consumed(&mut self, channel: ChannelId, units: u64) -> bool {
        let Some((_, found)) = self.channels.iter_mut().find(|found| found.0 == channel) else {
            return false;
        };
        let Some(left) = found.consumed.checked_sub(units) else { return false };
        found.consumed = left;
        self.consumed -= units;
        true
    }

    fn of(&self, channel: ChannelId) -> Use {
        let found = self.channels.iter().find(|found| found.0 == channel);
        found.map_or(Use::default(), |found| found.1)
    }
}

impl State {
    /// Compares every counter with the records.
    pub fn recount(&self) -> Result<(), RecountError> {
        let mut stocks = vec![Sums::default(); self.stocks.len()];
        let mut limits: Vec<Entry> = Vec::new();
        let (mut holds, mut full_lines) = (0u64, 0u64);
        let mut held_holds = 0u64;
        let (mut debts, mut owed_keys, mut extra_lines) = (0u64, 0u64, 0u64);
        for (_, hold) in self.holds.iter().filter(|(_, hold)| hold.state != 0) {
            holds += 1;
            held_holds += u64::from(hold.state() == HoldState::Held);
            debts += u64::from(hold.state() == HoldState::Owed);
            owed_keys += u64::from(hold.flags & HoldRecord::OWED_KEY != 0);
            extra_lines += hold.line_count() as u64 - 1;
            extra_lines += self.quote_of(hold).map_or(0, |quote| quote.records());
            for line in self.lines(hold) {
                let mut of_line = Use::default();
                match hold.state() {
                    HoldState::Held => of_line.held = u64::from(line.current),
                    HoldState::Confirmed => {
                        of_line.owed = self.owed_places(hold, self.keys_of(line));
                        of_line.consumed = u64::from(line.current - line.returned) - of_line.owed;
                        debts += of_line.owed;
                    }
                    HoldState::Owed => of_line.owed = u64::from(line.asked()),
                    _ => {}
                }
                if line.stock != NONE {
                    // Cards that were sold count themselves.
                    let consumed = if self.is_of_cards(line) { 0 } else { of_line.consumed };
                    stocks[line.stock as usize].add(hold.channel(), Use { consumed, ..of_line });
                }
                let fully = matches!(Counted::of(line.limit), Counted::Fully(_));
                full_lines += u64::from(fully);
                self.add_counts((line.limit, line.stock, hold.reserved_ms), of_line, &mut limits);
            }
        }
        for (stock, member) in self.groups.waiting() {
            let of_member = Use { held: 1, ..Use::default() };
            stocks[stock.0 as usize].add(member.channel(), of_member);
            full_lines += u64::from(matches!(Counted::of(member.limit), Counted::Fully(_)));
            self.add_counts((member.limit, stock.0, member.joined_ms), of_member, &mut limits);
        }
        self.add_cards(&mut stocks)?;
        self.compare_stocks(&stocks)?;
        self.compare_limits(&limits)?;
        self.compare_keys()?;
        self.compare_order_lines()?;
        self.compare_order_holds()?;
        self.compare_debts(debts)?;
        same("holds that were owed a key", self.debts.remembered().count() as u64, owed_keys)?;
        self.compare_campaigns()?;
        self.compare_cards()?;
        self.compare_endings()?;
        let redemptions = self.compare_redemptions()?;
        self.compare_lots()?;
        self.compare_gifts()?;
        self.compare_given_codes()?;
        self.compare_groups()?;
        self.compare_sharing()?;
        self.compare_notices()?;
        self.compare_persons()?;
        self.compare_labels()?;
        let operations = u64::from(self.operations.used());
        same("operation ids", u64::from(self.record_index.used()), holds + operations + redemptions)?;
        same("holds", u64::from(self.holds.used()), holds)?;
        same("further lines of holds", u64::from(self.extra_lines.used()), extra_lines)?;
        same("lines that count fully", u64::from(self.counts.used()), full_lines)?;
        same("risk counts", u64::from(self.risk.indexed()), u64::from(self.risk.counts.used()))?;
        if self.timers.started() {
            same("deadlines", u64::from(self.timers.held()), held_holds)?;
        }
        Ok(())
    }

    /// What a line says of the purchase limits that it counts in.
    fn add_counts(
        &self,
        (limit, stock, reserved_ms): (u32, u32, u64),
        of_line: Use,
        limits: &mut Vec<Entry>,
    ) {
        let fully = matches!(Counted::of(limit), Counted::Fully(_));
        let own = self.entries(limit).into_iter().filter(|entry| *entry != NONE).map(Handle);
        for handle in own.chain(self.span_entries(limit)) {
            let (entry, index) = (self.limits.get(handle), handle.0 as usize);
            if limits.len() <= index {
                limits.resize(index + 1, Entry::default());
            }
            let sum = &mut limits[index];
            let units = of_line.held + of_line.consumed + of_line.owed;
            sum.units += units;
            sum.lines += 1;
            if fully {
                sum.held += of_line.held;
                let day = self.day_of(self.stock(Handle(stock)), reserved_ms);
                let today = entry.number_of_day(day) == entry.day;
                sum.today += if today { units } else { 0 };
            }
        }
    }

    /// What campaigns have issued and not voided is consumed, through the channel that issued it.
    fn add_cards(&self, sums: &mut [Sums]) -> Result<(), RecountError> {
        let consumed = |consumed: u64| Use { consumed, ..Use::default() };
        let mut void = std::collections::BTreeMap::<(u32, u16), u64>::new();
        for (handle, card) in self.cards.iter() {
            let (campaign, serial) = self.cards.place(handle);
            let campaign = self.campaigns.get(campaign);
            let is_alone = card.owner != 0 || campaign.batch_of(serial).is_none();
            if is_alone {
                sums[campaign.stock.0 as usize].add(ChannelId(card.channel), consumed(1));
            }
            // Of a whole that has ended, what is consumed are its used cards.
            let is_used = card.state() == CardState::Used;
            let of_whole = self.has_ended(handle);
            if card.state() == CardState::Void && !of_whole || of_whole && !is_used && is_alone {
                *void.entry((campaign.stock.0, card.channel)).or_default() += 1;
            }
        }
        for (_, campaign) in self.campaigns.iter() {
            for batch in &campaign.batches {
                let of_whole = campaign.has_ended(batch.first, true);
                let count = if of_whole { batch.used } else { batch.count };
                sums[campaign.stock.0 as usize].add(batch.channel, consumed(u64::from(count)));
            }
        }
        for ((stock, channel), cards) in void {
            let there = sums[stock as usize].take_consumed(ChannelId(channel), cards);
            same("void cards that were issued", u64::from(there), 1)?;
        }
        Ok(())
    }

    fn compare_stocks(&self, sums: &[Sums]) -> Result<(), RecountError> {
        for (stock, sum) in self.stocks.iter().zip(sums) {
            let units = &stock.units;
            let differs = |bucket, counted, records| {
                if counted == records {
                    Ok(())
                } else {
                    Err(RecountError::Stock { stock: stock.id, bucket, counted, records })
                }
            };
            differs("held", units.held, sum.held)?;
            differs("consumed", units.consumed, sum.consumed + stock.moved_out)?;
            compare_channels(stock, sum)?;
            if units.available + units.held + units.consumed + units.frozen + units.void != units.total
                || units.marked_void + units.marked_frozen > units.held
            {
                return Err(RecountError::Law(stock.id));
            }
        }
        Ok(())
    }

    /// Keys of a line whose replacements are owed.
    fn owed_places(&self, hold: &HoldRecord, first: u32) -> u64 {
        if hold.flags & HoldRecord::OWED_KEY == 0 {
            return 0;
        }
        self.keys.line(first).filter(|(_, key)| key.is_owed()).count() as u64
    }

    /// Every owed hold and owed place has its age, its deadline and its place in each of its queues.
    fn compare_debts(&self, debts: u64) -> Result<(), RecountError> {
        let known = self.debts.by_age().collect::<Vec<_>>();
        same("debts", known.len() as u64, debts)?;
        same("deadlines of debts", self.debts.deadlines() as u64, debts)?;
        let (mut claims, mut units) = (0u64, 0u64);
        for (age, debt) in known {
            let hold = self.holds.get(debt.hold);
            let is_owed = match debt.key() {
                None => hold.state() == HoldState::Owed,
                Some(key) => {
                    let key = self.keys.records.get(key);
                    let flagged = hold.flags & HoldRecord::OWED_KEY != 0;
                    hold.state() == HoldState::Confirmed
                        && flagged
                        && key.is_owed()
                        && key.hold == debt.hold.0
                }
            };
            same("what is owed by a debt", 1, u64::from(is_owed))?;
            for (stock, claimed) in self.claims_of(debt) {
                units += claimed;
                claims += 1;
                let at = self.debts.position_of(stock, age);
                let claim = self.debts.claims_on(stock, at).next();
                let is_its =
                    claim.is_some_and(|claim| (claim.age, claim.debt, claim.units) == (age, debt, claimed));
                same("claims of a debt", u64::from(is_its), 1)?;
            }
        }
        same("claims", u64::from(self.debts.claims()), claims)?;
        let owed: u64 = self.stocks.iter().flat_map(|stock| stock.channels.list()).map(|of| of.owed).sum();
        same("units owed", owed, units)
    }

    fn compare_keys(&self) -> Result<(), RecountError> {
        let mut sums = vec![[0u64; 4]; self.keys.batches.len()];
        for (_, key) in self.keys.records.iter() {
            sums[self.keys.batch_of(key) as usize][usize::from(key.state)] += 1;
        }
        for (batch, sum) in self.keys.batches.iter().zip(&sums) {
            let stock = self.stock(batch.stock).id;
            let differs = |bucket, counted, records| {
                let batch = batch.number;
                if counted == records {
                    Ok(())
                } else {
                    Err(RecountError::Batch { stock, batch, bucket, counted, records })
                }
            };
            differs("unsold", batch.unsold, sum[KeyState::Unsold as usize])?;
            differs("sold", batch.sold, sum[KeyState::Sold as usize])?;
            differs("void", batch.void, sum[KeyState::Void as usize])?;
            differs("imported", batch.imported, sum.iter().sum())?;
            differs("queued", batch.unsold, self.keys.unsold(batch).count() as u64)?;
        }
        for stock in self.stocks.iter().filter(|stock| stock.keys) {
            self.compare_units_of_keys(stock)?;
        }
        same("card keys", u64::from(self.keys.indexed()), u64::from(self.keys.records.used()))
    }

    /// Keys that can be sold make up available and held, whatever marks wait; the rest lies where its batch sent it.
    fn compare_units_of_keys(&self, stock: &Stock) -> Result<(), RecountError> {
        let batches = stock.sale_order.batches().iter().map(|batch| &self.keys.batches[*batch as usize]);
        let (mut live, mut sold, mut frozen, mut void, mut marked) = (0, 0, 0, 0, (0, 0));
        for batch in batches {
            live += batch.unsold - batch.moved;
            sold += batch.sold;
            void += batch.void;
            match batch.state {
                BatchState::Active => {}
                BatchState::Frozen => (frozen, marked.1) = (frozen + batch.moved, marked.1 + batch.marked()),
                BatchState::Void | BatchState::Expired => {
                    (void, marked.0) = (void + batch.moved, marked.0 + batch.marked());
                }
            }
        }
        let units = &stock.units;
        let made_up = live == units.available + units.held
            && (sold, frozen, void) == (units.consumed, units.frozen, units.void)
            && marked == (units.marked_void, units.marked_frozen)
            && (marked == (0, 0) || units.available == 0);
        if made_up { Ok(()) } else { Err(RecountError::Keys(stock.id)) }
    }

    fn compare_limits(&self, sums: &[Entry]) -> Result<(), RecountError> {
        let mut entries = 0u64;
        for (Handle(index), entry) in self.limits.iter().filter(|(_, entry)| entry.subject != 0) {
            entries += 1;
            let sum = sums.get(index as usize).copied().unwrap_or_default();
            let differs = |bucket, counted: u32, records: u64| {
                let (kind, subject, stock) =
                    (entry.kind(), entry.subject, self.stock(Handle(entry.stock)).id);
                let counted = u64::from(counted);
                if counted == records {
                    Ok(())
                } else {
                    Err(RecountError::Limit { kind, subject, bucket, stock, counted, records })
                }
            };
            differs("held and consumed", entry.units, sum.units + u64::from(entry.moved_out))?;
            differs("held", entry.held, sum.held)?;
            differs("day's", entry.today, sum.today + u64::from(entry.today_moved_out))?;
            same("lines of a purchase limit", u64::from(entry.lines), sum.lines)?;
        }
        same("purchase limits", u64::from(self.limit_index.used()), entries)?;
        same("purchase limits", u64::from(self.limits.used()), entries)
    }
}

fn compare_channels(stock: &Stock, sum: &Sums) -> Result<(), RecountError> {
    for found in stock.channels.list() {
        let differs = |bucket, counted, records| {
            let (stock, channel) = (stock.id, found.channel.0);
            if counted == records {
                Ok(())
            } else {
                Err(RecountError::Channel { stock, channel, bucket, counted, records })
            }
        };
        let of_holds = sum.of(found.channel);
        differs("held", found.held, of_holds.held)?;
        differs("consumed", found.consumed, of_holds.consumed + found.moved_out)?;
        differs("owed", found.owed, of_holds.owed)?;
    }
    let list = stock.channels.list();
    let used: u64 = list.iter().map(|found| found.used()).sum();
    let unused: u64 = list.iter().map(|found| found.unused()).sum();
    let kept = stock.channels.unused_guarantees();
    if used != stock.units.held + stock.units.consumed || unused != kept || unused > stock.units.available {
        return Err(RecountError::Guarantees(stock.id));
    }
    Ok(())
}

pub(super) fn same(what: &'static str, counted: u64, records: u64) -> Result<(), RecountError> {
    if counted == records { Ok(()) } else { Err(RecountError::Records { what, counted, records }) }
}
