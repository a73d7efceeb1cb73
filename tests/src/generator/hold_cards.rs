//! Drawing cards for holds: some that can be used where the goods are, the same one twice, ones that other holds have, and foreign ones.
//!
//! Invariant: what a take asks of stocks is drawn before; only stocks that are campaigns are swapped for goods, so that checks behind
//! those of stocks are reached.

use super::Generator;
use super::plan::pick;
use crate::oracle::{Campaign, Card, Oracle, Stock};
use crate::request::{OwnedRedeem, OwnedTake, Wish};
use scrip_engine::command::{CampaignKind, CampaignState, CardLine, CardState, Envelope};
use scrip_engine::ids::{CardId, MerchantId, OperationId, StockId, UserId};
use scrip_engine::limits::LINES_MAX;

impl Generator {
    /// Lets a take ask for cards, too.
    pub(super) fn add_cards(&mut self, oracle: &Oracle, envelope: &mut Envelope, take: &mut OwnedTake) {
        if take.replace == OperationId(0) {
            self.move_to_cards(oracle, envelope);
        }
        self.swap_campaigns(oracle, envelope, take);
        let count = match self.rng.u8(0..20) {
            0..13 => 1,
            13..17 => 2,
            17 | 18 => 3,
            _ => self.rng.usize(1..=16),
        };
        for _ in 0..count {
            let line = match take.cards.last() {
                Some(line) if self.rng.u8(0..3) == 0 => *line,
                _ => self.card_line(oracle, envelope, take),
            };
            take.cards.push(line);
        }
    }

    /// Lets a take ask campaigns for new cards: mostly one that runs, and a few of them.
    pub(super) fn add_sold_cards(&mut self, oracle: &Oracle, envelope: &Envelope, take: &mut OwnedTake) {
        let is_here =
            |id: &StockId, merchant: u32| id.slot() == envelope.slot && merchant == envelope.merchant.0;
        let any = self.rng.u8(0..6) == 0;
        let sells = |stock: &Stock| {
            let runs = |campaign: &Campaign| any || campaign.state == CampaignState::Running;
            stock.campaign.as_deref().is_some_and(runs)
        };
        let here = oracle.stocks.iter().filter(|(id, stock)| is_here(id, stock.merchant) && sells(stock));
        let here: Vec<StockId> = here.map(|(id, _)| *id).collect();
        if here.is_empty() || take.lines.len() + take.cards.len() >= LINES_MAX {
            return;
        }
        let units = *pick(&mut self.rng, &[1, 1, 1, 2, 2, 3, 7, 70, 1_001]);
        let wish = Wish::exactly(*self.choose(&here), units);
        // Mostly alone, so that no other line refuses it.
        if self.rng.u8(0..3) > 0 {
            take.lines.clear();
        }
        if self.rng.u8(0..6) == 0 {
            take.user = UserId(0);
        }
        let at = self.rng.usize(0..=take.lines.len());
        take.lines.insert(at, Wish { units_min: if take.partial { units.min(1) } else { units }, ..wish });
    }

    /// To a merchant and slot that have both goods and cards, mostly.
    fn move_to_cards(&mut self, oracle: &Oracle, envelope: &mut Envelope) {
        let place = |stock: &StockId| (oracle.stocks[stock].merchant, stock.slot());
        let with_cards: Vec<_> = oracle.cards.values().map(|card| place(&card.campaign)).collect();
        let goods = oracle.stocks.iter().filter(|(_, stock)| stock.campaign.is_none());
        let both: Vec<_> =
            goods.map(|(id, _)| place(id)).filter(|place| with_cards.contains(place)).collect();
        if !both.is_empty() && !self.happens(self.plan.chances.foreign) {
            let (merchant, slot) = *self.choose(&both);
            (envelope.merchant, envelope.slot) = (MerchantId(merchant), slot);
        }
    }

    /// Goods in place of campaigns, mostly, as long as there are any.
    fn swap_campaigns(&mut self, oracle: &Oracle, envelope: &Envelope, take: &mut OwnedTake) {
        let is_here =
            |id: &StockId, merchant: u32| id.slot() == envelope.slot && merchant == envelope.merchant.0;
        let goods: Vec<StockId> = oracle
            .stocks
            .iter()
            .filter(|(id, stock)| is_here(id, stock.merchant) && stock.campaign.is_none())
            .map(|(id, _)| *id)
            .collect();
        if goods.is_empty() || self.happens(self.plan.chances.foreign) {
            return;
        }
        for wish in &mut take.lines {
            if !goods.contains(&wish.stock) {
                let stock = goods[self.rng.usize(0..goods.len())];
                *wish = Wish { stock, ..*wish };
            }
        }
    }

    fn card_line(&mut self, oracle: &Oracle, envelope: &mut Envelope, take: &mut OwnedTake) -> CardLine {
        let choice = self.rng.u8(0..8);
        let is_wanted = |card: &Card| match choice {
            0 => true,
            1 => card.held > 0,
            2 => !card.lots().is_empty() && card.available > 0,
            _ => card.state == CardState::Active && card.available > 0,
        };
        let here: Vec<CardId> = oracle
            .cards
            .iter()
            .filter(|(id, card)| {
                let merchant = oracle.stocks[&card.campaign].merchant;
                id.slot() == envelope.slot && merchant == envelope.merchant.0 && is_wanted(card)
            })
            .map(|(id, _)| *id)
            .collect();
        let id = if here.is_empty() || self.happens(self.plan.chances.foreign) {
            self.card(oracle, &mut envelope.clone(), None)
        } else {
            let index = self.recent(here.len());
            here[index]
        };
        let card = oracle.cards.get(&id);
        let mut use_of = OwnedRedeem::of(id, 1);
        use_of.amount = *self.choose(&[0, 99, 100, 1_000, 12_345]);
        let worth = card.and_then(|card| oracle.stocks[&card.campaign].campaign.as_ref());
        if let Some(campaign) = worth.filter(|_| self.rng.u8(0..8) > 0) {
            self.fit(&campaign.worth, envelope, &mut use_of);
        }
        if let Some(card) = card {
            if take.replace == OperationId(0) && take.cards.is_empty() && self.rng.u8(0..8) > 0 {
                take.user = card.owner;
            }
            let there = u32::try_from(card.available + card.held).unwrap_or(1);
            let more = u32::try_from(card.available + 1).unwrap_or(1);
            use_of.units = *pick(&mut self.rng, &[1, 1, 1, 2, more, there, there + 1]);
            if choice == 2 {
                use_of.units = u32::try_from(card.available).unwrap_or(1);
            }
            let campaign = oracle.stocks[&card.campaign].campaign.as_ref().filter(|_| self.rng.u8(0..8) > 0);
            let definition = campaign.map(|campaign| &campaign.worth.definition);
            match definition.map(|definition| definition.kind()) {
                Some(CampaignKind::Stamps) => {
                    use_of.units = definition.map_or(1, |definition| definition.value.get() as u32);
                }
                Some(CampaignKind::StoredValue) => {
                    use_of.amount = use_of.amount.max(u64::from(use_of.units));
                }
                _ => {}
            }
        }
        let generation = self.generation();
        CardLine {
            generation: generation.unwrap_or(0),
            by_code: u8::from(generation.is_some()),
            store: use_of.store.into(),
            product: use_of.product.into(),
            category: use_of.category.into(),
            ..CardLine::new(id, use_of.units.clamp(1, 1_000_000_000), use_of.amount)
        }
    }
}
