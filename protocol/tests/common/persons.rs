//! Samples of LINK, UNLINK, IDENTITY_SHOW, LABEL and ERASE, and what they are answered. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, OPERATION, envelope, leak};
use scrip_engine::answer::Answer;
use scrip_engine::command::{Command, Envelope, Label, Request};
use scrip_engine::ids::{OperationId, UserId};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::extras::Extras;
use zerocopy::little_endian::U128;

/// A link, its end, and the question who somebody is.
pub fn commands() -> Vec<CommandSample> {
    let commands = [
        ("link", Command::Link { user: UserId(0x0b), to: UserId(0x0c), reason: 3 }),
        ("unlink", Command::Unlink { user: UserId(0x0b), reason: 0 }),
        ("identity_show", Command::IdentityShow { user: UserId(0x0b) }),
        ("label", Command::Label { user: UserId(0x0b), label: Label::Plain("phone:13800138000".as_bytes()) }),
        ("erase", Command::Erase { user: UserId(0x0b), reason: 3 }),
    ];
    let samples = commands.into_iter().enumerate().map(|(index, (name, command))| {
        let operation = OperationId(OPERATION.0 + 0x1_0000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    });
    samples.collect()
}

/// The kinds of these commands.
pub const KINDS: [CommandKind; 5] = [
    CommandKind::Link,
    CommandKind::Unlink,
    CommandKind::IdentityShow,
    CommandKind::Label,
    CommandKind::Erase,
];

/// One of these commands, of any users that are well formed.
pub fn command(kind: CommandKind, big: [u128; 3], reason: u16, name: &str) -> Command<'_> {
    let user = big[0].max(1);
    let to = if big[1] == user { big[1] ^ 1 } else { big[1] };
    let to = if to == 0 { user ^ 2 | 4 } else { to };
    match kind {
        CommandKind::Link => {
            let to = if to == user { to ^ 8 } else { to };
            Command::Link { user: UserId(user), to: UserId(to), reason }
        }
        CommandKind::Unlink => Command::Unlink { user: UserId(user), reason },
        CommandKind::Label => Command::Label { user: UserId(user), label: Label::Plain(name.as_bytes()) },
        CommandKind::Erase => Command::Erase { user: UserId(user), reason },
        _ => Command::IdentityShow { user: UserId(big[0]) },
    }
}

/// A person of two ids, and nobody.
pub fn answers() -> [(&'static str, Answer<'static>); 2] {
    [
        ("identity", Answer::Identity { members: leak(&[U128::new(0x0b), U128::new(0x0c)]) }),
        ("no_identity", Answer::Identity { members: &[] }),
    ]
}
