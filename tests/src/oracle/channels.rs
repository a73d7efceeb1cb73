//! The oracle on channels: what each has used of a stock, its guarantee, its cap, and STOCK_QUOTA.
//!
//! Invariant: what is counted for a channel changes only here, in step with the buckets of its stock.

use super::{Channel, Oracle, Stock};
use crate::oracle::stocks::unsigned;
use crate::outcome::{OwnedFacts, OwnedOutcome};
use scrip_engine::answer::ChannelView;
use scrip_engine::command::{Envelope, Quota};
use scrip_engine::ids::{ChannelId, StockId};
use scrip_engine::limits::CHANNELS_PER_STOCK_MAX;
use scrip_engine::rejection::{CapacityOf, Code};
use std::cmp::Reverse;
use zerocopy::little_endian::{U16, U64};

impl Channel {
    /// No units, no guarantee, no cap.
    fn unknown() -> Channel {
        Channel { guaranteed: 0, cap: i128::from(Quota::NO_CAP), lapses_ms: 0, held: 0, consumed: 0 }
    }

    /// Units used: held plus consumed.
    pub fn used(&self) -> i128 {
        self.held + self.consumed
    }

    /// Units of the guarantee that are not used.
    pub fn unused(&self) -> i128 {
        (self.guaranteed - self.used()).max(0)
    }
}

impl Stock {
    /// What is counted for `channel`.
    pub fn channel(&self, channel: ChannelId) -> Channel {
        self.channels.get(&channel).cloned().unwrap_or_else(Channel::unknown)
    }

    /// The same, to be changed: from here on the stock knows the channel.
    pub(super) fn channel_mut(&mut self, channel: ChannelId) -> &mut Channel {
        self.channels.entry(channel).or_insert_with(Channel::unknown)
    }

    /// Unused guarantees of all channels.
    pub fn unused(&self) -> i128 {
        self.channels.values().map(Channel::unused).sum()
    }

    /// Units leave available, for a hold of `channel` or sold through it.
    pub(super) fn take(&mut self, channel: ChannelId, units: i128, sold: bool) {
        if units == 0 {
            return;
        }
        self.available -= units;
        let of_channel = self.channel_mut(channel);
        if sold {
            of_channel.consumed += units;
            self.consumed += units;
        } else {
            of_channel.held += units;
            self.held += units;
        }
    }

    /// Units left held or consumed for void or frozen: nobody can use them any more, so nobody is guaranteed them.
    pub(super) fn lower_guarantee(&mut self, channel: ChannelId, units: i128) {
        if units > 0 {
            let channel = self.channel_mut(channel);
            channel.guaranteed = (channel.guaranteed - units).max(0);
        }
    }

    /// After a forced change: the largest unused guarantee is lowered first, the lowest channel among equals, until
    /// what is still guaranteed is there.
    pub(super) fn lower_until_available(&mut self) {
        while self.unused() > self.available {
            let excess = self.unused() - self.available;
            let largest =
                self.channels.iter_mut().max_by_key(|(id, channel)| (channel.unused(), Reverse(**id)));
            let (_, channel) = largest.expect("a guarantee that is not used belongs to a channel");
            channel.guaranteed -= excess.min(channel.unused());
        }
    }

    /// CAPACITY if one channel more would be too many.
    pub(super) fn too_many_channels() -> OwnedOutcome {
        let facts = OwnedFacts::Maximum(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64);
        OwnedOutcome::Refused { code: Code::Capacity, facts }
    }

    /// Whether units taken through `channel` would make it one channel too many.
    pub(super) fn is_full_for(&self, channel: ChannelId) -> bool {
        !self.channels.contains_key(&channel) && self.channels.len() >= CHANNELS_PER_STOCK_MAX
    }

    fn channel_view(&self, channel: ChannelId) -> ChannelView {
        let Channel { guaranteed, cap, lapses_ms, held, consumed } = self.channel(channel);
        let wire = |units: i128| U64::new(unsigned(units));
        ChannelView {
            guaranteed: wire(guaranteed),
            cap: wire(cap),
            lapses_ms: U64::new(lapses_ms),
            held: wire(held),
            consumed: wire(consumed),
            room: wire(self.room(channel)),
            channel: U16::new(channel.0),
            spare: [0; 6],
        }
    }

    /// STOCK_QUOTA, at `now_ms`.
    pub(super) fn set_quotas(
        &mut self,
        id: StockId,
        version: u32,
        quotas: &[Quota],
        now_ms: u64,
    ) -> OwnedOutcome {
        if version != self.version {
            let facts = OwnedFacts::Version(self.version);
            return OwnedOutcome::Refused { code: Code::RuleFailed, facts };
        }
        let is_past = |lapses_ms: u64| lapses_ms != 0 && lapses_ms <= now_ms;
        if quotas.iter().any(|quota| is_past(quota.lapses_ms.get())) {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let over = |asked: i128, available: i128| {
            let (asked, available) = (unsigned(asked), unsigned(available));
            let facts = OwnedFacts::Units { stock: id, asked, available };
            OwnedOutcome::Refused { code: Code::ChannelQuota, facts }
        };
        for quota in quotas {
            let used = self.channel(quota.channel()).used();
            if i128::from(quota.cap.get()) < used {
                return over(i128::from(quota.cap.get()), used);
            }
        }
        let mut changed = self.clone();
        for quota in quotas {
            let channel = changed.channel_mut(quota.channel());
            channel.guaranteed = i128::from(quota.guaranteed.get());
            channel.cap = i128::from(quota.cap.get());
            channel.lapses_ms = quota.lapses_ms.get();
        }
        if changed.unused() > self.available {
            return over(changed.unused(), self.available);
        }
        if changed.channels.len() > CHANNELS_PER_STOCK_MAX {
            return Stock::too_many_channels();
        }
        changed.version += 1;
        *self = changed;
        OwnedOutcome::StockChanged { value: u64::from(self.version) }
    }
}

impl Oracle {
    /// Every guarantee that lapses at `due_ms` becomes 0.
    pub(super) fn lapse_due(&mut self, due_ms: u64) {
        for channel in self.stocks.values_mut().flat_map(|stock| stock.channels.values_mut()) {
            if channel.lapses_ms == due_ms {
                channel.guaranteed = 0;
                channel.lapses_ms = 0;
            }
        }
    }

    /// STOCK_CHANNELS.
    pub(super) fn show_channels(&self, envelope: &Envelope, stock: StockId) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        match self.own_stock(envelope, stock) {
            Some(found) => OwnedOutcome::Channels {
                version: found.version,
                channels: found.channels.keys().map(|channel| found.channel_view(*channel)).collect(),
            },
            None => OwnedOutcome::refused(Code::NotFound),
        }
    }
}
