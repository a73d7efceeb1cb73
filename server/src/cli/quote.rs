//! Flags of `scrip quote`.

use super::values::{self, CartItem};
use super::{OperationArgs, PartiesArgs, ServerArgs};
use clap::Args;
use scrip_client::ChannelId;
use std::time::Duration;

const QUOTE_HELP: &str = "\
A line is [STOCK=]PRODUCT:CATEGORY:PRICE:QUANTITY; product and category are your numbers, 0 if there is none. Prices with a decimal
point are in major units, without one in minor units.
  scrip quote --user u1 --line 7:3:30.00:2                      with the best cards of u1's wallet
  scrip quote --line 7:0:30.00:2 --card CARD --card CODE        with just these two
  scrip quote --line 7:0:30.00:2 --card CARD --card CODE --best with the best of them
With --hold the units of the stocks named in lines and the cards that are used are held in the same step, for --order:
  scrip quote --hold --user u1 --order T1 --operation T1 --line tea=7:3:30.00:2 --line 9:0:8.00:1
then `scrip confirm T1`, or `scrip release T1`; `scrip return T1 --units 1,0` gives a piece of the first line back with its
share of the discount, and a card comes back with the last of its lines.";

/// What `scrip quote --hold` needs to know besides.
#[derive(Debug, Args)]
pub struct QuoteHoldArgs {
    /// The order
    #[arg(long, requires = "hold", value_name = "REFERENCE")]
    pub order: Option<String>,
    /// How long it is held, such as 15m [default: 15m]
    #[arg(long, requires = "hold", value_name = "SPAN", value_parser = values::span)]
    pub ttl: Option<Duration>,
    /// What the buyer was told that is left to pay; with a decimal point in major units. Refused if it is anything else
    #[arg(long, requires = "hold", value_name = "AMOUNT", value_parser = values::amount)]
    pub expect: Option<u64>,
    /// A hold of the same user or order that this one takes the place of
    #[arg(long, requires = "hold", value_name = "HOLD")]
    pub replace: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
}

/// `scrip quote`.
#[derive(Debug, Args)]
#[command(after_help = QUOTE_HELP)]
pub struct QuoteArgs {
    /// A line of the cart, 1 to 20 of them
    #[arg(long, required = true, value_name = "[STOCK=]PRODUCT:CATEGORY:PRICE:QUANTITY", num_args = 1, value_parser = values::cart_item)]
    pub line: Vec<CartItem>,
    /// Hold the stocks of the lines and the cards that are used, at this price, for an order
    #[arg(long)]
    pub hold: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub holding: QuoteHoldArgs,
    /// Who buys: without --card the best of his wallet are used
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
    /// A card to use, by its id or its code, up to 20 of them
    #[arg(long, value_name = "CARD", num_args = 1)]
    pub card: Vec<String>,
    /// Use the best of the cards named, not all of them
    #[arg(long, requires = "card")]
    pub best: bool,
    /// The store's number
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub store: u64,
    /// The channel, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}
