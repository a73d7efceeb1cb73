//! Answers as values of their own, so that they outlive the bytes they came in.

use crate::error::OwnedRejection;
use crate::operation::Hold;
use scrip_engine::answer::{Answer, HoldState, HoldView, OperationView, Outcome, StockView};
use scrip_engine::command::StockTerms;
use scrip_engine::ids::{ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::U32;

/// A stock was made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockChanged {
    /// The total after it (create, supply); the version after it (edit); units moved at once, the rest being marked (void,
    /// freeze, unfreeze).
    pub value: u64,
}

/// Units are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The hold, to confirm or release.
    pub hold: Hold,
    /// It counts while server time is below this.
    pub deadline_ms: u64,
    /// Units granted per line.
    pub units: Vec<u32>,
}

/// A hold's deadline was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    /// The deadline in force.
    pub deadline_ms: u64,
}

/// Units are sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The hold, to return units of.
    pub hold: Hold,
    /// Server time of the confirmation.
    pub confirmed_ms: u64,
    /// Confirmed after the hold had expired.
    pub late: bool,
    /// Units confirmed per line.
    pub units: Vec<u32>,
}

/// A hold was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// It had expired before: a late confirm is now refused.
    pub lapsed: bool,
}

/// Units of a confirmed hold were given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Units given back by this operation, over all lines.
    pub units: u64,
}

/// A stock as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockShown {
    /// Its id.
    pub stock: StockId,
    /// For people.
    pub name: String,
    /// Counts up with each edit of the rules.
    pub version: u32,
    /// Sale rules.
    pub terms: StockTerms,
    /// Units supplied so far.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside by the operator.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Units in holds that go to frozen when their holds end.
    pub marked_frozen: u64,
    /// Units in holds that go to void when their holds end.
    pub marked_void: u64,
}

/// One line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldLineShown {
    /// The stock.
    pub stock: StockId,
    /// Units granted when the hold was made.
    pub reserved: u32,
    /// Units confirmed; 0 unless confirmed.
    pub confirmed: u32,
    /// Units of those given back since.
    pub returned: u32,
}

/// A hold as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldShown {
    /// Its id.
    pub id: OperationId,
    /// Where it stands.
    pub state: HoldState,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Confirmed after it had expired.
    pub late: bool,
    /// The recorded refusal of a lapsed or refused one.
    pub refusal: Option<Code>,
    /// The order it is for; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none.
    pub user: UserId,
    /// Server time of its making.
    pub reserved_ms: u64,
    /// The deadline in force.
    pub deadline_ms: u64,
    /// Server time at which it came into its present state; 0 while held.
    pub closed_ms: u64,
    /// Its lines.
    pub lines: Vec<HoldLineShown>,
}

/// What is recorded under an operation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationShown {
    /// A reserve or sell.
    Hold(HoldShown),
    /// Any other operation.
    Operation(OperationView),
}

/// What a command was answered, whatever it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnedOutcome {
    StockChanged(u64),
    Reserved { deadline_ms: u64, units: Vec<u32> },
    Extended { deadline_ms: u64 },
    Confirmed { confirmed_ms: u64, late: bool, units: Vec<u32> },
    Released { lapsed: bool },
    Returned { units: u64 },
    Stock(Box<StockShown>),
    Hold(Box<HoldShown>),
    Operation(OperationView),
    Refused(OwnedRejection),
}

impl From<Outcome<'_>> for OwnedOutcome {
    fn from(outcome: Outcome<'_>) -> OwnedOutcome {
        let answer = match outcome {
            Outcome::Refused(rejection) => return OwnedOutcome::Refused(rejection.into()),
            Outcome::Done(answer) => answer,
        };
        let counts = |units: &[U32]| units.iter().map(|units| units.get()).collect();
        match answer {
            Answer::StockChanged { value } => OwnedOutcome::StockChanged(value),
            Answer::Reserved { deadline_ms, units } => {
                OwnedOutcome::Reserved { deadline_ms, units: counts(units) }
            }
            Answer::Extended { deadline_ms } => OwnedOutcome::Extended { deadline_ms },
            Answer::Confirmed { confirmed_ms, late, units } => {
                OwnedOutcome::Confirmed { confirmed_ms, late, units: counts(units) }
            }
            Answer::Released { lapsed } => OwnedOutcome::Released { lapsed },
            Answer::Returned { units } => OwnedOutcome::Returned { units },
            Answer::Stock(view) => OwnedOutcome::Stock(Box::new(view.into())),
            Answer::Channels { .. } => unreachable!("no client asks for channels"),
            Answer::Hold(view) => OwnedOutcome::Hold(Box::new(view.into())),
            Answer::Operation(view) => OwnedOutcome::Operation(view),
        }
    }
}

impl From<StockView<'_>> for StockShown {
    fn from(view: StockView<'_>) -> StockShown {
        StockShown {
            stock: view.stock,
            name: String::from_utf8_lossy(view.name).into_owned(),
            version: view.version,
            terms: view.terms,
            total: view.total,
            available: view.available,
            held: view.held,
            consumed: view.consumed,
            frozen: view.frozen,
            void: view.void,
            marked_frozen: view.marked_frozen,
            marked_void: view.marked_void,
        }
    }
}

impl From<HoldView<'_>> for HoldShown {
    fn from(view: HoldView<'_>) -> HoldShown {
        let lines = view.lines.iter().map(|line| HoldLineShown {
            stock: StockId(line.stock.get()),
            reserved: line.reserved.get(),
            confirmed: line.confirmed.get(),
            returned: line.returned.get(),
        });
        HoldShown {
            id: view.hold,
            state: view.state,
            channel: view.channel,
            late: view.late,
            refusal: view.refusal,
            order: view.order,
            user: view.user,
            reserved_ms: view.reserved_ms,
            deadline_ms: view.deadline_ms,
            closed_ms: view.closed_ms,
            lines: lines.collect(),
        }
    }
}
