//! Drawing commands on campaigns and cards: definitions of every kind with times that begin and end soon, cards in every
//! state, quantities and amounts at the boundaries.
//!
//! Invariant: who asks is the merchant of the card or campaign mostly, in its slot, so that the last checks are reached, too.

use super::Generator;
use super::groups::altered_group;
use super::plan::{CardKind, pick, pick_weighted};
use super::sharing::altered_activity;
use crate::oracle::{Card, Oracle, Redemption, Stock};
use crate::request::{CardCommand, OwnedCommand, OwnedCreate, OwnedIssue, OwnedRedeem, Worth};
use scrip_engine::command::{
    AccountWish, BatchEnd, CampaignKind, CampaignState, CardChange, CardState, Envelope, Extension, GiftWish,
    Offline, Parties, QuoteCard, RecycleInto, Segments,
};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{BEARER_CARDS_MAX, CAMPAIGN_UNITS_MAX, CARD_VALUE_MAX, LATE_MAX_S, TTL_MAX_MS};

/// Nobody waits longer than that for something to begin or end: 40 days.
const FAR_MS: u64 = 40 * 86_400_000;

impl Generator {
    /// A campaign, not to be told from a stock by its id.
    pub(super) fn campaign(&mut self, campaign: StockId) -> OwnedCommand {
        let units = if self.happens(self.plan.chances.huge) {
            *self.choose(&[CAMPAIGN_UNITS_MAX, CAMPAIGN_UNITS_MAX - 1, 1 << 30])
        } else {
            let most = *self.choose(&[5, 40, 300, 3_000]);
            self.rng.u64(0..=most)
        };
        let create = OwnedCreate {
            campaign,
            name: "满减券".as_bytes().to_vec(),
            units,
            terms: self.terms(),
            layout: self.rng.u8(0..3),
            key: vec![self.rng.u8(..); self.rng.usize(0..=96)],
            worth: self.worth_that_waits(),
        };
        OwnedCommand::OfCards(CardCommand::Create(Box::new(create)))
    }

    /// Any definition; mostly a till that was offline may bring its uses later.
    fn worth_that_waits(&mut self) -> Worth {
        let mut worth = self.worth();
        worth.extension.late_s = if worth.definition.interval_s == 0 { self.late_s() } else { 0 }.into();
        worth
    }

    /// A command on campaigns and cards.
    pub(super) fn card_command(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> OwnedCommand {
        if let Some(start) = self.start_of_draft(oracle, envelope) {
            return OwnedCommand::OfCards(start);
        }
        let command = match pick_weighted(&mut self.rng, &self.plan.card_kinds) {
            CardKind::Create => {
                let id = self.stock(oracle, envelope);
                return self.campaign(id);
            }
            CardKind::QuoteReserve => return self.quote_reserve(oracle, envelope),
            CardKind::Edit => self.edit(oracle, envelope),
            CardKind::State => self.state(oracle, envelope),
            CardKind::GivenCodes => self.given_codes(oracle, envelope),
            CardKind::Ending => self.ending(oracle, envelope),
            CardKind::Recycle => self.recycle(oracle, envelope),
            CardKind::Issue => self.issue(oracle, envelope),
            CardKind::Claim => self.claim(oracle, envelope),
            CardKind::Redeem => self.redeem(oracle, envelope),
            CardKind::Gift => self.gift(oracle, envelope),
            CardKind::Account => self.account(oracle, envelope),
            CardKind::Reverse => self.reverse(oracle, envelope),
            CardKind::Change => self.change(oracle, envelope),
            CardKind::Merge => self.merge(oracle, envelope),
            CardKind::Group => self.group(oracle, envelope),
            CardKind::Activity => self.activity(oracle, envelope),
            CardKind::ShowCampaign => {
                CardCommand::ShowCampaign { campaign: self.any_campaign(oracle, envelope) }
            }
            CardKind::ShowCard => {
                let card = self.card(oracle, envelope, None);
                CardCommand::ShowCard { card, generation: self.generation() }
            }
            CardKind::Quote => self.quote(oracle, envelope),
            CardKind::Wallet => self.wallet(oracle, envelope),
        };
        OwnedCommand::OfCards(command)
    }

    /// A campaign mostly, moving the command to its merchant and slot.
    pub(super) fn any_campaign(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> StockId {
        let campaigns: Vec<StockId> =
            oracle.stocks.iter().filter(|(_, stock)| stock.campaign.is_some()).map(|(id, _)| *id).collect();
        if campaigns.is_empty() || self.happens(self.plan.chances.foreign + 20) {
            return self.stock(oracle, envelope);
        }
        let id = *self.choose(&campaigns);
        self.move_to(envelope, (oracle.stocks[&id].merchant, id.slot()));
        id
    }

    pub(super) fn move_to(&mut self, envelope: &mut Envelope, (merchant, slot): (u32, Slot)) {
        if !self.happens(self.plan.chances.foreign) {
            (envelope.merchant, envelope.slot) = (MerchantId(merchant), slot);
        }
    }

    fn edit(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let campaign = self.any_campaign(oracle, envelope);
        let stock = oracle.stocks.get(&campaign);
        let version = self.version(stock);
        let mut worth = self.worth();
        if let Some(there) = stock.and_then(|stock| stock.campaign.as_ref()).filter(|_| self.rng.u8(0..8) > 0)
        {
            // The rest of another kind would be malformed: keep what the kind decides.
            let mut tries = 0;
            while worth.definition.kind != there.worth.definition.kind && tries < 100 {
                worth = self.worth();
                tries += 1;
            }
            worth.definition.units = there.worth.definition.units;
            if matches!(worth.definition.kind(), CampaignKind::StoredValue | CampaignKind::Stamps) {
                worth.definition.value = there.worth.definition.value;
            }
            worth.definition.flags &= !2;
            worth.definition.flags |= there.worth.definition.flags & 2;
            let moves = self.rng.u8(0..4) == 0;
            if !moves {
                worth.definition.clock_minutes = there.worth.definition.clock_minutes;
            }
        }
        worth.extension = self.extension(oracle, campaign);
        if worth.definition.interval_s != 0 {
            worth.extension.late_s.set(0);
        }
        worth.price();
        CardCommand::Edit { campaign, version, worth: Box::new(worth) }
    }

    /// What a definition says beside its fields.
    fn extension(&mut self, oracle: &Oracle, campaign: StockId) -> Extension {
        let stocks: Vec<StockId> = oracle.stocks.keys().copied().filter(|id| *id != campaign).collect();
        let mut extension = Extension::default();
        if !stocks.is_empty() && self.rng.u8(0..3) > 0 {
            extension.group = self.choose(&stocks).0.into();
        }
        extension.late_s = self.late_s().into();
        let [first, second] = *self.choose(&[[0, 0], [0, 0], [1, 0], [2, 1], [17, 1], [43_200, 16]]);
        extension.remind_minutes = [first.into(), second.into()];
        extension
    }

    /// How late a till may be.
    fn late_s(&mut self) -> u32 {
        *self.choose(&[0, 0, 1, 5, 60, LATE_MAX_S])
    }

    fn state(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        use CampaignState::{Draft, Paused, Running, Stopped};
        let campaign = self.any_campaign(oracle, envelope);
        let stock = oracle.stocks.get(&campaign);
        let version = self.version(stock);
        let now = stock.and_then(|stock| stock.campaign.as_ref()).map(|campaign| campaign.state);
        // A campaign that runs has the longest story.
        let states = match now {
            Some(Running) => {
                [Paused, Paused, Running, Draft, if self.happens(100) { Stopped } else { Paused }]
            }
            _ => [Running, Running, Running, Running, if self.happens(100) { Stopped } else { Paused }],
        };
        CardCommand::State { campaign, version, state: *self.choose(&states) }
    }

    /// A campaign does not stay a draft for long, mostly.
    fn start_of_draft(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> Option<CardCommand> {
        let is_draft = |stock: &&Stock| {
            stock.campaign.as_ref().is_some_and(|campaign| campaign.state == CampaignState::Draft)
        };
        let mut drafts = oracle.stocks.iter().filter(|(_, stock)| is_draft(stock));
        let (campaign, stock) = drafts.next().filter(|_| self.rng.u8(0..6) == 0)?;
        self.move_to(envelope, (stock.merchant, campaign.slot()));
        let version = self.version(Some(stock));
        Some(CardCommand::State { campaign: *campaign, version, state: CampaignState::Running })
    }

    pub(super) fn parties(&mut self) -> Option<Parties> {
        let most = self.plan.buyers as u64;
        let told = self.happens(self.plan.chances.parties);
        told.then(|| {
            let mut one = || self.rng.u64(0..=most);
            Parties::new(u128::from(one()), one(), one())
        })
    }

    fn issue(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let campaign = self.any_campaign(oracle, envelope);
        let owner = UserId(self.rng.u128(0..=self.plan.buyers));
        let available = oracle.stocks.get(&campaign).map_or(0, |stock| stock.available);
        let (parties, most) = if owner.0 == 0 { (None, BEARER_CARDS_MAX) } else { (self.parties(), 64) };
        let count = if self.happens(self.plan.chances.boundary / 4) {
            u32::try_from(self.units_near(available)).unwrap_or(most)
        } else if self.happens(self.plan.chances.huge) {
            most
        } else {
            *pick(&mut self.rng, &[1, 1, 2, 3, 5, if owner.0 == 0 { 100 } else { 10 }])
        };
        let (from_ms, until_ms) = if self.rng.u8(0..4) == 0 { self.span() } else { (0, 0) };
        let count = count.clamp(1, most);
        CardCommand::Issue(OwnedIssue {
            owner,
            count,
            parties,
            from_ms,
            until_ms,
            ..OwnedIssue::of_nobody(campaign)
        })
    }

    fn claim(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let campaign = self.any_campaign(oracle, envelope);
        let owner = UserId(self.rng.u128(1..=self.plan.buyers));
        let parties = self.parties();
        let referral = self.word(oracle, envelope, (campaign, owner));
        let any = OwnedIssue::of_nobody(campaign);
        CardCommand::Issue(OwnedIssue { owner, claimed: true, parties, referral, ..any })
    }

    /// A card, one in a wanted state if there is any; moves the command to its merchant and slot.
    pub(super) fn card(
        &mut self,
        oracle: &Oracle,
        envelope: &mut Envelope,
        wanted: Option<CardState>,
    ) -> CardId {
        let campaigns: Vec<_> = oracle
            .stocks
            .iter()
            .filter_map(|(id, stock)| Some((id.slot(), stock.merchant, stock.campaign.as_deref()?)))
            .collect();
        if campaigns.is_empty() {
            return CardId(self.rng.u64(0..1 << 60));
        }
        let has_cards = campaigns.iter().filter(|(.., campaign)| campaign.issued > 0);
        let with_cards: Vec<_> = has_cards.copied().collect();
        let from = if with_cards.is_empty() || self.rng.u8(0..20) == 0 { campaigns } else { with_cards };
        let (slot, merchant, campaign) = *self.choose(&from);
        let in_state = |(id, card): &(&CardId, &Card)| {
            id.locator() == campaign.locator(slot) && wanted.is_none_or(|wanted| wanted == card.state)
        };
        let found: Vec<CardId> = oracle.cards.iter().filter(in_state).map(|(id, _)| *id).collect();
        self.move_to(envelope, (merchant, slot));
        if !found.is_empty() && self.rng.u8(0..4) > 0 {
            let index = self.recent(found.len());
            return found[index];
        }
        let batch = if campaign.batches.is_empty() { None } else { Some(self.choose(&campaign.batches)) };
        let serial = match (batch, self.rng.u8(0..6)) {
            (Some(batch), 1..) => batch.first + self.rng.u64(0..batch.cards.min(70)),
            (_, 0) => campaign.issued,
            _ => self.rng.u64(0..campaign.issued.max(1)),
        };
        CardId::new(slot, campaign.number, serial.min(CAMPAIGN_UNITS_MAX - 1))
    }

    pub(super) fn generation(&mut self) -> Option<u8> {
        *pick(&mut self.rng, &[None, None, None, None, Some(0), Some(0), Some(0), Some(0), Some(1)])
    }

    fn redeem(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let wanted = *pick(&mut self.rng, &[None, Some(CardState::Active), Some(CardState::Active)]);
        let id = self.card(oracle, envelope, wanted);
        let mut redeem = OwnedRedeem::of(id, *pick(&mut self.rng, &[0, 0, 1, 1, 2, 3]));
        redeem.generation = self.generation();
        redeem.order = OrderId(self.rng.u128(0..=self.plan.buyers));
        redeem.parties = self.parties();
        redeem.user = UserId(self.rng.u128(0..=self.plan.buyers));
        let numbers = [0, 1, 99, 100, 101, 250, 1_000, 9_999, 12_345];
        redeem.amount = *self.choose(&numbers);
        if self.happens(self.plan.chances.huge) {
            redeem.amount = u64::MAX - self.rng.u64(0..3);
        }
        [redeem.store, redeem.product, redeem.category] = [0; 3].map(|_: u64| self.rng.u64(0..3));
        let card = oracle.cards.get(&id);
        if let Some(card) = card {
            if self.rng.u8(0..6) > 0 {
                redeem.user = card.owner;
            }
            if self.happens(self.plan.chances.boundary) {
                redeem.units = u32::try_from(self.units_near(card.available)).unwrap_or(1);
            }
        }
        let campaigns = oracle.stocks.iter().filter_map(|(id, stock)| Some((id, stock.campaign.as_deref()?)));
        let mut worth = campaigns
            .filter(|(stock, campaign)| campaign.locator(stock.slot()) == id.locator())
            .map(|(_, campaign)| &campaign.worth);
        if let Some(worth) = worth.next_back().filter(|_| self.rng.u8(0..6) > 0) {
            self.fit(worth, envelope, &mut redeem);
        }
        if self.rng.u8(0..4) == 0 {
            let ago_ms = *self.choose(&[0, 1, 999, 2_000, 5_000, 5_001, 60_000, 61_000]);
            let ahead_ms = *self.choose(&[0, 0, 0, 0, 500, 60_000, 60_001]);
            let occurred_ms = (self.now_ms + ahead_ms).saturating_sub(ago_ms).max(1);
            redeem.offline = Some(Offline::new(occurred_ms, self.rng.u64(0..3)));
        }
        CardCommand::Redeem(redeem)
    }

    /// Lets a redemption name what the definition asks for, or hardly.
    pub(super) fn fit(&mut self, worth: &Worth, envelope: &mut Envelope, redeem: &mut OwnedRedeem) {
        for entry in &worth.scope {
            match entry.what {
                1 => envelope.channel = ChannelId(entry.id.get() as u16),
                2 => redeem.store = entry.id.get(),
                3 => redeem.product = entry.id.get(),
                4 => redeem.category = entry.id.get(),
                // Who gets cards is no matter of their use.
                6 | 7 => {}
                _ => envelope.segments = Segments::new(1..=3).expect("they ascend"),
            }
        }
        let least = worth.least();
        let over = *self.choose(&[0, 0, 1, 7, 100, 4_321]);
        let amounts = [least.saturating_add(over), least.saturating_mul(3), least.saturating_sub(1)];
        redeem.amount = *self.choose(&amounts);
    }

    fn reverse(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let made: Vec<_> = oracle
            .records
            .iter()
            .filter_map(|(key, record)| Some((*key, record.redemption.as_ref()?)))
            .collect();
        if made.is_empty() || self.rng.u8(0..12) == 0 {
            let index = if self.sent.is_empty() { None } else { Some(self.recent(self.sent.len())) };
            let redemption = index.map_or(OperationId(7), |index| self.sent[index].envelope.operation);
            return CardCommand::Reverse { redemption, units: self.rng.u32(0..3) };
        }
        let index = self.recent(made.len());
        let ((merchant, slot, operation), Redemption { units, reversed, .. }) = made[index];
        self.move_to(envelope, (merchant, Slot(slot)));
        let left = (units - reversed) as u32;
        let units = *self.choose(&[0, 0, 0, 1, 1, left, left + 1]);
        CardCommand::Reverse { redemption: OperationId(operation), units }
    }

    fn change(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        use CardState::{Active, Frozen, Inactive};
        let mut ahead_ms = |most_ms| self.now_ms + self.rng.u64(0..most_ms);
        // The last is later than any hold lasts: so late may cards be that keep their batch.
        let ends_ms = [ahead_ms(3), ahead_ms(20_000), ahead_ms(20_000), ahead_ms(40_000_000), 0, u64::MAX];
        let until_ms = *self.choose(&ends_ms);
        let (change, wanted) = match self.rng.u8(0..16) {
            0..5 => (CardChange::Activate, Inactive),
            5..9 => (CardChange::Freeze, Active),
            9..12 => (CardChange::Unfreeze, Frozen),
            12 => (CardChange::Void, Active),
            _ => (CardChange::Extend { until_ms }, Active),
        };
        let wanted = if self.rng.u8(0..4) == 0 { None } else { Some(wanted) };
        let card = self.card(oracle, envelope, wanted);
        CardCommand::Change { card, generation: self.generation(), change }
    }

    /// An entry in the account of a card, of its kind mostly.
    fn account(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let mut card = self.card(oracle, envelope, Some(CardState::Active));
        let kind_of = |card: &CardId| {
            let mut campaigns =
                oracle.stocks.iter().filter_map(|(id, stock)| Some((id, stock.campaign.as_ref()?)));
            let found = campaigns.find(|(id, campaign)| campaign.locator(id.slot()) == card.locator());
            found.map(|(_, campaign)| campaign.worth.definition.kind())
        };
        let fits =
            |card: &CardId| kind_of(card).is_some_and(|kind| kind.is_filled() || kind == CampaignKind::Pass);
        let fitting: Vec<CardId> = oracle.cards.keys().copied().filter(fits).collect();
        // What a hold has of a card must stay, whatever comes to it.
        let in_hold: Vec<CardId> = fitting.iter().copied().filter(|id| oracle.cards[id].held > 0).collect();
        if !fitting.is_empty() && self.rng.u8(0..5) > 0 {
            let fitting = if in_hold.is_empty() || self.rng.bool() { &fitting } else { &in_hold };
            card = fitting[self.recent(fitting.len())];
            let campaign = oracle.cards[&card].campaign;
            self.move_to(envelope, (oracle.stocks[&campaign].merchant, card.slot()));
        }
        let kind = if self.rng.u8(0..12) == 0 { None } else { kind_of(&card) };
        let until_ms = self.now_ms + self.rng.u64(0..9_000);
        let until_ms = *self.choose(&[0, 0, until_ms, until_ms, u64::MAX]);
        let mut number = || *pick(&mut self.rng, &[0, 1, 3, 10, 40, 100]);
        let (principal, bonus, paid) = (number(), number(), number());
        let most = if self.happens(self.plan.chances.huge) { CARD_VALUE_MAX } else { 5 };
        let units = *self.choose(&[1, 1, 2, 3, 10, most]);
        let wish = match kind {
            Some(CampaignKind::StoredValue) if self.rng.u8(0..8) == 0 => AccountWish::Refund,
            Some(CampaignKind::StoredValue) if principal + bonus == 0 => {
                AccountWish::TopUp { principal: units, bonus, paid, until_ms }
            }
            Some(CampaignKind::StoredValue) => {
                AccountWish::TopUp { principal, bonus, paid: if principal == 0 { 0 } else { paid }, until_ms }
            }
            Some(CampaignKind::Stamps | CampaignKind::Points) => AccountWish::Earn { units },
            Some(CampaignKind::Pass) if self.rng.u8(0..3) == 0 => {
                AccountWish::Renew { seconds: *self.choose(&[1, 5, 60, u32::MAX]) }
            }
            Some(CampaignKind::Pass) => AccountWish::Level { level: self.rng.u8(1..=5) },
            _ => *self.choose(&[
                AccountWish::Refund,
                AccountWish::Earn { units },
                AccountWish::Level { level: 1 },
                AccountWish::Renew { seconds: 1 },
                AccountWish::TopUp { principal: units, bonus: 0, paid: 0, until_ms },
            ]),
        };
        CardCommand::Account { card, generation: self.generation(), wish }
    }

    fn wallet(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let mut owner = UserId(self.rng.u128(0..=self.plan.buyers + 1));
        let campaign = if self.rng.bool() { Some(self.any_campaign(oracle, envelope)) } else { None };
        let after = if self.rng.bool() {
            let card = self.card(oracle, envelope, None);
            owner = match oracle.cards.get(&card) {
                Some(card) if self.rng.u8(0..6) > 0 => card.owner,
                _ => owner,
            };
            Some(card)
        } else {
            None
        };
        let limit = *self.choose(&[0, 0, 1, 2, 3, 64, 65, u32::MAX]);
        if self.rng.u8(0..4) == 0 {
            let newest = oracle.newest_notice();
            let after = self.rng.u64(0..=newest + 1);
            return CardCommand::ReadNotices { after, limit };
        }
        let usable = self.rng.u8(0..3) == 0;
        CardCommand::ShowWallet { owner, campaign, after, usable, limit }
    }

    /// The same command with one thing changed.
    pub(super) fn altered_cards(&mut self, command: CardCommand) -> OwnedCommand {
        let choice = self.rng.u8(0..4);
        OwnedCommand::OfCards(match command {
            CardCommand::Create(mut create) => {
                match choice {
                    0 => create.key.push(0),
                    1 => create.layout ^= 1,
                    2 => create.units ^= 1,
                    _ => create.worth.scope.truncate(create.worth.scope.len() / 2),
                }
                CardCommand::Create(create)
            }
            CardCommand::Edit { campaign, version, mut worth } => {
                worth.definition.grace_s = (worth.definition.grace_s.get() ^ 1).into();
                CardCommand::Edit { campaign, version, worth }
            }
            CardCommand::State { campaign, version, .. } => {
                CardCommand::State { campaign, version, state: CampaignState::Paused }
            }
            CardCommand::Issue(mut issue) => {
                match choice {
                    0 => issue.claimed = !issue.claimed,
                    1 => issue.count += 1,
                    2 => issue.owner.0 += 1,
                    _ => issue.parties = None,
                }
                CardCommand::Issue(issue)
            }
            CardCommand::Redeem(mut redeem) => {
                match choice {
                    0 => redeem.units ^= 1,
                    1 if redeem.offline.is_some() => redeem.offline = None,
                    1 => redeem.amount ^= 1,
                    2 => redeem.generation = Some(0).filter(|_| redeem.generation.is_none()),
                    _ => redeem.user.0 ^= 1,
                }
                CardCommand::Redeem(redeem)
            }
            CardCommand::Reverse { redemption, units } => {
                CardCommand::Reverse { redemption, units: units ^ 1 }
            }
            CardCommand::Account { card, generation, wish } => {
                let wish = match wish {
                    AccountWish::Earn { units } => AccountWish::Earn { units: units ^ 1 | 2 },
                    AccountWish::Renew { seconds } => AccountWish::Level { level: seconds as u8 % 8 + 1 },
                    _ => AccountWish::Renew { seconds: 7 },
                };
                CardCommand::Account { card, generation, wish }
            }
            CardCommand::Gift { card, generation, wish } => {
                let wish = match wish {
                    GiftWish::Give { user, to, lasts_s } => GiftWish::Give { user, to, lasts_s: lasts_s + 1 },
                    GiftWish::Accept { user } => GiftWish::Cancel { user },
                    GiftWish::Cancel { user } => GiftWish::Cancel { user: UserId(user.0 ^ 1) },
                };
                CardCommand::Gift { card, generation, wish }
            }
            CardCommand::Recycle { card, generation, into } => {
                let into = match into {
                    RecycleInto::Points { card, units } => RecycleInto::Points { card, units: units ^ 1 | 2 },
                    RecycleInto::Supply => RecycleInto::Campaign(StockId(card.0 >> 58 << 54 | 1)),
                    RecycleInto::Campaign(_) => RecycleInto::Supply,
                };
                CardCommand::Recycle { card, generation, into }
            }
            CardCommand::Merge { into, generation, mut from } => {
                match choice {
                    0 if from.len() > 1 => drop(from.pop()),
                    _ => from.reverse(),
                }
                if from.len() == 1 {
                    from[0] = QuoteCard::new(CardId(from[0].card().0 ^ 1), None);
                }
                let twice = from[0].card() == into;
                CardCommand::Merge { into: if twice { CardId(into.0 ^ 2) } else { into }, generation, from }
            }
            CardCommand::Void { campaign, version, reason } => {
                CardCommand::Void { campaign, version, reason: reason ^ 1 }
            }
            CardCommand::EndBatch { card, generation, end } => {
                let end = match end {
                    BatchEnd::Recycle => BatchEnd::Void { reason: 1 },
                    BatchEnd::Void { reason } => BatchEnd::Void { reason: reason ^ 1 },
                };
                CardCommand::EndBatch { card, generation, end }
            }
            CardCommand::Change { card, generation, change } => {
                let change =
                    if change == CardChange::Freeze { CardChange::Unfreeze } else { CardChange::Freeze };
                CardCommand::Change { card, generation, change }
            }
            CardCommand::Group(wish) => CardCommand::Group(altered_group(wish)),
            CardCommand::Activity(wish) => CardCommand::Activity(altered_activity(wish)),
            query => query,
        })
    }

    /// When cards, definitions, intervals and windows of reversal begin and end.
    pub(super) fn moments_of_cards(&self, oracle: &Oracle) -> Vec<u64> {
        let mut moments_ms: Vec<u64> =
            oracle.cards.values().flat_map(|card| [card.times.from_ms, card.times.until_ms]).collect();
        let lots = oracle.cards.values().flat_map(|card| card.lots());
        moments_ms.extend(lots.map(|lot| lot.until_ms));
        moments_ms.extend(oracle.deadlines_of_groups());
        let gifts = oracle.cards.values().filter_map(|card| card.gift);
        moments_ms.extend(gifts.map(|gift| gift.deadline_ms));
        for campaign in oracle.stocks.values().filter_map(|stock| stock.campaign.as_ref()) {
            let definition = &campaign.worth.definition;
            moments_ms.extend([definition.from_ms.get(), definition.until_ms.get()]);
            moments_ms.extend(super::budgets::moments_of(definition, self.now_ms));
            let times = campaign.batches.iter().map(|batch| batch.made.times);
            moments_ms.extend(times.flat_map(|times| [times.from_ms, times.until_ms]));
            let ends = campaign.batches.iter().filter(|batch| batch.latest_ms != 0 && !batch.made.ended);
            let ends_ms = ends.flat_map(|batch| [batch.made.times.until_ms, batch.latest_ms]);
            moments_ms.extend(ends_ms.map(|end_ms| end_ms + u64::from(TTL_MAX_MS)));
        }
        for redemption in oracle.records.values().filter_map(|record| record.redemption.as_ref()) {
            let Some(card) = oracle.cards.get(&redemption.card) else { continue };
            let Some(campaign) = &oracle.stocks[&card.campaign].campaign else { continue };
            let definition = &campaign.worth.definition;
            let seconds = [definition.interval_s.get(), definition.window_s.get()].map(u64::from);
            moments_ms.extend(seconds.map(|seconds| redemption.at_ms + seconds * 1_000));
        }
        for line in
            oracle.records.values().filter_map(|record| record.hold.as_ref()).flat_map(|hold| &hold.cards)
        {
            let Some(campaign) = &oracle.stocks[&oracle.cards[&line.card].campaign].campaign else {
                continue;
            };
            let definition = &campaign.worth.definition;
            let seconds = [definition.interval_s.get(), definition.window_s.get()].map(u64::from);
            moments_ms.extend(seconds.map(|seconds| line.at_ms + seconds * 1_000));
        }
        // Later than any card is kept nothing comes any more, and nobody waits that long.
        moments_ms.retain(|moment_ms| *moment_ms < self.now_ms + FAR_MS);
        moments_ms
    }
}
