//! Cards in the walk's own books: which were issued, through which channel, what was used of each and what was given back.
//!
//! It follows docs/cards.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is
//! put into words, and the units of stocks are followed as the event says.

use super::books::{HoldName, name};
use scrip_engine::command::{BatchEnd, CampaignKind, CardChange, Definition};
use scrip_engine::event::{
    self, AccountEntry, CampaignEvent, CodeEvent, Event, EventLine, EventSale, MergedCard, Origin,
    RecycledFor, ShareEvent,
};
use scrip_engine::ids::{CardId, ChannelId, OperationKey, StockId};
use scrip_engine::limits::BEARER_CARDS_MAX;
use std::collections::BTreeMap;

/// Imports that agree in this and follow each other are one issue.
type Import = (ChannelId, u64, u32, u32);

/// A campaign.
#[derive(Debug, Clone)]
struct CampaignBook {
    stock: StockId,
    /// Units of a new card.
    units: u64,
    /// The first serial of each issue, its channel, and whether it ended as a whole.
    issues: Vec<(u64, ChannelId, bool)>,
    /// What the last issue is an import of, if it is one: from where, in which second, and when its cards are valid.
    import: Option<Import>,
    /// Cards of the kind stay usable without units.
    never_used: bool,
    /// Cards issued.
    issued: u64,
}

/// A card to which something has happened since it was issued.
#[derive(Debug, Clone, Copy, Default)]
struct CardBook {
    used: u64,
    held: u64,
    /// Units that it was filled with.
    supplied: u64,
    /// Units that were paid back.
    refunded: u64,
    void: bool,
    /// It was used when its campaign or batch ended.
    used_for_good: bool,
}

impl CardBook {
    /// Units that it can't give any more, or not now.
    const fn gone(&self) -> u64 {
        self.used + self.held + self.refunded
    }
}

/// What was used of a card at once.
#[derive(Debug, Clone, Copy)]
struct RedemptionBook {
    card: CardId,
    /// Units that were not given back yet.
    left: u64,
}

/// The cards of a hold.
#[derive(Debug, Clone, Default)]
struct CardsOfHold {
    /// Paid: what was used; else what is held.
    paid: bool,
    lines: Vec<(CardId, u64)>,
}

/// What an event means for the units of a campaign's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Units {
    /// Nothing.
    Stay,
    /// A stock of cards was made with so many.
    Make(StockId, u64),
    /// So many were issued through a channel.
    Issue(StockId, ChannelId, u64),
    /// A card that was issued through a channel is void, and one of another campaign is issued through another.
    Exchange {
        /// The campaign of the one.
        from: StockId,
        /// Its channel.
        channel: ChannelId,
        /// The campaign of the other.
        to: StockId,
        /// Its channel.
        through: ChannelId,
    },
    /// Cards that were issued through channels end.
    End {
        /// The campaign.
        stock: StockId,
        /// How many, by channel.
        cards: BTreeMap<ChannelId, u64>,
        /// They go back to the supply.
        back: bool,
        /// Nothing can be issued any more, either.
        all: bool,
    },
}

/// The books of cards.
#[derive(Debug, Default)]
pub(super) struct CardBooks {
    /// By locator.
    campaigns: BTreeMap<u64, CampaignBook>,
    locators: BTreeMap<StockId, u64>,
    /// Campaigns of each slot.
    numbers: BTreeMap<u16, u16>,
    cards: BTreeMap<CardId, CardBook>,
    redemptions: BTreeMap<HoldName, RedemptionBook>,
    /// Cards of holds: each with the units held, or used once it is paid.
    holds: BTreeMap<HoldName, CardsOfHold>,
    /// The card in whose account the last event made an entry, with all it was given and what of that is used.
    pub(super) entered: Option<(CardId, u64, u64)>,
    /// Cards that lines of holds have sold.
    sales: BTreeMap<HoldName, Vec<CardId>>,
    /// Cards of a sale that the last event has cancelled.
    pub(super) undone: Vec<CardId>,
    /// When the last event happened.
    now_ms: u64,
    /// Cards that the last event has used.
    pub(super) redeemed: Vec<CardId>,
    /// What can't be, of the last event.
    pub(super) wrong: Vec<String>,
}

impl CardBooks {
    /// Follows an event of campaigns and cards; of all others nothing is to be said.
    pub(super) fn follow(&mut self, event: &Event<'_>) -> Units {
        match event {
            Event::Campaign(CampaignEvent::Created { campaign, units, definition, .. }) => {
                self.open(*campaign, definition.definition);
                return Units::Make(*campaign, *units);
            }
            Event::Issued { origin, campaign, first, count, .. } => {
                return self.issue(origin.channel, *campaign, *first, u64::from(*count));
            }
            Event::Codes(CodeEvent::Imported { origin, campaign, first, from_s, until_s, codes, .. })
                if !codes.is_empty() =>
            {
                let import = (origin.channel, self.now_ms / 1_000, *from_s, *until_s);
                return self.import(import, *campaign, *first, codes.len() as u64);
            }
            Event::Share(ShareEvent::Rewarded { channel, campaign, first, referrers, .. }) => {
                return self.issue_singly(*channel, *campaign, *first, referrers.len() as u64);
            }
            Event::Share(ShareEvent::Received { reward, card, .. }) => {
                return self.issue_singly(reward.channel, reward.campaign, *card, 1);
            }
            Event::Redeemed { origin, card, units, .. } => {
                self.redeem(name(&origin.key()), *card, u64::from(*units));
            }
            Event::Reversed { origin, redemption, units, .. } => {
                let redemption = OperationKey { operation: *redemption, ..origin.key() };
                self.reverse(&name(&redemption), u64::from(*units));
            }
            Event::Account { card, entry, .. } => self.enter(*card, entry),
            Event::CardChanged { card, change: CardChange::Void, .. } => return self.void(*card),
            Event::Recycled { origin, card, given } => return self.recycle(origin, *card, given),
            Event::Merged { into, sources, .. } => return self.merge(*into, sources),
            Event::Campaign(CampaignEvent::Voided { campaign, cards, .. }) => {
                return self.void_all(*campaign, *cards);
            }
            Event::CardBatchEnded { campaign, first, end, cards, .. } => {
                return self.end_batch(*campaign, *first, *end == BatchEnd::Recycle, *cards);
            }
            // Times, states and definitions move no units.
            _ => {}
        }
        Units::Stay
    }

    fn open(&mut self, stock: StockId, definition: &Definition) {
        let number = self.numbers.entry(stock.slot().0).or_default();
        let locator = u64::from(stock.slot().0) << CardId::CAMPAIGN_BITS | u64::from(*number);
        *number += 1;
        let (units, kind) = (u64::from(definition.units.get()), CampaignKind::from_number(definition.kind));
        let never_used =
            matches!(kind, Some(CampaignKind::StoredValue | CampaignKind::Points | CampaignKind::Pass));
        let book = CampaignBook { stock, units, issues: Vec::new(), import: None, never_used, issued: 0 };
        self.campaigns.insert(locator, book);
        self.locators.insert(stock, locator);
    }

    /// Cards are issued to a group, each through its owner's channel.
    pub(super) fn issue_each(
        &mut self,
        stock: StockId,
        first: CardId,
        channels: impl Iterator<Item = ChannelId>,
    ) {
        for (place, channel) in channels.enumerate() {
            self.issue(channel, stock, CardId(first.0 + place as u64), 1);
        }
    }

    /// Cards are issued through one channel, each by itself: none of them ends because another does.
    fn issue_singly(&mut self, channel: ChannelId, stock: StockId, first: CardId, count: u64) -> Units {
        for place in 0..count {
            self.issue(channel, stock, CardId(first.0 + place), 1);
        }
        Units::Issue(stock, channel, count)
    }

    fn issue(&mut self, channel: ChannelId, stock: StockId, first: CardId, count: u64) -> Units {
        let found = self.locators.get(&stock).and_then(|locator| self.campaigns.get_mut(locator));
        let Some(campaign) = found else {
            self.wrong.push(format!("cards of {stock}, which is no campaign, are issued"));
            return Units::Stay;
        };
        if first.serial() != campaign.issued || self.locators.get(&stock) != Some(&first.locator()) {
            let next = campaign.issued;
            self.wrong.push(format!("card {first} of {stock} is issued, its next serial is {next}"));
        }
        campaign.issues.push((campaign.issued, channel, false));
        campaign.import = None;
        campaign.issued += count;
        Units::Issue(stock, channel, count)
    }

    /// Cards that came with codes: more of the last issue, or one of their own.
    fn import(&mut self, import: Import, stock: StockId, first: CardId, count: u64) -> Units {
        let before = self.campaigns.get(&first.locator()).filter(|campaign| campaign.import == Some(import));
        let last = before.and_then(|campaign| campaign.issues.last().copied());
        let units = self.issue(import.0, stock, first, count);
        let Some(campaign) = self.campaigns.get_mut(&first.locator()) else { return units };
        campaign.import = Some(import);
        let has_room = |begins: u64| campaign.issued - begins <= u64::from(BEARER_CARDS_MAX);
        if last.is_some_and(|(begins, _, ended)| !ended && has_room(begins)) {
            campaign.issues.pop();
        }
        units
    }

    /// The campaign of a card that was issued.
    fn campaign_of(&self, card: CardId) -> Option<&CampaignBook> {
        self.campaigns.get(&card.locator()).filter(|campaign| card.serial() < campaign.issued)
    }

    fn redeem(&mut self, redemption: HoldName, card: CardId, units: u64) {
        let Some(most) = self.campaign_of(card).map(|campaign| campaign.units) else {
            return self.wrong.push(format!("card {card} is used, it was not issued"));
        };
        let book = self.cards.entry(card).or_default();
        book.used += units;
        self.redeemed.push(card);
        self.check(card, most, "used");
        self.redemptions.insert(redemption, RedemptionBook { card, left: units });
    }

    /// Whether a card ended with all that were issued with it.
    fn has_ended(&self, card: CardId) -> bool {
        self.campaign_of(card).is_some_and(|campaign| {
            let behind = campaign.issues.partition_point(|(first, ..)| *first <= card.serial());
            campaign.issues[..behind].last().is_some_and(|(.., ended)| *ended)
        })
    }

    /// Nothing can go back to it any more.
    pub(super) fn is_lost(&self, card: CardId) -> bool {
        self.has_ended(card) || self.cards.get(&card).is_some_and(|book| book.void)
    }

    /// A card has no more used or paid back than it was given.
    fn check(&mut self, card: CardId, new: u64, what: &str) {
        let Some(book) = self.cards.get(&card).copied() else { return };
        let (has, gone) = (new + book.supplied, book.gone());
        let is_void = self.is_lost(card);
        if gone > has || is_void {
            let state = if is_void { ", and is void" } else { "" };
            self.wrong.push(format!("card {card} is {what} for {gone} units, it has {has}{state}"));
        }
    }

    /// An entry in the account of a card.
    fn enter(&mut self, card: CardId, entry: &AccountEntry) {
        let Some(new) = self.campaign_of(card).map(|campaign| campaign.units) else {
            return self.wrong.push(format!("card {card} is filled or changed, it was not issued"));
        };
        let book = self.cards.entry(card).or_default();
        match entry {
            AccountEntry::ToppedUp { principal, bonus, .. } => {
                book.supplied += u64::from(*principal) + u64::from(*bonus);
            }
            AccountEntry::Earned { units, .. } => book.supplied += u64::from(*units),
            AccountEntry::Refunded { voided, .. } => book.refunded += u64::from(*voided),
            // Times and levels move no units.
            AccountEntry::Renewed { .. } | AccountEntry::Levelled { .. } => {}
        }
        self.entered = Some((card, new + book.supplied, book.used));
        self.check(card, new, "used or paid back");
    }

    fn reverse(&mut self, name: &HoldName, units: u64) {
        let Some(redemption) = self.redemptions.get_mut(name) else {
            return self.wrong.push("what is reversed was no redemption".to_owned());
        };
        let (card, left) = (redemption.card, redemption.left);
        redemption.left = left.saturating_sub(units);
        let book = self.cards.entry(card).or_default();
        book.used = book.used.saturating_sub(units);
        if units > left || book.void || book.used_for_good {
            self.wrong.push(format!(
                "{units} units of card {card} are given back, of {left} that were used at once"
            ));
        }
    }

    fn void(&mut self, card: CardId) -> Units {
        let Some(campaign) = self.campaign_of(card) else {
            self.wrong.push(format!("card {card} is voided, it was not issued"));
            return Units::Stay;
        };
        let stock = campaign.stock;
        let behind = campaign.issues.partition_point(|(first, ..)| *first <= card.serial());
        let channel = campaign.issues[..behind].last().map_or(ChannelId(0), |(_, channel, _)| *channel);
        let ended = self.has_ended(card);
        let book = self.cards.entry(card).or_default();
        if core::mem::replace(&mut book.void, true) || ended {
            self.wrong.push(format!("card {card} is voided twice"));
        }
        Units::End { stock, cards: BTreeMap::from([(channel, 1)]), back: false, all: false }
    }

    /// An expired card is void, and what is given for it is there.
    fn recycle(&mut self, origin: &Origin, card: CardId, given: &RecycledFor) -> Units {
        if self.cards.get(&card).is_some_and(|book| book.held > 0) {
            self.wrong.push(format!("card {card} is recycled, and an order has some of it"));
        }
        let Units::End { stock, cards, .. } = self.void(card) else { return Units::Stay };
        match *given {
            RecycledFor::Supply => Units::End { stock, cards, back: true, all: false },
            RecycledFor::Points { card: into, units, .. } => {
                self.enter(into, &AccountEntry::Earned { units, until_s: 0 });
                Units::End { stock, cards, back: false, all: false }
            }
            RecycledFor::Card { campaign, made, .. } => {
                let channel = cards.keys().next().copied().unwrap_or(ChannelId(0));
                match self.issue(origin.channel, campaign, made, 1) {
                    Units::Issue(to, through, _) => Units::Exchange { from: stock, channel, to, through },
                    _ => Units::End { stock, cards, back: false, all: false },
                }
            }
        }
    }

    /// What sources had is another's.
    fn merge(&mut self, into: CardId, sources: &[MergedCard]) -> Units {
        let mut by_channel = BTreeMap::new();
        let mut of = None;
        for source in sources {
            let card = source.card();
            let new = self.campaign_of(card).map_or(0, |campaign| campaign.units);
            let book = self.cards.get(&card).copied().unwrap_or_default();
            let moved = u64::from(source.units.get()) + u64::from(source.lost.get());
            if book.held > 0 || book.gone() + moved > new + book.supplied {
                self.wrong.push(format!("{moved} units of card {card} are merged, more than it had"));
            }
            if card.locator() != into.locator() {
                self.wrong.push(format!("card {card} is merged into {into} of another campaign"));
            }
            if let Units::End { stock, cards, .. } = self.void(card) {
                of = Some(stock);
                for (channel, cards) in cards {
                    *by_channel.entry(channel).or_default() += cards;
                }
            }
            self.enter(into, &AccountEntry::Earned { units: source.units.get(), until_s: 0 });
        }
        match of {
            Some(stock) => Units::End { stock, cards: by_channel, back: false, all: false },
            None => Units::Stay,
        }
    }

    /// The cards of an issue end, but for those that are used or void; answers how many.
    fn end_issue(&mut self, locator: u64, at: usize) -> u64 {
        let Some(campaign) = self.campaigns.get_mut(&locator) else { return 0 };
        let (first, _, ended) = &mut campaign.issues[at];
        let (first, ended_before) = (*first, core::mem::replace(ended, true));
        let next = campaign.issues.get(at + 1).map_or(campaign.issued, |(next, ..)| *next);
        let (units, never_used) = (campaign.units, campaign.never_used);
        let id = |serial| CardId(locator << CardId::SERIAL_BITS | serial);
        if ended_before || first == next {
            return 0;
        }
        let mut left = next - first;
        for (_, card) in self.cards.range_mut(id(first)..=id(next - 1)) {
            let is_empty = card.held == 0 && card.gone() == units + card.supplied;
            if card.void {
                left -= 1;
            } else if is_empty && card.used > 0 && !never_used {
                left -= 1;
                card.used_for_good = true;
            } else {
                card.void = true;
            }
        }
        left
    }

    fn end_batch(&mut self, stock: StockId, first: CardId, back: bool, cards: u64) -> Units {
        let found = self.campaigns.get(&first.locator()).filter(|campaign| campaign.stock == stock);
        let at = found.and_then(|campaign| {
            campaign.issues.iter().position(|(of, _, ended)| *of == first.serial() && !ended)
        });
        let (Some(campaign), Some(at)) = (found, at) else {
            self.wrong.push(format!("the batch of card {first} of {stock} ends, there is none or it has"));
            return Units::Stay;
        };
        let channel = campaign.issues[at].1;
        let left = self.end_issue(first.locator(), at);
        if left != cards {
            self.wrong.push(format!("{cards} cards of the batch of {first} end, {left} were left"));
        }
        Units::End { stock, cards: BTreeMap::from([(channel, cards)]), back, all: false }
    }

    fn void_all(&mut self, stock: StockId, cards: u64) -> Units {
        let Some(locator) = self.locators.get(&stock).copied() else {
            self.wrong.push(format!("{stock} is voided, which is no campaign"));
            return Units::Stay;
        };
        let issues = self.campaigns.get(&locator).map_or(0, |campaign| campaign.issues.len());
        let mut by_channel = BTreeMap::new();
        for at in 0..issues {
            let channel = self.campaigns[&locator].issues[at].1;
            *by_channel.entry(channel).or_default() += self.end_issue(locator, at);
        }
        let left: u64 = by_channel.values().sum();
        if left != cards {
            self.wrong.push(format!("{cards} cards of {stock} are void with it, {left} were left"));
        }
        Units::End { stock, cards: by_channel, back: false, all: true }
    }

    /// Follows the cards that lines of holds sell, and those that go back; their units are followed with the lines.
    pub(super) fn follow_sales(
        &mut self,
        event: &Event<'_>,
        channel_of: impl Fn(&OperationKey) -> ChannelId,
    ) {
        self.undone.clear();
        match event {
            Event::Taken { origin, lines, sales, .. } => {
                self.sell(name(&origin.key()), (lines, sales), origin.channel);
            }
            Event::Confirmed { hold, lines, sales, .. } => {
                self.sell(name(hold), (lines, sales), channel_of(hold));
            }
            Event::Returned { origin, hold, ended, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                ended.iter().for_each(|card| self.end_sold(&hold, CardId(card.get())));
            }
            Event::Cancelled { hold } => {
                let hold = name(hold);
                for card in self.sales.get(&hold).cloned().unwrap_or_default() {
                    if !self.cards.get(&card).is_some_and(|book| book.void) {
                        self.end_sold(&hold, card);
                        self.undone.push(card);
                    }
                }
            }
            _ => {}
        }
    }

    fn sell(&mut self, hold: HoldName, (lines, sales): (&[EventLine], &[EventSale]), channel: ChannelId) {
        for sale in sales {
            let Some(line) = lines.get(sale.line()) else { continue };
            if line.units != sale.count {
                let (asked, made) = (line.units, sale.count);
                self.wrong.push(format!("{made} cards are made for {asked} units of a line"));
            }
            self.issue(channel, line.stock(), sale.first(), u64::from(sale.count.get()));
            let first = sale.first().0;
            let cards = (first..first + u64::from(sale.count.get())).map(CardId);
            self.sales.entry(hold).or_default().extend(cards);
        }
    }

    /// A card that was sold goes back: nobody has used any of it.
    fn end_sold(&mut self, hold: &HoldName, card: CardId) {
        let is_its = self.sales.get(hold).is_some_and(|cards| cards.contains(&card));
        let used = self.cards.get(&card).is_some_and(|book| book.gone() > 0);
        if used || !is_its {
            self.wrong
                .push(format!("card {card} goes back, which its hold did not sell or somebody has used"));
        }
        self.void(card);
    }

    /// Follows what becomes of holds, as far as they have cards.
    pub(super) fn follow_holds(&mut self, event: &Event<'_>) {
        match event {
            Event::Tick { now_ms } => self.now_ms = *now_ms,
            Event::Taken { origin, sold, replaces, cards, .. } => {
                if replaces.0 != 0 {
                    self.end_hold(&name(&OperationKey { operation: *replaces, ..origin.key() }), false);
                }
                if !cards.is_empty() {
                    let lines: Vec<_> =
                        cards.iter().map(|line| (line.card(), u64::from(line.units.get()))).collect();
                    self.take(name(&origin.key()), *sold, lines);
                }
            }
            Event::Owed { origin, replaces, .. } if replaces.0 != 0 => {
                self.end_hold(&name(&OperationKey { operation: *replaces, ..origin.key() }), false);
            }
            Event::Confirmed { hold, late, lines, .. } => {
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.units.get());
                self.pay(&name(hold), *late, units.map(u64::from));
            }
            Event::ConfirmOwed { hold, lines, .. } => {
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.asked.get());
                self.pay(&name(hold), false, units.map(u64::from));
            }
            Event::Released { hold } | Event::LateRefused { hold, .. } => self.end_hold(&name(hold), false),
            Event::Cancelled { hold } => self.end_hold(&name(hold), true),
            Event::Expired { holds } => {
                holds.iter().for_each(|hold| self.end_hold(&name(&hold.key()), false));
            }
            Event::Unfulfilled { holds, keys } => {
                let debts = event::debts(holds, keys).filter(|(_, key)| key.is_none());
                debts.for_each(|(hold, _)| self.end_hold(&name(&hold), true));
            }
            Event::Returned { origin, hold, lines, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.units.get());
                self.give_back(&hold, units.map(u64::from));
            }
            _ => {}
        }
    }

    fn take(&mut self, hold: HoldName, paid: bool, lines: Vec<(CardId, u64)>) {
        for (card, units) in &lines {
            let Some(new) = self.campaign_of(*card).map(|campaign| campaign.units) else {
                self.wrong.push(format!("card {card} is taken, it was not issued"));
                continue;
            };
            let book = self.cards.entry(*card).or_default();
            *(if paid { &mut book.used } else { &mut book.held }) += units;
            self.redeemed.extend(paid.then_some(*card));
            self.check(*card, new, "taken");
        }
        self.holds.insert(hold, CardsOfHold { paid, lines });
    }

    /// Held units are used, or, late, those that had gone back; the rest goes back.
    fn pay(&mut self, hold: &HoldName, late: bool, units: impl Iterator<Item = u64>) {
        let Some(hold) = self.holds.get_mut(hold) else { return };
        hold.paid = true;
        for ((card, held), used) in hold.lines.iter_mut().zip(units) {
            let new = self.campaigns.get(&card.locator()).map_or(0, |campaign| campaign.units);
            let book = self.cards.entry(*card).or_default();
            let exceeds = !late && used > *held;
            if !late {
                book.held = book.held.saturating_sub(*held);
            }
            book.used += used;
            self.redeemed.extend((used > 0).then_some(*card));
            *held = used;
            if exceeds || book.gone() > new + book.supplied || late && used > 0 && book.void {
                self.wrong.push(format!("{used} units of card {card} are paid for, more than there were"));
            }
        }
    }

    /// A hold ends: what it holds goes back, and what it has used, too, if it is undone.
    fn end_hold(&mut self, hold: &HoldName, undone: bool) {
        let Some(hold) = self.holds.get_mut(hold) else { return };
        if hold.paid && !undone {
            return;
        }
        // An expired hold has nothing left; a late CONFIRM says what it takes.
        for (card, units) in &mut hold.lines {
            let units = core::mem::take(units);
            let book = self.cards.entry(*card).or_default();
            let from = if hold.paid { &mut book.used } else { &mut book.held };
            *from = from.saturating_sub(units);
        }
    }

    fn give_back(&mut self, hold: &HoldName, units: impl Iterator<Item = u64>) {
        let Some(hold) = self.holds.get_mut(hold) else { return };
        for ((card, left), back) in hold.lines.iter_mut().zip(units) {
            let book = self.cards.entry(*card).or_default();
            book.used = book.used.saturating_sub(back);
            if back > *left || back > 0 && (book.void || book.used_for_good) {
                self.wrong.push(format!("{back} units of card {card} are given back, {left} were used"));
            }
            *left = left.saturating_sub(back);
        }
    }
}
