//! A process lives: one turn after the other, in the order the seed draws, until something ends it.

use super::Simulation;
use super::coverage::Met;
use super::ledger::Moment;
use super::log::{SimLog, Submitted};
use super::network::{Arrival, Ticket};
use super::plan::{self, End, Turn};
use crate::generator::Step;
use crate::oracle::{Key, key_of};
use crate::outcome::OwnedOutcome;
use crate::request::{OwnedCommand, OwnedRequest};
use crate::world::expired_key;
use scrip_engine::event::Event;
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_shard::{Durable, Gate, JUMP_MAX_MS, Shard, ShardClock, Space};
use scrip_wal::LogFault;
use std::rc::Rc;

/// What dies with the process.
pub(super) struct Process {
    pub(super) shard: Shard<SimLog>,
    clock: ShardClock,
    gate: Gate<Ticket>,
    /// The last reading of the clock, and of the monotonic clock then.
    last_read: Option<(u64, u64)>,
    /// Bytes of events that [`Process::newly_expired`] has looked through.
    looked_through: usize,
}

impl Process {
    pub(super) fn new(shard: Shard<SimLog>, clock: ShardClock) -> Process {
        Process { shard, clock, gate: Gate::default(), last_read: None, looked_through: 0 }
    }

    /// Where the shard is.
    pub(super) fn moment(&self) -> Moment {
        Moment {
            now_ms: self.shard.now_ms(),
            floor_ms: self.shard.engine().floor_ms(),
            sequence: self.shard.sequence(),
        }
    }

    /// What was submitted to the log.
    pub(super) fn submitted(&self) -> &Submitted {
        self.shard.log().submitted()
    }

    /// Holds that have expired since this was last asked, in the order of their expiry.
    fn newly_expired(&mut self) -> Result<Vec<Key>, String> {
        let submitted = &self.submitted().events;
        let open = self.shard.open_events();
        let looked_through = self.looked_through;
        let fresh = match looked_through.checked_sub(submitted.len()) {
            Some(in_open) => open[in_open..].to_vec(),
            None => [&submitted[looked_through..], open].concat(),
        };
        self.looked_through = submitted.len() + open.len();
        let (mut rest, mut expired) = (fresh.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (event, bytes) = Event::decode(rest).map_err(|error| format!("a fresh event: {error}"))?;
            if let Event::Expired { holds } = event {
                expired.extend(holds.iter().map(expired_key));
            }
            rest = &rest[bytes..];
        }
        Ok(expired)
    }

    /// Compares the engine's counters with its records.
    pub(super) fn recount(&self) -> Result<(), String> {
        self.shard.engine().recount().map_err(|error| format!("the engine's counters have drifted: {error}"))
    }
}

/// Whether the shard has refused a command before the engine saw it.
pub(super) fn refused_by_shard(answer: &OwnedOutcome) -> bool {
    answer.code() == Some(Code::Busy) || answer.full_table() == Some(CapacityOf::LogSpace)
}

impl Simulation {
    /// Lives until the plan's turns are over, then ends as the seed says; `None` if something else has ended it.
    pub(super) fn live(&mut self, process: &mut Process) -> Result<Option<End>, String> {
        for _ in 0..self.plan.turns {
            if !self.turn(process)? {
                return Ok(None);
            }
        }
        let end = plan::end(&mut self.rng);
        self.trace.line(format_args!("the end: {end:?}"));
        match end {
            End::PowerCut => self.coverage.met(Met::PowerCut),
            End::Kill => self.coverage.met(Met::Kill),
            End::Stop => {
                if !self.stop(process)? {
                    return Ok(None);
                }
                self.coverage.met(Met::Stop);
            }
        }
        Ok(Some(end))
    }

    /// A life begins: the preparing thread has tried the disk long before a segment is full, and in the first life there
    /// are stocks, so that there is something to ask for. Answers whether the process has survived it.
    pub(super) fn begin(&mut self, process: &mut Process, is_first: bool) -> Result<bool, String> {
        if self.plan.fills_up && !self.prepare(process)? {
            return Ok(false);
        }
        if !is_first {
            return Ok(true);
        }
        while self.generator.sets_up() {
            self.speak();
        }
        while self.network.unsent() > 0 {
            if !self.serve(process)? {
                return Ok(false);
            }
        }
        self.finish_writing(process)
    }

    /// One turn; answers whether the process has survived it.
    fn turn(&mut self, process: &mut Process) -> Result<bool, String> {
        match self.plan.turn(&mut self.rng) {
            Turn::Speak if self.network.unsent() <= self.plan.unsent_max => self.speak(),
            Turn::Speak | Turn::Serve => return self.serve(process),
            Turn::Write => {
                let alive = self.write(process)?;
                if alive && self.rng.bool() {
                    self.look_at_log(process);
                }
                return Ok(alive);
            }
            Turn::HandBack => self.look_at_log(process),
            Turn::Seal => {
                let sealed = process.shard.log_mut().seal();
                return self.outlive(sealed, Met::Seal);
            }
            Turn::Prepare => return self.prepare(process),
            Turn::StepClock => self.step_clock(),
            Turn::Cut => {
                let unanswered = self.network.cut_one(&mut self.rng);
                self.trace.line(format_args!("a connection breaks, {unanswered} commands without an answer"));
                self.coverage.met(Met::Reconnect);
                if unanswered > 0 && process.gate.waiting() > 0 {
                    self.coverage.met(Met::DuplicateInFlight);
                }
            }
            Turn::Space => self.change_space(),
        }
        Ok(true)
    }

    fn speak(&mut self) {
        match self.generator.next(&self.ledger.live) {
            Step::Wait { now_ms } => {
                let since_ms = self.said_ms.max(self.ledger.live.now_ms());
                let wait_ms = now_ms.saturating_sub(since_ms).max(1);
                self.said_ms = now_ms;
                self.trace.line(format_args!("{wait_ms} ms pass"));
                self.clocks.pass(wait_ms);
            }
            Step::Configure(rules) => {
                self.trace.line(format_args!("the operator writes {rules:?}"));
                self.rules = rules;
            }
            Step::Ask(request) => self.network.send(&mut self.rng, *request),
            // The shard ticks and restarts by itself.
            Step::Tick | Step::Restart => {}
        }
    }

    /// A batch: time, commands, flush, gate.
    fn serve(&mut self, process: &mut Process) -> Result<bool, String> {
        if !self.make_way(process)? || !self.bring_time(process)? {
            return Ok(false);
        }
        for _ in 0..self.rng.u32(1..=self.plan.batch_max) {
            let Some(arrival) = self.network.arrive(&mut self.rng) else { break };
            self.execute(process, arrival)?;
            if !self.meanwhile(process)? {
                return Ok(false);
            }
        }
        process.shard.flush();
        self.let_pass(process);
        Ok(true)
    }

    /// Reads the clocks and moves shard time; answers whether the process has survived it.
    pub(super) fn bring_time(&mut self, process: &mut Process) -> Result<bool, String> {
        let delay_ms = self.rng.u64(..3);
        self.clocks.pass(delay_ms);
        let now_ms = self.read_clocks(process)?;
        let before = process.moment();
        let is_exhausted = process.shard.log().space() == Space::Exhausted;
        process.shard.advance(now_ms);
        if is_exhausted && process.shard.sequence() > before.sequence {
            return Err("time was posted though there is no space".into());
        }
        self.note_time(process, before)?;
        if !self.meanwhile(process)? {
            return Ok(false);
        }
        let before = process.moment();
        process.shard.begin_batch();
        self.note_time(process, before)?;
        Ok(true)
    }

    /// Shard time never runs away from the monotonic clock by more than the bound.
    fn read_clocks(&mut self, process: &mut Process) -> Result<u64, String> {
        let monotonic_ms = self.clocks.monotonic_ms();
        let now_ms = process.clock.read(self.clocks.wall_ms(), monotonic_ms);
        if process.clock.alarm() {
            self.coverage.met(Met::ClockAlarm);
        }
        if let Some((then_ms, monotonic_then_ms)) = process.last_read.replace((now_ms, monotonic_ms)) {
            let latest_ms = then_ms + (monotonic_ms - monotonic_then_ms) + JUMP_MAX_MS;
            if now_ms < then_ms || now_ms > latest_ms {
                return Err(format!("shard time jumps from {then_ms} to {now_ms}, {latest_ms} is possible"));
            }
        }
        Ok(now_ms)
    }

    fn note_time(&mut self, process: &mut Process, before: Moment) -> Result<(), String> {
        let moment = process.moment();
        let Moment { now_ms, floor_ms, sequence } = moment;
        if now_ms < before.now_ms {
            return Err(format!("shard time went back from {} to {now_ms}", before.now_ms));
        }
        if now_ms > before.now_ms || sequence > before.sequence {
            self.trace.line(format_args!("shard time {now_ms}, floor {floor_ms}, sequence {sequence}"));
        }
        // Of the time that was reached the log keeps no more than this.
        let logged_ms = process.shard.engine().now_ms();
        let logged = (sequence > before.sequence).then_some(Moment { now_ms: logged_ms, ..moment });
        self.ledger.passed(now_ms, floor_ms, logged, process.newly_expired()?);
        Ok(())
    }

    fn execute(&mut self, process: &mut Process, arrival: Arrival) -> Result<(), String> {
        let Arrival { client, connection, request, resent } = arrival;
        let before = process.shard.sequence();
        let (answer, lasts) = self.ask(process, &request)?;
        let Moment { now_ms, sequence, .. } = process.moment();
        if resent && lasts.is_some() {
            self.coverage.met(if sequence > before { Met::UnknownLost } else { Met::UnknownHappened });
        }
        process.gate.wait(sequence, Ticket { client, connection, request, answer, sequence, now_ms, lasts });
        Ok(())
    }

    /// Asks the shard and judges its answer, and says whether it lasts.
    pub(super) fn ask(
        &mut self,
        process: &mut Process,
        request: &Rc<OwnedRequest>,
    ) -> Result<(OwnedOutcome, Option<u64>), String> {
        if !self.ledger.live.can_answer(request) {
            // Nobody could say whether the engine's answer is right, nor what it has made happen.
            self.trace.line(format_args!("{request}\n    -> the oracle could not judge it"));
            return Ok((OwnedOutcome::refused(Code::Busy), None));
        }
        self.coverage.met(Met::Command);
        let before = process.shard.sequence();
        let space = process.shard.log().space();
        let answer = request.with(|request| OwnedOutcome::from(process.shard.execute(request)));
        let moment = process.moment();
        self.trace.line(format_args!("{request}\n    -> {answer:?}, saw {}", moment.sequence));
        if refused_by_shard(&answer) {
            self.check_refusal(request, &answer, space)?;
            return match moment.sequence == before {
                true => Ok((answer, None)),
                false => Err(format!("refused by the shard, and yet something happened: {request}")),
            };
        }
        if space != Space::Ample && moment.sequence > before {
            if space == Space::Exhausted || !self.ends_hold(request) {
                return Err(format!("taken though there is {space:?} space: {request}"));
            }
            self.coverage.met(Met::TakenThoughLow);
        }
        if answer.full_table().is_some() {
            self.coverage.met(Met::TableFull);
        }
        let lasts = self.ledger.judge(request, &answer, moment)?;
        Ok((answer, lasts))
    }

    /// Whether a command is taken as long as there is any space.
    fn ends_hold(&self, request: &OwnedRequest) -> bool {
        let record = || self.ledger.live.record(key_of(&request.envelope));
        match request.command {
            OwnedCommand::Confirm { .. } | OwnedCommand::Release => true,
            OwnedCommand::Cancel => record().is_some_and(|record| record.hold.is_some()),
            _ => false,
        }
    }

    fn check_refusal(
        &mut self,
        request: &OwnedRequest,
        answer: &OwnedOutcome,
        space: Space,
    ) -> Result<(), String> {
        let is_query = request.is_query();
        let may_refuse = match space {
            Space::Ample => false,
            Space::Low => !is_query && !self.ends_hold(request),
            Space::Exhausted => !is_query,
        };
        if answer.code() == Some(Code::Busy) || !may_refuse {
            return Err(format!("with {space:?} space, asked {request}\nthe shard says {answer:?}"));
        }
        self.coverage.met(Met::RefusedForSpace);
        Ok(())
    }

    /// The log thread works while the owner does, sometimes.
    fn meanwhile(&mut self, process: &mut Process) -> Result<bool, String> {
        if self.rng.u8(..16) > 0 { Ok(true) } else { self.write(process) }
    }

    fn write(&mut self, process: &mut Process) -> Result<bool, String> {
        if let Some(payload_bytes) = process.shard.log().next_frame_bytes() {
            self.before_frame(payload_bytes);
        }
        let written = process.shard.log_mut().write();
        if let Ok(true) = written {
            self.trace.line(format_args!("durable up to {}", process.shard.durable_sequence()));
        }
        self.outlive(written, Met::Frame)
    }

    fn prepare(&mut self, process: &mut Process) -> Result<bool, String> {
        let ran_low = process.shard.log().space() != Space::Ample;
        let prepared = process.shard.log_mut().prepare();
        let alive = self.outlive(prepared.map(|()| false), Met::Frame)?;
        if alive && ran_low && process.shard.log().space() == Space::Ample {
            self.trace.line(format_args!("there is space again"));
            self.coverage.met(Met::SpaceCameBack);
        }
        Ok(alive)
    }

    /// What the log's answer means for the process. It can't outlive its machine, whatever the log says.
    fn outlive(&mut self, result: Result<bool, LogFault>, met: Met) -> Result<bool, String> {
        match result {
            _ if self.host.is_dead() => {
                self.trace.line(format_args!("the process dies in a disk call"));
                Ok(false)
            }
            Ok(done) => {
                if done {
                    self.coverage.met(met);
                }
                Ok(true)
            }
            Err(LogFault::Io { source, .. }) => self.excuse(&source).map(|()| false),
            Err(fault) => Err(fault.to_string()),
        }
    }

    fn look_at_log(&mut self, process: &mut Process) {
        process.shard.log_mut().hand_back();
        process.shard.flush();
        self.let_pass(process);
    }

    /// Answers leave through the gate.
    fn let_pass(&mut self, process: &mut Process) {
        let durable_sequence = process.shard.durable_sequence();
        while let Some(ticket) = process.gate.pass(durable_sequence) {
            self.coverage.met(Met::Acknowledged);
            let heard = self.network.deliver(&ticket);
            self.trace.line(format_args!(
                "client {} {} the answer that saw {}",
                ticket.client,
                if heard { "hears" } else { "misses" },
                ticket.sequence
            ));
            self.ledger.acknowledge(ticket);
        }
    }

    /// Before the open frame grows too large, the owner waits for the log.
    fn make_way(&mut self, process: &mut Process) -> Result<bool, String> {
        let open_events = process.shard.sequence() - process.shard.log().submitted_sequence();
        if open_events <= self.plan.open_events_max { Ok(true) } else { self.finish_writing(process) }
    }

    fn finish_writing(&mut self, process: &mut Process) -> Result<bool, String> {
        loop {
            self.look_at_log(process);
            if process.shard.log().idle() && !process.shard.has_open_events() {
                return Ok(true);
            }
            if !self.write(process)? {
                return Ok(false);
            }
        }
    }

    /// Writes everything and seals; answers whether the process has lived to do so.
    fn stop(&mut self, process: &mut Process) -> Result<bool, String> {
        if !self.finish_writing(process)? {
            return Ok(false);
        }
        if process.gate.waiting() > 0 {
            return Err(format!("everything is durable, and {} answers wait", process.gate.waiting()));
        }
        let sealed = process.shard.log_mut().seal();
        self.outlive(sealed, Met::Seal)
    }

    /// Everything is served and written.
    pub(super) fn settle(&mut self, process: &mut Process) -> Result<(), String> {
        let mut alive = self.prepare(process)?;
        self.probe(process, true)?;
        while alive && self.network.unsent() > 0 {
            alive = self.serve(process)?;
        }
        match alive && self.stop(process)? {
            true => Ok(()),
            false => Err("the process died in peace".into()),
        }
    }

    fn step_clock(&mut self) {
        let sign = if self.rng.bool() { 1 } else { -1 };
        let by_ms = sign
            * match self.rng.u8(..8) {
                0..4 => self.rng.i64(1..4_000),
                4 => self.rng.i64(4_990..5_020),
                5 => self.rng.i64(1..100_000),
                6 => 3_600_000,
                _ => self.rng.i64(1..4) * 86_400_000,
            };
        match self.rng.u8(..4) {
            0 => self.clocks.set_right(),
            _ => {
                self.coverage.met(if sign > 0 { Met::StepAhead } else { Met::StepBack });
                self.clocks.step(by_ms);
            }
        }
        self.trace.line(format_args!("the wall clock is set to {}", self.clocks.wall_ms()));
    }

    fn change_space(&mut self) {
        let segments = self.rng.u64(..4);
        let limit_bytes =
            (segments < 2).then(|| self.host.used_bytes() + segments * self.plan.options.segment_bytes);
        self.trace.line(format_args!("the disk is limited to {limit_bytes:?} bytes"));
        self.host.limit_bytes(limit_bytes);
    }
}
