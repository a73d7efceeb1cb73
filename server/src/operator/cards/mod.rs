//! `scrip campaign`, `card`, `wallet`, `quote` and `code`: the life of a card by hand.
//!
//! They stand apart from the commands on stocks because a card is named by its id or by a code. Invariant: a code is printed where it
//! was asked for (`code export`) and nowhere else; everywhere else its mask is.

mod account;
mod bounds;
mod campaign;
mod card;
mod code;
mod endings;
mod gift;
mod notices;
mod quote;
mod upload;
mod worth;

pub use campaign::campaign;
pub use card::{card, wallet};
pub use code::code;
pub use quote::quote;

use super::Failure;
use super::words::{money, time};
use crate::cli::values;
use scrip_client::{CardId, CardName, Client, LotView};
use scrip_engine::limits::CARD_VALUE_MAX;

/// Digits of a card's id as it is printed.
const ID_DIGITS: usize = 16;

/// The card that an operator names: 16 hexadecimal digits are an id, anything else is a code.
fn named(text: &str) -> Result<CardName, Failure> {
    if text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let id = u64::from_str_radix(text, 16).expect("16 digits are a number");
        return Ok(CardName::Id(CardId(id)));
    }
    CardName::read(text).map_err(|error| {
        Failure::Wish(format!(
            "{error}. A card's id has {ID_DIGITS} hexadecimal digits: `scrip wallet USER` shows a user's cards"
        ))
    })
}

/// The same, with units behind a colon: 1 if none are named.
pub(super) fn named_with_units(text: &str) -> Result<(CardName, u32), Failure> {
    let Some((card, units)) = text.rsplit_once(':') else { return Ok((named(text)?, 1)) };
    // The text is not repeated: it may be a code.
    let units = values::units(units).ok().filter(|units| (1..=CARD_VALUE_MAX).contains(units));
    let units = units.ok_or_else(|| {
        let how = "write CARD, CARD:3 for three units of it, or CARD:20.00 for so much of a gift card";
        Failure::Wish(how.into())
    })?;
    Ok((named(card)?, units))
}

/// When a card is valid, and whether it is now.
fn validity(now_ms: u64, from_ms: u64, until_ms: u64) -> String {
    let open = |at_ms: u64, word: &str| if at_ms == 0 { word.to_owned() } else { time(at_ms) };
    let now = match () {
        () if until_ms != 0 && now_ms >= until_ms => ", expired",
        () if now_ms < from_ms => ", not yet",
        () => "",
    };
    format!("{} to {}{now}", open(from_ms, "any time"), open(until_ms, "any time"))
}

async fn print_card(client: &Client, name: CardName) -> Result<(), Failure> {
    let (view, lots) = client.card_lots(name).await?;
    let campaign = client.stock_show(view.campaign).await?;
    println!("card       {}", view.card);
    println!("campaign   {}", campaign.name);
    println!("state      {}", view.state.name());
    println!("valid      {}", validity(client.now_ms(), view.from_ms, view.until_ms));
    let held = match view.held {
        0 => String::new(),
        held => format!(", {held} held for orders"),
    };
    println!("units      {} left, {} used, {} void{held}", view.available, view.consumed, view.void);
    if view.expired != 0 {
        println!("expired    {}", view.expired);
    }
    if view.level != 0 {
        println!("level      {}", view.level);
    }
    lots.iter().for_each(print_lot);
    let owner = if view.owner.0 == 0 { "whoever bears it".to_owned() } else { view.owner.to_string() };
    println!("owner      {owner}");
    println!("channel    {}", scrip_client::channel_name(view.channel));
    if view.redemption.0 != 0 {
        println!("redeemed   {}", super::words::id_text(view.redemption));
    }
    Ok(())
}

fn print_lot(lot: &LotView) {
    let kind = if lot.bonus == 0 { "principal" } else { "bonus" };
    let until = match lot.until_ms.get() {
        0 => "with the card".to_owned(),
        until_ms => format!("until {}", time(until_ms)),
    };
    let ended = if lot.live == 0 { ", ended" } else { "" };
    println!("lot        {kind}: {} of {} left, {until}{ended}", lot.available, lot.units);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_by_its_id_or_its_code() {
        assert!(matches!(named("00e8e0000000002a"), Ok(CardName::Id(CardId(0x00e8_e000_0000_002a)))));
        assert!(matches!(named("15nm7-4akdz-wnw4z-3jfmm"), Ok(CardName::Code(_))));
        let Err(Failure::Wish(why)) = named("15nm7-4akdz-wnw4z-3jfm0") else { panic!("it is mistyped") };
        assert!(why.contains("mistyped") && why.contains("scrip wallet") && !why.contains("15nm7"), "{why}");
    }

    #[test]
    fn amounts_and_times_are_for_people() {
        assert_eq!((money(500), money(3_005)), ("5.00".into(), "30.05".into()));
        assert_eq!(validity(5, 0, 0), "any time to any time");
        assert!(validity(5, 6, 0).ends_with(", not yet") && validity(5, 0, 5).ends_with(", expired"));
    }
}
