//! Answers, read from the records: the first answer and every repeat come from the same place.

use super::{Replies, Reply, hold_cards};
use crate::answer::{
    Answer, BatchView, Cancelled, DebtView, HoldLine, HoldState, HoldView, KeyList, KeyPage, KeyPlace,
    ListPage, ListedKeys, OperationView, Outcome, StockView,
};
use crate::ids::OperationId;
use crate::limits::{
    BATCHES_PER_ANSWER_MAX, BLOCKS_PER_ANSWER_MAX, DEBTS_PER_ANSWER_MAX, KEYS_PER_ANSWER_MAX, NAME_BYTES_MAX,
    OWED_MAX_MS,
};
use crate::rejection::{Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::debts::Claim;
use crate::state::given_codes::Named;
use crate::state::keys::{Batch, KeyRecord, KeyState};
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::redemptions::RedemptionRecord;
use crate::state::risk::Owner;
use crate::state::table::{Handle, NONE};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Puts the answer together.
#[inline]
pub fn read<'r>(state: &'r State, reply: Reply, replies: &'r mut Replies) -> Outcome<'r> {
    match reply {
        Reply::Reserved(handle) => {
            let hold = state.holds.get(handle);
            fill_units(state, hold, replies, |line| line.reserved, RedemptionRecord::reserved);
            let deadline_ms = hold.reserved_ms + u64::from(hold.ttl_ms());
            Outcome::Done(Answer::Reserved { deadline_ms, units: &replies.units })
        }
        Reply::QuoteReserved(handle) => {
            let hold = state.holds.get(handle);
            let deadline_ms = hold.reserved_ms + u64::from(hold.ttl_ms());
            let head = state.quote_of(hold).expect("it was made from a quote");
            let quote = super::quote_hold::view(state, hold, head, replies);
            Outcome::Done(Answer::QuoteReserved { deadline_ms, quote })
        }
        Reply::Pieces(operation) => {
            Outcome::Done(Answer::PiecesReturned(super::return_cart::answer(state, operation)))
        }
        Reply::Confirmed(handle) => {
            let hold = state.holds.get(handle);
            fill_units(state, hold, replies, |line| line.current, RedemptionRecord::units);
            let (confirmed_ms, late) = (hold.closed_ms(), hold.flags & HoldRecord::LATE != 0);
            let total = fill_places(state, hold, 0, replies);
            // A hidden confirmation stays hidden when it is repeated; a REVEAL shows the keys in its own answer.
            let shown = hold.flags & HoldRecord::HIDDEN == 0;
            super::sold_cards::fill(state, hold, &mut replies.sold);
            let keys = page(state, shown, total, 0, &replies.places);
            let (units, sold) = (&replies.units, &replies.sold);
            Outcome::Done(Answer::Confirmed { confirmed_ms, late, units, keys, sold })
        }
        Reply::Released(handle) => {
            let lapsed = state.holds.get(handle).state() == HoldState::Lapsed;
            Outcome::Done(Answer::Released { lapsed })
        }
        Reply::Owed { position, until_ms } => Outcome::Done(Answer::Owed { position, until_ms }),
        Reply::Debts(handle, from) => {
            fill_debts(state, handle, from, replies);
            Outcome::Done(Answer::Debts { total: state.debts.count(handle) as u32, debts: &replies.debts })
        }
        Reply::Refused(handle) => refusal(state, handle, replies),
        Reply::Cancelled(handle) => {
            Outcome::Done(Answer::Cancelled(super::cancel::outcome(state, state.holds.get(handle))))
        }
        Reply::CancelledNothing => Outcome::Done(Answer::Cancelled(Cancelled::Nothing)),
        Reply::Value(kind, value) => Outcome::Done(kind.answer(value)),
        Reply::Stock(handle) => Outcome::Done(Answer::Stock(stock_view(state, handle))),
        Reply::Keys(handle, from) => {
            let hold = state.holds.get(handle);
            let total = fill_places(state, hold, from, replies);
            Outcome::Done(Answer::Keys(page(state, is_shown(hold), total, from, &replies.places)))
        }
        Reply::Key(handle, key) => one_key(state, handle, key, replies),
        Reply::Listed { stock, batch, from, clear } => {
            let next = super::key_list::fill(state, stock, batch, from, replies);
            let keys = ListedKeys::Sealed { places: &replies.listed, clear, keys: &state.keys };
            Outcome::Done(Answer::KeysListed(ListPage { next, keys }))
        }
        Reply::Batches(handle, from) => {
            let batches = state.stock(handle).sale_order.batches();
            replies.batches.clear();
            let page = batches.iter().skip(from as usize).take(BATCHES_PER_ANSWER_MAX);
            replies.batches.extend(page.map(|batch| batch_view(&state.keys.batches[*batch as usize])));
            Outcome::Done(Answer::Batches { total: batches.len() as u32, batches: &replies.batches })
        }
        Reply::Terms(handle) => {
            let stock = state.stock(handle);
            let (version, limits, spans) = (stock.version, stock.all_limits(), stock.span_limits);
            Outcome::Done(Answer::Terms { version, limits, spans, prices: &stock.prices })
        }
        Reply::Risk(owner, from) => {
            fill_rules(state, owner, from, replies);
            let total = state.risk.blocks_count(owner) as u32;
            Outcome::Done(Answer::Risk { rules: &replies.rules, total, blocks: &replies.blocks })
        }
        Reply::Zone(owner) => {
            let found = state.zones.of(owner);
            replies.transitions.clear();
            replies.transitions.extend(found.into_iter().flat_map(|found| found.zone.transitions()));
            let (version, name) = found.map_or((0, &[][..]), |found| (found.version, &found.name));
            Outcome::Done(Answer::Zone { version, name, transitions: &replies.transitions })
        }
        Reply::Identity(owner, user) => {
            replies.persons.clear();
            replies.persons.extend(state.members(owner, user).into_iter().map(U128::new));
            Outcome::Done(Answer::Identity { members: &replies.persons })
        }
        Reply::Channels(handle) => {
            let stock = state.stock(handle);
            replies.channels.clear();
            replies.channels.extend(stock.channels.views(stock.units.available));
            Outcome::Done(Answer::Channels { version: stock.version, channels: &replies.channels })
        }
        Reply::OrderHolds(page) => {
            let more = super::order_show::fill(state, page, replies);
            Outcome::Done(Answer::OrderHolds { more, holds: &replies.order_holds })
        }
        Reply::Issued(operation) => Outcome::Done(Answer::Issued(super::issue::answer(state, operation))),
        Reply::Redeemed(handle) => Outcome::Done(Answer::Redeemed(super::redeem::answer(state, handle))),
        Reply::Redemption(handle) => Outcome::Done(Answer::Redemption(super::redeem::view(state, handle))),
        Reply::Campaign(handle, now_ms) => {
            Outcome::Done(Answer::Campaign(super::campaigns::view(state, handle, now_ms)))
        }
        Reply::Card(card, now_ms) => {
            let view = super::cards::view(state, card, now_ms, replies);
            Outcome::Done(Answer::Card(view, &replies.lots))
        }
        Reply::GivenCode(named) => {
            let card = if let Named::Card(card) = named { Some(card) } else { None };
            Outcome::Done(Answer::GivenCode { campaign: super::given_codes::campaign_of(state, named), card })
        }
        Reply::Wallet(page) => {
            let next = super::cards::fill(state, page, replies);
            Outcome::Done(Answer::Wallet { next, cards: &replies.wallet })
        }
        Reply::Activity(place, referrer) => {
            Outcome::Done(Answer::Activity(super::sharing::view(state, place, referrer)))
        }
        Reply::Notices(page) => Outcome::Done(Answer::Notices(super::notices::fill(state, page, replies))),
        Reply::Group(handle) => Outcome::Done(Answer::Group(super::groups::view(state, handle, replies))),
        Reply::Hold(handle) => Outcome::Done(Answer::Hold(hold_view(state, handle, replies))),
        Reply::Operation(kind, value) => Outcome::Done(Answer::Operation(OperationView { kind, value })),
    }
}

/// Fills in the keys of a hold from a position on, a page at most; answers how many it has.
#[inline]
fn fill_places(state: &State, hold: &HoldRecord, from: u32, replies: &mut Replies) -> u32 {
    replies.places.clear();
    let mut total = 0;
    for line in state.lines(hold).filter(|line| state.keys_of(line) != NONE) {
        let count = keys_of_line(state, hold, line);
        let before = from.saturating_sub(total).min(count);
        total += count;
        let room = KEYS_PER_ANSWER_MAX - replies.places.len();
        if before < count && room > 0 {
            let keys = state.keys.line(line.keys).skip(before as usize).take(room);
            let given_back = line.returned == line.current && state.keys.is_content(line.keys);
            let void = |key: &KeyRecord| given_back || key.state == KeyState::Void as u8;
            replies
                .places
                .extend(keys.map(|(handle, key)| KeyPlace { void: void(key), ..place(handle, key) }));
        }
    }
    total
}

/// Keys of a line. It has as many as units were confirmed: they are counted only if some were reclaimed. A reusable text
/// stands once in a line, whatever its units.
fn keys_of_line(state: &State, hold: &HoldRecord, line: &LineRecord) -> u32 {
    if state.stock(Handle(line.stock)).reusable {
        return 1;
    }
    match hold.flags & HoldRecord::RECLAIMED {
        0 => line.current,
        _ => state.keys.line(line.keys).count() as u32,
    }
}

fn place(handle: Handle, key: &KeyRecord) -> KeyPlace {
    let void = key.state == KeyState::Void as u8;
    KeyPlace { key: handle.0, chunk: key.chunk, position: key.position, void, owed: key.is_owed() }
}

/// Whether the texts of a hold's keys may be shown.
pub(super) fn is_shown(hold: &HoldRecord) -> bool {
    hold.flags & HoldRecord::HIDDEN == 0 || hold.flags & HoldRecord::REVEALED != 0
}

fn page<'r>(state: &'r State, shown: bool, total: u32, from: u32, places: &'r [KeyPlace]) -> KeyPage<'r> {
    if total == 0 {
        return KeyPage::default();
    }
    KeyPage { total, from, keys: KeyList::Sealed { places, shown, keys: &state.keys } }
}

fn one_key<'r>(state: &'r State, hold: Handle, key: Handle, replies: &'r mut Replies) -> Outcome<'r> {
    let hold = state.holds.get(hold);
    let total = fill_places(state, hold, u32::MAX, replies);
    replies.places.push(place(key, state.keys.records.get(key)));
    let all = state.lines(hold).flat_map(|line| state.keys.line(state.keys_of(line)));
    let from = all.take_while(|(handle, _)| *handle != key).count() as u32;
    // One that is no longer of the hold may be somebody else's by now.
    let shown = is_shown(hold) && from < total;
    Outcome::Done(Answer::Keys(page(state, shown, total, from, &replies.places)))
}

fn batch_view(batch: &Batch) -> BatchView {
    let mut supplier = [0; NAME_BYTES_MAX];
    supplier[..batch.supplier().len()].copy_from_slice(batch.supplier());
    BatchView {
        cost: U64::new(batch.cost),
        expires_ms: U64::new(batch.expires_ms),
        imported: U64::new(batch.imported),
        unsold: U64::new(batch.unsold - batch.moved),
        moved: U64::new(batch.moved),
        sold: U64::new(batch.sold),
        void: U64::new(batch.void),
        batch: U32::new(batch.number),
        state: batch.state as u8,
        supplier_bytes: batch.supplier().len() as u8,
        spare: U16::ZERO,
        supplier,
    }
}

fn fill_debts(state: &State, stock: Handle, from: u32, replies: &mut Replies) {
    let claims = state.debts.claims_on(stock, from as usize).take(DEBTS_PER_ANSWER_MAX);
    replies.debts.clear();
    replies.debts.extend(claims.map(|claim| debt_view(state, claim)));
}

fn fill_rules(state: &State, owner: Owner, from: u32, replies: &mut Replies) {
    replies.rules.clear();
    replies.rules.extend(state.risk.rules_of(owner).iter().map(|found| found.rule));
    replies.blocks.clear();
    let page = state.risk.blocks_of(owner).skip(from as usize).take(BLOCKS_PER_ANSWER_MAX);
    replies.blocks.extend(page);
}

fn debt_view(state: &State, claim: &Claim) -> DebtView {
    let hold = state.holds.get(claim.debt.hold);
    let until_ms = state.debts.deadline_ms(claim.debt);
    let key = claim.debt.key();
    let since_ms = key.map_or(hold.reserved_ms, |_| until_ms - OWED_MAX_MS);
    DebtView {
        hold: U128::new(hold.operation),
        order: U128::new(hold.order),
        since_ms: U64::new(since_ms),
        until_ms: U64::new(until_ms),
        units: U64::new(claim.units),
        channel: U16::new(hold.channel),
        of_key: U16::new(u16::from(key.is_some())),
        key: U32::new(key.map_or(0, |key| key.0)),
    }
}

#[inline]
fn fill_units(
    state: &State,
    hold: &HoldRecord,
    replies: &mut Replies,
    of: impl Fn(&LineRecord) -> u32,
    of_card: impl Fn(&RedemptionRecord) -> u32,
) {
    replies.units.clear();
    replies.units.extend(state.lines(hold).map(|line| U32::new(of(line))));
    if hold.has_cards() {
        replies.units.extend(state.card_lines(hold).map(|(_, line)| U32::new(of_card(line))));
    }
}

fn refusal<'r>(state: &State, handle: Handle, replies: &'r mut Replies) -> Outcome<'r> {
    let hold = state.holds.get(handle);
    replies.facts.clear();
    for (line, record) in state.lines(hold).enumerate() {
        if let Some((why, asked, available)) = record.refusal() {
            replies.facts.push(LineFact::new(line, why, asked, available));
        }
    }
    hold_cards::facts(state, hold, &mut replies.facts);
    let facts = if replies.facts.is_empty() { Facts::None } else { Facts::Lines(&replies.facts) };
    Outcome::Refused(Rejection { code: hold.refusal().expect("a recorded refusal has a code"), facts })
}

fn stock_view(state: &State, handle: Handle) -> StockView<'_> {
    let stock = state.stock(handle);
    let units = &stock.units;
    StockView {
        stock: stock.id,
        version: stock.version,
        kind: stock.kind(),
        once_per_order: stock.once_per_order,
        terms: stock.terms,
        total: units.total,
        available: units.available,
        held: units.held,
        consumed: units.consumed,
        frozen: units.frozen,
        void: units.void,
        marked_frozen: units.marked_frozen,
        marked_void: units.marked_void,
        name: stock.name(),
    }
}

fn hold_view<'r>(state: &State, handle: Handle, replies: &'r mut Replies) -> HoldView<'r> {
    let hold = state.holds.get(handle);
    let cancelled = hold.state() == HoldState::Cancelled && hold.flags & HoldRecord::SOLD != 0;
    let confirmed = hold.state() == HoldState::Confirmed || cancelled;
    // A cancelled sale has given everything back, by RETURN or by CANCEL.
    let returned = |line: &LineRecord| if cancelled { line.current } else { line.returned };
    replies.lines.clear();
    replies.lines.extend(state.lines(hold).zip(state.prices(hold)).map(|(line, price)| {
        let stock = if line.stock == NONE { 0 } else { state.stock(Handle(line.stock)).id.0 };
        HoldLine {
            stock: U64::new(stock),
            reserved: U32::new(line.reserved),
            confirmed: U32::new(if confirmed { line.current } else { 0 }),
            returned: U32::new(if confirmed { returned(line) } else { 0 }),
            price: U32::new(price),
        }
    }));
    replies.cards.clear();
    replies.cards.extend(state.card_lines(hold).map(|(_, line)| hold_cards::view(state, line)));
    HoldView {
        hold: OperationId(hold.operation),
        state: hold.state(),
        channel: hold.channel(),
        late: hold.flags & HoldRecord::LATE != 0,
        flagged: hold.flags & HoldRecord::FLAGGED != 0,
        refusal: hold.refusal().filter(|_| hold.state() != HoldState::Owed),
        order: hold.order(),
        user: hold.user(),
        reserved_ms: hold.reserved_ms,
        deadline_ms: hold.deadline_ms(),
        closed_ms: hold.closed_ms(),
        lines: &replies.lines,
        cards: &replies.cards,
    }
}
