//! docs/protocol.md tells the truth: its tables are made from the tables of the code. `SCRIP_REGENERATE=1 cargo test -p
//! scrip-protocol` writes them anew.
#![allow(clippy::disallowed_methods, reason = "a test reads the docs and may be told to write them")]

use scrip_engine::limits::{
    BATCHES_PER_STOCK_MAX, BEARER_CARDS_MAX, BLOCKS_PER_ANSWER_MAX, CAMPAIGN_UNITS_MAX, CARD_UNITS_MAX,
    CARDS_PER_HOLD_MAX, CARDS_PER_ISSUE_MAX, CARDS_PER_SALE_MAX, CHANNELS_PER_STOCK_MAX, CLOCK_AHEAD_MAX_MS,
    KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX, KEYS_PER_CHUNK_MAX, KEYS_PER_HOLD_MAX, LINES_MAX,
    NAME_BYTES_MAX, OWED_MAX_MS, PRICES_PER_STOCK_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX, RISK_RULES_MAX,
    SCOPE_MAX, STOCK_UNITS_MAX, TIERS_MAX, TRANSITIONS_MAX, TTL_DEFAULT_MS, TTL_MAX_MS, UNITS_PER_LINE_MAX,
};
use scrip_engine::rejection::{Class, Code};
use scrip_protocol::answers::{
    ANSWER_HEADER_BYTES, AnswerHeader, AnswerKind, BatchLayout, ChannelLayout, DebtLayout, FactsKind,
    GroupRowLayout, HoldCardLayout, HoldLineLayout, KeyItemLayout, LineFactLayout, ListedItemLayout,
    LotLayout, NoticeLayout, OrderHoldLayout, QuotedCardLayout, QuotedLineLayout, SoldCardsLayout,
    WalletCardLayout, flag as answer_flag,
};
use scrip_protocol::commands::{
    ActivityTermsLayout, COMMAND_HEADER_BYTES, CardLineLayout, CartLineLayout, CommandHeader, CommandKind,
    DefinitionLayout, ExtensionLayout, LimitsEnd, LineLayout, OfflineLayout, PartiesLayout, PriceLayout,
    QuotaLayout, QuoteCardLayout, ReferralLayout, ScopeLayout, SpanLimitsLayout, StockedLineLayout,
    SubjectLimitLayout, Tail, TierLayout, TransitionLayout,
};
use scrip_protocol::error::ErrorCode;
use scrip_protocol::extras::{CODE, ExtraHeader, FACTS, LABEL, SEGMENTS, TRACE};
use scrip_protocol::frame::{FrameKind, HEADER_BYTES, RawHeader};
use scrip_protocol::handshake::{RawHello, RawWelcome};
use scrip_protocol::notice::{RawError, RawGoaway, RawPong};
use scrip_protocol::{Layout, limits, markdown};
use std::fmt::Write;
use std::path::PathBuf;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn limits_table() -> String {
    let rows: [(&str, u64, &str); 38] = [
        ("frame, header included", u64::from(limits::FRAME_BYTES_MAX), "bytes"),
        ("frame before WELCOME", u64::from(limits::FRAME_BYTES_BEFORE_AUTHENTICATION_MAX), "bytes"),
        ("command, header included", limits::COMMAND_BYTES_MAX as u64, "bytes"),
        ("answer, header included", limits::ANSWER_BYTES_MAX as u64, "bytes"),
        ("lines of a hold", LINES_MAX as u64, ""),
        ("of these, cards", CARDS_PER_HOLD_MAX as u64, ""),
        ("units of a line", u64::from(UNITS_PER_LINE_MAX), ""),
        ("cards that a hold sells", u64::from(CARDS_PER_SALE_MAX), ""),
        ("units of a stock", STOCK_UNITS_MAX, ""),
        ("channels of a stock", CHANNELS_PER_STOCK_MAX as u64, ""),
        ("prices of a stock", PRICES_PER_STOCK_MAX as u64, ""),
        ("risk rules of a merchant in a slot", RISK_RULES_MAX as u64, ""),
        ("blocks in one RISK", BLOCKS_PER_ANSWER_MAX as u64, ""),
        ("transitions of a time zone", TRANSITIONS_MAX as u64, ""),
        ("batches of a keys stock", BATCHES_PER_STOCK_MAX as u64, ""),
        ("card keys of a hold", u64::from(KEYS_PER_HOLD_MAX), ""),
        ("card keys of a KEYS_IMPORT", KEYS_PER_CHUNK_MAX as u64, ""),
        ("text of a card key", KEY_TEXT_BYTES_MAX as u64, "bytes of UTF-8"),
        ("lengths and texts of a KEYS_IMPORT", KEY_BLOCK_BYTES_MAX as u64, "bytes"),
        ("name of a stock, supplier or time zone", NAME_BYTES_MAX as u64, "bytes of UTF-8"),
        ("cards of a campaign", CAMPAIGN_UNITS_MAX, ""),
        ("balance of a new card", u64::from(CARD_UNITS_MAX), "units"),
        ("tiers of a definition", TIERS_MAX as u64, ""),
        ("entries of a scope", SCOPE_MAX as u64, ""),
        ("cards for an owner in one ISSUE", CARDS_PER_ISSUE_MAX as u64, ""),
        ("bearer cards in one ISSUE", u64::from(BEARER_CARDS_MAX), ""),
        ("lines of the cart of a QUOTE", QUOTE_LINES_MAX as u64, ""),
        ("cards of a QUOTE", QUOTE_CARDS_MAX as u64, ""),
        ("text of a code in the extra CODE", limits::CODE_BYTES_MAX as u64, "bytes of UTF-8"),
        ("time to live of a hold, from its creation", u64::from(TTL_MAX_MS), "ms"),
        ("time to live if none is given", u64::from(TTL_DEFAULT_MS), "ms"),
        ("units can be owed for, from the SELL on", OWED_MAX_MS, "ms"),
        ("`created_ms` ahead of the server's time", CLOCK_AHEAD_MAX_MS, "ms"),
        (
            "commands outstanding per connection",
            u64::from(limits::OUTSTANDING_DEFAULT),
            "by default; WELCOME says",
        ),
        ("from accept to a complete HELLO", limits::HELLO_TIMEOUT_MS, "ms"),
        ("message of an ERROR", limits::MESSAGE_BYTES_MAX as u64, "bytes of UTF-8"),
        ("reference", limits::REFERENCE_BYTES_MAX as u64, "bytes of UTF-8"),
        (
            "extras TRACE, LABEL, FACTS",
            limits::FACTS_BYTES_MAX as u64,
            "bytes (FACTS; 64 each for the others)",
        ),
    ];
    let mut table = String::from("| what | at most | |\n|---|---:|---|\n");
    for (what, most, unit) in rows {
        writeln!(table, "| {what} | {most} | {unit} |").unwrap();
    }
    table
}

fn frame_kinds() -> String {
    let mut table = String::from("| kind | name | who sends it, and what for |\n|---:|---|---|\n");
    for kind in FrameKind::ALL {
        writeln!(table, "| {} | {} | {} |", *kind as u8, kind.name(), kind.meaning().trim()).unwrap();
    }
    table
}

fn error_codes() -> String {
    let mut table = String::from("| code | name | meaning | reconnect |\n|---:|---|---|---|\n");
    for code in ErrorCode::ALL {
        let reconnect = if code.reconnect() { "yes" } else { "no" };
        writeln!(table, "| {} | {} | {} | {reconnect} |", *code as u16, code.name(), code.meaning().trim())
            .unwrap();
    }
    table
}

fn command_kinds() -> String {
    let mut table = String::from(
        "| kind | name | fixed body | then | flags | what it does | answer |\n|---:|---|---:|---|---|---|---|\n",
    );
    for kind in CommandKind::ALL {
        let then = match kind.tail() {
            Tail::None => "",
            Tail::Name => "name",
            Tail::Lines => "lines, cards",
            Tail::Units => "units",
            Tail::Quotas => "quotas",
            Tail::Limits => "limits, span limits",
            Tail::Prices => "prices",
            Tail::Texts => "texts",
            Tail::Zone => "transitions, name",
            Tail::Definition if *kind == CommandKind::CampaignCreate => "definition, name",
            Tail::Definition => "definition",
            Tail::Parties if *kind == CommandKind::Redeem => "parties, offline",
            Tail::Parties if *kind == CommandKind::Claim => "parties, referral",
            Tail::Parties => "parties",
            Tail::Rule => "rule",
            Tail::Cart | Tail::StockedCart => "lines of a cart, cards",
            Tail::Cards => "`lines` cards",
        };
        let flags: Vec<String> =
            kind.flags().iter().map(|flag| format!("{} = {}", flag.name, flag.bit)).collect();
        let (number, name, bytes) = (*kind as u8, kind.name(), kind.body_bytes());
        let (flags, meaning, answer) = (flags.join(", "), kind.meaning().trim(), answer_of(*kind));
        writeln!(table, "| {number} | {name} | {bytes} | {then} | {flags} | {meaning} | {answer} |").unwrap();
    }
    table
}

fn answer_of(kind: CommandKind) -> &'static str {
    match kind {
        CommandKind::Reserve => "RESERVED",
        CommandKind::Extend => "EXTENDED",
        CommandKind::Confirm | CommandKind::Sell => "CONFIRMED, CONFIRMED_KEYS or OWED",
        CommandKind::OwedShow => "DEBTS",
        CommandKind::OrderShow => "ORDER_HOLDS",
        CommandKind::KeysImport | CommandKind::CodeImport => "KEYS_IMPORTED",
        CommandKind::CodeShow => "GIVEN_CODE",
        CommandKind::KeyReplace => "KEYS or OWED",
        CommandKind::Reveal | CommandKind::KeysRead => "KEYS",
        CommandKind::BatchesShow => "BATCHES",
        CommandKind::KeysList | CommandKind::KeysExport => "KEYS_LISTED",
        CommandKind::Release => "RELEASED",
        CommandKind::Cancel => "CANCELLED",
        CommandKind::Return => "RETURNED",
        CommandKind::StockShow => "STOCK",
        CommandKind::StockChannels => "CHANNELS",
        CommandKind::OperationShow => "HOLD, REDEMPTION or OPERATION",
        CommandKind::Issue | CommandKind::Claim => "ISSUED",
        CommandKind::Redeem => "REDEEMED or OFFLINE_CONFLICT",
        CommandKind::Reverse => "REVERSED",
        CommandKind::CampaignShow => "CAMPAIGN",
        CommandKind::CardShow => "CARD",
        CommandKind::TopUp | CommandKind::Earn | CommandKind::Merge => "FILLED",
        CommandKind::CardRefund => "CARD_REFUNDED",
        CommandKind::WalletShow => "WALLET",
        CommandKind::NoticesRead => "NOTICES",
        CommandKind::Quote => "QUOTE",
        CommandKind::QuoteReserve => "QUOTE_RESERVED",
        CommandKind::StockTermsShow => "TERMS",
        CommandKind::RiskShow => "RISK",
        CommandKind::ZoneShow => "ZONE",
        CommandKind::GroupOpen | CommandKind::GroupJoin => "GROUP_JOINED",
        CommandKind::GroupShow => "GROUP",
        CommandKind::ActivityShow => "ACTIVITY",
        CommandKind::IdentityShow => "IDENTITY",
        _ => "STOCK_CHANGED",
    }
}

fn answer_kinds() -> String {
    let mut table =
        String::from("| kind | name | fixed body | then | flags | meaning |\n|---:|---|---:|---|---|---|\n");
    for kind in AnswerKind::ALL {
        let flags = match kind {
            AnswerKind::Rejection => "class, facts".to_string(),
            AnswerKind::Confirmed | AnswerKind::ConfirmedKeys | AnswerKind::ConfirmedCards => {
                format!("LATE = {}", answer_flag::LATE)
            }
            AnswerKind::Hold => format!("LATE = {}, FLAGGED = {}", answer_flag::LATE, answer_flag::FLAGGED),
            AnswerKind::Released => format!("LAPSED = {}", answer_flag::LAPSED),
            AnswerKind::Stock => {
                use answer_flag::{CARDS, FROZEN, KEYS, ONCE_PER_ORDER, RANDOM, REUSABLE};
                format!(
                    "FROZEN = {FROZEN}, KEYS = {KEYS}, RANDOM = {RANDOM}, REUSABLE = {REUSABLE}, \
                     ONCE_PER_ORDER = {ONCE_PER_ORDER}, CARDS = {CARDS}"
                )
            }
            AnswerKind::Terms => format!("SPANS = {}", answer_flag::SPANS),
            AnswerKind::Campaign => format!("EXTENDED = {}", answer_flag::EXTENDED),
            AnswerKind::Wallet => format!("MORE = {}", answer_flag::MORE),
            AnswerKind::Quote | AnswerKind::QuoteReserved => format!("EXACT = {}", answer_flag::EXACT),
            AnswerKind::Redemption => format!("FLAGGED = {}", answer_flag::FLAGGED),
            _ => String::new(),
        };
        let (number, name, bytes) = (*kind as u8, kind.name(), kind.body_bytes());
        let (then, meaning) = (kind.tail(), kind.meaning().trim());
        writeln!(table, "| {number} | {name} | {bytes} | {then} | {flags} | {meaning} |").unwrap();
    }
    table
}

fn facts_kinds() -> String {
    let mut table = String::from("| facts | name | bytes | meaning |\n|---:|---|---|---|\n");
    for kind in FactsKind::ALL {
        let bytes =
            if kind.tail().is_empty() { kind.body_bytes().to_string() } else { kind.tail().to_string() };
        writeln!(table, "| {} | {} | {bytes} | {} |", *kind as u8, kind.name(), kind.meaning().trim())
            .unwrap();
    }
    table
}

fn extras() -> String {
    format!(
        "| type | name | value, at most | what for |\n|---:|---|---|---|\n\
         | {TRACE} | TRACE | {} bytes | ties the command to the caller's trace |\n\
         | {LABEL} | LABEL | {} bytes of UTF-8 | the reference an id was made from, for people; taken and not kept: that of a user is kept by the command LABEL |\n\
         | {FACTS} | FACTS | {} bytes | facts for reports and exports |\n\
         | {CODE} | CODE | {} bytes of UTF-8 | the code that names the card, in place of its id; critical |\n\
         | {SEGMENTS} | SEGMENTS | {} bytes | the segments that the user is in: u32 from 1 on, ascending |\n",
        limits::TRACE_BYTES_MAX,
        limits::LABEL_BYTES_MAX,
        limits::FACTS_BYTES_MAX,
        limits::CODE_BYTES_MAX,
        limits::SEGMENTS_BYTES_MAX,
    )
}

/// The facts a rejection carries and what it says; "later": not sent in version 1.
fn rejection(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::OutOfStock => (
            "LINES; UNITS for a stock change, KEY_REPLACE, ISSUE and CLAIM",
            "fewer units are available, and not claimed by debts, than asked for; CONFIRM: too few card keys are neither frozen nor void; ISSUE, CLAIM: fewer cards are left",
        ),
        Code::ChannelQuota => (
            "LINES; UNITS for a change of a stock or batch, KEY_REPLACE, ISSUE and CLAIM",
            "the channel's cap, or what is guaranteed to others, does not allow it",
        ),
        Code::UserLimit => (
            "LINES; UNITS for ISSUE and CLAIM",
            "a purchase limit of the buyer, limit key, device or address, in all or per day, does not allow it",
        ),
        Code::HeldLimit => {
            ("LINES", "RESERVE: one of them would hold more units at once than the stock allows")
        }
        Code::RiskLimit => {
            ("RULE; none for a paid SELL", "a risk rule or a block of the merchant does not allow it")
        }
        Code::NotFound => (
            "LINES for RESERVE and SELL",
            "no such stock, campaign, batch, card, card key, risk rule, block, redemption, group, activity or operation of this merchant; a code that does not open; WALLET_SHOW: no such card of the owner's",
        ),
        Code::NotStarted => (
            "LINES for RESERVE and SELL; TIME for REDEEM, TOPUP, EARN, CARD_REFUND, LEVEL, and a CLAIM by somebody's word",
            "the sale has not opened yet; ISSUE, CLAIM: a draft, or not yet; REDEEM, RESERVE and SELL with cards, TOPUP, EARN, CARD_REFUND, LEVEL: the card is not valid yet; REDEEM, RESERVE and SELL with cards: or it is outside of its weekdays and hours; CARD_BATCH_RECYCLE: some of its cards may be in use yet; RECYCLE: the card has not expired; MERGE: a card is not valid yet; a CLAIM by somebody's word: the activity has not begun",
        ),
        Code::Expired => (
            "LINES for RESERVE and SELL; TIME for REDEEM, TOPUP, EARN, CARD_REFUND, LEVEL, the three on gifts, GROUP_JOIN, GROUP_LEAVE, and a CLAIM by somebody's word",
            "the sale is closed; EXTEND: the hold has expired; KEYS_IMPORT: the batch has expired; ISSUE, CLAIM: stopped, or too late; REDEEM, RESERVE and SELL with cards, TOPUP, EARN, CARD_REFUND, LEVEL, GIFT, ACCEPT_GIFT: the card is no longer valid; ACCEPT_GIFT, CANCEL_GIFT: or the gift is over; GROUP_JOIN, GROUP_LEAVE: the group has lapsed; a CLAIM by somebody's word: the activity is over",
        ),
        Code::NotActive => (
            "LINES for RESERVE and SELL",
            "RETURN, REVEAL, KEY_REPLACE, KEY_RECLAIM, KEYS_READ: the hold is not confirmed; CONFIRM, RELEASE, EXTEND: it is owed; BATCH_CHANGE: the batch is not in the state it is to leave; REDEEM, RESERVE and SELL with cards, TOPUP, EARN, CARD_REFUND, RENEW, LEVEL, the three on gifts: the card is inactive, or its campaign a draft; CARD_CHANGE: the card is inactive",
        ),
        Code::Frozen => (
            "LINES for RESERVE and SELL",
            "the stock is frozen; KEYS_IMPORT: the batch is frozen; ISSUE, CLAIM: or the campaign is paused; REDEEM, RESERVE and SELL with cards, TOPUP, EARN, CARD_REFUND, RENEW, LEVEL, the three on gifts: the card or its campaign is frozen",
        ),
        Code::Void => (
            "LINES for RESERVE, SELL and RETURN",
            "the batch is void or expired; KEY_REPLACE, KEY_RECLAIM: the card key is void; REDEEM, REVERSE, CARD_CHANGE, RESERVE and SELL with cards, RETURN of such, TOPUP, EARN, CARD_REFUND, RENEW, LEVEL, the three on gifts: the card is void; ISSUE, CLAIM, STOCK_SUPPLY, CAMPAIGN_VOID: the campaign is void; CARD_BATCH_VOID, CARD_BATCH_RECYCLE: the batch or its campaign is, or it was recycled; RECYCLE, MERGE: the card is void",
        ),
        Code::Used => (
            "LINES for RESERVE and SELL",
            "REDEEM, CARD_CHANGE, RESERVE and SELL with cards, EARN, the three on gifts: the card is used up",
        ),
        Code::CampaignLimit => ("UNITS", "ISSUE, CLAIM: the campaign's maximum of cards per day"),
        Code::BudgetExceeded => (
            "UNITS: cards that there is money for",
            "ISSUE, CLAIM: the campaign's budget, in all or per day, does not allow it",
        ),
        Code::BalanceExceeded => (
            "UNITS; LINES for RESERVE and SELL",
            "REDEEM, RESERVE and SELL with cards: more units than the card has left; CARD_REFUND: no principal is left",
        ),
        Code::NotOwner => (
            "LINES for a card of RESERVE and SELL",
            "`replace` names a hold of another user and another order; REDEEM, RESERVE and SELL with cards, GIFT, CANCEL_GIFT: the card is another user's; ACCEPT_GIFT: it was given to another, or is the user's own; GROUP_LEAVE: the user is not in it",
        ),
        Code::OutOfScope => (
            "LINES for RESERVE and SELL",
            "REDEEM, RESERVE and SELL with cards: not for this channel, store, product, category or segment; ISSUE, CLAIM, GROUP_OPEN, GROUP_JOIN: not to be got through this channel or by this segment; CLAIM of an activity: it has no such source",
        ),
        Code::RuleFailed => (
            "VERSION for STOCK_EDIT, STOCK_QUOTA, STOCK_LIMITS, STOCK_PRICE, ZONE_SET, CAMPAIGN_EDIT, CAMPAIGN_STATE, CAMPAIGN_VOID and ACTIVITY_EDIT of another version; LINES for RESERVE and SELL; UNITS for REDEEM, TOPUP, EARN, LEVEL, an ACCEPT_GIFT of a card too far down in a wallet, and GROUP_JOIN and GROUP_LEAVE of a full group; for QUOTE LINES with the places of two cards",
            "the stock or batch exists already (STOCK_CREATE, BATCH_CREATE); another version is in force (STOCK_EDIT, STOCK_QUOTA, STOCK_LIMITS, STOCK_PRICE, ZONE_SET); another clock than the first, or the merchant has no zone (STOCK_LIMITS); a transition that has begun would change (ZONE_SET); a time has passed (STOCK_QUOTA, BATCH_CREATE); not for a stock of this kind, or a hold without card keys; more card keys than a line can have (RESERVE, SELL); card keys to available (RETURN); replaced three times (KEY_REPLACE); shown already (KEY_RECLAIM); no sale's id (CANCEL); the id exists, or the merchant has no zone (CAMPAIGN_CREATE), a fixed field differs, the merchant has no zone, or a maximum below what is out (CAMPAIGN_EDIT), no such move (CAMPAIGN_STATE, CARD_CHANGE), a card of an owner (CARD_BATCH_VOID, CARD_BATCH_RECYCLE), a batch or card without an end (CARD_BATCH_RECYCLE, RECYCLE); a bearer card for something else than the supply, no card of points, the card's own campaign, more than there is room for (RECYCLE); cards of another kind, of different campaigns, more than there is room for (MERGE), a time that has passed (CARD_CHANGE), the amount is below the threshold or the interval has not passed, units that a card of this kind does not take (REDEEM, RESERVE and SELL with cards); a use of a pass (REVERSE); a card of another kind (TOPUP, EARN, CARD_REFUND, RENEW, LEVEL), more than there is room for (TOPUP, EARN), a time that has passed (TOPUP), no end (RENEW), no such level or the one it has (LEVEL); a card that can't be given, or to its owner (GIFT), one that is not being given (ACCEPT_GIFT, CANCEL_GIFT); a full group, or one that the user is in already (GROUP_JOIN, GROUP_LEAVE); the id exists (ACTIVITY_CREATE), what counts, after how many friends, or the slot of the reward would change (ACTIVITY_EDIT), the user's own word (CLAIM); two cards may not be used together (QUOTE); as a line's fact: the order has the stock by another hold (late CONFIRM)",
        ),
        Code::LockedByOtherOrder => (
            "LINES for RESERVE and SELL; UNITS for REDEEM, and a GIFT of a card in a hold",
            "the card has the units, but other orders hold them, or it is being given; as a line's fact: likewise (late CONFIRM)",
        ),
        Code::QuoteChanged => {
            ("TOTAL; none for a paid SELL", "the units asked for do not cost what was expected")
        }
        Code::HoldNotFound => ("", "no such hold"),
        Code::HoldReleased => ("", "the hold was released, or lapsed by a RELEASE"),
        Code::HoldExpiredNoStock => (
            "LINES",
            "late CONFIRM: the units, or those of a card, are no longer to be had. Recorded: refund",
        ),
        Code::HoldConfirmed => ("", "the hold is confirmed; `replace`: or owed"),
        Code::ExceedsHold => ("LINES", "more units, or more lines, than the hold has"),
        Code::ExceedsRedeemed => ("UNITS", "REVERSE: more units than are left of the redemption"),
        Code::AlreadyReversed => ("", "RETURN of all that is left, REVERSE: nothing is left"),
        Code::ReversalWindow => ("TIME; LINES for RETURN", "REVERSE, RETURN of cards: too late"),
        Code::KeyReplaced => (
            "KEY",
            "repeat of CONFIRM, SELL or REVEAL: a card key of the hold was replaced since; read them with KEYS_READ",
        ),
        Code::Cancelled => {
            ("", "the operation was cancelled: what it took went back, or it was never executed")
        }
        Code::OperationMismatch => (
            "",
            "the operation id is known with another content; RESERVE and SELL: or the order has a sale or hold of the stock already, and it is another",
        ),
        Code::OperationTooOld => ("FLOOR", "the operation id is older than the floor: it may have happened"),
        Code::ClockAhead => ("TIME", "the operation id was made more than 60 s in the future"),
        Code::DeadlinePassed => ("TIME", "the command's own deadline has passed"),
        Code::CrossSlot => ("", "a stock, campaign or card lies in another slot than the command"),
        Code::Capacity => ("MAXIMUM", "a configured maximum is reached"),
        Code::Busy => ("", "a queue is full: repeat after a wait"),
        Code::Throttled => ("", "too many requests of this kind: repeat after a wait"),
        Code::Unauthorized => ("", "the token is not valid any more"),
        Code::Forbidden => ("", "the token does not allow this merchant, channel or command"),
    }
}

fn rejections() -> String {
    let mut table = String::from("| code | name | class | facts | meaning |\n|---:|---|---|---|---|\n");
    for code in Code::ALL {
        let class = match code.class() {
            Class::Retry => "retry",
            Class::Final => "final",
            Class::Unknown => "unknown",
        };
        let (facts, meaning) = rejection(*code);
        writeln!(table, "| {} | {} | {class} | {facts} | {meaning} |", *code as u16, code.name()).unwrap();
    }
    table
}

/// A golden file, or the section of one that has this name, as a code block.
fn golden(name: &str, section: Option<&str>) -> String {
    let text = std::fs::read_to_string(file("golden").join(name)).unwrap();
    let text = match section {
        Some(section) => {
            text.split("== ").find(|part| part.starts_with(section)).expect("the section is there")
        }
        None => &text,
    };
    format!("```text\n{}\n```\n", text.trim_end())
}

fn table(name: &str) -> String {
    let body = HEADER_BYTES;
    let answer = |kind: AnswerKind| markdown(ANSWER_HEADER_BYTES, kind.fields());
    match name {
        "limits" => limits_table(),
        "frame_header" => markdown(0, RawHeader::FIELDS),
        "frame_kinds" => frame_kinds(),
        "hello" => markdown(body, RawHello::FIELDS),
        "welcome" => markdown(body, RawWelcome::FIELDS),
        "error" => markdown(body, RawError::FIELDS),
        "error_codes" => error_codes(),
        "pong" => markdown(body, RawPong::FIELDS),
        "goaway" => markdown(body, RawGoaway::FIELDS),
        "command_header" => markdown(0, CommandHeader::FIELDS),
        "command_kinds" => command_kinds(),
        "line" => markdown(0, LineLayout::FIELDS),
        "parties" => markdown(0, PartiesLayout::FIELDS),
        "quota" => markdown(0, QuotaLayout::FIELDS),
        "subject_limit" => markdown(0, SubjectLimitLayout::FIELDS),
        "span_limits" => markdown(0, SpanLimitsLayout::FIELDS),
        "offline" => markdown(0, OfflineLayout::FIELDS),
        "extension" => markdown(0, ExtensionLayout::FIELDS),
        "limits_end" => markdown(48, LimitsEnd::FIELDS),
        "price" => markdown(0, PriceLayout::FIELDS),
        "transition" => markdown(0, TransitionLayout::FIELDS),
        "extra_header" => markdown(0, ExtraHeader::FIELDS),
        "extras" => extras(),
        "answer_header" => markdown(0, AnswerHeader::FIELDS),
        "answer_kinds" => answer_kinds(),
        "channel" => markdown(0, ChannelLayout::FIELDS),
        "key" => markdown(0, KeyItemLayout::FIELDS),
        "batch" => markdown(0, BatchLayout::FIELDS),
        "listed_key" => markdown(0, ListedItemLayout::FIELDS),
        "debt" => markdown(0, DebtLayout::FIELDS),
        "sold_cards" => markdown(0, SoldCardsLayout::FIELDS),
        "hold of an order" => markdown(0, OrderHoldLayout::FIELDS),
        "definition" => markdown(0, DefinitionLayout::FIELDS),
        "tier" => markdown(0, TierLayout::FIELDS),
        "scope" => markdown(0, ScopeLayout::FIELDS),
        "lot" => markdown(0, LotLayout::FIELDS),
        "member" => markdown(0, GroupRowLayout::FIELDS),
        "rule" => markdown(0, ActivityTermsLayout::FIELDS),
        "referral" => markdown(0, ReferralLayout::FIELDS),
        "notice" => markdown(0, NoticeLayout::FIELDS),
        "wallet_card" => markdown(0, WalletCardLayout::FIELDS),
        "cart_line" => markdown(0, CartLineLayout::FIELDS),
        "stocked_line" => markdown(0, StockedLineLayout::FIELDS),
        "quote_card" => markdown(0, QuoteCardLayout::FIELDS),
        "quoted_card" => markdown(0, QuotedCardLayout::FIELDS),
        "quoted_line" => markdown(0, QuotedLineLayout::FIELDS),
        "QUOTED" => answer(AnswerKind::Quote),
        "card_line" => markdown(0, CardLineLayout::FIELDS),
        "hold_line" => markdown(0, HoldLineLayout::FIELDS),
        "hold_card" => markdown(0, HoldCardLayout::FIELDS),
        "facts_kinds" => facts_kinds(),
        "line_fact" => markdown(0, LineFactLayout::FIELDS),
        "rejections" => rejections(),
        "references" => golden("references.txt", None),
        "example_commands" => golden("frames.txt", Some("COMMANDS")),
        "example_answers" => golden("frames.txt", Some("ANSWERS")),
        other => {
            if let Some(kind) = CommandKind::ALL.iter().find(|kind| kind.name() == other) {
                return markdown(COMMAND_HEADER_BYTES, kind.fields());
            }
            if let Some(kind) = AnswerKind::ALL.iter().find(|kind| kind.name() == other) {
                return answer(*kind);
            }
            let facts = FactsKind::ALL.iter().find(|kind| kind.name() == other);
            markdown(ANSWER_HEADER_BYTES, facts.unwrap_or_else(|| panic!("no table {other}")).fields())
        }
    }
}

#[test]
fn the_tables_in_the_docs_are_those_of_the_code() {
    let path = file("../docs/protocol.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut parts = text.split("<!-- table: ");
    let mut written = parts.next().unwrap().to_string();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").expect("a table begins with its name");
        let (_, rest) = rest.split_once("<!-- /table -->").expect("a table ends");
        write!(written, "<!-- table: {name} -->\n{}<!-- /table -->{rest}", table(name)).unwrap();
    }
    if std::env::var_os("SCRIP_REGENERATE").is_some() {
        std::fs::write(&path, &written).unwrap();
        return;
    }
    for (number, (expected, found)) in written.lines().zip(text.lines()).enumerate() {
        assert_eq!(found, expected, "docs/protocol.md, line {}", number + 1);
    }
    assert_eq!(written, text);
}

#[test]
fn every_layout_is_described_without_gaps() {
    let fixed = CommandKind::ALL.iter().map(|kind| (kind.fields(), kind.body_bytes()));
    let answers = AnswerKind::ALL.iter().map(|kind| (kind.fields(), kind.body_bytes()));
    let facts = FactsKind::ALL.iter().map(|kind| (kind.fields(), kind.body_bytes()));
    for (fields, bytes) in fixed.chain(answers).chain(facts) {
        let end = fields.iter().fold(0, |at, field| {
            assert_eq!(field.offset, at, "{}", field.name);
            assert!(!field.meaning.is_empty(), "{}", field.name);
            at + field.bytes
        });
        assert_eq!(end, bytes);
    }
}
