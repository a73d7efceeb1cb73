//! What a number of runs have met: a simulation that never meets a torn tail proves nothing about torn tails.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// Something a run can meet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Met {
            $($(#[$doc])* $kind,)*
        }

        impl Met {
            /// Every kind, in the order of the table.
            pub const ALL: &[Met] = &[$(Met::$kind,)*];
        }
    };
}

kinds! {
    /// A life of the process that got as far as serving.
    Life,
    /// A command was executed.
    Command,
    /// An answer passed the gate.
    Acknowledged,
    /// An acknowledged effect was asked for again after a restart.
    Remembered,
    /// A frame became durable.
    Frame,
    /// A seal was written.
    Seal,
    /// The power was cut between two disk calls.
    PowerCut,
    /// The process was killed between two disk calls.
    Kill,
    /// The process ended in peace.
    Stop,
    /// The machine died in a read, or in listing the directory.
    CrashInRead,
    /// The machine died in a write.
    CrashInWrite,
    /// The machine died in a sync.
    CrashInSync,
    /// The machine died while a file was created, sized or removed.
    CrashInFile,
    /// The machine died in a sync of the directory.
    CrashInDirectorySync,
    /// The process was killed in a disk call.
    KillInCall,
    /// A write failed with EIO.
    EioOnWrite,
    /// A sync of a file failed with EIO.
    EioOnSync,
    /// A sync of the directory failed with EIO.
    EioOnDirectorySync,
    /// The disk said that it is full.
    DiskFull,
    /// A command was refused because the log's space ran low.
    RefusedForSpace,
    /// A command that ends a hold was taken though space was low.
    TakenThoughLow,
    /// Space came back while the process lived.
    SpaceCameBack,
    /// The log could not be opened because the disk was full.
    NoSpaceToOpen,
    /// A start found a torn tail.
    TornTail,
    /// A name that was not synced was lost in a power cut.
    LostName,
    /// The frame in flight was found after all.
    InFlightKept,
    /// The frame in flight was gone.
    InFlightLost,
    /// The process died while it read the log.
    DiedInScan,
    /// The process died while it cut a torn tail.
    DiedInRepair,
    /// The process died while it opened the log.
    DiedInOpen,
    /// The wall clock was set back.
    StepBack,
    /// The wall clock was set ahead.
    StepAhead,
    /// Shard time did not follow the wall clock.
    ClockAlarm,
    /// A start refused the wall clock.
    ClockRefused,
    /// The restart's head start saved shard time from going back.
    HeadStart,
    /// A connection was cut and its commands were sent again.
    Reconnect,
    /// A command was sent again while its first copy waited at the gate.
    DuplicateInFlight,
    /// An unknown outcome turned out to have happened, once.
    UnknownHappened,
    /// An unknown outcome turned out not to have happened, and the retry did it.
    UnknownLost,
    /// A table of the engine was full.
    TableFull,
    /// Rules changed at a restart.
    RulesChanged,
    /// A start found quotas in the log.
    QuotaRecovered,
    /// A start found a lapsed guarantee in the log.
    LapseRecovered,
    /// A start found limits of subjects in the log.
    LimitsRecovered,
    /// A start found prices in the log.
    PricesRecovered,
    /// A start found risk rules or blocks in the log.
    RiskRecovered,
    /// A start found a merchant's time zone in the log.
    ZoneRecovered,
    /// A start found a hold that risk had marked in the log.
    FlagRecovered,
    /// A start found a hold with cards in the log.
    HeldCardsRecovered,
    /// A start found a debt in the log.
    DebtRecovered,
    /// A start found settled debts in the log.
    SettlementRecovered,
    /// A start found an import of card keys in the log.
    KeysRecovered,
    /// A start found a card key in the log that took another's place.
    KeyReplacedRecovered,
    /// A start found the tombstone of a cancelled operation in the log.
    TombstoneRecovered,
}

/// How often each kind was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    counts: [u64; Met::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage { counts: [0; Met::ALL.len()] }
    }
}

impl Coverage {
    /// Reads the table back that another process has printed; `None`: a kind is missing.
    pub fn told_in(text: &str) -> Option<Coverage> {
        let mut told = Coverage::default();
        for kind in Met::ALL {
            let name = format!("{kind:?}");
            let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let count = words.into_iter().find_map(|words| match words[..] {
                [first, count] if first == name => count.parse().ok(),
                _ => None,
            });
            told.counts[*kind as usize] = count?;
        }
        Some(told)
    }

    /// Counts one more.
    pub fn met(&mut self, kind: Met) {
        self.counts[kind as usize] += 1;
    }

    /// How often `kind` was met.
    pub fn count(&self, kind: Met) -> u64 {
        self.counts[kind as usize]
    }

    /// Adds what another run met.
    pub fn add(&mut self, other: &Coverage) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// Times that a machine died or a process was killed within a disk call.
    pub fn deaths_in_calls(&self) -> u64 {
        let kinds = [
            Met::CrashInRead,
            Met::CrashInWrite,
            Met::CrashInSync,
            Met::CrashInFile,
            Met::CrashInDirectorySync,
            Met::KillInCall,
        ];
        kinds.into_iter().map(|kind| self.count(kind)).sum()
    }

    /// Times that anything ended a process but its own wish.
    pub fn deaths(&self) -> u64 {
        let others = [Met::PowerCut, Met::Kill, Met::EioOnWrite, Met::EioOnSync, Met::EioOnDirectorySync];
        self.deaths_in_calls() + others.into_iter().map(|kind| self.count(kind)).sum::<u64>()
    }

    /// The kinds that were never met.
    pub fn missing(&self) -> Vec<Met> {
        Met::ALL.iter().copied().filter(|kind| self.count(*kind) == 0).collect()
    }
}

/// A table, one line per kind.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Met::ALL {
            writeln!(f, "{:<24}{:>12}", format!("{kind:?}"), self.count(*kind))?;
        }
        Ok(())
    }
}
