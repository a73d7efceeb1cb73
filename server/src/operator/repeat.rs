//! How a command that is run again becomes the same operation again.
//!
//! `created_ms` is part of an operation's id, and a reference such as an order line does not say it. It need not be
//! remembered: it is rounded down to a grid, the record under the id says when the command was executed, and between
//! the two lies no more than the time one attempt may take. So a repeat that is refused as a mismatch asks for that time
//! and tries the few points of the grid before it. An attempt against an existing record never executes anything: either
//! the content is the same in everything and the recorded answer comes, or it is a mismatch.
//!
//! Invariant: while the server remembers the operation, however often and from wherever a command is run under one
//! reference, it is executed once.

use super::Failure;
use crate::cli::OperationArgs;
use scrip_client::{Client, Code, Error, Operation, OperationShown, Slot, says_its_time};
use std::time::Duration;

/// Points at which an operation made from a reference can have been created.
const GRID_MS: u64 = 5_000;
/// How long an attempt may take; the server executes it no later.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Points to try: those of an attempt's length, one more that the rounding takes, and one ahead for a server whose clock
/// was slowed.
const POINTS: u64 = ATTEMPT.as_millis() as u64 / GRID_MS + 3;

/// Makes a RESERVE, SELL or REDEEM, or finds its answer if it was made before. Answers the operation, too.
pub async fn once<T>(
    client: &Client,
    arguments: &OperationArgs,
    slot: Slot,
    attempt: impl AsyncFn(&Client, Operation) -> Result<T, Error>,
) -> Result<(Operation, T), Failure> {
    let client = &client.within(ATTEMPT);
    let Some(reference) = &arguments.operation else {
        let operation = client.operation();
        return Ok((operation, attempt(client, operation).await?));
    };
    let client = &client.labelled(reference.as_str());
    let id = client.operation_id(reference)?;
    if arguments.created_ms.is_some() || says_its_time(reference) {
        let operation = Operation { id, created_ms: arguments.created_ms.unwrap_or(0) };
        return Ok((operation, attempt(client, operation).await?));
    }
    let now_ms = client.now_ms();
    let operation = Operation { id, created_ms: now_ms - now_ms % GRID_MS };
    let mismatch = match attempt(client, operation).await {
        Err(error) if is_mismatch(&error) => error,
        answer => return Ok((operation, answer?)),
    };
    let executed_ms = match client.operation_show(operation, slot).await {
        Ok(OperationShown::Hold(hold)) => hold.reserved_ms,
        Ok(OperationShown::Redemption(redemption)) => redemption.at_ms,
        // Nothing says when a CLAIM or ISSUE was executed: its first answer printed when it was made.
        Ok(OperationShown::Operation(_)) => return Err(mismatch.into()),
        Err(Error::Rejected(refusal)) if refusal.code == Code::Forbidden => return Err(unseen(reference)),
        Err(error) => return Err(error.into()),
    };
    for created_ms in points_before(executed_ms) {
        let operation = Operation { id, created_ms };
        match attempt(client, operation).await {
            Err(error) if is_mismatch(&error) => {}
            answer => return Ok((operation, answer?)),
        }
    }
    Err(mismatch.into())
}

/// Points of the grid at which a command that was executed at this time can have been created, likely ones first.
fn points_before(executed_ms: u64) -> impl Iterator<Item = u64> {
    let last = executed_ms - executed_ms % GRID_MS;
    let before = (0..POINTS - 1).filter_map(move |steps| last.checked_sub(steps * GRID_MS));
    before.chain([last + GRID_MS]).filter(|&point| point != 0)
}

fn unseen(reference: &str) -> Failure {
    Failure::Wish(format!(
        "operation {reference} was made before, and the token may not see when: give the --created-ms that its first \
         answer printed, or use a token with `--verb read`"
    ))
}

fn is_mismatch(error: &Error) -> bool {
    matches!(error, Error::Rejected(rejection) if rejection.code == Code::OperationMismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whenever_it_was_executed_the_point_it_was_created_at_is_found() {
        let attempt_ms = ATTEMPT.as_millis() as u64;
        for now_ms in (1_700_000_000_000..1_700_000_010_000).step_by(777) {
            let created_ms = now_ms - now_ms % GRID_MS;
            for took_ms in (0..attempt_ms).step_by(123).chain([attempt_ms]) {
                assert!(
                    points_before(now_ms + took_ms).any(|point| point == created_ms),
                    "{now_ms} {took_ms}"
                );
            }
            assert!(
                points_before(now_ms - 1).any(|point| point == created_ms),
                "a server's clock was slowed"
            );
        }
        assert_eq!(points_before(GRID_MS).count() as u64, 2, "0 would mean: the id says it");
    }
}
