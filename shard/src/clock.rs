//! Shard time: from the wall clock and a monotonic one, neither of which is read here.
//!
//! Invariant: it never goes back, and a wall clock that jumps does not take it along: while the two clocks disagree by
//! more than the bound, shard time advances at the monotonic rate and the alarm is raised.

/// How far the wall clock may run away from the monotonic one between two readings, in milliseconds.
pub const JUMP_MAX_MS: u64 = 5_000;

/// The latest wall clock that is believed: in the year 2103. Slices of operation ids are counted in 32 bits of seconds.
pub const WALL_MAX_MS: u64 = 4_200_000_000_000;

/// Derives shard time from readings of two clocks.
#[derive(Debug)]
pub struct ShardClock {
    now_ms: u64,
    monotonic_ms: u64,
    alarm: bool,
}

/// A wall clock that can't be started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine's clock says {wall_ms} ms, the log's last time is {logged_ms} ms: {apart} apart, more than the {bound} \
     a start accepts. Set the clock right, or start once with --accept-clock if it is right",
    apart = Span(wall_ms.abs_diff(*logged_ms)), bound = Span(*bound_ms)
)]
pub struct ClockJump {
    /// The wall clock.
    pub wall_ms: u64,
    /// The last time in the log.
    pub logged_ms: u64,
    /// The configured bound.
    pub bound_ms: u64,
}

/// A length of time for people.
struct Span(u64);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            ms if ms < 120_000 => write!(f, "{} s", ms / 1_000),
            ms if ms < 2 * 86_400_000 => write!(f, "{} h", ms / 3_600_000),
            ms => write!(f, "{} days", ms / 86_400_000),
        }
    }
}

impl ShardClock {
    /// A clock that starts at the wall clock, but never before `earliest_ms` (the last logged time and its lease).
    /// A wall clock further than `bound_ms` from a log that has a time (`logged_ms` not 0) is refused, and so is one past
    /// [`WALL_MAX_MS`].
    ///
    /// # Errors
    /// [`ClockJump`].
    pub fn start(
        wall_ms: u64,
        monotonic_ms: u64,
        logged_ms: u64,
        earliest_ms: u64,
        bound_ms: u64,
    ) -> Result<ShardClock, ClockJump> {
        let apart = logged_ms != 0 && wall_ms.abs_diff(logged_ms) > bound_ms;
        if apart || wall_ms > WALL_MAX_MS {
            return Err(ClockJump { wall_ms, logged_ms, bound_ms });
        }
        Ok(ShardClock { now_ms: wall_ms.max(earliest_ms), monotonic_ms, alarm: false })
    }

    /// Shard time for these readings.
    pub fn read(&mut self, wall_ms: u64, monotonic_ms: u64) -> u64 {
        let elapsed_ms = monotonic_ms.saturating_sub(self.monotonic_ms);
        self.monotonic_ms = self.monotonic_ms.max(monotonic_ms);
        let expected_ms = self.now_ms + elapsed_ms;
        self.alarm = wall_ms.abs_diff(expected_ms) > JUMP_MAX_MS || wall_ms > WALL_MAX_MS;
        // A wall clock a little behind is waited for; one far off is not followed.
        self.now_ms = if self.alarm { expected_ms } else { wall_ms.max(self.now_ms) };
        self.now_ms
    }

    /// Whether the last reading found the clocks too far apart.
    pub fn alarm(&self) -> bool {
        self.alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_time_follows_small_steps_and_no_large_ones() {
        let mut clock = ShardClock::start(1_000_000, 0, 0, 0, 1_000).unwrap();
        assert_eq!(clock.read(1_000_010, 10), 1_000_010);
        assert_eq!(clock.read(1_000_005, 11), 1_000_010, "a small step back is waited for");
        assert_eq!(clock.read(1_000_020, 20), 1_000_020);
        assert_eq!(clock.read(9_000_000, 30), 1_000_030, "a jump ahead is not followed");
        assert!(clock.alarm());
        assert_eq!(clock.read(10_000, 50), 1_000_050, "nor a jump back");
        assert_eq!(clock.read(1_000_060, 60), 1_000_060);
        assert!(!clock.alarm());
    }

    #[test]
    fn a_start_is_never_before_the_log_and_refuses_a_far_clock() {
        let clock = ShardClock::start(1_000, 0, 1_500, 1_600, 10_000).unwrap();
        assert_eq!(clock.now_ms, 1_600);
        let jump = ShardClock::start(100_000_000_000, 0, 1_500, 1_600, 10_000).unwrap_err();
        assert!(jump.to_string().contains("1157 days apart"), "{jump}");
        assert!(ShardClock::start(100_000_000_000, 0, 0, 0, 10_000).is_ok(), "an empty log has no time");
        assert!(ShardClock::start(WALL_MAX_MS + 1, 0, 0, 0, u64::MAX).is_err(), "nobody lives that late");
    }
}
