//! The load of a flash sale, and the check that nothing of it was lost, doubled or oversold.
//!
//! [`run`] carries out a [`LoadPlan`] and reports; [`check`] holds the server to the ledger the load kept, also after
//! a crash and in another process; [`probe`] measures what the machine allows. `scrip load`, `scrip demo` and
//! `scrip bench` call these in a process of their own. Read the modules in this order.

mod answers;
mod caller;
mod cards;
mod check;
mod checkout;
mod desk;
pub mod error;
mod flights;
mod ids;
mod job;
mod lane;
mod latency;
pub mod ledger;
mod ledger_file;
mod pace;
mod plain;
pub mod plan;
mod poller;
mod press;
pub mod probe;
mod purse;
pub mod recipe;
pub mod report;
mod run;
mod storm;
mod sums;
mod tally;
mod wheel;
mod worker;
mod zipf;

pub use cards::CardTexts;
pub use check::{CheckPlan, CheckReport, StockCheck, check};
pub use error::{CallError, CheckError, LedgerError, LoadError, ProbeError};
pub use ledger::Ledger;
pub use plan::{CheckoutShares, LedgerMode, LoadPlan, Pace, Profile, Stop, Work};
pub use purse::{Pile, Purse};
pub use report::{ChannelCounts, Counts, Ended, HistogramSummary, LoadReport, Progress, Second};
pub use run::run;
pub use storm::{CodeTable, Storm};
