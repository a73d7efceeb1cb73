//! The machine's clocks, read in one place.

use std::time::{Instant, SystemTime};

/// Wall and monotonic time.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    started: Instant,
}

impl Clocks {
    /// Clocks whose monotonic time starts now.
    pub fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// Milliseconds since the Unix epoch, milliseconds since the start, and the instant itself.
    #[inline]
    pub fn read(&self) -> (u64, u64, Instant) {
        let instant = Instant::now();
        let wall_ms =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        (wall_ms as u64, instant.duration_since(self.started).as_millis() as u64, instant)
    }

    /// Seconds since the start.
    pub fn life_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}
