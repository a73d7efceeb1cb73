//! The oracle on cards: how they are issued, when they are valid, what is changed about them, and how they are shown.
//!
//! Invariant: a card with an owner, and one to which something has happened, has a struct of its own; any other is what its
//! batch says.

use super::campaigns::{Campaign, CardBatch, full, short};
use super::redemptions::is_never_used;
use super::{Account, Gift, HoldLine, Oracle, Stock};
use crate::outcome::OwnedOutcome;
use crate::request::OwnedIssue;
use scrip_engine::answer::{CardView, Issued, WalletCard};
use scrip_engine::command::{
    CampaignKind, CampaignState, CardChange, CardState, Definition, Envelope, Quota,
};
use scrip_engine::ids::{CardId, ChannelId, OperationId, StockId, UserId};
use scrip_engine::limits::{
    BEARER_CARDS_MAX, CAMPAIGN_UNITS_MAX, CARD_BATCHES_MAX, CARD_BATCHES_PER_CAMPAIGN_MAX,
    WALLET_CARDS_PER_ANSWER_MAX, WALLET_CARDS_SCANNED_MAX,
};
use scrip_engine::rejection::{CapacityOf, Code};
use std::collections::BTreeSet;
use zerocopy::little_endian::{U16, U32, U64};

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `CardView`, which documents them")]
pub struct Card {
    pub campaign: StockId,
    pub owner: UserId,
    pub channel: ChannelId,
    pub state: CardState,
    pub generation: u8,
    pub available: i128,
    /// In holds.
    pub held: i128,
    pub consumed: i128,
    pub void: i128,
    /// Of a pass.
    pub level: u8,
    /// It was filled.
    pub account: Option<Account>,
    pub times: Times,
    /// The command that issued it gave it these times: an activation leaves them alone.
    pub own_times: bool,
    /// It was given, and that is remembered.
    pub gift: Option<Gift>,
    /// Issues before the one that made it, gifts that were accepted among them.
    pub received: u64,
    /// When it was issued.
    pub issued_ms: u64,
    /// Its campaign or batch has ended: what comes back to it is void.
    pub ended: bool,
}

/// When a card is valid, ms; 0: open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From here on.
    pub from_ms: u64,
    /// Until here.
    pub until_ms: u64,
}

impl Times {
    /// The times of a card received at `now_ms`, where `self` says the absolute part.
    fn received(self, definition: &Definition, now_ms: u64) -> Times {
        let Times { mut from_ms, mut until_ms } = self;
        let (after_s, lasts_s) = (definition.starts_after_s.get(), definition.lasts_s.get());
        if after_s != 0 {
            from_ms = from_ms.max(now_ms + u64::from(after_s) * 1_000);
        }
        if lasts_s != 0 {
            let end_ms = from_ms.max(now_ms).saturating_add(u64::from(lasts_s) * 1_000);
            until_ms = if until_ms == 0 { end_ms } else { until_ms.min(end_ms) };
        }
        Times { from_ms, until_ms }
    }

    /// In whole seconds, as far as they go.
    fn kept(self) -> Times {
        let most = u64::from(u32::MAX);
        let from_s = self.from_ms.div_ceil(1_000).min(most);
        let until_s = if self.until_ms == 0 { 0 } else { (self.until_ms / 1_000).clamp(1, most) };
        Times { from_ms: from_s * 1_000, until_ms: until_s * 1_000 }
    }

    /// Until then, in whole seconds.
    pub(super) fn until(self, until_ms: u64) -> Times {
        Times { from_ms: self.from_ms, until_ms: Times { from_ms: 0, until_ms }.kept().until_ms }
    }
}

impl CardBatch {
    /// Whether an import of so many cards from this serial on is more of this batch.
    fn goes_on(&self, serial: u64, made: &Card, count: u32) -> bool {
        self.imported
            && self.first + self.cards == serial
            && (self.made.channel, self.made.times) == (made.channel, made.times)
            && self.made.issued_ms / 1_000 == made.issued_ms / 1_000
            && !self.made.ended
            && self.cards + u64::from(count) <= u64::from(BEARER_CARDS_MAX)
    }
}

impl Oracle {
    /// ISSUE and CLAIM.
    pub(super) fn issue(&mut self, envelope: &Envelope, issue: &OwnedIssue) -> OwnedOutcome {
        self.issue_cards(envelope, issue, false)
    }

    /// Bearer cards that come with codes.
    pub(super) fn issue_imported(&mut self, envelope: &Envelope, issue: &OwnedIssue) -> OwnedOutcome {
        self.issue_cards(envelope, issue, true)
    }

    fn issue_cards(&mut self, envelope: &Envelope, issue: &OwnedIssue, imported: bool) -> OwnedOutcome {
        let demand = issue.demand();
        let bearer = issue.owner == UserId(0);
        if self.own_campaign(envelope, issue.campaign).is_none() {
            return OwnedOutcome::refused(Code::NotFound);
        }
        let word = match self.referred(envelope, issue) {
            Ok(word) => word,
            Err(refusal) => return refusal,
        };
        if let Err(refusal) = self.issues(envelope, issue).and_then(|()| self.lets_get(envelope, issue)) {
            return refusal;
        }
        let who = self.who_claims(envelope, issue);
        if let Err(refusal) = self.judge(envelope, &who) {
            return refusal;
        }
        if let Err(refusal) = self.suffices(envelope, issue) {
            return refusal;
        }
        let made = self.made(envelope, issue);
        if let Err(refusal) = self.room_for(envelope, issue, imported.then_some(&made)) {
            return refusal;
        }
        let count = i128::from(issue.count);
        if !bearer {
            let mut line = HoldLine::of_cards(issue.campaign, count);
            line.note_subjects(&self.stocks[&issue.campaign], &demand);
            self.count_new(&line, false);
            self.count_for_good(&line);
            if let Some(group) = self.group_of(issue.campaign) {
                let mut line = HoldLine::of_cards(group, count);
                line.note_subjects(&self.stocks[&group], &demand);
                self.count_new(&line, false);
                self.count_for_good(&line);
            }
        }
        self.count_success(envelope, &who);
        let (state, Times { from_ms, until_ms }) = (made.state, made.times);
        let first = self.make(envelope, issue, (made, imported));
        if let Some(word) = word {
            self.refer(word, issue, first);
        }
        OwnedOutcome::Issued(Issued { first, cards: issue.count, state, from_ms, until_ms })
    }

    /// Cards are made; answers the first.
    pub(super) fn make(
        &mut self,
        envelope: &Envelope,
        issue: &OwnedIssue,
        (made, imported): (Card, bool),
    ) -> CardId {
        let (bearer, count) = (issue.owner == UserId(0), i128::from(issue.count));
        let stock = self.stock_mut(issue.campaign);
        stock.take(envelope.channel, count, true);
        self.issues += 1;
        let now_ms = self.now_ms;
        let campaign = self.campaign_mut(issue.campaign);
        let (serial, number) = (campaign.issued, campaign.number);
        campaign.issued += u64::from(issue.count);
        campaign.note_issue(now_ms, count);
        let card = |serial| CardId::new(issue.campaign.slot(), number, serial);
        if bearer {
            let (cards, latest_ms) = (u64::from(issue.count), made.times.until_ms);
            let batch = CardBatch { first: serial, cards, made: made.clone(), imported, latest_ms };
            match campaign
                .batches
                .last_mut()
                .filter(|last| imported && last.goes_on(serial, &made, issue.count))
            {
                Some(last) => last.cards += batch.cards,
                None => campaign.batches.push(batch),
            }
        } else {
            let serials = serial..serial + u64::from(issue.count);
            self.cards.extend(serials.map(|serial| (card(serial), made.clone())));
        }
        card(serial)
    }

    /// Steps 1 and 2: the campaign is there and issues cards.
    pub(super) fn issues(&self, envelope: &Envelope, issue: &OwnedIssue) -> Result<(), OwnedOutcome> {
        let refused = |code| Err(OwnedOutcome::refused(code));
        let Some((stock, campaign)) = self.own_campaign(envelope, issue.campaign) else {
            return refused(Code::NotFound);
        };
        let own_times = issue.from_ms != 0 || issue.until_ms != 0;
        let definition = &campaign.worth.definition;
        let until_ms = if own_times { issue.until_ms } else { definition.until_ms.get() };
        let is_over = |end_ms: u64| end_ms != 0 && self.now_ms >= end_ms;
        if campaign.state == CampaignState::Void {
            refused(Code::Void)
        } else if stock.terms.frozen || campaign.state == CampaignState::Paused {
            refused(Code::Frozen)
        } else if campaign.state == CampaignState::Draft || self.now_ms < stock.terms.opens_ms {
            refused(Code::NotStarted)
        } else if campaign.state == CampaignState::Stopped
            || is_over(stock.terms.closes_ms)
            || is_over(until_ms)
        {
            refused(Code::Expired)
        } else {
            Ok(())
        }
    }

    /// Step 2a: who may get cards.
    pub(super) fn lets_get(&self, envelope: &Envelope, issue: &OwnedIssue) -> Result<(), OwnedOutcome> {
        let (_, campaign) = self.own_campaign(envelope, issue.campaign).expect("it is there");
        if issue.owner == UserId(0) || campaign.worth.may_be_got(envelope) {
            return Ok(());
        }
        Err(OwnedOutcome::refused(Code::OutOfScope))
    }

    /// Steps 4 to 6: limits, quota, supply.
    pub(super) fn suffices(&self, envelope: &Envelope, issue: &OwnedIssue) -> Result<(), OwnedOutcome> {
        let asked = i128::from(issue.count);
        let lacks = |code, there| Err(short(code, issue.campaign, asked, there));
        if issue.owner != UserId(0) {
            let subjects = super::told(&issue.demand());
            let rooms = subjects.map(|subject| self.room_of(issue.campaign, subject, None));
            let room = rooms.into_iter().flatten().min().map(|room| room.max(0));
            if let Some(room) = room.filter(|room| asked > *room) {
                return lacks(Code::UserLimit, room);
            }
            if let Some(group) = self.group_of(issue.campaign) {
                let rooms = subjects.map(|subject| self.room_of(group, subject, None));
                let room = rooms.into_iter().flatten().min().map(|room| room.max(0));
                if let Some(room) = room.filter(|room| asked > *room) {
                    return Err(short(Code::UserLimit, group, asked, room));
                }
            }
        }
        self.is_there(envelope, issue)
    }

    /// Steps 4a to 6: budgets, quota, supply.
    pub(super) fn is_there(&self, envelope: &Envelope, issue: &OwnedIssue) -> Result<(), OwnedOutcome> {
        let stock = &self.stocks[&issue.campaign];
        let asked = i128::from(issue.count);
        let lacks = |code, there| Err(short(code, issue.campaign, asked, there));
        self.budget_allows(issue.campaign, asked)?;
        let room = stock.room(envelope.channel);
        if stock.has_quotas() && asked > room {
            return lacks(Code::ChannelQuota, room);
        }
        let serials = i128::from(CAMPAIGN_UNITS_MAX) - i128::from(self.campaign(issue.campaign).issued);
        let there = stock.available.min(serials);
        if asked > there {
            return lacks(Code::OutOfStock, there);
        }
        Ok(())
    }

    /// The stock in which a campaign's cards count, too.
    pub fn group_of(&self, campaign: StockId) -> Option<StockId> {
        let campaign = self.stocks.get(&campaign)?.campaign.as_ref()?;
        Some(StockId(campaign.worth.extension.group.get())).filter(|group| group.0 != 0)
    }

    /// Step 7, as far as the oracle counts it: cards or batches, channels.
    pub(super) fn room_for(
        &self,
        envelope: &Envelope,
        issue: &OwnedIssue,
        imported: Option<&Card>,
    ) -> Result<(), OwnedOutcome> {
        let (stock, campaign) = self.own_campaign(envelope, issue.campaign).expect("it is there");
        let goes_on = |made: &Card| {
            campaign.batches.last().is_some_and(|last| last.goes_on(campaign.issued, made, issue.count))
        };
        if imported.is_some_and(goes_on) {
            // It is more of a batch that is there.
        } else if issue.owner == UserId(0) {
            let campaigns = self.stocks.values().filter_map(|stock| stock.campaign.as_deref());
            let in_all: usize = campaigns.map(|campaign| campaign.batches.len()).sum();
            if campaign.batches.len() >= CARD_BATCHES_PER_CAMPAIGN_MAX {
                return Err(full(CapacityOf::CardBatches, CARD_BATCHES_PER_CAMPAIGN_MAX as u64));
            }
            if in_all >= CARD_BATCHES_MAX {
                return Err(full(CapacityOf::CardBatches, CARD_BATCHES_MAX as u64));
            }
        } else {
            let (slot, number) = (issue.campaign.slot(), campaign.number);
            let serials = campaign.issued..campaign.issued + u64::from(issue.count);
            self.room_for_pages(serials.map(|serial| CardId::new(slot, number, serial)))?;
        }
        if stock.is_full_for(envelope.channel) { Err(Stock::too_many_channels()) } else { Ok(()) }
    }

    /// CAPACITY, unless there are pages for these cards, too.
    pub(super) fn room_for_pages(&self, cards: impl Iterator<Item = CardId>) -> Result<(), OwnedOutcome> {
        let before = self.pages(std::iter::empty());
        let after = self.pages(cards);
        if after > before && after > self.cards_max.div_ceil(64) {
            return Err(full(CapacityOf::Cards, self.cards_max as u64));
        }
        Ok(())
    }

    /// Pages that cards with a struct of their own take, and these.
    pub fn pages(&self, more: impl Iterator<Item = CardId>) -> usize {
        let pages: BTreeSet<u64> = self.cards.keys().copied().chain(more).map(|card| card.0 / 64).collect();
        pages.len()
    }

    /// Pages with cards that were sold.
    pub fn pages_sold(&self) -> usize {
        self.sold.iter().map(|card| card.0 / 64).collect::<BTreeSet<u64>>().len()
    }

    /// What each card of an issue is.
    pub(super) fn made(&self, envelope: &Envelope, issue: &OwnedIssue) -> Card {
        self.made_through(issue, envelope.channel)
    }

    /// The same, through a channel.
    pub(super) fn made_through(&self, issue: &OwnedIssue, channel: ChannelId) -> Card {
        let campaign = self.campaign(issue.campaign);
        let definition = &campaign.worth.definition;
        let own_times = issue.from_ms != 0 || issue.until_ms != 0;
        let said = Times { from_ms: definition.from_ms.get(), until_ms: definition.until_ms.get() };
        let times = match (own_times, definition.inactive()) {
            (true, _) => Times { from_ms: issue.from_ms, until_ms: issue.until_ms },
            (false, true) => said,
            (false, false) => said.received(definition, self.now_ms),
        };
        Card {
            campaign: issue.campaign,
            owner: issue.owner,
            channel,
            state: if definition.inactive() { CardState::Inactive } else { CardState::Active },
            generation: 0,
            available: i128::from(definition.units.get()),
            held: 0,
            consumed: 0,
            void: 0,
            level: u8::from(definition.kind() == CampaignKind::Pass),
            account: None,
            times: times.kept(),
            own_times,
            gift: None,
            received: self.issues,
            issued_ms: self.now_ms,
            ended: false,
        }
    }

    /// The card, if it was issued by a campaign of this merchant and its generation is the code's.
    pub(super) fn own_card(&self, envelope: &Envelope, id: CardId, generation: Option<u8>) -> Option<Card> {
        let (stock, campaign) = self.campaign_of(id)?;
        let card = self.card(campaign, id)?;
        let is_named = generation.is_none_or(|generation| generation == card.generation);
        (stock.merchant == envelope.merchant.0 && is_named).then_some(card)
    }

    fn campaign_of(&self, id: CardId) -> Option<(&Stock, &Campaign)> {
        let campaigns = self
            .stocks
            .iter()
            .filter_map(|(stock_id, stock)| Some((*stock_id, stock, stock.campaign.as_deref()?)));
        let mut found =
            campaigns.filter(|(stock_id, _, campaign)| campaign.locator(stock_id.slot()) == id.locator());
        found.next().map(|(_, stock, campaign)| (stock, campaign))
    }

    /// What a card is, be it by its batch.
    fn card(&self, campaign: &Campaign, id: CardId) -> Option<Card> {
        let holds = |batch: &&CardBatch| (batch.first..batch.first + batch.cards).contains(&id.serial());
        let batch = campaign.batches.iter().find(holds);
        self.cards.get(&id).cloned().or_else(|| Some(batch?.made.clone()))
    }

    /// CARD_CHANGE.
    pub(super) fn change_card(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        change: CardChange,
    ) -> OwnedOutcome {
        use CardState::{Active, Frozen, Gifting, Inactive, Used, Void};
        let Some(mut card) = self.own_card(envelope, id, generation) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let to = match (change, card.state) {
            (_, Void) => Err(Code::Void),
            (CardChange::Extend { until_ms }, _) if until_ms <= self.now_ms => Err(Code::RuleFailed),
            (CardChange::Extend { .. }, state) => Ok(state),
            (CardChange::Activate, Inactive) => Ok(Active),
            (CardChange::Activate, _) => Err(Code::RuleFailed),
            (CardChange::Freeze, Inactive) => Err(Code::NotActive),
            (CardChange::Freeze, Active | Gifting) => Ok(Frozen),
            (CardChange::Freeze, Frozen) => Err(Code::RuleFailed),
            (CardChange::Freeze, Used) => Err(Code::Used),
            (CardChange::Unfreeze, Frozen) => Ok(Active),
            (CardChange::Unfreeze, _) => Err(Code::RuleFailed),
            (CardChange::Void, Used) => Err(Code::Used),
            (CardChange::Void, _) => Ok(Void),
        };
        let to = match to {
            Ok(to) => to,
            Err(code) => return OwnedOutcome::refused(code),
        };
        if let Err(refusal) = self.room_for_pages(std::iter::once(id)) {
            return refusal;
        }
        card.state = to;
        if matches!(change, CardChange::Freeze | CardChange::Void) {
            card.gift = None;
        }
        match change {
            CardChange::Activate if !card.own_times => {
                let campaign = self.stocks[&card.campaign].campaign.as_ref().expect("a campaign");
                card.times = card.times.received(&campaign.worth.definition, self.now_ms).kept();
            }
            CardChange::Extend { until_ms } => card.times = card.times.until(until_ms),
            CardChange::Void => {
                card.void_all();
                let stock = self.stock_mut(card.campaign);
                stock.consumed -= 1;
                stock.void += 1;
                stock.channel_mut(card.channel).consumed -= 1;
                stock.lower_guarantee(card.channel, 1);
            }
            _ => {}
        }
        self.note_end(id, card.times.until_ms);
        self.cards.insert(id, card);
        OwnedOutcome::StockChanged { value: to as u64 }
    }

    /// CARD_SHOW.
    pub(super) fn show_card(&self, envelope: &Envelope, id: CardId, generation: Option<u8>) -> OwnedOutcome {
        if id.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some(card) = self.own_card(envelope, id, generation) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let lots = card.lot_views(self.now_ms);
        let view = CardView {
            card: id,
            campaign: card.campaign,
            owner: card.owner,
            state: card.state,
            generation: card.generation,
            channel: card.channel,
            level: card.level,
            available: narrow(card.balance(self.now_ms)),
            expired: narrow(card.expired(self.now_ms)),
            held: narrow(card.held),
            consumed: narrow(card.consumed),
            void: narrow(card.void),
            from_ms: card.times.from_ms,
            until_ms: card.times.until_ms,
            redemption: self.newest_redemption(id).map_or(OperationId(0), |(operation, _)| operation),
        };
        OwnedOutcome::Card(view, lots)
    }

    /// WALLET_SHOW.
    pub(super) fn show_wallet(
        &self,
        envelope: &Envelope,
        (owner, usable): (UserId, bool),
        (campaign, after, limit): (Option<StockId>, Option<CardId>, u32),
    ) -> OwnedOutcome {
        if campaign.is_some_and(|campaign| campaign.slot() != envelope.slot) {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        if campaign.is_some_and(|campaign| self.own_campaign(envelope, campaign).is_none()) {
            return OwnedOutcome::refused(Code::NotFound);
        }
        let mut wallet: Vec<(CardId, &Card)> =
            self.wallet_of(envelope, owner).into_iter().map(|id| (id, &self.cards[&id])).collect();
        if let Some(after) = after {
            let Some(position) = wallet.iter().position(|(id, _)| *id == after) else {
                return OwnedOutcome::refused(Code::NotFound);
            };
            wallet.drain(..=position);
        }
        let most = WALLET_CARDS_PER_ANSWER_MAX;
        let limit = if limit == 0 { most } else { most.min(limit as usize) };
        let (mut cards, mut looked_at) = (Vec::new(), 0);
        while looked_at < wallet.len() && looked_at < WALLET_CARDS_SCANNED_MAX && cards.len() < limit {
            let (id, card) = wallet[looked_at];
            looked_at += 1;
            let is_wanted = !usable || self.can_be_used(card);
            if is_wanted && campaign.is_none_or(|campaign| campaign == card.campaign) {
                cards.push(card.in_short(id, self.now_ms));
            }
        }
        let ends = looked_at == wallet.len();
        let next = if ends { None } else { Some(wallet[looked_at - 1].0) };
        OwnedOutcome::Wallet { next, cards }
    }

    /// Whether a REDEEM would get beyond state and times, and find something.
    fn can_be_used(&self, card: &Card) -> bool {
        let kind = self.worth_of(card).definition.kind();
        self.usable(card).is_ok() && (is_never_used(kind) || card.balance(self.now_ms) > 0)
    }
}

impl Card {
    /// A card as its owner's wallet shows it.
    fn in_short(&self, id: CardId, now_ms: u64) -> WalletCard {
        WalletCard {
            card: U64::new(id.0),
            campaign: U64::new(self.campaign.0),
            from_ms: U64::new(self.times.from_ms),
            until_ms: U64::new(self.times.until_ms),
            available: U32::new(narrow(self.balance(now_ms))),
            consumed: U32::new(narrow(self.consumed)),
            void: U32::new(narrow(self.void)),
            channel: U16::new(self.channel.0),
            state: self.state as u8,
            generation: self.generation,
        }
    }
}

impl Stock {
    /// Whether any channel has a guarantee or a cap.
    fn has_quotas(&self) -> bool {
        self.channels
            .values()
            .any(|channel| channel.guaranteed > 0 || channel.cap != i128::from(Quota::NO_CAP))
    }
}

pub(super) fn narrow(units: i128) -> u32 {
    u32::try_from(units).expect("a card's units fit 32 bits")
}
