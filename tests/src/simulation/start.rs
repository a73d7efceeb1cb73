//! A process starts: the log is read, a torn tail cut, the log opened, shard time found; and at each step what the
//! ledger knows is compared with what is there.

use super::Simulation;
use super::coverage::Met;
use super::host::{HostDisk, is_eio};
use super::life::{Process, refused_by_shard};
use super::log::SimLog;
use super::plan::SHARD;
use scrip_engine::Engine;
use scrip_shard::{RecoveryError, Shard, ShardClock, recover};
use scrip_wal::{LogFault, LogWriter, OpenError, ScanEnd, ScanError, Tail, repair, scan};
use std::convert::Infallible;
use std::io;

/// Frames must have room for what one call of `Shard::advance` may post, though here it never does.
const FRAME_BUFFER_BYTES: usize = 300 * 1024;

impl Simulation {
    /// Starts a process; `None` if it did not live to serve.
    pub(super) fn start(&mut self) -> Result<Option<Process>, String> {
        let Some((engine, end)) = self.read()? else {
            self.coverage.met(Met::DiedInScan);
            return Ok(None);
        };
        if end.tail != Tail::Clean {
            self.coverage.met(Met::TornTail);
            self.trace.line(format_args!("{:?}", end.tail));
            self.before_repair();
            if let Err(error) = repair(&self.host, &end) {
                self.coverage.met(Met::DiedInRepair);
                return self.excuse(&error.source).map(|()| None);
            }
        }
        let Some(writer) = self.open(&end)? else {
            self.coverage.met(Met::DiedInOpen);
            return Ok(None);
        };
        self.ledger.go_on(&engine, &mut self.coverage)?;
        let clock = self.start_clock(&engine)?;
        let log = SimLog::new(writer, self.host.clone(), self.plan.frame_bytes_max);
        let sequence = engine.sequence();
        let shard = Shard::new(engine, log, self.rules, FRAME_BUFFER_BYTES);
        let mut process = Process::new(shard, clock);
        if process.shard.sequence() > sequence {
            self.coverage.met(Met::RulesChanged);
            self.ledger.configured(self.rules.late_confirm_ms, process.moment());
        }
        if process.shard.engine().state().rules != self.rules {
            return Err(format!("started with {:?}, these rules are not in force", self.rules));
        }
        self.coverage.met(Met::Life);
        self.trace.line(format_args!("starts at sequence {sequence}, epoch {}", end.epoch + 1));
        self.probe(&mut process, false)?;
        Ok(Some(process))
    }

    /// Reads the log twice: for its bytes, and as a start does; `None` if the process did not live through it.
    fn read(&mut self) -> Result<Option<(Engine, ScanEnd)>, String> {
        let mut found = Vec::new();
        let scanned = scan::<_, Infallible>(&self.host, SHARD, |_, payload| {
            found.extend_from_slice(payload);
            Ok(())
        });
        let end = match scanned {
            Ok(end) => end,
            Err(ScanError::Io(error)) => return self.excuse(&error).map(|()| None),
            Err(error) => return Err(error.to_string()),
        };
        self.trace.line(format_args!(
            "found {} events in {} frames, last segment {}, unproven {}, unused {:?}",
            end.records,
            end.frames,
            end.last_segment,
            end.unproven.len(),
            end.unused_segments
        ));
        self.ledger.compare(&found, &end, &mut self.coverage)?;
        let hash_seed = self.rng.u64(..);
        match recover(&self.host, SHARD, self.plan.capacity, hash_seed, |_, _| {}) {
            Ok(recovered) if recovered.end == end => Ok(Some((recovered.engine, end))),
            Ok(recovered) => Err(format!("read twice, the log ends in {end:?} and {:?}", recovered.end)),
            Err(RecoveryError::Log(ScanError::Io(error))) => self.excuse(&error).map(|()| None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn open(&mut self, end: &ScanEnd) -> Result<Option<LogWriter<HostDisk>>, String> {
        match LogWriter::open(self.host.clone(), &self.plan.options, end) {
            // A planted bug may have talked the log into going on after its machine died.
            Ok(_) if self.host.is_dead() => Ok(None),
            Ok(writer) => Ok(Some(writer)),
            Err(OpenError::Io(error) | OpenError::Fault(LogFault::Io { source: error, .. })) => {
                self.excuse(&error).map(|()| None)
            }
            Err(OpenError::NoSpace { .. }) if self.plan.fills_up => {
                self.coverage.met(Met::NoSpaceToOpen);
                self.trace.line(format_args!("no space to open the log; the operator makes room"));
                self.host.limit_bytes(None);
                Ok(None)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether this error is one that the run has caused.
    pub(super) fn excuse(&mut self, error: &io::Error) -> Result<(), String> {
        self.trace.line(format_args!("the disk says: {error}"));
        match self.host.is_dead() || is_eio(error) {
            true => Ok(()),
            false => Err(format!("an error that nothing has caused: {error}")),
        }
    }

    fn start_clock(&mut self, engine: &Engine) -> Result<ShardClock, String> {
        let logged_ms = engine.now_ms();
        let earliest_ms = Shard::<SimLog>::earliest_start_ms(engine);
        let bound_ms = self.plan.clock_bound_ms;
        let start = |wall_ms, monotonic_ms, bound_ms| {
            ShardClock::start(wall_ms, monotonic_ms, logged_ms, earliest_ms, bound_ms)
        };
        let (wall_ms, monotonic_ms) = (self.clocks.wall_ms(), self.clocks.monotonic_ms());
        let mut clock = match start(wall_ms, monotonic_ms, bound_ms) {
            Ok(clock) => clock,
            Err(jump) => {
                self.coverage.met(Met::ClockRefused);
                self.trace.line(format_args!("{jump}"));
                if self.rng.bool() {
                    self.clocks.set_right();
                }
                let wall_ms = self.clocks.wall_ms();
                start(wall_ms, monotonic_ms, u64::MAX).map_err(|error| error.to_string())?
            }
        };
        let now_ms = clock.read(self.clocks.wall_ms(), self.clocks.monotonic_ms());
        if logged_ms != 0 && now_ms > self.clocks.wall_ms() {
            self.coverage.met(Met::HeadStart);
        }
        self.ledger.check_start(now_ms)?;
        self.trace.line(format_args!("shard time starts at {now_ms}, logged {logged_ms}, wall {wall_ms}"));
        Ok(clock)
    }

    /// Asks again for what was acknowledged.
    pub(super) fn probe(&mut self, process: &mut Process, all: bool) -> Result<(), String> {
        let probes = self.ledger.probes(&mut self.rng, all);
        if probes.is_empty() {
            return Ok(());
        }
        self.bring_time(process)?;
        for lasting in probes {
            let answer = self.ask(process, &lasting.request)?.0;
            if refused_by_shard(&answer) {
                continue;
            }
            if self.ledger.check_probe(&lasting, &answer)? {
                self.coverage.met(Met::Remembered);
            }
        }
        Ok(())
    }

    /// After a peaceful end, the log is read once more.
    pub(super) fn read_again(&mut self) -> Result<(), String> {
        let (engine, end) = self.read()?.ok_or("reading without trouble did not come to its end")?;
        if end.tail != Tail::Clean || !end.sealed {
            return Err(format!("a log that was closed in peace ends in {end:?}"));
        }
        self.ledger.go_on(&engine, &mut self.coverage)
    }
}
