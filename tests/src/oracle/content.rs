//! The oracle on commands: what of them is content, which slots they name, and how their records are shown.

use crate::request::{CardCommand, OwnedActivityWish, OwnedCommand, OwnedGroupWish, OwnedIssue};
use scrip_engine::answer::OperationKind;
use scrip_engine::command::{AccountWish, BatchEnd, CardLine, GiftWish, StockKind};
use scrip_engine::ids::{Slot, StockId};

/// A command as it is compared: without what is no content.
pub(super) fn content_of(command: &OwnedCommand) -> OwnedCommand {
    let mut content = command.clone();
    if let OwnedCommand::StockCreate { kind: StockKind::RandomKeys { seed }, .. } = &mut content {
        *seed = 0;
    }
    // The edge makes a key with each attempt, and seals a label under one.
    if let OwnedCommand::Label { key, .. } = &mut content {
        *key = 0;
    }
    if let OwnedCommand::OfCards(CardCommand::Create(create)) = &mut content {
        create.key.clear();
    }
    // An export reads on under the same id.
    if let OwnedCommand::KeysExport { from, .. } = &mut content {
        *from = 0;
    }
    content
}

pub(super) fn stocks_of(command: &OwnedCommand) -> Vec<StockId> {
    match command {
        OwnedCommand::StockCreate { stock, .. }
        | OwnedCommand::StockSupply { stock, .. }
        | OwnedCommand::StockVoid { stock, .. }
        | OwnedCommand::StockFreeze { stock, .. }
        | OwnedCommand::StockUnfreeze { stock, .. }
        | OwnedCommand::StockEdit { stock, .. }
        | OwnedCommand::StockQuota { stock, .. }
        | OwnedCommand::StockLimits { stock, .. }
        | OwnedCommand::StockPrice { stock, .. }
        | OwnedCommand::BatchCreate { stock, .. }
        | OwnedCommand::BatchChange { stock, .. }
        | OwnedCommand::KeysImport { stock, .. }
        | OwnedCommand::KeysExport { stock, .. }
        | OwnedCommand::StockShow { stock } => vec![*stock],
        OwnedCommand::QuoteReserve(quote) => quote.take().lines.iter().map(|wish| wish.stock).collect(),
        OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => {
            take.lines.iter().map(|wish| wish.stock).collect()
        }
        _ => Vec::new(),
    }
}

/// The cards that a RESERVE or SELL takes units of.
fn cards_of(command: &OwnedCommand) -> &[CardLine] {
    match command {
        OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => &take.cards,
        _ => &[],
    }
}

/// The slots that a command names, beside its own.
pub(super) fn slots_of(command: &OwnedCommand) -> Vec<Slot> {
    let OwnedCommand::OfCards(command) = command else {
        let stocks = stocks_of(command);
        let stocks = stocks.iter().map(|stock| stock.slot());
        return stocks.chain(cards_of(command).iter().map(|line| line.card().slot())).collect();
    };
    match command {
        CardCommand::Create(create) => vec![create.campaign.slot()],
        CardCommand::Edit { campaign, .. }
        | CardCommand::State { campaign, .. }
        | CardCommand::Void { campaign, .. }
        | CardCommand::ShowCampaign { campaign }
        | CardCommand::ImportCodes { campaign, .. } => vec![campaign.slot()],
        CardCommand::Issue(OwnedIssue { campaign, code, referral, .. }) => {
            let named = code.is_none().then(|| campaign.slot());
            named.into_iter().chain(referral.map(|referral| referral.activity().slot())).collect()
        }
        CardCommand::SetCode { campaign, .. } => campaign.iter().map(|campaign| campaign.slot()).collect(),
        CardCommand::ShowCode { .. } => Vec::new(),
        CardCommand::Activity(wish) => wish.slots(),
        CardCommand::Redeem(redeem) => vec![redeem.card.slot()],
        CardCommand::Change { card, .. }
        | CardCommand::Account { card, .. }
        | CardCommand::Gift { card, .. }
        | CardCommand::EndBatch { card, .. }
        | CardCommand::ShowCard { card, .. } => vec![card.slot()],
        CardCommand::Recycle { card, into, .. } => std::iter::once(card.slot()).chain(into.slot()).collect(),
        CardCommand::Merge { into, from, .. } => {
            std::iter::once(into.slot()).chain(from.iter().map(|card| card.card().slot())).collect()
        }
        CardCommand::ShowWallet { campaign, .. } => campaign.iter().map(|campaign| campaign.slot()).collect(),
        CardCommand::Group(OwnedGroupWish::Open { campaign, .. }) => vec![campaign.slot()],
        CardCommand::Reverse { .. }
        | CardCommand::ReadNotices { .. }
        | CardCommand::Quote(_)
        | CardCommand::Group(_) => Vec::new(),
    }
}

fn kind_of_cards(command: &CardCommand) -> OperationKind {
    match command {
        CardCommand::Create(_) => OperationKind::CampaignCreate,
        CardCommand::Edit { .. } => OperationKind::CampaignEdit,
        CardCommand::State { .. } => OperationKind::CampaignState,
        CardCommand::Issue(issue) if issue.claimed => OperationKind::Claim,
        CardCommand::Issue(_) => OperationKind::Issue,
        CardCommand::ImportCodes { .. } => OperationKind::CodeImport,
        CardCommand::SetCode { .. } => OperationKind::CodeSet,
        CardCommand::Reverse { .. } => OperationKind::Reverse,
        CardCommand::Change { .. } => OperationKind::CardChange,
        CardCommand::Account { wish, .. } => match wish {
            AccountWish::TopUp { .. } => OperationKind::TopUp,
            AccountWish::Earn { .. } => OperationKind::Earn,
            AccountWish::Refund => OperationKind::CardRefund,
            AccountWish::Renew { .. } => OperationKind::Renew,
            AccountWish::Level { .. } => OperationKind::Level,
        },
        CardCommand::Recycle { .. } => OperationKind::Recycle,
        CardCommand::Merge { .. } => OperationKind::Merge,
        CardCommand::Void { .. } => OperationKind::CampaignVoid,
        CardCommand::EndBatch { end: BatchEnd::Void { .. }, .. } => OperationKind::CardBatchVoid,
        CardCommand::EndBatch { .. } => OperationKind::CardBatchRecycle,
        CardCommand::Gift { wish, .. } => match wish {
            GiftWish::Give { .. } => OperationKind::Gift,
            GiftWish::Accept { .. } => OperationKind::AcceptGift,
            GiftWish::Cancel { .. } => OperationKind::CancelGift,
        },
        CardCommand::Group(wish) => match wish {
            OwnedGroupWish::Open { .. } => OperationKind::GroupOpen,
            OwnedGroupWish::Join { .. } => OperationKind::GroupJoin,
            _ => OperationKind::GroupLeave,
        },
        CardCommand::Activity(OwnedActivityWish::Create { .. }) => OperationKind::ActivityCreate,
        CardCommand::Activity(_) => OperationKind::ActivityEdit,
        CardCommand::Redeem(_) => OperationKind::OfflineConflict,
        _ => unreachable!("queries have no operation record"),
    }
}

pub(super) fn kind_of(command: &OwnedCommand) -> OperationKind {
    match command {
        OwnedCommand::OfCards(command) => kind_of_cards(command),
        OwnedCommand::StockCreate { .. } => OperationKind::StockCreate,
        OwnedCommand::StockSupply { .. } => OperationKind::StockSupply,
        OwnedCommand::StockVoid { .. } => OperationKind::StockVoid,
        OwnedCommand::StockFreeze { .. } => OperationKind::StockFreeze,
        OwnedCommand::StockUnfreeze { .. } => OperationKind::StockUnfreeze,
        OwnedCommand::StockEdit { .. } => OperationKind::StockEdit,
        OwnedCommand::StockQuota { .. } => OperationKind::StockQuota,
        OwnedCommand::StockLimits { .. } => OperationKind::StockLimits,
        OwnedCommand::StockPrice { .. } => OperationKind::StockPrice,
        OwnedCommand::RiskSet { .. } => OperationKind::RiskSet,
        OwnedCommand::BlockSet { .. } => OperationKind::BlockSet,
        OwnedCommand::ZoneSet { .. } => OperationKind::ZoneSet,
        OwnedCommand::Link { .. } => OperationKind::Link,
        OwnedCommand::Unlink { .. } => OperationKind::Unlink,
        OwnedCommand::Label { .. } => OperationKind::Label,
        OwnedCommand::Erase { .. } => OperationKind::Erase,
        OwnedCommand::Extend { .. } => OperationKind::Extend,
        OwnedCommand::Return { .. } => OperationKind::Return,
        OwnedCommand::BatchCreate { .. } => OperationKind::BatchCreate,
        OwnedCommand::BatchChange { .. } => OperationKind::BatchChange,
        OwnedCommand::KeysImport { .. } => OperationKind::KeysImport,
        OwnedCommand::Reveal { .. } => OperationKind::Reveal,
        OwnedCommand::KeyReplace { .. } => OperationKind::KeyReplace,
        OwnedCommand::KeyReclaim { .. } => OperationKind::KeyReclaim,
        OwnedCommand::KeysExport { .. } => OperationKind::KeysExport,
        OwnedCommand::Cancel => OperationKind::Tombstone,
        _ => unreachable!("holds and queries have no operation record"),
    }
}
