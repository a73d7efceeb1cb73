//! Activities: users who bring friends to claim cards, and get cards for it.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::{Claim, NO_OPERATION};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::answer::{ActivityView, Issued, Shared};
use scrip_engine::command::{self, ActivityTerms, ActivityWish, Command, Referral};
use scrip_engine::ids::{ActivityId, CardId, ChannelId, UserId};

/// An activity as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityShown {
    /// Its id.
    pub activity: ActivityId,
    /// Goes up by one with every edit, from 1 on.
    pub version: u32,
    /// The channel of its rewards.
    pub channel: ChannelId,
    /// Its rule.
    pub terms: ActivityTerms,
    /// What it has done.
    pub done: Shared,
    /// Referrers with a friend.
    pub referrers: u64,
    /// The referrer that was asked for.
    pub of: Option<ReferrerShown>,
}

/// A referrer of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferrerShown {
    /// Who, under the id that he is counted by.
    pub user: UserId,
    /// What he has done.
    pub done: Shared,
    /// The card that he got last.
    pub card: Option<CardId>,
}

impl From<&ActivityView<'_>> for ActivityShown {
    fn from(view: &ActivityView<'_>) -> ActivityShown {
        ActivityShown {
            activity: view.activity,
            version: view.version,
            channel: view.channel,
            terms: *view.terms,
            done: view.done,
            referrers: view.referrers,
            of: view.of.map(|(user, done, card)| ReferrerShown { user, done, card }),
        }
    }
}

impl Client {
    /// Makes an activity; its rewards are given through the client's channel. The answer's value is its version.
    pub async fn activity_create(
        &self,
        operation: Operation,
        activity: ActivityId,
        terms: &ActivityTerms,
    ) -> Result<StockChanged, Error> {
        self.change_activity(operation, activity, ActivityWish::Create { activity, terms }).await
    }

    /// Replaces the rule of an activity, if nobody has since `version`. The answer's value is its new version.
    pub async fn activity_edit(
        &self,
        operation: Operation,
        (activity, version): (ActivityId, u32),
        terms: &ActivityTerms,
    ) -> Result<StockChanged, Error> {
        self.change_activity(operation, activity, ActivityWish::Edit { activity, version, terms }).await
    }

    async fn change_activity(
        &self,
        operation: Operation,
        activity: ActivityId,
        wish: ActivityWish<'_>,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, activity.slot(), Command::Activity(wish)).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows an activity, and what one of its referrers has (0: nobody's).
    pub async fn activity_show(
        &self,
        activity: ActivityId,
        referrer: UserId,
    ) -> Result<ActivityShown, Error> {
        let command = Command::Activity(ActivityWish::Show { activity, referrer });
        match self.call(NO_OPERATION, activity.slot(), command).await? {
            OwnedOutcome::Activity(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives one card to the user that asks for it, who comes by a referrer's word in an activity of the campaign's slot.
    pub async fn claim_referred(
        &self,
        request: Claim,
        (activity, referrer): (ActivityId, UserId),
    ) -> Result<Issued, Error> {
        let Claim { operation, campaign, user, .. } = request;
        let issue = command::Issue {
            owner: user,
            claimed: true,
            parties: request.parties.as_ref(),
            referral: Some(&Referral::new(activity, referrer)),
            ..command::Issue::of_nobody(campaign)
        };
        self.issued(operation, issue).await
    }
}
