//! Timers of checkouts: a wheel of milliseconds. Setting and firing cost the same, however many are set.
//!
//! Invariant: nothing fires early; what lies beyond the wheel's turn goes round until its time has come.

/// Milliseconds of one turn.
const SLOTS: u64 = 4_096;
const MS: u64 = 1_000_000;

/// One timer.
#[derive(Debug, Clone, Copy)]
struct Timer {
    due_ns: u64,
    who: u32,
}

/// Timers that name a number each.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<Timer>>,
    /// All slots before this millisecond have fired.
    at_ms: u64,
    set: usize,
    again: Vec<Timer>,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel { slots: (0..SLOTS).map(|_| Vec::new()).collect(), at_ms: 0, set: 0, again: Vec::new() }
    }

    /// Sets a timer.
    pub(crate) fn set(&mut self, due_ns: u64, who: u32) {
        let last_ms = self.at_ms + SLOTS - 1;
        let slot_ms = due_ns.div_ceil(MS).clamp(self.at_ms, last_ms);
        self.slots[(slot_ms % SLOTS) as usize].push(Timer { due_ns, who });
        self.set += 1;
    }

    /// Fires what is due.
    pub(crate) fn advance(&mut self, now_ns: u64, mut fire: impl FnMut(u32, u64)) {
        let now_ms = now_ns / MS;
        while self.at_ms <= now_ms {
            if self.set == 0 {
                self.at_ms = now_ms + 1;
                return;
            }
            let slot = &mut self.slots[(self.at_ms % SLOTS) as usize];
            self.at_ms += 1;
            self.set -= slot.len();
            for timer in slot.drain(..) {
                if timer.due_ns <= now_ns { fire(timer.who, timer.due_ns) } else { self.again.push(timer) }
            }
            for timer in std::mem::take(&mut self.again) {
                self.set(timer.due_ns, timer.who);
            }
        }
    }

    /// When to look again, if nothing is set in between.
    pub(crate) fn next_ns(&self) -> u64 {
        if self.set == 0 {
            return u64::MAX;
        }
        let empty = |ms: &u64| self.slots[(*ms % SLOTS) as usize].is_empty();
        // A full turn at most; usually the next few slots hold something.
        let ahead = (self.at_ms..self.at_ms + SLOTS).take_while(empty).count() as u64;
        (self.at_ms + ahead) * MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_their_millisecond_and_never_early() {
        let mut wheel = Wheel::new();
        let dues = [5 * MS, 5 * MS + 1, 0, 9_000 * MS, 70_000 * MS, 3 * MS];
        for (who, &due_ns) in (0..).zip(&dues) {
            wheel.set(due_ns, who);
        }
        let mut fired = Vec::new();
        let mut now_ns = 0;
        while wheel.next_ns() < u64::MAX {
            now_ns = now_ns.max(wheel.next_ns());
            wheel.advance(now_ns, |who, due_ns| {
                assert!(due_ns == dues[who as usize] && due_ns <= now_ns && now_ns < due_ns + 2 * MS + 1);
                fired.push(who);
            });
        }
        assert_eq!(fired, [2, 5, 0, 1, 3, 4]);
        assert_eq!(wheel.next_ns(), u64::MAX);
    }

    #[test]
    fn a_timer_set_in_the_past_fires_at_once() {
        let mut wheel = Wheel::new();
        wheel.advance(50 * MS, |_, _| {});
        wheel.set(10 * MS, 1);
        let mut fired = 0;
        wheel.advance(52 * MS, |_, _| fired += 1);
        assert_eq!(fired, 1);
    }
}
