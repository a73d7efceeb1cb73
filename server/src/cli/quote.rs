//! Flags of `scrip quote`.

use super::ServerArgs;
use super::values;
use clap::Args;
use scrip_client::{CartLine, ChannelId};

const QUOTE_HELP: &str = "\
A line is PRODUCT:CATEGORY:PRICE:QUANTITY; product and category are your numbers, 0 if there is none. Prices with a decimal
point are in major units, without one in minor units.
  scrip quote --user u1 --line 7:3:30.00:2                      with the best cards of u1's wallet
  scrip quote --line 7:0:30.00:2 --card CARD --card CODE        with just these two
  scrip quote --line 7:0:30.00:2 --card CARD --card CODE --best with the best of them";

/// `scrip quote`.
#[derive(Debug, Args)]
#[command(after_help = QUOTE_HELP)]
pub struct QuoteArgs {
    /// A line of the cart, 1 to 20 of them
    #[arg(long, required = true, value_name = "PRODUCT:CATEGORY:PRICE:QUANTITY", num_args = 1, value_parser = values::cart_line)]
    pub line: Vec<CartLine>,
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
