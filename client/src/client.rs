//! The client: typed calls, shared by any number of callers.

use crate::answer::{
    ChannelsShown, Confirmed, DebtsShown, Extended, OperationShown, Owed, OwnedOutcome, Released, Reserved,
    Returned, Sold, StockChanged, StockShown,
};
use crate::connection::{Job, Pending, Reply};
use crate::error::{Cause, Error};
use crate::lane::{self, Common, Lane};
use crate::operation::{Hold, Operation};
use crate::options::{Backoff, ClientOptions};
use crate::request::{
    Confirm, Extend, Reserve, ReturnUnits, Sell, StockCreate, StockEdit, StockFreeze, StockQuota, StockUnits,
    StockVoid, counts, slot_of,
};
use crate::session::SessionError;
use crate::transport::{Connector, Tcp};
use scrip_engine::answer::Cancelled;
use scrip_engine::command::{Command, Envelope, Request, Segments};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;
use scrip_protocol::error::ProtocolError;
use scrip_protocol::extras::{CodeText, Extras};
use scrip_protocol::handshake::Welcome;
use scrip_protocol::references::{home_slot, reference_hash, reference_id, stock_id};
use scrip_protocol::write::EncodedCommand;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// A client of one server. Cheap to clone; all clones share its connections. When the last one is dropped, the connections
/// close by themselves.
///
/// Dropping the future of a call gives up waiting, nothing else: the command may be executed.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    call: Call,
}

struct Shared {
    common: Arc<Common>,
    lanes: Vec<LaneHandle>,
    turn: AtomicUsize,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

struct LaneHandle {
    jobs: mpsc::Sender<Job>,
    up: Arc<AtomicBool>,
}

/// What the calls of one handle have in common.
#[derive(Debug, Clone)]
struct Call {
    merchant: MerchantId,
    channel: ChannelId,
    deadline: Duration,
    trace: Vec<u8>,
    label: String,
    facts: Vec<u8>,
    segments: Segments,
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects by TCP to `host:port` and waits for the server's WELCOME on the first connection.
    pub async fn connect(address: impl Into<String>, options: ClientOptions) -> Result<Client, Error> {
        Client::connect_with(Tcp::new(address), options).await
    }

    /// Connects by any transport.
    pub async fn connect_with(connector: impl Connector, options: ClientOptions) -> Result<Client, Error> {
        let (common, first) = lane::first(Box::new(connector), options).await?;
        let (closing, closed) = watch::channel(false);
        let merchant = common.welcome.lock().expect("nothing panics while it is held").merchant;
        let (mut lanes, mut tasks, mut first) = (Vec::new(), Vec::new(), Some(first));
        for _ in 0..common.options.connections.max(1) {
            let (sender, jobs) = mpsc::channel(common.options.outstanding_max.max(1) as usize);
            let up = Arc::new(AtomicBool::new(false));
            lanes.push(LaneHandle { jobs: sender, up: up.clone() });
            let lane = Lane { common: common.clone(), jobs, closing: closed.clone(), up };
            tasks.push(tokio::spawn(lane.run(first.take())));
        }
        let call = Call {
            merchant,
            channel: ChannelId(0),
            deadline: common.options.deadline,
            trace: Vec::new(),
            label: String::new(),
            facts: Vec::new(),
            segments: Segments::NONE,
        };
        let (turn, tasks) = (AtomicUsize::new(0), Mutex::new(tasks));
        Ok(Client { shared: Arc::new(Shared { common, lanes, turn, closing, tasks }), call })
    }

    /// Closes the connections once outstanding answers have come, after `drain_timeout` at the latest. Calls that were not
    /// sent yet, and later ones, answer [`Error::Closed`].
    pub async fn close(&self) {
        self.shared.closing.send_replace(true);
        let tasks = core::mem::take(&mut *self.shared.tasks.lock().expect("nothing panics while it is held"));
        for task in tasks {
            // A lane that panicked has closed, too.
            let _ = task.await;
        }
    }

    /// The same client, speaking for this channel.
    pub fn on_channel(&self, channel: ChannelId) -> Client {
        Client { call: Call { channel, ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, acting for this merchant, if the token may.
    pub fn for_merchant(&self, merchant: MerchantId) -> Client {
        Client { call: Call { merchant, ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, with this much time for each call. The server is told, and does not execute a command later.
    pub fn within(&self, deadline: Duration) -> Client {
        Client { call: Call { deadline, ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, sending this trace context (at most 64 bytes) along.
    pub fn traced(&self, trace: impl Into<Vec<u8>>) -> Client {
        Client { call: Call { trace: trace.into(), ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, sending this label (at most 64 bytes) along: the reference an id was made from.
    pub fn labelled(&self, label: impl Into<String>) -> Client {
        Client { call: Call { label: label.into(), ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, telling that the user of its commands is in these segments.
    pub fn in_segments(&self, segments: Segments) -> Client {
        Client { call: Call { segments, ..self.call.clone() }, ..self.clone() }
    }

    /// The same client, sending these facts (at most 1,024 bytes) along for reports.
    pub fn with_facts(&self, facts: impl Into<Vec<u8>>) -> Client {
        Client { call: Call { facts: facts.into(), ..self.call.clone() }, ..self.clone() }
    }

    /// What the server said last when a connection was opened.
    pub fn welcome(&self) -> Welcome {
        self.shared.common.welcome.lock().expect("nothing panics while it is held").clone()
    }

    /// The server's time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.shared.common.clock.now_ms()
    }

    /// A new operation: a UUIDv7 stamped with the server's time. Keep it before the first attempt.
    pub fn operation(&self) -> Operation {
        Operation::new(self.now_ms(), self.shared.common.random.bytes())
    }

    /// The home slot of the merchant that calls act for.
    pub fn home_slot(&self) -> Slot {
        home_slot(self.call.merchant)
    }

    /// The stock that this text names in the merchant's home slot.
    pub fn stock_id(&self, text: &str) -> Result<StockId, Error> {
        Ok(stock_id(self.home_slot(), text)?)
    }

    /// The buyer that this text names, under the alias key of the token's merchant.
    pub fn user_id(&self, text: &str) -> Result<UserId, Error> {
        Ok(UserId(reference_id(&self.welcome().alias_key, text)?))
    }

    /// The order that this text names, under the alias key of the token's merchant.
    pub fn order_id(&self, text: &str) -> Result<OrderId, Error> {
        Ok(OrderId(reference_id(&self.welcome().alias_key, text)?))
    }

    /// The natural person that this text names, under the alias key of the token's merchant.
    pub fn limit_key(&self, text: &str) -> Result<u128, Error> {
        Ok(reference_id(&self.welcome().alias_key, text)?)
    }

    /// The device or address that this text names, under the alias key of the token's merchant.
    pub fn keyed_hash(&self, text: &str) -> Result<u64, Error> {
        Ok(reference_hash(&self.welcome().alias_key, text)?)
    }

    /// The operation id that this text names, under the alias key of the token's merchant. Unless the text
    /// [says its time](crate::says_its_time), whoever makes an [`Operation`] of it has to keep its `created_ms`.
    pub fn operation_id(&self, text: &str) -> Result<OperationId, Error> {
        Ok(OperationId(reference_id(&self.welcome().alias_key, text)?))
    }

    /// Makes a stock. The answer's value is its total.
    pub async fn stock_create(&self, request: StockCreate) -> Result<StockChanged, Error> {
        self.change(request.operation, request.stock, request.command()).await
    }

    /// Adds units to a stock. The answer's value is its total.
    pub async fn stock_supply(&self, request: StockUnits) -> Result<StockChanged, Error> {
        let StockUnits { operation, stock, units } = request;
        self.change(operation, stock, Command::StockSupply { stock, units }).await
    }

    /// Voids units of a stock. The answer's value is how many at once; the rest is marked and follows as holds end.
    pub async fn stock_void(&self, request: StockVoid) -> Result<StockChanged, Error> {
        let StockVoid { operation, stock, units, from_frozen, forced } = request;
        self.change(operation, stock, Command::StockVoid { stock, units, from_frozen, forced }).await
    }

    /// Freezes units of a stock. The answer's value is how many at once; the rest is marked and follows as holds end.
    pub async fn stock_freeze(&self, request: StockFreeze) -> Result<StockChanged, Error> {
        let StockFreeze { operation, stock, units, forced } = request;
        self.change(operation, stock, Command::StockFreeze { stock, units, forced }).await
    }

    /// Makes frozen units of a stock available. The answer's value is how many at once; the rest is unmarked.
    pub async fn stock_unfreeze(&self, request: StockUnits) -> Result<StockChanged, Error> {
        let StockUnits { operation, stock, units } = request;
        self.change(operation, stock, Command::StockUnfreeze { stock, units }).await
    }

    /// Replaces the sale rules of a stock. The answer's value is its version.
    pub async fn stock_edit(&self, request: StockEdit) -> Result<StockChanged, Error> {
        let StockEdit { operation, stock, version, terms } = request;
        self.change(operation, stock, Command::StockEdit { stock, version, terms }).await
    }

    /// Sets quotas of a stock's channels. The answer's value is the stock's version.
    pub async fn stock_quota(&self, request: StockQuota) -> Result<StockChanged, Error> {
        let StockQuota { operation, stock, version, quotas } = request;
        self.change(operation, stock, Command::StockQuota { stock, version, quotas: &quotas }).await
    }

    /// Shows what the channels of a stock have used and may use.
    pub async fn stock_channels(&self, stock: StockId) -> Result<ChannelsShown, Error> {
        match self.call(Operation::given(0, 0), stock.slot(), Command::StockChannels { stock }).await? {
            OwnedOutcome::Channels(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows a stock.
    pub async fn stock_show(&self, stock: StockId) -> Result<StockShown, Error> {
        match self.call(Operation::given(0, 0), stock.slot(), Command::StockShow { stock }).await? {
            OwnedOutcome::Stock(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Takes units out of available for an order, until confirmed, released or expired.
    pub async fn reserve(&self, request: Reserve) -> Result<Reserved, Error> {
        let slot = slot_of(&request.lines);
        match self.call(request.operation, slot, request.command()).await? {
            OwnedOutcome::Reserved { deadline_ms, units } => {
                Ok(Reserved { hold: request.operation.hold(slot), deadline_ms, units })
            }
            _ => Err(wrong_answer()),
        }
    }

    /// Moves a hold's deadline; never earlier than it is.
    pub async fn extend(&self, request: Extend) -> Result<Extended, Error> {
        let Extend { operation, hold, ttl_ms } = request;
        match self.call(operation, hold.slot, Command::Extend { hold: hold.operation.id, ttl_ms }).await? {
            OwnedOutcome::Extended { deadline_ms } => Ok(Extended { deadline_ms }),
            _ => Err(wrong_answer()),
        }
    }

    /// Sells a hold's units. They are owed if keys of theirs were frozen or voided meanwhile and too few are left: then
    /// repeat it now and then, it answers what has become of it.
    pub async fn confirm(&self, request: Confirm) -> Result<Sold, Error> {
        let Confirm { hold, units, hidden } = request;
        let command = Command::Confirm { units: &counts(&units), hidden };
        sold(hold, self.call(hold.operation, hold.slot, command).await?)
    }

    /// Gives a hold's units back.
    pub async fn release(&self, hold: Hold) -> Result<Released, Error> {
        match self.call(hold.operation, hold.slot, Command::Release).await? {
            OwnedOutcome::Released { lapsed } => Ok(Released { lapsed }),
            _ => Err(wrong_answer()),
        }
    }

    /// Undoes a reserve or sell whose answer nobody waits for any more, or keeps it from being executed when it comes late.
    pub async fn cancel(&self, original: Hold) -> Result<Cancelled, Error> {
        match self.call(original.operation, original.slot, Command::Cancel).await? {
            OwnedOutcome::Cancelled(what) => Ok(what),
            _ => Err(wrong_answer()),
        }
    }

    /// Reserves and confirms in one step. A sale that may wait is owed its units if there are too few: then repeat it
    /// now and then, it answers what has become of it.
    pub async fn sell(&self, request: Sell) -> Result<Sold, Error> {
        let slot = slot_of(&request.lines);
        let hold = request.operation.hold(slot);
        sold(hold, self.call(request.operation, slot, request.command()).await?)
    }

    /// Shows the debts of a stock from a position on, a page of them, the oldest first.
    pub async fn owed_show(&self, stock: StockId, from: u32) -> Result<DebtsShown, Error> {
        match self.call(Operation::given(0, 0), stock.slot(), Command::OwedShow { stock, from }).await? {
            OwnedOutcome::Debts(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives units of a confirmed hold back. Of one that a quote made the units are pieces of the lines of the cart: what stored value
    /// paid of them goes back to its cards, and other cards come back with the last of their lines.
    pub async fn return_units(&self, request: ReturnUnits) -> Result<Returned, Error> {
        let ReturnUnits { operation, hold, to_available, units } = request;
        let command = Command::Return { hold: hold.operation.id, to_available, units: &counts(&units) };
        match self.call(operation, hold.slot, command).await? {
            OwnedOutcome::Returned { units } => Ok(Returned { units, of_quote: None }),
            OwnedOutcome::PiecesReturned(pieces) => {
                Ok(Returned { units: pieces.pieces, of_quote: Some(pieces) })
            }
            _ => Err(wrong_answer()),
        }
    }

    /// Shows what is recorded under an operation id in a slot: what to ask after [`Error::Unknown`].
    pub async fn operation_show(&self, operation: Operation, slot: Slot) -> Result<OperationShown, Error> {
        match self.call(operation, slot, Command::OperationShow).await? {
            OwnedOutcome::Hold(shown) => Ok(OperationShown::Hold(*shown)),
            OwnedOutcome::Redemption(view) => Ok(OperationShown::Redemption(view)),
            OwnedOutcome::Operation(view) => Ok(OperationShown::Operation(view)),
            _ => Err(wrong_answer()),
        }
    }

    pub(crate) async fn change(
        &self,
        operation: Operation,
        stock: StockId,
        command: Command<'_>,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, stock.slot(), command).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Sends a command until it is answered, refused or out of time.
    pub(crate) async fn call(
        &self,
        operation: Operation,
        slot: Slot,
        command: Command<'_>,
    ) -> Result<OwnedOutcome, Error> {
        self.call_by_code(operation, slot, command, CodeText::NONE).await
    }

    /// Sends a command whose card a code names, if there is one.
    pub(crate) async fn call_by_code(
        &self,
        operation: Operation,
        slot: Slot,
        command: Command<'_>,
        code: CodeText<'_>,
    ) -> Result<OwnedOutcome, Error> {
        let mutates = command.mutates();
        let pending = Pending::new(self.encode(operation, slot, command, code)?);
        let attempts = Attempts {
            shared: &self.shared,
            pending,
            operation: operation.id,
            mutates,
            until: Instant::now() + self.call.deadline,
        };
        attempts.run().await
    }

    fn encode(
        &self,
        operation: Operation,
        slot: Slot,
        command: Command<'_>,
        code: CodeText<'_>,
    ) -> Result<EncodedCommand, Error> {
        let budget_ms = u64::try_from(self.call.deadline.as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = if command.mutates() { self.now_ms().saturating_add(budget_ms) } else { 0 };
        let envelope = Envelope {
            merchant: self.call.merchant,
            slot,
            channel: self.call.channel,
            operation: operation.id,
            created_ms: operation.created_ms,
            deadline_ms,
            segments: self.call.segments,
        };
        let Call { trace, label, facts, .. } = &self.call;
        let extras = Extras { trace, label, facts, code };
        Ok(EncodedCommand::new(&Request { envelope, command }, &extras)?)
    }
}

fn sold(hold: Hold, outcome: OwnedOutcome) -> Result<Sold, Error> {
    match outcome {
        OwnedOutcome::Owed { position, until_ms } => Ok(Sold::Owed(Owed { hold, position, until_ms })),
        OwnedOutcome::Confirmed { confirmed_ms, late, units, keys, cards } => {
            Ok(Sold::Confirmed(Confirmed { hold, confirmed_ms, late, units, keys, cards }))
        }
        _ => Err(wrong_answer()),
    }
}

pub(crate) fn wrong_answer() -> Error {
    let error = ProtocolError::Payload("the answer is of another kind than its command asks for");
    Error::Protocol(SessionError::Protocol(error))
}

impl Shared {
    /// The next lane in turn that has a connection; if none has, the next in turn.
    fn lane(&self) -> &LaneHandle {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = |offset: usize| &self.lanes[turn.wrapping_add(offset) % self.lanes.len()];
        let up = (0..self.lanes.len()).map(in_turn).find(|lane| lane.up.load(Ordering::Relaxed));
        up.unwrap_or_else(|| in_turn(0))
    }

    /// One attempt.
    async fn exchange(&self, pending: Arc<Pending>) -> Reply {
        let (reply, receiver) = oneshot::channel();
        if self.lane().jobs.send(Job { pending, reply }).await.is_err() {
            return Reply::Lost(Cause::Closed);
        }
        receiver.await.unwrap_or(Reply::Lost(Cause::Ended))
    }

    fn trouble(&self) -> Option<Cause> {
        self.common.trouble.lock().expect("nothing panics while it is held").clone()
    }
}

/// The attempts to get one command answered.
struct Attempts<'a> {
    shared: &'a Shared,
    pending: Arc<Pending>,
    operation: OperationId,
    mutates: bool,
    until: Instant,
}

impl Attempts<'_> {
    async fn run(&self) -> Result<OwnedOutcome, Error> {
        let retry = self.shared.common.options.retry;
        let mut backoff = Backoff::new(retry);
        // An attempt that was lost may have been executed, whatever later attempts are told at the door.
        let mut lost = false;
        loop {
            let reply = timeout_at(self.until, self.shared.exchange(self.pending.clone())).await;
            let rejection = match reply {
                Err(_) => return Err(self.gave_up(Cause::Deadline)),
                Ok(Reply::Lost(cause)) if !retry.lost || !cause.reconnect() => {
                    return Err(self.gave_up(cause));
                }
                Ok(Reply::Lost(_)) => {
                    lost = self.pending.sent();
                    continue;
                }
                Ok(Reply::Answered(OwnedOutcome::Refused(rejection))) => rejection,
                Ok(Reply::Answered(outcome)) => return Ok(outcome),
            };
            if !at_the_door(rejection.code) {
                return Err(Error::Rejected(rejection));
            }
            let wait = backoff.next(&self.shared.common.random);
            let again = retry.busy && passes(rejection.code) && Instant::now() + wait < self.until;
            if !again {
                let unknown = lost && self.mutates;
                return Err(if unknown { self.gave_up(Cause::Deadline) } else { Error::Rejected(rejection) });
            }
            if !lost {
                self.pending.not_executed();
            }
            sleep(wait).await;
        }
    }

    /// The error of a call that has no answer.
    fn gave_up(&self, cause: Cause) -> Error {
        if self.mutates && self.pending.sent() {
            return Error::Unknown { operation: self.operation, why: cause };
        }
        match cause {
            Cause::Deadline => self.shared.trouble().unwrap_or(Cause::Deadline).into(),
            cause => cause.into(),
        }
    }
}

/// Whether a rejection is given before the engine looks for a record of the operation.
fn at_the_door(code: Code) -> bool {
    passes(code) || matches!(code, Code::Unauthorized | Code::Forbidden)
}

/// Whether a rejection passes with time, for any command.
fn passes(code: Code) -> bool {
    matches!(code, Code::Busy | Code::Throttled)
}
