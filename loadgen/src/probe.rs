//! What this machine allows: disk, loopback, memory. Measured in the same run as a bench, so that each figure can be
//! told as a share of what is possible here.
//!
//! Invariant: a directory whose writes would not survive a power cut is refused, never measured.

mod disk;
mod network;

use crate::error::ProbeError;
use crate::ids::mix;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Bytes that random reads are spread over: far more than any cache has.
const MEMORY_BYTES: usize = 256 << 20;
/// Reads in one go; the fastest of several goes counts, because others may use the machine, too.
const READS: u32 = 250_000;
const GOES: u32 = 8;

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half were faster.
    pub p50: f64,
    /// 99 of a hundred were faster.
    pub p99: f64,
}

impl Quantiles {
    fn of(mut ns: Vec<u64>) -> Quantiles {
        ns.sort_unstable();
        let at =
            |share: f64| ns.get((ns.len() as f64 * share) as usize).map_or(0.0, |ns| *ns as f64 / 1_000.0);
        Quantiles { p50: at(0.5), p99: at(0.99) }
    }
}

/// What a machine allows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Probe {
    /// A 4 KiB O_DIRECT write into a file written before, and fdatasync.
    pub write_sync_us: Quantiles,
    /// 64 bytes there and back over one idle loopback connection.
    pub echo_us: Quantiles,
    /// Sequential 1 MiB O_DIRECT writes into a file written before, in 10^6 bytes per second.
    pub write_mb_s: f64,
    /// Messages of 64 bytes echoed per second with 1,024 under way, one thread on each side.
    pub echo_per_s: f64,
    /// One read that depends on the one before, spread over 256 MiB.
    pub random_access_ns: f64,
}

/// Measures disk (in `directory`, in a file that is removed again), loopback and memory. Takes three to four seconds.
pub fn probe(directory: &Path) -> Result<Probe, ProbeError> {
    let disk = disk::measure(directory)?;
    let system = |what| move |why| ProbeError::System { what, why };
    Ok(Probe {
        write_sync_us: disk.write_sync_us,
        write_mb_s: disk.write_mb_s,
        echo_us: network::echo().map_err(system("measure a loopback round trip"))?,
        echo_per_s: network::echo_per_s().map_err(system("measure loopback messages"))?,
        random_access_ns: random_access_ns(),
    })
}

fn random_access_ns() -> f64 {
    let words = MEMORY_BYTES / size_of::<u64>();
    // Written, so that every page is there; the values only serve to make each address depend on the read before.
    let memory: Vec<u64> = (0..words as u64).collect();
    let mask = words as u64 - 1;
    let mut at = 1_u64;
    let mut least = f64::INFINITY;
    for go in 0..GOES {
        let started = Instant::now();
        for step in 0..READS {
            at = mix(memory[(at & mask) as usize].wrapping_add(u64::from(go * READS + step)));
        }
        least = least.min(black_box(started).elapsed().as_nanos() as f64 / f64::from(READS));
    }
    black_box(at);
    least
}
const _: () = assert!((MEMORY_BYTES / size_of::<u64>()).is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_memory_is_refused() {
        let shm = Path::new("/dev/shm");
        if !shm.is_dir() {
            println!("skipped: this machine has no /dev/shm");
            return;
        }
        let refused = disk::measure(shm).map(|_| ());
        assert!(matches!(refused, Err(ProbeError::NotDurable { .. })), "{refused:?}");
        assert!(refused.unwrap_err().to_string().starts_with("NOT DURABLE"));
    }

    #[test]
    fn the_machine_is_measured() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        match probe(directory.path()) {
            Ok(probe) => {
                println!("{probe:?}");
                let figures = [
                    probe.write_sync_us.p50,
                    probe.write_sync_us.p99,
                    probe.echo_us.p50,
                    probe.write_mb_s,
                    probe.echo_per_s,
                    probe.random_access_ns,
                ];
                assert!(figures.iter().all(|figure| figure.is_finite() && *figure > 0.0), "{probe:?}");
            }
            Err(ProbeError::NotDurable { directory, why }) => {
                println!("skipped: {} {why}", directory.display())
            }
            Err(why) => panic!("{why}"),
        }
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 0, "the probe leaves nothing behind");
    }
}
