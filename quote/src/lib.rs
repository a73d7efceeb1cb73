//! What a cart would cost: which cards count for it, what each takes off which line, what is left to pay, and which
//! combination of cards is best.
//!
//! A pure function: no I/O, no clock, no randomness, no state that outlives a call. [`Quoter::quote`] prices a cart with
//! given cards, [`Quoter::best`] chooses among them, [`share_of_return`] says what comes back with returned lines. The
//! rules are in docs/quote.md. It stands on the ground floor and knows no other crate of the house: the engine,
//! which asks, translates campaigns and cards into [`Offer`]s. Read the modules in this order.

pub mod ids;
pub mod limits;

pub mod cart;
pub mod offer;

mod arithmetic;
mod check;
pub mod outcome;
mod prepare;
mod quoter;
pub mod refusal;
pub mod returns;
mod search;
mod state;

pub use cart::{Cart, FixedDiscount, Line};
pub use ids::{
    Amount, CampaignId, CardId, CategoryId, ChannelId, Currency, ProductId, SegmentId, StoreId, TimeMs,
};
pub use offer::{
    Choice, ClassSet, Counted, Kind, Offer, Over, Scope, Stacking, StackingClass, Stage, Threshold, Tier,
};
pub use outcome::{Best, CardQuote, LineQuote, Outcome, Quote, Reason, ShippingQuote, Totals};
pub use quoter::Quoter;
pub use refusal::{Clash, ClashCause, Item, Malformed, OfferFault, Refusal};
pub use returns::{
    Return, ReturnRefusal, ReturnedCard, ReturnedLine, Returning, divide_pieces, share_of_return,
};

/// The examples of docs/quote.md, which run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/quote.md")]
struct Examples;
