//! Runs: a server process, a load process, and what is checked afterwards. `demo` and `bench` are made of these.

pub mod bench;
pub mod demo;
pub mod load;
pub mod processes;
