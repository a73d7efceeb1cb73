//! What ends many cards at once, and what must be counted for it: used cards of campaigns and batches, cards that are gone.
//!
//! A campaign or batch that has ended says so once. Its cards keep what their records say, and whoever looks at one of them sees
//! what follows: it is void, unless it was used. A record is put right when a hold that has units of its card ends.
//!
//! Invariant: of each campaign the used cards are counted by channel, of each batch too, and those that were voided or recycled one
//! by one: so that what a whole has left moves in one posting per channel.

use super::State;
use super::campaigns::{BatchStand, Campaign, CardBatch};
use super::cards::CardRecord;
use super::recount::{RecountError, same};
use super::stock::Posting;
use super::table::Handle;
use crate::command::{CampaignState, CardState};
use crate::ids::ChannelId;
use scrip_planted::{Bug, on};
use std::collections::BTreeMap;

impl Campaign {
    /// Whether its card with this serial is void as part of a whole, unless it was used.
    #[inline]
    pub fn has_ended(&self, serial: u64, bearer: bool) -> bool {
        self.state == CampaignState::Void || bearer && self.ended_batches > 0 && self.batch_has_ended(serial)
    }

    #[inline(never)]
    fn batch_has_ended(&self, serial: u64) -> bool {
        self.batch_of(serial).is_some_and(|batch| batch.stand != BatchStand::Live)
    }

    fn batch_mut(&mut self, serial: u64) -> Option<&mut CardBatch> {
        let behind = self.batches.partition_point(|batch| batch.first <= serial);
        self.batches[..behind].last_mut().filter(|batch| serial - batch.first < u64::from(batch.count))
    }

    /// Its used cards that this channel has issued.
    pub fn used_through(&self, channel: ChannelId) -> u64 {
        self.used.iter().find(|(of, _)| *of == channel).map_or(0, |(_, cards)| *cards)
    }

    /// A channel issues cards: its used ones are counted from now on.
    #[inline]
    pub(crate) fn know_channel(&mut self, channel: ChannelId) {
        let place = self.used.partition_point(|(of, _)| *of < channel);
        if self.used.get(place).is_none_or(|(of, _)| *of != channel) {
            self.used.insert(place, (channel, 0));
        }
    }
}

impl CardBatch {
    /// Its cards that are neither used nor void.
    pub fn left(&self) -> u64 {
        let used = if on(Bug::UsedCardsVoidedToo) { 0 } else { self.used };
        u64::from(self.count - used - self.gone)
    }
}

impl CardRecord {
    /// The same card, of a whole that has ended.
    pub(super) fn of_ended(mut self) -> CardRecord {
        if self.state() != CardState::Used {
            self.set_state(CardState::Void);
            self.available = 0;
        }
        self
    }
}

impl State {
    /// Whether a card is void as part of a whole, unless it was used.
    #[inline]
    pub fn has_ended(&self, card: Handle) -> bool {
        let (campaign, serial) = self.cards.place(card);
        self.campaigns.get(campaign).has_ended(serial, self.cards.get(card).owner == 0)
    }

    /// Whether what is used of a card can't come back to it any more.
    pub fn is_lost(&self, card: Handle) -> bool {
        self.cards.get(card).state() == CardState::Void || self.has_ended(card)
    }

    /// Compares what is counted for campaigns and batches with the cards.
    pub(super) fn compare_endings(&self) -> Result<(), RecountError> {
        let mut used = BTreeMap::<(u32, u16), u64>::new();
        let mut recycled = BTreeMap::<u32, u64>::new();
        let mut of_batches = BTreeMap::<(u32, u64), (u64, u64)>::new();
        for (handle, card) in self.cards.iter() {
            let (campaign_handle, serial) = self.cards.place(handle);
            let campaign = self.campaigns.get(campaign_handle);
            let is_used = u64::from(card.state() == CardState::Used);
            *used.entry((campaign_handle.0, card.channel)).or_default() += is_used;
            *recycled.entry(campaign_handle.0).or_default() += u64::from(card.is_recycled());
            if let Some(batch) = campaign.batch_of(serial) {
                let counted = of_batches.entry((campaign_handle.0, batch.first)).or_default();
                counted.0 += is_used;
                counted.1 += u64::from(card.state() == CardState::Void);
                let inside = batch.until_s == 0 || card.until_s <= batch.latest_until_s;
                same("cards that end no later than their batch", u64::from(inside), 1)?;
            }
        }
        for (handle, campaign) in self.campaigns.iter() {
            for (channel, cards) in &campaign.used {
                let counted = used.remove(&(handle.0, channel.0)).unwrap_or(0);
                same("used cards of a campaign", *cards, counted)?;
            }
            let mut back = recycled.remove(&handle.0).unwrap_or(0);
            for batch in &campaign.batches {
                let counted = of_batches.remove(&(handle.0, batch.first)).unwrap_or_default();
                same("used cards of a batch", u64::from(batch.used), counted.0)?;
                // Those of a void whole become void one by one as holds let go of them.
                if batch.stand != BatchStand::Void && campaign.state != CampaignState::Void {
                    same("cards of a batch that are gone", u64::from(batch.gone), counted.1)?;
                }
                back += if batch.stand == BatchStand::Recycled { batch.left() } else { 0 };
            }
            same("cards that went back to the supply", campaign.recycled, back)?;
        }
        same("used cards of channels that issued none", used.values().sum(), 0)
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A card was used up, or is no longer.
    #[inline]
    pub(crate) fn count_used(&mut self, card: Handle, before: CardState) {
        let record = self.cards.get(card);
        let is_used = record.state() == CardState::Used;
        if is_used == (before == CardState::Used) {
            return;
        }
        let (channel, bearer) = (ChannelId(record.channel), record.owner == 0);
        let (campaign, serial) = self.cards.place(card);
        let campaign = self.campaigns.get_mut(campaign);
        let found = campaign.used.iter_mut().find(|(of, _)| *of == channel);
        let (_, cards) = found.expect("the channel of a card is known");
        *cards = if is_used { *cards + 1 } else { *cards - 1 };
        if bearer {
            // One that was sold is of none.
            let Some(batch) = campaign.batch_mut(serial) else { return };
            batch.used = if is_used { batch.used + 1 } else { batch.used - 1 };
        }
    }

    /// A card is void from now on, or went back to the supply.
    pub(crate) fn count_gone(&mut self, card: Handle) {
        let (campaign, serial) = self.cards.place(card);
        if self.cards.get(card).owner == 0 {
            let batch = self.campaigns.get_mut(campaign).batch_mut(serial);
            batch.into_iter().for_each(|batch| batch.gone += 1);
        }
    }

    /// A card is valid until then.
    pub(crate) fn set_until(&mut self, card: Handle, until_s: u32) {
        let record = self.cards.get_mut(card);
        record.until_s = until_s;
        if record.owner == 0 {
            let (campaign, serial) = self.cards.place(card);
            let batch = self.campaigns.get_mut(campaign).batch_mut(serial);
            if let Some(batch) = batch.filter(|batch| batch.until_s != 0) {
                batch.latest_until_s = batch.latest_until_s.max(until_s);
            }
        }
        if !on(Bug::ExtensionForgetsNotice) {
            self.note_end(card);
        }
    }

    /// The record of a card that is void as part of a whole says so.
    #[inline]
    pub(crate) fn settle_end(&mut self, card: Handle) {
        if self.has_ended(card) && self.cards.get(card).state() != CardState::Used {
            self.end_gift(card);
            self.cards.get_mut(card).set_state(CardState::Void);
            self.void_units(card);
        }
    }

    /// A campaign is void, with all of its cards that were not used; answers how many are void by it.
    pub(crate) fn void_campaign(&mut self, handle: Handle) -> u64 {
        let campaign = self.campaigns.get_mut(handle);
        campaign.state = CampaignState::Void;
        let stock = campaign.stock;
        let mut cards = 0;
        for at in 0..self.stock(stock).channels.list().len() {
            let found = self.stock(stock).channels.list()[at];
            let left = found.consumed - self.campaigns.get(handle).used_through(found.channel);
            self.post(stock, found.channel, Posting::ReturnToVoid(left));
            cards += left;
        }
        let units = self.stock(stock).units;
        self.move_units(stock, Posting::Void(units.available));
        self.move_units(stock, Posting::VoidFrozen(units.frozen));
        cards
    }

    /// Cards of a campaign that would be void with it.
    pub fn cards_left(&self, campaign: &Campaign) -> u64 {
        let used: u64 = campaign.used.iter().map(|(_, cards)| cards).sum();
        self.stock_of_campaign(campaign).units.consumed - used
    }

    /// The batch with this first serial ends; answers how many cards end by it.
    pub(crate) fn end_batch(&mut self, handle: Handle, first: u64, stand: BatchStand) -> u64 {
        let campaign = self.campaigns.get_mut(handle);
        let batch = campaign.batch_mut(first).expect("the log names a batch");
        assert!(batch.first == first && batch.stand == BatchStand::Live, "a batch ends once");
        batch.stand = stand;
        let (cards, channel) = (batch.left(), batch.channel);
        campaign.ended_batches += 1;
        let posting = match stand {
            BatchStand::Recycled => {
                campaign.recycled += cards;
                Posting::ReturnToAvailable(cards)
            }
            _ => Posting::ReturnToVoid(cards),
        };
        let stock = campaign.stock;
        self.post(stock, channel, posting);
        cards
    }
}
