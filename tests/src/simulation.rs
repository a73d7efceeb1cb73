//! Crash simulation: engine, shard and log over a simulated disk, network and clocks, deterministic by a seed.
//!
//! One run is several lives of one process. A life starts (scan, repair, open, recover), serves the commands of a few
//! clients, and ends in a power cut, a kill, a disk error or in peace; the next one goes on from what is left. The
//! ledger knows what was acknowledged and says after each start whether the shard still does.
//!
//! In reading order: `plan`, `clocks`, `host`, `network`, `log` (the surroundings), `ledger` (the verdict), `start` and
//! `life` (what happens), `coverage` and `trace`.
//!
//! Invariant: everything follows from the seed; the same seed gives the same trace.

mod clocks;
mod coverage;
mod host;
mod ledger;
mod life;
mod log;
mod network;
mod plan;
mod start;
mod trace;

pub use coverage::{Coverage, Met};
pub use plan::Plan;
pub use trace::Trace;

use crate::generator::Generator;
use clocks::Clocks;
use fastrand::Rng;
use host::HostDisk;
use ledger::Ledger;
use network::Network;
use plan::{End, Fault, Trouble, When};
use scrip_engine::limits::Rules;

/// One run under way.
pub struct Simulation {
    seed: u64,
    plan: Plan,
    rng: Rng,
    host: HostDisk,
    clocks: Clocks,
    generator: Generator,
    network: Network,
    ledger: Ledger,
    coverage: Coverage,
    trace: Trace,
    /// The rules with which the operator starts the next process.
    rules: Rules,
    /// What time the generator believes it is.
    said_ms: u64,
    /// A trouble that waits for a frame.
    frame_trouble: Option<Trouble>,
    /// The one trouble of this run, at this disk call, if it has no others.
    only_death: Option<(Fault, u64)>,
    /// Nothing goes wrong any more.
    is_peace: bool,
    quiet: bool,
}

/// Runs one seed. The error is a report for people.
pub fn run(seed: u64) -> Result<Coverage, String> {
    Simulation::new(seed, Trace::Off).run().map(|(coverage, _)| coverage)
}

impl Simulation {
    /// The run of this seed, before its first life.
    pub fn new(seed: u64, mut trace: Trace) -> Simulation {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        let mut generator = Generator::new(rng.u64(..));
        plan.shape(&mut generator.plan, &mut rng);
        trace.line(format_args!("seed {seed}: {plan:?}\n{:?}", generator.plan));
        Simulation {
            seed,
            host: HostDisk::new(rng.u64(..)),
            clocks: Clocks::new(generator.plan.start_ms),
            network: Network::new(plan.clients),
            ledger: Ledger::new(plan.capacity, Rules::default().late_confirm_ms),
            coverage: Coverage::default(),
            rules: generator.plan.rules,
            said_ms: generator.plan.start_ms,
            frame_trouble: None,
            trace,
            generator,
            plan,
            rng,
            only_death: None,
            is_peace: false,
            quiet: false,
        }
    }

    /// No trouble but this one: in the `call`-th disk call of the run the machine dies, or only the process.
    pub fn dying_at(mut self, call: u64, machine: bool) -> Simulation {
        self.only_death = Some((if machine { Fault::Crash } else { Fault::Kill }, call));
        self
    }

    /// Says nothing when it ends in a panic: the panic is expected.
    pub fn quiet(mut self) -> Simulation {
        self.quiet = true;
        self
    }

    /// All lives, and what they met and left behind. The error is a report for people.
    pub fn run(mut self) -> Result<(Coverage, Trace), String> {
        match self.lives() {
            Ok(()) => {
                self.coverage.add(&self.host.coverage());
                Ok((self.coverage, std::mem::take(&mut self.trace)))
            }
            Err(why) => {
                self.trace.line(format_args!("WRONG: {why}"));
                Err(format!("seed {}: {why}\nreplay with SCRIP_CRASH_SEED={}", self.seed, self.seed))
            }
        }
    }

    fn lives(&mut self) -> Result<(), String> {
        for number in 1..=self.plan.lives {
            let trouble = self.draw_trouble();
            self.trace.line(format_args!("life {number}, {trouble:?}"));
            self.expect(trouble);
            let Some(mut process) = self.start()? else {
                self.afterlife(false);
                continue;
            };
            if let Some(Trouble { fault, when: When::CallInLife(call) }) = trouble {
                self.arm(fault, call);
            }
            let has_begun = self.begin(&mut process, number == 1)?;
            let end = if has_begun { self.live(&mut process)? } else { None };
            self.ledger.bury(process.submitted());
            drop(process);
            self.afterlife(end == Some(End::PowerCut));
        }
        self.peace()
    }

    fn draw_trouble(&mut self) -> Option<Trouble> {
        let Some((fault, call)) = self.only_death else { return self.plan.trouble(&mut self.rng) };
        let calls_left = call.checked_sub(self.host.calls()).filter(|calls| *calls > 0)?;
        Some(Trouble { fault, when: When::Call(calls_left) })
    }

    /// Remembers or arms the trouble of a life that begins.
    fn expect(&mut self, trouble: Option<Trouble>) {
        self.frame_trouble = None;
        match trouble {
            Some(Trouble { fault, when: When::Call(call) }) => self.arm(fault, call),
            Some(Trouble { when: When::CallInLife(_), .. }) | None => {}
            Some(trouble) => self.frame_trouble = Some(trouble),
        }
    }

    /// Arms a fault for the `call`-th call (of its kind) from now on.
    fn arm(&mut self, fault: Fault, call: u64) {
        match fault {
            Fault::Crash => self.host.crash_at_call(call),
            Fault::Kill => self.host.kill_at_call(call),
            Fault::FailWrite => self.host.fail_write(call),
            Fault::FailSync => self.host.fail_sync(call),
        }
    }

    /// A torn tail is about to be cut: some repairs meet a trouble of their own.
    fn before_repair(&mut self) {
        if self.is_peace || self.only_death.is_some() {
            return;
        }
        let call = self.rng.u64(1..=4);
        match self.rng.u8(..12) {
            0 => self.arm(Fault::Crash, call),
            1 => self.arm(Fault::Kill, call),
            2 => self.arm(Fault::FailWrite, 1),
            // Then the zeros may be in the cache alone.
            3..6 => self.arm(Fault::FailSync, 1),
            _ => {}
        }
    }

    /// A frame with so many bytes of payload is about to be written: this may be the time for the trouble of this life.
    fn before_frame(&mut self, payload_bytes: usize) {
        let Some(Trouble { fault, when }) = &mut self.frame_trouble else { return };
        let is_time = match when {
            When::Frame(frames) => {
                *frames -= 1;
                *frames == 0
            }
            When::LargeFrame(bytes) => payload_bytes > *bytes,
            When::Call(_) | When::CallInLife(_) => unreachable!("these wait for no frame"),
        };
        if is_time {
            let fault = *fault;
            self.frame_trouble = None;
            // A frame takes two calls, a write and a sync.
            let call = if matches!(fault, Fault::Crash | Fault::Kill) { self.rng.u64(1..=2) } else { 1 };
            self.arm(fault, call);
        }
    }

    /// Between two lives: the machine comes back if it died, connections are gone, time has passed.
    fn afterlife(&mut self, power_cut: bool) {
        let has_crashed = self.host.has_crashed();
        // A process that a disk error has ended may be followed by a power cut as well.
        if power_cut || has_crashed || self.rng.u8(..4) == 0 {
            self.host.power_cut();
            self.clocks.reboot();
            self.trace.line(format_args!("the power was cut"));
        } else {
            self.host.restart();
            self.trace.line(format_args!("another process takes over"));
        }
        self.network.cut_all(&mut self.rng);
        let away_ms = match self.rng.u8(..16) {
            0..13 => self.rng.u64(..50),
            13..15 => self.rng.u64(..20_000),
            _ => self.rng.u64(..100_000_000),
        };
        self.clocks.pass(away_ms);
    }

    /// The last life: nothing goes wrong any more, everything acknowledged is asked for, everything sent is answered,
    /// and a last start finds it all.
    fn peace(&mut self) -> Result<(), String> {
        self.trace.line(format_args!("peace"));
        self.frame_trouble = None;
        self.is_peace = true;
        self.host.limit_bytes(None);
        let mut process = self.start()?.ok_or("a start without trouble did not come to its end")?;
        self.settle(&mut process)?;
        self.ledger.live.check_laws();
        process.recount()?;
        self.ledger.bury(process.submitted());
        drop(process);
        self.host.restart();
        self.read_again()
    }
}

impl Drop for Simulation {
    /// An assertion of the code under test ends a run, too: then this is the report.
    fn drop(&mut self) {
        if std::thread::panicking() && !self.quiet {
            eprintln!("replay with SCRIP_CRASH_SEED={}", self.seed);
        }
    }
}
