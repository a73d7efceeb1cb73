//! Demand over stocks: Zipf's law by an alias table, one multiplication and one look-up per draw.

use crate::ids::below;

/// One rank: kept with probability `keep` / 2^32, else its alias is taken.
#[derive(Debug, Clone, Copy)]
struct Column {
    keep: u32,
    alias: u32,
}

/// Draws ranks 0 to n - 1, rank r in proportion to 1 / (r + 1)^exponent.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    columns: Vec<Column>,
}

impl Zipf {
    /// A table for `ranks` ranks (at least 1).
    pub(crate) fn new(ranks: usize, exponent: f64) -> Zipf {
        let weights: Vec<f64> = (1..=ranks).map(|rank| (rank as f64).powf(-exponent)).collect();
        let mean = weights.iter().sum::<f64>() / ranks as f64;
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..ranks).partition(|&rank| shares[rank] < 1.0);
        let mut columns: Vec<Column> =
            (0..ranks).map(|rank| Column { keep: u32::MAX, alias: rank as u32 }).collect();
        // Vose: fill each small column up from a large one, which may become small by that.
        while let (Some(few), Some(many)) = (small.pop(), large.last().copied()) {
            columns[few] = Column { keep: (shares[few] * 4_294_967_296.0) as u32, alias: many as u32 };
            shares[many] -= 1.0 - shares[few];
            if shares[many] < 1.0 {
                large.pop();
                small.push(many);
            }
        }
        Zipf { columns }
    }

    /// The rank that these bits draw.
    #[inline]
    pub(crate) fn rank(&self, bits: u64) -> u32 {
        let rank = below(bits, self.columns.len() as u64) as u32;
        let column = self.columns[rank as usize];
        if bits as u32 <= column.keep { rank } else { column.alias }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::mix;

    #[test]
    fn ranks_come_in_proportion_to_their_weight() {
        let (ranks, draws) = (1_000, 2_000_000);
        let zipf = Zipf::new(ranks, 1.0);
        let mut counts = vec![0_u32; ranks];
        for number in 0..draws {
            counts[zipf.rank(mix(number)) as usize] += 1;
        }
        let harmonic: f64 = (1..=ranks).map(|rank| 1.0 / rank as f64).sum();
        for rank in [0, 1, 9, 99] {
            let expected = draws as f64 / harmonic / (rank + 1) as f64;
            let found = f64::from(counts[rank]);
            assert!((found / expected - 1.0).abs() < 0.08, "rank {rank}: {found} instead of {expected}");
        }
        assert!(counts.iter().all(|&count| count > 0));
    }

    #[test]
    fn exponent_zero_is_even_and_one_rank_is_certain() {
        let zipf = Zipf::new(4, 0.0);
        let mut counts = [0_u32; 4];
        for number in 0..40_000 {
            counts[zipf.rank(mix(number)) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert!((0..100).all(|number| Zipf::new(1, 1.0).rank(mix(number)) == 0));
    }
}
