//! The model tests: the engine against the naive oracle, on random histories and in named situations.
//!
//! Each named test asks engine and oracle alike (see `World::ask`), so every one of them also checks every answer in
//! full; what it says itself is what a reader should know.
//!
//! `SCRIP_MODEL_SEED=n` replays the history of one seed and prints it; `SCRIP_MODEL_SEEDS=n` sets how many seeds the
//! random tests run (a long run: `SCRIP_MODEL_SEEDS=1000000 cargo test -p scrip-tests --test model`).
//!
//! With `SCRIP_MODEL_ALONE=1` the oracle is asked alone: what the documents say of commands that the engine does not know yet.

mod campaigns;
mod cancel;
mod capacity;
mod card_orders;
mod card_scene;
mod card_states;
mod cards;
mod channels;
mod check_orders;
mod debt_rules;
mod debts;
mod endings;
mod exchange;
mod expiry;
mod gifts;
mod given_codes;
mod groups;
mod hold_cards;
mod hold_lots;
mod key_debts;
mod key_options;
mod key_situations;
mod keys;
mod limits;
mod notices;
mod order_holds;
mod orders;
mod persons;
mod prices;
mod quote_holds;
mod quote_payments;
mod random;
mod redemptions;
mod risk;
mod rule_orders;
mod scopes;
mod sharing;
mod situations;
mod sold_cards;
mod spans;
mod stocks;
mod subjects;
mod tills;
mod zones;
