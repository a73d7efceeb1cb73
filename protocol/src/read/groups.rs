//! The decoder of commands on groups. It stands apart so that the decoder of those on cards stays in one view.
//!
//! Invariant: as of all commands: what comes out is well formed and has exactly one spelling.

use super::Body;
use crate::commands::{CommandKind, GroupJoinBody, GroupLeaveBody, GroupOpenBody, GroupShowBody};
use crate::error::CommandFault;
use scrip_engine::command::{Command, GroupWish};
use scrip_engine::ids::{OperationId, StockId, UserId};

impl<'a> Body<'a> {
    /// GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE, GROUP_SHOW.
    pub(super) fn group(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let wish = match kind {
            CommandKind::GroupOpen => {
                let body: &GroupOpenBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(CommandFault::SpareNotZero);
                }
                GroupWish::Open {
                    campaign: StockId(body.campaign.get()),
                    size: body.size.get(),
                    lasts_s: body.lasts_s.get(),
                    user: UserId(body.user.get()),
                    parties: self.parties()?,
                }
            }
            CommandKind::GroupJoin => {
                let body: &GroupJoinBody = self.fixed()?;
                let (group, user) = (OperationId(body.group.get()), UserId(body.user.get()));
                GroupWish::Join { group, user, parties: self.parties()? }
            }
            CommandKind::GroupLeave => {
                let body: &GroupLeaveBody = self.fixed()?;
                GroupWish::Leave { group: OperationId(body.group.get()), user: UserId(body.user.get()) }
            }
            _ => {
                let body: &GroupShowBody = self.fixed()?;
                GroupWish::Show { group: OperationId(body.group.get()) }
            }
        };
        self.without_lines(Command::Group(wish))
    }
}
