//! Codes: the texts printed on cards and sent to customers. A code is not stored anywhere: it is worked out from a
//! campaign's key and the card's number, and read back the same way, so that a hundred million of them cost no memory.
//!
//! The crate stands on the first floor beside the engine and the log and imports nothing of the house. It is pure: keys,
//! numbers and steps of time are arguments; there is no clock, no chance and no allocation. docs/codes.md describes the
//! form for those who write it in another language, `golden/` holds vectors to test it with.
//!
//! Invariant: what [`CampaignCipher`] writes, [`parse`] reads and the same cipher opens as the same card; nothing else
//! opens, but for a chance of [`Layout::strength_bits`]. No code and no key is ever printed by `Debug`.

pub mod limits;

mod layout;
mod secret;

pub mod ff1;

mod alphabet;
mod cipher;
mod code;
mod parse;
mod vanity;

pub use cipher::CampaignCipher;
pub use code::{Code, Groups, MaskedCode, Prefix, PrefixError, PrintedCode};
pub use layout::{Card, Form, Generation, Layout, Locator, Serial, Step};
pub use parse::{ParseError, Parsed, parse};
pub use secret::{CampaignKey, VanityKey};
pub use vanity::{VanityCode, VanityError, VanityIndex};
