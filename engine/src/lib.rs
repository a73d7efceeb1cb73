//! The pure state machine of Scrip: no I/O, no clock, no randomness, no threads.
//!
//! [`Engine::execute`] decides a command against the state and applies the one event it becomes; [`Engine::apply`] is
//! what history (recovery, followers) enters by. The rules are in docs/semantics.md. Read the modules in this order.

pub mod answer;
pub mod calendar;
pub mod command;
mod commands;
pub mod content;
mod engine;
pub mod event;
pub mod ids;
pub mod limits;
pub mod rejection;
pub mod sharing;
pub mod state;

pub use engine::{ADVANCE_BYTES_MAX, ADVANCE_EVENTS_MAX, Engine, TABLES};
