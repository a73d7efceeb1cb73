//! The commands: each module decides its command against the state, and applies the event it becomes.
//!
//! `decide` gets `&State` and answers a [`Verdict`]; it refuses in the order docs/semantics.md gives. `apply` is the only
//! writer, can't fail, and asserts what `decide` refused. The living hand over the handles that `decide` resolved
//! ([`Resolved`]); history resolves them from the event.

pub mod cancel;
pub mod checks;
pub mod confirm;
pub mod expire;
pub mod hold;
pub mod key_list;
pub mod key_reclaim;
pub mod key_replace;
pub mod keys;
pub mod limits;
pub mod order_show;
pub mod orders;
pub mod owed;
pub mod prices;
pub mod query;
pub mod refused;
pub mod reply;
pub mod return_units;
pub mod risk;
pub mod settle;
pub mod stock;
pub mod take;
pub mod zone;

use crate::answer::{
    BatchView, ChannelView, DebtView, HoldLine, KeyPlace, ListedPlace, OperationKind, OrderHold,
};
use crate::calendar::Transition;
use crate::command::{Block, Command, Parties, Price, Quota, Request, RiskRule, SubjectKind};
use crate::event::{
    self, Buyer, Event, EventHold, EventKey, EventLine, EventSink, Origin, OwedLine, RefusedLine,
};
use crate::ids::OperationKey;
use crate::rejection::{LineFact, Rejection};
use crate::state::State;
use crate::state::counts::{Entries, NO_ENTRIES};
use crate::state::debts::Debt;
use crate::state::reclaim::{VISITS_PER_FLOOR, VISITS_PER_INSERTION};
use crate::state::records::OperationRecord;
use crate::state::risk::{Owner, VISITS_PER_TICK};
use crate::state::table::{Handle, NONE};
use zerocopy::little_endian::U32;

/// What becomes of a command.
pub enum Verdict<'p> {
    /// It happens; the reply is read from the state afterwards.
    Do(Event<'p>, &'p Resolved, Reply),
    /// Nothing happens; the reply is read from the state.
    Answer(Reply),
    /// Nothing happens.
    Refuse(Rejection<'p>),
}

/// Which answer a command gets. What it says is read from the records, for a first answer as for a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// RESERVE.
    Reserved(Handle),
    /// CONFIRM and SELL.
    Confirmed(Handle),
    /// RELEASE.
    Released(Handle),
    /// A recorded refusal.
    Refused(Handle),
    /// CANCEL of a hold.
    Cancelled(Handle),
    /// CANCEL where nothing was there.
    CancelledNothing,
    /// SELL or CONFIRM that is owed.
    Owed {
        /// Its position among the debts of the stock of its first line with units.
        position: u32,
        /// Until when.
        until_ms: u64,
    },
    /// An operation record's answer.
    Value(OperationKind, u64),
    /// STOCK_SHOW.
    Stock(Handle),
    /// STOCK_CHANNELS.
    Channels(Handle),
    /// REVEAL and KEYS_READ: the keys of a hold from a position on.
    Keys(Handle, u32),
    /// KEY_REPLACE: one key of a hold.
    Key(Handle, Handle),
    /// STOCK_TERMS_SHOW.
    Terms(Handle),
    /// RISK_SHOW: the merchant's rules, and blocks from a position on.
    Risk(Owner, u32),
    /// ZONE_SHOW.
    Zone(Owner),
    /// KEYS_LIST and KEYS_EXPORT: the keys of a stock from a number on.
    Listed {
        /// The stock.
        stock: Handle,
        /// The batch; [`NONE`]: all of them.
        batch: u32,
        /// The number.
        from: u32,
        /// With their texts.
        clear: bool,
    },
    /// BATCHES_SHOW: the batches of a stock from a position on.
    Batches(Handle, u32),
    /// OWED_SHOW: the debts of a stock from a position on.
    Debts(Handle, u32),
    /// ORDER_SHOW.
    OrderHolds(order_show::Page),
    /// OPERATION_SHOW of a hold.
    Hold(Handle),
    /// OPERATION_SHOW of another operation.
    Operation(OperationKind, u64),
}

impl Reply {
    /// The same reply about the hold that `apply` has made.
    pub fn about(self, hold: Option<Handle>) -> Reply {
        match (self, hold) {
            (Reply::Reserved(_), Some(hold)) => Reply::Reserved(hold),
            (Reply::Confirmed(_), Some(hold)) => Reply::Confirmed(hold),
            (Reply::Refused(_), Some(hold)) => Reply::Refused(hold),
            _ => self,
        }
    }
}

/// Stands in a [`Reply`] for the hold that the event is about to make.
pub const TO_BE_MADE: Handle = Handle(NONE);

/// What `decide` found on its way, so that `apply` need not look again.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Hash of the operation's key.
    pub hash: u32,
    /// The hold that the command is about, or that it replaces.
    pub hold: Option<Handle>,
    /// Per line: the stock's handle, and the purchase limit entries there are.
    pub lines: Vec<(Option<Handle>, Entries)>,
    /// Holds that an expiry names.
    pub holds: Vec<Handle>,
    /// Debts that are settled or end.
    pub debts: Vec<Debt>,
}

/// Room in which a decision is worked out; reused, so that no command allocates.
#[derive(Default)]
pub struct Plan {
    /// Facts of a refusal.
    pub facts: Vec<LineFact>,
    /// Lines of the event.
    pub lines: Vec<EventLine>,
    /// Lines of a recorded refusal.
    pub refused: Vec<RefusedLine>,
    /// Lines of a debt.
    pub owed: Vec<OwedLine>,
    /// Holds of an expiry.
    pub holds: Vec<EventHold>,
    /// Debts that end.
    pub debts: settle::DebtNames,
    /// Handles.
    pub resolved: Resolved,
    /// Prices per line.
    pub prices: Vec<U32>,
    /// What all units asked for cost.
    pub total: u64,
    /// The risk rule that refuses; 0: a block.
    pub rule: u16,
    /// A rule or a block has marked the command.
    pub flagged: bool,
    /// Prices to set.
    pub new_prices: Vec<Price>,
    /// Wishes of a RESERVE or SELL.
    pub wishes: Vec<take::Wish>,
    /// Name of a new stock or zone.
    pub name: Vec<u8>,
    /// Transitions of a zone.
    pub transitions: Vec<Transition>,
    /// Quotas to set.
    pub quotas: Vec<Quota>,
    /// Card keys to import.
    pub keys: Vec<EventKey>,
    /// Their sealed texts.
    pub sealed: Vec<u8>,
}

impl Plan {
    /// Empty, with room for the largest command.
    pub fn new() -> Plan {
        use crate::limits::{
            EXPIRED_PER_EVENT_MAX, KEY_BLOCK_BYTES_MAX, KEYS_PER_CHUNK_MAX, LINES_MAX, SEAL_BYTES,
        };
        Plan {
            facts: Vec::with_capacity(LINES_MAX),
            lines: Vec::with_capacity(LINES_MAX),
            refused: Vec::with_capacity(LINES_MAX),
            owed: Vec::with_capacity(LINES_MAX),
            holds: Vec::with_capacity(EXPIRED_PER_EVENT_MAX),
            debts: settle::DebtNames::default(),
            resolved: Resolved {
                lines: Vec::with_capacity(LINES_MAX),
                holds: Vec::with_capacity(EXPIRED_PER_EVENT_MAX),
                ..Resolved::default()
            },
            wishes: Vec::with_capacity(LINES_MAX),
            prices: Vec::with_capacity(LINES_MAX),
            total: 0,
            rule: 0,
            flagged: false,
            new_prices: Vec::new(),
            name: Vec::new(),
            transitions: Vec::new(),
            quotas: Vec::new(),
            keys: Vec::with_capacity(KEYS_PER_CHUNK_MAX),
            sealed: Vec::with_capacity(KEY_BLOCK_BYTES_MAX + SEAL_BYTES),
        }
    }

    #[inline]
    fn clear(&mut self, hash: u32) {
        self.facts.clear();
        self.lines.clear();
        self.refused.clear();
        self.resolved.lines.clear();
        self.resolved.hash = hash;
        self.resolved.hold = None;
        self.wishes.clear();
        self.prices.clear();
        self.flagged = false;
    }
}

/// Room in which answers are put together.
#[derive(Default)]
pub struct Replies {
    /// Units per line.
    pub units: Vec<U32>,
    /// Lines of a hold.
    pub lines: Vec<HoldLine>,
    /// Facts of a recorded refusal.
    pub facts: Vec<LineFact>,
    /// Channels of a stock.
    pub channels: Vec<ChannelView>,
    /// Card keys.
    pub places: Vec<KeyPlace>,
    /// Batches of a stock.
    pub batches: Vec<BatchView>,
    /// Risk rules.
    pub rules: Vec<RiskRule>,
    /// Blocks.
    pub blocks: Vec<Block>,
    /// Card keys of a stock.
    pub listed: Vec<ListedPlace>,
    /// Debts of a stock.
    pub debts: Vec<DebtView>,
    /// Holds of an order.
    pub order_holds: Vec<OrderHold>,
    /// Transitions of a zone.
    pub transitions: Vec<Transition>,
}

/// What a decision rests on: the time, and who asks for what.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// Shard time.
    pub now_ms: u64,
    /// Hash of the envelope's key.
    pub hash: u32,
    /// The request.
    pub request: &'q Request<'q>,
}

impl Question<'_> {
    /// The key of the envelope's operation.
    #[inline]
    pub fn key(&self) -> OperationKey {
        self.request.envelope.key()
    }

    /// The origin of the event that this command becomes.
    #[inline]
    pub fn origin(&self, content: u64) -> Origin {
        let envelope = &self.request.envelope;
        Origin {
            merchant: envelope.merchant,
            slot: envelope.slot,
            channel: envelope.channel,
            operation: envelope.operation,
            created_ms: envelope.created_ms(),
            content,
        }
    }
}

/// Decides a command.
#[inline]
pub fn decide<'p>(state: &State, question: Question<'_>, plan: &'p mut Plan) -> Verdict<'p> {
    plan.clear(question.hash);
    match &question.request.command {
        Command::Reserve { take, ttl_ms } => take::decide_reserve(state, question, take, *ttl_ms, plan),
        Command::Sell { take, paid, hidden } => {
            take::decide_sell(state, question, take, (*paid, *hidden), plan)
        }
        Command::Confirm { units, hidden } => confirm::decide(state, question, units, *hidden, plan),
        Command::Release => hold::decide_release(state, question, plan),
        Command::Cancel => cancel::decide(state, question, plan),
        Command::Extend { hold, ttl_ms } => hold::decide_extend(state, question, *hold, *ttl_ms, plan),
        Command::Return { hold, to_available, units } => {
            return_units::decide(state, question, *hold, *to_available, units, plan)
        }
        Command::BatchCreate(create) => keys::decide_create(state, question, create, plan),
        Command::BatchChange { stock, batch, change, forced } => {
            keys::decide_change(state, question, (*stock, *batch, *change, *forced), plan)
        }
        Command::KeysImport { stock, batch, block } => {
            keys::decide_import(state, question, (*stock, *batch, block), plan)
        }
        Command::Reveal { hold } => keys::decide_reveal(state, question, *hold, plan),
        Command::KeyReplace { hold, key, reason } => {
            key_replace::decide(state, question, (*hold, *key, *reason), plan)
        }
        Command::KeyReclaim { hold, key, reason } => {
            key_reclaim::decide(state, question, (*hold, *key, *reason), plan)
        }
        Command::KeysExport { stock, batch, from } => {
            key_list::decide_export(state, question, (*stock, *batch, *from), plan)
        }
        Command::KeysList { stock, batch, from } => {
            key_list::decide_list(state, question, (*stock, *batch, *from))
        }
        Command::KeysRead { hold, from } => keys::decide_read(state, question, *hold, *from),
        Command::BatchesShow { stock, from } => keys::decide_show(state, question, *stock, *from),
        Command::RiskSet { rule } => risk::decide_rule(state, question, rule, plan),
        Command::BlockSet { block } => risk::decide_block(state, question, block, plan),
        Command::RiskShow { from } => {
            let envelope = &question.request.envelope;
            Verdict::Answer(Reply::Risk((envelope.merchant, envelope.slot), *from))
        }
        Command::ZoneSet(zone) => zone::decide(state, question, zone, plan),
        Command::ZoneShow => Verdict::Answer(Reply::Zone(risk::owner(question))),
        Command::StockTermsShow { stock } => query::decide_stock(state, question, *stock, Reply::Terms),
        Command::OwedShow { stock, from } => owed::decide_show(state, question, *stock, *from),
        Command::OrderShow { order, after, limit } => {
            order_show::decide(state, question, (*order, *after, *limit))
        }
        Command::StockShow { stock } => query::decide_stock(state, question, *stock, Reply::Stock),
        Command::StockChannels { stock } => query::decide_stock(state, question, *stock, Reply::Channels),
        Command::OperationShow => query::decide_operation(state, question),
        command => stock::decide(state, question, command, plan),
    }
}

/// Applies an event. Answers the handle of the hold it is about, if it is about one.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Option<Handle> {
    state.sequence += 1;
    match event {
        Event::Taken { .. } => Some(take::apply(state, event, resolved)),
        Event::Confirmed { late, hidden, lines, .. } => {
            Some(confirm::apply(state, (*late, *hidden), lines, resolved))
        }
        Event::RiskRuleSet { .. } | Event::BlockSet { .. } => {
            risk::apply(state, event, resolved);
            None
        }
        Event::ZoneSet { .. } => {
            zone::apply(state, event, resolved);
            None
        }
        Event::Revealed { .. } => Some(keys::apply_reveal(state, event, resolved)),
        Event::KeyReplaced { .. } => Some(key_replace::apply(state, event, resolved)),
        Event::ReplaceOwed { .. } => Some(key_replace::apply_owed(state, event, resolved)),
        Event::KeysExported { origin, .. } => {
            key_list::apply(state, origin, resolved);
            None
        }
        Event::KeyReclaimed { .. } => Some(key_reclaim::apply(state, event, resolved)),
        Event::BatchCreated { .. }
        | Event::BatchChanged { .. }
        | Event::BatchExpired { .. }
        | Event::KeysImported { .. } => {
            keys::apply(state, event, resolved);
            None
        }
        Event::Released { .. } => Some(hold::apply_release(state, resolved)),
        Event::Cancelled { .. } => Some(cancel::apply(state, resolved)),
        Event::Tombstone { origin } => {
            cancel::apply_tombstone(state, origin, resolved);
            None
        }
        Event::Expired { .. } => {
            expire::apply(state, resolved);
            None
        }
        Event::Tick { now_ms } => {
            tick(state, *now_ms);
            None
        }
        Event::FloorRaised { floor_ms } => {
            state.raise_floor(*floor_ms);
            state.reclaim(VISITS_PER_FLOOR);
            None
        }
        Event::Configured { rules } => {
            state.rules = *rules;
            None
        }
        Event::SellRefused { origin, buyer, code, lines } => {
            Some(refused::apply(state, origin, buyer, *code, lines, resolved))
        }
        Event::Owed { .. } => Some(owed::apply(state, event, resolved)),
        Event::ConfirmOwed { .. } => Some(owed::apply_confirm(state, event, resolved)),
        Event::Settled { .. } | Event::Unfulfilled { .. } => {
            owed::apply_end(state, event, resolved);
            None
        }
        Event::LateRefused { lines, .. } => Some(confirm::apply_refusal(state, lines, resolved)),
        Event::Extended { origin, deadline_ms, .. } => {
            Some(hold::apply_extend(state, origin, *deadline_ms, resolved))
        }
        Event::Returned { origin, to_available, lines, .. } => {
            Some(return_units::apply(state, origin, *to_available, lines, resolved))
        }
        Event::StockCreated { .. }
        | Event::StockMoved { .. }
        | Event::StockEdited { .. }
        | Event::StockQuotaSet { .. }
        | Event::StockLimitsSet { .. }
        | Event::StockPriced { .. }
        | Event::GuaranteeLapsed { .. } => {
            stock::apply(state, event, resolved);
            None
        }
    }
}

#[inline]
fn tick(state: &mut State, now_ms: u64) {
    assert!(now_ms > state.now_ms, "shard time only goes forward");
    // No record is freed here that a decision may have found: a tick comes between it and its event.
    state.now_ms = now_ms;
    state.risk.visit(VISITS_PER_TICK, now_ms);
    state.zones.turn(now_ms);
}

/// Posts an event about the holds that were resolved, and applies it.
pub fn post_holds(
    state: &mut State,
    (resolved, holds): (&Resolved, &mut Vec<EventHold>),
    sink: &mut impl EventSink,
    event: impl FnOnce(&[EventHold]) -> Event<'_>,
) {
    holds.clear();
    holds.extend(resolved.holds.iter().map(|handle| EventHold::new(state.holds.get(*handle).key())));
    let event = event(holds);
    sink.push(&event);
    apply(state, &event, resolved);
}

/// Finds the handles an event needs, for history, which has no decision to take them from.
pub fn resolve(state: &State, event: &Event<'_>, resolved: &mut Resolved) {
    resolved.lines.clear();
    resolved.holds.clear();
    resolved.debts.clear();
    resolved.hold = None;
    let find = |key: &OperationKey| {
        let hash = state.record_hash(key);
        let found = state.find_hold(key, hash, state.now_ms);
        assert!(found.is_some(), "the log names hold {} which does not exist", key.operation);
        found
    };
    match event {
        Event::Taken { origin, buyer, replaces, parties, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolve_lines(state, (buyer, parties.as_ref()), lines.iter().copied(), resolved);
            if replaces.0 != 0 {
                resolved.hold = find(&OperationKey { operation: *replaces, ..origin.key() });
            }
        }
        Event::Owed { origin, buyer, replaces, parties, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            let counted = lines.iter().map(OwedLine::as_line);
            resolve_lines(state, (buyer, parties.as_ref()), counted, resolved);
            if replaces.0 != 0 {
                resolved.hold = find(&OperationKey { operation: *replaces, ..origin.key() });
            }
        }
        Event::SellRefused { origin, lines, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved
                .lines
                .extend(lines.iter().map(|line| (state.stock_of(origin.merchant, line.stock()), NO_ENTRIES)));
        }
        Event::Confirmed { hold, .. }
        | Event::ConfirmOwed { hold, .. }
        | Event::LateRefused { hold, .. }
        | Event::Released { hold }
        | Event::Cancelled { hold } => {
            resolved.hold = find(hold);
        }
        Event::Extended { origin, hold, .. }
        | Event::Returned { origin, hold, .. }
        | Event::Revealed { origin, hold }
        | Event::KeyReplaced { origin, hold, .. }
        | Event::ReplaceOwed { origin, hold, .. }
        | Event::KeyReclaimed { origin, hold, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved.hold = find(&OperationKey { operation: *hold, ..origin.key() });
        }
        Event::Expired { holds } => resolved.holds.extend(holds.iter().filter_map(|hold| find(&hold.key()))),
        Event::Settled { holds, keys } | Event::Unfulfilled { holds, keys } => {
            for (hold, key) in event::debts(holds, keys) {
                resolved.debts.extend(find(&hold).map(|hold| Debt { hold, key: key.unwrap_or(NONE) }));
            }
        }
        Event::StockCreated { origin, .. }
        | Event::RiskRuleSet { origin, .. }
        | Event::BlockSet { origin, .. }
        | Event::ZoneSet { origin, .. }
        | Event::Tombstone { origin }
        | Event::KeysExported { origin, .. } => resolved.hash = new_record(state, &origin.key()),
        Event::GuaranteeLapsed { stock, .. } | Event::BatchExpired { stock, .. } => {
            resolved.lines.push((state.find_stock(*stock), NO_ENTRIES));
        }
        Event::StockMoved { origin, stock, .. }
        | Event::StockEdited { origin, stock, .. }
        | Event::StockQuotaSet { origin, stock, .. }
        | Event::StockLimitsSet { origin, stock, .. }
        | Event::StockPriced { origin, stock, .. }
        | Event::BatchCreated { origin, stock, .. }
        | Event::BatchChanged { origin, stock, .. }
        | Event::KeysImported { origin, stock, .. } => {
            resolved.hash = new_record(state, &origin.key());
            resolved.lines.push((state.find_stock(*stock), NO_ENTRIES));
        }
        Event::Tick { .. } | Event::FloorRaised { .. } | Event::Configured { .. } => {}
    }
}

/// The stocks of a buyer's lines, and his purchase limit entries there.
fn resolve_lines(
    state: &State,
    (buyer, parties): (&Buyer, Option<&Parties>),
    lines: impl Iterator<Item = EventLine>,
    resolved: &mut Resolved,
) {
    let subjects = take::subjects(buyer.user, parties);
    for line in lines {
        let stock = state.find_stock(line.stock());
        let entry = |kind: SubjectKind| {
            let counted = stock.filter(|_| line.counts(kind));
            let subject = subjects[kind.position()];
            counted.and_then(|stock| state.find_limit(kind, subject, stock)).map_or(NONE, |found| found.0)
        };
        resolved.lines.push((stock, SubjectKind::ALL.map(entry)));
    }
}

/// The hash of a key under which nothing is recorded yet: one effect per operation id, checked again in history.
fn new_record(state: &State, key: &OperationKey) -> u32 {
    let hash = state.record_hash(key);
    let found = state.find_record(key, hash, state.now_ms);
    assert!(found.is_none(), "the log has two effects of operation {}", key.operation);
    hash
}

/// Records an operation that is not a hold's own.
pub(crate) fn record(
    state: &mut State,
    origin: &Origin,
    kind: OperationKind,
    value: u64,
    resolved: &Resolved,
) {
    let record = OperationRecord {
        operation: origin.operation.0,
        content: origin.content,
        value,
        merchant: origin.merchant.0,
        slice_next: NONE,
        slice: u32::try_from(crate::state::slices::slice_of(origin.created_ms)).unwrap_or(u32::MAX),
        slot: origin.slot.0,
        kind: kind as u8,
        spare: 0,
    };
    state.insert_operation(record, origin.created_ms, resolved.hash);
    state.reclaim(VISITS_PER_INSERTION);
}
