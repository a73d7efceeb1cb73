//! The schedule of an open loop: when the n-th frame (or checkout) is due, whatever the server does meanwhile.
//!
//! Invariant: the schedule depends on time alone. Latency is counted from it, so a server that stalls is charged for
//! all that was due during the stall, not for one frame.

use std::time::Duration;

/// When things are due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Schedule {
    /// Whenever there is room.
    Closed,
    /// At a rate that grows in proportion to time for `ramp_s`, and is constant from then on.
    Open { per_second: f64, ramp_s: f64 },
}

impl Schedule {
    pub(crate) fn open(per_second: f64, ramp: Duration) -> Schedule {
        Schedule::Open { per_second, ramp_s: ramp.as_secs_f64() }
    }

    /// How many are due by `now_ns`. In a closed loop any number.
    #[inline]
    pub(crate) fn due(&self, now_ns: u64) -> u64 {
        match *self {
            Schedule::Closed => u64::MAX,
            Schedule::Open { per_second, ramp_s } => {
                let seconds = now_ns as f64 / 1e9;
                let due = if seconds < ramp_s {
                    per_second * seconds * seconds / (2.0 * ramp_s)
                } else {
                    per_second * (seconds - ramp_s / 2.0)
                };
                due as u64 + 1
            }
        }
    }

    /// When number `n` (from 0) is due. In a closed loop at once.
    #[inline]
    pub(crate) fn at(&self, n: u64) -> u64 {
        match *self {
            Schedule::Closed => 0,
            Schedule::Open { per_second, ramp_s } => {
                let in_ramp = per_second * ramp_s / 2.0;
                let seconds = if (n as f64) < in_ramp {
                    (2.0 * n as f64 * ramp_s / per_second).sqrt()
                } else {
                    n as f64 / per_second + ramp_s / 2.0
                };
                (seconds * 1e9) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_and_when_agree() {
        for schedule in [
            Schedule::open(1_000.0, Duration::ZERO),
            Schedule::open(40_000.0, Duration::from_secs(2)),
            Schedule::open(0.5, Duration::ZERO),
        ] {
            for n in 0..100_000 {
                let at = schedule.at(n);
                assert!(schedule.due(at + 2) > n, "{schedule:?}: number {n} is due at {at}");
                assert!(
                    at < 1_000 || schedule.due(at - 1_000) <= n,
                    "{schedule:?}: number {n} is not due early"
                );
            }
        }
    }

    #[test]
    fn a_ramp_reaches_its_pace() {
        let schedule = Schedule::open(1_000.0, Duration::from_secs(2));
        assert_eq!(schedule.due(2_000_000_000), 1_001);
        assert_eq!(schedule.due(3_000_000_000), 2_001);
        assert_eq!(schedule.due(1_000_000_000), 251);
        assert_eq!(schedule.at(0), 0);
    }
}
