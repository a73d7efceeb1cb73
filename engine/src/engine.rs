//! The engine: decide, then apply.
//!
//! The living enter by [`Engine::advance`] and [`Engine::execute`]; history enters by [`Engine::apply`]. Both end in the
//! same `apply`, which is the only writer of the state, so replaying the log gives the live state bit for bit.

use crate::answer::{Answer, Outcome};
use crate::command::{Command, Request};
use crate::commands::settle::Pass;
use crate::commands::{self, Plan, Question, Replies, Resolved, Verdict};
use crate::event::{Event, EventHold, EventSink, GroupEvent, NoticeEvent, NoticeRow};
use crate::ids::Slot;
use crate::limits::{
    ADVANCE_EVENT_BYTES_MAX, CARDS_PER_PAGE, Capacity, DEBTS_PER_EVENT_MAX, EXPIRED_PER_EVENT_MAX,
    NOTICE_ROWS_PER_PAGE_MAX, NOTICES_PER_EVENT_MAX, REWARDS_BYTES_MAX, REWARDS_PER_EVENT_MAX, Rules,
    SLICE_MS,
};
use crate::rejection::Rejection;
use crate::sharing::{Reward, RewardGiven};
use crate::state::cards::pages_max;
use crate::state::counts::NO_ENTRIES;
use crate::state::notices::NoticeStep;
use crate::state::prefetch::Ahead;
use crate::state::recount::RecountError;
use crate::state::table::Handle;
use crate::state::{Appointment, Due, State};

use scrip_planted::{Bug, on};
use zerocopy::little_endian::U128;

/// Expiry events of one [`Engine::advance`]: about a millisecond of work.
const EXPIRY_EVENTS_PER_STEP: usize = 16;
/// Deadlines that one [`Engine::advance`] sorts into finer lists of the wheel.
const TIMER_MOVES_PER_STEP: u32 = 8_192;
/// Events of rewards with which one [`Engine::advance`] ends at most.
const REWARD_EVENTS_PER_STEP: usize = 4;
/// Events that one [`Engine::advance`] can make: ticks, expiries or settlements, a floor, and rewards.
pub const ADVANCE_EVENTS_MAX: usize = 2 * EXPIRY_EVENTS_PER_STEP + 3 + REWARD_EVENTS_PER_STEP + 1;
/// Bytes that they take, encoded.
pub const ADVANCE_BYTES_MAX: usize = (ADVANCE_EVENTS_MAX - REWARD_EVENTS_PER_STEP) * ADVANCE_EVENT_BYTES_MAX
    + REWARD_EVENTS_PER_STEP * REWARDS_BYTES_MAX;

/// Names of the tables that [`Engine::usage`] tells of, in its order.
pub const TABLES: [&str; 17] = [
    "stocks",
    "holds",
    "extra_lines",
    "operations",
    "user_limits",
    "risk_counts",
    "order_lines",
    "debts",
    "cards",
    "redemptions",
    "lots",
    "gifts",
    "given_codes",
    "groups",
    "linked_ids",
    "friends",
    "labels",
];

/// The state machine of one shard.
pub struct Engine {
    state: State,
    plan: Plan,
    pass: Pass,
    ahead: Ahead,
    replies: Replies,
    history: Resolved,
    /// Whom an event gives rewards.
    referrers: Vec<U128>,
    /// The time at which owed rewards were looked at last.
    rewards_seen_ms: u64,
    /// What a step of notices tells.
    told: Vec<NoticeRow>,
}

impl Engine {
    /// An empty engine with tables for `capacity`, all of their memory touched. `hash_seed` should be random: it
    /// protects the in-memory indexes against chosen ids.
    pub fn new(capacity: Capacity, rules: Rules, hash_seed: u64) -> Engine {
        Engine {
            state: State::new(capacity, rules, hash_seed),
            plan: Plan::new(),
            pass: Pass::default(),
            ahead: Ahead::new(),
            replies: Replies::default(),
            history: Resolved::default(),
            referrers: Vec::with_capacity(REWARDS_PER_EVENT_MAX),
            rewards_seen_ms: 0,
            told: Vec::with_capacity(NOTICES_PER_EVENT_MAX + NOTICE_ROWS_PER_PAGE_MAX),
        }
    }

    /// The state, to be read.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The last logged shard time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.state.now_ms
    }

    /// Operations made before this are gone.
    pub fn floor_ms(&self) -> u64 {
        self.state.floor_ms
    }

    /// The sequence of the last event; 0: none.
    pub fn sequence(&self) -> u64 {
        self.state.sequence
    }

    /// Compares every counter with the records.
    pub fn recount(&self) -> Result<(), RecountError> {
        self.state.recount()
    }

    /// A digest of the whole logical state.
    pub fn digest(&self) -> u64 {
        self.state.digest()
    }

    /// Puts `rules` in force, as an event if they differ. Panics if they are out of bounds: check them first.
    pub fn configure(&mut self, rules: Rules, sink: &mut impl EventSink) {
        assert_eq!(rules.check(), Ok(()));
        if rules != self.state.rules || self.state.sequence == 0 {
            self.happen(&Event::Configured { rules }, sink);
        }
    }

    /// Moves shard time towards `now_ms`: posts what is due on the way in bounded steps, and moves the floor. Answers
    /// the time reached, at which commands may run: short of the first deadline that is not posted yet, never earlier
    /// than before, and `now_ms` if nothing is left. `None`: the holds of one millisecond are half posted, or debts are still
    /// to be settled; call again before any command runs. Makes at most [`ADVANCE_EVENTS_MAX`] events.
    pub fn advance(&mut self, now_ms: u64, sink: &mut impl EventSink) -> Option<u64> {
        if !self.state.timers.started() {
            self.start_timers();
        }
        let turned_to = if on(Bug::DeadlineOffByOne) { now_ms - 1 } else { now_ms };
        for _ in 0..EXPIRY_EVENTS_PER_STEP {
            let before_next_ms = turned_to.min(self.next_appointment_ms() - 1);
            let reached_ms = self.state.turn_timers(before_next_ms, TIMER_MOVES_PER_STEP);
            // What is left of this very millisecond comes before what it has made possible.
            if self.must_settle() && (reached_ms >= self.state.now_ms || reached_ms >= turned_to) {
                self.settle(sink);
            } else if reached_ms >= turned_to {
                return self.arrive(now_ms, sink);
            } else if reached_ms >= before_next_ms {
                self.keep_next_appointment(sink);
            } else if !self.expire_due(reached_ms + 1, sink) {
                return self.settled(reached_ms, sink);
            }
        }
        let reached_ms = self.state.turn_timers(turned_to.min(self.next_appointment_ms() - 1), 0);
        if reached_ms >= self.state.now_ms.min(turned_to) {
            // Nobody need wait for the next step only because this one ended between an expiry and what follows it.
            self.settle(sink);
        }
        if reached_ms >= turned_to && !self.must_settle() {
            return self.arrive(now_ms, sink);
        }
        self.settled(reached_ms, sink)
    }

    /// When something happens by itself next, holds that expire left aside.
    fn next_appointment_ms(&self) -> u64 {
        self.state.next_appointment_ms().min(self.state.debts.next_deadline_ms())
    }

    /// What happens next by itself happens, at its time.
    fn keep_next_appointment(&mut self, sink: &mut impl EventSink) {
        let deadline_ms = self.state.debts.next_deadline_ms();
        if deadline_ms < self.state.next_appointment_ms() {
            return self.end_debts(deadline_ms, sink);
        }
        let Appointment { at_ms, stock: handle, what } =
            *self.state.appointments.first().expect("there is one");
        self.tick(at_ms, sink);
        let stock = self.state.stock(handle).id;
        let event = match what {
            Due::Guarantee(channel) => Event::GuaranteeLapsed { stock, channel },
            Due::Batch(batch) => {
                Event::BatchExpired { stock, batch: self.state.keys.batches[batch as usize].number }
            }
            Due::Group { group, .. } => {
                Event::Group(GroupEvent::Lapsed { group: self.state.groups.get(group).key() })
            }
        };
        sink.push(&event);
        self.plan.resolved.lines.clear();
        self.plan.resolved.lines.push((Some(handle), NO_ENTRIES));
        commands::apply(&mut self.state, &event, &self.plan.resolved);
    }

    /// `reached_ms`, unless something of the next millisecond has been posted already or is still to be settled. The floor
    /// is moved there, too: however much is still to be posted, no command is older than the window.
    fn settled(&mut self, reached_ms: u64, sink: &mut impl EventSink) -> Option<u64> {
        if reached_ms < self.state.now_ms || self.must_settle() {
            return None;
        }
        self.arrive(reached_ms, sink)
    }

    /// Commands may run at this time, unless more of the rewards that are owed can be had at it than one step gives.
    fn arrive(&mut self, at_ms: u64, sink: &mut impl EventSink) -> Option<u64> {
        self.move_floor(at_ms, sink);
        if !self.state.sharing.owes() || at_ms <= self.rewards_seen_ms {
            // Time has moved here: what is owed from now on waits for the next time it does.
            self.rewards_seen_ms = self.rewards_seen_ms.max(at_ms);
            return Some(at_ms);
        }
        for _ in 0..REWARD_EVENTS_PER_STEP {
            if !commands::sharing::settle(&mut self.state, &mut self.referrers, at_ms, sink) {
                self.rewards_seen_ms = at_ms;
                return Some(at_ms);
            }
        }
        None
    }

    /// Whether debts may be settled or rewards given: no command may run before [`Engine::settle`] has found out.
    #[inline]
    pub fn must_settle(&self) -> bool {
        self.state.debts.is_unsettled() || self.state.sharing.is_unsettled()
    }

    /// Settles the oldest debts that can be, or gives rewards, at the time of what made it possible: at most one event. To be called
    /// again while [`Engine::must_settle`].
    pub fn settle(&mut self, sink: &mut impl EventSink) {
        if self.state.debts.is_unsettled() {
            self.pass.settle(&mut self.state, sink);
        } else if self.state.sharing.is_unsettled() {
            let now_ms = self.state.now_ms;
            commands::sharing::settle(&mut self.state, &mut self.referrers, now_ms, sink);
        }
    }

    /// Puts the rewards into `due` that are owed and are to be brought to slots that `away` says yes to, at most so many: of each
    /// referrer the next one, of activities from the place `from` on, which moves on. They may be brought once what is logged now is
    /// durable.
    pub fn outbox(
        &self,
        away: impl Fn(Slot) -> bool,
        (from, most): (&mut u32, usize),
        due: &mut Vec<Reward>,
    ) {
        commands::sharing::outbox(&self.state, away, (from, most), due);
    }

    /// A reward of an activity in another shard is given here, at shard time `now_ms`; or it was before, and nothing happens. The
    /// shard of the activity may be told once that is durable. Nothing may be left to be settled.
    ///
    /// # Errors
    /// What stands against it: it may be brought again.
    pub fn receive_reward(
        &mut self,
        now_ms: u64,
        reward: &Reward,
        sink: &mut impl EventSink,
    ) -> Result<RewardGiven, Rejection<'static>> {
        assert!(!self.must_settle(), "debts are settled before a reward is given");
        commands::sharing::receive(&mut self.state, now_ms, reward, sink)
    }

    /// A reward was given in another shard, durably.
    pub fn reward_delivered(&mut self, now_ms: u64, given: &RewardGiven, sink: &mut impl EventSink) {
        assert!(!self.must_settle(), "debts are settled before a reward is noted");
        commands::sharing::delivered(&mut self.state, now_ms, given, sink);
    }

    /// Debts end whose deadline is `due_ms`.
    fn end_debts(&mut self, due_ms: u64, sink: &mut impl EventSink) {
        self.state.debts.due(due_ms, DEBTS_PER_EVENT_MAX, &mut self.plan.resolved.debts);
        self.tick(due_ms, sink);
        let Plan { resolved, debts, .. } = &mut self.plan;
        commands::settle::post_debts(&mut self.state, (resolved, debts), sink, false);
    }

    /// Expires up to 256 holds whose deadline is `due_ms`; answers whether there were any.
    fn expire_due(&mut self, due_ms: u64, sink: &mut impl EventSink) -> bool {
        let mut due = core::mem::take(&mut self.plan.resolved.holds);
        self.state.timers.due(&mut due, EXPIRED_PER_EVENT_MAX);
        self.plan.resolved.holds = due;
        let any = !self.plan.resolved.holds.is_empty();
        if any {
            self.state.prefetch_due(&self.plan.resolved.holds);
            self.tick(due_ms, sink);
            self.post_holds(sink, |holds| Event::Expired { holds });
        }
        any
    }

    /// Posts an event about the holds that the plan has resolved.
    fn post_holds(&mut self, sink: &mut impl EventSink, event: impl FnOnce(&[EventHold]) -> Event<'_>) {
        let Plan { resolved, holds, .. } = &mut self.plan;
        commands::post_holds(&mut self.state, (resolved, holds), sink, event);
    }

    fn start_timers(&mut self) {
        let State { timers, holds, debts, sharing, now_ms, .. } = &mut self.state;
        // What is owed since then is looked at as soon as time moves on, as it was before.
        self.rewards_seen_ms = *now_ms;
        timers.start(*now_ms);
        debts.start();
        sharing.start();
        for (handle, hold) in holds.iter() {
            if hold.state == crate::answer::HoldState::Held as u8 {
                timers.insert(handle, hold.deadline_ms());
            }
        }
    }

    /// Raises the floor when the window has run over its length, or when memory runs short and the window allows it.
    fn move_floor(&mut self, now_ms: u64, sink: &mut impl EventSink) {
        let rules = self.state.rules;
        let floor_ms = self.state.floor_ms;
        // Not every second of a long window is worth an event: a thousandth of it, at least a slice.
        let grain_ms = (rules.operation_window_ms / 1_000).max(SLICE_MS);
        let by_age_ms = now_ms.saturating_sub(rules.operation_window_ms) / SLICE_MS * SLICE_MS;
        let mut wanted_ms = if by_age_ms >= floor_ms + grain_ms { by_age_ms } else { floor_ms };
        if self.memory_is_short() {
            let newest_ms = now_ms.saturating_sub(rules.operation_window_min_ms) / SLICE_MS * SLICE_MS;
            let oldest_ms = self.state.slices.first_occupied_ms().unwrap_or(floor_ms);
            let room_ms = (now_ms.saturating_sub(oldest_ms) / 16).max(SLICE_MS) / SLICE_MS * SLICE_MS;
            wanted_ms = wanted_ms.max((oldest_ms + room_ms).min(newest_ms));
        }
        // At the brim nothing is inserted, and so nothing freed: the same floor once more frees some.
        let stuck = !self.state.slices.nothing_to_reclaim() && self.fullest_sixteenths() >= 16;
        if wanted_ms > floor_ms || stuck {
            self.tick(now_ms, sink);
            self.happen(&Event::FloorRaised { floor_ms: wanted_ms }, sink);
        }
    }

    /// Whether one of the tables that the floor can empty is fifteen sixteenths full, and nothing waits to be freed.
    fn memory_is_short(&self) -> bool {
        self.state.slices.nothing_to_reclaim() && self.fullest_sixteenths() >= 15
    }

    /// How full the fullest of the tables is that the floor can empty.
    fn fullest_sixteenths(&self) -> u64 {
        let State { holds, extra_lines, operations, limits, order_lines, redemptions, capacity, .. } =
            &self.state;
        let sixteenths = |used: u32, maximum: u32| u64::from(used) * 16 / u64::from(maximum.max(1));
        sixteenths(holds.used(), capacity.holds_max)
            .max(sixteenths(extra_lines.used(), capacity.extra_lines_max))
            .max(sixteenths(operations.used(), capacity.operations_max))
            .max(sixteenths(limits.used(), capacity.user_limits_max))
            .max(sixteenths(order_lines.used(), capacity.order_lines_max))
            .max(sixteenths(redemptions.used(), capacity.redemptions_max))
    }

    /// Tells of cards that have expired by shard time `now_ms` (what [`Engine::advance`] reached), or will soon: at most the time
    /// and one event, of bounded work. Answers whether it did anything: then there may be more. No command need wait for it.
    pub fn notify(&mut self, now_ms: u64, sink: &mut impl EventSink) -> bool {
        if !self.state.notices.is_due(now_ms) {
            return false;
        }
        let mut rows = core::mem::take(&mut self.told);
        let step = self.state.next_notices(now_ms, &mut rows);
        if let Some(step) = step {
            self.tick(now_ms, sink);
            let event = match step {
                NoticeStep::Requeue { to } => NoticeEvent::Requeued { to },
                NoticeStep::Tell { through_s, batches, pages } => {
                    NoticeEvent::Told { through_s, batches, pages, rows: &rows }
                }
            };
            self.happen(&Event::Notice(event), sink);
        }
        self.told = rows;
        step.is_some()
    }

    /// The keys of labels that became void since this was last asked, in history or life: the edge destroys them once that is
    /// durable.
    pub fn take_void_keys(&mut self) -> Vec<u32> {
        self.state.take_void_keys()
    }

    /// To be called before `requests[next]` is executed, of a batch of up to [`PREPARED_MAX`]: begins to bring into the
    /// cache what those after it will look up. Changes nothing that is to be seen.
    #[inline]
    pub fn prepare(&mut self, requests: &[Request<'_>], next: usize) {
        self.ahead.prefetch(&self.state, requests, next);
    }

    /// Decides a request at shard time `now_ms` (what [`Engine::advance`] reached) and applies the event it becomes.
    /// Makes at most three events: the time, what happened, and what debts or rewards that settles at once. The request must have
    /// passed [`Request::check`], and nothing may be left to be settled.
    #[inline]
    pub fn execute<'s>(
        &'s mut self,
        now_ms: u64,
        request: &Request<'_>,
        sink: &mut impl EventSink,
    ) -> Outcome<'s> {
        assert!(!self.must_settle(), "debts are settled before a command runs");
        let hash = self.state.record_hash(&request.envelope.key());
        let question = Question { now_ms, hash, request };
        let reply = match commands::decide(&self.state, question, &mut self.plan) {
            Verdict::Refuse(rejection) => {
                if on(Bug::ReplaceReleasesEarly) {
                    plant_early_release(&mut self.state, question, sink);
                }
                return Outcome::Refused(rejection);
            }
            Verdict::Answer(reply) => reply,
            Verdict::Quote(view) => return Outcome::Done(Answer::Quote(view)),
            Verdict::Do(event, resolved, reply) => {
                tick(&mut self.state, now_ms, sink);
                sink.push(&event);
                let hold = commands::apply(&mut self.state, &event, resolved);
                if self.state.debts.is_unsettled() {
                    self.pass.settle(&mut self.state, sink);
                } else if self.state.sharing.is_unsettled() {
                    commands::sharing::settle(&mut self.state, &mut self.referrers, now_ms, sink);
                }
                reply.about(hold)
            }
        };
        commands::reply::read(&self.state, reply, &mut self.replies)
    }

    /// Whether a request must be taken even when space runs out: it ends a hold and needs no new record.
    #[inline]
    pub fn ends_hold(&self, now_ms: u64, request: &Request<'_>) -> bool {
        let key = request.envelope.key();
        request.command.ends_hold()
            || matches!(request.command, Command::Cancel)
                && self.state.find_hold(&key, self.state.record_hash(&key), now_ms).is_some()
    }

    /// Applies an event of the past. Panics when the event contradicts the state: then the log is not this engine's.
    pub fn apply(&mut self, event: &Event<'_>) {
        assert!(!self.state.timers.started(), "history comes before life");
        commands::resolve(&self.state, event, &mut self.history);
        commands::apply(&mut self.state, event, &self.history);
    }

    /// Logs that shard time is `now_ms`, if it is not yet: answers may rest on it from then on.
    pub fn tick(&mut self, now_ms: u64, sink: &mut impl EventSink) {
        tick(&mut self.state, now_ms, sink);
    }

    fn happen(&mut self, event: &Event<'_>, sink: &mut impl EventSink) {
        sink.push(event);
        commands::apply(&mut self.state, event, &Resolved::default());
    }

    /// The stocks, in the order they were made.
    pub fn stocks(&self) -> impl Iterator<Item = &crate::state::stock::Stock> {
        self.state.stocks.iter()
    }

    /// How full the tables are: name, records in use, configured maximum.
    pub fn usage(&self) -> [(&'static str, u32, u32); TABLES.len()] {
        let State {
            stocks,
            holds,
            extra_lines,
            operations,
            limits,
            risk,
            order_lines,
            debts,
            cards,
            redemptions,
            lots,
            gifts,
            given_codes,
            groups,
            sharing,
            persons,
            labels,
            capacity,
            ..
        } = &self.state;
        let used = [
            (stocks.len() as u32, capacity.stocks_max),
            (holds.used(), capacity.holds_max),
            (extra_lines.used(), capacity.extra_lines_max),
            (operations.used(), capacity.operations_max),
            (limits.used(), capacity.user_limits_max),
            (risk.counts.used(), capacity.risk_counts_max),
            (order_lines.used(), capacity.order_lines_max),
            (debts.claims(), capacity.debts_max),
            (cards.pages() * CARDS_PER_PAGE as u32, pages_max(capacity) * CARDS_PER_PAGE as u32),
            (redemptions.used(), capacity.redemptions_max),
            (lots.used(), capacity.lots_max),
            (gifts.used(), capacity.gifts_max),
            (given_codes.used(), capacity.given_codes_max),
            (groups.used(), capacity.groups_max),
            (persons.used(), capacity.links_max),
            (sharing.friends_used().max(sharing.referrers_used()), capacity.friends_max),
            (labels.used(), capacity.labels_max),
        ];
        core::array::from_fn(|table| (TABLES[table], used[table].0, used[table].1))
    }
}

#[inline]
pub(crate) fn tick(state: &mut State, now_ms: u64, sink: &mut impl EventSink) {
    if now_ms > state.now_ms {
        let event = Event::Tick { now_ms };
        sink.push(&event);
        commands::apply(state, &event, &Resolved::default());
    }
}

/// [`Bug::ReplaceReleasesEarly`].
fn plant_early_release(state: &mut State, question: Question<'_>, sink: &mut impl EventSink) {
    let (Command::Reserve { take, .. } | Command::Sell { take, .. }) = &question.request.command else {
        return;
    };
    let key = question.request.envelope.key_of(take.replace);
    let found = state.find_hold(&key, state.record_hash(&key), question.now_ms);
    let held = |handle: &Handle| state.holds.get(*handle).state == crate::answer::HoldState::Held as u8;
    if let Some(handle) = found.filter(held) {
        tick(state, question.now_ms, sink);
        let event = Event::Released { hold: key };
        sink.push(&event);
        commands::apply(state, &event, &Resolved { hold: Some(handle), ..Resolved::default() });
    }
}
