//! `scrip cancel`: a sale or hold that nobody waits for any more is undone, or kept from being made late.
//!
//! Invariant: a repeat prints what the first answer printed.

use super::sale::{about, hold_named};
use super::words::{Kind, id_text};
use super::{OperatorError, run};
use crate::cli::CallArgs;
use scrip_client::Cancelled;

/// `scrip cancel`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn cancel(call: &CallArgs) -> Result<(), OperatorError> {
    run(&call.server, call.channel, &about(call, Kind::Cancel), async |client| {
        // An operation whose reference does not say its time is buried now: that is remembered longer than the original can
        // be on its way.
        let original = hold_named(client, call)?;
        let what = match client.cancel(original).await? {
            Cancelled::Nothing => "nothing was there: it will not be executed when it comes late".into(),
            Cancelled::Released => "its units are back".into(),
            Cancelled::Lapsed => "it had expired before: it can't be confirmed any more".into(),
            Cancelled::Returned { units } => format!("{units} sold units are given back, card keys to void"),
        };
        println!("cancelled  {what}");
        println!("operation  {}", id_text(original.operation.id));
        Ok(())
    })
}
