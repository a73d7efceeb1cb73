//! What the tests of the log share: records that can be recognised, and a little machine that writes, dies, recovers
//! and compares.
#![allow(dead_code)]

use scrip_wal::sim::SimDisk;
use scrip_wal::{
    Disk, FrameBuffer, FrameHeader, LogOptions, LogWriter, ScanEnd, ScanError, Tail, repair, scan,
};
use std::convert::Infallible;

pub const SHARD: u32 = 7;

/// Bytes of one test record: its sequence and a number that tells it from another one of the same sequence.
pub const RECORD_BYTES: usize = 16;

pub fn options() -> LogOptions {
    LogOptions { segment_bytes: 32 * 1024, segments_ahead: 1, ..LogOptions::new(SHARD) }
}

pub fn push_record(frame: &mut FrameBuffer, nonce: u64) {
    let sequence = frame.last_sequence() + 1;
    let room = frame.room();
    room[..8].copy_from_slice(&sequence.to_le_bytes());
    room[8..RECORD_BYTES].copy_from_slice(&nonce.to_le_bytes());
    frame.commit(RECORD_BYTES, 1);
}

/// The records of a log in order, as (sequence, nonce), and its end.
pub type Read = (Vec<(u64, u64)>, ScanEnd);

pub fn read<D: Disk>(disk: &D) -> Result<Read, ScanError<Infallible>> {
    let mut records = Vec::new();
    let end = scan(disk, SHARD, |_: &FrameHeader, payload: &[u8]| {
        for record in payload.chunks(RECORD_BYTES) {
            let (sequence, nonce) = record.split_at(8);
            let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            records.push((number(sequence), number(nonce)));
        }
        Ok(())
    })?;
    Ok((records, end))
}

/// The records found and a writer behind them.
pub type Recovered<D> = (Vec<(u64, u64)>, LogWriter<D>);

/// Scans, cuts a torn tail, opens.
pub fn recover<D: Disk>(disk: &D, options: &LogOptions) -> Result<Recovered<D>, String> {
    let (records, end) = read(disk).map_err(|error| format!("{error:?}"))?;
    if end.tail != Tail::Clean {
        repair(disk, &end).map_err(|error| format!("{error:?}"))?;
    }
    let writer = LogWriter::open(disk.clone(), options, &end).map_err(|error| format!("{error:?}"))?;
    Ok((records, writer))
}

/// A small log on a simulated disk: some frames, a restart, some more, sealed if asked for.
pub fn small_log(seal: bool) -> SimDisk {
    let disk = SimDisk::new(1);
    let mut frame = FrameBuffer::new(16 * 1024);
    for generation in 0..2_u64 {
        let (_, mut writer) = recover(&disk, &LogOptions { segments_ahead: 0, ..options() }).expect("opens");
        for number in 0..4 {
            frame.begin(writer.durable_sequence() + 1);
            for record in 0..[1, 3, 300, 2][number as usize] {
                push_record(&mut frame, generation * 1000 + number * 100 + record);
            }
            writer.append(&mut frame).expect("appends");
        }
        if seal {
            writer.seal().expect("seals");
        }
    }
    disk
}

/// What a run may meet.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// Power is cut in the n-th disk call of each generation.
    CrashAtCall(u64),
    /// The n-th write fails.
    FailWrite(u64),
    /// The n-th sync fails.
    FailSync(u64),
    /// Nothing happens; the power is cut at the end.
    None,
}

/// What the outside world knows about a log, and the check that the log agrees.
pub struct Ledger {
    disk: SimDisk,
    rng: fastrand::Rng,
    submitted: Vec<u64>,
    acknowledged: usize,
    /// Troubles that really happened.
    pub troubles_met: u64,
}

impl Ledger {
    pub fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            rng: fastrand::Rng::with_seed(seed ^ 0x5eed),
            submitted: Vec::new(),
            acknowledged: 0,
            troubles_met: 0,
        }
    }

    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Acknowledged is contained in recovered, recovered in submitted, in order.
    fn compare(&mut self, recovered: &[(u64, u64)]) -> Result<(), String> {
        if recovered.len() < self.acknowledged || recovered.len() > self.submitted.len() {
            return Err(format!(
                "{} recovered, {} acknowledged, {} submitted",
                recovered.len(),
                self.acknowledged,
                self.submitted.len()
            ));
        }
        for (index, (sequence, nonce)) in recovered.iter().enumerate() {
            if *sequence != index as u64 + 1 || *nonce != self.submitted[index] {
                return Err(format!("sequence {} came back as {sequence} with other content", index + 1));
            }
        }
        self.submitted.truncate(recovered.len());
        Ok(())
    }

    fn arm(&self, trouble: Trouble) {
        match trouble {
            Trouble::CrashAtCall(number) => self.disk.crash_at_call(number),
            Trouble::FailWrite(number) => self.disk.fail_write(number),
            Trouble::FailSync(number) => self.disk.fail_sync(number),
            Trouble::None => {}
        }
    }

    /// One life of the process: recover, append up to `frames` frames, meet `trouble` on the way, end with the power
    /// cut, or, after a failed write or sync, perhaps with the end of the process alone.
    pub fn generation(&mut self, frames: u32, trouble: Trouble) -> Result<(), String> {
        self.arm(trouble);
        let died = self.live(frames)?;
        self.troubles_met += u64::from(died);
        let power_cut = self.disk.crashed() || !died || self.rng.bool();
        self.disk.clear_faults();
        if power_cut {
            self.disk.crash();
        }
        Ok(())
    }

    /// Whether a trouble ended it. `Err` is a broken promise of the log.
    fn live(&mut self, frames: u32) -> Result<bool, String> {
        let (recovered, end) = match read(&self.disk) {
            Ok(read) => read,
            Err(ScanError::Io(_)) => return Ok(true),
            Err(error) => return Err(error.to_string()),
        };
        self.compare(&recovered)?;
        if end.tail != Tail::Clean && repair(&self.disk, &end).is_err() {
            return Ok(true);
        }
        let mut writer = match LogWriter::open(self.disk.clone(), &options(), &end) {
            Ok(writer) => writer,
            Err(scrip_wal::OpenError::Io(_) | scrip_wal::OpenError::Fault(_)) => return Ok(true),
            Err(error) => return Err(error.to_string()),
        };
        // Opening made all of it durable: from now on it may be shown to the world.
        self.acknowledged = recovered.len();
        let mut frame = FrameBuffer::new(12 * 1024);
        for _ in 0..frames {
            if self.rng.u8(..8) == 0 {
                if writer.seal().is_err() {
                    return Ok(true);
                }
                continue;
            }
            frame.begin(self.submitted.len() as u64 + 1);
            for _ in 0..self.rng.u32(1..=600) {
                let nonce = self.rng.u64(..);
                push_record(&mut frame, nonce);
                self.submitted.push(nonce);
            }
            match writer.append(&mut frame) {
                Ok(durable_sequence) => self.acknowledged = durable_sequence as usize,
                Err(_) => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Reads the log once more, after everything.
    pub fn settle(&mut self) -> Result<(), String> {
        self.generation(0, Trouble::None)
    }
}
