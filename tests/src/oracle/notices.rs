//! The oracle on notices: which cards have expired or will soon, once each and in time.
//!
//! The order among notices that are due at the same step is the engine's own; which they are is said here. Invariant: every notice
//! that was due by now was told of.

use super::Oracle;
use crate::outcome::{OwnedNotices, OwnedOutcome};
use scrip_engine::answer::NoticeView;
use scrip_engine::command::{CampaignState, CardState, Envelope};
use scrip_engine::event::NoticeRow;
use scrip_engine::ids::{CardId, StockId};
use scrip_engine::limits::NOTICES_PER_ANSWER_MAX;
use std::collections::BTreeMap;

/// What is told of a card: how many cards follow it in its batch, when it ends, how many minutes before.
type Told = (CardId, u32, u32, u16, bool);

/// Notices that were made, and up to when all were.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    made: Vec<NoticeView>,
    through_s: u64,
}

impl Oracle {
    /// The engine has told of these, in this order: all that were due, once each. Answers what is wrong with that.
    pub fn hear(&mut self, rows: &[NoticeRow]) -> Result<(), String> {
        let now_s = self.now_ms / 1_000;
        let mut due: BTreeMap<Told, StockId> = BTreeMap::new();
        for (campaign, told) in self.due_by(now_s) {
            due.insert(told, campaign);
        }
        self.notices.through_s = now_s;
        for row in rows {
            let count = row.count.get();
            let cards = if row.is_batch() { 1 } else { count };
            for at in 0..u64::from(cards) {
                let (card, each) = (CardId(row.first.get() + at), if row.is_batch() { count } else { 1 });
                let (until_s, lead_minutes) = (row.until_s.get(), row.lead_minutes.get());
                let told = (card, each, until_s, lead_minutes, row.is_batch());
                let Some(campaign) = due.remove(&told) else {
                    return Err(format!("{told:?} was not due at {now_s}; what was, and is left: {due:?}"));
                };
                self.notices.made.push(NoticeView {
                    number: (self.notices.made.len() as u64 + 1).into(),
                    card: card.0.into(),
                    campaign: campaign.0.into(),
                    until_ms: (u64::from(until_s) * 1_000).into(),
                    at_s: (now_s as u32).into(),
                    cards: each.into(),
                    lead_minutes: row.lead_minutes,
                    batch: row.batch,
                    ..NoticeView::default()
                });
            }
        }
        if due.is_empty() { Ok(()) } else { Err(format!("nobody was told of {due:?} by {now_s}")) }
    }

    /// What became due since the last step.
    fn due_by(&self, now_s: u64) -> Vec<(StockId, Told)> {
        let mut due = Vec::new();
        let mut ends = |campaign: StockId, (card, count): (CardId, u32), until_ms: u64, batch: bool| {
            let worth = &self.stocks[&campaign].campaign.as_ref().expect("it is one").worth;
            let [first, second] = worth.extension.remind_minutes.map(|minutes| minutes.get());
            let leads = [Some(0), (first != 0).then_some(first), (second != 0).then_some(second)];
            let until_s = until_ms / 1_000;
            for lead_minutes in leads.into_iter().flatten() {
                let Some(due_s) = until_s.checked_sub(u64::from(lead_minutes) * 60) else { continue };
                if until_ms != 0 && self.notices.through_s < due_s && due_s <= now_s {
                    due.push((campaign, (card, count, until_s as u32, lead_minutes, batch)));
                }
            }
        };
        for (id, card) in &self.cards {
            let over = card.ended || matches!(card.state, CardState::Used | CardState::Void);
            let with_its_batch = card.owner.0 == 0 && {
                let campaign = self.stocks[&card.campaign].campaign.as_ref().expect("it is one");
                let batch = campaign.batches.iter().rfind(|batch| batch.first <= id.serial());
                let batch = batch.filter(|batch| id.serial() - batch.first < batch.cards);
                batch.is_some_and(|batch| batch.made.times.until_ms == card.times.until_ms)
            };
            if !over && !with_its_batch {
                ends(card.campaign, (*id, 1), card.times.until_ms, false);
            }
        }
        for (id, campaign) in
            self.stocks.iter().filter_map(|(id, stock)| Some((id, stock.campaign.as_ref()?)))
        {
            for batch in campaign.batches.iter().filter(|batch| !batch.made.ended) {
                let first = CardId::new(id.slot(), campaign.number, batch.first);
                if campaign.state != CampaignState::Void {
                    ends(*id, (first, batch.cards as u32), batch.made.times.until_ms, true);
                }
            }
        }
        due
    }

    /// NOTICES_READ, where none was forgotten.
    pub(super) fn read_notices(&self, envelope: &Envelope, after: u64, limit: u32) -> OwnedOutcome {
        let newest = self.notices.made.len() as u64;
        let most = match limit as usize {
            0 => NOTICES_PER_ANSWER_MAX,
            wanted => wanted.min(NOTICES_PER_ANSWER_MAX),
        };
        let (mut next, mut notices) = (after.min(newest), Vec::new());
        for notice in self.notices.made.iter().skip(next as usize) {
            let campaign = StockId(notice.campaign.get());
            if self.stocks[&campaign].merchant == envelope.merchant.0 && campaign.slot() == envelope.slot {
                if notices.len() == most {
                    break;
                }
                let owner = self.cards.get(&CardId(notice.card.get())).map_or(0, |card| card.owner.0);
                notices.push(NoticeView { owner: owner.into(), ..*notice });
            }
            next = notice.number.get();
        }
        OwnedOutcome::Notices(OwnedNotices { next, newest, lost: 0, notices })
    }

    /// The number of the newest notice.
    pub fn newest_notice(&self) -> u64 {
        self.notices.made.len() as u64
    }
}
