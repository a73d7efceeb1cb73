//! Every maximum of a quote, in one place, tied together by const assertions. A cart or an offer beyond one is
//! malformed; the search alone answers beyond its bound, with the best it has found.

/// Lines of one cart.
pub const LINES_MAX: usize = 64;
/// Categories of one line.
pub const CATEGORIES_PER_LINE_MAX: usize = 16;
/// Segments the user of a cart may be in.
pub const SEGMENTS_MAX: usize = 64;
/// Platform-funded discounts of one cart.
pub const FIXED_DISCOUNTS_MAX: usize = 256;
/// Cards that one call looks at.
pub const CARDS_MAX: usize = 64;
/// Tiers of one offer.
pub const TIERS_MAX: usize = 8;
/// Entries of all lists of one offer's scope together.
pub const SCOPE_ENTRIES_MAX: usize = 256;
/// Stacking classes: their numbers are 0 to 31.
pub const STACKING_CLASSES: u8 = 32;
/// The largest amount, for each amount given and for the cart with its shipping: exact in a JSON number, too.
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;
/// A whole, in hundredths of a percent.
pub const BASIS_POINTS: u16 = 10_000;
/// Work of one search unless the caller says otherwise, in cards judged against a cart.
pub const WORK_DEFAULT: u32 = 20_000;

// Sets of lines and of cards are the bits of a u64.
const _: () = assert!(LINES_MAX <= 64 && CARDS_MAX <= 64);
const _: () = assert!(STACKING_CLASSES as u32 <= u32::BITS);
// A remainder of the split and a line's position share a u64.
const _: () = assert!(AMOUNT_MAX.leading_zeros() as usize >= 6 && LINES_MAX <= 1 << 6);
