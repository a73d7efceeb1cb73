//! `scrip person`: which users are one person.
//!
//! Invariant: what is linked is asked of the server first, so that a command that is run again says how things stand and changes nothing.

use super::words::{Kind, Subject};
use super::{Failure, OperatorError, run};
use crate::cli::PersonCommand;
use scrip_client::{ChannelId, Client, UserId};

/// `scrip person`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn person(command: &PersonCommand) -> Result<(), OperatorError> {
    let subject = Subject { kind: Kind::Person, stocks: Vec::new(), reference: None };
    run(command.server(), ChannelId(0), &subject, async |client| ask(client, command).await)
}

async fn ask(client: &Client, command: &PersonCommand) -> Result<(), Failure> {
    let slot = client.home_slot();
    match command {
        PersonCommand::Link { user, to, change } => {
            let (user, to) = (client.user_id(user)?, client.user_id(to)?);
            if user == to {
                return Err(Failure::Wish("both are the same user id: name another one".into()));
            }
            if !client.identity(slot, user).await?.contains(&to) {
                client.link(client.operation(), slot, (user, to), change.reason).await?;
            }
            show(client, user).await
        }
        PersonCommand::Unlink { user, change } => {
            let user = client.user_id(user)?;
            client.unlink(client.operation(), slot, user, change.reason).await?;
            show(client, user).await
        }
        PersonCommand::Show { user, .. } => show(client, client.user_id(user)?).await,
    }
}

async fn show(client: &Client, user: UserId) -> Result<(), Failure> {
    let members = client.identity(client.home_slot(), user).await?;
    match members.len() {
        0 | 1 => println!("alone      no other user is one person with {user}"),
        ids => println!("person     {ids} users"),
    }
    for member in &members {
        println!("user       {member}{}", if *member == user { "  (asked)" } else { "" });
    }
    Ok(())
}
