//! Drawing quotas: guarantees and caps at the boundaries of what is there, lapses that come soon.
//!
//! Invariant: quotas stand in ascending order of channels, as `Request::check` wants them.

use super::Generator;
use crate::oracle::Stock;
use scrip_engine::command::Quota;
use scrip_engine::ids::ChannelId;
use scrip_engine::limits::{CHANNELS_PER_STOCK_MAX, STOCK_UNITS_MAX};
use std::collections::BTreeSet;

impl Generator {
    /// The version that a compare-and-set names: the one in force mostly.
    pub(super) fn version(&mut self, stock: Option<&Stock>) -> u32 {
        let version = stock.map_or(1, |stock| stock.version);
        *self.choose(&[version, version, version, version, version, version, version + 1, version - 1])
    }

    /// Quotas of some channels of `stock`.
    pub(super) fn quotas(&mut self, stock: Option<&Stock>) -> Vec<Quota> {
        let most = if self.plan.channels > 6 && self.rng.u8(0..3) == 0 { CHANNELS_PER_STOCK_MAX } else { 3 };
        let wanted = self.rng.usize(1..=most);
        let channels: BTreeSet<ChannelId> = (0..wanted).map(|_| self.channel()).collect();
        channels.into_iter().map(|channel| self.quota(stock, channel)).collect()
    }

    fn quota(&mut self, stock: Option<&Stock>, channel: ChannelId) -> Quota {
        let used = stock.map_or(0, |stock| stock.channel(channel).used());
        let spare =
            stock.map_or(0, |stock| stock.available - stock.unused() + stock.channel(channel).unused());
        let used_units = u64::try_from(used).unwrap_or(0);
        let guaranteed = match self.rng.u8(0..8) {
            0..2 => 0,
            2..4 => used_units + self.few(),
            4 => self.units_near((used + spare) / 2),
            _ => self.units_near(used + spare),
        };
        let cap = match self.rng.u8(0..6) {
            0 => self.units_near(used) - u64::from(self.rng.bool()),
            1 => used_units + self.few(),
            2 => guaranteed + self.few() - 1,
            _ => Quota::NO_CAP,
        };
        let guaranteed = guaranteed.min(cap).min(STOCK_UNITS_MAX);
        let lapses_ms = if guaranteed == 0 || self.rng.bool() {
            0
        } else {
            let soon_ms = self.rng.u64(1..40);
            let later_ms = self.rng.u64(1..2_000);
            self.now_ms + *self.choose(&[0, 1, 2, 10, 30, soon_ms, soon_ms, soon_ms, later_ms, later_ms])
        };
        Quota::new(channel, guaranteed, cap, lapses_ms)
    }
}
