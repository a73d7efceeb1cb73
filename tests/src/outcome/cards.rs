//! A campaign, a quote and the cards of a hold as they were answered, owned.
//!
//! Invariant: nothing that a caller can see is left out.

use scrip_engine::answer::{
    ActivityView, CampaignView, GroupRow, GroupState, GroupView, HoldCard, NoticeView, NoticesPage,
    QuoteView, QuotedCard, QuotedLine, Shared, SoldCards,
};
use scrip_engine::command::{ActivityTerms, CampaignState, Definition, Extension, ScopeEntry, Tier};
use scrip_engine::ids::{ActivityId, CardId, ChannelId, OperationId, StockId, UserId};

/// [`CampaignView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `CampaignView`, which documents them")]
pub struct OwnedCampaign {
    pub campaign: StockId,
    pub version: u32,
    pub state: CampaignState,
    pub layout: u8,
    pub locator: u64,
    pub issued: u64,
    pub cost: u64,
    pub committed: u64,
    pub today: u64,
    pub batches: u32,
    pub key: Vec<u8>,
    pub definition: Definition,
    pub extension: Extension,
    pub tiers: Vec<Tier>,
    pub scope: Vec<ScopeEntry>,
}

impl From<CampaignView<'_>> for OwnedCampaign {
    fn from(view: CampaignView<'_>) -> OwnedCampaign {
        OwnedCampaign {
            campaign: view.campaign,
            version: view.version,
            state: view.state,
            layout: view.layout,
            locator: view.locator,
            issued: view.issued,
            cost: view.cost,
            committed: view.committed,
            today: view.today,
            batches: view.batches,
            key: view.key.to_vec(),
            definition: *view.definition,
            extension: view.extension,
            tiers: view.tiers.to_vec(),
            scope: view.scope.to_vec(),
        }
    }
}

/// [`ActivityView`], owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `ActivityView`, which documents them")]
pub struct OwnedActivity {
    pub activity: ActivityId,
    pub version: u32,
    pub channel: ChannelId,
    pub terms: ActivityTerms,
    pub done: Shared,
    pub referrers: u64,
    pub of: Option<(UserId, Shared, Option<CardId>)>,
}

impl From<ActivityView<'_>> for OwnedActivity {
    fn from(view: ActivityView<'_>) -> OwnedActivity {
        let ActivityView { activity, version, channel, terms, done, referrers, of } = view;
        OwnedActivity { activity, version, channel, terms: *terms, done, referrers, of }
    }
}

/// [`NoticesPage`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `NoticesPage`, which documents them")]
pub struct OwnedNotices {
    pub next: u64,
    pub newest: u64,
    pub lost: u64,
    pub notices: Vec<NoticeView>,
}

impl From<NoticesPage<'_>> for OwnedNotices {
    fn from(page: NoticesPage<'_>) -> OwnedNotices {
        let NoticesPage { next, newest, lost, notices } = page;
        OwnedNotices { next, newest, lost, notices: notices.to_vec() }
    }
}

/// [`GroupView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `GroupView`, which documents them")]
pub struct OwnedGroup {
    pub group: OperationId,
    pub campaign: StockId,
    pub state: GroupState,
    pub size: u16,
    pub opened_ms: u64,
    pub deadline_ms: u64,
    pub closed_ms: u64,
    pub members: Vec<GroupRow>,
}

impl From<GroupView<'_>> for OwnedGroup {
    fn from(view: GroupView<'_>) -> OwnedGroup {
        OwnedGroup {
            group: view.group,
            campaign: view.campaign,
            state: view.state,
            size: u16::from(view.size),
            opened_ms: view.opened_ms,
            deadline_ms: view.deadline_ms,
            closed_ms: view.closed_ms,
            members: view.members.to_vec(),
        }
    }
}

/// [`QuoteView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `QuoteView`, which documents them")]
pub struct OwnedQuoted {
    pub gross: u64,
    pub discount: u64,
    pub paid: u64,
    pub exact: bool,
    pub cards: Vec<QuotedCard>,
    pub lines: Vec<QuotedLine>,
    pub shares: Vec<u64>,
}

impl From<QuoteView<'_>> for OwnedQuoted {
    fn from(view: QuoteView<'_>) -> OwnedQuoted {
        OwnedQuoted {
            gross: view.gross,
            discount: view.discount,
            paid: view.paid,
            exact: view.exact,
            cards: view.cards.to_vec(),
            lines: view.lines.to_vec(),
            shares: view.shares.iter().map(|share| share.get()).collect(),
        }
    }
}

/// [`HoldCard`] in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `HoldCard`, which documents them")]
pub struct OwnedHoldCard {
    pub card: CardId,
    pub reserved: u32,
    pub confirmed: u32,
    pub returned: u32,
    pub discount: u64,
}

impl From<&HoldCard> for OwnedHoldCard {
    fn from(line: &HoldCard) -> OwnedHoldCard {
        OwnedHoldCard {
            card: CardId(line.card.get()),
            reserved: line.reserved.get(),
            confirmed: line.confirmed.get(),
            returned: line.returned.get(),
            discount: line.discount.get(),
        }
    }
}

/// [`SoldCards`], owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `SoldCards`, which documents them")]
pub struct OwnedSold {
    pub line: usize,
    pub first: CardId,
    pub cards: u32,
}

impl From<&SoldCards> for OwnedSold {
    fn from(row: &SoldCards) -> OwnedSold {
        let (line, cards) = (usize::from(row.line.get()), row.cards.get());
        OwnedSold { line, first: CardId(row.first.get()), cards }
    }
}
