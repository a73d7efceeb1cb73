//! Cards and money of campaigns in the walk's own books: what each has issued, in all and on its newest day.
//!
//! It stands beside the books of cards because it needs time and zones, which nothing there does. Invariant: nothing here
//! panics on a log that is wrong; what can't be is put into words.

use super::books::Books;
use scrip_engine::calendar::{Day, Zone};
use scrip_engine::command::{BatchEnd, CampaignTerms, Limits};
use scrip_engine::event::{CampaignEvent, CodeEvent, Event, GroupEvent, RecycledFor, ShareEvent};
use scrip_engine::ids::{CardId, MerchantId, Slot, StockId};
use std::collections::BTreeMap;

/// What a campaign may issue, and what it has.
#[derive(Debug, Clone)]
struct BudgetBook {
    merchant: MerchantId,
    clock_minutes: i16,
    cost: u128,
    budget: u128,
    budget_per_day: u128,
    cards_per_day: u128,
    issued: u128,
    /// Cards that groups hold.
    held: u128,
    day: u32,
    today: u128,
}

/// The budgets of all campaigns.
#[derive(Debug, Default)]
pub(super) struct BudgetBooks {
    now_ms: u64,
    zones: BTreeMap<(MerchantId, u16), Zone>,
    campaigns: BTreeMap<StockId, BudgetBook>,
    /// Campaigns by the locators of their cards, once they have issued any.
    locators: BTreeMap<u64, StockId>,
}

impl BudgetBook {
    fn limits_days(&self) -> bool {
        self.cards_per_day != 0 || self.budget_per_day != 0
    }

    fn define(&mut self, terms: &CampaignTerms<'_>) {
        let definition = terms.definition;
        self.clock_minutes = definition.clock_minutes.get();
        self.cost = u128::from(terms.cost());
        self.budget = u128::from(definition.budget.get());
        self.budget_per_day = u128::from(definition.budget_per_day.get());
        self.cards_per_day = u128::from(definition.cards_per_day.get());
    }

    /// What can't be.
    fn wrong(&self, campaign: StockId) -> Option<String> {
        let over = |most: u128, there: u128| most != 0 && there > most;
        let today = self.today + self.held;
        let (in_all, of_day) = ((self.issued + self.held) * self.cost, today * self.cost);
        if over(self.budget, in_all) {
            return Some(format!("cards of {campaign} can cost {in_all}, its budget is {}", self.budget));
        }
        if over(self.budget_per_day, of_day) || over(self.cards_per_day, today) {
            return Some(format!("{today} cards of {campaign} on one day are too many, or cost too much"));
        }
        None
    }
}

impl BudgetBooks {
    /// Follows an event; answers what it shows that can't be.
    pub(super) fn follow(&mut self, event: &Event<'_>, books: &Books) -> Option<String> {
        match event {
            Event::Tick { now_ms } => self.now_ms = *now_ms,
            Event::ZoneSet { origin, transitions, .. } => {
                self.zones.insert((origin.merchant, origin.slot.0), Zone::new(transitions));
            }
            Event::Campaign(CampaignEvent::Created { origin, campaign, definition, .. }) => {
                let mut book = BudgetBook {
                    merchant: origin.merchant,
                    clock_minutes: 0,
                    cost: 0,
                    budget: 0,
                    budget_per_day: 0,
                    cards_per_day: 0,
                    issued: 0,
                    held: 0,
                    day: 0,
                    today: 0,
                };
                book.define(definition);
                self.campaigns.insert(*campaign, book);
            }
            Event::Campaign(CampaignEvent::Edited { campaign, definition, .. }) => {
                return self.edit(*campaign, definition);
            }
            Event::CardBatchEnded { campaign, end: BatchEnd::Recycle, cards, .. } => {
                if let Some(book) = self.campaigns.get_mut(campaign) {
                    book.issued = book.issued.saturating_sub(u128::from(*cards));
                }
            }
            Event::Recycled { card, given: RecycledFor::Supply, .. } => {
                self.take_back(*card);
            }
            Event::Recycled { given: RecycledFor::Card { campaign, made, .. }, .. } => {
                self.locators.insert(made.locator(), *campaign);
                return self.issue(*campaign, 1);
            }
            Event::Issued { campaign, first, count, .. } => {
                self.locators.insert(first.locator(), *campaign);
                return self.issue(*campaign, u128::from(*count));
            }
            Event::Codes(CodeEvent::Imported { campaign, first, codes, .. }) if !codes.is_empty() => {
                self.locators.insert(first.locator(), *campaign);
                return self.issue(*campaign, codes.len() as u128);
            }
            Event::Share(ShareEvent::Rewarded { campaign, first, referrers, .. }) => {
                self.locators.insert(first.locator(), *campaign);
                return self.issue(*campaign, referrers.len() as u128);
            }
            Event::Share(ShareEvent::Received { reward, card, .. }) => {
                self.locators.insert(card.locator(), reward.campaign);
                return self.issue(reward.campaign, 1);
            }
            Event::Group(event) => {
                if let GroupEvent::Filled { campaign, owners, first, .. } = event {
                    self.locators.insert(first.locator(), *campaign);
                    self.campaigns.get_mut(campaign)?.held = u128::from(books.stocks.get(campaign)?.held);
                    return self.issue(*campaign, owners.len() as u128);
                }
                return self.hold(books);
            }
            event => return self.follow_holds(event, books),
        }
        None
    }

    /// Orders hold cards, and sell them.
    fn follow_holds(&mut self, event: &Event<'_>, books: &Books) -> Option<String> {
        let held = self.hold(books);
        match event {
            Event::Taken { lines, sales, .. } | Event::Confirmed { lines, sales, .. } => {
                for sale in *sales {
                    let campaign = lines.get(sale.line())?.stock();
                    self.locators.insert(sale.first().locator(), campaign);
                    let wrong = self.issue(campaign, u128::from(sale.count.get()));
                    if wrong.is_some() {
                        return wrong;
                    }
                }
            }
            Event::Returned { to_available: true, ended, .. } => {
                ended.iter().for_each(|card| self.take_back(CardId(card.get())));
            }
            Event::Cancelled { .. } => {
                books.cards.undone.iter().for_each(|card| self.take_back(*card));
            }
            _ => {}
        }
        held
    }

    /// A card goes back to the supply.
    fn take_back(&mut self, card: CardId) {
        let stock = self.locators.get(&card.locator());
        if let Some(book) = stock.and_then(|stock| self.campaigns.get_mut(stock)) {
            book.issued = book.issued.saturating_sub(1);
        }
    }

    /// Groups or orders hold more cards, or fewer: of the campaigns that the event has touched.
    fn hold(&mut self, books: &Books) -> Option<String> {
        books.touched.iter().find_map(|campaign| {
            let day = self.day(self.campaigns.get(campaign)?, campaign.slot());
            let book = self.campaigns.get_mut(campaign)?;
            book.held = u128::from(books.stocks.get(campaign)?.held);
            if book.day != day {
                (book.day, book.today) = (day, 0);
            }
            book.wrong(*campaign)
        })
    }

    /// The day on which a campaign is.
    fn day(&self, book: &BudgetBook, slot: Slot) -> u32 {
        let zone = self.zones.get(&(book.merchant, slot.0)).filter(|_| book.clock_minutes == Limits::BY_ZONE);
        zone.map_or(Day::at(self.now_ms, book.clock_minutes), |zone| zone.day(self.now_ms)).0
    }

    fn edit(&mut self, campaign: StockId, terms: &CampaignTerms<'_>) -> Option<String> {
        let mut book = self.campaigns.get(&campaign)?.clone();
        let is_today = book.limits_days() && book.day == self.day(&book, campaign.slot());
        book.define(terms);
        book.today = if is_today && book.limits_days() { book.today } else { 0 };
        book.day = self.day(&book, campaign.slot());
        let wrong = book.wrong(campaign);
        self.campaigns.insert(campaign, book);
        wrong
    }

    fn issue(&mut self, campaign: StockId, cards: u128) -> Option<String> {
        let day = self.day(self.campaigns.get(&campaign)?, campaign.slot());
        let book = self.campaigns.get_mut(&campaign)?;
        book.issued += cards;
        if book.limits_days() {
            book.today = cards + if book.day == day { book.today } else { 0 };
            book.day = day;
        }
        book.wrong(campaign)
    }
}
