//! What to do where a maximum is reached or a token may not: words for people.

use super::Kind;
use scrip_client::CapacityOf;

/// What a maximum that is reached is of, and what to do about it.
pub fn full(which: CapacityOf, maximum: u64) -> (String, &'static str) {
    const MEMORY: &str = "Start `scrip serve` with more --memory";
    const FIXED: &str = "That many are possible and no more";
    let (what, mend) = match which {
        CapacityOf::LogSpace => {
            return ("the disk of the log is full".into(), "Free space on the disk of `scrip serve`");
        }
        CapacityOf::Stocks => ("stocks", MEMORY),
        CapacityOf::Holds => ("holds in memory", MEMORY),
        CapacityOf::ExtraLines => ("further lines of holds in memory", MEMORY),
        CapacityOf::Operations => ("operations in memory", MEMORY),
        CapacityOf::UserLimits => ("counted purchase limits", MEMORY),
        CapacityOf::Keys => ("card keys", MEMORY),
        CapacityOf::SealedBytes => ("bytes of sealed card keys", MEMORY),
        CapacityOf::Debts => ("sales that are owed", MEMORY),
        CapacityOf::OrderLines => ("lines of orders that sell once", MEMORY),
        CapacityOf::RiskCounts => ("subjects counted by risk rules", MEMORY),
        CapacityOf::StockUnits => ("units of the stock", FIXED),
        CapacityOf::Channels => ("channels of the stock", FIXED),
        CapacityOf::Batches => ("batches of the stock, or of all stocks,", FIXED),
        CapacityOf::Blocks => ("blocks", FIXED),
        CapacityOf::RiskBooks => ("merchants with risk rules", FIXED),
        CapacityOf::Zones => ("time zones of merchants", FIXED),
        CapacityOf::Campaigns => ("campaigns of the slot", FIXED),
        CapacityOf::Cards => ("cards in memory", MEMORY),
        CapacityOf::Redemptions => ("redemptions in memory", MEMORY),
        CapacityOf::Lots => ("lots of the card, or records of lots in memory,", MEMORY),
        CapacityOf::Gifts => ("gifts of cards in memory", MEMORY),
        CapacityOf::GivenCodes => ("codes that were given, in memory,", MEMORY),
        CapacityOf::Groups => ("groups and their members in memory", MEMORY),
        CapacityOf::Activities => ("activities", FIXED),
        CapacityOf::Friends => ("friends of activities in memory", MEMORY),
        CapacityOf::Links => ("users that are linked with others", MEMORY),
        CapacityOf::Labels => ("users with a label", MEMORY),
        CapacityOf::CardBatches => ("batches of bearer cards of the campaign, or of all campaigns,", FIXED),
    };
    (format!("{what} are at their maximum of {maximum}"), mend)
}

pub(super) fn forbidden(kind: Kind) -> String {
    let verbs = match kind {
        Kind::Create
        | Kind::Stock
        | Kind::Quota
        | Kind::Limit
        | Kind::Risk
        | Kind::Merchant
        | Kind::Person => "--verb stock --verb read",
        Kind::Take | Kind::Hold | Kind::Order => "--verb sell --verb read",
        Kind::CampaignCreate | Kind::Campaign | Kind::CardBatch | Kind::Activity => {
            "--verb stock --verb read"
        }
        Kind::Code => "--verb stock --verb issue --verb read",
        Kind::Quote => "--verb read",
        Kind::Issue | Kind::Referral => "--verb issue --verb read",
        Kind::Card => "--verb redeem --verb stock --verb read",
        Kind::Gift | Kind::Group | Kind::Recycle | Kind::Merge => "--verb issue --verb read",
        Kind::Account => "--verb issue --verb return --verb read",
        Kind::Return | Kind::Cancel | Kind::Reverse => "--verb return --verb read",
        Kind::Keys => "--verb stock --verb sell --verb return --verb read --verb export",
    };
    format!(
        ". `scrip token create --merchant N {verbs}` makes a token that may; one that was revoked or is for other \
         channels may not (`scrip token list`)"
    )
}
