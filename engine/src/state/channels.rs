//! Channels of a stock: what each has used, and which part of the stock it may use (its quota).
//!
//! They stand beside the buckets because every posting that takes or gives back units goes through a channel, too.
//! Invariant: for each channel used = held + consumed; the sum of what guarantees have left unused is kept, never
//! recomputed on the data path, and is never more than the stock has available (asserted by the stock).

use super::stock::Posting;
use crate::answer::ChannelView;
use crate::command::Quota;
use crate::ids::ChannelId;
use scrip_planted::{Bug, on};
use std::borrow::Cow;
use zerocopy::little_endian::{U16, U64};

/// What one channel has and may use of one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelUse {
    /// The channel.
    pub channel: ChannelId,
    /// Units that no other channel can take, used ones included.
    pub guaranteed: u64,
    /// The most that may be used; [`Quota::NO_CAP`]: no maximum.
    pub cap: u64,
    /// Shard time at which the guarantee lapses; 0: never.
    pub lapses_ms: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Of those, units whose holds have left memory.
    pub moved_out: u64,
    /// Units that debts made through it claim; not used yet.
    pub owed: u64,
}

impl ChannelUse {
    fn new(channel: ChannelId) -> ChannelUse {
        let cap = Quota::NO_CAP;
        ChannelUse { channel, guaranteed: 0, cap, lapses_ms: 0, held: 0, consumed: 0, moved_out: 0, owed: 0 }
    }

    /// Units held and consumed.
    pub fn used(&self) -> u64 {
        self.held + self.consumed
    }

    /// What is left of the guarantee.
    pub fn unused(&self) -> u64 {
        self.guaranteed.saturating_sub(self.used())
    }
}

/// Units that would leave a hold: what that changes for its channel.
#[derive(Debug, Clone, Copy)]
pub struct Freed {
    /// The hold's channel.
    pub channel: ChannelId,
    /// Units in all.
    pub units: u64,
    /// Of those, the ones that come back to available; the rest goes where marks wait for them.
    pub to_available: u64,
}

impl Freed {
    /// What becomes of its channel.
    fn leave(&self, channel: &mut ChannelUse) {
        channel.held -= self.units;
        channel.guaranteed = channel.guaranteed.saturating_sub(self.units - self.to_available);
    }
}

/// How much of a channel's debts is claimed.
pub trait Claimed: Fn(&ChannelUse) -> u64 {}
impl<F: Fn(&ChannelUse) -> u64> Claimed for F {}

/// All of them: what new demand finds.
fn all(found: &ChannelUse) -> u64 {
    found.owed
}

/// The channels of one stock, in ascending order.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    list: Vec<ChannelUse>,
    unused_guarantees: u64,
    owed: u64,
    /// Whether any channel has a guarantee or a cap.
    limited: bool,
}

impl Channels {
    /// All of them.
    pub fn list(&self) -> &[ChannelUse] {
        &self.list
    }

    /// What all guarantees together have left unused.
    pub fn unused_guarantees(&self) -> u64 {
        self.unused_guarantees
    }

    /// Whether any channel has a guarantee or a cap: without, the room of all is what is available.
    #[inline]
    pub fn limited(&self) -> bool {
        self.limited
    }

    /// Units that debts claim, in all.
    #[inline]
    pub fn owed(&self) -> u64 {
        self.owed
    }

    /// Whether debts claim anything.
    #[inline]
    pub fn claims_stand(&self) -> bool {
        self.owed > 0 && !on(Bug::DebtOvertaken)
    }

    /// The channel, if the stock counts it.
    #[inline]
    pub fn find(&self, channel: ChannelId) -> Option<&ChannelUse> {
        self.list.iter().find(|found| found.channel == channel)
    }

    /// Units of `available` ones that neither another channel's guarantee nor a debt lays claim to.
    pub fn beyond_guarantees(&self, channel: ChannelId, available: u64) -> u64 {
        if self.claims_stand() {
            return self.beyond_claims(channel, available, &all);
        }
        let own = self.find(channel).map_or(0, ChannelUse::unused);
        available - (self.unused_guarantees - own)
    }

    /// Units that `channel` may take of `available` ones, if `freed` had left its hold before.
    pub fn room(&self, channel: ChannelId, available: u64, freed: Option<Freed>) -> u64 {
        if self.claims_stand() {
            let (after, available) = self.after(available, freed);
            return after.room_behind(channel, available, &all);
        }
        let after = |channel: ChannelId| {
            let mut found = self.find(channel).copied().unwrap_or(ChannelUse::new(channel));
            if let Some(freed) = freed.filter(|freed| freed.channel == channel) {
                freed.leave(&mut found);
            }
            found
        };
        let mut unused_guarantees = self.unused_guarantees;
        let mut available = available;
        if let Some(freed) = freed {
            let before = self.find(freed.channel).map_or(0, ChannelUse::unused);
            unused_guarantees = unused_guarantees - before + after(freed.channel).unused();
            available += freed.to_available;
        }
        let own = after(channel);
        let of_others = unused_guarantees - own.unused();
        own.cap.saturating_sub(own.used()).min(available.saturating_sub(of_others))
    }

    /// What the guarantees would leave unused in all, were these quotas in force.
    pub fn unused_guarantees_with(&self, quotas: &[Quota]) -> u64 {
        let unused = |quota: &Quota| {
            let used = self.find(quota.channel()).map_or(0, ChannelUse::used);
            u128::from(quota.guaranteed.get().saturating_sub(used))
        };
        let named = |channel: ChannelId| quotas.iter().any(|quota| quota.channel() == channel);
        let kept = self.list.iter().filter(|found| !named(found.channel));
        let sum = kept.map(|found| u128::from(found.unused())).sum::<u128>()
            + quotas.iter().map(unused).sum::<u128>();
        u64::try_from(sum).unwrap_or(u64::MAX)
    }

    /// Channels that the stock would count, were these in use.
    pub fn count_with(&self, channels: impl Iterator<Item = ChannelId>) -> usize {
        self.list.len() + channels.filter(|channel| self.find(*channel).is_none()).count()
    }

    /// What a STOCK_CHANNELS shows.
    pub fn views(&self, available: u64) -> impl Iterator<Item = ChannelView> {
        self.list.iter().map(move |found| ChannelView {
            guaranteed: U64::new(found.guaranteed),
            cap: U64::new(found.cap),
            lapses_ms: U64::new(found.lapses_ms),
            held: U64::new(found.held),
            consumed: U64::new(found.consumed),
            room: U64::new(self.room(found.channel, available, None)),
            channel: U16::new(found.channel.0),
            spare: [0; 6],
        })
    }
}

/// What debts leave: their claims are met from the unused guarantee of their own channel first, then from what no
/// guarantee speaks of; claims that go beyond that cut into nobody's guarantee.
impl Channels {
    /// The channels, and what is available, once `freed` has left its hold.
    fn after(&self, available: u64, freed: Option<Freed>) -> (Cow<'_, Channels>, u64) {
        let Some(freed) = freed else { return (Cow::Borrowed(self), available) };
        let mut after = self.clone();
        if let Some(found) = after.list.iter_mut().find(|found| found.channel == freed.channel) {
            freed.leave(found);
        }
        after.unused_guarantees = after.list.iter().map(ChannelUse::unused).sum();
        (Cow::Owned(after), available + freed.to_available)
    }

    /// Units of `available` ones that no debt claims, if `freed` had left its hold before.
    pub fn unclaimed(&self, available: u64, freed: Option<Freed>) -> u64 {
        let (after, available) = self.after(available, freed);
        let spare = after.list.iter().map(|found| found.unused().saturating_sub(found.owed));
        after.free_behind(available, &all) + spare.sum::<u64>()
    }

    /// Units that the cap of `channel` leaves to it and to its debts, if `freed` had left its hold before.
    pub fn below_cap(&self, channel: ChannelId, freed: Option<Freed>) -> u64 {
        let (after, _) = self.after(0, freed);
        after.find(channel).map_or(Quota::NO_CAP, |own| own.cap.saturating_sub(own.used() + own.owed))
    }

    /// Units that no guarantee and none of these claims speaks of.
    fn free_behind(&self, available: u64, claimed: &impl Claimed) -> u64 {
        let free = available.saturating_sub(self.unused_guarantees);
        let beyond = self.list.iter().map(|found| claimed(found).saturating_sub(found.unused()));
        free.saturating_sub(beyond.sum())
    }

    fn beyond_claims(&self, channel: ChannelId, available: u64, claimed: &impl Claimed) -> u64 {
        let spare = self.find(channel).map_or(0, |own| own.unused().saturating_sub(claimed(own)));
        self.free_behind(available, claimed) + spare
    }

    /// Units that `channel` may take behind these claims.
    pub fn room_behind(&self, channel: ChannelId, available: u64, claimed: &impl Claimed) -> u64 {
        let below_cap =
            self.find(channel).map_or(Quota::NO_CAP, |own| own.cap.saturating_sub(own.used() + claimed(own)));
        below_cap.min(self.beyond_claims(channel, available, claimed))
    }

    /// Whether a debt behind these claims may take any unit.
    pub fn room_for_debts(&self, available: u64, claimed: &impl Claimed) -> bool {
        let free = self.free_behind(available, claimed);
        self.list.iter().any(|found| {
            let claimed = claimed(found);
            let room = free > 0 || found.unused() > claimed;
            found.owed > claimed && room && found.cap > found.used() + claimed
        })
    }
}

/// Writing: for `apply` alone.
impl Channels {
    /// Units are owed through a channel from now on.
    pub(super) fn owe(&mut self, channel: ChannelId, units: u64) {
        let position = self.position(channel);
        self.list[position].owed += units;
        self.owed += units;
    }

    /// Units are no longer owed through a channel.
    pub(super) fn forgive(&mut self, channel: ChannelId, units: u64) {
        let position = self.position(channel);
        let found = &mut self.list[position];
        found.owed = found.owed.checked_sub(units).expect("what is forgiven was owed");
        self.owed -= units;
    }

    /// Follows a posting of units that `channel` takes or gives back; of those, `lost` ended in void or frozen: a
    /// guarantee does not outlive the units it spoke of.
    #[inline]
    pub(super) fn post(&mut self, channel: ChannelId, posting: Posting, lost: u64) {
        let position = self.position(channel);
        let found = &mut self.list[position];
        let unused_before = found.unused();
        let minus = |from: &mut u64, units: u64| {
            *from = from.checked_sub(units).expect("a channel gives back what it has used");
        };
        match posting {
            Posting::Hold(units) => found.held += units,
            Posting::Sell(units) => found.consumed += units,
            Posting::Consume(units) => {
                minus(&mut found.held, units);
                found.consumed += units;
            }
            Posting::Free(_) if on(Bug::GuaranteeNotCounted) => {}
            Posting::Free(units) => minus(&mut found.held, units),
            Posting::ReturnToAvailable(units)
            | Posting::ReturnToFrozen(units)
            | Posting::ReturnToVoid(units) => {
                minus(&mut found.consumed, units);
            }
            other => unreachable!("{other:?} goes through no channel"),
        }
        found.guaranteed = found.guaranteed.saturating_sub(lost);
        self.unused_guarantees = self.unused_guarantees - unused_before + found.unused();
        if lost > 0 {
            // The last guarantee may have gone: then nobody is kept to a room any more.
            self.note_limits();
        }
    }

    /// Consumed units of a hold that leaves memory.
    pub(super) fn move_out(&mut self, channel: ChannelId, units: u64) {
        let position = self.position(channel);
        self.list[position].moved_out += units;
    }

    /// Puts quotas in force.
    pub(super) fn set(&mut self, quotas: &[Quota]) {
        for quota in quotas {
            let position = self.position(quota.channel());
            let found = &mut self.list[position];
            found.guaranteed = quota.guaranteed.get();
            found.cap = quota.cap.get();
            found.lapses_ms = quota.lapses_ms.get();
        }
        self.note_limits();
    }

    /// Ends a guarantee.
    pub(super) fn lapse(&mut self, channel: ChannelId) {
        let position = self.position(channel);
        self.list[position].guaranteed = 0;
        self.list[position].lapses_ms = 0;
        self.note_limits();
    }

    /// Lowers guarantees until what they have left unused is there: of the channel with the most left first, of the
    /// lowest number among equals.
    pub(super) fn lower_to(&mut self, available: u64) {
        while self.unused_guarantees > available {
            let excess = self.unused_guarantees - available;
            let most = self.list.iter_mut().max_by_key(|found| (found.unused(), !found.channel.0));
            let most = most.expect("somebody has what is left unused");
            let cut = most.unused().min(excess);
            most.guaranteed -= cut;
            self.unused_guarantees -= cut;
        }
        self.note_limits();
    }

    fn note_limits(&mut self) {
        self.unused_guarantees = self.list.iter().map(ChannelUse::unused).sum();
        self.limited = self.list.iter().any(|found| found.guaranteed > 0 || found.cap != Quota::NO_CAP);
    }

    /// Where the channel stands; it is made if it is new.
    #[inline]
    fn position(&mut self, channel: ChannelId) -> usize {
        match self.list.iter().position(|found| found.channel >= channel) {
            Some(position) if self.list[position].channel == channel => position,
            found => {
                let position = found.unwrap_or(self.list.len());
                self.list.insert(position, ChannelUse::new(channel));
                position
            }
        }
    }
}
