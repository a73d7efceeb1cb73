//! The decoder of answers about activities. It stands apart so that the decoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: what comes out is well formed.

use super::Body;
use crate::answers::ActivityAnswerBody;
use crate::error::AnswerFault;
use scrip_engine::answer::{ActivityView, Answer, Shared};
use scrip_engine::command::ActivityTerms;
use scrip_engine::ids::{ActivityId, CardId, ChannelId, UserId};

impl<'a> Body<'a> {
    pub(super) fn activity(&mut self) -> Result<Answer<'a>, AnswerFault> {
        self.no_count()?;
        let body: &ActivityAnswerBody = self.fixed()?;
        let terms: &ActivityTerms = self.fixed()?;
        if !terms.is_sound() {
            return Err(AnswerFault::UnknownNumber(u16::from(terms.counts), "rule of an activity"));
        }
        let [friends, counted, earned, given] =
            [body.his_friends, body.his_counted, body.his_earned, body.his_given].map(|number| number.get());
        let his = Shared { friends, counted, earned, given };
        let referrer = UserId(body.referrer.get());
        let is_zero = his == Shared::default() && referrer.0 == 0;
        let of = match body.told.get() {
            0 if is_zero && body.card == 0 => None,
            1 if body.card == 0 => Some((referrer, his, None)),
            3 => Some((referrer, his, Some(CardId(body.card.get())))),
            told => return Err(AnswerFault::UnknownNumber(told, "what is told of a referrer")),
        };
        let [friends, counted, earned, given] =
            [body.friends, body.counted, body.earned, body.given].map(|number| number.get());
        Ok(Answer::Activity(ActivityView {
            activity: ActivityId(body.activity.get()),
            version: body.version.get(),
            channel: ChannelId(body.channel.get()),
            terms,
            done: Shared { friends, counted, earned, given },
            referrers: body.referrers.get(),
            of,
        }))
    }
}
