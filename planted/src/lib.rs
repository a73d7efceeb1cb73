//! Planted bugs: deliberate faults that the test suite must catch.
//!
//! Each [`Bug`] names one wrong line somewhere in the house. A product build compiles [`on`] to a constant `false`, so
//! none of them exists there; with the feature `enabled` (which only tests ask for) a test switches one on for
//! its own thread with [`with`] and shows that the suite notices.

/// One deliberate fault, and the place where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Bug {
    /// shard: the gate opens for answers whose events are not on disk yet.
    AnswerBeforeSync = 1,
    /// wal: the log directory is not fsynced after a segment is created.
    SkippedDirectorySync,
    /// wal: a write or sync error is taken for success.
    IgnoredIoError,
    /// wal: fdatasync is not called at all.
    SkippedSync,
    /// wal: repair leaves the torn bytes in place.
    RepairForgets,
    /// engine: a hold still counts at its very deadline.
    DeadlineOffByOne,
    /// engine: a reserve takes its units from available twice.
    DoublePosting,
    /// engine: an id older than the floor is executed.
    FloorNotHonoured,
    /// engine: demand of several lines on one stock is not summed before the check.
    LinesNotSummed,
    /// engine: the same id with other content answers the recorded answer.
    MismatchIgnored,
    /// engine: a released hold does not give its units back to the user's purchase limit.
    LimitNotCredited,
    /// engine: a refused late confirm is not recorded, so a later retry may succeed.
    LateRefusalNotFinal,
    /// engine: a return may exceed what was confirmed.
    ReturnUnbounded,
    /// engine: a refused `replace` has already released the hold it names.
    ReplaceReleasesEarly,
    /// shard: recovery drops the last event of the last frame.
    RecoveryDropsLast,
    /// engine: a channel may take one unit more than its quota leaves room for.
    QuotaOffByOne,
    /// engine: units that a hold gives back still count as used by its channel.
    GuaranteeNotCounted,
    /// engine: the first unsold key of a batch stays the first when it is bound.
    KeyBoundTwice,
    /// engine: units of a frozen batch that holds give back become available, whatever marks wait for them.
    MarkIgnored,
    /// engine: units given back still count for the day of their hold.
    DayNotCredited,
    /// engine: a cap on units held at once is not checked.
    HeldCapIgnored,
    /// engine: a risk rule lets one success too many pass.
    RiskOffByOne,
    /// engine: the total that a buyer was told is not compared with the prices in force.
    QuoteIgnored,
    /// engine: a key that is bound in random order keeps its place among the unsold ones.
    RandomKeyStays,
    /// engine: the unit of a reclaimed key becomes available, whatever its batch has become.
    ReclaimForgetsBatch,
    /// engine: who buys a reusable text gets its first version, not the one in force.
    FirstVersionStays,
    /// engine: a cancelled operation is executed when it comes late.
    TombstoneIgnored,
    /// engine: an order that asks again under a new operation id is sold the same line again.
    OrderLineSoldTwice,
    /// engine: the newest debts are settled first.
    DebtsNewestFirst,
    /// engine: new demand finds units that debts claim.
    DebtOvertaken,
    /// engine: a debt does not end at its deadline.
    DebtDeadlineIgnored,
    /// engine: when a hold leaves memory, those that its order made before it are forgotten, too.
    OrderForgetsOldest,
    /// engine: a CONFIRM that is owed claims all units of its hold, whatever it asked for.
    ConfirmOwesAll,
    /// engine: while the replacement of a card key is owed, the void key's unit is still counted as sold.
    OwedReplacementUsedTwice,
    /// engine: a merchant's clock stays as far ahead of UTC as it was first.
    ZoneStandsStill,
    /// engine: what is given back of a sale stays counted in its month.
    MonthNotCredited,
    /// engine: a card that is issued is not counted in its campaign's group.
    GroupNotCounted,
    /// engine: a use of a till that was offline is taken however old it is.
    TillNeverLate,
    /// engine: a card is redeemed wherever its scope does not lie.
    ScopeIgnored,
    /// Whoever asks for a card gets one, whatever the definition lists of claims.
    ClaimScopeIgnored,
    /// Cards that were used up are told of when they end.
    UsedCardToldOf,
    /// A card that ends at another time is not told of then.
    ExtensionForgetsNotice,
    /// engine: a card of one user is redeemed by another.
    ForeignCardRedeemed,
    /// engine: a code that a newer one has replaced still names its card.
    OldCodeOpens,
    /// engine: a redemption can be reversed by one unit more than is left of it.
    ReversedTooFar,
    /// engine: half a minor unit of a percentage is rounded down.
    HalfRoundedDown,
    /// engine: cards that are issued do not count for their owner's limit.
    CardsNotCounted,
    /// engine: the money of a campaign is not looked at.
    BudgetIgnored,
    /// engine: weekdays and hours of a campaign do not matter.
    HoursIgnored,
    /// engine: lines of a hold on one card are checked one by one, not together.
    HeldCardsNotSummed,
    /// engine: a hold that ends gives its goods back, and keeps its cards.
    HeldCardStaysLocked,
    /// engine: units that a hold gives back come to the card's own lot, whichever they were taken of.
    HeldLotForgotten,
    /// engine: a lot whose units are all in holds goes when the card is filled.
    HeldLotDropped,
    /// engine: cards of a hold can be returned however late.
    ReturnedPastWindow,
    /// engine: the unit of a void card stays consumed in its campaign.
    VoidCardStaysIssued,
    /// engine: used cards are void with their batch.
    UsedCardsVoidedToo,
    /// engine: what somebody else's card has can be merged away from him.
    ForeignCardMerged,
    /// engine: a batch goes back to the supply at its own end, though one of its cards was extended.
    RecycledBeforeTheLast,
    /// engine: an activated card keeps its times: those relative to receipt never begin.
    ActivationChangesNoTimes,
    /// engine: a card that changes hands keeps its code.
    GiftKeepsItsCode,
    /// engine: a card that is given to one user is accepted by another.
    ForeignGiftAccepted,
    /// engine: a code that was given before gets another card when it is imported again.
    CodeGivenTwice,
    /// engine: a user joins a group that he is in already.
    GroupMemberTwice,
    /// engine: somebody brings himself.
    OwnReferral,
    /// engine: a friend counts once for each of his ids.
    FriendCountsPerId,
    /// engine: a reward that is brought again is given again.
    RewardTwice,
    /// engine: who was in a group that lapsed is counted for the card he did not get.
    GroupForgetsLimits,
    /// engine: cards that groups hold do not count against budgets.
    GroupCardsUnbudgeted,
    /// engine: what the other ids of a person have does not count in limits of users.
    LinkedLimitNotShared,
    /// engine: a block of one id of a person does not stand against the others.
    LinkedBlockIgnored,
    /// engine: a card of a quote comes back with the first of its lines.
    CardBackWithFirstLine,
    /// engine: a returned line of a quote keeps its share of the discounts.
    ShareForgotten,
    /// engine: what stored value paid of a returned line of a quote does not go back to its card.
    PaymentForgotten,
    /// engine: cards that orders ask for are sold beyond the budgets of their campaign.
    SoldCardsUnbudgeted,
    /// engine: a card that was sold goes back though somebody has spent of it.
    SpentCardReturned,
}

impl Bug {
    /// Every planted bug, in the order of their numbers.
    pub const ALL: &[Bug] = &[
        Bug::AnswerBeforeSync,
        Bug::SkippedDirectorySync,
        Bug::IgnoredIoError,
        Bug::SkippedSync,
        Bug::RepairForgets,
        Bug::DeadlineOffByOne,
        Bug::DoublePosting,
        Bug::FloorNotHonoured,
        Bug::LinesNotSummed,
        Bug::MismatchIgnored,
        Bug::LimitNotCredited,
        Bug::LateRefusalNotFinal,
        Bug::ReturnUnbounded,
        Bug::ReplaceReleasesEarly,
        Bug::RecoveryDropsLast,
        Bug::QuotaOffByOne,
        Bug::GuaranteeNotCounted,
        Bug::KeyBoundTwice,
        Bug::MarkIgnored,
        Bug::DayNotCredited,
        Bug::HeldCapIgnored,
        Bug::RiskOffByOne,
        Bug::QuoteIgnored,
        Bug::RandomKeyStays,
        Bug::ReclaimForgetsBatch,
        Bug::FirstVersionStays,
        Bug::TombstoneIgnored,
        Bug::OrderLineSoldTwice,
        Bug::DebtsNewestFirst,
        Bug::DebtOvertaken,
        Bug::DebtDeadlineIgnored,
        Bug::OrderForgetsOldest,
        Bug::ConfirmOwesAll,
        Bug::OwedReplacementUsedTwice,
        Bug::ZoneStandsStill,
        Bug::MonthNotCredited,
        Bug::GroupNotCounted,
        Bug::TillNeverLate,
        Bug::ScopeIgnored,
        Bug::ClaimScopeIgnored,
        Bug::UsedCardToldOf,
        Bug::ExtensionForgetsNotice,
        Bug::ForeignCardRedeemed,
        Bug::OldCodeOpens,
        Bug::ReversedTooFar,
        Bug::HalfRoundedDown,
        Bug::CardsNotCounted,
        Bug::BudgetIgnored,
        Bug::HoursIgnored,
        Bug::HeldCardsNotSummed,
        Bug::HeldCardStaysLocked,
        Bug::HeldLotForgotten,
        Bug::HeldLotDropped,
        Bug::ReturnedPastWindow,
        Bug::VoidCardStaysIssued,
        Bug::UsedCardsVoidedToo,
        Bug::RecycledBeforeTheLast,
        Bug::ForeignCardMerged,
        Bug::ActivationChangesNoTimes,
        Bug::GiftKeepsItsCode,
        Bug::ForeignGiftAccepted,
        Bug::CodeGivenTwice,
        Bug::GroupMemberTwice,
        Bug::OwnReferral,
        Bug::FriendCountsPerId,
        Bug::RewardTwice,
        Bug::GroupForgetsLimits,
        Bug::GroupCardsUnbudgeted,
        Bug::LinkedLimitNotShared,
        Bug::LinkedBlockIgnored,
        Bug::CardBackWithFirstLine,
        Bug::ShareForgotten,
        Bug::PaymentForgotten,
        Bug::SoldCardsUnbudgeted,
        Bug::SpentCardReturned,
    ];
}

#[cfg(feature = "enabled")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local!(static ACTIVE: Cell<u8> = const { Cell::new(0) });

    /// Whether `bug` is switched on for this thread.
    pub fn on(bug: Bug) -> bool {
        ACTIVE.get() == bug as u8
    }

    /// Runs `work` with `bug` switched on for this thread, and off again afterwards, also when `work` panics.
    pub fn with<R>(bug: Bug, work: impl FnOnce() -> R) -> R {
        struct Off;
        impl Drop for Off {
            fn drop(&mut self) {
                ACTIVE.set(0);
            }
        }
        let _off = Off;
        ACTIVE.set(bug as u8);
        work()
    }
}

#[cfg(feature = "enabled")]
pub use switch::{on, with};

/// Whether `bug` is switched on: never, in a build without the feature `enabled`.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub const fn on(_bug: Bug) -> bool {
    false
}
