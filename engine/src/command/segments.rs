//! The segments that the user of a command is in, as the gateway tells them with it. The rules are in docs/cards.md, "Who may claim
//! and use".
//!
//! They stand in the envelope because whatever names a user may tell them, and lie there by value: a few numbers, so that no command
//! borrows a list for them. Invariant: ascending, without 0 (which ends the list) and without any twice, so that one set of segments
//! has one spelling.

use crate::limits::SEGMENTS_MAX;

/// The segments that a user is in.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Segments([u32; SEGMENTS_MAX]);

impl Segments {
    /// None are told.
    pub const NONE: Segments = Segments([0; SEGMENTS_MAX]);

    /// These; `None` if there are more than [`SEGMENTS_MAX`], or they do not ascend from 1 on.
    pub fn new(segments: impl IntoIterator<Item = u32>) -> Option<Segments> {
        let (mut found, mut before) = (Segments::NONE, 0);
        for (at, segment) in segments.into_iter().enumerate() {
            if segment <= before {
                return None;
            }
            *found.0.get_mut(at)? = segment;
            before = segment;
        }
        Some(found)
    }

    /// Whether none are told.
    #[inline]
    pub const fn is_none(&self) -> bool {
        self.0[0] == 0
    }

    /// Each of them, ascending.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied().take_while(|segment| *segment != 0)
    }

    /// Whether the user is in the segment with this number.
    #[inline]
    pub fn contain(&self, segment: u64) -> bool {
        self.iter().any(|told| u64::from(told) == segment)
    }
}

impl core::fmt::Debug for Segments {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_segments_has_one_spelling_and_an_end() {
        let told = Segments::new([2, 7, u32::MAX]).unwrap();
        assert_eq!(told.iter().collect::<Vec<_>>(), [2, 7, u32::MAX]);
        assert!(told.contain(7) && !told.contain(3) && !told.contain(0));
        assert_eq!(Segments::new([]), Some(Segments::NONE));
        assert!(Segments::new(1..=8).is_some());
        for wrong in [vec![0], vec![2, 2], vec![3, 2], (1..=9).collect()] {
            assert_eq!(Segments::new(wrong.iter().copied()), None, "{wrong:?}");
        }
    }
}
