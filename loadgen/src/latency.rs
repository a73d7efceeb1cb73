//! Latency distributions: recorded in nanoseconds, told in microseconds.
//!
//! Invariant: recording never allocates and never fails; what is longer than the longest is counted as the longest.

use crate::report::HistogramSummary;
use hdrhistogram::{Counter, Histogram};

/// The longest latency told apart: ten minutes.
const NS_MAX: u64 = 600_000_000_000;
/// The shortest.
const NS_MIN: u64 = 128;

/// A distribution of latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies<C: Counter>(Histogram<C>);

impl<C: Counter> Latencies<C> {
    /// An empty one that keeps `digits` significant decimal digits.
    pub(crate) fn new(digits: u8) -> Latencies<C> {
        Latencies(Histogram::new_with_bounds(NS_MIN, NS_MAX, digits).expect("constant bounds are legal"))
    }

    /// Records `count` answers that took `ns`.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64, count: u64) {
        // Saturating never fails within bounds; a counter that is full stays full.
        let count = C::from_u64(count).or_else(|| C::from_u32(u32::MAX)).unwrap_or_else(C::one);
        self.0.saturating_record_n(ns.min(NS_MAX), count);
    }

    /// Adds another's answers to these.
    pub(crate) fn add<D: Counter>(&mut self, other: &Latencies<D>) {
        for step in other.0.iter_recorded() {
            self.record(step.value_iterated_to(), step.count_at_value().as_u64());
        }
    }

    /// What was recorded, briefly: latency and how often, in order.
    pub(crate) fn steps(&self) -> Vec<(u64, u32)> {
        let step = |step: hdrhistogram::iterators::IterationValue<C>| {
            let count = step.count_at_value().as_u64();
            (step.value_iterated_to(), u32::try_from(count).unwrap_or(u32::MAX))
        };
        self.0.iter_recorded().map(step).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }

    pub(crate) fn summary(&self) -> HistogramSummary {
        if self.0.is_empty() {
            return HistogramSummary::default();
        }
        let us = |ns: u64| ns as f64 / 1_000.0;
        let at = |quantile: f64| us(self.0.value_at_quantile(quantile));
        HistogramSummary {
            count: self.0.len(),
            mean: self.0.mean() / 1_000.0,
            p50: at(0.50),
            p90: at(0.90),
            p99: at(0.99),
            p999: at(0.999),
            max: us(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_told_in_microseconds() {
        let mut latencies = Latencies::<u64>::new(3);
        latencies.record(1_000_000, 990);
        latencies.record(5_000_000, 9);
        latencies.record(u64::MAX, 1);
        let summary = latencies.summary();
        assert_eq!(summary.count, 1_000);
        assert!((summary.p50 - 1_000.0).abs() < 2.0 && (summary.p999 - 5_000.0).abs() < 10.0, "{summary:?}");
        assert!((summary.max / 600_000_000.0 - 1.0).abs() < 0.01, "{summary:?}");
    }

    #[test]
    fn merged_distributions_tell_the_same_as_one() {
        let (mut all, mut part) = (Latencies::<u64>::new(3), Latencies::<u32>::new(2));
        for ns in (1..2_000).map(|step| step * 1_000) {
            part.record(ns, 3);
        }
        all.add(&part);
        let (merged, own) = (all.summary(), part.summary());
        assert_eq!(merged.count, own.count);
        assert!((merged.p99 / own.p99 - 1.0).abs() < 0.02, "{merged:?} {own:?}");
    }
}
