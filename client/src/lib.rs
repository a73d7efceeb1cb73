//! The Rust client of Scrip.
pub mod session;
