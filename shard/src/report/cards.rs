//! Cards in the report.
//!
//! A card lapses when its time is over while units are left; no event says so. So lapses are counted from the cards: of one card
//! before an event moves its time, of all before days are counted by another zone, and at the end.

use super::sales::hold_of;
use super::{Account, Report, add, day_at};
use scrip_engine::command::{BatchEnd, CardChange, CardState};
use scrip_engine::event::{
    self, AccountEntry, CampaignEvent, CodeEvent, Event, GroupEvent, Origin, RecycledFor, ShareEvent,
};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, OperationKey, StockId, UserId};
use scrip_engine::state::State;
use scrip_engine::state::campaigns::{Campaign, CardBatch};
use scrip_engine::state::cards::CardRecord;
use scrip_engine::state::records::{HoldRecord, Recorded};
use scrip_engine::state::redemptions::RedemptionRecord;
use scrip_engine::state::table::{Handle, NONE};
use std::collections::BTreeMap;

impl Report {
    pub(super) fn follow_cards(&mut self, event: &Event<'_>, state: &State) {
        match event {
            Event::ZoneSet { origin, .. } => {
                // By the new zone it may be yesterday again; but it has been today.
                let today = self.day(state, origin.merchant, origin.slot);
                self.count_lapses(state);
                self.days_of_zones.insert((origin.merchant, origin.slot), today);
            }
            Event::Issued { origin, campaign, count, claimed, .. } => {
                let tally = self.tally(state, origin.merchant, *campaign, origin.channel);
                *(if *claimed { &mut tally.claimed } else { &mut tally.issued }) += u64::from(*count);
            }
            Event::Codes(CodeEvent::Imported { origin, campaign, codes, .. }) if !codes.is_empty() => {
                self.tally(state, origin.merchant, *campaign, origin.channel).issued += codes.len() as u64;
            }
            Event::Share(ShareEvent::Rewarded { channel, campaign, referrers, .. }) => {
                if let Some(stock) = state.find_stock(*campaign) {
                    let merchant = state.stock(stock).merchant;
                    self.tally(state, merchant, *campaign, *channel).issued += referrers.len() as u64;
                }
            }
            Event::Share(ShareEvent::Received { reward, .. }) => {
                self.tally(state, reward.merchant, reward.campaign, reward.channel).issued += 1;
            }
            Event::Group(GroupEvent::Filled { origin, campaign, owners, .. }) => {
                for owner in *owners {
                    self.tally(state, origin.merchant, *campaign, owner.channel()).claimed += 1;
                }
            }
            Event::Redeemed { origin, card, units, amount, discount, .. } => {
                let whose = (origin.merchant, origin.channel);
                self.redeem(state, whose, *card, (u64::from(*units), *amount, *discount));
            }
            Event::OfflineConflict { origin, card, .. } => {
                if let Some(stock) = campaign_of(state, *card) {
                    self.tally(state, origin.merchant, stock, origin.channel).conflicts += 1;
                }
            }
            Event::Reversed { origin, redemption, units, until_s } => {
                let key = OperationKey { operation: *redemption, ..origin.key() };
                let found = state.find_record(&key, state.record_hash(&key), state.now_ms);
                if let Some(Recorded::Redemption(handle)) = found {
                    let whose = (origin.merchant, origin.channel);
                    self.reverse(state, whose, state.redemptions.get(handle), (*units, *until_s));
                }
            }
            Event::CardChanged { origin, card, change, until_s, .. } => {
                self.before_change(state, *card, *until_s);
                let Some(stock) = campaign_of(state, *card) else { return };
                if *change == CardChange::Void {
                    self.tally(state, origin.merchant, stock, origin.channel).voided += 1;
                }
            }
            Event::Recycled { origin, card, given } => {
                self.before_change(state, *card, 1);
                let Some(stock) = campaign_of(state, *card) else { return };
                let tally = self.tally(state, origin.merchant, stock, origin.channel);
                *(if *given == RecycledFor::Supply { &mut tally.recycled } else { &mut tally.voided }) += 1;
                match given {
                    RecycledFor::Supply => {}
                    RecycledFor::Points { card, units, .. } => {
                        let Some(stock) = campaign_of(state, *card) else { return };
                        let tally = self.tally(state, origin.merchant, stock, origin.channel);
                        tally.filled += u64::from(*units);
                    }
                    RecycledFor::Card { campaign, .. } => {
                        self.tally(state, origin.merchant, *campaign, origin.channel).issued += 1;
                    }
                }
            }
            Event::Merged { origin, into, sources } => {
                let Some(stock) = campaign_of(state, *into) else { return };
                let tally = self.tally(state, origin.merchant, stock, origin.channel);
                tally.voided += sources.len() as u64;
            }
            Event::Campaign(CampaignEvent::Voided { origin, campaign, cards, .. }) => {
                // Whatever has lapsed before, has.
                self.count_lapses(state);
                self.tally(state, origin.merchant, *campaign, origin.channel).voided += cards;
            }
            Event::CardBatchEnded { origin, campaign, end, cards, .. } => {
                self.count_lapses(state);
                let tally = self.tally(state, origin.merchant, *campaign, origin.channel);
                *(if *end == BatchEnd::Recycle { &mut tally.recycled } else { &mut tally.voided }) += cards;
            }
            Event::Account { origin, card, entry } => self.enter(state, origin, *card, entry),
            _ => self.follow_cards_of_holds(event, state),
        }
    }

    /// Cards that holds take, use and give back.
    fn follow_cards_of_holds(&mut self, event: &Event<'_>, state: &State) {
        match event {
            Event::Taken { origin, sold, replaces, cards, .. } => {
                if *replaces != OperationId(0) {
                    self.end_held_cards(state, OperationKey { operation: *replaces, ..origin.key() });
                }
                if *sold {
                    for line in *cards {
                        let used = (u64::from(line.units.get()), line.amount.get(), line.discount.get());
                        self.redeem(state, (origin.merchant, origin.channel), line.card(), used);
                    }
                } else if !cards.is_empty() {
                    let amounts = cards.iter().map(|line| line.amount.get()).collect();
                    self.amounts.insert(name(&origin.key()), amounts);
                }
            }
            Event::Owed { origin, replaces, .. } if *replaces != OperationId(0) => {
                self.end_held_cards(state, OperationKey { operation: *replaces, ..origin.key() });
            }
            Event::Confirmed { hold, lines, .. } => {
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.units.get());
                self.pay_cards(state, *hold, units);
            }
            Event::ConfirmOwed { hold, lines, .. } => {
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.asked.get());
                self.pay_cards(state, *hold, units);
            }
            Event::Released { hold } => self.end_held_cards(state, *hold),
            Event::LateRefused { hold, .. } => drop(self.amounts.remove(&name(hold))),
            Event::Expired { holds } => {
                for hold in *holds {
                    self.units_back(state, hold.key());
                }
            }
            Event::Cancelled { hold } => {
                let sold = hold_of(state, *hold).map(|hold| cards_left(state, hold));
                sold.into_iter().flatten().for_each(|card| self.before_change(state, card, 1));
                self.undo_cards(state, *hold);
                self.end_held_cards(state, *hold);
            }
            Event::Unfulfilled { holds, keys } => {
                for (hold, _) in event::debts(holds, keys).filter(|(_, key)| key.is_none()) {
                    self.undo_cards(state, hold);
                }
            }
            Event::Returned { origin, hold, lines, ended, .. } => {
                // They were counted as sold, and are as returned.
                ended.iter().for_each(|card| self.before_change(state, CardId(card.get()), 1));
                let hold = OperationKey { operation: *hold, ..origin.key() };
                let units = lines.iter().filter(|line| line.is_card()).map(|line| line.units.get());
                self.return_cards(state, hold, units);
            }
            _ => {}
        }
    }

    /// An entry in the account of a card.
    fn enter(&mut self, state: &State, origin: &Origin, card: CardId, entry: &AccountEntry) {
        if let AccountEntry::Renewed { until_s } = entry {
            self.before_change(state, card, *until_s);
        }
        let Some(stock) = campaign_of(state, card) else { return };
        let tally = self.tally(state, origin.merchant, stock, origin.channel);
        match *entry {
            AccountEntry::ToppedUp { principal, bonus, paid, .. } => {
                tally.filled += u64::from(principal) + u64::from(bonus);
                tally.paid_in += u64::from(paid);
            }
            AccountEntry::Earned { units, .. } => tally.filled += u64::from(units),
            AccountEntry::Refunded { paid, .. } => tally.paid_back += paid,
            AccountEntry::Renewed { .. } | AccountEntry::Levelled { .. } => {}
        }
    }

    fn redeem(
        &mut self,
        state: &State,
        (merchant, channel): (MerchantId, ChannelId),
        card: CardId,
        (units, amount, discount): (u64, u64, u64),
    ) {
        let Some(stock) = campaign_of(state, card) else { return };
        let tally = self.tally(state, merchant, stock, channel);
        tally.redemptions += 1;
        tally.redeemed += units;
        add(&mut tally.amount, amount);
        add(&mut tally.discount, discount);
    }

    /// Held cards of a hold are used, or, late, taken again.
    fn pay_cards(&mut self, state: &State, key: OperationKey, units: impl Iterator<Item = u32>) {
        let Some(hold) = hold_of(state, key) else { return };
        let amounts = self.amounts.remove(&name(&key)).unwrap_or_default();
        for (at, ((_, line), units)) in state.card_lines(hold).zip(units).enumerate() {
            let card = state.card_of_line(line);
            // A late one takes units of a card whose time may be over.
            self.before_change(state, card, state.record_of_line(line).until_s);
            if units > 0 {
                let amount = amounts.get(at).copied().unwrap_or(0);
                let used = (u64::from(units), amount, line.worth());
                self.redeem(state, (MerchantId(hold.merchant), hold.channel()), card, used);
            }
            if line.is_held() && units < line.reserved() {
                self.lapse_of_units_back(state, card, state.record_of_line(line).until_s);
            }
        }
    }

    /// A hold that was held ends.
    fn end_held_cards(&mut self, state: &State, key: OperationKey) {
        self.units_back(state, key);
        self.amounts.remove(&name(&key));
    }

    /// What a hold holds of cards goes back to them.
    fn units_back(&mut self, state: &State, key: OperationKey) {
        let Some(hold) = hold_of(state, key) else { return };
        for (_, line) in state.card_lines(hold).filter(|(_, line)| line.is_held()) {
            let card = state.card_of_line(line);
            self.lapse_of_units_back(state, card, state.record_of_line(line).until_s);
        }
    }

    /// What a hold has used of cards goes back, all that is left of it.
    fn undo_cards(&mut self, state: &State, key: OperationKey) {
        let Some(hold) = hold_of(state, key) else { return };
        let left: Vec<u32> = state.card_lines(hold).map(|(_, line)| line.units() - line.reversed()).collect();
        self.return_cards(state, key, left.into_iter());
    }

    fn return_cards(&mut self, state: &State, key: OperationKey, units: impl Iterator<Item = u32>) {
        let Some(hold) = hold_of(state, key) else { return };
        for ((_, line), units) in state.card_lines(hold).zip(units).filter(|(_, units)| *units > 0) {
            let whose = (MerchantId(hold.merchant), hold.channel());
            let until_s = state.record_of_line(line).until_s;
            self.reverse(state, whose, line, (units, until_s));
        }
    }

    /// Units of a redemption, or of a card line of a hold, go back to the card, which is then valid until that.
    fn reverse(
        &mut self,
        state: &State,
        (merchant, channel): (MerchantId, ChannelId),
        used: &RedemptionRecord,
        (units, until_s): (u32, u32),
    ) {
        let whole = if used.is_of_hold() { used.worth() } else { used.discount() };
        // Parts of a discount in proportion to units, so that all parts are the whole.
        let part = |units: u32| {
            let share = u128::from(whole) * u128::from(units) / u128::from(used.units().max(1));
            u64::try_from(share).expect("a part is no more than the whole")
        };
        let before = used.reversed();
        let discount = part(before + units) - part(before);
        let card = state.card_id(Handle(used.card));
        let Some(stock) = campaign_of(state, card) else { return };
        self.before_change(state, card, until_s);
        self.lapse_of_units_back(state, card, until_s);
        let tally = self.tally(state, merchant, stock, channel);
        tally.reversed += u64::from(units);
        add(&mut tally.reversed_discount, discount);
    }

    /// Units go back to a card. If its time, from now on that, had passed while it had none, it is today that it has units
    /// that nobody can use.
    fn lapse_of_units_back(&mut self, state: &State, card: CardId, until_s: u32) {
        let Some(found) = state.find_card(card) else { return };
        let is_over = until_s != 0 && u64::from(until_s) <= self.now_s();
        if !is_over || found.card.available > 0 || found.card.state() == CardState::Void {
            return;
        }
        if self.counted.insert(card, until_s) != Some(until_s) {
            let stock = state.stock_of_campaign(found.campaign);
            let channel = ChannelId(found.card.channel);
            self.tally(state, stock.merchant, stock.id, channel).lapsed += 1;
        }
    }

    /// Before a card's time or state changes: if its time is over, that is counted now; if it gets a new one, that too.
    fn before_change(&mut self, state: &State, card: CardId, until_s: u32) {
        let Some(found) = state.find_card(card) else { return };
        if !can_lapse(&found.card) || u64::from(found.card.until_s) > self.now_s() {
            return;
        }
        if self.counted.insert(card, found.card.until_s) != Some(found.card.until_s)
            && u64::from(found.card.until_s) > self.lapses_counted_s
        {
            self.lapse(state, found.campaign, &found.card, 1);
        }
        if until_s == 0 || u64::from(until_s) > self.now_s() {
            let stock = state.stock_of_campaign(found.campaign);
            self.tally(state, stock.merchant, stock.id, ChannelId(found.card.channel)).revived += 1;
        }
    }

    /// Counts the cards whose time was over since this was last done, but for those of the running second, in which more
    /// may be made.
    pub(super) fn count_lapses(&mut self, state: &State) {
        let over = self.lapses_counted_s + 1..self.now_s().max(self.lapses_counted_s + 1);
        let mut touched = BTreeMap::<(u32, u64), u64>::new();
        for (handle, card) in state.cards.iter() {
            let (campaign_handle, serial) = state.cards.place(handle);
            let campaign = state.campaigns.get(campaign_handle);
            if let Some(batch) = campaign.batch_of(serial) {
                *touched.entry((campaign_handle.0, batch.first)).or_default() += 1;
            }
            let is_counted = || self.counted.get(&campaign.card(serial)) == Some(&card.until_s);
            if can_lapse(card)
                && !state.has_ended(handle)
                && over.contains(&u64::from(card.until_s))
                && !is_counted()
            {
                self.lapse(state, campaign, card, 1);
            }
        }
        for (handle, campaign) in state.campaigns.iter() {
            let live = |batch: &&CardBatch| !campaign.has_ended(batch.first, true);
            let due = |batch: &&CardBatch| over.contains(&u64::from(batch.until_s));
            for batch in campaign.batches.iter().filter(live).filter(due) {
                let untouched = u64::from(batch.count)
                    - touched.get(&(handle.0, batch.first)).copied().unwrap_or_default();
                let card = CardRecord::new(UserId(0), &campaign.definition, batch.channel)
                    .valid((batch.from_s, batch.until_s), batch.own_times);
                if can_lapse(&card) {
                    self.lapse(state, campaign, &card, untouched);
                }
            }
        }
        self.lapses_counted_s = over.end - 1;
    }

    /// So many cards with these times have lapsed.
    fn lapse(&mut self, state: &State, campaign: &Campaign, card: &CardRecord, cards: u64) {
        let stock = state.stock_of_campaign(campaign);
        let (merchant, stock) = (stock.merchant, stock.id);
        let day = day_at(state, merchant, stock.slot(), u64::from(card.until_s) * 1000);
        let day = self.days_of_zones.get(&(merchant, stock.slot())).map_or(day, |newest| day.max(*newest));
        let account = Account { day, merchant, stock, channel: ChannelId(card.channel) };
        if cards > 0 {
            self.tallies.entry(account).or_default().lapsed += cards;
        }
    }

    fn now_s(&self) -> u64 {
        self.now_ms / 1000
    }
}

/// Whether the end of its time takes something from its owner.
fn can_lapse(card: &CardRecord) -> bool {
    card.until_s != 0 && card.available > 0 && !matches!(card.state(), CardState::Void | CardState::Used)
}

/// The key of a hold as maps have it.
fn name(key: &OperationKey) -> (u32, u16, u128) {
    (key.merchant.0, key.slot.0, key.operation.0)
}

fn campaign_of(state: &State, card: CardId) -> Option<StockId> {
    state.find_card(card).map(|found| state.stock_of_campaign(found.campaign).id)
}

/// The cards that a hold has sold and that are not void.
fn cards_left(state: &State, hold: &HoldRecord) -> Vec<CardId> {
    let sold = state.lines(hold).filter(|line| line.keys != NONE && state.is_of_cards(line));
    let cards = sold.flat_map(|line| {
        let first = state.card_id(Handle(line.keys));
        (first.0..first.0 + u64::from(line.current)).map(CardId)
    });
    let live =
        |card: &CardId| state.find_card(*card).is_some_and(|found| found.card.state() != CardState::Void);
    cards.filter(live).collect()
}
