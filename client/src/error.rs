//! What can go wrong, sorted by what the caller may do about it.

use crate::session::SessionError;
use scrip_engine::ids::{OperationId, StockId};
use scrip_engine::rejection::{CapacityOf, Class, Code, Facts, Rejection};
use scrip_protocol::references::ReferenceError;
use scrip_protocol::write::PushError;
use std::io;
use std::sync::Arc;

/// Why a call has no answer to give.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine refused; state is unchanged, but for refusals after payment, which are recorded.
    #[error("rejected: {} {:?}", .0.code.name(), .0.facts)]
    Rejected(OwnedRejection),
    /// The command was sent and no answer came: it may have happened, once. Ask with
    /// [`crate::Client::operation_show`], or make the same call again with the same operation.
    #[error("it is not known whether operation {operation} has happened: {why}")]
    Unknown {
        /// The operation to ask about.
        operation: OperationId,
        /// Why no answer came.
        why: Cause,
    },
    /// The deadline passed before the command could be sent (or, for a query, answered). Nothing has happened.
    #[error("nothing was done in time: {0}")]
    NotDone(Cause),
    /// The request breaks a limit of the contract and was not sent.
    #[error("the request is malformed: {0}")]
    Malformed(#[from] PushError),
    /// The text can't be a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The server's bytes break the protocol, or it says that ours do.
    #[error(transparent)]
    Protocol(SessionError),
    /// The server does not accept the token.
    #[error("the server does not accept the token: {0}")]
    Unauthorized(String),
    /// The server can't be reached.
    #[error("the server can't be reached: {0}")]
    Io(Arc<io::Error>),
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

/// Why an answer did not come.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// The call's deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// The connection ended.
    #[error("the connection ended")]
    Ended,
    /// The server said nothing for too long.
    #[error("the server said nothing for too long")]
    Silent,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(Arc<io::Error>),
    /// The protocol was broken, or the server closed the connection and said why.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
}

impl Cause {
    /// Whether a new connection may do better.
    pub(crate) fn reconnect(&self) -> bool {
        match self {
            Cause::Session(error) => error.reconnect(),
            Cause::Closed => false,
            Cause::Deadline | Cause::Ended | Cause::Silent | Cause::Io(_) => true,
        }
    }
}

impl From<Cause> for Error {
    /// The error of a call of which nothing has happened.
    fn from(cause: Cause) -> Error {
        match cause {
            Cause::Io(error) => Error::Io(error),
            Cause::Closed => Error::Closed,
            Cause::Session(SessionError::Refused {
                code: scrip_protocol::error::ErrorCode::Unauthorized,
                message,
                ..
            }) => Error::Unauthorized(message),
            Cause::Session(error) => Error::Protocol(error),
            Cause::Deadline | Cause::Ended | Cause::Silent => Error::NotDone(cause),
        }
    }
}

/// A business refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRejection {
    /// Number and name.
    pub code: Code,
    /// Why.
    pub facts: OwnedFacts,
}

impl OwnedRejection {
    /// What a gateway may do next.
    pub fn class(&self) -> Class {
        self.code.class()
    }
}

/// The facts of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedFacts {
    /// The code says it all.
    None,
    /// What each lacking line lacked.
    Lines(Vec<LineLack>),
    /// The shard's time in milliseconds.
    Time(u64),
    /// The oldest `created_ms` that is still executed.
    Floor(u64),
    /// Which maximum, and how much it is.
    Maximum(CapacityOf, u64),
    /// The version in force.
    Version(u32),
    /// QUOTE_CHANGED: what all units asked for cost now, in minor units; 0: a line has no price.
    Total(u64),
    /// RISK_LIMIT: the number of the rule; 0: a block.
    Rule(u16),
    /// The number of the key that took a replaced one's place.
    Key(u64),
    /// Units asked for and units there.
    Units {
        /// The stock.
        stock: StockId,
        /// Units asked for.
        asked: u64,
        /// Units that could have been moved.
        available: u64,
    },
}

/// What one line lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLack {
    /// The line's position in the command.
    pub line: u16,
    /// What it lacked; `None`: a code this client does not know.
    pub why: Option<Code>,
    /// Units asked for.
    pub asked: u32,
    /// Units that could have been had.
    pub available: u64,
}

impl From<Rejection<'_>> for OwnedRejection {
    fn from(rejection: Rejection<'_>) -> OwnedRejection {
        let facts = match rejection.facts {
            Facts::None => OwnedFacts::None,
            Facts::Lines(lines) => OwnedFacts::Lines(
                lines
                    .iter()
                    .map(|fact| LineLack {
                        line: fact.line.get(),
                        why: Code::from_number(fact.why.get()),
                        asked: fact.asked.get(),
                        available: fact.available.get(),
                    })
                    .collect(),
            ),
            Facts::Time(time_ms) => OwnedFacts::Time(time_ms),
            Facts::Floor(floor_ms) => OwnedFacts::Floor(floor_ms),
            Facts::Maximum(which, maximum) => OwnedFacts::Maximum(which, maximum),
            Facts::Version(version) => OwnedFacts::Version(version),
            Facts::Key(key) => OwnedFacts::Key(key),
            Facts::Total(total) => OwnedFacts::Total(total),
            Facts::Rule(rule) => OwnedFacts::Rule(rule),
            Facts::Units { stock, asked, available } => OwnedFacts::Units { stock, asked, available },
        };
        OwnedRejection { code: rejection.code, facts }
    }
}
