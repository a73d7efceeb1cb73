//! Requests on campaigns and cards that own their parts. They stand apart from the others so that both tables stay in one view.
//!
//! Invariant: [`CardCommand::lend`] hands out exactly the command that was put in.

use super::{OwnedCommand, OwnedRequest, OwnedTake, Wish};
use scrip_engine::command::{
    AccountWish, ActivityTerms, ActivityWish, BatchEnd, CampaignCreate, CampaignState, CampaignTerms,
    CardChange, CartLine, CodeBlock, Command, Definition, Extension, GiftWish, GroupWish, Issue, Merge,
    Offline, Parties, Quote, QuoteCard, QuoteReserve, RecycleInto, Redeem, Referral, ScopeEntry, StockTerms,
    StockedLine, Tier,
};
use scrip_engine::ids::{ActivityId, CardId, GivenCode, OperationId, OrderId, Slot, StockId, UserId};
use zerocopy::little_endian::U128;

/// Commands on campaigns and cards, owned.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the variants are those of `Command`, which documents them")]
pub enum CardCommand {
    Create(Box<OwnedCreate>),
    Edit { campaign: StockId, version: u32, worth: Box<Worth> },
    State { campaign: StockId, version: u32, state: CampaignState },
    Issue(OwnedIssue),
    Redeem(OwnedRedeem),
    Reverse { redemption: OperationId, units: u32 },
    Change { card: CardId, generation: Option<u8>, change: CardChange },
    Account { card: CardId, generation: Option<u8>, wish: AccountWish },
    Gift { card: CardId, generation: Option<u8>, wish: GiftWish },
    ImportCodes { campaign: StockId, codes: Vec<U128> },
    SetCode { code: GivenCode, campaign: Option<StockId> },
    ShowCode { code: GivenCode },
    Group(OwnedGroupWish),
    Activity(OwnedActivityWish),
    Void { campaign: StockId, version: u32, reason: u16 },
    EndBatch { card: CardId, generation: Option<u8>, end: BatchEnd },
    Recycle { card: CardId, generation: Option<u8>, into: RecycleInto },
    Merge { into: CardId, generation: Option<u8>, from: Vec<QuoteCard> },
    ShowCampaign { campaign: StockId },
    ShowCard { card: CardId, generation: Option<u8> },
    ShowWallet { owner: UserId, campaign: Option<StockId>, after: Option<CardId>, usable: bool, limit: u32 },
    ReadNotices { after: u64, limit: u32 },
    Quote(OwnedQuote),
}

/// [`ActivityWish`], owned.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the variants are those of `ActivityWish`, which documents them")]
pub enum OwnedActivityWish {
    Create { activity: ActivityId, terms: ActivityTerms },
    Edit { activity: ActivityId, version: u32, terms: ActivityTerms },
    Show { activity: ActivityId, referrer: UserId },
}

impl OwnedActivityWish {
    fn lend(&self) -> ActivityWish<'_> {
        match self {
            OwnedActivityWish::Create { activity, terms } => {
                ActivityWish::Create { activity: *activity, terms }
            }
            OwnedActivityWish::Edit { activity, version, terms } => {
                ActivityWish::Edit { activity: *activity, version: *version, terms }
            }
            OwnedActivityWish::Show { activity, referrer } => {
                ActivityWish::Show { activity: *activity, referrer: *referrer }
            }
        }
    }

    /// The slots that all it names must lie in.
    pub fn slots(&self) -> Vec<Slot> {
        match self {
            OwnedActivityWish::Create { activity, terms }
            | OwnedActivityWish::Edit { activity, terms, .. } => {
                std::iter::once(activity.slot()).chain(terms.sources().map(|source| source.slot())).collect()
            }
            OwnedActivityWish::Show { activity, .. } => vec![activity.slot()],
        }
    }
}

/// [`GroupWish`], owned.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the variants are those of `GroupWish`, which documents them")]
pub enum OwnedGroupWish {
    Open { campaign: StockId, size: u16, lasts_s: u32, user: UserId, parties: Option<Parties> },
    Join { group: OperationId, user: UserId, parties: Option<Parties> },
    Leave { group: OperationId, user: UserId },
    Show { group: OperationId },
}

impl OwnedGroupWish {
    fn lend(&self) -> GroupWish<'_> {
        match self {
            OwnedGroupWish::Open { campaign, size, lasts_s, user, parties } => GroupWish::Open {
                campaign: *campaign,
                size: *size,
                lasts_s: *lasts_s,
                user: *user,
                parties: parties.as_ref(),
            },
            OwnedGroupWish::Join { group, user, parties } => {
                GroupWish::Join { group: *group, user: *user, parties: parties.as_ref() }
            }
            OwnedGroupWish::Leave { group, user } => GroupWish::Leave { group: *group, user: *user },
            OwnedGroupWish::Show { group } => GroupWish::Show { group: *group },
        }
    }

    /// Who asks, as a RESERVE or SELL would say it; for what only a GROUP_OPEN tells.
    fn demand(&self) -> Option<OwnedTake> {
        let (user, parties, lines) = match *self {
            OwnedGroupWish::Open { campaign, user, parties, .. } => {
                (user, parties, vec![Wish::exactly(campaign, 1)])
            }
            OwnedGroupWish::Join { user, parties, .. } => (user, parties, Vec::new()),
            OwnedGroupWish::Leave { .. } | OwnedGroupWish::Show { .. } => return None,
        };
        Some(OwnedTake { user, parties, lines, ..OwnedTake::default() })
    }
}

/// [`Quote`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `Quote`, which documents them")]
pub struct OwnedQuote {
    pub user: UserId,
    pub store: u64,
    pub best: bool,
    pub lines: Vec<CartLine>,
    pub cards: Vec<QuoteCard>,
}

/// [`QuoteReserve`], owned.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `QuoteReserve`, which documents them")]
pub struct OwnedQuoteReserve {
    pub order: OrderId,
    pub user: UserId,
    pub store: u64,
    pub best: bool,
    pub replace: OperationId,
    pub parties: Option<Parties>,
    pub expected_total: Option<u64>,
    pub ttl_ms: u32,
    pub lines: Vec<StockedLine>,
    pub cards: Vec<QuoteCard>,
}

impl OwnedQuoteReserve {
    /// The RESERVE of its stocks.
    pub fn take(&self) -> OwnedTake {
        let stocked =
            self.lines.iter().filter_map(|line| Some(Wish::exactly(line.stock()?, line.line.quantity.get())));
        let OwnedQuoteReserve { order, user, replace, parties, .. } = *self;
        OwnedTake { order, user, replace, parties, lines: stocked.collect(), ..OwnedTake::default() }
    }

    /// The QUOTE of its cart.
    pub fn quote(&self) -> OwnedQuote {
        let OwnedQuoteReserve { user, store, best, .. } = *self;
        let lines = self.lines.iter().map(|line| line.line).collect();
        OwnedQuote { user, store, best, lines, cards: self.cards.clone() }
    }

    pub(super) fn lend(&self) -> Command<'_> {
        let OwnedQuoteReserve { order, user, store, best, replace, expected_total, ttl_ms, .. } = *self;
        let (parties, lines, cards) = (self.parties.as_ref(), &self.lines, &self.cards);
        Command::QuoteReserve(QuoteReserve {
            order,
            user,
            store,
            best,
            replace,
            parties,
            expected_total,
            ttl_ms,
            lines,
            cards,
        })
    }
}

/// [`CampaignTerms`], owned: what the cards of a campaign are worth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of `CampaignTerms`, which documents them")]
pub struct Worth {
    pub definition: Definition,
    pub extension: Extension,
    pub tiers: Vec<Tier>,
    pub scope: Vec<ScopeEntry>,
}

/// [`CampaignCreate`], owned.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `CampaignCreate`, which documents them")]
pub struct OwnedCreate {
    pub campaign: StockId,
    pub name: Vec<u8>,
    pub units: u64,
    pub terms: StockTerms,
    pub layout: u8,
    pub key: Vec<u8>,
    pub worth: Worth,
}

/// [`Issue`], owned: ISSUE and CLAIM.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `Issue`, which documents them")]
pub struct OwnedIssue {
    pub campaign: StockId,
    pub code: Option<GivenCode>,
    pub owner: UserId,
    pub count: u32,
    pub claimed: bool,
    pub parties: Option<Parties>,
    pub referral: Option<Referral>,
    pub from_ms: u64,
    pub until_ms: u64,
}

/// [`Redeem`], owned.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `Redeem`, which documents them")]
pub struct OwnedRedeem {
    pub card: CardId,
    pub generation: Option<u8>,
    pub units: u32,
    pub order: OrderId,
    pub user: UserId,
    pub parties: Option<Parties>,
    pub amount: u64,
    pub store: u64,
    pub product: u64,
    pub category: u64,
    pub offline: Option<Offline>,
}

impl Worth {
    fn lend(&self) -> CampaignTerms<'_> {
        CampaignTerms {
            definition: &self.definition,
            extension: self.extension,
            tiers: &self.tiers,
            scope: &self.scope,
        }
    }
}

impl OwnedIssue {
    /// Who asks for how much, as a RESERVE or SELL would say it.
    pub fn demand(&self) -> OwnedTake {
        let lines = vec![Wish::exactly(self.campaign, self.count)];
        OwnedTake { user: self.owner, parties: self.parties, lines, ..OwnedTake::default() }
    }
}

impl OwnedRedeem {
    /// Units of the card `card`, and nothing else said.
    pub fn of(card: CardId, units: u32) -> OwnedRedeem {
        OwnedRedeem {
            card,
            generation: None,
            units,
            order: OrderId(0),
            user: UserId(0),
            parties: None,
            amount: 0,
            store: 0,
            product: 0,
            category: 0,
            offline: None,
        }
    }

    /// Who asks, as a RESERVE or SELL would say it.
    pub fn demand(&self) -> OwnedTake {
        OwnedTake { user: self.user, parties: self.parties, ..OwnedTake::default() }
    }
}

impl CardCommand {
    /// The command as the engine takes it.
    pub(super) fn lend(&self) -> Command<'_> {
        match self {
            CardCommand::Create(create) => Command::CampaignCreate(CampaignCreate {
                campaign: create.campaign,
                name: &create.name,
                units: create.units,
                terms: create.terms,
                layout: create.layout,
                key: &create.key,
                definition: create.worth.lend(),
            }),
            CardCommand::Edit { campaign, version, worth } => {
                Command::CampaignEdit { campaign: *campaign, version: *version, terms: worth.lend() }
            }
            CardCommand::State { campaign, version, state } => {
                Command::CampaignState { campaign: *campaign, version: *version, state: *state }
            }
            CardCommand::Issue(issue) => {
                let OwnedIssue { campaign, code, owner, count, claimed, from_ms, until_ms, .. } = *issue;
                let (parties, referral) = (issue.parties.as_ref(), issue.referral.as_ref());
                let times = Issue { from_ms, until_ms, ..Issue::of_nobody(campaign) };
                Command::Issue(Issue { code, owner, count, claimed, parties, referral, ..times })
            }
            CardCommand::Redeem(redeem) => Command::Redeem(redeem.lend()),
            CardCommand::Reverse { redemption, units } => {
                Command::Reverse { redemption: *redemption, units: *units }
            }
            CardCommand::Change { card, generation, change } => {
                Command::CardChange { card: *card, generation: *generation, change: *change }
            }
            CardCommand::Account { card, generation, wish } => {
                Command::Account { card: *card, generation: *generation, wish: *wish }
            }
            CardCommand::Gift { card, generation, wish } => {
                Command::Gift { card: *card, generation: *generation, wish: *wish }
            }
            CardCommand::ImportCodes { campaign, codes } => {
                Command::CodeImport { campaign: *campaign, codes: CodeBlock::Hashed(codes) }
            }
            CardCommand::SetCode { code, campaign } => Command::CodeSet { code: *code, campaign: *campaign },
            CardCommand::ShowCode { code } => Command::CodeShow { code: *code },
            CardCommand::Group(wish) => Command::Group(wish.lend()),
            CardCommand::Activity(wish) => Command::Activity(wish.lend()),
            CardCommand::Void { campaign, version, reason } => {
                Command::CampaignVoid { campaign: *campaign, version: *version, reason: *reason }
            }
            CardCommand::EndBatch { card, generation, end } => {
                Command::CardBatchEnd { card: *card, generation: *generation, end: *end }
            }
            CardCommand::Recycle { card, generation, into } => {
                Command::Recycle { card: *card, generation: *generation, into: *into }
            }
            CardCommand::Merge { into, generation, from } => {
                Command::Merge(Merge { into: *into, generation: *generation, from })
            }
            CardCommand::ShowCampaign { campaign } => Command::CampaignShow { campaign: *campaign },
            CardCommand::ShowCard { card, generation } => {
                Command::CardShow { card: *card, generation: *generation }
            }
            CardCommand::Quote(quote) => {
                let OwnedQuote { user, store, best, .. } = *quote;
                Command::Quote(Quote { user, store, best, lines: &quote.lines, cards: &quote.cards })
            }
            CardCommand::ReadNotices { after, limit } => {
                Command::NoticesRead { after: *after, limit: *limit }
            }
            CardCommand::ShowWallet { owner, campaign, after, usable, limit } => {
                let (owner, campaign, after) = (*owner, *campaign, *after);
                Command::WalletShow { owner, campaign, after, usable: *usable, limit: *limit }
            }
        }
    }

    /// Whether it asks and changes nothing.
    pub fn is_query(&self) -> bool {
        use CardCommand::{Quote, ReadNotices, ShowCampaign, ShowCard, ShowCode, ShowWallet};
        let of_group = matches!(
            self,
            CardCommand::Group(OwnedGroupWish::Show { .. })
                | CardCommand::Activity(OwnedActivityWish::Show { .. })
        );
        of_group
            || matches!(
                self,
                ShowCampaign { .. }
                    | ShowCard { .. }
                    | ShowCode { .. }
                    | ShowWallet { .. }
                    | ReadNotices { .. }
                    | Quote(_)
            )
    }

    /// Its name, as in the documents.
    pub fn name(&self) -> &'static str {
        match self {
            CardCommand::Create(_) => "CAMPAIGN_CREATE",
            CardCommand::Edit { .. } => "CAMPAIGN_EDIT",
            CardCommand::State { .. } => "CAMPAIGN_STATE",
            CardCommand::Issue(OwnedIssue { claimed: false, .. }) => "ISSUE",
            CardCommand::Issue(_) => "CLAIM",
            CardCommand::Redeem(_) => "REDEEM",
            CardCommand::Reverse { .. } => "REVERSE",
            CardCommand::Change { .. } => "CARD_CHANGE",
            CardCommand::Account { wish: AccountWish::TopUp { .. }, .. } => "TOPUP",
            CardCommand::Account { wish: AccountWish::Earn { .. }, .. } => "EARN",
            CardCommand::Account { wish: AccountWish::Refund, .. } => "CARD_REFUND",
            CardCommand::Account { wish: AccountWish::Renew { .. }, .. } => "RENEW",
            CardCommand::Account { wish: AccountWish::Level { .. }, .. } => "LEVEL",
            CardCommand::Gift { wish: GiftWish::Give { .. }, .. } => "GIFT",
            CardCommand::Gift { wish: GiftWish::Accept { .. }, .. } => "ACCEPT_GIFT",
            CardCommand::Gift { wish: GiftWish::Cancel { .. }, .. } => "CANCEL_GIFT",
            CardCommand::ImportCodes { .. } => "CODE_IMPORT",
            CardCommand::SetCode { .. } => "CODE_SET",
            CardCommand::ShowCode { .. } => "CODE_SHOW",
            CardCommand::Activity(OwnedActivityWish::Create { .. }) => "ACTIVITY_CREATE",
            CardCommand::Activity(OwnedActivityWish::Edit { .. }) => "ACTIVITY_EDIT",
            CardCommand::Activity(OwnedActivityWish::Show { .. }) => "ACTIVITY_SHOW",
            CardCommand::Group(OwnedGroupWish::Open { .. }) => "GROUP_OPEN",
            CardCommand::Group(OwnedGroupWish::Join { .. }) => "GROUP_JOIN",
            CardCommand::Group(OwnedGroupWish::Leave { .. }) => "GROUP_LEAVE",
            CardCommand::Group(OwnedGroupWish::Show { .. }) => "GROUP_SHOW",
            CardCommand::Void { .. } => "CAMPAIGN_VOID",
            CardCommand::EndBatch { end: BatchEnd::Void { .. }, .. } => "CARD_BATCH_VOID",
            CardCommand::EndBatch { .. } => "CARD_BATCH_RECYCLE",
            CardCommand::Recycle { .. } => "RECYCLE",
            CardCommand::Merge { .. } => "MERGE",
            CardCommand::ShowCampaign { .. } => "CAMPAIGN_SHOW",
            CardCommand::ShowCard { .. } => "CARD_SHOW",
            CardCommand::ShowWallet { .. } => "WALLET_SHOW",
            CardCommand::ReadNotices { .. } => "NOTICES_READ",
            CardCommand::Quote(_) => "QUOTE",
        }
    }
}

impl OwnedRedeem {
    fn lend(&self) -> Redeem<'_> {
        let OwnedRedeem { card, generation, units, order, user, amount, store, product, category, .. } =
            *self;
        let (parties, offline) = (self.parties.as_ref(), self.offline.as_ref());
        Redeem { card, generation, units, order, user, parties, amount, store, product, category, offline }
    }
}

impl OwnedRequest {
    /// Who asks for what: of a RESERVE or SELL, and of an ISSUE, CLAIM or REDEEM as if it were one.
    pub fn demand(&self) -> Option<OwnedTake> {
        match &self.command {
            OwnedCommand::OfCards(CardCommand::Issue(issue)) => Some(issue.demand()),
            OwnedCommand::QuoteReserve(quote) => Some(quote.take()),
            OwnedCommand::OfCards(CardCommand::Redeem(redeem)) => Some(redeem.demand()),
            OwnedCommand::OfCards(CardCommand::Group(wish)) => wish.demand(),
            _ => self.take().cloned(),
        }
    }
}
