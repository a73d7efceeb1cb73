//! One engine and its log, sans-IO: commands in, answers out once they are durable.
//!
//! Drivers (sockets, simulator, bench) bring readings of clocks and requests, and carry outcomes to whoever asked once
//! the [`Gate`] lets them pass. Read the modules in this order.

mod clock;
mod durable;
mod gate;
mod history;
mod recovery;
mod report;
mod shard;
mod walk;

pub use clock::{ClockJump, JUMP_MAX_MS, ShardClock};
pub use durable::{Durable, FRAMES_ON_THEIR_WAY_BYTES, Space};
pub use gate::Gate;
pub use history::{Moment, Subject, history, ids_of_person};
pub use recovery::{
    FrameError, Recovered, RecoveryError, for_each_event, for_each_event_with_facts, recover,
};
pub use report::{Account, Named, Report, Tally, report};
pub use shard::{BUFFERS, Shard};
pub use walk::{Books, ChannelBook, Lapse, StockBook, Walk, Walked, walk};
