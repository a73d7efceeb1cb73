//! Commands on persons, read in place. They stand apart so that the others stay in one view.

use super::Body;
use crate::commands::{CommandKind, EraseBody, IdentityShowBody, LabelBody, LinkBody, UnlinkBody};
use crate::error::CommandFault;
use scrip_engine::command::{Command, Label};
use scrip_engine::ids::UserId;

impl<'a> Body<'a> {
    /// LINK, UNLINK, IDENTITY_SHOW, LABEL, ERASE.
    pub(super) fn person(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let (command, spare) = match kind {
            CommandKind::Link => {
                let body: &LinkBody = self.fixed()?;
                let (user, to) = (UserId(body.user.get()), UserId(body.to.get()));
                (Command::Link { user, to, reason: body.reason.get() }, body.spare)
            }
            CommandKind::Unlink => {
                let body: &UnlinkBody = self.fixed()?;
                let user = UserId(body.user.get());
                (Command::Unlink { user, reason: body.reason.get() }, body.spare)
            }
            CommandKind::Label => {
                let body: &LabelBody = self.fixed()?;
                let text = self.name(usize::from(body.label_bytes.get()))?;
                (Command::Label { user: UserId(body.user.get()), label: Label::Plain(text) }, body.spare)
            }
            CommandKind::Erase => {
                let body: &EraseBody = self.fixed()?;
                let user = UserId(body.user.get());
                (Command::Erase { user, reason: body.reason.get() }, body.spare)
            }
            _ => {
                let body: &IdentityShowBody = self.fixed()?;
                (Command::IdentityShow { user: UserId(body.user.get()) }, [0; 6])
            }
        };
        if spare != [0; 6] {
            return Err(CommandFault::SpareNotZero);
        }
        self.without_lines(command)
    }
}
