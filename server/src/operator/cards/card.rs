//! `scrip card` and `scrip wallet`: one card by hand, and a user's cards.
//!
//! Invariant: a repeat under the same `--operation` prints what the first answer printed.

use super::super::sale::{parties, print_operation, telling};
use super::super::sharing;
use super::super::words::{Kind, Subject, id_text, time};
use super::super::{Failure, OperatorError, repeat, run};
use super::{account, code, endings, gift, money, named, notices, print_card, upload, validity};
use crate::cli::{
    CardArgs, CardCommand, ClaimArgs, ExtendArgs, IssueArgs, RedeemArgs, ReverseArgs, WalletArgs,
};
use scrip_client::{
    CardChange, CardId, CardState, ChannelId, Claim, ClaimByCode, Client, Issue, Issued, OfflineUse,
    Operation, Redeem, Redeemed, Reverse, Wallet,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// `scrip card`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn card(command: &CardCommand) -> Result<(), OperatorError> {
    match command {
        CardCommand::Issue(arguments) => issue(arguments),
        CardCommand::Claim(arguments) => claim(arguments),
        CardCommand::Redeem(arguments) => redeem(arguments),
        CardCommand::Upload(arguments) => upload::upload(arguments),
        CardCommand::Reverse(arguments) => reverse(arguments),
        CardCommand::Show(arguments) => run(&arguments.server, ChannelId(0), &of_card(), async |client| {
            print_card(client, named(&arguments.card)?).await
        }),
        CardCommand::Activate(arguments) => change(arguments, CardChange::Activate),
        CardCommand::Freeze(arguments) => change(arguments, CardChange::Freeze),
        CardCommand::Unfreeze(arguments) => change(arguments, CardChange::Unfreeze),
        CardCommand::Void(arguments) => change(arguments, CardChange::Void),
        CardCommand::VoidBatch(arguments) => endings::void_batch(arguments),
        CardCommand::RecycleBatch(arguments) => endings::recycle_batch(arguments),
        CardCommand::Recycle(arguments) => endings::recycle(arguments),
        CardCommand::Merge(arguments) => endings::merge(arguments),
        CardCommand::Notices(arguments) => notices::notices(arguments),
        CardCommand::Extend(arguments) => extend(arguments),
        CardCommand::Topup(arguments) => account::top_up(arguments),
        CardCommand::Earn(arguments) => account::earn(arguments),
        CardCommand::Refund(arguments) => account::refund(arguments),
        CardCommand::Renew(arguments) => account::renew(arguments),
        CardCommand::Level(arguments) => account::level(arguments),
        CardCommand::Gift(arguments) => gift::gift(arguments),
        CardCommand::Accept(arguments) => gift::accept(arguments),
        CardCommand::CancelGift(arguments) => gift::cancel(arguments),
    }
}

fn of_campaign(name: &str) -> Subject<'_> {
    Subject { kind: Kind::Issue, stocks: vec![name], reference: None }
}

pub(super) const fn of_card() -> Subject<'static> {
    Subject { kind: Kind::Card, stocks: Vec::new(), reference: None }
}

fn issue(arguments: &IssueArgs) -> Result<(), OperatorError> {
    let caller = (arguments.channel, arguments.segments);
    run(&arguments.server, caller, &of_campaign(&arguments.campaign), async |client| {
        let campaign = client.stock_id(&arguments.campaign)?;
        let owner = arguments.user.as_deref().map(|user| client.user_id(user)).transpose()?;
        let (owner, count) = (owner.unwrap_or_default(), arguments.count);
        let attempt = async |client: &Client, operation: Operation| {
            client.issue(Issue::new(operation, campaign, owner, count)).await
        };
        let issued = repeat::once(client, &arguments.operation, campaign.slot(), attempt).await?;
        print_issued(client, &issued.1);
        print_operation(&arguments.operation, issued.0);
        if owner.0 == 0 {
            let (name, first) = (&arguments.campaign, issued.1.first);
            println!("codes      `scrip code export {name} --from {first} --count {count} --out FILE`");
        }
        Ok(())
    })
}

fn claim(arguments: &ClaimArgs) -> Result<(), OperatorError> {
    let Some(campaign) = &arguments.campaign else { return claim_by_code(arguments) };
    let reference = arguments.activity.as_deref();
    let kind = if reference.is_some() { Kind::Referral } else { Kind::Issue };
    let subject = Subject { kind, stocks: vec![campaign], reference };
    let caller = (arguments.channel, arguments.parties.segments);
    run(&arguments.server, caller, &subject, async |client| {
        let campaign = client.stock_id(campaign)?;
        let (user, parties) = (client.user_id(&arguments.user)?, parties(client, &arguments.parties)?);
        let word = match (&arguments.activity, &arguments.referrer) {
            (Some(activity), Some(referrer)) => {
                Some((sharing::named(client, activity)?, client.user_id(referrer)?))
            }
            _ => None,
        };
        let attempt = async |client: &Client, operation: Operation| {
            let claim = Claim { operation, campaign, user, parties };
            match word {
                None => client.claim(claim).await,
                Some(word) => client.claim_referred(claim, word).await,
            }
        };
        let issued = repeat::once(client, &arguments.operation, campaign.slot(), attempt).await?;
        print_issued(client, &issued.1);
        print_operation(&arguments.operation, issued.0);
        Ok(())
    })
}

fn claim_by_code(arguments: &ClaimArgs) -> Result<(), OperatorError> {
    let subject = Subject { kind: Kind::Code, stocks: Vec::new(), reference: None };
    let caller = (arguments.channel, arguments.parties.segments);
    run(&arguments.server, caller, &subject, async |client| {
        let code = code::given(arguments.code.as_deref().unwrap_or_default())?;
        let (user, parties) = (client.user_id(&arguments.user)?, parties(client, &arguments.parties)?);
        let attempt = async |client: &Client, operation: Operation| {
            client.claim_by_code(ClaimByCode { operation, code, slot: None, user, parties }).await
        };
        let issued = repeat::once(client, &arguments.operation, client.home_slot(), attempt).await?;
        print_issued(client, &issued.1);
        print_operation(&arguments.operation, issued.0);
        Ok(())
    })
}

fn print_issued(client: &Client, issued: &Issued) {
    match issued.cards {
        1 => println!("card       {}", issued.first),
        cards => {
            let last = CardId(issued.first.0 + u64::from(cards) - 1);
            println!("cards      {cards}: {} to {last}", issued.first);
        }
    }
    println!("state      {}", issued.state.name());
    println!("valid      {}", validity(client.now_ms(), issued.from_ms, issued.until_ms));
}

fn redeem(arguments: &RedeemArgs) -> Result<(), OperatorError> {
    let caller = (arguments.channel, arguments.parties.segments);
    run(&arguments.server, caller, &of_card(), async |client| {
        let card = named(&arguments.card)?;
        let order = arguments.order.as_deref().map(|order| client.order_id(order)).transpose()?;
        let user = arguments.user.as_deref().map(|user| client.user_id(user)).transpose()?;
        let request = Redeem {
            units: arguments.units,
            order: order.unwrap_or_default(),
            user: user.unwrap_or_default(),
            parties: parties(client, &arguments.parties)?,
            store: arguments.store,
            product: arguments.product,
            category: arguments.category,
            ..Redeem::new(client.operation(), card, arguments.amount)
        };
        let client = &telling(client, &arguments.facts);
        if let Some(occurred_ms) = arguments.occurred_at {
            return redeem_offline(client, arguments, request, occurred_ms).await;
        }
        let attempt = async |client: &Client, operation: Operation| {
            client.redeem(Redeem { operation, ..request }).await
        };
        let (operation, redeemed) =
            repeat::once(client, &arguments.operation, card.slot(client.home_slot()), attempt).await?;
        print_redeemed(&redeemed);
        print_operation(&arguments.operation, operation);
        Ok(())
    })
}

fn print_redeemed(redeemed: &Redeemed) {
    println!("redeemed   {}", time(redeemed.at_ms));
    println!("card       {}", redeemed.card);
    println!("units      {} used, {} left", redeemed.units, redeemed.available);
    println!("discount   {}", money(redeemed.discount));
}

/// A use of a till that was offline. When it happened is when its operation was made, so that it need not be remembered.
async fn redeem_offline(
    client: &Client,
    arguments: &RedeemArgs,
    request: Redeem,
    occurred_ms: u64,
) -> Result<(), Failure> {
    let operation = match &arguments.operation.operation {
        Some(reference) => {
            let created_ms = arguments.operation.created_ms.unwrap_or(occurred_ms);
            Operation { id: client.operation_id(reference)?, created_ms }
        }
        None => client.operation(),
    };
    let request = Redeem { operation, ..request };
    match client.redeem_offline(request, occurred_ms, arguments.terminal).await? {
        OfflineUse::Redeemed(redeemed) => print_redeemed(&redeemed),
        OfflineUse::Conflict { card, why } => {
            println!("conflict   {}: recorded, and nothing moved", why.name());
            println!("card       {card}");
        }
    }
    print_operation(&arguments.operation, operation);
    Ok(())
}

fn reverse(arguments: &ReverseArgs) -> Result<(), OperatorError> {
    let subject =
        Subject { kind: Kind::Reverse, stocks: Vec::new(), reference: Some(arguments.redemption.as_str()) };
    run(&arguments.server, ChannelId(0), &subject, async |client| {
        let (operation, slot) = (client.operation(), client.home_slot());
        let redemption = client.operation_id(&arguments.redemption)?;
        let (units, client) = (arguments.units, telling(client, &arguments.facts));
        let reversed = client.reverse(Reverse { operation, slot, redemption, units }).await?;
        println!("reversed   {} units; the card has {} left", reversed.units, reversed.available);
        println!("redemption {}", id_text(redemption));
        println!("operation  {}", id_text(operation.id));
        Ok(())
    })
}

fn change(arguments: &CardArgs, change: CardChange) -> Result<(), OperatorError> {
    run(&arguments.server, ChannelId(0), &of_card(), async |client| {
        changed(client, &arguments.card, change).await
    })
}

fn extend(arguments: &ExtendArgs) -> Result<(), OperatorError> {
    run(&arguments.server, ChannelId(0), &of_card(), async |client| {
        let from_now = |span: std::time::Duration| {
            client.now_ms().saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
        };
        let until_ms = arguments.until_ms.or_else(|| arguments.until_in.map(from_now)).unwrap_or(0);
        changed(client, &arguments.card, CardChange::Extend { until_ms }).await
    })
}

async fn changed(client: &Client, card: &str, change: CardChange) -> Result<(), Failure> {
    let name = named(card)?;
    client.card_change(client.operation(), name, change).await?;
    print_card(client, name).await
}

/// `scrip wallet`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn wallet(arguments: &WalletArgs) -> Result<(), OperatorError> {
    let stocks = arguments.campaign.as_deref().into_iter().collect();
    let subject = Subject { kind: Kind::Issue, stocks, reference: None };
    run(&arguments.server, ChannelId(0), &subject, async |client| {
        let campaign = arguments.campaign.as_deref().map(|name| client.stock_id(name)).transpose()?;
        let (owner, slot) = (client.user_id(&arguments.user)?, client.home_slot());
        let (usable, mut after, mut names, mut cards) = (arguments.usable, None, HashMap::new(), 0);
        loop {
            let page = client.wallet_show(Wallet { owner, slot, campaign, after, usable }).await?;
            for card in &page.cards {
                let campaign = scrip_client::StockId(card.campaign.get());
                let name = match names.entry(campaign) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(client.stock_show(campaign).await?.name),
                };
                let state = CardState::from_number(card.state).map_or("?", CardState::name);
                let valid = validity(client.now_ms(), card.from_ms.get(), card.until_ms.get());
                let (id, left) = (CardId(card.card.get()), card.available);
                println!("{id}  {state:8} {left:>7} left  {name}  {valid}");
                cards += 1;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        println!("{cards} cards of {}", arguments.user);
        Ok(())
    })
}
