//! The decoder of answers about groups. It stands apart so that the decoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: anything that a server of this version can't have said is malformed.

use super::Body;
use crate::answers::{GroupAnswerBody, GroupJoinedBody};
use crate::error::AnswerFault;
use scrip_engine::answer::{Answer, GroupJoined, GroupRow, GroupState, GroupView};
use scrip_engine::ids::{OperationId, StockId};
use scrip_engine::limits::GROUP_MEMBERS_MAX;

/// As many members as a group can have.
fn members(number: u16) -> Result<u8, AnswerFault> {
    match u8::try_from(number) {
        Ok(members) if usize::from(members) <= GROUP_MEMBERS_MAX => Ok(members),
        _ => Err(AnswerFault::UnknownNumber(number, "members of a group")),
    }
}

impl<'a> Body<'a> {
    pub(super) fn group_joined(&mut self) -> Result<Answer<'a>, AnswerFault> {
        self.no_count()?;
        let body: &GroupJoinedBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        Ok(Answer::GroupJoined(GroupJoined {
            members: members(body.members.get())?,
            size: members(body.size.get())?,
            deadline_ms: body.deadline_ms.get(),
        }))
    }

    pub(super) fn group(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &GroupAnswerBody = self.fixed()?;
        let rows: &[GroupRow] = self.entries(self.count())?;
        if body.spare != [0; 5] || rows.iter().any(|row| row.spare != [0; 6]) {
            return Err(AnswerFault::SpareNotZero);
        }
        let state = GroupState::from_number(body.state)
            .ok_or(AnswerFault::UnknownNumber(u16::from(body.state), "state of a group"))?;
        Ok(Answer::Group(GroupView {
            group: OperationId(body.group.get()),
            campaign: StockId(body.campaign.get()),
            state,
            size: members(body.size.get())?,
            opened_ms: body.opened_ms.get(),
            deadline_ms: body.deadline_ms.get(),
            closed_ms: body.closed_ms.get(),
            members: rows,
        }))
    }
}
