//! Every maximum of the wire, in one place, tied together by const assertions. They are part of the contract: WELCOME
//! repeats those a client needs, and what goes beyond one is refused before anything is allocated for it.

use crate::frame::HEADER_BYTES;
use scrip_engine::limits::{
    BATCHES_PER_ANSWER_MAX, BLOCKS_PER_ANSWER_MAX, CAMPAIGN_KEY_BYTES_MAX, CARDS_PER_HOLD_MAX,
    CHANNELS_PER_STOCK_MAX, DEBTS_PER_ANSWER_MAX, GROUP_MEMBERS_MAX, KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX,
    KEYS_PER_ANSWER_MAX, LINES_MAX, NAME_BYTES_MAX, ORDER_HOLDS_PER_ANSWER_MAX, PRICES_PER_STOCK_MAX,
    QUOTE_CARDS_MAX, QUOTE_LINES_MAX, RISK_RULES_MAX, SCOPE_MAX, TIERS_MAX, TRANSITIONS_MAX,
    WALLET_CARDS_PER_ANSWER_MAX,
};

/// Bytes of a frame, header included, once the connection is authenticated.
pub const FRAME_BYTES_MAX: u32 = 1 << 20;
/// Bytes of a frame, header included, before that.
pub const FRAME_BYTES_BEFORE_AUTHENTICATION_MAX: u32 = 4 * 1024;
/// Bytes of one command with all that belongs to it.
pub const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// Every payload, command and answer is a multiple of this.
pub const ALIGNMENT: usize = 8;
/// Bytes of the value of a TRACE extra.
pub const TRACE_BYTES_MAX: usize = 64;
/// Bytes of the value of a LABEL extra (UTF-8).
pub const LABEL_BYTES_MAX: usize = 64;
/// Bytes of the value of a FACTS extra.
pub const FACTS_BYTES_MAX: usize = scrip_engine::limits::FACTS_BYTES_MAX;
/// Bytes of the value of a CODE extra (UTF-8).
pub const CODE_BYTES_MAX: usize = 32;
/// Bytes of the segments in the extra SEGMENTS.
pub const SEGMENTS_BYTES_MAX: usize = 4 * scrip_engine::limits::SEGMENTS_MAX;
/// Bytes of a reference that people use (SKU name, order number, openid).
pub const REFERENCE_BYTES_MAX: usize = 64;
/// Bytes of the message in an ERROR frame (UTF-8).
pub const MESSAGE_BYTES_MAX: usize = 256;
/// Commands of one connection without an answer, unless the server is configured otherwise (WELCOME says).
pub const OUTSTANDING_DEFAULT: u32 = 65_536;
/// Bytes of the longest answer: a page of batches, or of card keys with their texts.
pub const ANSWER_BYTES_MAX: usize = 12 * 1024;
/// How long a connection may take from accept to a complete HELLO.
pub const HELLO_TIMEOUT_MS: u64 = 5_000;

const _: () = assert!(FRAME_BYTES_BEFORE_AUTHENTICATION_MAX <= FRAME_BYTES_MAX);
const _: () = assert!(COMMAND_BYTES_MAX + HEADER_BYTES <= FRAME_BYTES_MAX as usize);
const _: () = assert!(COMMAND_BYTES_MAX.is_multiple_of(ALIGNMENT) && COMMAND_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(ANSWER_BYTES_MAX.is_multiple_of(ALIGNMENT) && ANSWER_BYTES_MAX <= u16::MAX as usize);
const _: () =
    assert!(FRAME_BYTES_MAX as usize / 48 <= u16::MAX as usize, "a command's index in its frame is a u16");
const _: () = assert!(
    152 + LINES_MAX * 16
        + CARDS_PER_HOLD_MAX * 48
        + NAME_BYTES_MAX
        + TRACE_BYTES_MAX
        + LABEL_BYTES_MAX
        + FACTS_BYTES_MAX
        + 64
        <= COMMAND_BYTES_MAX
);
const _: () = assert!(
    48 + 40 + 80 + TIERS_MAX * 16 + SCOPE_MAX * 16 + NAME_BYTES_MAX + CODE_BYTES_MAX + FACTS_BYTES_MAX + 256
        <= COMMAND_BYTES_MAX
);
const _: () = assert!(48 + 80 + TIERS_MAX * 16 + SCOPE_MAX * 16 + CAMPAIGN_KEY_BYTES_MAX <= ANSWER_BYTES_MAX);
const _: () = assert!(
    16 + WALLET_CARDS_PER_ANSWER_MAX * size_of::<scrip_engine::answer::WalletCard>() <= ANSWER_BYTES_MAX
);
const _: () = assert!(
    48 + 48 + 56 + QUOTE_LINES_MAX * 40 + QUOTE_CARDS_MAX * 16 + FACTS_BYTES_MAX + 256 <= COMMAND_BYTES_MAX
);
const _: () =
    assert!(40 + QUOTE_CARDS_MAX * (48 + QUOTE_LINES_MAX * 8) + QUOTE_LINES_MAX * 16 <= ANSWER_BYTES_MAX);
const _: () = assert!(64 + GROUP_MEMBERS_MAX * 32 <= ANSWER_BYTES_MAX);
const _: () = assert!(32 + scrip_engine::limits::NOTICES_PER_ANSWER_MAX * 64 <= ANSWER_BYTES_MAX);
const _: () = assert!(104 + LINES_MAX * 24 + CARDS_PER_HOLD_MAX * 32 <= ANSWER_BYTES_MAX);
const _: () = assert!(16 + CHANNELS_PER_STOCK_MAX * 56 <= ANSWER_BYTES_MAX);
const _: () = assert!(16 + BATCHES_PER_ANSWER_MAX * 128 <= ANSWER_BYTES_MAX);
const _: () = assert!(16 + ORDER_HOLDS_PER_ANSWER_MAX * 80 <= ANSWER_BYTES_MAX);
const _: () = assert!(16 + 56 + PRICES_PER_STOCK_MAX * 24 <= ANSWER_BYTES_MAX);
const _: () = assert!(16 + TRANSITIONS_MAX * 16 + NAME_BYTES_MAX <= ANSWER_BYTES_MAX);
const _: () = assert!(TRANSITIONS_MAX * 16 + NAME_BYTES_MAX + 2048 <= COMMAND_BYTES_MAX);
const _: () = assert!(16 + RISK_RULES_MAX * 16 + BLOCKS_PER_ANSWER_MAX * 32 <= ANSWER_BYTES_MAX);
const _: () = assert!(
    32 + LINES_MAX * 4 + KEYS_PER_ANSWER_MAX * 16 + KEY_TEXT_BYTES_MAX + 8 <= ANSWER_BYTES_MAX,
    "an answer has room for at least one text"
);
const _: () =
    assert!(16 + DEBTS_PER_ANSWER_MAX * size_of::<scrip_engine::answer::DebtView>() <= ANSWER_BYTES_MAX);
const _: () = assert!(
    16 + size_of::<scrip_engine::answer::ListedItem>() + KEY_TEXT_BYTES_MAX + 8 <= ANSWER_BYTES_MAX,
    "a list has room for at least one text: else it would never go on"
);
const _: () = assert!(KEY_BLOCK_BYTES_MAX + 128 <= COMMAND_BYTES_MAX);
