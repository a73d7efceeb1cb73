//! The commands: each module decides its command against the state, and applies the event it becomes.
//!
//! `decide` gets `&State` and answers a [`Verdict`]; it refuses in the order docs/semantics.md gives. `apply` is the only
//! writer, can't fail, and asserts what `decide` refused. The living hand over the handles that `decide` resolved
//! ([`Resolved`]); history resolves them from the event.

pub mod accounts;
mod budget;
pub mod campaigns;
pub mod cancel;
pub mod cards;
pub mod checks;
pub mod confirm;
pub mod endings;
pub mod expire;
pub mod gifts;
pub mod given_codes;
pub mod groups;
pub mod hold;
mod hold_cards;
mod hours;
pub mod issue;
pub mod key_list;
pub mod key_reclaim;
pub mod key_replace;
pub mod keys;
pub mod limits;
pub mod merge;
pub mod notices;
pub mod order_show;
pub mod orders;
pub mod owed;
pub mod persons;
mod plan;
pub mod prices;
pub mod query;
pub mod quote;
mod quote_hold;
pub mod recycle;
pub mod redeem;
pub mod refused;
pub mod reply;
mod resolve;
mod return_cart;
pub mod return_units;
pub mod reverse;
pub mod risk;
pub mod settle;
pub mod sharing;
mod sold_cards;
pub mod stock;
pub mod take;
pub mod taken;
pub mod worth;
pub mod zone;

pub use expire::post_holds;
pub use plan::{Plan, Replies, Resolved};
pub use resolve::resolve;

use crate::answer::{OperationKind, QuoteView};
use crate::command::{Command, Request};
use crate::event::{CampaignEvent, CodeEvent, Event, Origin, RiskEvent};
use crate::ids::{CardId, OperationKey, UserId};
use crate::rejection::Rejection;
use crate::state::State;
use crate::state::given_codes::Named;
use crate::state::reclaim::{VISITS_PER_FLOOR, VISITS_PER_INSERTION};
use crate::state::records::OperationRecord;
use crate::state::risk::{Owner, VISITS_PER_TICK};
use crate::state::table::{Handle, NONE};

/// What becomes of a command.
#[allow(clippy::large_enum_variant, reason = "a verdict lives for one command, and most of them are events")]
pub enum Verdict<'p> {
    /// It happens; the reply is read from the state afterwards.
    Do(Event<'p>, &'p Resolved, Reply),
    /// Nothing happens; the reply is read from the state.
    Answer(Reply),
    /// Nothing happens; this is the reply, worked out from the state.
    Quote(QuoteView<'p>),
    /// Nothing happens.
    Refuse(Rejection<'p>),
}

/// Which answer a command gets. What it says is read from the records, for a first answer as for a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// RESERVE.
    Reserved(Handle),
    /// QUOTE_RESERVE.
    QuoteReserved(Handle),
    /// RETURN of a hold that was made from a quote, by its operation record.
    Pieces(Handle),
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
    /// IDENTITY_SHOW.
    Identity(Owner, UserId),
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
    /// ISSUE and CLAIM, by their operation record.
    Issued(Handle),
    /// REDEEM.
    Redeemed(Handle),
    /// OPERATION_SHOW of a REDEEM.
    Redemption(Handle),
    /// CAMPAIGN_SHOW.
    Campaign(Handle, u64),
    /// CARD_SHOW, at this shard time.
    Card(CardId, u64),
    /// CODE_SHOW.
    GivenCode(Named),
    /// WALLET_SHOW.
    Wallet(cards::Page),
    /// GROUP_SHOW.
    Group(Handle),
    /// ACTIVITY_SHOW: the activity at a place, and one of its referrers.
    Activity(u32, UserId),
    /// NOTICES_READ.
    Notices(notices::Page),
    /// OPERATION_SHOW of a hold.
    Hold(Handle),
    /// OPERATION_SHOW of another operation.
    Operation(OperationKind, u64),
}

impl Reply {
    /// The same reply about the record that `apply` has made.
    pub fn about(self, made: Option<Handle>) -> Reply {
        match (self, made) {
            (Reply::Issued(_), Some(operation)) => Reply::Issued(operation),
            (Reply::Redeemed(_), Some(redemption)) => Reply::Redeemed(redemption),
            (Reply::Reserved(_), Some(hold)) => Reply::Reserved(hold),
            (Reply::QuoteReserved(_), Some(hold)) => Reply::QuoteReserved(hold),
            (Reply::Pieces(_), Some(operation)) => Reply::Pieces(operation),
            (Reply::Confirmed(_), Some(hold)) => Reply::Confirmed(hold),
            (Reply::Refused(_), Some(hold)) => Reply::Refused(hold),
            _ => self,
        }
    }
}

/// Stands in a [`Reply`] for the record that the event is about to make.
pub const TO_BE_MADE: Handle = Handle(NONE);

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
        Command::QuoteReserve(quote) => quote_hold::decide(state, question, quote, plan),
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
        Command::Link { user, to, reason } => {
            persons::decide_link(state, question, (*user, *to, *reason), plan)
        }
        Command::Unlink { user, reason } => persons::decide_unlink(state, question, (*user, *reason), plan),
        Command::Label { user, label } => persons::decide_label(state, question, (*user, label), plan),
        Command::Erase { user, reason } => persons::decide_erase(state, question, (*user, *reason), plan),
        Command::IdentityShow { user } => Verdict::Answer(Reply::Identity(risk::owner(question), *user)),
        Command::StockTermsShow { stock } => query::decide_stock(state, question, *stock, Reply::Terms),
        Command::OwedShow { stock, from } => owed::decide_show(state, question, *stock, *from),
        Command::OrderShow { order, after, limit } => {
            order_show::decide(state, question, (*order, *after, *limit))
        }
        Command::StockShow { stock } => query::decide_stock(state, question, *stock, Reply::Stock),
        Command::StockChannels { stock } => query::decide_stock(state, question, *stock, Reply::Channels),
        Command::OperationShow => query::decide_operation(state, question),
        Command::Issue(issue) => issue::decide(state, question, issue, plan),
        Command::Redeem(redeem) => redeem::decide(state, question, redeem, plan),
        Command::Reverse { .. }
        | Command::CardChange { .. }
        | Command::Account { .. }
        | Command::Gift { .. }
        | Command::Group(_)
        | Command::Activity(_)
        | Command::CampaignCreate(_)
        | Command::CampaignEdit { .. }
        | Command::CampaignState { .. }
        | Command::CampaignVoid { .. }
        | Command::CardBatchEnd { .. }
        | Command::Recycle { .. }
        | Command::Merge(_)
        | Command::CampaignShow { .. }
        | Command::CardShow { .. }
        | Command::CodeImport { .. }
        | Command::CodeSet { .. }
        | Command::CodeShow { .. }
        | Command::WalletShow { .. }
        | Command::NoticesRead { .. }
        | Command::Quote(_) => decide_cards(state, question, plan),
        command => stock::decide(state, question, command, plan),
    }
}

/// Decides what is asked of campaigns and cards, but for their issue and use.
fn decide_cards<'p>(state: &State, question: Question<'_>, plan: &'p mut Plan) -> Verdict<'p> {
    match &question.request.command {
        Command::Reverse { redemption, units } => {
            reverse::decide(state, question, (*redemption, *units), plan)
        }
        Command::CardChange { card, generation, change } => {
            cards::decide_change(state, question, (*card, *generation, *change), plan)
        }
        Command::Account { card, generation, wish } => {
            accounts::decide(state, question, (*card, *generation, *wish), plan)
        }
        Command::Gift { card, generation, wish } => {
            gifts::decide(state, question, (*card, *generation, *wish), plan)
        }
        Command::Group(wish) => groups::decide(state, question, wish, plan),
        Command::Activity(wish) => sharing::decide(state, question, wish, plan),
        Command::CampaignCreate(create) => campaigns::decide_create(state, question, create, plan),
        Command::CampaignEdit { campaign, version, terms } => {
            campaigns::decide_edit(state, question, (*campaign, *version, terms), plan)
        }
        Command::CampaignState { campaign, version, state: to } => {
            campaigns::decide_state(state, question, (*campaign, *version, *to), plan)
        }
        Command::CodeImport { campaign, codes } => {
            given_codes::decide_import(state, question, (*campaign, codes), plan)
        }
        Command::CodeSet { code, campaign } => {
            given_codes::decide_set(state, question, (*code, *campaign), plan)
        }
        Command::CodeShow { code } => given_codes::decide_show(state, question, *code),
        Command::CampaignVoid { campaign, version, reason } => {
            endings::decide_campaign(state, question, (*campaign, *version, *reason), plan)
        }
        Command::CardBatchEnd { card, generation, end } => {
            endings::decide_batch(state, question, (*card, *generation, *end), plan)
        }
        Command::Recycle { card, generation, into } => {
            recycle::decide(state, question, (*card, *generation, *into), plan)
        }
        Command::Merge(merge) => merge::decide(state, question, merge, plan),
        Command::CampaignShow { campaign } => campaigns::decide_show(state, question, *campaign),
        Command::CardShow { card, generation } => cards::decide_show(state, question, (*card, *generation)),
        Command::NoticesRead { after, limit } => notices::decide(question, (*after, *limit)),
        Command::WalletShow { owner, campaign, after, usable, limit } => {
            cards::decide_wallet(state, question, (*owner, *campaign, *usable), (*after, *limit))
        }
        Command::Quote(quote) => quote::decide(state, question, quote, plan),
        other => unreachable!("{other:?} is decided before"),
    }
}

/// Applies an event. Answers the handle of the hold it is about, or of the record of an issue or redemption; else nothing.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Option<Handle> {
    state.sequence += 1;
    match event {
        Event::Taken { .. } => Some(taken::apply(state, event, resolved)),
        Event::Confirmed { late, hidden, lines, sales, .. } => {
            Some(confirm::apply(state, (*late, *hidden), (lines, sales), resolved))
        }
        Event::Risk(RiskEvent::RuleSet { .. }) | Event::Risk(RiskEvent::BlockSet { .. }) => {
            risk::apply(state, event, resolved);
            None
        }
        Event::ZoneSet { .. } => {
            zone::apply(state, event, resolved);
            None
        }
        Event::Person(_) => {
            persons::apply(state, event, resolved);
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
            state.reclaim_gifts(VISITS_PER_FLOOR);
            state.reclaim_groups(VISITS_PER_FLOOR);
            None
        }
        Event::Notice(event) => {
            notices::apply(state, event);
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
        Event::Returned { origin, to_available, lines, cart, ended, .. } => {
            Some(return_units::apply(state, origin, (*to_available, cart), (lines, ended), resolved))
        }
        Event::Issued { .. } => Some(issue::apply(state, event, resolved)),
        Event::Redeemed { .. } => Some(redeem::apply(state, event, resolved)),
        Event::OfflineConflict { .. }
        | Event::Reversed { .. }
        | Event::CardChanged { .. }
        | Event::Account { .. }
        | Event::Gift { .. }
        | Event::Codes(CodeEvent::Imported { .. })
        | Event::Codes(CodeEvent::Set { .. })
        | Event::Group(_)
        | Event::Share(_)
        | Event::Campaign(CampaignEvent::Created { .. })
        | Event::Campaign(CampaignEvent::Edited { .. })
        | Event::Campaign(CampaignEvent::Moved { .. })
        | Event::Campaign(CampaignEvent::Voided { .. })
        | Event::CardBatchEnded { .. }
        | Event::Recycled { .. }
        | Event::Merged { .. } => {
            apply_cards(state, event, resolved);
            None
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

/// Applies what happened to campaigns and cards, but for their issue and use.
fn apply_cards(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match event {
        Event::OfflineConflict { .. } => redeem::apply_conflict(state, event, resolved),
        Event::Reversed { .. } => reverse::apply(state, event, resolved),
        Event::CardChanged { .. } => cards::apply(state, event, resolved),
        Event::Account { .. } => accounts::apply(state, event, resolved),
        Event::Gift { .. } => gifts::apply(state, event, resolved),
        Event::Codes(CodeEvent::Imported { .. }) | Event::Codes(CodeEvent::Set { .. }) => {
            given_codes::apply(state, event, resolved)
        }
        Event::Group(event) => groups::apply(state, event, resolved),
        Event::Share(event) => sharing::apply(state, event, resolved),
        Event::Recycled { .. } => recycle::apply(state, event, resolved),
        Event::Merged { .. } => merge::apply(state, event, resolved),
        Event::Campaign(CampaignEvent::Voided { .. }) | Event::CardBatchEnded { .. } => {
            endings::apply(state, event, resolved)
        }
        event => campaigns::apply(state, event, resolved),
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

/// Records an operation that is not a hold's or a redemption's own.
pub(crate) fn record(
    state: &mut State,
    origin: &Origin,
    kind: OperationKind,
    value: u64,
    resolved: &Resolved,
) -> Handle {
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
    let handle = state.insert_operation(record, origin.created_ms, resolved.hash);
    state.reclaim(VISITS_PER_INSERTION);
    handle
}
