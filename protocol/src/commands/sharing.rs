//! Layouts of commands on activities. They stand apart so that those of cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use scrip_engine::limits::ACTIVITY_SOURCES_MAX;
use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// ACTIVITY_CREATE; the rule follows.
    pub struct ActivityCreateBody {
        /// its id: a slot and a number, as of a stock
        activity: U64,
    }
}

layout! {
    /// ACTIVITY_EDIT; the rule follows.
    pub struct ActivityEditBody {
        /// the activity
        activity: U64,
        /// the version that the editor has seen
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// ACTIVITY_SHOW.
    pub struct ActivityShowBody {
        /// whose rewards are asked for, too; 0: nobody's
        referrer: U128,
        /// the activity
        activity: U64,
    }
}

layout! {
    /// The rule of an activity, as `scrip_engine::command::ActivityTerms` reads it in place.
    pub struct ActivityTermsLayout {
        /// the campaign of which referrers get cards
        reward: U64,
        /// friends count from then on, ms since the Unix epoch; 0: open
        from_ms: U64,
        /// and until then; 0: open
        until_ms: U64,
        /// rewards that one referrer gets at most, 1 to 1,000,000
        most: U32,
        /// after so many friends each, 1 to 10,000
        every: U16,
        /// what counts: 1 claims, 2 redemptions
        counts: u8,
        /// how many sources there are, 1 to 8
        sources_count: u8,
        /// eight u64: the campaigns whose cards friends claim, in ascending order; behind them 0
        sources: [u8; 8 * ACTIVITY_SOURCES_MAX],
    }
}

layout! {
    /// What HAS_REFERRAL announces, as `scrip_engine::command::Referral` reads it in place.
    pub struct ReferralLayout {
        /// the activity
        activity: U64,
        /// the referrer, not 0
        referrer: U128,
    }
}

const _: () = assert!(size_of::<ActivityTermsLayout>() == size_of::<scrip_engine::command::ActivityTerms>());
const _: () = assert!(size_of::<ReferralLayout>() == size_of::<scrip_engine::command::Referral>());
