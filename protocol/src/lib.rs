//! The wire of Scrip: frames and byte layouts, sans-IO. Bytes to borrowed commands, outcomes to bytes; no socket, no
//! clock, no chance. `docs/protocol.md` describes the same layouts for those who write a client in another language;
//! its tables are made from the tables in here.
//!
//! A server reads with [`frame::parse`] and [`read::CommandReader`] and writes with [`answer_write::AnswerFrame`]; a
//! client writes with [`write::CommandFrame`] and reads with [`answer_read::AnswerReader`]. Read the modules in this
//! order.

pub mod limits;
#[macro_use]
mod layout;
pub mod answer_read;
pub mod answer_write;
pub mod answers;
pub mod commands;
pub mod error;
pub mod extras;
pub mod frame;
pub mod handshake;
pub mod notice;
pub mod read;
pub mod references;
pub mod secret;
pub mod write;

pub use layout::{Field, Layout, markdown};
