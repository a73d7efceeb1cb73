//! Events of persons in the words of the log in text. A label is sealed and stays so: its key's number is told.

use scrip_engine::event::{Origin, PersonEvent};
use std::io::{self, Write};

/// Prints what became of a person.
pub(super) fn print(out: &mut impl Write, event: &PersonEvent<'_>) -> io::Result<()> {
    let (what, origin, user) = match event {
        PersonEvent::Linked { origin, user, .. } => ("linked", origin, user),
        PersonEvent::Unlinked { origin, user, .. } => ("unlinked", origin, user),
        PersonEvent::Labelled { origin, user, .. } => ("labelled", origin, user),
        PersonEvent::Erased { origin, user, .. } => ("erased", origin, user),
    };
    let Origin { operation, merchant, slot, channel, .. } = origin;
    write!(out, "{what} {operation} merchant={merchant} slot={} channel={} user={user}", slot.0, channel.0)?;
    match event {
        PersonEvent::Linked { to, reason, .. } => writeln!(out, " to={to} reason={reason}"),
        PersonEvent::Unlinked { reason, .. } | PersonEvent::Erased { reason, .. } => {
            writeln!(out, " reason={reason}")
        }
        PersonEvent::Labelled { key, .. } => writeln!(out, " key={key}"),
    }
}
