//! Campaigns: what the cards of a stock of cards are worth, and which were issued.
//!
//! They stand beside the stocks because a campaign is a stock: its units, its rules and its limits are there; here is what
//! only cards need. Campaigns are few and set by operators, so they lie on the heap.
//!
//! Invariant: a campaign's number counts the campaigns made in its slot before it; its batches are in the order of their
//! serials, disjoint, and below `issued`.

use super::State;
use super::recount::{RecountError, same};
use super::stock::Stock;
use super::table::{Handle, NONE};
use crate::command::{CampaignState, CampaignTerms, Definition, Extension, ScopeEntry, Tier};
use crate::ids::{CardId, ChannelId, MerchantId, SLOTS, Slot, StockId};
use crate::limits::BEARER_CARDS_MAX;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::IntoBytes;

/// Where a batch of bearer cards stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum BatchStand {
    /// Each of its cards says so itself.
    #[default]
    Live = 0,
    /// Its cards that were not used are void.
    Void = 1,
    /// Its cards that were not used are void; as many can be issued again.
    Recycled = 2,
}

/// Bearer cards that were issued at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardBatch {
    /// The serial of the first.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Valid from, seconds; 0: open.
    pub from_s: u32,
    /// Valid until, seconds; 0: open.
    pub until_s: u32,
    /// When they were issued, seconds, rounded down.
    pub issued_s: u32,
    /// The channel that issued them.
    pub channel: ChannelId,
    /// Their times are the command's.
    pub own_times: bool,
    /// They have codes that were made elsewhere.
    pub imported: bool,
    /// The latest end that any of them was ever given, seconds; 0: the batch has none.
    pub latest_until_s: u32,
    /// Of them, used cards.
    pub used: u32,
    /// Of them, cards that were voided or recycled one by one.
    pub gone: u32,
    /// Whether it was voided or recycled as a whole.
    pub stand: BatchStand,
}

// What docs/architecture.md says.
const _: () = assert!(size_of::<CardBatch>() == 48);

impl CardBatch {
    /// Whether `next` is nothing but more of it: imports of the same kind, one directly behind the other. (A batch that an
    /// ISSUE has made stays as its answer says.)
    pub fn goes_on_with(&self, next: &CardBatch) -> bool {
        let like = |batch: &CardBatch| {
            (batch.channel, batch.from_s, batch.until_s, batch.issued_s, batch.imported, batch.stand)
        };
        self.imported
            && like(self) == like(next)
            && self.first + u64::from(self.count) == next.first
            && self.count + next.count <= BEARER_CARDS_MAX
    }
}

/// Cards that were issued on the newest day on which any were, as far as days are bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Today {
    /// The day, by the campaign's clock.
    pub day: u32,
    /// How many.
    pub cards: u64,
}

/// What a stock of cards is besides.
#[derive(Clone)]
pub struct Campaign {
    /// Its stock.
    pub stock: Handle,
    /// Its slot and its number in it.
    pub locator: u64,
    /// Where it stands.
    pub state: CampaignState,
    /// How long its codes are.
    pub layout: u8,
    /// What its cards are worth.
    pub definition: Definition,
    /// What its definition says besides.
    pub extension: Extension,
    /// The stock in which its cards count, too; [`NONE`]: none.
    group: u32,
    /// The steps of its discount.
    pub tiers: Vec<Tier>,
    /// What its cards can be used for.
    pub scope: Vec<ScopeEntry>,
    /// Cards issued: the next serial.
    pub issued: u64,
    /// Cards that went back to the supply.
    pub recycled: u64,
    /// Used cards, by the channels that issued them, in ascending order; a channel is here once it has issued any.
    pub used: Vec<(ChannelId, u64)>,
    /// Batches that were voided or recycled as a whole.
    pub ended_batches: u32,
    /// Cards of the day.
    pub today: Today,
    /// The place of the zone by which its clock goes; [`NONE`]: a fixed offset.
    pub(super) zone: u32,
    /// Batches of bearer cards.
    pub batches: Vec<CardBatch>,
    key: Box<[u8]>,
}

impl Campaign {
    /// A campaign in state draft; it gets its stock and its place when it is inserted.
    pub fn new(layout: u8, key: &[u8], terms: &CampaignTerms<'_>) -> Campaign {
        Campaign {
            stock: Handle(NONE),
            locator: 0,
            state: CampaignState::Draft,
            layout,
            definition: *terms.definition,
            extension: terms.extension,
            group: NONE,
            tiers: terms.tiers.to_vec(),
            scope: terms.scope.to_vec(),
            issued: 0,
            recycled: 0,
            used: Vec::new(),
            ended_batches: 0,
            today: Today::default(),
            zone: NONE,
            batches: Vec::new(),
            key: key.into(),
        }
    }

    /// The sealed key of its codes.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The card with this serial.
    #[inline]
    pub fn card(&self, serial: u64) -> CardId {
        CardId(self.locator << CardId::SERIAL_BITS | serial)
    }

    /// The batch that this serial lies in; `None`: its card was issued to an owner, or not yet.
    #[inline]
    pub fn batch_of(&self, serial: u64) -> Option<&CardBatch> {
        let behind = self.batches.partition_point(|batch| batch.first <= serial);
        self.batches[..behind].last().filter(|batch| serial - batch.first < u64::from(batch.count))
    }

    /// The batch of a bearer card. Panics on a card that was issued to an owner, or not yet.
    #[inline]
    pub fn batch_of_bearer(&self, serial: u64) -> &CardBatch {
        self.batch_of(serial).expect("a card without a record is of a batch")
    }

    /// Its definition with its lists.
    #[inline]
    pub fn terms(&self) -> CampaignTerms<'_> {
        CampaignTerms {
            definition: &self.definition,
            extension: self.extension,
            tiers: &self.tiers,
            scope: &self.scope,
        }
    }

    /// The stock in which its cards count, too.
    #[inline]
    pub fn group(&self) -> Option<Handle> {
        (self.group != NONE).then_some(Handle(self.group))
    }

    /// Cards that count for its budget: those issued, but for those that went back to the supply.
    pub fn counted(&self) -> u64 {
        self.issued - self.recycled
    }

    /// What those can cost at most, whatever became of them, with so many that groups hold.
    pub fn committed(&self, held: u64) -> u128 {
        u128::from(self.counted() + held) * u128::from(self.terms().cost())
    }

    /// Replaces what of its definition is not fixed; `zone` is the place of the zone by which its clock goes, `group` the
    /// handle of the stock in which its cards count, too.
    pub(crate) fn edit(&mut self, terms: &CampaignTerms<'_>, zone: u32, group: u32) {
        self.definition = *terms.definition;
        self.extension = terms.extension;
        self.group = group;
        self.zone = zone;
        self.tiers.clear();
        self.tiers.extend_from_slice(terms.tiers);
        self.scope.clear();
        self.scope.extend_from_slice(terms.scope);
    }

    /// Whether what it has issued, in all and today, with so many that groups hold, lies inside all its maxima.
    fn is_inside(&self, held: u64, today: u64) -> bool {
        let (definition, cost) = (&self.definition, u128::from(self.terms().cost()));
        let inside = |most: u64, there: u128| most == 0 || there <= u128::from(most);
        inside(definition.budget.get(), self.committed(held))
            && inside(definition.budget_per_day.get(), u128::from(today + held) * cost)
            && inside(definition.cards_per_day.get(), u128::from(today + held))
            && self.today.cards <= self.issued
            && (definition.limits_days() || self.today == Today::default())
    }

    fn digest(&self, hash: &mut Xxh3) {
        let Today { day, cards } = self.today;
        let numbers =
            [u64::from(self.stock.0), self.locator, self.issued, self.recycled, u64::from(day), cards];
        hash.update(numbers.as_bytes());
        hash.update(&self.zone.to_le_bytes());
        hash.update(&[self.state as u8, self.layout]);
        hash.update(self.definition.as_bytes());
        hash.update(self.extension.as_bytes());
        hash.update(&self.group.to_le_bytes());
        hash.update(self.tiers.as_bytes());
        hash.update(self.scope.as_bytes());
        hash.update(&self.key);
        for (channel, cards) in &self.used {
            hash.update([u64::from(channel.0), *cards].as_bytes());
        }
        for batch in &self.batches {
            hash.update(batch.first.as_bytes());
            let channel = u32::from(batch.channel.0);
            let numbers = [batch.count, batch.from_s, batch.until_s, batch.issued_s, channel];
            hash.update(numbers.as_bytes());
            hash.update([batch.latest_until_s, batch.used, batch.gone].as_bytes());
            hash.update(&[u8::from(batch.own_times), u8::from(batch.imported), batch.stand as u8]);
        }
    }
}

/// All campaigns.
pub struct Campaigns {
    list: Vec<Campaign>,
    /// By slot and number: positions in the list.
    by_slot: Vec<Vec<u32>>,
    /// Batches of all of them.
    batches: usize,
}

impl Default for Campaigns {
    fn default() -> Campaigns {
        Campaigns { list: Vec::new(), by_slot: vec![Vec::new(); usize::from(SLOTS)], batches: 0 }
    }
}

impl Campaigns {
    /// How many a slot has.
    pub fn in_slot(&self, slot: Slot) -> u32 {
        self.by_slot[usize::from(slot.0)].len() as u32
    }

    /// Batches of bearer cards, of all campaigns.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// The campaign of a card; `None`: there is none with such a locator.
    #[inline]
    pub fn of_card(&self, card: CardId) -> Option<Handle> {
        let slot = self.by_slot.get(usize::from(card.slot().0))?;
        slot.get(usize::from(card.campaign())).map(|position| Handle(*position))
    }

    /// The campaign with this handle.
    #[inline]
    pub fn get(&self, handle: Handle) -> &Campaign {
        &self.list[handle.0 as usize]
    }

    /// The campaign with this handle, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, handle: Handle) -> &mut Campaign {
        &mut self.list[handle.0 as usize]
    }

    /// All of them, in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &Campaign)> {
        self.list.iter().enumerate().map(|(position, campaign)| (Handle(position as u32), campaign))
    }

    /// Bearer cards were issued.
    pub(crate) fn add_batch(&mut self, handle: Handle, batch: CardBatch) {
        let batches = &mut self.get_mut(handle).batches;
        if let Some(last) = batches.last_mut().filter(|last| last.goes_on_with(&batch)) {
            last.count += batch.count;
            return;
        }
        batches.push(batch);
        self.batches += 1;
    }
}

impl State {
    /// The merchant's campaign with this id, and its handle.
    #[inline]
    pub fn campaign_of(&self, merchant: MerchantId, id: StockId) -> Option<(Handle, &Campaign)> {
        let stock = self.stock(self.stock_of(merchant, id)?);
        let handle = stock.campaign()?;
        Some((handle, self.campaigns.get(handle)))
    }

    /// The stock of a campaign.
    #[inline]
    pub fn stock_of_campaign(&self, campaign: &Campaign) -> &Stock {
        self.stock(campaign.stock)
    }

    /// Adds a campaign with its stock.
    pub(crate) fn insert_campaign(&mut self, mut stock: Stock, mut campaign: Campaign) {
        let handle = Handle(self.campaigns.list.len() as u32);
        let slot = stock.id.slot();
        let number = self.campaigns.in_slot(slot) as u16;
        stock.set_campaign(handle);
        campaign.locator = CardId::new(slot, number, 0).locator();
        campaign.stock = self.insert_stock(stock);
        campaign.zone = self.zone_of_campaign(campaign.stock, &campaign.definition);
        campaign.group = self.group_of_campaign(&campaign.extension);
        self.campaigns.by_slot[usize::from(slot.0)].push(handle.0);
        self.campaigns.list.push(campaign);
    }

    /// The handle of the stock in which cards of a campaign that says so count, too; [`NONE`]: none. Panics if there is no such
    /// stock.
    pub(crate) fn group_of_campaign(&self, extension: &Extension) -> u32 {
        let found = |group| self.find_stock(group).expect("decide refused a group that is not there");
        extension.group().map_or(NONE, |group| found(group).0)
    }

    /// Each batch lies behind those before it, and its cards were issued.
    pub(super) fn compare_campaigns(&self) -> Result<(), RecountError> {
        let mut batches = 0;
        for (handle, campaign) in self.campaigns.iter() {
            let held = self.stock_of_campaign(campaign).units.held;
            let today = self.cards_today(campaign, self.now_ms);
            let mut next = 0;
            for batch in &campaign.batches {
                same("cards before a batch", u64::from(batch.first >= next), 1)?;
                next = batch.first + u64::from(batch.count);
            }
            same("cards of batches", u64::from(next <= campaign.issued), 1)?;
            same("campaigns inside their budgets", u64::from(campaign.is_inside(held, today)), 1)?;
            let found = self.campaigns.of_card(campaign.card(0));
            let known = campaign.ended_batches as usize
                == campaign.batches.iter().filter(|batch| batch.stand != BatchStand::Live).count();
            same("batches that have ended", u64::from(known), 1)?;
            same("campaigns by their locators", u64::from(found == Some(handle)), 1)?;
            same("stocks of campaigns", u64::from(self.stock(campaign.stock).campaign() == Some(handle)), 1)?;
            batches += campaign.batches.len();
        }
        let stocks = self.stocks.iter().filter(|stock| stock.campaign().is_some()).count();
        same("campaigns", self.campaigns.list.len() as u64, stocks as u64)?;
        same("batches of bearer cards", self.campaigns.batches as u64, batches as u64)
    }

    pub(super) fn digest_campaigns(&self, hash: &mut Xxh3) {
        self.campaigns.list.iter().for_each(|campaign| campaign.digest(hash));
    }
}
