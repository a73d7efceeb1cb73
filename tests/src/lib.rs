//! Whole-system tests of Scrip: they stand beside the floors and may use all of them. The tests themselves live in
//! `tests/tests/`; this library is for what several of them share.

pub mod generator;
pub mod history;
pub mod oracle;
pub mod outcome;
pub mod processes;
pub mod request;
pub mod room;
pub mod simulation;
pub mod world;
