//! Facts behind an event: what a gateway wants to find again in reports (what was paid, in which store), as bytes that the
//! engine never looks at.
//!
//! They lie behind the event in the log, inside its size, so that they are as durable as it is and no event of their own can be
//! torn from it. Invariant: an event reads the same with facts as without.

use super::layout::Head;
use super::{Event, EventError};
use crate::limits::FACTS_BYTES_MAX;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, IntoBytes};

/// The bit of a kind that says: facts lie behind it.
pub(super) const WITH_FACTS: u8 = 0x80;
/// Their number of bytes, the last thing of the event.
const LENGTH_BYTES: usize = 2;

impl Event<'_> {
    /// Whether facts may go with it: something was sold, used or given back.
    pub const fn takes_facts(&self) -> bool {
        matches!(
            self,
            Event::Taken { sold: true, .. }
                | Event::Owed { .. }
                | Event::Confirmed { .. }
                | Event::ConfirmOwed { .. }
                | Event::Returned { .. }
                | Event::Redeemed { .. }
                | Event::Reversed { .. }
        )
    }

    /// Puts facts behind the event of `size` bytes at the front of `out`; answers its size from now on. Panics when there is no
    /// room, or on more than [`FACTS_BYTES_MAX`] bytes.
    pub fn append_facts(out: &mut [u8], size: usize, facts: &[u8]) -> usize {
        assert!(facts.len() <= FACTS_BYTES_MAX, "facts are measured before");
        let whole = size + (facts.len() + LENGTH_BYTES).next_multiple_of(8);
        out[size..whole].fill(0);
        out[size..size + facts.len()].copy_from_slice(facts);
        out[whole - LENGTH_BYTES..whole].copy_from_slice(U16::new(facts.len() as u16).as_bytes());
        let (mut head, _) = Head::read_from_prefix(out).expect("an event begins with its head");
        head.size = U16::new(whole as u16);
        head.kind |= WITH_FACTS;
        out[..size_of::<Head>()].copy_from_slice(head.as_bytes());
        whole
    }

    /// The facts behind the event at the front of `bytes`; empty if there are none, or if it is no event.
    pub fn facts(bytes: &[u8]) -> &[u8] {
        let Ok((head, _)) = Head::read_from_prefix(bytes) else { return &[] };
        let whole = bytes.get(..usize::from(head.size.get())).unwrap_or_default();
        match head.kind & WITH_FACTS {
            0 => &[],
            _ => split(whole).map_or(&[], |(_, facts)| facts),
        }
    }
}

/// An event with facts: itself, and them.
pub(super) fn split(whole: &[u8]) -> Result<(&[u8], &[u8]), EventError> {
    let (_, length) = U16::read_from_suffix(whole).map_err(|_| EventError::Short)?;
    let bytes = usize::from(length.get());
    let taken = (bytes + LENGTH_BYTES).next_multiple_of(8);
    if bytes > FACTS_BYTES_MAX || taken + size_of::<Head>() > whole.len() {
        return Err(EventError::Short);
    }
    let (event, behind) = whole.split_at(whole.len() - taken);
    Ok((event, &behind[..bytes]))
}
