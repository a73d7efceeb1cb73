//! The plain records of the tables: holds, further lines, operations, purchase limits. Those of cards are in `cards.rs`
//! and `redemptions.rs`.
//!
//! Fixed size, no pointers, no padding: pages of them can be hashed, snapshotted and compared as bytes. A hold with its
//! first line is two cache lines.

use crate::answer::{HoldState, OperationKind};
use crate::command::Span;
use crate::ids::{ChannelId, MerchantId, OperationId, OperationKey, OrderId, Slot, UserId};
use crate::limits::{COUNTS_BYTES, HANDLES_MAX, TAGGED_MAX};
use crate::rejection::Code;
use crate::state::table::{Handle, NONE};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LineRecord {
    /// Handle of the stock; [`NONE`] in a recorded refusal that named an unknown one.
    pub stock: u32,
    /// In which purchase limits these units count, as [`Counted`] reads it; [`NONE`]: in none.
    pub limit: u32,
    /// Units granted; of a SELL that is owed, units owed.
    pub reserved: u32,
    /// While held: units held. Confirmed: units confirmed. In a recorded refusal, and while owed: what could have been had.
    pub current: u32,
    /// Confirmed: units given back since. In a recorded refusal, and while owed: units asked for and why, see
    /// [`LineRecord::refuse`].
    pub returned: u32,
    /// Confirmed, of a keys stock: the first of the keys bound, in the order they were bound; [`NONE`]: none.
    pub keys: u32,
}

const WHY_SHIFT: u32 = 27;

/// From here on a word names no further line: it is [`NONE`], or names the hold's first card, or the quote it was made from, with
/// this bit set.
pub const NO_LINE: u32 = 1 << 31;

impl LineRecord {
    /// Records what the line lacked (`None`: nothing).
    pub fn refuse(&mut self, why: Option<Code>, asked: u32, available: u64) {
        // The reasons a line can have all have numbers below 32; 0 is none.
        let why = why.map_or(0, |code| code as u32);
        assert!(why < 1 << (32 - WHY_SHIFT) && asked < 1 << WHY_SHIFT);
        self.returned = why << WHY_SHIFT | asked;
        self.current = u32::try_from(available).unwrap_or(u32::MAX);
    }

    /// While owed: the units that are owed. In a recorded refusal: those asked for.
    pub fn asked(&self) -> u32 {
        self.returned & ((1 << WHY_SHIFT) - 1)
    }

    /// What the line lacked, units asked for, units that could have been had.
    pub fn refusal(&self) -> Option<(Code, u32, u64)> {
        let why = Code::from_number((self.returned >> WHY_SHIFT) as u16)?;
        Some((why, self.asked(), u64::from(self.current)))
    }
}

/// A hold: the record of its RESERVE or SELL, and of its CONFIRM and RELEASE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct HoldRecord {
    /// The hold's id.
    pub operation: u128,
    /// The buyer; 0: none.
    pub user: u128,
    /// The order; 0: none.
    pub order: u128,
    /// Digest of the content of the command that made it.
    pub content: u64,
    /// Shard time of its making.
    pub reserved_ms: u64,
    /// `created_ms` of its id, relative to `reserved_ms`.
    pub created_delta_ms: i32,
    /// The time to live it was made with, see [`HoldRecord::ttl_ms`]; the upper bits of `closed_delta_ms`, in
    /// [`HoldRecord::CLOSED_HIGH`]; and [`HoldRecord::QUOTED`].
    pub ttl: u32,
    /// The deadline in force, relative to `reserved_ms`.
    pub deadline_delta_ms: u32,
    /// The lower bits of [`HoldRecord::closed_delta_ms`].
    pub(crate) closed_low_ms: u32,
    /// The tenant.
    pub merchant: u32,
    /// The slot.
    pub slot: u16,
    /// The channel.
    pub channel: u16,
    /// A [`HoldState`]; 0: the record is free.
    pub state: u8,
    /// The [`Code`] of the recorded refusal; 0: none.
    pub refusal: u8,
    /// Lines, 1 to 64, see [`HoldRecord::line_count`]; and [`HoldRecord::CARDS`].
    pub lines: u8,
    /// [`HoldRecord::LATE`] and the others.
    pub flags: u8,
    /// The next record of the same operation slice, tagged as in the operation index.
    pub slice_next: u32,
    /// The second line; from [`NO_LINE`] on: there is one line.
    pub more_lines: u32,
    /// Price of a unit of the first line, in minor units, fixed when it was made; 0: none.
    pub price: u32,
    /// The first line.
    pub line: LineRecord,
}

/// A further line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExtraLine {
    /// The line.
    pub line: LineRecord,
    /// The next line; from [`NO_LINE`] on: this is the last.
    pub next: u32,
    /// Price of a unit, in minor units, fixed when the hold was made; 0: none.
    pub price: u32,
}

/// The purchase limit entries of a line that counts for more than the units per user, by kind of subject; and by which
/// longer spans it counts: the entries of these are found by those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Counts {
    /// Handles, by [`crate::command::SubjectKind::position`], in the lower 31 bits, all of them set where it counts for
    /// none; the top bits of the first two say that it counts by weeks, and by months.
    words: [u32; 4],
}

impl Counts {
    /// These entries, [`NONE`] where the line counts for none, and these spans.
    pub fn new(entries: [u32; 4], spans: impl Iterator<Item = Span>) -> Counts {
        let mut words = entries.map(|entry| entry & !TAG);
        spans.for_each(|span| words[span as usize - 1] |= TAG);
        Counts { words }
    }

    /// The entries, [`NONE`] where the line counts for none.
    #[inline]
    pub fn entries(&self) -> [u32; 4] {
        self.words.map(|word| if word & !TAG == NONE & !TAG { NONE } else { word & !TAG })
    }

    /// The spans.
    #[inline]
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let words = self.words;
        Span::ALL.into_iter().filter(move |span| words[*span as usize - 1] & TAG != 0)
    }

    /// Whether there are any.
    #[inline]
    pub fn has_spans(&self) -> bool {
        (self.words[0] | self.words[1]) & TAG != 0
    }
}

/// What the word [`LineRecord::limit`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The line counts nowhere.
    Nowhere,
    /// The line counts for the buyer's units in all, and for nothing else.
    Plain(Handle),
    /// The line counts in each of these entries, for units in all, per day and held.
    Fully(Handle),
}

impl Counted {
    /// What a line's word says.
    #[inline]
    pub const fn of(word: u32) -> Counted {
        if word == NONE {
            Counted::Nowhere
        } else if word & TAG != 0 {
            Counted::Fully(Handle(word & !TAG))
        } else {
            Counted::Plain(Handle(word))
        }
    }

    /// The word of a line that counts fully.
    pub const fn fully(counts: Handle) -> u32 {
        counts.0 | TAG
    }
}

/// The record of an operation that is not a hold's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OperationRecord {
    /// The operation's id.
    pub operation: u128,
    /// Digest of its content.
    pub content: u64,
    /// The number in its answer.
    pub value: u64,
    /// The tenant.
    pub merchant: u32,
    /// The next record of the same operation slice, tagged as in the operation index.
    pub slice_next: u32,
    /// The slice it lies in: `created_ms` in units of a slice.
    pub slice: u32,
    /// The slot.
    pub slot: u16,
    /// An [`OperationKind`]; 0: the record is free.
    pub kind: u8,
    /// Reserved; 0.
    pub spare: u8,
}

/// What one subject (a user, limit key, device or address) holds or has bought of one limited stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LimitRecord {
    /// The subject; 0: the record is free.
    pub subject: u128,
    /// Handle of the stock.
    pub stock: u32,
    /// Units held or consumed.
    pub units: u32,
    /// Lines in memory that point here. The entry goes when it is 0 and `units` is 0.
    pub lines: u32,
    /// Consumed units whose holds have left memory.
    pub moved_out: u32,
    /// Of `units`, those held by lines that count fully.
    pub held: u32,
    /// Of `units`, those of lines that count fully and whose holds were made on `day`.
    pub today: u32,
    /// Of `today`, consumed units whose holds have left memory.
    pub today_moved_out: u32,
    /// The newest day on which a line that counts fully was counted: days since the Unix epoch by the stock's clock.
    pub day: u16,
    /// A [`crate::command::SubjectKind`].
    pub kind: u8,
    /// A [`crate::command::Span`]: of weeks or months, whose numbers then stand in place of the days', of lines that count by
    /// them alone; 0: of days, and of all lines.
    pub span: u8,
}

const _: () = assert!(size_of::<HoldRecord>() == 128);
const _: () = assert!(crate::limits::TTL_MAX_MS < 1 << HoldRecord::TTL_BITS);
const _: () = assert!(HoldRecord::CLOSED_HIGH & HoldRecord::QUOTED == 0);
const _: () = assert!(size_of::<ExtraLine>() == 32);
const _: () = assert!(size_of::<Counts>() == COUNTS_BYTES as usize);
const _: () = assert!(size_of::<OperationRecord>() == 48);
const _: () = assert!(size_of::<LimitRecord>() == 48);
const _: () = assert!(HANDLES_MAX < NONE & !TAG, "a handle leaves the top bit of a word of counts free");

impl HoldRecord {
    /// Flag: confirmed after it had expired.
    pub const LATE: u8 = 1;
    /// Flag: made by SELL.
    pub const SOLD: u8 = 2;
    /// Flag: confirmed without showing its keys.
    pub const HIDDEN: u8 = 4;
    /// Flag: its keys were shown by a REVEAL.
    pub const REVEALED: u8 = 8;
    /// Flag: a key of it was replaced.
    pub const REPLACED: u8 = 16;
    /// Flag: a risk rule or a block has marked it.
    pub const FLAGGED: u8 = 32;
    /// Flag: a key of it was reclaimed: its lines have fewer keys than units.
    pub const RECLAIMED: u8 = 64;
    /// Flag: the replacement of a key of it is owed, or was.
    pub const OWED_KEY: u8 = 128;

    /// Flag beside the number of lines: cards follow them.
    pub const CARDS: u8 = 128;

    /// Flag beside the time to live: it was made from a quote, see [`super::quotes`].
    pub const QUOTED: u32 = 1 << 31;

    /// Bits of `ttl` that say the time to live.
    const TTL_BITS: u32 = 24;

    /// Those behind them, which continue `closed_low_ms` to 17 years: a sale stays as long as keys of it are owed, and is
    /// cancelled then, months after it was made.
    const CLOSED_HIGH: u32 = 0x7F << HoldRecord::TTL_BITS;

    /// The time to live it was made with.
    #[inline]
    pub const fn ttl_ms(&self) -> u32 {
        self.ttl & ((1 << HoldRecord::TTL_BITS) - 1)
    }

    /// Whether it was made from a quote.
    #[inline]
    pub const fn is_quoted(&self) -> bool {
        self.ttl & HoldRecord::QUOTED != 0
    }

    /// Lines of stocks, 1 to 64.
    #[inline]
    pub const fn line_count(&self) -> usize {
        (self.lines & !HoldRecord::CARDS) as usize
    }

    /// Whether it has taken units of cards, too.
    #[inline]
    pub const fn has_cards(&self) -> bool {
        self.lines & HoldRecord::CARDS != 0
    }

    /// Where it stands. Panics on a free record.
    #[inline]
    pub fn state(&self) -> HoldState {
        HoldState::from_number(self.state).expect("a hold in use has a state")
    }

    /// Whether it is the hold with this key.
    #[inline]
    pub fn is(&self, key: &OperationKey) -> bool {
        self.operation == key.operation.0 && self.merchant == key.merchant.0 && self.slot == key.slot.0
    }

    /// Its key.
    pub fn key(&self) -> OperationKey {
        OperationKey {
            merchant: MerchantId(self.merchant),
            slot: Slot(self.slot),
            operation: OperationId(self.operation),
        }
    }

    /// The deadline in force.
    #[inline]
    pub fn deadline_ms(&self) -> u64 {
        self.reserved_ms + u64::from(self.deadline_delta_ms)
    }

    /// Once expired: the shard time from which on a late CONFIRM is refused. Fixed at expiry, so that a change of the
    /// operator's rules brings nothing back.
    #[inline]
    pub fn late_until_ms(&self) -> u64 {
        self.reserved_ms + self.closed_delta_ms()
    }

    /// When it left held, relative to its making. While expired (it left held at its deadline): the time from which on a
    /// late CONFIRM is refused.
    #[inline]
    fn closed_delta_ms(&self) -> u64 {
        let high = (self.ttl & HoldRecord::CLOSED_HIGH) >> HoldRecord::TTL_BITS;
        u64::from(high) << u32::BITS | u64::from(self.closed_low_ms)
    }

    /// `created_ms` of its id.
    #[inline]
    pub fn created_ms(&self) -> u64 {
        self.reserved_ms.wrapping_add_signed(i64::from(self.created_delta_ms))
    }

    /// Once it is closed: whether its deadline had passed before. (While it is held, shard time is before the deadline.)
    pub fn has_expired(&self) -> bool {
        self.closed_ms() >= self.deadline_ms()
    }

    /// When it left held or owed; 0 until then.
    pub fn closed_ms(&self) -> u64 {
        match self.state() {
            HoldState::Held | HoldState::Owed => 0,
            HoldState::Expired => self.deadline_ms(),
            _ => self.reserved_ms + self.closed_delta_ms(),
        }
    }

    /// Leaves its state at `now_ms`.
    #[inline]
    pub fn close(&mut self, state: HoldState, now_ms: u64) {
        self.state = state as u8;
        let delta_ms = now_ms - self.reserved_ms;
        let high = u32::try_from(delta_ms >> u32::BITS).expect("time goes by in 64 bits");
        assert!(high <= HoldRecord::CLOSED_HIGH >> HoldRecord::TTL_BITS, "a hold closes within years");
        self.ttl = self.ttl & !HoldRecord::CLOSED_HIGH | high << HoldRecord::TTL_BITS;
        self.closed_low_ms = delta_ms as u32;
    }

    /// The refusal recorded in it; of what is owed: the one it will have if its units do not come.
    pub fn refusal(&self) -> Option<Code> {
        Code::from_number(u16::from(self.refusal))
    }

    /// The channel that made it.
    pub fn channel(&self) -> ChannelId {
        ChannelId(self.channel)
    }

    /// The order it is for.
    pub fn order(&self) -> OrderId {
        OrderId(self.order)
    }

    /// The buyer.
    pub fn user(&self) -> UserId {
        UserId(self.user)
    }
}

impl OperationRecord {
    /// Whether it is the operation with this key.
    #[inline]
    pub fn is(&self, key: &OperationKey) -> bool {
        self.operation == key.operation.0 && self.merchant == key.merchant.0 && self.slot == key.slot.0
    }

    /// Whether it is of an ISSUE or CLAIM. A free record is of nothing.
    pub fn issues(&self) -> bool {
        self.kind == OperationKind::Issue as u8 || self.kind == OperationKind::Claim as u8
    }

    /// Whether something more than its number is noted of it, see [`crate::state::cards::Cards::issue_times`].
    pub fn has_more(&self) -> bool {
        self.issues() || self.kind == OperationKind::ReturnPieces as u8
    }

    /// The command it records. Panics on a free record.
    pub fn kind(&self) -> OperationKind {
        OperationKind::from_number(self.kind).expect("an operation record in use has a kind")
    }
}

/// Names a hold, an operation record or a redemption in one 32-bit word: the top bits tell which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// A hold.
    Hold(Handle),
    /// An operation record.
    Operation(Handle),
    /// A redemption of a card.
    Redemption(Handle),
}

/// The top bit of a word that names one of two kinds of records.
const TAG: u32 = 1 << 31;
/// Beside [`TAG`], of a redemption.
const TAG_REDEMPTION: u32 = 1 << 30;

const _: () = assert!(TAGGED_MAX < TAG_REDEMPTION - 1, "no handle makes the word that stands for none");

impl Recorded {
    /// The word.
    #[inline]
    pub const fn tagged(self) -> u32 {
        match self {
            Recorded::Hold(handle) => handle.0,
            Recorded::Operation(handle) => handle.0 | TAG,
            Recorded::Redemption(handle) => handle.0 | TAG | TAG_REDEMPTION,
        }
    }

    /// What the word names; `None` for [`NONE`].
    #[inline]
    pub const fn from_tagged(word: u32) -> Option<Recorded> {
        if word == NONE {
            None
        } else if word & (TAG | TAG_REDEMPTION) == TAG | TAG_REDEMPTION {
            Some(Recorded::Redemption(Handle(word & !(TAG | TAG_REDEMPTION))))
        } else if word & TAG != 0 {
            Some(Recorded::Operation(Handle(word & !TAG)))
        } else {
            Some(Recorded::Hold(Handle(word)))
        }
    }
}
