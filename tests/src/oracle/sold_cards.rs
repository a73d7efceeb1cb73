//! The oracle on cards that are sold: lines of holds on campaigns, which become cards once they are paid, and go back with them.
//!
//! Invariant: a line that was paid for has as many cards as units; those that went back are void.

use super::campaigns::Campaign;
use super::take::Pools;
use super::{Hold, HoldLine, Oracle};
use crate::oracle::stocks::unsigned;
use crate::outcome::{Lack, OwnedOutcome, OwnedSold};
use crate::request::{OwnedIssue, OwnedTake};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{CampaignState, CardState, Envelope};
use scrip_engine::ids::{CardId, ChannelId, StockId, UserId};
use scrip_engine::rejection::Code;
use std::collections::BTreeSet;

impl Hold {
    /// What the answer says of the cards that it has sold.
    pub(super) fn sold_cards(&self) -> Vec<OwnedSold> {
        let row = |(line, of): (usize, &HoldLine)| {
            let cards = of.sold.len() as u32;
            of.sold.first().map(|first| OwnedSold { line, first: *first, cards })
        };
        self.lines.iter().enumerate().filter_map(row).collect()
    }
}

impl Oracle {
    /// Why a campaign sells no cards, with what it could sell: step 3.
    pub(super) fn cards_on_sale(
        &self,
        envelope: &Envelope,
        id: StockId,
        asked_so_far: u64,
    ) -> Option<(Code, i128)> {
        let wish = OwnedIssue::of_nobody(id);
        match self.issues(envelope, &wish) {
            Err(refusal) => Some((refusal.code().expect("a refusal"), 0)),
            Ok(()) if self.group_of(id).is_some() => Some((Code::RuleFailed, 0)),
            Ok(()) if asked_so_far > 1_000 => Some((Code::RuleFailed, 1_000)),
            Ok(()) => None,
        }
    }

    /// Step 8b.
    pub(super) fn cut_to_budgets(
        &self,
        take: &OwnedTake,
        replaced: Option<&Hold>,
        code: Code,
        pools: &mut Pools,
    ) {
        let campaigns: BTreeSet<StockId> = take.lines.iter().map(|wish| wish.stock).collect();
        for id in campaigns.into_iter().filter(|id| self.stocks[id].campaign.is_some()) {
            let held = replaced.filter(|hold| hold.state == HoldState::Held);
            let lines = held.into_iter().flat_map(|hold| &hold.lines).filter(|line| line.stock == id);
            let (cards, money) = self.budget_rooms(id, lines.map(|line| line.reserved).sum());
            let room = if code == Code::CampaignLimit { cards } else { money };
            let pool = pools.get_mut(&id).expect("every stock has a pool");
            *pool = room.map_or(*pool, |room| (*pool).min(room));
        }
    }

    /// CAPACITY, unless there are pages for the cards that are taken and those that are to be sold.
    pub(super) fn room_for_cards(&self, take: &OwnedTake, granted: &[i128]) -> Result<(), OwnedOutcome> {
        self.room_for_pages(take.cards.iter().map(|line| line.card()))?;
        let mut sold = Vec::new();
        for (wish, units) in take.lines.iter().zip(granted) {
            let Some(campaign) = &self.stocks[&wish.stock].campaign else { continue };
            let card = |serial| CardId::new(wish.stock.slot(), campaign.number, serial);
            // Several lines on one campaign go on from one another.
            let of_this = |card: &&CardId| card.locator() == card_of(campaign, wish.stock).locator();
            let first = campaign.issued + sold.iter().filter(of_this).count() as u64;
            sold.extend((first..first + unsigned(*units)).map(card));
        }
        self.room_for_pages(sold.into_iter())
    }

    /// Cards are made of units of a line that were consumed; of a line of another stock none.
    pub(super) fn sell_cards(
        &mut self,
        (stock, units): (StockId, i128),
        user: UserId,
        channel: ChannelId,
    ) -> Vec<CardId> {
        if self.stocks[&stock].campaign.is_none() || units == 0 {
            return Vec::new();
        }
        let made = self.made_through(&OwnedIssue { owner: user, ..OwnedIssue::of_nobody(stock) }, channel);
        self.issues += 1;
        let (now_ms, number) = (self.now_ms, self.campaign(stock).number);
        let campaign = self.campaign_mut(stock);
        let first = campaign.issued;
        campaign.issued += unsigned(units);
        campaign.note_issue(now_ms, units);
        let serials = first..first + unsigned(units);
        let cards: Vec<CardId> = serials.map(|serial| CardId::new(stock.slot(), number, serial)).collect();
        for card in &cards {
            self.cards.insert(*card, made.clone());
            self.sold.insert(*card);
        }
        cards
    }

    /// A CONFIRM in time of cards of a campaign that is void by now.
    pub(super) fn sells_void_cards(&self, hold: &Hold, wanted: &[i128]) -> Option<OwnedOutcome> {
        let mut lacks = Vec::new();
        for (line, of) in hold.lines.iter().enumerate().filter(|_| hold.state == HoldState::Held) {
            let campaign = self.stocks[&of.stock].campaign.as_ref();
            if wanted[line] > 0 && campaign.is_some_and(|campaign| campaign.state == CampaignState::Void) {
                let asked = super::holds::narrow(wanted[line]);
                lacks.push(Lack { line, why: Code::Void, asked, available: 0 });
            }
        }
        (!lacks.is_empty()).then(|| OwnedOutcome::refused_lines(Code::Void, lacks))
    }

    /// Whether a hold has lines on campaigns.
    pub(super) fn is_to_sell_cards(&self, hold: &Hold) -> bool {
        hold.lines.iter().any(|line| self.stocks[&line.stock].campaign.is_some())
    }

    /// Why an expired hold gets no cards of a campaign.
    pub(super) fn late_card_sale_fault(&self, id: StockId) -> Option<Code> {
        let stock = &self.stocks[&id];
        let campaign = stock.campaign.as_ref()?;
        let until_ms = campaign.worth.definition.until_ms.get();
        match campaign.state {
            CampaignState::Void => Some(Code::Void),
            CampaignState::Paused => Some(Code::Frozen),
            _ if stock.terms.frozen => Some(Code::Frozen),
            _ if until_ms != 0 && self.now_ms >= until_ms => Some(Code::Expired),
            _ => None,
        }
    }

    /// What the budgets of a campaign lack for an expired hold.
    pub(super) fn late_budget_fault(&self, id: StockId, wanted: i128) -> Option<(Code, i128)> {
        self.stocks[&id].campaign.as_ref()?;
        let (cards, money) = self.budget_rooms(id, 0);
        let lacks = |code, room: Option<i128>| Some((code, room.filter(|room| wanted > *room)?));
        lacks(Code::CampaignLimit, cards).or_else(|| lacks(Code::BudgetExceeded, money))
    }

    /// The cards that end as these units of lines go back, or which lines have too few that can.
    pub(super) fn sold_cards_that_go_back(
        &self,
        hold: &Hold,
        given: &[i128],
    ) -> Result<Vec<CardId>, Vec<Lack>> {
        let (mut ended, mut lacks) = (Vec::new(), Vec::new());
        for (line, of) in hold.lines.iter().enumerate().filter(|(line, _)| given[*line] > 0) {
            if self.stocks[&of.stock].campaign.is_none() {
                continue;
            }
            let free: Vec<CardId> =
                of.sold.iter().rev().copied().filter(|card| self.why_kept(hold, *card).is_none()).collect();
            let asked = usize::try_from(given[line]).expect("units fit");
            if free.len() < asked {
                let others = of.sold.iter().rev().filter_map(|card| self.why_kept(hold, *card));
                let why = others.into_iter().find(|why| *why != Code::Void).unwrap_or(Code::Void);
                let (asked, available) = (super::holds::narrow(given[line]), free.len() as u64);
                lacks.push(Lack { line, why, asked, available });
            }
            ended.extend(free.into_iter().take(asked));
        }
        if lacks.is_empty() { Ok(ended) } else { Err(lacks) }
    }

    /// Why a card that was sold can't go back.
    fn why_kept(&self, hold: &Hold, id: CardId) -> Option<Code> {
        let card = &self.cards[&id];
        let owner = (self.stocks[&card.campaign].merchant, id.slot().0);
        let is_buyers = card.owner == hold.user || self.person(owner, card.owner.0).contains(&hold.user.0);
        let new = i128::from(self.worth_of(card).definition.units.get());
        match card.state {
            CardState::Void => Some(Code::Void),
            CardState::Used => Some(Code::Used),
            CardState::Gifting => Some(Code::LockedByOtherOrder),
            _ if card.held > 0 => Some(Code::LockedByOtherOrder),
            _ if card.consumed > 0 || self.newest_redemption(id).is_some() => Some(Code::Used),
            _ if !is_buyers => Some(Code::NotOwner),
            _ if card.available != new || card.supplied() != 0 => Some(Code::RuleFailed),
            _ => None,
        }
    }

    /// Cards that were sold end.
    pub(super) fn end_sold_cards(&mut self, ended: &[CardId], to_supply: bool) {
        for id in ended {
            let card = self.cards[id].clone();
            self.end_one(*id, card, to_supply);
        }
    }
}

/// The first card of a campaign.
fn card_of(campaign: &Campaign, stock: StockId) -> CardId {
    CardId::new(stock.slot(), campaign.number, 0)
}
