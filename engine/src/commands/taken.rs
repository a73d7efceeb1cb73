//! What a RESERVE, SELL or QUOTE_RESERVE has done: the hold is made, and what it takes leaves available. It stands apart from the
//! decisions so that both can be read at a glance.
//!
//! Invariant: what is taken was available; the assertions of postings stand behind that.
use super::{Resolved, hold_cards, sold_cards};
use crate::answer::HoldState;
use crate::command::{Parties, Referral, SubjectKind, Take};
use crate::event::{Buyer, Event, EventLine, Origin};
use crate::ids::{ChannelId, UserId};
use crate::state::State;
use crate::state::counts::{Count, Entries, NO_ENTRIES};
use crate::state::reclaim::VISITS_PER_INSERTION;
use crate::state::records::{ExtraLine, HoldRecord, LineRecord};
use crate::state::risk::Subjects;
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};

/// Applies a [`Event::Taken`]. Panics on any other event.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Taken {
        origin,
        buyer,
        sold,
        hidden,
        ttl_ms,
        parties,
        flagged,
        lines,
        prices,
        cards,
        quote,
        sales,
        ..
    } = event
    else {
        unreachable!("only Taken is applied here");
    };
    if let Some(replaced) = resolved.hold {
        super::hold::give_back(state, replaced);
    }
    let mut record = blank(state.now_ms, origin, buyer, lines.len());
    (record.state, record.flags) =
        if *sold { (HoldState::Confirmed as u8, HoldRecord::SOLD) } else { (HoldState::Held as u8, 0) };
    if *hidden {
        record.flags |= HoldRecord::HIDDEN;
    }
    if *flagged {
        record.flags |= HoldRecord::FLAGGED;
    }
    record.ttl = *ttl_ms;
    record.deadline_delta_ms = *ttl_ms;
    let subjects = subjects(buyer.user, parties.as_ref());
    let taker = Taker { channel: origin.channel, subjects, sold: *sold };
    let price = |line: usize| prices.get(line).map_or(0, |price| price.get());
    if !cards.is_empty() {
        record.lines |= HoldRecord::CARDS;
        record.more_lines = hold_cards::take_all(state, cards);
    }
    if !quote.lines.is_empty() {
        record.ttl |= HoldRecord::QUOTED;
        record.more_lines = state.keep_quote(quote, record.more_lines);
    }
    record.line = take_line(state, &taker, &lines[0], resolved.lines[0]);
    record.price = price(0);
    for (position, line) in lines.iter().enumerate().skip(1).rev() {
        let line = take_line(state, &taker, line, resolved.lines[position]);
        let extra = ExtraLine { line, next: record.more_lines, price: price(position) };
        record.more_lines = state.extra_lines.insert(extra).0;
    }
    let owner = (origin.merchant, origin.slot);
    if state.risk.speaks_of(owner) {
        state.risk.count(owner, origin.channel, &subjects, state.now_ms);
    }
    let handle = state.insert_hold(record, resolved.hash);
    state.claim_order_lines(handle);
    if *sold {
        bind_keys(state, handle);
        sold_cards::make_all(state, handle, sales);
    }
    if !cards.is_empty() {
        hold_cards::name_all(state, handle, *sold);
    }
    state.reclaim(VISITS_PER_INSERTION);
    handle
}

/// Binds card keys to the lines of a sale, in their order: they were made from the last to the first.
#[inline]
fn bind_keys(state: &mut State, handle: Handle) {
    let of_keys = |line: &LineRecord| {
        let stock = state.stock(Handle(line.stock));
        stock.keys || stock.reusable
    };
    if !state.lines(state.holds.get(handle)).any(of_keys) {
        return;
    }
    state.change_lines(handle, |state, _, line| {
        line.keys = super::keys::bind(state, Handle(line.stock), line.current, handle);
    });
}

#[inline]
pub(super) fn blank(now_ms: u64, origin: &Origin, buyer: &Buyer, lines: usize) -> HoldRecord {
    let created_delta_ms = origin.created_ms as i64 - now_ms as i64;
    HoldRecord {
        operation: origin.operation.0,
        user: buyer.user.0,
        order: buyer.order.0,
        content: origin.content,
        reserved_ms: now_ms,
        created_delta_ms: i32::try_from(created_delta_ms).expect("ids are at most a day old"),
        ttl: 0,
        deadline_delta_ms: 0,
        closed_low_ms: 0,
        merchant: origin.merchant.0,
        slot: origin.slot.0,
        channel: origin.channel.0,
        state: 0,
        refusal: 0,
        lines: lines as u8,
        flags: 0,
        slice_next: NONE,
        more_lines: NONE,
        price: 0,
        line: LineRecord { stock: NONE, limit: NONE, reserved: 0, current: 0, returned: 0, keys: NONE },
    }
}

/// Those of a take.
#[inline]
pub fn subjects_of(take: &Take<'_>) -> Subjects {
    subjects(take.user, take.parties)
}

/// The same, brought by the word of a referrer, if one is named.
#[inline]
pub fn brought(subjects: Subjects, referral: Option<&Referral>) -> Subjects {
    let mut subjects = subjects;
    subjects[SubjectKind::Referrer.position()] = referral.map_or(0, |referral| referral.referrer().0);
    subjects
}

/// Who takes units.
struct Taker {
    channel: ChannelId,
    subjects: Subjects,
    sold: bool,
}

/// Who asks, by kind of subject; 0: not told. Nobody's word has brought them here.
#[inline]
pub fn subjects(user: UserId, parties: Option<&Parties>) -> Subjects {
    let (limit_key, device, address) = parties.map_or((0, 0, 0), |parties| {
        (parties.limit_key.get(), u128::from(parties.device.get()), u128::from(parties.address.get()))
    });
    [user.0, limit_key, device, address, 0]
}

#[inline]
fn take_line(
    state: &mut State,
    taker: &Taker,
    line: &EventLine,
    (stock, found): (Option<Handle>, Entries),
) -> LineRecord {
    let stock = stock.expect("the log names a stock that exists");
    let units = line.units.get();
    let (posting, count) = if taker.sold {
        (Posting::Sell(u64::from(units)), Count::Consumed)
    } else {
        (Posting::Hold(u64::from(units)), Count::Held)
    };
    state.post(stock, taker.channel, posting);
    if on(Bug::DoublePosting) {
        state.post(stock, taker.channel, posting);
    }
    let limit = if line.counts_anywhere() {
        let limit = begin_counting(state, &taker.subjects, line, (stock, found));
        let now_ms = state.now_ms;
        state.count((limit, stock.0), units, count, now_ms);
        limit
    } else {
        NONE
    };
    LineRecord { stock: stock.0, limit, reserved: units, current: units, returned: 0, keys: NONE }
}

/// A new line counts for its subjects, in the entries found or in new ones; answers its word.
pub(super) fn begin_counting(
    state: &mut State,
    subjects: &Subjects,
    line: &EventLine,
    (stock, found): (Handle, Entries),
) -> u32 {
    let mut entries = NO_ENTRIES;
    for kind in SubjectKind::LIMITED.into_iter().filter(|kind| line.counts(*kind)) {
        let position = kind.position();
        entries[position] = match found[position] {
            // An earlier line of this very event may have made the entry.
            NONE => state.limit_entry(kind, subjects[position], stock).0,
            found => found,
        };
    }
    state.begin_counting(entries, line)
}
