//! The clocks of a simulated machine: true time, a wall clock that people and daemons step about, and a monotonic one
//! that starts anew with the machine.

/// The clocks.
#[derive(Debug)]
pub struct Clocks {
    true_ms: u64,
    wall_ahead_ms: i64,
    booted_ms: u64,
}

impl Clocks {
    /// Clocks that agree, on a machine that has just been started.
    pub fn new(start_ms: u64) -> Clocks {
        Clocks { true_ms: start_ms, wall_ahead_ms: 0, booted_ms: start_ms }
    }

    /// Lets time pass.
    pub fn pass(&mut self, elapsed_ms: u64) {
        self.true_ms += elapsed_ms;
    }

    /// What the wall clock shows.
    pub fn wall_ms(&self) -> u64 {
        self.true_ms.saturating_add_signed(self.wall_ahead_ms).max(1)
    }

    /// What the monotonic clock shows.
    pub fn monotonic_ms(&self) -> u64 {
        self.true_ms - self.booted_ms
    }

    /// Sets the wall clock ahead, or back if negative.
    pub fn step(&mut self, by_ms: i64) {
        self.wall_ahead_ms += by_ms;
    }

    /// Sets the wall clock right.
    pub fn set_right(&mut self) {
        self.wall_ahead_ms = 0;
    }

    /// The machine was started again.
    pub fn reboot(&mut self) {
        self.booted_ms = self.true_ms;
    }
}
