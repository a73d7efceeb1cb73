//! Notices: which cards have expired or will soon.
//!
//! They stand apart from the other calls on cards because a job of a gateway's asks for them, not its buyers. Invariant: whoever
//! goes on after `next` misses nothing that is not told as lost.

use crate::answer::OwnedOutcome;
use crate::cards::NO_OPERATION;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use scrip_engine::answer::{NoticeView, NoticesPage};
use scrip_engine::command::Command;
use scrip_engine::ids::{CardId, Slot, StockId, UserId};

/// A card that has expired or will soon, or a batch of bearer cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub number: u64,
    /// The card; of a batch its first.
    pub card: CardId,
    /// Whose it is now; 0: a bearer card.
    pub owner: UserId,
    /// Its campaign.
    pub campaign: StockId,
    /// When it ends or has ended, ms.
    pub until_ms: u64,
    /// When it was told of, seconds since the Unix epoch.
    pub at_s: u32,
    /// Cards: those of a batch, whatever became of each of them; else 1.
    pub cards: u32,
    /// So many minutes before its end; 0: it has expired.
    pub lead_minutes: u16,
    /// A batch of bearer cards.
    pub batch: bool,
}

impl From<&NoticeView> for Notice {
    fn from(view: &NoticeView) -> Notice {
        Notice {
            number: view.number.get(),
            card: CardId(view.card.get()),
            owner: UserId(view.owner.get()),
            campaign: StockId(view.campaign.get()),
            until_ms: view.until_ms.get(),
            at_s: view.at_s.get(),
            cards: view.cards.get(),
            lead_minutes: view.lead_minutes.get(),
            batch: view.batch != 0,
        }
    }
}

/// Some notices, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesShown {
    /// To go on after; keep it.
    pub next: u64,
    /// The newest number; above `next`: there is more.
    pub newest: u64,
    /// Numbers of which nobody knows any more what they were, other merchants' among them.
    pub lost: u64,
    /// The merchant's notices.
    pub notices: Vec<Notice>,
}

impl From<&NoticesPage<'_>> for NoticesShown {
    fn from(page: &NoticesPage<'_>) -> NoticesShown {
        let NoticesPage { next, newest, lost, notices } = *page;
        NoticesShown { next, newest, lost, notices: notices.iter().map(Notice::from).collect() }
    }
}

impl Client {
    /// Which cards of the merchant in a slot have expired or will soon, a page of them with numbers above `after`.
    pub async fn notices_read(&self, slot: Slot, after: u64) -> Result<NoticesShown, Error> {
        match self.call(NO_OPERATION, slot, Command::NoticesRead { after, limit: 0 }).await? {
            OwnedOutcome::Notices(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }
}
