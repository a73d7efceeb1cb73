//! `scrip quote`: what a cart would cost; with --hold, the hold on just that.
//!
//! Invariant: a card is named in it by its id and its campaign; a code that was typed is not printed.

use super::super::sale::{parties, print_operation};
use super::super::words::{Kind, Subject, id_text, time};
use super::super::{Failure, OperatorError, repeat, run};
use super::{money, named};
use crate::cli::{CartItem, PartiesArgs, QuoteArgs};
use scrip_client::{
    CardName, CardOutcome, Client, Code, OperationId, Quote, QuoteReserve, QuoteShown, QuotedCard, Slot,
    StockId, StockedLine, TTL_MAX_MS, UserId, channel_name,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The names of campaigns, each asked for once.
type Names = HashMap<StockId, String>;

/// `scrip quote`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn quote(arguments: &QuoteArgs) -> Result<(), OperatorError> {
    if arguments.hold {
        return hold(arguments);
    }
    let PartiesArgs { limit_key, device, address, .. } = &arguments.holding.parties;
    let of_hold = [&arguments.holding.operation.operation, limit_key, device, address];
    if of_hold.into_iter().any(Option::is_some) {
        let why = "--operation, --limit-key, --device and --address are about a hold, and a quote holds nothing: add --hold";
        return Err(OperatorError::Wish(why.into()));
    }
    // A code is not repeated in an error: it is the second card.
    let card = |(at, text): (usize, &String)| match named(text) {
        Ok(CardName::Id(_)) => format!("card {text}"),
        _ => format!("card number {}", at + 1),
    };
    let cards: Vec<String> = arguments.card.iter().enumerate().map(card).collect();
    let subject =
        Subject { kind: Kind::Quote, stocks: cards.iter().map(String::as_str).collect(), reference: None };
    let caller = (arguments.channel, arguments.holding.parties.segments);
    run(&arguments.server, caller, &subject, async |client| {
        let user = buyer(client, arguments)?;
        let cards = arguments.card.iter().map(|card| named(card)).collect::<Result<Vec<_>, _>>()?;
        let slot: Slot = cards.first().map_or(client.home_slot(), |card| card.slot(client.home_slot()));
        let request = Quote {
            slot,
            user,
            store: arguments.store,
            lines: arguments.line.iter().map(|item| item.line).collect(),
            cards,
            best: arguments.best,
        };
        let shown = client.quote(&request).await?;
        let names = names_of(client, &shown).await?;
        if arguments.json {
            println!("{}", in_json(&shown, &names));
        } else {
            print(&shown, &names, arguments.best || arguments.card.is_empty());
        }
        Ok(())
    })
}

/// `scrip quote --hold`.
fn hold(arguments: &QuoteArgs) -> Result<(), OperatorError> {
    let holding = &arguments.holding;
    let ttl_ms =
        holding.ttl.map_or(Some(0), |ttl| u32::try_from(ttl.as_millis()).ok().filter(|ttl| *ttl > 0));
    let ttl_ms = ttl_ms.filter(|ttl_ms| *ttl_ms <= TTL_MAX_MS);
    let ttl_ms =
        ttl_ms.ok_or_else(|| OperatorError::Wish("--ttl is from 1ms to 4h: try `--ttl 15m`".into()))?;
    let line =
        |(at, item): (usize, &CartItem)| item.stock.clone().unwrap_or_else(|| format!("line {}", at + 1));
    let mut named_in_it: Vec<String> = arguments.line.iter().enumerate().map(line).collect();
    named_in_it.extend((1..=arguments.card.len()).map(|at| format!("card number {at}")));
    let subject = Subject {
        kind: Kind::Take,
        stocks: named_in_it.iter().map(String::as_str).collect(),
        reference: holding.operation.operation.as_deref(),
    };
    let caller = (arguments.channel, arguments.holding.parties.segments);
    run(&arguments.server, caller, &subject, async |client| {
        let request = QuoteReserve {
            order: holding
                .order
                .as_deref()
                .map(|text| client.order_id(text))
                .transpose()?
                .unwrap_or_default(),
            store: arguments.store,
            cards: arguments.card.iter().map(|card| named(card)).collect::<Result<Vec<_>, _>>()?,
            best: arguments.best,
            ttl_ms,
            replace: match &holding.replace {
                Some(hold) => client.operation_id(hold)?,
                None => OperationId(0),
            },
            parties: parties(client, &holding.parties)?,
            expected_total: holding.expect,
            ..QuoteReserve::new(client.operation(), buyer(client, arguments)?, stocked(client, arguments)?)
        };
        let attempt = async |client: &Client, operation| {
            client.quote_reserve(&QuoteReserve { operation, ..request.clone() }).await
        };
        let (operation, held) = repeat::once(client, &holding.operation, client.home_slot(), attempt).await?;
        let names = names_of(client, &held.quote).await?;
        if arguments.json {
            let mut shown = in_json(&held.quote, &names);
            shown["hold"] = json!(id_text(held.hold.operation.id));
            shown["deadline_ms"] = json!(held.deadline_ms);
            println!("{shown}");
        } else {
            println!("held       until {} on {}", time(held.deadline_ms), channel_name(arguments.channel));
            print(&held.quote, &names, arguments.best || arguments.card.is_empty());
            print_operation(&holding.operation, operation);
        }
        Ok(())
    })
}

fn buyer(client: &Client, arguments: &QuoteArgs) -> Result<UserId, Failure> {
    let user = arguments.user.as_deref().map(|user| client.user_id(user)).transpose()?;
    Ok(user.unwrap_or_default())
}

/// The lines of the cart with their stocks.
fn stocked(client: &Client, arguments: &QuoteArgs) -> Result<Vec<StockedLine>, Failure> {
    let line = |item: &CartItem| {
        let stock = item.stock.as_deref().map(|name| client.stock_id(name)).transpose()?;
        Ok(StockedLine::new(stock.unwrap_or(StockId(0)), item.line))
    };
    let lines = arguments.line.iter().map(line).collect::<Result<Vec<_>, Failure>>()?;
    match lines.iter().any(|line| line.stock().is_some()) {
        true => Ok(lines),
        false => Err(Failure::Wish(
            "no line names a stock: there is nothing to hold. Write `--line tea=7:3:30.00:2`".into(),
        )),
    }
}

async fn names_of(client: &Client, shown: &QuoteShown) -> Result<Names, Failure> {
    let mut names = Names::new();
    for campaign in shown.cards.iter().filter_map(QuotedCard::campaign) {
        if let Entry::Vacant(place) = names.entry(campaign) {
            place.insert(client.stock_show(campaign).await?.name);
        }
    }
    Ok(names)
}

fn print(shown: &QuoteShown, names: &Names, chosen: bool) {
    println!("cart       {}", money(shown.gross));
    println!("discount   {}", money(shown.discount));
    if shown.paid > 0 {
        println!("by cards   {} are paid with stored value", money(shown.paid));
    }
    println!("to pay     {}", money(shown.due()));
    for (at, line) in shown.lines.iter().enumerate() {
        let (gross, discount, paid) = (line.gross.get(), line.discount.get(), line.paid.get());
        let by_cards = if paid > 0 { format!(", {} by cards", money(paid)) } else { String::new() };
        println!(
            "line {:<2}    {}, {} off{by_cards}, {} to pay",
            at + 1,
            money(gross),
            money(discount),
            money(gross - discount - paid)
        );
    }
    for card in &shown.cards {
        let campaign = card.campaign().and_then(|campaign| names.get(&campaign)).map_or("?", String::as_str);
        println!("card       {}  {campaign}  {}", card.card(), in_words(card));
    }
    match (chosen, shown.exact) {
        (false, _) => {}
        (true, true) => println!("best       no other choice of these cards takes off or pays more"),
        (true, false) => {
            println!("best       of what was looked at; another choice may take off or pay more")
        }
    }
}

fn in_words(card: &QuotedCard) -> String {
    match card.outcome() {
        Some(CardOutcome::Used) if card.units.get() > 1 => {
            format!("used: {} off with {} units", money(card.discount.get()), card.units)
        }
        Some(CardOutcome::Used) => format!("used: {} off", money(card.discount.get())),
        Some(CardOutcome::Pays) => format!("pays: {}", money(card.discount.get())),
        Some(CardOutcome::LeftOut) => "left out: the others take off or pay more without it".to_owned(),
        Some(CardOutcome::Nothing) => "not used: it would take nothing off".to_owned(),
        Some(CardOutcome::Refused) => refusal(card),
        None => "?".to_owned(),
    }
}

fn refusal(card: &QuotedCard) -> String {
    let fact = card.fact.get();
    let why = match card.refusal() {
        Some(Code::RuleFailed) => {
            format!("RULE_FAILED, {} count and {} are needed", money(fact), money(card.threshold.get()))
        }
        Some(Code::NotStarted) => format!("NOT_STARTED, it is valid from {}", time(fact)),
        Some(Code::Expired) => format!("EXPIRED, it ended {}", time(fact)),
        code => code.map_or("?", Code::name).to_owned(),
    };
    format!("not used: {why}")
}

fn in_json(shown: &QuoteShown, names: &Names) -> Value {
    let card = |(at, card): (usize, &QuotedCard)| {
        let refusal = card.refusal();
        let threshold = refusal.filter(|code| *code == Code::RuleFailed);
        let at_ms = refusal.filter(|code| matches!(code, Code::NotStarted | Code::Expired));
        json!({
            "card": card.card().to_string(),
            "campaign": card.campaign().and_then(|campaign| names.get(&campaign)),
            "outcome": match card.outcome() {
                Some(CardOutcome::Used) => "used",
                Some(CardOutcome::Pays) => "pays",
                Some(CardOutcome::LeftOut) => "left_out",
                Some(CardOutcome::Nothing) => "nothing",
                Some(CardOutcome::Refused) | None => "refused",
            },
            "refusal": refusal.map(Code::name),
            "counted": threshold.map(|_| card.fact.get()),
            "threshold": threshold.map(|_| card.threshold.get()),
            "at_ms": at_ms.map(|_| card.fact.get()),
            "discount": if card.outcome() == Some(CardOutcome::Pays) { 0 } else { card.discount.get() },
            "paid": if card.outcome() == Some(CardOutcome::Pays) { card.discount.get() } else { 0 },
            "units": card.units.get(),
            "turn": card.turn,
            "shares": shown.shares_of(at),
        })
    };
    let line = |line: &scrip_client::QuotedLine| json!({ "gross": line.gross.get(), "discount": line.discount.get(), "paid": line.paid.get() });
    json!({
        "gross": shown.gross,
        "discount": shown.discount,
        "paid": shown.paid,
        "due": shown.due(),
        "exact": shown.exact,
        "lines": shown.lines.iter().map(line).collect::<Vec<_>>(),
        "cards": shown.cards.iter().enumerate().map(card).collect::<Vec<_>>(),
    })
}
