//! What a hold that was made from a quote remembers of it: what each line of the cart cost, what each card took off it or paid of it,
//! and what went back of lines that have no stock.
//!
//! It lies in the table of further lines, behind the hold's own: the word behind the last line names the head of it, which names
//! the first card in that word's place. So a hold without a quote costs nothing more, and one with a quote no index. Invariant: a
//! hold is marked [`HoldRecord::QUOTED`] exactly if its last word names a head; behind the head hang the lines of the cart, in
//! order, then the shares.

use super::State;
use super::records::{ExtraLine, HoldRecord, NO_LINE};
use super::table::{Handle, NONE};
use crate::event::{EventQuote, EventShare};
use crate::ids::CardId;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute};

/// What stands before the cart of a hold.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct QuoteHead {
    /// The hold's first card; [`NONE`]: it has none.
    pub(super) cards: u32,
    /// The first line of the cart.
    first: u32,
    /// Lines of the cart.
    lines: u32,
    /// Shares behind them.
    shares: u32,
    /// 1: no combination of the cards that were to choose from is better.
    exact: u32,
    spare: [u32; 3],
}

/// A line of the cart of a hold.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct QuoteLine {
    unit_price: U64,
    /// Pieces.
    pub quantity: u32,
    /// Of a line without a stock: pieces given back.
    returned: u32,
    /// The place of its line in the hold, from 1; 0: it has no stock.
    place: u32,
    spare: [u32; 2],
    next: u32,
}

/// What a card takes off a line, or pays of it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct QuoteShare {
    card: U64,
    amount: U64,
    /// The line's place in the cart, from 0.
    pub line: u32,
    /// The card's place among the cards of the hold, from 1; 0: it is not held.
    place: u32,
    /// 1: it is stored value, which pays.
    pays: u32,
    next: u32,
}

const _: () = assert!(size_of::<QuoteHead>() == size_of::<ExtraLine>());
const _: () = assert!(size_of::<QuoteLine>() == size_of::<ExtraLine>());
const _: () = assert!(size_of::<QuoteShare>() == size_of::<ExtraLine>());

impl QuoteHead {
    /// Whether no combination of the cards that were to choose from is better.
    pub const fn exact(&self) -> bool {
        self.exact == 1
    }

    /// Records that it names, and itself.
    pub(super) const fn records(&self) -> u64 {
        1 + self.lines as u64 + self.shares as u64
    }
}

impl QuoteLine {
    /// What one piece cost, in minor units.
    pub const fn unit_price(&self) -> u64 {
        self.unit_price.get()
    }

    /// What all pieces cost.
    pub const fn gross(&self) -> u64 {
        self.unit_price() * self.quantity as u64
    }

    /// Its line in the hold; `None`: it has no stock.
    pub const fn place(&self) -> Option<usize> {
        (self.place as usize).checked_sub(1)
    }
}

impl QuoteShare {
    /// The card.
    pub const fn card(&self) -> CardId {
        CardId(self.card.get())
    }

    /// In minor units.
    pub const fn amount(&self) -> u64 {
        self.amount.get()
    }

    /// Its place among the cards of the hold; `None`: it is not held.
    pub const fn place(&self) -> Option<usize> {
        (self.place as usize).checked_sub(1)
    }

    /// Whether it is payment, not discount.
    pub const fn pays(&self) -> bool {
        self.pays == 1
    }
}

/// Records that a quote of so many lines and shares takes.
pub const fn quote_records(lines: usize, shares: usize) -> u64 {
    if lines == 0 { 0 } else { (1 + lines + shares) as u64 }
}

impl State {
    /// The word behind the last line of a hold.
    fn last_word(&self, mut word: u32) -> u32 {
        while word < NO_LINE {
            word = self.extra_lines.get(Handle(word)).next;
        }
        word
    }

    /// The first card of a hold; [`NONE`]: it has none.
    pub(super) fn first_card_word(&self, hold: &HoldRecord) -> u32 {
        if let Some(head) = self.quote_of(hold) {
            return head.cards;
        }
        match self.last_word(hold.more_lines) {
            NONE => NONE,
            word => word & !NO_LINE,
        }
    }

    /// The quote that a hold was made from.
    pub fn quote_of(&self, hold: &HoldRecord) -> Option<QuoteHead> {
        hold.is_quoted().then(|| {
            let head = Handle(self.last_word(hold.more_lines) & !NO_LINE);
            transmute!(*self.extra_lines.get(head))
        })
    }

    /// The lines of the cart that a hold was made from, in order.
    pub fn cart_of(&self, head: QuoteHead) -> impl Iterator<Item = QuoteLine> + Clone {
        let mut next = head.first;
        (0..head.lines).map(move |_| {
            let line: QuoteLine = transmute!(*self.extra_lines.get(Handle(next)));
            next = line.next;
            line
        })
    }

    /// What each card takes off each line of that cart, or pays of it: card by card as they took their turns, then line by line.
    pub fn shares_of_quote(&self, head: QuoteHead) -> impl Iterator<Item = QuoteShare> + Clone {
        let mut next = self.cart_of(head).last().map_or(NONE, |line| line.next);
        (0..head.shares).map(move |_| {
            let share: QuoteShare = transmute!(*self.extra_lines.get(Handle(next)));
            next = share.next;
            share
        })
    }

    /// Pieces of a line of the cart that have gone back, whoever has given them back.
    pub fn pieces_returned(&self, hold: &HoldRecord, line: &QuoteLine) -> u32 {
        match line.place() {
            None => line.returned,
            Some(place) => self.line(hold, place).returned,
        }
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Keeps the quote of a hold that is about to be made, whose first card is named by `cards` ([`NONE`]: it has none); answers
    /// the word that stands behind its lines.
    pub(crate) fn keep_quote(&mut self, quote: &EventQuote<'_>, cards: u32) -> u32 {
        let mut next = NONE;
        for share in quote.shares.iter().rev() {
            let EventShare { card, amount, line, place, pays, .. } = *share;
            let (line, place, pays) = (u32::from(line), u32::from(place), u32::from(pays));
            let record = QuoteShare { card, amount, line, place, pays, next };
            next = self.extra_lines.insert(transmute!(record)).0;
        }
        for line in quote.lines.iter().rev() {
            let record = QuoteLine {
                unit_price: line.unit_price,
                quantity: line.quantity.get(),
                returned: 0,
                place: u32::from(line.place),
                spare: [0; 2],
                next,
            };
            next = self.extra_lines.insert(transmute!(record)).0;
        }
        let head = QuoteHead {
            cards: if cards == NONE { NONE } else { cards & !NO_LINE },
            first: next,
            lines: quote.lines.len() as u32,
            shares: quote.shares.len() as u32,
            exact: u32::from(quote.exact),
            spare: [0; 3],
        };
        NO_LINE | self.extra_lines.insert(transmute!(head)).0
    }

    /// Pieces of lines of the cart that have no stock go back; `pieces` says so of all lines.
    pub(crate) fn return_pieces(&mut self, hold: Handle, pieces: impl Fn(usize) -> u32) {
        let Some(head) = self.quote_of(self.holds.get(hold)) else { return };
        let mut next = head.first;
        for at in 0..head.lines as usize {
            let handle = Handle(next);
            let mut line: QuoteLine = transmute!(*self.extra_lines.get(handle));
            next = line.next;
            if line.place == 0 {
                line.returned += pieces(at);
                assert!(line.returned <= line.quantity, "no more pieces go back than there were");
                *self.extra_lines.get_mut(handle) = transmute!(line);
            }
        }
    }

    /// The quote of a hold leaves memory with it.
    pub(super) fn forget_quote(&mut self, hold: &HoldRecord) {
        let Some(head) = self.quote_of(hold) else { return };
        let mut next = head.first;
        for _ in 0..head.lines + head.shares {
            let handle = Handle(next);
            // A line and a share have the next word in the same place.
            let line: QuoteLine = transmute!(*self.extra_lines.get(handle));
            next = line.next;
            self.extra_lines.remove(handle);
        }
        self.extra_lines.remove(Handle(self.last_word(hold.more_lines) & !NO_LINE));
    }
}
