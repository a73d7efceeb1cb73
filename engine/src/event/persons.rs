//! Events of persons, to bytes and back.
//!
//! Invariant: as of all events: what is read is what was written.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::{EventError, Origin};
use crate::ids::{ChannelId, UserId};
use crate::limits::{LABEL_BYTES_MAX, SEAL_BYTES};

/// What became of persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonEvent<'a> {
    /// Two user ids, and whoever was of one person with either, are one person.
    Linked {
        /// The operation.
        origin: Origin,
        /// One id.
        user: UserId,
        /// The other.
        to: UserId,
        /// The operator's reason.
        reason: u16,
    },
    /// A user id is of no person any more.
    Unlinked {
        /// The operation.
        origin: Origin,
        /// The id.
        user: UserId,
        /// The operator's reason.
        reason: u16,
    },
    /// A user has a label.
    Labelled {
        /// The operation.
        origin: Origin,
        /// The user.
        user: UserId,
        /// The number of the key that it is sealed under.
        key: u32,
        /// The sealed text.
        sealed: &'a [u8],
    },
    /// The labels of a user's person are void.
    Erased {
        /// The operation.
        origin: Origin,
        /// One of the ids.
        user: UserId,
        /// The operator's reason.
        reason: u16,
    },
}

impl PersonEvent<'_> {
    pub(super) fn encode(&self, mut writer: Writer<'_>) -> usize {
        match *self {
            PersonEvent::Linked { origin, user, to, reason } => {
                writer.put_origin(&origin, reason);
                writer.put(&user.0.to_le_bytes());
                writer.put(&to.0.to_le_bytes());
                writer.finish(LINKED, 0, 0, origin.channel)
            }
            PersonEvent::Unlinked { origin, user, reason } => {
                writer.put_origin(&origin, reason);
                writer.put(&user.0.to_le_bytes());
                writer.finish(UNLINKED, 0, 0, origin.channel)
            }
            PersonEvent::Labelled { origin, user, key, sealed } => {
                writer.put_origin(&origin, 0);
                writer.put(&user.0.to_le_bytes());
                writer.put_u64(u64::from(key));
                writer.put(sealed);
                writer.finish(LABELLED, 0, sealed.len(), origin.channel)
            }
            PersonEvent::Erased { origin, user, reason } => {
                writer.put_origin(&origin, reason);
                writer.put(&user.0.to_le_bytes());
                writer.finish(ERASED, 0, 0, origin.channel)
            }
        }
    }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<PersonEvent<'a>, EventError> {
    let (origin, reason) = reader.take_origin(channel)?;
    let user = UserId(reader.take_u128()?);
    if user.0 == 0 {
        return Err(reader.field("user"));
    }
    Ok(match head.kind {
        LINKED => {
            let to = UserId(reader.take_u128()?);
            if to.0 == 0 || user == to {
                return Err(reader.field("user"));
            }
            PersonEvent::Linked { origin, user, to, reason }
        }
        LABELLED => {
            let key = reader.take_u32("key")?;
            let sealed = reader.take_slice(usize::from(head.count.get()), LABEL_BYTES_MAX + SEAL_BYTES)?;
            PersonEvent::Labelled { origin, user, key, sealed }
        }
        ERASED => PersonEvent::Erased { origin, user, reason },
        _ => PersonEvent::Unlinked { origin, user, reason },
    })
}
