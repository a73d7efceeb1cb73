//! The encoder of commands on campaigns and cards. It stands apart so that the encoder of those on stocks stays in one view.
//!
//! Invariant: as of all commands: what is written here reads as what went in.

use crate::commands::{
    AcceptGiftBody, CampaignCreateBody, CampaignEditBody, CampaignShowBody, CampaignStateBody,
    CampaignVoidBody, CancelGiftBody, CardBatchRecycleBody, CardBatchVoidBody, CardChangeBody,
    CardRefundBody, CardShowBody, ClaimBody, CodeImportBody, CodeSetBody, EarnBody, GiftBody, IssueBody,
    LevelBody, MergeBody, NoticesReadBody, QuoteBody, QuoteReserveBody, RecycleBody, RedeemBody, RenewBody,
    ReverseBody, TopUpBody, WalletShowBody, flag,
};
use crate::layout::pad;
use scrip_engine::command::{
    AccountWish, BatchEnd, CampaignCreate, CampaignTerms, CodeBlock, Command, GiftWish, Issue, QuoteReserve,
    RecycleInto, Redeem,
};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

const fn when(condition: bool, flag: u8) -> u8 {
    if condition { flag } else { 0 }
}

fn extended(terms: &CampaignTerms<'_>) -> u8 {
    when(!terms.extension.is_none(), flag::EXTENDED)
}

/// The flags and the count of one of these commands; none of any other.
pub(super) fn flags_and_lines(command: &Command<'_>) -> (u8, usize) {
    match command {
        Command::CampaignCreate(create) => {
            let frozen = when(create.terms.frozen, flag::FROZEN);
            (frozen | extended(&create.definition), create.definition.scope.len())
        }
        Command::CampaignEdit { terms, .. } => (extended(terms), terms.scope.len()),
        Command::Issue(issue) => {
            let flags = when(issue.referral.is_some(), flag::HAS_REFERRAL);
            (flags | when(issue.parties.is_some(), flag::HAS_PARTIES), 0)
        }
        Command::Redeem(redeem) => {
            let parties = when(redeem.parties.is_some(), flag::HAS_PARTIES)
                | when(redeem.offline.is_some(), flag::HAS_OFFLINE);
            (parties | when(redeem.generation.is_some(), flag::HAS_GENERATION), 0)
        }
        Command::CardChange { generation, .. }
        | Command::Account { generation, .. }
        | Command::Gift { generation, .. }
        | Command::CardBatchEnd { generation, .. }
        | Command::Recycle { generation, .. }
        | Command::CardShow { generation, .. } => (when(generation.is_some(), flag::HAS_GENERATION), 0),
        Command::WalletShow { campaign, after, usable, .. } => {
            let named = when(campaign.is_some(), flag::OF_CAMPAIGN) | when(after.is_some(), flag::HAS_AFTER);
            (named | when(*usable, flag::USABLE), 0)
        }
        Command::CodeImport { codes, .. } => (0, codes.count()),
        Command::CodeSet { campaign, .. } => (when(campaign.is_some(), flag::NAMES_CAMPAIGN), 0),
        Command::Quote(quote) => (when(quote.best, flag::BEST), quote.lines.len()),
        Command::QuoteReserve(quote) => {
            let flags = when(quote.best, flag::BEST)
                | when(quote.replace.0 != 0, flag::HAS_REPLACE)
                | when(quote.parties.is_some(), flag::HAS_PARTIES)
                | when(quote.expected_total.is_some(), flag::HAS_TOTAL);
            (flags, quote.lines.len())
        }
        Command::Merge(merge) => (when(merge.generation.is_some(), flag::HAS_GENERATION), merge.from.len()),
        _ => (0, 0),
    }
}

/// Appends the body of one of these commands.
pub(super) fn body(out: &mut Vec<u8>, command: &Command<'_>) {
    match *command {
        Command::CampaignCreate(ref create) => campaign_create(out, create),
        Command::CampaignEdit { campaign, version, terms } => {
            let (campaign, version) = (U64::new(campaign.0), U32::new(version));
            let body = CampaignEditBody { campaign, version, tiers: terms.tiers.len() as u8, spare: [0; 3] };
            out.extend_from_slice(body.as_bytes());
            definition(out, &terms);
        }
        Command::CampaignState { campaign, version, state } => {
            let (campaign, version) = (U64::new(campaign.0), U32::new(version));
            let body = CampaignStateBody { campaign, version, state: state as u8, spare: [0; 3] };
            out.extend_from_slice(body.as_bytes());
        }
        Command::Issue(ref issue) => self::issue(out, issue),
        Command::Redeem(ref redeem) => self::redeem(out, redeem),
        Command::Reverse { redemption, units } => {
            let (redemption, units) = (U128::new(redemption.0), U32::new(units));
            out.extend_from_slice(ReverseBody { redemption, units, spare: U32::ZERO }.as_bytes());
        }
        Command::CardChange { card, generation, change } => {
            let body = CardChangeBody {
                card: U64::new(card.0),
                until_ms: U64::new(change.until_ms()),
                change: change.number(),
                generation: generation.unwrap_or(0),
                spare: [0; 6],
            };
            out.extend_from_slice(body.as_bytes());
        }
        Command::Account { card, generation, wish } => {
            account(out, (U64::new(card.0), generation.unwrap_or(0)), wish);
        }
        Command::Gift { card, generation, wish } => {
            gift(out, (U64::new(card.0), generation.unwrap_or(0)), wish);
        }
        Command::CampaignVoid { campaign, version, reason } => {
            let body = CampaignVoidBody {
                campaign: U64::new(campaign.0),
                version: U32::new(version),
                reason: U16::new(reason),
                spare: [0; 2],
            };
            out.extend_from_slice(body.as_bytes());
        }
        Command::CardBatchEnd { card, generation, end } => {
            let (card, generation) = (U64::new(card.0), generation.unwrap_or(0));
            match end {
                BatchEnd::Void { reason } => {
                    let reason = U16::new(reason);
                    let body = CardBatchVoidBody { card, reason, generation, spare: [0; 5] };
                    out.extend_from_slice(body.as_bytes());
                }
                BatchEnd::Recycle => {
                    let body = CardBatchRecycleBody { card, generation, spare: [0; 7] };
                    out.extend_from_slice(body.as_bytes());
                }
            }
        }
        Command::Recycle { card, generation, into } => {
            let (other, units) = match into {
                RecycleInto::Supply => (0, 0),
                RecycleInto::Points { card, units } => (card.0, units),
                RecycleInto::Campaign(campaign) => (campaign.0, 0),
            };
            let body = RecycleBody {
                card: U64::new(card.0),
                into: U64::new(other),
                units: U32::new(units),
                how: into.number(),
                generation: generation.unwrap_or(0),
                spare: [0; 2],
            };
            out.extend_from_slice(body.as_bytes());
        }
        Command::Merge(ref merge) => {
            let (card, generation) = (U64::new(merge.into.0), merge.generation.unwrap_or(0));
            out.extend_from_slice(MergeBody { card, generation, spare: [0; 7] }.as_bytes());
            out.extend_from_slice(merge.from.as_bytes());
        }
        Command::CampaignShow { campaign } => {
            out.extend_from_slice(CampaignShowBody { campaign: U64::new(campaign.0) }.as_bytes());
        }
        Command::CardShow { card, generation } => {
            let (card, generation) = (U64::new(card.0), generation.unwrap_or(0));
            out.extend_from_slice(CardShowBody { card, generation, spare: [0; 7] }.as_bytes());
        }
        Command::Quote(ref quote) => {
            let body = QuoteBody {
                user: U128::new(quote.user.0),
                store: U64::new(quote.store),
                cards: quote.cards.len() as u8,
                spare: [0; 7],
            };
            out.extend_from_slice(body.as_bytes());
            out.extend_from_slice(quote.lines.as_bytes());
            out.extend_from_slice(quote.cards.as_bytes());
        }
        Command::CodeImport { campaign, codes: CodeBlock::Plain { bytes, .. } } => {
            let (campaign, block_bytes) = (U64::new(campaign.0), U32::new(bytes.len() as u32));
            out.extend_from_slice(CodeImportBody { campaign, spare: U32::ZERO, block_bytes }.as_bytes());
            out.extend_from_slice(bytes);
            pad(out, bytes.len());
        }
        Command::CodeSet { campaign, .. } => {
            let campaign = U64::new(campaign.map_or(0, |campaign| campaign.0));
            out.extend_from_slice(CodeSetBody { campaign }.as_bytes());
        }
        Command::CodeShow { .. } => {}
        Command::NoticesRead { after, limit } => {
            let (after, limit) = (U64::new(after), U32::new(limit));
            out.extend_from_slice(NoticesReadBody { after, limit, spare: U32::ZERO }.as_bytes());
        }
        Command::QuoteReserve(ref quote) => quote_reserve(out, quote),
        Command::WalletShow { owner, campaign, after, limit, .. } => {
            let body = WalletShowBody {
                owner: U128::new(owner.0),
                campaign: U64::new(campaign.map_or(0, |campaign| campaign.0)),
                after: U64::new(after.map_or(0, |after| after.0)),
                limit: U32::new(limit),
                spare: U32::ZERO,
            };
            out.extend_from_slice(body.as_bytes());
        }
        ref other => unreachable!("{other:?} is encoded elsewhere, or sealed: then it goes nowhere"),
    }
}

fn quote_reserve(out: &mut Vec<u8>, quote: &QuoteReserve<'_>) {
    let body = QuoteReserveBody {
        order: U128::new(quote.order.0),
        user: U128::new(quote.user.0),
        store: U64::new(quote.store),
        ttl_ms: U32::new(quote.ttl_ms),
        cards: quote.cards.len() as u8,
        spare: [0; 3],
    };
    out.extend_from_slice(body.as_bytes());
    if quote.replace.0 != 0 {
        out.extend_from_slice(&quote.replace.0.to_le_bytes());
    }
    if let Some(parties) = quote.parties {
        out.extend_from_slice(parties.as_bytes());
    }
    if let Some(total) = quote.expected_total {
        out.extend_from_slice(&total.to_le_bytes());
    }
    out.extend_from_slice(quote.lines.as_bytes());
    out.extend_from_slice(quote.cards.as_bytes());
}

/// TOPUP, EARN, CARD_REFUND, RENEW, LEVEL.
fn account(out: &mut Vec<u8>, (card, generation): (U64, u8), wish: AccountWish) {
    match wish {
        AccountWish::TopUp { principal, bonus, paid, until_ms } => {
            let body = TopUpBody {
                card,
                until_ms: U64::new(until_ms),
                principal: U32::new(principal),
                bonus: U32::new(bonus),
                paid: U32::new(paid),
                generation,
                spare: [0; 3],
            };
            out.extend_from_slice(body.as_bytes());
        }
        AccountWish::Earn { units } => {
            let body = EarnBody { card, units: U32::new(units), generation, spare: [0; 3] };
            out.extend_from_slice(body.as_bytes());
        }
        AccountWish::Refund => {
            out.extend_from_slice(CardRefundBody { card, generation, spare: [0; 7] }.as_bytes());
        }
        AccountWish::Renew { seconds } => {
            let body = RenewBody { card, seconds: U32::new(seconds), generation, spare: [0; 3] };
            out.extend_from_slice(body.as_bytes());
        }
        AccountWish::Level { level } => {
            out.extend_from_slice(LevelBody { card, level, generation, spare: [0; 6] }.as_bytes());
        }
    }
}

/// GIFT, ACCEPT_GIFT, CANCEL_GIFT.
fn gift(out: &mut Vec<u8>, (card, generation): (U64, u8), wish: GiftWish) {
    match wish {
        GiftWish::Give { user, to, lasts_s } => {
            let (user, to, lasts_s) = (U128::new(user.0), U128::new(to.0), U32::new(lasts_s));
            let body = GiftBody { card, lasts_s, generation, spare: [0; 3], user, to };
            out.extend_from_slice(body.as_bytes());
        }
        GiftWish::Accept { user } => {
            let body = AcceptGiftBody { card, generation, spare: [0; 7], user: U128::new(user.0) };
            out.extend_from_slice(body.as_bytes());
        }
        GiftWish::Cancel { user } => {
            let body = CancelGiftBody { card, generation, spare: [0; 7], user: U128::new(user.0) };
            out.extend_from_slice(body.as_bytes());
        }
    }
}

fn campaign_create(out: &mut Vec<u8>, create: &CampaignCreate<'_>) {
    let body = CampaignCreateBody {
        campaign: U64::new(create.campaign.0),
        units: U64::new(create.units),
        opens_ms: U64::new(create.terms.opens_ms),
        closes_ms: U64::new(create.terms.closes_ms),
        limit_per_user: U32::new(create.terms.limit_per_user),
        name_bytes: U16::new(create.name.len() as u16),
        layout: create.layout,
        tiers: create.definition.tiers.len() as u8,
    };
    out.extend_from_slice(body.as_bytes());
    definition(out, &create.definition);
    out.extend_from_slice(create.name);
    pad(out, create.name.len());
}

fn definition(out: &mut Vec<u8>, terms: &CampaignTerms<'_>) {
    out.extend_from_slice(terms.definition.as_bytes());
    if !terms.extension.is_none() {
        out.extend_from_slice(terms.extension.as_bytes());
    }
    out.extend_from_slice(terms.tiers.as_bytes());
    out.extend_from_slice(terms.scope.as_bytes());
}

fn issue(out: &mut Vec<u8>, issue: &Issue<'_>) {
    let (owner, campaign) = (U128::new(issue.owner.0), U64::new(issue.campaign.0));
    if issue.claimed {
        out.extend_from_slice(ClaimBody { user: owner, campaign }.as_bytes());
    } else {
        let body = IssueBody {
            owner,
            campaign,
            from_ms: U64::new(issue.from_ms),
            until_ms: U64::new(issue.until_ms),
            count: U32::new(issue.count),
            spare: U32::ZERO,
        };
        out.extend_from_slice(body.as_bytes());
    }
    if let Some(parties) = issue.parties {
        out.extend_from_slice(parties.as_bytes());
    }
    if let Some(referral) = issue.referral {
        out.extend_from_slice(referral.as_bytes());
    }
}

fn redeem(out: &mut Vec<u8>, redeem: &Redeem<'_>) {
    let body = RedeemBody {
        order: U128::new(redeem.order.0),
        user: U128::new(redeem.user.0),
        card: U64::new(redeem.card.0),
        amount: U64::new(redeem.amount),
        store: U64::new(redeem.store),
        product: U64::new(redeem.product),
        category: U64::new(redeem.category),
        units: U32::new(redeem.units),
        generation: redeem.generation.unwrap_or(0),
        spare: [0; 3],
    };
    out.extend_from_slice(body.as_bytes());
    if let Some(parties) = redeem.parties {
        out.extend_from_slice(parties.as_bytes());
    }
    if let Some(offline) = redeem.offline {
        out.extend_from_slice(offline.as_bytes());
    }
}
