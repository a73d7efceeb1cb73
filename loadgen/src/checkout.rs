//! Checkouts with everything that goes wrong in them: the load that shows whether the server is right.
//!
//! Each checkout follows a story drawn beforehand (see `script`); answers are compared as they come, and every
//! acknowledged or unknown operation goes into the ledger. Invariant: a checkout is in exactly one place: ready to
//! send, in flight, waiting on the wheel, or gone.

mod script;
mod session;

use crate::answers::Raw;
use crate::desk::Desk;
use crate::flights::Flights;
use crate::ids::mix;
use crate::job::{Fill, Job, NOT_ASKED};
use crate::pace::Schedule;
use crate::plan::{CheckoutShares, LoadPlan, Profile};
use crate::wheel::Wheel;
use scrip_protocol::error::ProtocolError;
use scrip_protocol::extras::Extras;
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::write::{CommandFrame, PushError};
use script::Wait;
use session::{Next, Session};
use std::collections::VecDeque;

/// Bytes made for one connection at a time.
const WRITE_BYTES: usize = 64 * 1024;
const MS: u64 = 1_000_000;
/// Pause before a command that was turned away is sent again.
const RETRY_NS: u64 = 5 * MS;

/// A command in flight: whose, and when it was due.
#[derive(Debug, Clone, Copy)]
struct Pending {
    session: u32,
    due_ns: u64,
}

/// One thread's checkouts.
#[derive(Debug)]
pub(crate) struct Checkouts {
    shares: CheckoutShares,
    batch: usize,
    retry_unknown: f64,
    flights: Flights<Vec<Pending>>,
    sessions: Vec<Session>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    wheel: Wheel,
    out: Vec<u8>,
    /// Checkouts begun, by the schedule.
    begun: u64,
}

impl Checkouts {
    /// The load of one thread with `lanes` connections.
    pub(crate) fn new(plan: &LoadPlan, lanes: usize) -> Checkouts {
        let shares = match plan.profile {
            Profile::Checkout(shares) => shares,
            _ => CheckoutShares::default(),
        };
        Checkouts {
            shares,
            batch: plan.batch as usize,
            retry_unknown: plan.retry_unknown,
            flights: Flights::new(lanes, plan.outstanding, plan.batch, Vec::new),
            sessions: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            wheel: Wheel::new(),
            out: Vec::with_capacity(WRITE_BYTES * 2),
            begun: 0,
        }
    }

    fn under_way(&self) -> usize {
        self.sessions.len() - self.free.len()
    }

    fn may_begin(&self, desk: &Desk) -> bool {
        desk.begins() && self.under_way() < self.shares.open_max as usize
    }

    /// The next checkout that has something to send.
    fn next_ready(&mut self, desk: &mut Desk, now_ns: u64) -> Option<u32> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(ready);
        }
        if !self.may_begin(desk) || self.begun >= desk.schedule.due(now_ns) {
            return None;
        }
        let due_ns = desk.schedule.at(self.begun);
        self.begun += 1;
        desk.begin(1);
        let number = desk.numbers(1);
        let cart = desk.generator().cart(number);
        let kept = desk.keeps_frame();
        let session = Session::new(number, desk.server_ms(now_ns), &cart, due_ns, kept);
        Some(match self.free.pop() {
            Some(place) => {
                self.sessions[place as usize] = session;
                place
            }
            None => {
                self.sessions.push(session);
                self.sessions.len() as u32 - 1
            }
        })
    }

    /// Encodes the present move of a checkout. False: the frame is full.
    fn push(&mut self, desk: &mut Desk, frame: &mut CommandFrame, who: u32, now_ns: u64) -> bool {
        let session = &mut self.sessions[who as usize];
        let present = session.present();
        let fresh = !present.again && !session.unknown;
        if fresh && present.what.is_own() && session.open == 0 {
            session.begin_own(desk.server_ms(now_ns));
        }
        let generator = desk.generator();
        let cart = generator.cart(session.number);
        let payment = cart.pays(session.granted(&cart));
        let (operation, hold, key) = (session.operation(desk), session.hold(desk), session.first_key());
        let request = generator.request(present.what, operation, hold, &cart, &payment, key);
        match frame.push(&mut self.out, &request, &Extras::NONE) {
            Ok(_) => {}
            Err(PushError::FrameFull) => return false,
            Err(why) => panic!("the load generator made a malformed command: {why}"),
        }
        if fresh && session.open == 0 {
            desk.attempt(session.number);
        }
        (session.settled, session.open) = (false, session.open + 1);
        true
    }

    /// Looks at checkouts that are needed next, all at once: their cache misses then overlap instead of following each
    /// other. Measured: 550 ns of the load's core per command without, 470 with.
    fn touch(&self, whose: impl Iterator<Item = u32>) {
        let seen = whose.fold(0, |seen, who| seen ^ self.sessions[who as usize].at);
        std::hint::black_box(seen);
    }

    /// Makes one frame. Answers where the connection is to be cut, if it is; `None`: there was nothing to send.
    fn make_frame(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) -> Option<Option<usize>> {
        self.touch(self.ready.iter().copied().take(self.batch));
        let first = self.next_ready(desk, now_ns)?;
        let start = self.out.len();
        let (correlation, pending) = self.flights.launch(lane, now_ns, 0);
        let mut pending = std::mem::take(pending);
        pending.clear();
        let mut frame = CommandFrame::begin(&mut self.out, correlation, FRAME_BYTES_MAX);
        let (mut next, mut cut) = (Some(first), None);
        while let Some(who) = next {
            if !self.push(desk, &mut frame, who, now_ns) {
                self.ready.push_front(who);
                break;
            }
            let session = &self.sessions[who as usize];
            let (present, number, asked_before) = (session.present(), session.number, session.unknown);
            let due_ns = if desk.schedule == Schedule::Closed { now_ns } else { session.due_ns };
            pending.push(Pending { session: who, due_ns });
            if present.twice && pending.len() < self.batch && self.push(desk, &mut frame, who, now_ns) {
                pending.push(Pending { session: who, due_ns });
            }
            if present.cut && !asked_before {
                cut = Some(number & 1 == 0);
                break;
            }
            next = if pending.len() < self.batch { self.next_ready(desk, now_ns) } else { None };
        }
        frame.finish(&mut self.out);
        if let Some(flight) = self.flights.find(lane, correlation) {
            (flight.count, flight.open) = (pending.len() as u16, pending.len() as u16);
            flight.load = pending;
        }
        Some(cut.map(|inside| if inside { start + (self.out.len() - start) / 2 } else { self.out.len() }))
    }

    /// All answers to a checkout's present move are in: what now?
    fn go_on(&mut self, desk: &mut Desk, who: u32, now_ns: u64) {
        let session = &mut self.sessions[who as usize];
        let what = session.present().what;
        match session.next {
            Next::Advance => session.at += 1,
            Next::Retry => {
                self.wheel.set(now_ns + RETRY_NS, who);
                return;
            }
            Next::Finish => session.at = session.story().len() as u8,
            Next::Repeats => {
                let rest = &session.story()[usize::from(session.at) + 1..];
                let ahead = rest.iter().position(|ahead| ahead.again && ahead.what == what);
                session.at = ahead.map_or(session.story().len() as u8, |ahead| session.at + 1 + ahead as u8);
            }
        }
        if usize::from(session.at) >= session.story().len() {
            desk.sums.checkouts += 1;
            self.free.push(who);
            return;
        }
        let think_ns = self.shares.think.as_nanos() as f64;
        match session.present().wait {
            Wait::Nothing => {
                session.due_ns = now_ns;
                self.ready.push_back(who);
                return;
            }
            Wait::Think => {
                let patience = desk.generator().patience(session.number, u64::from(session.at));
                session.due_ns = now_ns + (think_ns * patience) as u64;
            }
            Wait::Expiry => {
                let late_by_ns = self.shares.late_by.as_nanos() as u64;
                session.due_ns = desk.at_server_ms(session.deadline_ms()) + late_by_ns;
            }
        }
        // The wheel knows whole milliseconds; what it rounds up is not the server's latency.
        session.due_ns = session.due_ns.div_ceil(MS) * MS;
        self.wheel.set(session.due_ns, who);
    }

    /// A move lost its connection before its answer came.
    fn on_unanswered(&mut self, desk: &mut Desk, who: u32, now_ns: u64) {
        let session = &mut self.sessions[who as usize];
        let present = session.present();
        if present.again {
            session.next = Next::Advance;
            return self.go_on(desk, who, now_ns);
        }
        if !session.unknown {
            desk.interrupted(1);
            if session.kept {
                let record = session.record(desk, now_ns);
                desk.record(record);
            }
            session.unknown = true;
        }
        let chance = (mix(session.number ^ now_ns) >> 11) as f64 / (1_u64 << 53) as f64;
        if present.cut || chance < self.retry_unknown {
            session.due_ns = now_ns;
            self.ready.push_back(who);
        } else {
            session.next = Next::Finish;
            self.go_on(desk, who, now_ns);
        }
    }
}

impl Job for Checkouts {
    fn has_room(&self, lane: usize) -> bool {
        self.flights.room(lane) > 0
    }

    fn fill(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) -> Fill {
        let ready = &mut self.ready;
        self.wheel.advance(now_ns, |who, _| ready.push_back(who));
        self.out.clear();
        while self.out.len() < WRITE_BYTES && self.flights.room(lane) > 0 {
            match self.make_frame(desk, lane, now_ns) {
                None => break,
                Some(None) => {}
                Some(Some(bytes)) => return Fill::Cut(bytes),
            }
        }
        if self.out.is_empty() { Fill::Nothing } else { Fill::Send }
    }

    fn out(&self) -> [&[u8]; 2] {
        [&self.out, &[]]
    }

    fn answers(
        &mut self,
        desk: &mut Desk,
        lane: usize,
        correlation: u64,
        payload: &[u8],
        now_ns: u64,
    ) -> Result<(), ProtocolError> {
        let flight = self.flights.find(lane, correlation).ok_or(NOT_ASKED)?;
        // Taken out while its checkouts go on, which may need the other parts of `self`.
        let pending = std::mem::take(&mut flight.load);
        self.touch(pending.iter().map(|pending| pending.session));
        let mut rest = payload;
        let mut result = Ok(());
        while result.is_ok() && !rest.is_empty() {
            result = Raw::first(rest).and_then(|(raw, behind)| {
                rest = behind;
                let flight = self.flights.find(lane, correlation).ok_or(NOT_ASKED)?;
                if !flight.answer(raw.index) {
                    return Err(NOT_ASKED);
                }
                let Pending { session: who, due_ns } = pending[usize::from(raw.index)];
                desk.tally.took(due_ns, now_ns, 1);
                let session = &mut self.sessions[who as usize];
                let result = session.answer(desk, raw, now_ns);
                match &result {
                    Ok(()) if session.open == 0 => self.go_on(desk, who, now_ns),
                    Ok(()) => {}
                    // Marked as answered, but it was no answer.
                    Err(_) => {
                        session.open -= 1;
                        if session.open == 0 && !session.settled {
                            self.on_unanswered(desk, who, now_ns);
                        }
                    }
                }
                result
            });
        }
        if let Some(flight) = self.flights.find(lane, correlation) {
            flight.load = pending;
            if flight.open == 0 {
                self.flights.land(lane, correlation);
            }
        }
        result
    }

    fn lost(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) {
        let mut unanswered: Vec<u32> = Vec::new();
        self.flights.lose(lane, |flight| {
            let open = (0..flight.count).filter(|&index| !flight.is_answered(index));
            unanswered.extend(open.map(|index| flight.load[usize::from(index)].session));
        });
        for who in unanswered {
            let session = &mut self.sessions[who as usize];
            session.open -= 1;
            match (session.open, session.settled) {
                (0, true) => self.go_on(desk, who, now_ns),
                (0, false) => self.on_unanswered(desk, who, now_ns),
                _ => {}
            }
        }
    }

    fn next_due_ns(&mut self, desk: &Desk, now_ns: u64) -> u64 {
        if !self.ready.is_empty() {
            return now_ns;
        }
        let new = if self.may_begin(desk) { desk.schedule.at(self.begun) } else { u64::MAX };
        self.wheel.next_ns().min(new)
    }

    fn in_flight(&self) -> usize {
        self.flights.live()
    }

    fn is_idle(&self) -> bool {
        self.under_way() == 0
    }

    fn give_up(&mut self, desk: &mut Desk, now_ns: u64) {
        for lane in 0..self.flights.lanes() {
            self.lost(desk, lane, now_ns);
        }
    }
}
