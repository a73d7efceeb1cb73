//! A checkout whose lines lie in two slots: two holds that are made, paid and let go as one, as far as two events can be one.
//!
//! Nothing spans slots, so there is no event that takes both. What there is instead are operations that can be repeated: whoever keeps
//! the [`TwoHolds`] before the first attempt can take up the checkout where a crash has left it, by making the same call again. The guide
//! says what each crash leaves behind ("Lines in two slots").
//!
//! Invariant: nothing here is decided twice: each call looks at what the server has recorded, and goes on from there.

use crate::answer::{Reserved, Sold};
use crate::client::Client;
use crate::error::{Error, OwnedRejection};
use crate::operation::{Hold, Operation};
use crate::request::{Reserve, ReturnUnits, slot_of};
use scrip_engine::answer::Cancelled;
use scrip_engine::rejection::{Class, Code};

/// A checkout of lines in two slots: keep it, with its three operations, before the first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoHolds {
    /// What is held in each slot, under an operation of its own. The one that is more likely to be refused comes first: it is held,
    /// and paid, before the other.
    pub holds: [Reserve; 2],
    /// Of the RETURN of the first, should the second be refused once the first is paid.
    pub undo: Operation,
    /// Where units of the first go then: to available, else to void (card keys can't be sold again).
    pub to_available: bool,
}

/// What a payment has bought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one for a payment, and most are sales")]
pub enum BothSold {
    /// Both holds are sold, or owed.
    Sold([Sold; 2]),
    /// One of them can't be had any more, for good: the other was let go or given back. Refund the buyer. (A repeat may say CANCELLED.)
    Refused(OwnedRejection),
}

impl TwoHolds {
    /// The two holds, by the slots of their lines.
    pub fn named(&self) -> [Hold; 2] {
        self.holds.each_ref().map(|reserve| reserve.operation.hold(slot_of(&reserve.lines)))
    }
}

impl Client {
    /// Holds both or nothing. If the second is refused the first is let go, and the refusal is the answer; another attempt is another
    /// checkout, with operations of its own.
    ///
    /// # Errors
    /// On [`Error::Unknown`] one or both may be held: make the same call again, or [`Client::cancel_both`].
    pub async fn reserve_both(&self, checkout: &TwoHolds) -> Result<[Reserved; 2], Error> {
        let [first, second] = &checkout.holds;
        let first = self.reserve(first.clone()).await?;
        match self.reserve(second.clone()).await {
            Ok(second) => Ok([first, second]),
            Err(Error::Rejected(rejection)) => {
                self.cancel(first.hold).await?;
                Err(Error::Rejected(rejection))
            }
            Err(error) => Err(error),
        }
    }

    /// Sells both, once the buyer has paid: each hold late, if need be. If one can't be had any more, for good, the other is let go; what
    /// was sold of the first is given back.
    ///
    /// # Errors
    /// Whatever is not final: make the same call again until it answers. What is sold stays sold meanwhile. If the first is sold and can't be
    /// given back (somebody has spent of a card that it sold), that refusal is the error, and the first stays sold.
    pub async fn confirm_both(&self, checkout: &TwoHolds) -> Result<BothSold, Error> {
        let [first, second] = checkout.named();
        let sold = match self.confirm(first.all()).await {
            Ok(sold) => sold,
            Err(error) => {
                let rejection = for_good(error)?;
                // The second was not confirmed: this call does that last.
                self.cancel(first).await?;
                self.cancel(second).await?;
                return Ok(BothSold::Refused(rejection));
            }
        };
        match self.confirm(second.all()).await {
            Ok(other) => Ok(BothSold::Sold([sold, other])),
            Err(error) => {
                let rejection = for_good(error)?;
                self.cancel(second).await?;
                match sold {
                    Sold::Confirmed(sold) => self.undo(checkout, sold.hold).await?,
                    Sold::Owed(owed) => drop(self.cancel(owed.hold).await?),
                }
                Ok(BothSold::Refused(rejection))
            }
        }
    }

    /// Lets both go, or keeps them from being held by an attempt that comes late: the buyer has left.
    ///
    /// # Errors
    /// HOLD_CONFIRMED if one is sold: then it was paid, and [`Client::confirm_both`] says what is so.
    pub async fn cancel_both(&self, checkout: &TwoHolds) -> Result<[Cancelled; 2], Error> {
        let [first, second] = checkout.named();
        // In the order in which they would be paid: if the first is sold, the second is not touched.
        let first = self.cancel(first).await?;
        Ok([first, self.cancel(second).await?])
    }

    /// What was sold of a hold goes back, once.
    async fn undo(&self, checkout: &TwoHolds, hold: Hold) -> Result<(), Error> {
        let TwoHolds { undo, to_available, .. } = *checkout;
        let back = ReturnUnits { operation: undo, hold, to_available, units: Vec::new() };
        match self.return_units(back).await {
            Ok(_) => Ok(()),
            Err(Error::Rejected(rejection)) if rejection.code == Code::AlreadyReversed => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The refusal of a CONFIRM that no repeat will be answered otherwise; any other error is none.
fn for_good(error: Error) -> Result<OwnedRejection, Error> {
    match error {
        Error::Rejected(rejection) => {
            use Code::{Cancelled, HoldExpiredNoStock, HoldReleased, Void};
            let ended = matches!(rejection.code, HoldExpiredNoStock | HoldReleased | Cancelled | Void);
            let is_final = ended && rejection.code.class() == Class::Final;
            if is_final { Ok(rejection) } else { Err(Error::Rejected(rejection)) }
        }
        error => Err(error),
    }
}
