//! The cart: what somebody is about to buy, where, when and as whom. It is the one input of a quote besides the cards.
//!
//! Invariant: a cart is borrowed and never changed; lines are named by their position in it, counted from 0.

use crate::ids::{Amount, CategoryId, ChannelId, Currency, ProductId, SegmentId, StoreId, TimeMs};

/// What is to be priced.
#[derive(Debug, Clone, Copy)]
pub struct Cart<'a> {
    /// What is bought. Two lines may have the same product. At most [`crate::limits::LINES_MAX`].
    pub lines: &'a [Line<'a>],
    /// Platform-funded discounts, already fixed by whoever funds them. Several may name one line.
    pub fixed: &'a [FixedDiscount],
    /// What shipping costs before any card.
    pub shipping: Amount,
    /// The currency of every amount of the cart.
    pub currency: Currency,
    /// Where the cart comes from.
    pub channel: ChannelId,
    /// The store it is for.
    pub store: StoreId,
    /// The segments its user is in, in any order.
    pub segments: &'a [SegmentId],
    /// When the quote is made. Cards are valid or not at this time.
    pub now_ms: TimeMs,
}

impl<'a> Cart<'a> {
    /// A cart of these lines and nothing else.
    pub const fn of(lines: &'a [Line<'a>]) -> Cart<'a> {
        Cart {
            lines,
            fixed: &[],
            shipping: Amount(0),
            currency: Currency(0),
            channel: ChannelId(0),
            store: StoreId(0),
            segments: &[],
            now_ms: TimeMs(0),
        }
    }
}

/// Some pieces of one product at one price.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// What it is.
    pub product: ProductId,
    /// The categories it is in, in any order. At most [`crate::limits::CATEGORIES_PER_LINE_MAX`].
    pub categories: &'a [CategoryId],
    /// What one piece costs. May be 0.
    pub unit_price: Amount,
    /// How many pieces; at least 1.
    pub quantity: u32,
}

impl Line<'_> {
    /// A line of a product in no category.
    pub const fn new(product: u64, unit_price: u64, quantity: u32) -> Line<'static> {
        Line { product: ProductId(product), categories: &[], unit_price: Amount(unit_price), quantity }
    }
}

/// Money that somebody else pays for a line: it comes off first, and can't be discounted again.
#[derive(Debug, Clone, Copy)]
pub struct FixedDiscount {
    /// The line's position in the cart.
    pub line: u16,
    /// How much; with the others of this line at most what the line costs.
    pub amount: Amount,
}
