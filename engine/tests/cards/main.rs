//! Campaigns and cards by docs/cards.md, on the engine alone: every test ends with a replay of its log.

mod account_lives;
mod budgets;
mod gifts;
mod holds;
mod hours;
mod issue;
mod life;
mod pass;
mod quote;
mod random;
mod redeem;
mod shop;
mod stamps_and_points;
mod stored_value;
mod wallet;
