//! `scrip person`: which users are one person.
//!
//! Invariant: what is linked is asked of the server first, so that a command that is run again says how things stand and changes nothing.

use super::words::{Kind, Subject};
use super::{Failure, OperatorError, run};
use crate::cli::PersonCommand;
use scrip_client::{ChannelId, Client, UserId};
use scrip_engine::limits::LABEL_BYTES_MAX;

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
        PersonCommand::Label { user, text, .. } => {
            let (id, text) = (client.user_id(user)?, text.as_deref().unwrap_or(user));
            if text.is_empty() || text.len() > LABEL_BYTES_MAX {
                return Err(Failure::Wish(format!(
                    "a label has 1 to {LABEL_BYTES_MAX} bytes, this has {}",
                    text.len()
                )));
            }
            let replaced = client.label(client.operation(), slot, id, text).await?.value == 1;
            println!("labelled   {id}{}", if replaced { "  (words of before are destroyed)" } else { "" });
            Ok(())
        }
        PersonCommand::Erase { user, change } => {
            let id = client.user_id(user)?;
            let erased = client.erase(client.operation(), slot, id, change.reason).await?.value;
            println!("erased     the words of {erased} of {} users", client.identity(slot, id).await?.len());
            Ok(())
        }
        PersonCommand::Export(_) => unreachable!("an export asks no server"),
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
