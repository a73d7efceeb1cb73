//! The arithmetic of money: the one rounding and the one split that every discount uses. It stands alone so that the two
//! rules that two programs most easily disagree about can be read, and tested, by themselves.
//!
//! Invariant: shares add up to what was split, and no share is larger than the weight it was taken from.

use crate::limits::{BASIS_POINTS, LINES_MAX};
use arrayvec::ArrayVec;

/// The positions of the bits of `set`, ascending.
pub(crate) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}

/// The sum of `amounts` at the bits of `lines`. Both are under the bounds of a cart, whose total fits.
pub(crate) fn sum(amounts: &[u64; LINES_MAX], lines: u64) -> u64 {
    bits(lines).map(|line| amounts[line]).sum()
}

/// The quotient and the remainder of `amount * weight / total`; `amount` and `weight` are at most `total`.
fn portion(amount: u64, weight: u64, total: u64) -> (u64, u64) {
    debug_assert!(amount <= total && weight <= total);
    if total >> 32 == 0 {
        let product = amount * weight;
        (product / total, product % total)
    } else {
        let product = u128::from(amount) * u128::from(weight);
        // At most `weight`, and less than `total`: both fit.
        ((product / u128::from(total)) as u64, (product % u128::from(total)) as u64)
    }
}

/// `amount * weight / total`, half-up: 2.5 is 3. `weight` is at most `total`; nothing of nothing is nothing.
pub(crate) fn half_up(amount: u64, weight: u64, total: u64) -> u64 {
    if total == 0 {
        return 0;
    }
    let product = u128::from(amount) * u128::from(weight);
    let total = u128::from(total);
    // At most `amount`.
    ((2 * product + total) / (2 * total)) as u64
}

/// `amount` times a share in hundredths of a percent, half-up.
pub(crate) fn half_up_share(amount: u64, basis_points: u16) -> u64 {
    let whole = u64::from(BASIS_POINTS);
    match amount.checked_mul(u64::from(basis_points)).and_then(|product| product.checked_add(whole / 2)) {
        Some(product) => product / whole,
        None => half_up(amount, u64::from(basis_points), whole),
    }
}

/// Takes `amount` off the amounts at the bits of `lines`, whose sum is `total`, in proportion to them. Each loses the whole
/// units of its proportion; the units that are left over are taken one each where the remainders are largest, of equal
/// remainders from the earlier line. `amount` is at most `total`.
pub(crate) fn take_split(amount: u64, total: u64, amounts: &mut [u64; LINES_MAX], lines: u64) {
    debug_assert!(amount <= total && total == sum(amounts, lines));
    if amount == total {
        bits(lines).for_each(|line| amounts[line] = 0);
        return;
    }
    if amount == 0 {
        return;
    }
    let mut remainders: ArrayVec<u64, LINES_MAX> = ArrayVec::new();
    let mut over = amount;
    for line in bits(lines) {
        let (whole, remainder) = portion(amount, amounts[line], total);
        amounts[line] -= whole;
        over -= whole;
        if remainder > 0 {
            // One number to sort by: the remainder, then the earlier line.
            remainders.push(remainder << 6 | (63 - line as u64));
        }
    }
    if over == 0 {
        return;
    }
    // Each remainder is less than one unit and they add up to `over` units: there are more of them than units.
    let over = over as usize;
    remainders.select_nth_unstable_by(over - 1, |one, other| other.cmp(one));
    for key in &remainders[..over] {
        amounts[63 - (key & 63) as usize] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(amount: u64, weights: &[u64]) -> Vec<u64> {
        let mut amounts = [0; LINES_MAX];
        amounts[..weights.len()].copy_from_slice(weights);
        let lines = (1 << weights.len()) - 1;
        take_split(amount, weights.iter().sum(), &mut amounts, lines);
        weights.iter().zip(amounts).map(|(weight, left)| weight - left).collect()
    }

    #[test]
    fn half_a_unit_is_rounded_up_and_less_is_not() {
        assert_eq!(half_up_share(25, 1_000), 3);
        assert_eq!(half_up_share(24, 1_000), 2);
        assert_eq!(half_up_share((1 << 53) - 1, 10_000), (1 << 53) - 1);
        assert_eq!(half_up(1, 1, 2), 1);
        assert_eq!(half_up(1, 1, 3), 0);
        assert_eq!(half_up(2, 1, 3), 1);
        assert_eq!(half_up(7, 0, 0), 0);
    }

    #[test]
    fn left_over_units_go_to_the_largest_remainders() {
        // 10 * 1/6, 10 * 2/6, 10 * 3/6 are 1.67, 3.33, 5: the one unit that is left over goes to the first.
        assert_eq!(split(10, &[100, 200, 300]), [2, 3, 5]);
    }

    #[test]
    fn of_equal_remainders_the_earlier_line_comes_first() {
        assert_eq!(split(10, &[50, 50, 50]), [4, 3, 3]);
        assert_eq!(split(11, &[50, 50, 50]), [4, 4, 3]);
    }

    #[test]
    fn lines_of_nothing_get_nothing() {
        assert_eq!(split(5, &[0, 3, 0, 3]), [0, 3, 0, 2]);
    }

    #[test]
    fn amounts_beyond_32_bits_are_split_as_exactly() {
        let large = (1 << 52) - 1;
        let shares = split(large, &[large, large]);
        assert_eq!(shares, [large / 2 + 1, large / 2]);
        assert_eq!(shares.iter().sum::<u64>(), large);
    }
}
