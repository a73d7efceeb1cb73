//! `scrip group`: users who get cards together, by hand.
//!
//! Invariant: a repeat under the same `--operation` prints what the first answer printed.

use super::sale::{parties, print_operation};
use super::words::{Kind, Subject, id_text, time};
use super::{Failure, OperatorError, repeat, run};
use crate::cli::{GroupCommand, GroupJoinArgs, GroupLeaveArgs, GroupOpenArgs, ServerArgs};
use scrip_client::{
    ChannelId, Client, Group, GroupJoin, GroupJoined, GroupOpen, Operation, OperationId, channel_name,
};

/// `scrip group`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn group(command: &GroupCommand) -> Result<(), OperatorError> {
    match command {
        GroupCommand::Open(arguments) => open(arguments),
        GroupCommand::Join(arguments) => join(arguments),
        GroupCommand::Leave(arguments) => leave(arguments),
        GroupCommand::Show { group, server } => show(group, server),
    }
}

fn about(group: &str) -> Subject<'_> {
    Subject { kind: Kind::Group, stocks: Vec::new(), reference: Some(group) }
}

/// The group that an operator names: by its id, or by the reference of the operation that opened it.
fn named(client: &Client, text: &str) -> Result<Group, Failure> {
    Ok(Group { id: client.operation_id(text)?, slot: client.home_slot() })
}

fn open(arguments: &GroupOpenArgs) -> Result<(), OperatorError> {
    let (name, member) = (&arguments.campaign, &arguments.member);
    let subject = Subject { kind: Kind::Issue, stocks: vec![name], reference: None };
    let lasts_s = u32::try_from(arguments.lasts.as_secs()).unwrap_or(u32::MAX);
    run(&member.server, (member.channel, arguments.parties.segments), &subject, async |client| {
        let campaign = client.stock_id(name)?;
        let (user, parties) = (client.user_id(&member.user)?, parties(client, &arguments.parties)?);
        let size = arguments.size;
        let attempt = async |client: &Client, operation: Operation| {
            client.group_open(GroupOpen { operation, campaign, size, lasts_s, user, parties }).await
        };
        let (operation, joined) = repeat::once(client, &member.operation, campaign.slot(), attempt).await?;
        println!("group      {}", id_text(operation.id));
        print_joined(&joined, operation.id);
        print_operation(&member.operation, operation);
        Ok(())
    })
}

fn join(arguments: &GroupJoinArgs) -> Result<(), OperatorError> {
    let member = &arguments.member;
    let caller = (member.channel, arguments.parties.segments);
    run(&member.server, caller, &about(&arguments.group), async |client| {
        let group = named(client, &arguments.group)?;
        let (user, parties) = (client.user_id(&member.user)?, parties(client, &arguments.parties)?);
        let attempt = async |client: &Client, operation: Operation| {
            client.group_join(GroupJoin { operation, group, user, parties }).await
        };
        let (operation, joined) = repeat::once(client, &member.operation, group.slot, attempt).await?;
        print_joined(&joined, group.id);
        print_operation(&member.operation, operation);
        Ok(())
    })
}

fn leave(arguments: &GroupLeaveArgs) -> Result<(), OperatorError> {
    let member = &arguments.member;
    run(&member.server, member.channel, &about(&arguments.group), async |client| {
        let group = named(client, &arguments.group)?;
        let user = client.user_id(&member.user)?;
        let attempt =
            async |client: &Client, operation: Operation| client.group_leave(operation, group, user).await;
        let (operation, left) = repeat::once(client, &member.operation, group.slot, attempt).await?;
        println!("members    {} are left", left.value);
        print_operation(&member.operation, operation);
        Ok(())
    })
}

fn print_joined(joined: &GroupJoined, group: OperationId) {
    let GroupJoined { members, size, deadline_ms } = *joined;
    println!("members    {members} of {size}");
    if members == size {
        println!("full       everybody has a card: `scrip group show {}`", id_text(group));
    } else {
        println!("open until {}", time(deadline_ms));
    }
}

fn show(group: &str, server: &ServerArgs) -> Result<(), OperatorError> {
    run(server, ChannelId(0), &about(group), async |client| {
        let shown = client.group_show(named(client, group)?).await?;
        let campaign = client.stock_show(shown.campaign).await?;
        println!("group      {}", id_text(shown.group));
        println!("campaign   {}", campaign.name);
        println!("state      {}", shown.state.name());
        println!("members    {} of {}", shown.members.len(), shown.size);
        println!("opened     {}", time(shown.opened_ms));
        match shown.closed_ms {
            0 => println!("open until {}", time(shown.deadline_ms)),
            closed_ms => println!("over       {}", time(closed_ms)),
        }
        for member in &shown.members {
            let card = member.card.map_or("no card".to_owned(), |card| format!("card {card}"));
            println!("member     {}: {card}, by {}", member.user, channel_name(member.channel));
        }
        Ok(())
    })
}
