//! `scrip sell`, `reserve`, `confirm`, `release`, `return` and `hold show`: one sale by hand.
//!
//! Invariant: a repeat prints what the first answer printed.

use super::hold_cards;
use super::words::{Kind, Subject, id_text, key_line, money, time};
use super::{Failure, OperatorError, repeat, run};
use crate::cli::{
    CallArgs, ConfirmArgs, FactsArgs, HoldCommand, Item, OperationArgs, PartiesArgs, ReserveArgs, ReturnArgs,
    SellArgs, TakeArgs,
};
use scrip_client::{
    Client, Confirm, Error, Hold, HoldLineShown, HoldShown, HoldState, KeysShown, Line, Operation,
    OperationShown, OrderId, Parties, PiecesReturned, Reserve, ReturnUnits, Sell, Sold, TTL_MAX_MS, UserId,
    channel_name, says_its_time,
};
use std::time::Duration;

/// `scrip sell`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn sell(arguments: &SellArgs) -> Result<(), OperatorError> {
    let take = &arguments.take;
    let cards = hold_cards::names(&take.cards);
    run(&take.server, (take.channel, take.parties.segments), &subject_of(take, &cards), async |client| {
        let client = &telling(client, &arguments.facts);
        let (order, user, lines) = wishes(client, take)?;
        let request = Sell {
            order,
            user,
            cards: hold_cards::lines(client, take).await?,
            parties: parties(client, &take.parties)?,
            expected_total: take.expect,
            member: take.member,
            paid: arguments.paid,
            ..Sell::new(client.operation(), lines)
        };
        let attempt = async |client: &Client, operation: Operation| {
            let wait_until_ms = arguments.wait.map_or(0, |wait| wait_until_ms(operation, wait));
            client.sell(Sell { operation, wait_until_ms, ..request.clone() }).await
        };
        let (operation, sold) = repeat::once(client, &take.operation, client.home_slot(), attempt).await?;
        let channel = channel_name(take.channel);
        let keys = match sold {
            Sold::Confirmed(sold) => {
                println!("sold       {} on {channel}", time(sold.confirmed_ms));
                print_taken(&take.items, &sold.units);
                hold_cards::print_taken(client, &request.cards, sold.hold).await;
                hold_cards::print_sold(&sold.cards);
                Some(sold.keys)
            }
            Sold::Owed(owed) => {
                println!("owed       until {} on {channel}", time(owed.until_ms));
                println!(
                    "position   {} of {}: `scrip owed list {}`",
                    owed.position, take.items[0].name, take.items[0].name
                );
                None
            }
        };
        print_operation(&take.operation, operation);
        if let Some(keys) = keys {
            let reference = take.operation.operation.clone().unwrap_or_else(|| id_text(operation.id));
            print_keys(&keys, &reference);
        }
        Ok(())
    })
}

/// Until when a sale waits: counted from its making, so that a repeat asks for the same.
fn wait_until_ms(operation: Operation, wait: Duration) -> u64 {
    let made_ms = if operation.created_ms == 0 { operation.id.embedded_ms() } else { operation.created_ms };
    made_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// `scrip reserve`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn reserve(arguments: &ReserveArgs) -> Result<(), OperatorError> {
    let take = &arguments.take;
    let ttl_ms = u32::try_from(arguments.ttl.as_millis()).ok();
    let ttl_ms = ttl_ms.filter(|ttl_ms| (1..=TTL_MAX_MS).contains(ttl_ms));
    let ttl_ms =
        ttl_ms.ok_or_else(|| OperatorError::Wish("--ttl is from 1ms to 4h: try `--ttl 15m`".into()))?;
    let cards = hold_cards::names(&take.cards);
    run(&take.server, (take.channel, take.parties.segments), &subject_of(take, &cards), async |client| {
        let (order, user, lines) = wishes(client, take)?;
        let request = Reserve {
            order,
            user,
            cards: hold_cards::lines(client, take).await?,
            ttl_ms,
            parties: parties(client, &take.parties)?,
            expected_total: take.expect,
            member: take.member,
            ..Reserve::new(client.operation(), lines)
        };
        let attempt =
            async |client: &Client, operation| client.reserve(Reserve { operation, ..request.clone() }).await;
        let (operation, held) = repeat::once(client, &take.operation, client.home_slot(), attempt).await?;
        println!("held       until {} on {}", time(held.deadline_ms), channel_name(take.channel));
        print_taken(&take.items, &held.units);
        hold_cards::print_taken(client, &request.cards, held.hold).await;
        print_operation(&take.operation, operation);
        Ok(())
    })
}

/// `scrip confirm`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn confirm(arguments: &ConfirmArgs) -> Result<(), OperatorError> {
    let call = &arguments.call;
    run(&call.server, call.channel, &about(call, Kind::Hold), async |client| {
        let hold = hold_named(client, call)?;
        let client = &telling(client, &arguments.facts);
        let sold = client.confirm(Confirm { units: arguments.units.clone(), ..hold.all() }).await?;
        let sold = match sold {
            Sold::Confirmed(sold) => sold,
            Sold::Owed(owed) => {
                println!("owed       until {}: keys it was to have are frozen or void", time(owed.until_ms));
                println!("position   {}: `scrip owed list NAME` lists a stock's debts", owed.position);
                println!("hold       {}", id_text(hold.operation.id));
                return Ok(());
            }
        };
        let late = if sold.late { ", after the hold had expired" } else { "" };
        println!("sold       {}{late}", time(sold.confirmed_ms));
        let units: Vec<String> = sold.units.iter().map(u32::to_string).collect();
        println!("units      {}", units.join(", "));
        hold_cards::print_sold(&sold.cards);
        println!("hold       {}", id_text(hold.operation.id));
        print_keys(&sold.keys, &call.hold);
        Ok(())
    })
}

/// `scrip release`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn release(call: &CallArgs) -> Result<(), OperatorError> {
    run(&call.server, call.channel, &about(call, Kind::Hold), async |client| {
        let hold = hold_named(client, call)?;
        let released = client.release(hold).await?;
        println!(
            "released   {}",
            if released.lapsed { "it had expired before" } else { "its units are back" }
        );
        println!("hold       {}", id_text(hold.operation.id));
        Ok(())
    })
}

/// `scrip return`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn return_units(arguments: &ReturnArgs) -> Result<(), OperatorError> {
    let call = &arguments.call;
    run(&call.server, call.channel, &about(call, Kind::Return), async |client| {
        let hold = hold_named(client, call)?;
        let client = &telling(client, &arguments.facts);
        let operation = operation_of_return(client, &arguments.operation, hold).await?;
        let (units, to_available) = (arguments.units.clone(), !arguments.to_void);
        let returned = client.return_units(ReturnUnits { operation, hold, to_available, units }).await?;
        let to = if to_available { "available" } else { "void" };
        match returned.of_quote {
            None => println!("returned   {} units to {to}", returned.units),
            Some(pieces) => print_pieces(client, hold, &pieces, to).await,
        }
        println!("hold       {}", id_text(hold.operation.id));
        print_operation(&arguments.operation, operation);
        Ok(())
    })
}

/// What goes back of a cart: its share of the price, to the buyer and to cards that had paid of it, and the cards whose lines have all
/// gone back.
async fn print_pieces(client: &Client, hold: Hold, pieces: &PiecesReturned, to: &str) {
    println!("returned   {} pieces to {to}", pieces.pieces);
    println!("amount     {} is the buyer's", money(pieces.amount));
    if pieces.on_cards > 0 {
        println!("on cards   {} is back on cards that had paid of it", money(pieces.on_cards));
    }
    let shown = match client.operation_show(hold.operation, hold.slot).await {
        Ok(OperationShown::Hold(shown)) => shown.cards,
        _ => Vec::new(),
    };
    for place in pieces.places() {
        match shown.get(place) {
            Some(card) => println!("card       {} is back", card.card),
            None => println!("card       number {} of the hold is back", place + 1),
        }
    }
}

/// The same client, with facts for reports if any are given.
pub(super) fn telling(client: &Client, facts: &FactsArgs) -> Client {
    facts.facts.as_ref().map_or_else(|| client.clone(), |facts| client.with_facts(facts.as_bytes()))
}

/// The operation of a return under a reference is created when its hold was closed: the same for every repeat, and never
/// older than what the server remembers as long as it knows the hold.
async fn operation_of_return(
    client: &Client,
    arguments: &OperationArgs,
    hold: Hold,
) -> Result<Operation, Failure> {
    let Some(reference) = &arguments.operation else { return Ok(client.operation()) };
    let id = client.operation_id(reference)?;
    if arguments.created_ms.is_some() || says_its_time(reference) {
        return Ok(Operation { id, created_ms: arguments.created_ms.unwrap_or(0) });
    }
    let shown = shown(client, hold).await?;
    Ok(Operation { id, created_ms: if shown.closed_ms == 0 { shown.reserved_ms } else { shown.closed_ms } })
}

/// `scrip hold`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn hold(command: &HoldCommand) -> Result<(), OperatorError> {
    let HoldCommand::Show(call) = command;
    run(&call.server, call.channel, &about(call, Kind::Hold), async |client| {
        let shown = shown(client, hold_named(client, call)?).await?;
        print_hold(&shown);
        for line in &shown.lines {
            let name = match client.stock_show(line.stock).await {
                Ok(stock) => stock.name,
                // A refused sale may have named a stock that never was.
                Err(_) => format!("stock {}", line.stock),
            };
            print_item(&name, line);
        }
        shown.cards.iter().for_each(hold_cards::print);
        Ok(())
    })
}

pub(super) async fn shown(client: &Client, hold: Hold) -> Result<HoldShown, Failure> {
    match client.operation_show(hold.operation, hold.slot).await? {
        OperationShown::Hold(shown) => Ok(shown),
        OperationShown::Redemption(_) => Err(Failure::Wish(
            "this is the operation of a redemption, not of a sale: `scrip card reverse` gives its units back"
                .into(),
        )),
        OperationShown::Operation(view) => Err(Failure::Wish(format!(
            "this is the operation of a {:?} (answered {}), not of a sale. `scrip stock show NAME` shows a stock, \
             `scrip hold show` the --operation of a `scrip sell` or `scrip reserve`",
            view.kind, view.value
        ))),
    }
}

/// The hold that an operator names. Its created_ms is compared with nothing, but tells whether an unknown one is too old.
pub fn hold_named(client: &Client, call: &CallArgs) -> Result<Hold, Error> {
    let id = client.operation_id(&call.hold)?;
    let created_ms = if says_its_time(&call.hold) { 0 } else { client.now_ms() };
    Ok(Operation { id, created_ms }.hold(client.home_slot()))
}

fn wishes(client: &Client, take: &TakeArgs) -> Result<(OrderId, UserId, Vec<Line>), Failure> {
    let order = take.order.as_deref().map(|text| client.order_id(text)).transpose()?;
    let user = take.user.as_deref().map(|text| client.user_id(text)).transpose()?;
    let line = |item: &Item| Ok(Line::new(client.stock_id(&item.name)?, item.units));
    let lines = take.items.iter().map(line).collect::<Result<Vec<_>, Failure>>()?;
    Ok((order.unwrap_or_default(), user.unwrap_or_default(), lines))
}

/// Whom else the demand comes from; none if nobody is named.
pub(super) fn parties(client: &Client, named: &PartiesArgs) -> Result<Option<Parties>, Failure> {
    let hash = |text: &Option<String>| text.as_deref().map(|text| client.keyed_hash(text)).transpose();
    let limit_key = named.limit_key.as_deref().map(|text| client.limit_key(text)).transpose()?;
    let (device, address) = (hash(&named.device)?, hash(&named.address)?);
    if limit_key.is_none() && device.is_none() && address.is_none() {
        return Ok(None);
    }
    let [device, address] = [device, address].map(Option::unwrap_or_default);
    Ok(Some(Parties::new(limit_key.unwrap_or_default(), device, address)))
}

fn subject_of<'t>(take: &'t TakeArgs, cards: &'t [String]) -> Subject<'t> {
    let items = take.items.iter().map(|item| item.name.as_str());
    let stocks = items.chain(cards.iter().map(String::as_str)).collect();
    Subject { kind: Kind::Take, stocks, reference: take.operation.operation.as_deref() }
}

pub(super) fn about(call: &CallArgs, kind: Kind) -> Subject<'_> {
    Subject { kind, stocks: Vec::new(), reference: Some(&call.hold) }
}

fn print_taken(items: &[Item], units: &[u32]) {
    for (item, units) in items.iter().zip(units) {
        println!("item       {}: {units}", item.name);
    }
}

/// Card keys are masked here as everywhere; their buyer's answer is asked for by a command of its own.
pub(super) fn print_keys(keys: &KeysShown, reference: &str) {
    for key in &keys.keys {
        println!("key {}", key_line(key));
    }
    let shown = u32::try_from(keys.keys.len()).unwrap_or(u32::MAX);
    if keys.total > shown {
        println!("keys       {shown} of {}: `scrip keys show {reference}` shows all", keys.total);
    }
    if keys.total > 0 {
        println!("texts      `scrip keys reveal {reference}` prints them");
    }
}

pub(super) fn print_operation(arguments: &OperationArgs, operation: Operation) {
    match &arguments.operation {
        None => println!("operation  {}", id_text(operation.id)),
        Some(reference) => println!("operation  {reference} ({})", id_text(operation.id)),
    }
    if operation.created_ms != 0 {
        println!("created_ms {}", operation.created_ms);
    }
}

/// A line of a hold, with its stock's name.
pub(super) fn print_item(name: &str, line: &HoldLineShown) {
    println!(
        "item       {name}: {} reserved, {} sold, {} of those returned{}",
        line.reserved,
        line.confirmed,
        line.returned,
        if line.price == 0 { String::new() } else { format!(", at {} a unit", line.price) }
    );
}

pub(super) fn print_hold(hold: &HoldShown) {
    let state = match hold.state {
        HoldState::Held => "held",
        HoldState::Confirmed if hold.late => "sold, after it had expired",
        HoldState::Confirmed => "sold",
        HoldState::Released => "released",
        HoldState::Expired => "expired: it can still be confirmed if there are units",
        HoldState::Lapsed => "lapsed",
        HoldState::Refused => "refused after payment: refund it",
        HoldState::Cancelled => "cancelled",
        HoldState::Owed => "owed: it is sold as soon as its units are there",
        HoldState::Unfulfilled => "owed in vain: refund it",
    };
    let refusal = hold.refusal.map_or(String::new(), |code| format!(" ({})", code.name()));
    println!("hold       {}", id_text(hold.id));
    println!(
        "state      {state}{refusal}{}",
        if hold.flagged { ", flagged by a risk rule or block" } else { "" }
    );
    println!("channel    {}", channel_name(hold.channel));
    let id = |id: u128| if id == 0 { "-".into() } else { id_text(scrip_client::OperationId(id)) };
    println!("order      {}", id(hold.order.0));
    println!("user       {}", id(hold.user.0));
    println!("made       {}", time(hold.reserved_ms));
    println!("deadline   {}", time(hold.deadline_ms));
    println!("closed     {}", time(hold.closed_ms));
}
