//! Cards of `scrip sell`, `scrip reserve` and `scrip hold show`: what is used with what is taken.
//!
//! It stands apart from `sale` because most sales have none. Invariant: a code that was typed is not printed: a card is named by its id, or
//! by its place among those that were named.

use super::Failure;
use super::cards::named_with_units;
use super::words::money;
use crate::cli::{CardsArgs, TakeArgs};
use scrip_client::{
    CardId, CardLine, CardName, CardsSold, Client, Code, Error, Hold, HoldCardShown, OperationShown,
};

/// What the cards are called in an error, in order.
pub(super) fn names(arguments: &CardsArgs) -> Vec<String> {
    let name = |(at, text): (usize, &String)| match named_with_units(text) {
        Ok((CardName::Id(card), _)) => format!("card {card}"),
        _ => format!("card number {}", at + 1),
    };
    arguments.cards.iter().enumerate().map(name).collect()
}

/// The cards as the server takes them; those named by their codes are looked up.
pub(super) async fn lines(client: &Client, take: &TakeArgs) -> Result<Vec<CardLine>, Failure> {
    let CardsArgs { cards, amount, store, product, category } = &take.cards;
    let amount = amount.or(take.expect).unwrap_or(0);
    let mut lines = Vec::with_capacity(cards.len());
    for (at, text) in cards.iter().enumerate() {
        let (name, units) = named_with_units(text)?;
        let line = match client.card_line(name, units, amount).await {
            Err(Error::Rejected(rejection)) if rejection.code == Code::NotFound => {
                return Err(Failure::Wish(format!(
                    "no card of this merchant has the code of card number {}: `scrip wallet USER` shows a user's cards",
                    at + 1
                )));
            }
            line => line?,
        };
        let (store, product, category) = ((*store).into(), (*product).into(), (*category).into());
        lines.push(CardLine { store, product, category, ..line });
    }
    Ok(lines)
}

/// What each card takes off, as it was fixed when the hold was made, to whom the token lets see it.
pub(super) async fn print_taken(client: &Client, lines: &[CardLine], hold: Hold) {
    if lines.is_empty() {
        return;
    }
    let shown = match client.operation_show(hold.operation, hold.slot).await {
        Ok(OperationShown::Hold(shown)) => shown.cards,
        _ => Vec::new(),
    };
    for (position, line) in lines.iter().enumerate() {
        let discount = shown.get(position).map(|card| format!(", {} off", money(card.discount)));
        let (card, units) = (CardId(line.card.get()), line.units);
        println!("card       {card}: {units}{}", discount.unwrap_or_default());
    }
}

/// A card of a hold.
pub(super) fn print(line: &HoldCardShown) {
    println!(
        "card       {}: {} held, {} used, {} of those given back, {} off",
        line.card,
        line.reserved,
        line.confirmed,
        line.returned,
        money(line.discount)
    );
}

/// Cards that were sold, by their ids: codes come from `scrip code export` alone.
pub(super) fn print_sold(sold: &[CardsSold]) {
    for row in sold {
        let (first, last) = (row.first, CardId(row.first.0 + u64::from(row.cards.saturating_sub(1))));
        match row.cards {
            1 => println!("card       {first}"),
            cards => println!("cards      {cards} from {first} to {last}"),
        }
        println!("codes      `scrip code export CAMPAIGN --from {first} --count {} --out FILE`", row.cards);
    }
}
