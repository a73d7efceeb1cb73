//! `scrip quote`: what a cart would cost.
//!
//! Invariant: a card is named in it by its id and its campaign; a code that was typed is not printed.

use super::super::words::{Kind, Subject, time};
use super::super::{Failure, OperatorError, run};
use super::{money, named};
use crate::cli::QuoteArgs;
use scrip_client::{
    CardName, CardOutcome, Client, Code, Quote, QuoteShown, QuotedCard, Slot, StockId, UserId,
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
    // A code is not repeated in an error: it is the second card.
    let card = |(at, text): (usize, &String)| match named(text) {
        Ok(CardName::Id(_)) => format!("card {text}"),
        _ => format!("card number {}", at + 1),
    };
    let cards: Vec<String> = arguments.card.iter().enumerate().map(card).collect();
    let subject =
        Subject { kind: Kind::Quote, stocks: cards.iter().map(String::as_str).collect(), reference: None };
    run(&arguments.server, arguments.channel, &subject, async |client| {
        let user = arguments.user.as_deref().map(|user| client.user_id(user)).transpose()?;
        let cards = arguments.card.iter().map(|card| named(card)).collect::<Result<Vec<_>, _>>()?;
        let slot: Slot = cards.first().map_or(client.home_slot(), |card| card.slot(client.home_slot()));
        let request = Quote {
            slot,
            user: user.unwrap_or(UserId(0)),
            store: arguments.store,
            lines: arguments.line.clone(),
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
    println!("to pay     {}", money(shown.due()));
    for (at, line) in shown.lines.iter().enumerate() {
        let (gross, discount) = (line.gross.get(), line.discount.get());
        println!(
            "line {:<2}    {}, {} off, {} to pay",
            at + 1,
            money(gross),
            money(discount),
            money(gross - discount)
        );
    }
    for card in &shown.cards {
        let campaign = card.campaign().and_then(|campaign| names.get(&campaign)).map_or("?", String::as_str);
        println!("card       {}  {campaign}  {}", card.card(), in_words(card));
    }
    match (chosen, shown.exact) {
        (false, _) => {}
        (true, true) => println!("best       no other choice of these cards takes off more"),
        (true, false) => println!("best       of what was looked at; another choice may take off more"),
    }
}

fn in_words(card: &QuotedCard) -> String {
    match card.outcome() {
        Some(CardOutcome::Used) if card.units.get() > 1 => {
            format!("used: {} off with {} units", money(card.discount.get()), card.units)
        }
        Some(CardOutcome::Used) => format!("used: {} off", money(card.discount.get())),
        Some(CardOutcome::LeftOut) => "left out: the others take off more without it".to_owned(),
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
                Some(CardOutcome::LeftOut) => "left_out",
                Some(CardOutcome::Nothing) => "nothing",
                Some(CardOutcome::Refused) | None => "refused",
            },
            "refusal": refusal.map(Code::name),
            "counted": threshold.map(|_| card.fact.get()),
            "threshold": threshold.map(|_| card.threshold.get()),
            "at_ms": at_ms.map(|_| card.fact.get()),
            "discount": card.discount.get(),
            "units": card.units.get(),
            "turn": card.turn,
            "shares": shown.shares_of(at),
        })
    };
    let line = |line: &scrip_client::QuotedLine| json!({ "gross": line.gross.get(), "discount": line.discount.get() });
    json!({
        "gross": shown.gross,
        "discount": shown.discount,
        "due": shown.due(),
        "exact": shown.exact,
        "lines": shown.lines.iter().map(line).collect::<Vec<_>>(),
        "cards": shown.cards.iter().enumerate().map(card).collect::<Vec<_>>(),
    })
}
