//! Orders: which holds were made for one.
//!
//! It stands apart because it is asked for an order, not for an operation. Invariant: a page names the hold to go on with, so
//! that whoever follows it sees each hold once, whatever is made in between.

use crate::answer::OwnedOutcome;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::answer::{HoldState, More, OrderHold};
use scrip_engine::command::Command;
use scrip_engine::ids::{ChannelId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;

/// A hold of an order in short. [`Client::operation_show`] has all of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderHoldShown {
    /// Its id.
    pub id: OperationId,
    /// Where it stands.
    pub state: HoldState,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Confirmed after it had expired.
    pub late: bool,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
    /// The recorded refusal of a lapsed, refused or unfulfilled one.
    pub refusal: Option<Code>,
    /// The buyer; 0: none.
    pub user: UserId,
    /// Server time of its making.
    pub reserved_ms: u64,
    /// The deadline in force; of a sale that was owed: until when.
    pub deadline_ms: u64,
    /// Server time at which it came into its present state; 0 while held or owed.
    pub closed_ms: u64,
    /// The stock of its first line; 0: it was not found.
    pub stock: StockId,
    /// Units of that line that were granted, or are owed; 0 in a recorded refusal.
    pub units: u32,
    /// Lines.
    pub lines: u8,
}

/// The holds of an order, a page of them, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderShown {
    /// Whether older ones are left.
    pub more: More,
    /// The holds of this page.
    pub holds: Vec<OrderHoldShown>,
}

impl OrderShown {
    pub(crate) fn read(more: More, holds: &[OrderHold]) -> OrderShown {
        OrderShown { more, holds: holds.iter().map(OrderHoldShown::from).collect() }
    }

    /// The hold to ask on with; `None`: there is nothing to ask for.
    pub fn next(&self) -> Option<OperationId> {
        self.holds.last().filter(|_| self.more == More::Yes).map(|hold| hold.id)
    }
}

impl From<&OrderHold> for OrderHoldShown {
    fn from(view: &OrderHold) -> OrderHoldShown {
        OrderHoldShown {
            id: OperationId(view.hold.get()),
            state: HoldState::from_number(view.state).expect("the decoder has looked at it"),
            channel: ChannelId(view.channel.get()),
            late: view.flags & OrderHold::LATE != 0,
            flagged: view.flags & OrderHold::FLAGGED != 0,
            refusal: Code::from_number(view.refusal.get()),
            user: UserId(view.user.get()),
            reserved_ms: view.reserved_ms.get(),
            deadline_ms: view.deadline_ms.get(),
            closed_ms: view.closed_ms.get(),
            stock: StockId(view.stock.get()),
            units: view.units.get(),
            lines: view.lines,
        }
    }
}

impl Client {
    /// Shows the holds that were made for an order in a slot, the newest first: a page of them, and of those before `after`
    /// if one is named. Holds leave the server's memory some time after they have ended.
    pub async fn order_show(
        &self,
        order: OrderId,
        slot: Slot,
        after: Option<OperationId>,
    ) -> Result<OrderShown, Error> {
        let after = after.unwrap_or(OperationId(0));
        let command = Command::OrderShow { order, after, limit: 0 };
        match self.call(Operation::given(0, 0), slot, command).await? {
            OwnedOutcome::Order(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }
}
