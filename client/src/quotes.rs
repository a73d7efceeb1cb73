//! The client's call for quotes: what a cart would cost.
//!
//! It stands apart from the calls on cards because it asks about a cart; cards are only what it is asked with. Invariant: a
//! quote changes nothing, so it may be asked again and again.

use crate::answer::OwnedOutcome;
use crate::cards::CardName;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::answer::{QuoteView, QuotedCard, QuotedLine};
use scrip_engine::command::{self, CartLine, Command, QuoteCard};
use scrip_engine::ids::{Slot, UserId};

/// A cart, and the cards that it is to be priced with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The slot that the cards lie in.
    pub slot: Slot,
    /// Whose cards; 0: not told.
    pub user: UserId,
    /// The store; 0: not told.
    pub store: u64,
    /// What is bought; 1 to 20 lines.
    pub lines: Vec<CartLine>,
    /// With which cards, at most 20. None: the best of the user's wallet.
    pub cards: Vec<CardName>,
    /// The best of `cards` are wanted, not all of them.
    pub best: bool,
}

impl Quote {
    /// This cart with the best of a user's wallet; of user 0 without any card.
    pub const fn new(slot: Slot, user: UserId, lines: Vec<CartLine>) -> Quote {
        Quote { slot, user, store: 0, lines, cards: Vec::new(), best: false }
    }
}

/// What a cart costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteShown {
    /// Before any card, in minor units.
    pub gross: u64,
    /// What the cards take off.
    pub discount: u64,
    /// No combination of the cards that were to choose from is better.
    pub exact: bool,
    /// The cards: in the order asked, or the newest of the wallet first.
    pub cards: Vec<QuotedCard>,
    /// The lines, in the order of the cart.
    pub lines: Vec<QuotedLine>,
    /// What each card takes off each line: card by card, as many as there are lines.
    pub shares: Vec<u64>,
}

impl QuoteShown {
    /// What is left to pay.
    pub const fn due(&self) -> u64 {
        self.gross.saturating_sub(self.discount)
    }

    /// What the card at this place takes off each line.
    ///
    /// # Panics
    /// If there is no such card.
    pub fn shares_of(&self, card: usize) -> &[u64] {
        assert!(card < self.cards.len(), "there is no card {card} in this quote");
        &self.shares[card * self.lines.len()..][..self.lines.len()]
    }
}

impl From<QuoteView<'_>> for QuoteShown {
    fn from(view: QuoteView<'_>) -> QuoteShown {
        QuoteShown {
            gross: view.gross,
            discount: view.discount,
            exact: view.exact,
            cards: view.cards.to_vec(),
            lines: view.lines.to_vec(),
            shares: view.shares.iter().map(|share| share.get()).collect(),
        }
    }
}

impl Client {
    /// What a cart costs. A card that is named by its code is looked up first, one round trip for each.
    ///
    /// # Errors
    /// [`Error::Rejected`] with RULE_FAILED if two of the cards may not be used together: the lines it names are their
    /// places. With NOT_FOUND if a code opens no card.
    pub async fn quote(&self, quote: &Quote) -> Result<QuoteShown, Error> {
        let mut cards = Vec::with_capacity(quote.cards.len());
        for name in &quote.cards {
            cards.push(match name {
                CardName::Id(card) => QuoteCard::new(*card, None),
                CardName::Code(_) | CardName::Given { .. } => {
                    let view = self.card_show(*name).await?;
                    QuoteCard::new(view.card, Some(view.generation))
                }
            });
        }
        let Quote { user, store, best, .. } = *quote;
        let command =
            Command::Quote(command::Quote { user, store, best, lines: &quote.lines, cards: &cards });
        match self.call(Operation::given(0, 0), quote.slot, command).await? {
            OwnedOutcome::Quote(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }
}
