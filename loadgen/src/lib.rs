//! The load of a flash sale, and the check that nothing of it was lost, doubled or oversold.
//!
//! [`run`] carries out a [`LoadPlan`] and reports; [`check`] holds the server to the ledger the load kept, also after
//! a crash and in another process; [`probe`] measures what the machine allows. `scrip load`, `scrip demo` and
//! `scrip bench` call these in a process of their own. Read the modules in this order.

pub mod plan;
pub mod error;
mod ids;
mod zipf;
pub mod recipe;
pub mod report;
mod latency;
mod sums;
mod tally;
mod pace;
pub mod ledger;
mod ledger_file;
mod answers;
mod press;
mod flights;
mod desk;
mod job;
mod plain;
mod wheel;
mod checkout;
mod poller;
mod lane;
mod worker;
mod caller;
mod run;
mod check;
pub mod probe;

pub use check::{CheckPlan, CheckReport, StockCheck, check};
pub use error::{CallError, CheckError, LedgerError, LoadError, ProbeError};
pub use ledger::Ledger;
pub use plan::{CheckoutShares, LedgerMode, LoadPlan, Pace, Profile, Stop, Work};
pub use report::{Counts, Ended, HistogramSummary, LoadReport, Progress, Second};
pub use run::run;
