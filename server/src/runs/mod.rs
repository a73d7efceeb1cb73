//! Runs: a server process, a load process, and what is checked afterwards. `demo`, `demo keys` and `bench` are made of these.

pub mod bench;
pub mod demo;
pub mod demo_keys;
mod import;
pub mod load;
pub mod processes;
mod storm;
