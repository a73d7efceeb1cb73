//! The measured time of one thread: what counts after the warm-up and before the end, and the timeline of it all.

use crate::latency::Latencies;
use crate::report::Second;
use crate::sums::Sums;

/// Seconds of a timeline: a day.
const SECONDS_MAX: usize = 86_400;

/// One second of one thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interval {
    pub(crate) counts: Second,
    /// Latency and how often, in order.
    pub(crate) latencies: Vec<(u64, u32)>,
}

/// A moment and the answers there were by then.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    ns: u64,
    answers: u64,
}

/// Latencies, timeline and measured time of one thread.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) latencies: Latencies<u64>,
    pub(crate) timeline: Vec<Interval>,
    warm_until_ns: u64,
    from: Option<Mark>,
    until: Option<Mark>,
    last_ns: u64,
    second: u32,
    in_second: Latencies<u32>,
    /// The sums when the present second began.
    base: Sums,
}

impl Tally {
    pub(crate) fn new(warm_until_ns: u64) -> Tally {
        Tally {
            latencies: Latencies::new(3),
            timeline: Vec::new(),
            warm_until_ns,
            from: (warm_until_ns == 0).then(Mark::default),
            until: None,
            last_ns: 0,
            second: 0,
            in_second: Latencies::new(2),
            base: Sums::ZERO,
        }
    }

    /// `count` answers came that had been due or sent at `since_ns`.
    #[inline]
    pub(crate) fn took(&mut self, since_ns: u64, now_ns: u64, count: u64) {
        let ns = now_ns.saturating_sub(since_ns);
        self.in_second.record(ns, count);
        // During the warm-up they are recorded too, lest a load that never leaves it has nothing to tell.
        if self.from.is_none() || since_ns >= self.warm_until_ns {
            self.latencies.record(ns, count);
        }
        self.last_ns = now_ns;
    }

    /// Closes a second, ends the warm-up, when their time has come.
    pub(crate) fn tick(&mut self, now_ns: u64, sums: &Sums) {
        let second = (now_ns / 1_000_000_000) as u32;
        if second != self.second {
            self.close_second(second, sums);
        }
        if self.from.is_none() && self.until.is_none() && now_ns >= self.warm_until_ns {
            self.from = Some(Mark { ns: now_ns, answers: sums.answers() });
            self.latencies.clear();
        }
    }

    /// The load is stopped here: answers still come, but are no longer part of the rate.
    pub(crate) fn stop(&mut self, now_ns: u64, sums: &Sums) {
        self.until.get_or_insert(Mark { ns: now_ns, answers: sums.answers() });
    }

    /// The last second; answers and nanoseconds of the measured time.
    pub(crate) fn finish(&mut self, sums: &Sums) -> (u64, u64) {
        self.close_second(self.second + 1, sums);
        let from = self.from.unwrap_or_default();
        let until = self.until.unwrap_or(Mark { ns: self.last_ns, answers: sums.answers() });
        (until.answers.saturating_sub(from.answers), until.ns.saturating_sub(from.ns))
    }

    fn close_second(&mut self, next: u32, sums: &Sums) {
        let base = &self.base;
        let counts = Second {
            second: self.second,
            acknowledged: sums.acknowledged - base.acknowledged,
            owed: sums.owed - base.owed,
            refused: sums.refused_total - base.refused_total,
            turned_away: sums.turned_away - base.turned_away,
            unknown: sums.interrupted - base.interrupted,
            reconnects: sums.reconnects - base.reconnects,
            ..Second::default()
        };
        if self.timeline.len() < SECONDS_MAX {
            self.timeline.push(Interval { counts, latencies: self.in_second.steps() });
        }
        self.in_second.clear();
        self.base = sums.clone();
        self.second = next;
    }
}

/// The timelines of all threads as one, gaps filled.
pub(crate) fn merge(timelines: &[Vec<Interval>]) -> Vec<Second> {
    let last = timelines.iter().flatten().map(|interval| interval.counts.second).max();
    let Some(last) = last else { return Vec::new() };
    let mut latencies = Latencies::<u64>::new(3);
    let mut at = vec![0; timelines.len()];
    let mut merged = Vec::with_capacity(last as usize + 1);
    for second in 0..=last {
        let mut sum = Second { second, ..Second::default() };
        latencies.clear();
        for (timeline, at) in timelines.iter().zip(&mut at) {
            let Some(interval) = timeline.get(*at).filter(|interval| interval.counts.second == second) else {
                continue;
            };
            *at += 1;
            let counts = &interval.counts;
            sum.acknowledged += counts.acknowledged;
            sum.owed += counts.owed;
            sum.refused += counts.refused;
            sum.turned_away += counts.turned_away;
            sum.unknown += counts.unknown;
            sum.reconnects += counts.reconnects;
            for &(ns, count) in &interval.latencies {
                latencies.record(ns, u64::from(count));
            }
        }
        sum.latency = latencies.summary();
        merged.push(sum);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_warm_up_is_not_measured() {
        let mut tally = Tally::new(SECOND);
        let mut sums = Sums::ZERO;
        tally.took(0, 900, 10);
        sums.acknowledged = 10;
        tally.tick(SECOND + 5, &sums);
        tally.took(SECOND - 1, SECOND + 10_000_000, 5);
        tally.took(SECOND + 10, SECOND + 1_010, 5);
        sums.acknowledged = 20;
        tally.stop(2 * SECOND + 5, &sums);
        sums.acknowledged = 30;
        assert_eq!(tally.finish(&sums), (10, SECOND));
        let summary = tally.latencies.summary();
        assert_eq!(summary.count, 5, "what was sent in the warm-up is not in the latencies");
        assert!(summary.max < 1.1, "{summary:?}");
        let merged = merge(&[tally.timeline]);
        assert_eq!(merged.iter().map(|second| second.acknowledged).collect::<Vec<_>>(), [10, 20]);
    }

    #[test]
    fn a_load_that_ends_in_its_warm_up_is_measured_whole() {
        let mut tally = Tally::new(SECOND);
        tally.took(100, 200, 4);
        let sums = Sums { acknowledged: 3, refused_total: 1, ..Sums::ZERO };
        assert_eq!(tally.finish(&sums), (4, 200));
        assert_eq!(tally.latencies.summary().count, 4);
    }

    #[test]
    fn threads_and_gaps_are_merged_second_by_second() {
        let mut one = Tally::new(0);
        let sums = |acknowledged| Sums { acknowledged, ..Sums::ZERO };
        one.tick(SECOND, &sums(5));
        one.tick(4 * SECOND, &sums(7));
        one.finish(&sums(8));
        let mut other = Tally::new(0);
        other.finish(&sums(100));
        let merged = merge(&[one.timeline, other.timeline]);
        assert_eq!(merged.iter().map(|second| second.acknowledged).collect::<Vec<_>>(), [105, 2, 0, 0, 1]);
    }
}
