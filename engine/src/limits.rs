//! Every maximum of the engine, in one place, tied together by const assertions.
//!
//! Fixed limits are constants: they are part of the wire contract and a request beyond one is malformed. Sizes of
//! tables are [`Capacity`]: at such a maximum the answer is CAPACITY, never a bigger table. [`Rules`] are the times an
//! operator may set; they change state, so they are logged.

use crate::ids::CardId;

/// Lines of one hold.
pub const LINES_MAX: usize = 64;
/// Units one line may ask for. Leaves the top bits of a stored `u32` free for the reason of a recorded refusal.
pub const UNITS_PER_LINE_MAX: u32 = 100_000_000;
/// Units of one stock over its whole life.
pub const STOCK_UNITS_MAX: u64 = 1 << 53;
/// Bytes of a stock's name (UTF-8).
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a user's label: as many as references have.
pub const LABEL_BYTES_MAX: usize = 64;
/// A hold's time to live when the command gives none.
pub const TTL_DEFAULT_MS: u32 = 900_000;
/// A hold's deadline lies at most this far from its creation.
pub const TTL_MAX_MS: u32 = 14_400_000;
/// How far ahead of shard time an operation's `created_ms` may lie.
pub const CLOCK_AHEAD_MAX_MS: u64 = 60_000;
/// Holds that one expiry event may post.
pub const EXPIRED_PER_EVENT_MAX: usize = 256;
/// Width of an operation slice; the floor moves by whole slices.
pub const SLICE_MS: u64 = 1_000;
/// The longest operation window, whatever is configured.
pub const OPERATION_WINDOW_MAX_MS: u64 = 24 * 3_600_000;
/// The shortest `operation_window_min_ms` that may be configured.
pub const OPERATION_WINDOW_FLOOR_MS: u64 = 10_000;
/// The longest time after its expiry during which a hold can be confirmed late, whatever is configured.
pub const LATE_CONFIRM_MAX_MS: u64 = 24 * 3_600_000;
/// How far shard time may run ahead of the last logged tick: answers between two events may rest on a time that only
/// a restart's head start of this length protects from going back.
pub const TICK_LEASE_MS: u64 = 100;
/// Channels that one stock counts: those that have taken units of it, and those with a quota.
pub const CHANNELS_PER_STOCK_MAX: usize = 64;
/// Commands of a batch whose look-ups are asked for ahead.
pub const PREPARED_MAX: usize = 64;
/// Keys in one chunk, at most: as many as a KEYS_IMPORT brings.
pub const KEYS_PER_CHUNK_MAX: usize = 64;
/// Bytes of a key's text.
pub const KEY_TEXT_BYTES_MAX: usize = 1024;
/// Bytes of the texts of one KEYS_IMPORT with their lengths, before they are sealed.
pub const KEY_BLOCK_BYTES_MAX: usize = 12 * 1024;
/// Bytes that a seal adds: a nonce of 12, the count of texts (4) and a tag of 16.
pub const SEAL_BYTES: usize = 32;
/// Batches in all: they are never freed.
pub const BATCHES_MAX: usize = 64 * 1024;
/// Batches of one stock.
pub const BATCHES_PER_STOCK_MAX: usize = 1024;
/// Card keys that the lines of one hold can ask for: binding them is one event, and must not take long.
pub const KEYS_PER_HOLD_MAX: u32 = 20_000;
/// Keys that one answer names; the rest is read in pages.
pub const KEYS_PER_ANSWER_MAX: usize = 64;
/// Keys that one list looks at: those of other stocks and batches lie among them.
pub const KEYS_SCANNED_MAX: u32 = 8 * 1024;
/// Batches that one answer shows; the rest is read in pages.
pub const BATCHES_PER_ANSWER_MAX: usize = 64;
/// Prices of one stock.
pub const PRICES_PER_STOCK_MAX: usize = 64;
/// Risk rules of one merchant and slot.
pub const RISK_RULES_MAX: usize = 64;
/// Merchants and slots that have risk rules.
pub const RISK_BOOKS_MAX: usize = 16 * 1024;
/// Blocked subjects, of all merchants.
pub const BLOCKS_MAX: usize = 256 * 1024;
/// Blocks that one answer shows; the rest is read in pages.
pub const BLOCKS_PER_ANSWER_MAX: usize = 64;
/// The shortest window of a risk rule.
pub const RISK_WINDOW_MIN_MS: u32 = 1_000;
/// The longest window of a risk rule: 30 days.
pub const RISK_WINDOW_MAX_MS: u32 = 30 * 86_400_000;
/// Transitions of a merchant's time zone.
pub const TRANSITIONS_MAX: usize = 256;
/// How far a clock may be ahead of UTC, or behind it.
pub const ZONE_OFFSET_MAX_MINUTES: i16 = 14 * 60;
/// Merchants and slots that have a time zone: 32 MiB of transitions, if each has as many as it can.
pub const ZONES_MAX: usize = 8 * 1024;
/// Debts that one event settles or ends.
pub const DEBTS_PER_EVENT_MAX: usize = 64;
/// Claims of debts that one step of a settlement looks at, but for those of the last debt's other stocks.
pub const CLAIMS_PER_SETTLEMENT_MAX: usize = 4096;
/// Card keys that one event binds to debts, unless the first of them alone needs more.
pub const KEYS_PER_SETTLEMENT_MAX: u64 = KEYS_PER_HOLD_MAX as u64;
/// Debts that one answer shows; the rest is read in pages.
pub const DEBTS_PER_ANSWER_MAX: usize = 64;
/// Holds of an order that one answer shows; the rest is read in pages.
pub const ORDER_HOLDS_PER_ANSWER_MAX: usize = 64;
/// Holds of an order that one answer looks at: those that are gone, but in memory still, lie among them.
pub const ORDER_HOLDS_SCANNED_MAX: usize = 8 * 1024;
/// How long units can be owed.
pub const OWED_MAX_MS: u64 = 30 * 86_400_000;
/// How often the key in one place of a hold may be replaced.
pub const REPLACEMENTS_MAX: u8 = 3;
/// Cards that one MERGE can make void.
pub const CARDS_PER_MERGE_MAX: usize = 16;
/// Cards of one campaign, ever.
pub const CAMPAIGN_UNITS_MAX: u64 = 1 << CardId::SERIAL_BITS;
/// Campaigns of one slot.
pub const CAMPAIGNS_PER_SLOT_MAX: u32 = 1 << CardId::CAMPAIGN_BITS;
/// Bytes of a campaign's sealed key.
pub const CAMPAIGN_KEY_BYTES_MAX: usize = 96;
/// Tiers of one definition.
pub const TIERS_MAX: usize = 8;
/// Entries of one scope.
pub const SCOPE_MAX: usize = 64;
/// Entries that one event of notices has at most.
pub const NOTICES_PER_EVENT_MAX: usize = 256;
/// Entries that the cards of one page can make at once: each card its end and two reminders.
pub const NOTICE_ROWS_PER_PAGE_MAX: usize = 3 * CARDS_PER_PAGE;
/// Pages of cards that one event of notices looks at.
pub const NOTICE_PAGES_PER_EVENT_MAX: usize = 16;
/// Batches of bearer cards that one event of notices tells of.
pub const NOTICE_BATCHES_PER_EVENT_MAX: usize = 64;
/// Pages of cards that one event queues anew.
pub const NOTICE_REQUEUED_PER_EVENT_MAX: u32 = 16;
/// Minutes before the end of a card that a reminder can be made: 30 days.
pub const REMIND_MAX_MINUTES: u16 = 43_200;
/// Notices that one answer tells.
pub const NOTICES_PER_ANSWER_MAX: usize = 128;
/// Entries of the ring that one NOTICES_READ looks at.
pub const NOTICES_SCANNED_MAX: usize = 4_096;
/// Segments that a command can say its user is in.
pub const SEGMENTS_MAX: usize = 8;
/// Balance of a new card, but of stored value and points.
pub const CARD_UNITS_MAX: u32 = 1_000_000;
/// Cards in one hold.
pub const CARDS_PER_HOLD_MAX: usize = 20;
/// Balance of a card of stored value or points, units or payment of one TOPUP, units of one EARN.
pub const CARD_VALUE_MAX: u32 = 1_000_000_000;
/// Units of one card over its whole life.
pub const CARD_TOTAL_MAX: u32 = 4_000_000_000;
/// Lots of one card besides its own.
pub const LOTS_PER_CARD_MAX: usize = 16;
/// Stamps that fill a card.
pub const STAMPS_MAX: u64 = 1_000;
/// What a point is worth, in hundredths of a minor unit.
pub const POINT_VALUE_MAX: u64 = 1_000_000;
/// What one redemption of points takes off, in minor units.
pub const POINTS_DISCOUNT_MAX: u64 = 10_000_000_000;
/// How long a gift can be accepted: 30 days.
pub const GIFT_LASTS_MAX_S: u32 = 30 * 86_400;
/// Members for which a group is at least.
pub const GROUP_MEMBERS_MIN: usize = 2;
/// Members for which a group is at most: all of their cards are issued in one event.
pub const GROUP_MEMBERS_MAX: usize = 100;
/// How long a group can be joined: 72 hours.
pub const GROUP_LASTS_MAX_S: u32 = 72 * 3_600;
/// Campaigns whose cards friends claim in one activity.
pub const ACTIVITY_SOURCES_MAX: usize = 8;
/// Friends after whom a referrer gets a reward, at most.
pub const FRIENDS_PER_REWARD_MAX: u16 = 10_000;
/// Rewards that one referrer gets in one activity at most.
pub const REWARDS_PER_REFERRER_MAX: u32 = 1_000_000;
/// Activities in all: what they owe is looked at whenever time moves on.
pub const ACTIVITIES_MAX: usize = 4_096;
/// Rewards of one event.
pub const REWARDS_PER_EVENT_MAX: usize = 64;
/// The largest encoded event that gives rewards.
pub const REWARDS_BYTES_MAX: usize = REWARDS_PER_EVENT_MAX * 16 + 256;
/// How old a use of a till that was offline may be when it comes: 30 days.
pub const LATE_MAX_S: u32 = 30 * 86_400;
/// Cards for an owner in one ISSUE.
pub const CARDS_PER_ISSUE_MAX: usize = 64;
/// Bearer cards of one ISSUE.
pub const BEARER_CARDS_MAX: u32 = 1 << 27;
/// Batches of bearer cards of one campaign.
pub const CARD_BATCHES_PER_CAMPAIGN_MAX: usize = 4096;
/// Batches of bearer cards in all: they are never freed.
pub const CARD_BATCHES_MAX: usize = 256 * 1024;
/// Cards of one page: they take memory together.
pub const CARDS_PER_PAGE: usize = 64;
/// How long a redemption can be reversed if its campaign does not say: 90 days.
pub const REVERSAL_WINDOW_DEFAULT_S: u32 = 7_776_000;
/// Redemptions of a card that are looked at to find its newest: those that are gone, but in memory still, lie among them.
pub const REDEMPTIONS_SCANNED_MAX: usize = 8 * 1024;
/// Cards of a wallet that one answer shows; the rest is read in pages.
pub const WALLET_CARDS_PER_ANSWER_MAX: usize = 64;
/// Cards that the lines of one hold ask campaigns for: one event makes them all, and may end them all.
pub const CARDS_PER_SALE_MAX: u32 = 1_000;
/// Cards of a wallet that one answer looks at: those of other campaigns lie among them.
pub const WALLET_CARDS_SCANNED_MAX: usize = 8 * 1024;
/// Stacking classes: their numbers are 0 to 31.
pub const STACKING_CLASSES: u8 = scrip_quote::limits::STACKING_CLASSES;
/// Lines of the cart of one QUOTE.
pub const QUOTE_LINES_MAX: usize = 20;
/// Cards that one QUOTE names, and shows.
pub const QUOTE_CARDS_MAX: usize = 20;
/// What the cart of one QUOTE costs, in minor units.
pub const QUOTE_AMOUNT_MAX: u64 = scrip_quote::limits::AMOUNT_MAX;
/// What a cart costs at most that is held: the answers of its returns are kept in two words.
pub const QUOTE_HELD_AMOUNT_MAX: u64 = (1 << 42) - 1;
/// User ids of one person.
pub const PERSON_MEMBERS_MAX: usize = 8;
/// Cards of a wallet that one QUOTE looks at: those that can't be used lie among them.
pub const QUOTE_WALLET_SCANNED_MAX: usize = 256;
/// Work of one QUOTE's search, in cards judged against a cart: others wait for this thread, so about 100 us.
pub const QUOTE_WORK_MAX: u32 = 3_000;
/// Bytes of facts behind one event.
pub const FACTS_BYTES_MAX: usize = 1024;
/// What facts add to an event at most.
pub const FACTS_ROOM_BYTES: usize = FACTS_BYTES_MAX + 8;
/// The largest encoded event that a command makes: 64 new keys with their sealed texts.
pub const EVENT_BYTES_MAX: usize = 14 * 1024;
/// The largest encoded event that time makes: an expiry of 256 holds.
pub const ADVANCE_EVENT_BYTES_MAX: usize = 8 * 1024;

const _: () = assert!(UNITS_PER_LINE_MAX < 1 << 27, "the reason of a refusal lives in the top five bits");
const _: () = assert!(LINES_MAX as u64 * (UNITS_PER_LINE_MAX as u64) < STOCK_UNITS_MAX);
const _: () = assert!(TTL_DEFAULT_MS <= TTL_MAX_MS);
const _: () = assert!(LINES_MAX * 24 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(LINES_MAX * 20 + CARDS_PER_HOLD_MAX * 32 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(QUOTE_LINES_MAX <= scrip_quote::limits::LINES_MAX && QUOTE_LINES_MAX <= 32);
const _: () = assert!(QUOTE_CARDS_MAX <= scrip_quote::limits::CARDS_MAX);
const _: () =
    assert!(QUOTE_CARDS_MAX <= CARDS_PER_HOLD_MAX && QUOTE_LINES_MAX + CARDS_PER_HOLD_MAX <= LINES_MAX);
const _: () = assert!(TIERS_MAX <= scrip_quote::limits::TIERS_MAX);
const _: () =
    assert!(CARD_TOTAL_MAX as u64 + CARD_VALUE_MAX as u64 > u32::MAX as u64 && CARD_VALUE_MAX < 1 << 30);
const _: () = assert!(POINTS_DISCOUNT_MAX < 1 << 34 && STAMPS_MAX <= CARD_UNITS_MAX as u64);
const _: () =
    assert!((LOTS_PER_CARD_MAX as u64 + 1) * (CARD_VALUE_MAX as u64) < 1 << 34, "a refund is one number");
const _: () = assert!(PRICES_PER_STOCK_MAX * 24 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(TRANSITIONS_MAX * 16 + NAME_BYTES_MAX + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(GROUP_MEMBERS_MAX * 24 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(
    LINES_MAX * (16 + 24) + QUOTE_LINES_MAX * 4 + CARDS_PER_SALE_MAX as usize * 8 + 256 <= EVENT_BYTES_MAX
);
const _: () = assert!(EXPIRED_PER_EVENT_MAX * 24 + 256 <= ADVANCE_EVENT_BYTES_MAX);
const _: () = assert!(
    DEBTS_PER_EVENT_MAX * 28 + REWARDS_BYTES_MAX <= EVENT_BYTES_MAX,
    "a settlement of debts and one of rewards go with a command"
);
/// The largest encoded event that settles debts.
pub const SETTLEMENT_BYTES_MAX: usize = DEBTS_PER_EVENT_MAX * 28 + 8;

const _: () = assert!(DEBTS_PER_EVENT_MAX <= EXPIRED_PER_EVENT_MAX);
const _: () = assert!(NOTICE_ROWS_PER_PAGE_MAX <= NOTICES_PER_EVENT_MAX);
const _: () = assert!(NOTICE_BATCHES_PER_EVENT_MAX <= NOTICES_PER_EVENT_MAX);
const _: () = assert!(NOTICES_PER_EVENT_MAX * 24 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(OWED_MAX_MS <= u32::MAX as u64, "a hold counts its times from its making in 32 bits");
const _: () = assert!(CHANNELS_PER_STOCK_MAX * 32 + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(KEYS_PER_CHUNK_MAX * 24 + KEY_BLOCK_BYTES_MAX + SEAL_BYTES + 256 <= EVENT_BYTES_MAX);
const _: () = assert!(KEYS_PER_CHUNK_MAX <= 64, "the answer to an import is a word of bits");
const _: () = assert!(2 * KEYS_PER_CHUNK_MAX + KEY_TEXT_BYTES_MAX <= KEY_BLOCK_BYTES_MAX);
const _: () = assert!(
    OPERATION_WINDOW_MAX_MS.is_multiple_of(SLICE_MS) && OPERATION_WINDOW_FLOOR_MS.is_multiple_of(SLICE_MS)
);

/// Sizes of the engine's tables, fixed at start. Counted in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Stocks.
    pub stocks_max: u32,
    /// Holds in memory: open ones, and closed ones inside the operation window.
    pub holds_max: u32,
    /// Lines beyond the first of all holds in memory.
    pub extra_lines_max: u32,
    /// Records of operations that are not a hold's own (EXTEND, RETURN, stock changes).
    pub operations_max: u32,
    /// Subjects (users, limit keys, devices, addresses) with a counted purchase, one per subject and limited stock.
    pub user_limits_max: u32,
    /// Card keys, sold ones included.
    pub keys_max: u32,
    /// Bytes of their sealed texts.
    pub sealed_bytes_max: u64,
    /// Subjects counted by a risk rule in its window.
    pub risk_counts_max: u32,
    /// Lines of orders on stocks that an order can buy once, of holds in memory.
    pub order_lines_max: u32,
    /// Debts: one for each SELL that is owed and each stock it waits for.
    pub debts_max: u32,
    /// Cards that have a record, in pages of 64: those with an owner, and bearer cards to which something has happened.
    pub cards_max: u32,
    /// Redemptions in memory.
    pub redemptions_max: u32,
    /// Records of lots: accounts of cards that were filled, their lots, and what redemptions in memory took of which lot.
    pub lots_max: u32,
    /// Gifts of cards: those that can be accepted, and those that ended inside the operation window.
    pub gifts_max: u32,
    /// Given codes: those that were made elsewhere, and those under which cards are claimed.
    pub given_codes_max: u32,
    /// Groups that are open or were until inside the operation window, and their members, together.
    pub groups_max: u32,
    /// User ids that are linked with others.
    pub links_max: u32,
    /// User ids with a label.
    pub labels_max: u32,
    /// Friends in all activities, and of referrers as many.
    pub friends_max: u32,
    /// Notices of cards that gateways can read: entries, each of cards that follow each other.
    pub notices_max: u32,
}

/// Bytes of memory a hold takes with its share of the operation index; one with an order takes [`ORDER_BYTES`] more.
pub const HOLD_BYTES: u64 = 128 + 16;
/// Bytes of the links of a hold in its order's list.
pub const ORDER_LINKS_BYTES: u64 = 8;
/// Bytes of a hold's links in its order's list, with the order's share of its index. There is room for as many as for
/// holds, so that there is no maximum of its own to run into.
pub const ORDER_BYTES: u64 = ORDER_LINKS_BYTES + 16;
/// Bytes of one further line.
pub const EXTRA_LINE_BYTES: u64 = 32;
/// Bytes of an operation record with its share of the operation index, and room for the times of the cards it issues.
pub const OPERATION_BYTES: u64 = 48 + 16 + 8;
/// Bytes of a purchase limit entry with its share of its index.
pub const USER_LIMIT_BYTES: u64 = 48 + 16;
/// Bytes of a linked user id with its share of its index.
pub const LINK_BYTES: u64 = 32 + 16;
/// Bytes of a user id with a label, with its share of its index.
pub const LABEL_BYTES: u64 = 32 + 16;
/// Bytes of the counts of a line in several purchase limits.
pub const COUNTS_BYTES: u64 = 16;
/// Bytes of a risk count with its share of its index.
pub const RISK_COUNT_BYTES: u64 = 32 + 16;
/// Bytes of a key with its share of its index.
pub const KEY_BYTES: u64 = 32 + 16;
/// Bytes of an order's line in its index.
pub const ORDER_LINE_BYTES: u64 = 16;
/// Bytes of a debt in its queue, with its deadline.
pub const DEBT_BYTES: u64 = 128;
/// The most debts that [`Capacity::for_memory`] makes room for: one settlement may have to look at them all, in steps.
const DEBTS_FOR_MEMORY_MAX: u32 = 1 << 16;
/// The most notices that [`Capacity::for_memory`] makes room for.
const NOTICES_FOR_MEMORY_MAX: u32 = 1 << 18;
/// Bytes of a card with its share of the indexes of wallets and pages, and of its page.
pub const CARD_BYTES: u64 = 48 + 16 + 1;
/// Bytes of a redemption with its share of the operation index.
pub const REDEMPTION_BYTES: u64 = 80 + 16;
/// Bytes of an account, a lot or a part of a redemption: each has room for as many as there may be of all together.
pub const LOT_BYTES: u64 = (16 + 16) + 44 + (24 + 16);
/// Bytes of a gift with its share of its index, and of the list of ends.
pub const GIFT_BYTES: u64 = 32 + 4 + 16 + 32;
/// Bytes of a given code with its share of its index.
pub const GIVEN_CODE_BYTES: u64 = 32 + 4 + 16;
/// Bytes of a group or a member, with their shares of the index and of the lists of deadlines and ends, and the counts of a member:
/// each has room for as many as there may be of both together.
pub const GROUP_BYTES: u64 = (80 + 4 + 16 + 64) + (64 + 4 + COUNTS_BYTES);
/// Bytes of a friend and a referrer, with their shares of the indexes and of the list of what is owed.
pub const FRIEND_BYTES: u64 = (64 + 4 + 3 * 16) + (64 + 4 + 16 + 32);
/// Bytes of an entry of the ring of notices.
pub const NOTICE_BYTES: u64 = 40;
/// Bytes of a page of cards in the queue of notices.
pub const NOTICE_PAGE_BYTES: u64 = 8 + 4;
/// Bytes of a stock with its share of its index, and with four channels.
pub const STOCK_BYTES: u64 = 736;

impl Capacity {
    /// The tables that fit into `bytes` of memory: about 38 % of it for holds, 17 % for purchase limits, linked ids and labels, 15 % for
    /// card keys and their sealed texts, 11 % for cards, their lots, redemptions and given codes, the rest for further lines, operations,
    /// stocks, lines of orders, debts, risk counts, gifts, groups, friends and notices.
    pub fn for_memory(bytes: u64) -> Capacity {
        let records = |share_per_mille: u64, each: u64| {
            let count = bytes / 1_000 * share_per_mille / each;
            u32::try_from(count).unwrap_or(u32::MAX).clamp(1_024, HANDLES_MAX)
        };
        Capacity {
            stocks_max: records(20, STOCK_BYTES).min(1 << 20),
            holds_max: records(380, HOLD_BYTES + ORDER_BYTES + COUNTS_BYTES),
            extra_lines_max: records(55, EXTRA_LINE_BYTES + COUNTS_BYTES),
            operations_max: records(75, OPERATION_BYTES).min(TAGGED_MAX),
            user_limits_max: records(155, USER_LIMIT_BYTES),
            keys_max: records(80, KEY_BYTES),
            sealed_bytes_max: bytes / 1_000 * 74,
            risk_counts_max: records(10, RISK_COUNT_BYTES),
            order_lines_max: records(10, ORDER_LINE_BYTES),
            debts_max: records(5, DEBT_BYTES).min(DEBTS_FOR_MEMORY_MAX),
            cards_max: records(65, CARD_BYTES),
            redemptions_max: records(28, REDEMPTION_BYTES).min(TAGGED_MAX),
            lots_max: records(7, LOT_BYTES),
            gifts_max: records(2, GIFT_BYTES),
            given_codes_max: records(9, GIVEN_CODE_BYTES),
            groups_max: records(5, GROUP_BYTES),
            links_max: records(7, LINK_BYTES),
            labels_max: records(8, LABEL_BYTES),
            friends_max: records(4, FRIEND_BYTES),
            notices_max: records(1, NOTICE_BYTES).min(NOTICES_FOR_MEMORY_MAX),
        }
    }
}

/// Records that one table can ever name: handles are 31 bits, the top bit tells two kinds apart in shared indexes.
pub const HANDLES_MAX: u32 = (1 << 31) - 2;
/// Operations and redemptions that can ever be named: the operation index tells three kinds apart, with a bit more for two.
pub const TAGGED_MAX: u32 = (1 << 30) - 2;

/// Times that an operator may set. Part of the logged state, because eviction depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long operation ids are remembered when memory allows: at most [`OPERATION_WINDOW_MAX_MS`].
    pub operation_window_ms: u64,
    /// How long operation ids are remembered at least; when memory does not allow it, new holds get CAPACITY.
    pub operation_window_min_ms: u64,
    /// How long after its expiry a hold can still be confirmed.
    pub late_confirm_ms: u64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            operation_window_ms: OPERATION_WINDOW_MAX_MS,
            operation_window_min_ms: 600_000,
            late_confirm_ms: LATE_CONFIRM_MAX_MS,
        }
    }
}

/// A rule outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value} ms, but must lie between {least} and {most} ms")]
pub struct RuleOutOfBounds {
    /// The setting's name.
    pub name: &'static str,
    /// What was asked for.
    pub value: u64,
    /// The least value allowed.
    pub least: u64,
    /// The greatest value allowed.
    pub most: u64,
}

impl Rules {
    /// Checks every rule against its bounds.
    pub fn check(&self) -> Result<(), RuleOutOfBounds> {
        let within = |name, value, least, most| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(RuleOutOfBounds { name, value, least, most })
            }
        };
        let window = self.operation_window_ms;
        within("operation_window_ms", window, OPERATION_WINDOW_FLOOR_MS, OPERATION_WINDOW_MAX_MS)?;
        within("operation_window_min_ms", self.operation_window_min_ms, OPERATION_WINDOW_FLOOR_MS, window)?;
        within("late_confirm_ms", self.late_confirm_ms, 0, LATE_CONFIRM_MAX_MS)
    }
}
