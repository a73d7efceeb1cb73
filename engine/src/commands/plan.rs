//! Room in which decisions are worked out and answers put together: made once, so that no command allocates.

use super::{campaigns, quote, settle, take};
use crate::answer::{
    BatchView, ChannelView, DebtView, GroupRow, HoldCard, HoldLine, KeyPlace, ListedPlace, LotView,
    NoticeView, OrderHold, QuotedCard, QuotedLine, SoldCards, WalletCard,
};
use crate::calendar::Transition;
use crate::command::{Block, Price, Quota, RiskRule};
use crate::event::{
    EventCard, EventCartLine, EventHold, EventKey, EventLine, EventMember, EventSale, EventShare, MergedCard,
    OwedLine, RefusedLine,
};
use crate::rejection::LineFact;
use crate::state::counts::Entries;
use crate::state::debts::Debt;
use crate::state::table::Handle;
use zerocopy::little_endian::{U32, U64, U128};

/// What `decide` found on its way, so that `apply` need not look again.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Hash of the operation's key.
    pub hash: u32,
    /// The hold that the command is about, or that it replaces.
    pub hold: Option<Handle>,
    /// Per line: the stock's handle, and the purchase limit entries there are.
    pub lines: Vec<(Option<Handle>, Entries)>,
    /// Holds that an expiry names.
    pub holds: Vec<Handle>,
    /// Debts that are settled or end.
    pub debts: Vec<Debt>,
}

/// Room in which a decision is worked out; reused, so that no command allocates.
#[derive(Default)]
pub struct Plan {
    /// Facts of a refusal.
    pub facts: Vec<LineFact>,
    /// Lines of the event.
    pub lines: Vec<EventLine>,
    /// Cards of the event; filled afresh by whoever takes some.
    pub cards: Vec<EventCard>,
    /// Lines of the cart of a QUOTE_RESERVE.
    pub cart: Vec<EventCartLine>,
    /// What cards take off them.
    pub shares: Vec<EventShare>,
    /// Pieces of lines of a cart that go back.
    pub pieces: Vec<U32>,
    /// Cards that the lines of a sale or confirmation make.
    pub sales: Vec<EventSale>,
    /// Cards that end as their lines go back.
    pub ended: Vec<U64>,
    /// Cards that a MERGE makes void.
    pub merged: Vec<MergedCard>,
    /// Lines of a recorded refusal.
    pub refused: Vec<RefusedLine>,
    /// Lines of a debt.
    pub owed: Vec<OwedLine>,
    /// Holds of an expiry.
    pub holds: Vec<EventHold>,
    /// Debts that end.
    pub debts: settle::DebtNames,
    /// Handles.
    pub resolved: Resolved,
    /// Prices per line.
    pub prices: Vec<U32>,
    /// What all units asked for cost.
    pub total: u64,
    /// The risk rule that refuses; 0: a block.
    pub rule: u16,
    /// A rule or a block has marked the command.
    pub flagged: bool,
    /// Prices to set.
    pub new_prices: Vec<Price>,
    /// Wishes of a RESERVE or SELL.
    pub wishes: Vec<take::Wish>,
    /// Name of a new stock or zone.
    pub name: Vec<u8>,
    /// Transitions of a zone.
    pub transitions: Vec<Transition>,
    /// Quotas to set.
    pub quotas: Vec<Quota>,
    /// Card keys to import.
    pub keys: Vec<EventKey>,
    /// Given codes to import.
    pub codes: Vec<U128>,
    /// The sealed texts of card keys; of a new campaign its sealed key.
    pub sealed: Vec<u8>,
    /// Members of a group that becomes full.
    pub members: Vec<EventMember>,
    /// What cards are worth from now on.
    pub terms: campaigns::Terms,
    /// Where quotes are worked out.
    pub desk: quote::Desk,
}

impl Plan {
    /// Empty, with room for the largest command.
    pub fn new() -> Plan {
        use crate::limits::{
            CARDS_PER_HOLD_MAX, CARDS_PER_MERGE_MAX, CARDS_PER_SALE_MAX, EXPIRED_PER_EVENT_MAX,
            GROUP_MEMBERS_MAX, KEY_BLOCK_BYTES_MAX, KEYS_PER_CHUNK_MAX, LINES_MAX, QUOTE_CARDS_MAX,
            QUOTE_LINES_MAX, SEAL_BYTES,
        };
        Plan {
            facts: Vec::with_capacity(LINES_MAX),
            lines: Vec::with_capacity(LINES_MAX),
            cards: Vec::with_capacity(CARDS_PER_HOLD_MAX),
            cart: Vec::with_capacity(QUOTE_LINES_MAX),
            shares: Vec::with_capacity(QUOTE_LINES_MAX * QUOTE_CARDS_MAX),
            pieces: Vec::with_capacity(QUOTE_LINES_MAX),
            sales: Vec::with_capacity(LINES_MAX),
            ended: Vec::with_capacity(CARDS_PER_SALE_MAX as usize),
            merged: Vec::with_capacity(CARDS_PER_MERGE_MAX),
            refused: Vec::with_capacity(LINES_MAX),
            owed: Vec::with_capacity(LINES_MAX),
            holds: Vec::with_capacity(EXPIRED_PER_EVENT_MAX),
            debts: settle::DebtNames::default(),
            resolved: Resolved {
                lines: Vec::with_capacity(LINES_MAX),
                holds: Vec::with_capacity(EXPIRED_PER_EVENT_MAX),
                ..Resolved::default()
            },
            wishes: Vec::with_capacity(LINES_MAX),
            prices: Vec::with_capacity(LINES_MAX),
            total: 0,
            rule: 0,
            flagged: false,
            new_prices: Vec::new(),
            name: Vec::new(),
            transitions: Vec::new(),
            quotas: Vec::new(),
            keys: Vec::with_capacity(KEYS_PER_CHUNK_MAX),
            codes: Vec::with_capacity(KEYS_PER_CHUNK_MAX),
            sealed: Vec::with_capacity(KEY_BLOCK_BYTES_MAX + SEAL_BYTES),
            members: Vec::with_capacity(GROUP_MEMBERS_MAX),
            terms: campaigns::Terms::default(),
            desk: quote::Desk::default(),
        }
    }

    #[inline]
    pub(super) fn clear(&mut self, hash: u32) {
        self.facts.clear();
        self.lines.clear();
        self.cart.clear();
        self.shares.clear();
        self.sales.clear();
        self.ended.clear();
        self.refused.clear();
        self.resolved.lines.clear();
        self.resolved.hash = hash;
        self.resolved.hold = None;
        self.wishes.clear();
        self.prices.clear();
        self.flagged = false;
    }
}

/// Room in which answers are put together.
#[derive(Default)]
pub struct Replies {
    /// Units per line.
    pub units: Vec<U32>,
    /// Notices of cards.
    pub notices: Vec<NoticeView>,
    /// Lines of a hold.
    pub lines: Vec<HoldLine>,
    /// Cards of a hold.
    pub cards: Vec<HoldCard>,
    /// Facts of a recorded refusal.
    pub facts: Vec<LineFact>,
    /// Channels of a stock.
    pub channels: Vec<ChannelView>,
    /// Card keys.
    pub places: Vec<KeyPlace>,
    /// Batches of a stock.
    pub batches: Vec<BatchView>,
    /// Risk rules.
    pub rules: Vec<RiskRule>,
    /// Blocks.
    pub blocks: Vec<Block>,
    /// Card keys of a stock.
    pub listed: Vec<ListedPlace>,
    /// Debts of a stock.
    pub debts: Vec<DebtView>,
    /// Holds of an order.
    pub order_holds: Vec<OrderHold>,
    /// Cards of a wallet.
    pub wallet: Vec<WalletCard>,
    /// Lots of a card.
    pub lots: Vec<LotView>,
    /// Cards that lines of a hold have sold.
    pub sold: Vec<SoldCards>,
    /// Members of a group.
    pub members: Vec<GroupRow>,
    /// Ids of a person.
    pub persons: Vec<U128>,
    /// Transitions of a zone.
    pub transitions: Vec<Transition>,
    /// Cards of a quote.
    pub quoted_cards: Vec<QuotedCard>,
    /// Lines of a quote.
    pub quoted_lines: Vec<QuotedLine>,
    /// What each of the cards takes off each of the lines.
    pub quoted_shares: Vec<U64>,
}
