//! The oracle on RECYCLE and MERGE: cards that end for something else.
//!
//! Invariant: units move lot by lot, and end no later than before.

use super::Oracle;
use super::accounts::{Lot, in_seconds};
use super::campaigns::{full, short};
use super::cards::{Card, narrow};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedIssue;
use scrip_engine::command::{CampaignKind, CardState, Envelope, QuoteCard, RecycleInto};
use scrip_engine::ids::{CardId, StockId};
use scrip_engine::limits::LOTS_PER_CARD_MAX;
use scrip_engine::rejection::{CapacityOf, Code};

impl Oracle {
    /// RECYCLE.
    pub(super) fn recycle(
        &mut self,
        envelope: &Envelope,
        named: (CardId, Option<u8>),
        into: RecycleInto,
    ) -> OwnedOutcome {
        match self.recycled(envelope, named, into) {
            Ok(value) => OwnedOutcome::StockChanged { value },
            Err(refusal) => refusal,
        }
    }

    fn recycled(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        into: RecycleInto,
    ) -> Result<u64, OwnedOutcome> {
        let refused = |code| Err(OwnedOutcome::refused(code));
        let Some(card) = self.own_card(envelope, id, generation) else { return refused(Code::NotFound) };
        self.is_over(&card, into)?;
        let value = match into {
            RecycleInto::Supply => {
                self.room_for_pages(std::iter::once(id))?;
                1
            }
            RecycleInto::Points { card: other, units } => {
                let Some(mut points) = self.own_card(envelope, other, None) else {
                    return refused(Code::NotFound);
                };
                if self.worth_of(&points).definition.kind() != CampaignKind::Points {
                    return refused(Code::RuleFailed);
                }
                self.usable(&points)?;
                if points.owner != card.owner {
                    return refused(Code::NotOwner);
                }
                let available = self.earn_points(other, &mut points, units)?;
                self.cards.insert(other, points);
                available
            }
            RecycleInto::Campaign(campaign) => self.exchange(envelope, &card, campaign)?,
        };
        self.end_one(id, card, into == RecycleInto::Supply);
        Ok(value)
    }

    /// Whether a card has expired for good, with nobody else having any of it.
    fn is_over(&self, card: &Card, into: RecycleInto) -> Result<(), OwnedOutcome> {
        use CardState::{Active, Frozen, Inactive};
        let supply = into == RecycleInto::Supply;
        if !(supply && matches!(card.state, Inactive | Active | Frozen)) {
            match self.usable(card) {
                // Times come later.
                Err(refusal) if !refusal.tells_time() => return Err(refusal),
                _ => {}
            }
        }
        if card.times.until_ms == 0 {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        if self.now_ms < card.times.until_ms {
            let facts = OwnedFacts::Time(card.times.until_ms);
            return Err(OwnedOutcome::Refused { code: Code::NotStarted, facts });
        }
        if card.held > 0 {
            return Err(short(Code::LockedByOtherOrder, card.campaign, card.held, card.available));
        }
        if card.owner.0 == 0 && !supply { Err(OwnedOutcome::refused(Code::RuleFailed)) } else { Ok(()) }
    }

    /// A card of another campaign is issued to the owner of this one; answers its id.
    fn exchange(&mut self, envelope: &Envelope, card: &Card, id: StockId) -> Result<u64, OwnedOutcome> {
        let wish = OwnedIssue { owner: card.owner, ..OwnedIssue::of_nobody(id) };
        if self.own_campaign(envelope, id).is_some() && id == card.campaign {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        self.issues(envelope, &wish)?;
        self.is_there(envelope, &wish)?;
        self.room_for(envelope, &wish, None)?;
        let made = self.made(envelope, &wish);
        Ok(self.make(envelope, &wish, (made, false)).0)
    }

    /// One card is void, and so is its unit, unless it goes back to the supply.
    pub(super) fn end_one(&mut self, id: CardId, mut card: Card, back: bool) {
        card.state = CardState::Void;
        card.gift = None;
        card.void_all();
        if back {
            card.level = 0;
        }
        let (campaign, channel) = (card.campaign, card.channel);
        self.cards.insert(id, card);
        let stock = self.stock_mut(campaign);
        stock.consumed -= 1;
        stock.channel_mut(channel).consumed -= 1;
        if back {
            stock.available += 1;
            self.campaign_mut(campaign).recycled += 1;
        } else {
            stock.void += 1;
            stock.lower_guarantee(channel, 1);
        }
    }

    /// MERGE.
    pub(super) fn merge(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        from: &[QuoteCard],
    ) -> OwnedOutcome {
        self.merged(envelope, (id, generation), from).unwrap_or_else(|refusal| refusal)
    }

    fn merged(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        from: &[QuoteCard],
    ) -> Result<OwnedOutcome, OwnedOutcome> {
        let missing = || OwnedOutcome::refused(Code::NotFound);
        let mut into = self.own_card(envelope, id, generation).ok_or_else(missing)?;
        let mut sources = Vec::new();
        for named in from {
            let card = self.own_card(envelope, named.card(), named.generation()).ok_or_else(missing)?;
            sources.push((named.card(), card));
        }
        let worth = self.worth_of(&into).clone();
        let kind = worth.definition.kind();
        if !matches!(kind, CampaignKind::StoredValue | CampaignKind::Stamps | CampaignKind::Points) {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        self.usable(&into)?;
        for (_, source) in &sources {
            if source.campaign != into.campaign {
                return Err(OwnedOutcome::refused(Code::RuleFailed));
            }
            self.usable(source)?;
            if source.owner != into.owner {
                return Err(OwnedOutcome::refused(Code::NotOwner));
            }
            if source.held > 0 {
                return Err(short(Code::LockedByOtherOrder, source.campaign, source.held, source.available));
            }
        }
        let (before, now_ms) = (into.balance(self.now_ms), self.now_ms);
        let units: i128 = sources.iter().map(|(_, source)| source.balance(now_ms)).sum();
        let room = match kind {
            CampaignKind::Stamps => {
                (i128::from(worth.definition.value.get()) - into.available - into.held).max(0)
            }
            _ => into.room(),
        };
        if units > room {
            return Err(short(Code::RuleFailed, into.campaign, units, room));
        }
        self.drop_lots_over(&mut into);
        for (_, source) in &sources {
            self.pour(source, &mut into, (kind, worth.definition.units.get(), worth.definition.value.get()));
        }
        // Lots come last: before them, pages.
        let all = std::iter::once(id).chain(from.iter().map(QuoteCard::card));
        self.room_for_pages(all)?;
        if into.lots().len() > LOTS_PER_CARD_MAX {
            return Err(full(CapacityOf::Lots, LOTS_PER_CARD_MAX as u64));
        }
        self.cards.insert(id, into);
        for (id, source) in sources {
            self.end_one(id, source, false);
        }
        Ok(OwnedOutcome::Filled { units: narrow(units), available: narrow(before + units) })
    }

    /// Lots of a card that are over go.
    fn drop_lots_over(&self, card: &mut Card) {
        let over: Vec<u64> =
            card.lots().iter().filter(|lot| self.lot_is_over(lot)).map(|lot| lot.id).collect();
        let lost: i128 =
            card.lots().iter().filter(|lot| over.contains(&lot.id)).map(|lot| lot.available).sum();
        card.available -= lost;
        card.void += lost;
        if let Some(account) = &mut card.account {
            account.lots.retain(|lot| !over.contains(&lot.id));
        }
    }

    /// What a source has that is live goes to a card.
    fn pour(&mut self, source: &Card, into: &mut Card, (kind, new, value): (CampaignKind, u32, u64)) {
        let ends = |until_ms: u64| {
            let ends = [until_ms, source.times.until_ms].into_iter().filter(|end| *end != 0).min();
            ends.filter(|end| *end != into.times.until_ms).unwrap_or(0)
        };
        let (new, value) = (i128::from(new), i128::from(value));
        let own = source.own();
        let paid_for_own = if kind == CampaignKind::StoredValue && new > 0 { value * own / new } else { 0 };
        let mut poured = vec![(own, false, paid_for_own, ends(0), true)];
        for lot in source.lots().iter().filter(|lot| lot.until_ms == 0 || self.now_ms < lot.until_ms) {
            poured.push((
                lot.available,
                lot.bonus,
                lot.paid * lot.available / lot.units,
                ends(lot.until_ms),
                false,
            ));
        }
        // What had no end of its own ends with the card, whatever that one's end is.
        for (units, bonus, paid, until_ms, is_own) in poured.into_iter().filter(|piece| piece.0 > 0) {
            into.available += units;
            let account = into.account.get_or_insert_default();
            account.supplied += units;
            let joins_own = match kind {
                CampaignKind::Stamps => true,
                CampaignKind::Points => until_ms == 0,
                _ => is_own && until_ms == 0,
            };
            if joins_own {
                continue;
            }
            let same = account.lots.iter_mut().find(|lot| lot.until_ms == until_ms);
            if let (CampaignKind::Points, Some(lot)) = (kind, same) {
                lot.units += units;
                lot.available += units;
                continue;
            }
            self.lots_made += 1;
            let (id, held, kept_ms, consumed) = (self.lots_made, 0, 0, 0);
            let until_ms = in_seconds(until_ms);
            account.lots.push(Lot {
                id,
                bonus,
                units,
                available: units,
                consumed,
                paid,
                until_ms,
                held,
                kept_ms,
            });
        }
    }
}
