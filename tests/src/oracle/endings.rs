//! The oracle on many cards that end at once: each of them is looked at, one by one.
//!
//! Invariant: a card whose campaign or batch has ended is used or void.

use super::campaigns::Campaign;
use super::{Card, Oracle};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use scrip_engine::command::{BatchEnd, CampaignState, CardState, Envelope};
use scrip_engine::ids::{CardId, ChannelId, StockId};
use scrip_engine::limits::TTL_MAX_MS;
use scrip_engine::rejection::Code;
use std::collections::BTreeMap;

impl Campaign {
    /// Cards that count for its budget.
    pub fn counted(&self) -> i128 {
        i128::from(self.issued) - i128::from(self.recycled)
    }

    /// The position of the batch that a serial lies in.
    fn batch_at(&self, serial: u64) -> Option<usize> {
        self.batches.iter().position(|batch| (batch.first..batch.first + batch.cards).contains(&serial))
    }
}

impl Card {
    /// It ends as a part of a whole; answers whether it is void by that.
    fn end(&mut self) -> bool {
        self.ended = true;
        let ends = !matches!(self.state, CardState::Used | CardState::Void);
        if ends {
            self.state = CardState::Void;
            self.gift = None;
            self.void_all();
        }
        ends
    }
}

impl Oracle {
    /// What a stock is as a campaign. Panics when it is none.
    pub(super) fn campaign(&self, id: StockId) -> &Campaign {
        self.stocks[&id].campaign.as_ref().expect("a campaign")
    }

    /// A card is valid until then.
    pub(super) fn note_end(&mut self, id: CardId, until_ms: u64) {
        let of_card =
            |(stock, campaign): &(StockId, &mut Campaign)| campaign.locator(stock.slot()) == id.locator();
        let campaigns =
            self.stocks.iter_mut().filter_map(|(id, stock)| Some((*id, stock.campaign.as_deref_mut()?)));
        let Some((_, campaign)) = campaigns.into_iter().find(of_card) else { return };
        if let Some(at) = campaign.batch_at(id.serial()) {
            let batch = &mut campaign.batches[at];
            if batch.latest_ms != 0 {
                batch.latest_ms = batch.latest_ms.max(until_ms);
            }
        }
    }

    /// Cards end; answers how many, by the channels that issued them.
    fn end_cards(
        &mut self,
        id: StockId,
        batches: impl Iterator<Item = usize>,
        owned: bool,
    ) -> BTreeMap<ChannelId, i128> {
        let mut ended = BTreeMap::new();
        let mut serials = Vec::new();
        for at in batches {
            let batch = &self.campaign(id).batches[at];
            let range = batch.first..batch.first + batch.cards;
            let (channel, all) = (batch.made.channel, i128::from(batch.cards));
            let own =
                self.cards.iter().filter(|(card, of)| of.campaign == id && range.contains(&card.serial()));
            let untouched = all - own.count() as i128;
            if self.campaign_mut(id).batches[at].made.end() {
                *ended.entry(channel).or_insert(0) += untouched;
            }
            serials.push(range);
        }
        for (card, of) in self.cards.iter_mut().filter(|(_, of)| of.campaign == id) {
            let of_owner = owned && (of.owner.0 != 0 || self.sold.contains(card));
            if (of_owner || serials.iter().any(|range| range.contains(&card.serial()))) && of.end() {
                *ended.entry(of.channel).or_insert(0) += 1;
            }
        }
        ended
    }

    /// CAMPAIGN_VOID.
    pub(super) fn void_campaign(&mut self, envelope: &Envelope, seen: (StockId, u32)) -> OwnedOutcome {
        if let Some(refusal) = self.differs(envelope, seen) {
            return refusal;
        }
        if self.campaign(seen.0).state == CampaignState::Void {
            return OwnedOutcome::refused(Code::Void);
        }
        let batches = self.campaign(seen.0).batches.len();
        let ended = self.end_cards(seen.0, 0..batches, true);
        self.campaign_mut(seen.0).state = CampaignState::Void;
        let stock = self.stock_mut(seen.0);
        stock.lose_issued(&ended);
        stock.void += stock.available + stock.frozen;
        (stock.available, stock.frozen) = (0, 0);
        stock.lower_until_available();
        stock.version += 1;
        OwnedOutcome::StockChanged { value: ended.values().sum::<i128>() as u64 }
    }

    /// CARD_BATCH_VOID, CARD_BATCH_RECYCLE.
    pub(super) fn end_batch(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        end: BatchEnd,
    ) -> OwnedOutcome {
        let Some(card) = self.own_card(envelope, id, generation) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let campaign = self.campaign(card.campaign);
        let Some(at) = campaign.batch_at(id.serial()) else {
            return OwnedOutcome::refused(Code::RuleFailed);
        };
        let batch = &campaign.batches[at];
        if batch.made.ended {
            return OwnedOutcome::refused(Code::Void);
        }
        let back = end == BatchEnd::Recycle;
        if back && batch.latest_ms == 0 {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let from_ms = batch.latest_ms + u64::from(TTL_MAX_MS);
        if back && self.now_ms < from_ms {
            return OwnedOutcome::Refused { code: Code::NotStarted, facts: OwnedFacts::Time(from_ms) };
        }
        let ended = self.end_cards(card.campaign, std::iter::once(at), false);
        let cards: i128 = ended.values().sum();
        let stock = self.stock_mut(card.campaign);
        if back {
            stock.consumed -= cards;
            stock.available += cards;
            for (channel, cards) in &ended {
                stock.channel_mut(*channel).consumed -= cards;
            }
            self.campaign_mut(card.campaign).recycled += cards as u64;
        } else {
            stock.lose_issued(&ended);
        }
        OwnedOutcome::StockChanged { value: cards as u64 }
    }
}

impl super::Stock {
    /// Whether it is a campaign that is void.
    pub(super) fn is_void(&self) -> bool {
        self.campaign.as_ref().is_some_and(|campaign| campaign.state == CampaignState::Void)
    }

    /// Units that were issued through channels are void.
    fn lose_issued(&mut self, ended: &BTreeMap<ChannelId, i128>) {
        for (channel, cards) in ended.iter().filter(|(_, cards)| **cards > 0) {
            self.consumed -= cards;
            self.void += cards;
            self.channel_mut(*channel).consumed -= cards;
            self.lower_guarantee(*channel, *cards);
        }
    }
}
