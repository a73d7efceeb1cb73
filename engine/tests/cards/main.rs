//! Campaigns and cards by docs/cards.md, on the engine alone: every test ends with a replay of its log.

mod holds;
mod issue;
mod life;
mod quote;
mod random;
mod redeem;
mod shop;
mod wallet;
