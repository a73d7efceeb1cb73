//! The decoder of commands on activities. It stands apart so that the decoder of those on cards stays in one view.
//!
//! Invariant: as of all commands: what comes out is well formed and has exactly one spelling.

use super::Body;
use crate::commands::{ActivityCreateBody, ActivityEditBody, ActivityShowBody, CommandKind};
use crate::error::CommandFault;
use scrip_engine::command::{ActivityWish, Command};
use scrip_engine::ids::{ActivityId, UserId};

impl<'a> Body<'a> {
    /// ACTIVITY_CREATE, ACTIVITY_EDIT, ACTIVITY_SHOW.
    pub(super) fn activity(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let wish = match kind {
            CommandKind::ActivityCreate => {
                let body: &ActivityCreateBody = self.fixed()?;
                ActivityWish::Create { activity: ActivityId(body.activity.get()), terms: self.fixed()? }
            }
            CommandKind::ActivityEdit => {
                let body: &ActivityEditBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(CommandFault::SpareNotZero);
                }
                let (activity, version) = (ActivityId(body.activity.get()), body.version.get());
                ActivityWish::Edit { activity, version, terms: self.fixed()? }
            }
            _ => {
                let body: &ActivityShowBody = self.fixed()?;
                let (activity, referrer) = (ActivityId(body.activity.get()), UserId(body.referrer.get()));
                ActivityWish::Show { activity, referrer }
            }
        };
        self.without_lines(Command::Activity(wish))
    }
}
