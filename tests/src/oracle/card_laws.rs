//! The laws of campaigns and cards that the oracle holds itself to.

use super::cards::Card;
use super::{Oracle, Stock};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{CampaignKind, CardState, Definition};
use scrip_engine::ids::{CardId, ChannelId, StockId};
use scrip_engine::limits::CAMPAIGN_UNITS_MAX;
use std::collections::BTreeMap;

impl Oracle {
    /// Panics unless every campaign is a lawful stock, and every card of its own adds up. Cheap enough for every command.
    pub(super) fn check_campaigns(&self) {
        for (id, stock) in &self.stocks {
            if stock.campaign.is_some() {
                stock.check_campaign(*id);
            }
        }
        for (id, card) in &self.cards {
            let campaign = self.stocks[&card.campaign].campaign.as_ref().expect("cards have a campaign");
            assert_eq!(id.locator(), campaign.locator(card.campaign.slot()), "{id} lies with its campaign");
            assert!(id.serial() < campaign.issued, "{id} was issued");
            card.check(*id, &campaign.worth.definition);
        }
        let mut held = BTreeMap::<StockId, i128>::new();
        for ((campaign, _), units) in self.held_by_groups() {
            *held.entry(campaign).or_insert(0) += units;
        }
        // Without campaigns nobody holds any, however many holds there are.
        let any = self.stocks.values().any(|stock| stock.campaign.is_some());
        for hold in self
            .records
            .values()
            .take(if any { usize::MAX } else { 0 })
            .filter_map(|record| record.hold.as_ref())
        {
            for line in hold.lines.iter().filter(|_| hold.state == HoldState::Held) {
                *held.entry(line.stock).or_insert(0) += line.reserved;
            }
        }
        for (id, stock) in self.stocks.iter().filter(|(_, stock)| stock.campaign.is_some()) {
            let units = held.get(id).copied().unwrap_or(0);
            assert_eq!(stock.held, units, "groups and orders hold cards of {id}");
        }
        // Cards that were sold are made in any case, and others may lie on their pages.
        let pages = self.pages(std::iter::empty()) - self.pages_sold();
        assert!(pages <= self.cards_max.div_ceil(64), "{pages} pages of cards");
    }

    /// Panics unless what cards have consumed is what redemptions and holds took and did not give back, and what they have held
    /// lies in holds.
    pub(super) fn check_redemptions(&self) {
        let mut redeemed = self.departed_redemptions.clone();
        for redemption in self.records.values().filter_map(|record| record.redemption.as_ref()) {
            let left = redemption.units - redemption.reversed;
            assert!(0 <= left && 0 <= redemption.reversed, "{redemption:?}");
            *redeemed.entry(redemption.card).or_insert(0) += left;
        }
        let mut held: BTreeMap<CardId, i128> = BTreeMap::new();
        for hold in self.records.values().filter_map(|record| record.hold.as_ref()) {
            for line in &hold.cards {
                assert!(0 <= line.returned && line.returned <= line.confirmed, "{hold:?}");
                assert!(line.confirmed <= line.reserved, "{hold:?}");
                *redeemed.entry(line.card).or_insert(0) += line.confirmed - line.returned;
                let of_hold = if hold.state == HoldState::Held { line.reserved } else { 0 };
                *held.entry(line.card).or_insert(0) += of_hold;
            }
        }
        for (id, card) in &self.cards {
            assert_eq!(redeemed.remove(id).unwrap_or(0), card.consumed, "redemptions of {id}: {card:?}");
            assert_eq!(held.get(id).copied().unwrap_or(0), card.held, "holds of {id}: {card:?}");
        }
        assert!(redeemed.is_empty(), "redemptions of cards that nothing has happened to: {redeemed:?}");
    }

    /// Units of campaigns by the channels that issued them, counted card by card: a card that is not void is one.
    pub(super) fn issued_through_channels(&self) -> BTreeMap<(StockId, ChannelId), i128> {
        let mut issued = BTreeMap::new();
        for (id, stock) in &self.stocks {
            let Some(campaign) = &stock.campaign else { continue };
            let mut cards = 0;
            for batch in &campaign.batches {
                let serials = batch.first..batch.first + batch.cards;
                let own = self
                    .cards
                    .iter()
                    .filter(|(card, of)| of.campaign == *id && serials.contains(&card.serial()));
                let own = own.count() as u64;
                let counts =
                    if batch.made.state == CardState::Void { 0 } else { i128::from(batch.cards - own) };
                *issued.entry((*id, batch.made.channel)).or_insert(0) += counts;
                cards += batch.cards - own;
            }
            let own = self.cards.values().filter(|card| card.campaign == *id);
            cards += own.clone().count() as u64;
            assert_eq!(cards, campaign.issued, "serials of {id} are consecutive, each of one card");
            for card in own.filter(|card| card.state != CardState::Void) {
                *issued.entry((*id, card.channel)).or_insert(0) += 1;
            }
        }
        issued
    }
}

impl Stock {
    fn check_campaign(&self, id: StockId) {
        let campaign = self.campaign.as_ref().expect("a campaign");
        assert!(self.total <= i128::from(CAMPAIGN_UNITS_MAX), "{id} has too many units: {self:?}");
        let issued = i128::from(campaign.issued);
        let there = campaign.counted();
        assert!(self.consumed <= there && there <= self.consumed + self.void, "cards of {id}: {self:?}");
        assert!(there <= issued, "cards of {id}: {self:?}");
        let kind = campaign.worth.definition.kind();
        let units = campaign.worth.definition.units.get();
        let single = matches!(
            kind,
            CampaignKind::AmountOff
                | CampaignKind::PercentOff
                | CampaignKind::FixedPrice
                | CampaignKind::Pass
        );
        assert!(!single || units == 1, "a card of {id} is used once: {self:?}");
    }
}

impl Card {
    /// Its buckets and lots add up, and its state follows from them.
    fn check(&self, id: CardId, definition: &Definition) {
        let units = i128::from(definition.units.get()) + self.supplied();
        let filled = definition.kind().is_filled();
        for lot in self.lots() {
            let buckets = [lot.available, lot.held, lot.consumed];
            assert!(buckets.iter().all(|units| *units >= 0), "a lot of {id}: {lot:?}");
            assert!(buckets.iter().sum::<i128>() <= lot.units, "a lot of {id}: {lot:?}");
        }
        assert!(self.own() >= 0, "the own lot of {id}: {self:?}");
        assert!(filled || self.account.is_none(), "{id} can't be filled: {self:?}");
        let buckets = [self.available, self.held, self.consumed, self.void];
        assert!(buckets.iter().all(|units| *units >= 0), "a bucket of {id}: {self:?}");
        let in_lots: i128 = self.lots().iter().map(|lot| lot.held).sum();
        assert!(in_lots <= self.held, "held units of {id}'s lots: {self:?}");
        assert_eq!(buckets.iter().sum::<i128>(), units, "the buckets of {id} add up: {self:?}");
        match self.state {
            CardState::Inactive => assert_eq!(self.available, units, "{id} was never used: {self:?}"),
            CardState::Active | CardState::Frozen | CardState::Gifting => {
                assert!(filled || self.available + self.held > 0, "{id} can be used: {self:?}")
            }
            CardState::Used if self.ended => {
                assert_eq!((self.available, self.held), (0, 0), "{id} is used up: {self:?}");
            }
            CardState::Used => assert_eq!(self.consumed, units, "{id} is used up: {self:?}"),
            CardState::Void => {
                assert!(self.available == 0, "{id} is void: {self:?}")
            }
        }
        assert!(self.state != CardState::Gifting || self.gift.is_some() && self.held == 0, "{id}: {self:?}");
        assert!(self.gift.is_none() || self.owner.0 != 0, "{id} is a bearer card: {self:?}");
        assert!(
            filled || self.state == CardState::Void || self.ended || self.void == 0,
            "{id} has void units: {self:?}"
        );
        let seconds = |time_ms: u64| time_ms.is_multiple_of(1_000) && time_ms / 1_000 <= u64::from(u32::MAX);
        assert!(seconds(self.times.from_ms) && seconds(self.times.until_ms), "times of {id}: {self:?}");
    }
}
