//! The decoder of answers about notices of cards. It stands apart so that the decoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: anything that a server of this version can't have said is malformed.

use super::Body;
use crate::answers::NoticesBody;
use crate::error::AnswerFault;
use scrip_engine::answer::{Answer, NoticeView, NoticesPage};

impl<'a> Body<'a> {
    pub(super) fn notices(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &NoticesBody = self.fixed()?;
        let notices: &[NoticeView] = self.entries(self.count())?;
        if notices.iter().any(|notice| notice.spare != [0; 5]) {
            return Err(AnswerFault::SpareNotZero);
        }
        if let Some(notice) = notices.iter().find(|notice| notice.batch > 1) {
            return Err(AnswerFault::UnknownNumber(u16::from(notice.batch), "batch of a notice"));
        }
        let (next, newest, lost) = (body.next.get(), body.newest.get(), body.lost.get());
        Ok(Answer::Notices(NoticesPage { next, newest, lost, notices }))
    }
}
