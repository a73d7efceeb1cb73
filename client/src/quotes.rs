//! The client's calls for quotes: what a cart would cost, and the hold on just that.
//!
//! It stands apart from the calls on cards because it asks about a cart; cards are only what it is asked with. Invariant: a
//! quote changes nothing, so it may be asked again and again; one that is held is a hold.

use crate::answer::OwnedOutcome;
use crate::cards::CardName;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::{Hold, Operation};
use scrip_engine::answer::{QuoteView, QuotedCard, QuotedLine};
use scrip_engine::command::{self, CartLine, Command, Parties, QuoteCard, StockedLine};
use scrip_engine::ids::{OperationId, OrderId, Slot, UserId};

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
    /// What cards of stored value pay.
    pub paid: u64,
    /// No combination of the cards that were to choose from is better.
    pub exact: bool,
    /// The cards: in the order asked, or the newest of the wallet first.
    pub cards: Vec<QuotedCard>,
    /// The lines, in the order of the cart.
    pub lines: Vec<QuotedLine>,
    /// What each card takes off each line, or pays of it: card by card, as many as there are lines.
    pub shares: Vec<u64>,
}

impl QuoteShown {
    /// What is left to pay.
    pub const fn due(&self) -> u64 {
        self.gross.saturating_sub(self.discount).saturating_sub(self.paid)
    }

    /// What the card at this place takes off each line, or pays of it.
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
            paid: view.paid,
            exact: view.exact,
            cards: view.cards.to_vec(),
            lines: view.lines.to_vec(),
            shares: view.shares.iter().map(|share| share.get()).collect(),
        }
    }
}

/// A cart that is to be priced and held in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteReserve {
    /// Makes the call idempotent, and names the hold.
    pub operation: Operation,
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// The buyer, whose cards are used; 0: none.
    pub user: UserId,
    /// The store; 0: not told.
    pub store: u64,
    /// What is bought; 1 to 20 lines, at least one of them of a stock, all stocks of one slot.
    pub lines: Vec<StockedLine>,
    /// With which cards, at most 20. None: the best of the user's wallet.
    pub cards: Vec<CardName>,
    /// The best of `cards` are wanted, not all of them.
    pub best: bool,
    /// Time to live in milliseconds; 0: 900 s.
    pub ttl_ms: u32,
    /// A hold of the same user or order that this one takes the place of; 0: none.
    pub replace: OperationId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
    /// What the buyer was told that is left to pay, in minor units; `None`: not checked.
    pub expected_total: Option<u64>,
}

impl QuoteReserve {
    /// This cart with the best of a user's wallet, for 900 s.
    pub const fn new(operation: Operation, user: UserId, lines: Vec<StockedLine>) -> QuoteReserve {
        QuoteReserve {
            operation,
            order: OrderId(0),
            user,
            store: 0,
            lines,
            cards: Vec::new(),
            best: false,
            ttl_ms: 0,
            replace: OperationId(0),
            parties: None,
            expected_total: None,
        }
    }
}

/// A cart that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteReserved {
    /// The hold: confirm or release it.
    pub hold: Hold,
    /// It counts while server time is below this.
    pub deadline_ms: u64,
    /// What the cart costs, with the cards that are used as they take their turns.
    pub quote: QuoteShown,
}

impl Client {
    /// Prices a cart, and holds its stocks and the cards that are used, in one step. A card that is named by its code is looked up
    /// first, one round trip for each.
    ///
    /// # Errors
    /// [`Error::Rejected`] as of [`Client::reserve`]; lines are those of the cart, cards stand behind them. With QUOTE_CHANGED if
    /// something else is left to pay than the buyer was told. With NOT_FOUND if a code opens no card.
    pub async fn quote_reserve(&self, request: &QuoteReserve) -> Result<QuoteReserved, Error> {
        let cards = self.named_for_quote(&request.cards).await?;
        let slot =
            request.lines.iter().find_map(|line| line.stock()).map_or(self.home_slot(), |stock| stock.slot());
        let command = Command::QuoteReserve(command::QuoteReserve {
            order: request.order,
            user: request.user,
            store: request.store,
            best: request.best,
            replace: request.replace,
            parties: request.parties.as_ref(),
            expected_total: request.expected_total,
            ttl_ms: request.ttl_ms,
            lines: &request.lines,
            cards: &cards,
        });
        match self.call(request.operation, slot, command).await? {
            OwnedOutcome::QuoteReserved { deadline_ms, quote } => {
                Ok(QuoteReserved { hold: request.operation.hold(slot), deadline_ms, quote: *quote })
            }
            _ => Err(wrong_answer()),
        }
    }

    async fn named_for_quote(&self, names: &[CardName]) -> Result<Vec<QuoteCard>, Error> {
        let mut cards = Vec::with_capacity(names.len());
        for name in names {
            cards.push(match name {
                CardName::Id(card) => QuoteCard::new(*card, None),
                CardName::Code(_) | CardName::Given { .. } => {
                    let view = self.card_show(*name).await?;
                    QuoteCard::new(view.card, Some(view.generation))
                }
            });
        }
        Ok(cards)
    }

    /// What a cart costs. A card that is named by its code is looked up first, one round trip for each.
    ///
    /// # Errors
    /// [`Error::Rejected`] with RULE_FAILED if two of the cards may not be used together: the lines it names are their
    /// places. With NOT_FOUND if a code opens no card.
    pub async fn quote(&self, quote: &Quote) -> Result<QuoteShown, Error> {
        let cards = self.named_for_quote(&quote.cards).await?;
        let Quote { user, store, best, .. } = *quote;
        let command =
            Command::Quote(command::Quote { user, store, best, lines: &quote.lines, cards: &cards });
        match self.call(Operation::given(0, 0), quote.slot, command).await? {
            OwnedOutcome::Quote(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }
}
