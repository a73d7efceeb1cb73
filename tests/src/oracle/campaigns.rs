//! The oracle on campaigns: stocks whose units are cards, their definitions, states and versions.
//!
//! Invariant: kind, units and inactive of a definition stay as they were made; serials below `issued` are cards, all others none.

use super::cards::Card;
use super::stocks::unsigned;
use super::{Oracle, Stock};
use crate::outcome::{OwnedCampaign, OwnedFacts, OwnedOutcome};
use crate::request::{CardCommand, OwnedActivityWish, OwnedCreate, OwnedGroupWish, Worth};
use scrip_engine::command::{CampaignKind, CampaignState, Definition, Envelope};
use scrip_engine::ids::{CardId, GivenCode, Slot, StockId};
use scrip_engine::limits::CAMPAIGNS_PER_SLOT_MAX;
use scrip_engine::rejection::{CapacityOf, Code};

/// What a stock of cards has beside its buckets.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its number within its slot.
    pub number: u16,
    /// Where it stands.
    pub state: CampaignState,
    /// How long its codes are.
    pub layout: u8,
    /// The key of its codes, as it was put in.
    pub key: Vec<u8>,
    /// What its cards are worth.
    pub worth: Worth,
    /// Cards issued: the next serial.
    pub issued: u64,
    /// Of them, those that went back to the supply.
    pub recycled: u64,
    /// When how many were issued, since days have been bounded.
    pub of_days: Vec<(u64, i128)>,
    /// Bearer cards that were issued together.
    pub batches: Vec<CardBatch>,
}

/// Bearer cards that were issued together. Those to which something has happened lie in [`Oracle::cards`].
#[derive(Debug, Clone)]
pub struct CardBatch {
    /// The serial of the first.
    pub first: u64,
    /// How many.
    pub cards: u64,
    /// What each is to which nothing has happened by itself.
    pub made: Card,
    /// They came with codes.
    pub imported: bool,
    /// The latest end that any of them was ever given; 0: the batch has none.
    pub latest_ms: u64,
}

impl Campaign {
    /// Slot and number, as codes and cards carry them.
    pub fn locator(&self, slot: Slot) -> u64 {
        CardId::new(slot, self.number, 0).locator()
    }
}

impl Oracle {
    /// The campaign, if it is one and is the merchant's.
    pub(super) fn own_campaign(&self, envelope: &Envelope, id: StockId) -> Option<(&Stock, &Campaign)> {
        let stock = self.own_stock(envelope, id)?;
        Some((stock, stock.campaign.as_deref()?))
    }

    /// What a stock is as a campaign. Panics when it is none.
    pub(super) fn campaign_mut(&mut self, id: StockId) -> &mut Campaign {
        self.stock_mut(id).campaign.as_mut().expect("a campaign")
    }

    /// Commands on campaigns and cards with an id of their own, but REDEEM.
    pub(super) fn change_cards(&mut self, envelope: &Envelope, command: &CardCommand) -> OwnedOutcome {
        match command {
            CardCommand::Create(create) => self.create_campaign(envelope, create),
            CardCommand::Edit { campaign, version, worth } => {
                self.edit_campaign(envelope, (*campaign, *version), worth)
            }
            CardCommand::State { campaign, version, state } => {
                self.move_campaign(envelope, (*campaign, *version), *state)
            }
            CardCommand::Issue(issue) => match self.claimed_under(envelope, issue) {
                Some(issue) => self.issue(envelope, &issue),
                None => OwnedOutcome::refused(Code::NotFound),
            },
            CardCommand::ImportCodes { campaign, codes } => {
                let codes: Vec<GivenCode> = codes.iter().map(|code| GivenCode(code.get())).collect();
                self.import_codes(envelope, *campaign, &codes)
            }
            CardCommand::SetCode { code, campaign } => self.set_code(envelope, *code, *campaign),
            CardCommand::Reverse { redemption, units } => self.reverse(envelope, *redemption, *units),
            CardCommand::Change { card, generation, change } => {
                self.change_card(envelope, (*card, *generation), *change)
            }
            CardCommand::Account { card, generation, wish } => {
                self.account(envelope, (*card, *generation), *wish)
            }
            CardCommand::Recycle { card, generation, into } => {
                self.recycle(envelope, (*card, *generation), *into)
            }
            CardCommand::Merge { into, generation, from } => self.merge(envelope, (*into, *generation), from),
            CardCommand::Void { campaign, version, .. } => {
                self.void_campaign(envelope, (*campaign, *version))
            }
            CardCommand::EndBatch { card, generation, end } => {
                self.end_batch(envelope, (*card, *generation), *end)
            }
            CardCommand::Gift { card, generation, wish } => self.gift(envelope, (*card, *generation), *wish),
            CardCommand::Group(wish) => self.change_group(envelope, wish),
            CardCommand::Activity(wish) => self.change_activity(envelope, wish),
            CardCommand::Redeem(_)
            | CardCommand::ShowCampaign { .. }
            | CardCommand::ShowCode { .. }
            | CardCommand::ShowCard { .. }
            | CardCommand::ShowWallet { .. }
            | CardCommand::ReadNotices { .. }
            | CardCommand::Quote(_) => unreachable!("{command:?} is answered elsewhere"),
        }
    }

    /// CAMPAIGN_SHOW, CARD_SHOW, CODE_SHOW, WALLET_SHOW, QUOTE.
    pub(super) fn show_cards(&self, envelope: &Envelope, command: &CardCommand) -> OwnedOutcome {
        match command {
            CardCommand::ShowCampaign { campaign } => self.show_campaign(envelope, *campaign),
            CardCommand::ShowCard { card, generation } => self.show_card(envelope, *card, *generation),
            CardCommand::ShowWallet { owner, campaign, after, usable, limit } => {
                self.show_wallet(envelope, (*owner, *usable), (*campaign, *after, *limit))
            }
            CardCommand::ReadNotices { after, limit } => self.read_notices(envelope, *after, *limit),
            CardCommand::ShowCode { code } => self.show_code(envelope, *code),
            CardCommand::Quote(quote) => self.quote(envelope, quote),
            CardCommand::Group(OwnedGroupWish::Show { group }) => self.show_group(envelope, *group),
            CardCommand::Activity(OwnedActivityWish::Show { activity, referrer }) => {
                self.show_activity(envelope, (*activity, *referrer))
            }
            _ => unreachable!("{command:?} is no query"),
        }
    }

    fn create_campaign(&mut self, envelope: &Envelope, create: &OwnedCreate) -> OwnedOutcome {
        let there = self.has_clock(envelope, &create.worth) && self.has_group(envelope, &create.worth);
        if self.stocks.contains_key(&create.campaign) || !there {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let is_here = |(id, stock): &(&StockId, &Stock)| {
            id.slot() == create.campaign.slot() && stock.campaign.is_some()
        };
        let here = self.stocks.iter().filter(is_here).count();
        if here >= CAMPAIGNS_PER_SLOT_MAX as usize {
            return full(CapacityOf::Campaigns, u64::from(CAMPAIGNS_PER_SLOT_MAX));
        }
        let mut made = Stock::new(envelope, &create.name, create.units, create.terms);
        made.campaign = Some(Box::new(Campaign {
            number: u16::try_from(here).expect("a slot has few campaigns"),
            state: CampaignState::Draft,
            layout: create.layout,
            key: create.key.clone(),
            worth: create.worth.clone(),
            issued: 0,
            recycled: 0,
            of_days: Vec::new(),
            batches: Vec::new(),
        }));
        self.stocks.insert(create.campaign, made);
        OwnedOutcome::StockChanged { value: create.units }
    }

    /// Whether the group that a definition names is a stock of the merchant in this slot.
    fn has_group(&self, envelope: &Envelope, worth: &Worth) -> bool {
        let group = worth.extension.group.get();
        let is_his = |id: StockId| id.slot() == envelope.slot && self.own_stock(envelope, id).is_some();
        group == 0 || is_his(StockId(group))
    }

    /// NOT_FOUND or the version's RULE_FAILED, if a compare-and-set names another than is there.
    pub(super) fn differs(
        &self,
        envelope: &Envelope,
        (campaign, version): (StockId, u32),
    ) -> Option<OwnedOutcome> {
        let Some((stock, _)) = self.own_campaign(envelope, campaign) else {
            return Some(OwnedOutcome::refused(Code::NotFound));
        };
        let facts = OwnedFacts::Version(stock.version);
        (stock.version != version).then_some(OwnedOutcome::Refused { code: Code::RuleFailed, facts })
    }

    fn raise_version(&mut self, campaign: StockId) -> OwnedOutcome {
        let stock = self.stock_mut(campaign);
        stock.version += 1;
        OwnedOutcome::StockChanged { value: u64::from(stock.version) }
    }

    fn edit_campaign(&mut self, envelope: &Envelope, seen: (StockId, u32), worth: &Worth) -> OwnedOutcome {
        if let Some(refusal) = self.differs(envelope, seen) {
            return refusal;
        }
        let campaign = self.campaign_mut(seen.0);
        let fixed = |definition: &Definition| (definition.kind, definition.units, definition.inactive());
        let of_account = |definition: &Definition| match definition.kind() {
            CampaignKind::StoredValue | CampaignKind::Stamps => (definition.value.get(), definition.currency),
            _ => (0, definition.currency),
        };
        let (now, new) = (&campaign.worth.definition, &worth.definition);
        let kept = fixed(now) == fixed(new) && of_account(now) == of_account(new);
        let there = self.has_clock(envelope, worth) && self.has_group(envelope, worth);
        if !kept || !there || !self.leaves_room(seen.0, worth) {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        self.redefine(seen.0, worth);
        self.raise_version(seen.0)
    }

    fn move_campaign(
        &mut self,
        envelope: &Envelope,
        seen: (StockId, u32),
        state: CampaignState,
    ) -> OwnedOutcome {
        use CampaignState::{Draft, Paused, Running, Stopped};
        if let Some(refusal) = self.differs(envelope, seen) {
            return refusal;
        }
        let campaign = self.campaign_mut(seen.0);
        let moves =
            [(Draft, Running), (Running, Paused), (Paused, Running), (Running, Stopped), (Paused, Stopped)];
        if !moves.contains(&(campaign.state, state)) {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        campaign.state = state;
        self.raise_version(seen.0)
    }

    /// CAMPAIGN_SHOW.
    pub(super) fn show_campaign(&self, envelope: &Envelope, id: StockId) -> OwnedOutcome {
        if id.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some((stock, campaign)) = self.own_campaign(envelope, id) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let (cost, committed, today) = self.committed(id);
        OwnedOutcome::Campaign(Box::new(OwnedCampaign {
            campaign: id,
            version: stock.version,
            state: campaign.state,
            layout: campaign.layout,
            locator: campaign.locator(id.slot()),
            issued: campaign.issued,
            cost,
            committed,
            today,
            batches: campaign.batches.len() as u32,
            key: campaign.key.clone(),
            definition: campaign.worth.definition,
            extension: campaign.worth.extension,
            tiers: campaign.worth.tiers.clone(),
            scope: campaign.worth.scope.clone(),
        }))
    }
}

/// CAPACITY.
pub(super) fn full(of: CapacityOf, maximum: u64) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum) }
}

/// A refusal that says what was asked of a campaign or its card, and what there is.
pub(super) fn short(code: Code, campaign: StockId, asked: i128, available: i128) -> OwnedOutcome {
    let (asked, available) = (unsigned(asked), unsigned(available));
    OwnedOutcome::Refused { code, facts: OwnedFacts::Units { stock: campaign, asked, available } }
}
