//! `scrip activity`, and a `scrip card claim` by somebody's word: users who bring friends, by hand.
//!
//! Invariant: a repeat under the same `--operation` prints what the first answer printed.

use super::sale::print_operation;
use super::words::{Kind, Subject, time};
use super::{Failure, OperatorError, repeat, run};
use crate::cli::{ActivityCommand, ActivityCreateArgs, ActivityEditArgs, Counts, ServerArgs};
use scrip_client::{ActivityShown, ChannelId, Client, Operation, StockId, UserId, channel_name};
use scrip_engine::answer::Shared;
use scrip_engine::command::{ActivityTerms, Counting};
use scrip_engine::ids::{ActivityId, Slot};
use scrip_engine::limits::ACTIVITY_SOURCES_MAX;
use scrip_protocol::references::stock_id;
use zerocopy::little_endian::{U16, U32, U64};

/// `scrip activity`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn activity(command: &ActivityCommand) -> Result<(), OperatorError> {
    match command {
        ActivityCommand::Create(arguments) => create(arguments),
        ActivityCommand::Edit(arguments) => edit(arguments),
        ActivityCommand::Show { activity, referrer, server } => show(activity, referrer.as_deref(), server),
    }
}

fn about(activity: &str) -> Subject<'_> {
    Subject { kind: Kind::Activity, stocks: Vec::new(), reference: Some(activity) }
}

/// The activity that an operator names: its names are like those of stocks.
pub(super) fn named(client: &Client, text: &str) -> Result<ActivityId, Failure> {
    Ok(ActivityId(client.stock_id(text)?.0))
}

/// Campaigns in ascending order, as a rule has them.
fn sources(client: &Client, names: &[String]) -> Result<(u8, [U64; ACTIVITY_SOURCES_MAX]), Failure> {
    let mut found: Vec<StockId> = Vec::new();
    for name in names {
        found.push(client.stock_id(name)?);
    }
    found.sort_unstable();
    found.dedup();
    let mut sources = [U64::ZERO; ACTIVITY_SOURCES_MAX];
    if found.len() > sources.len() {
        return Err(Failure::Wish(format!("an activity has at most {ACTIVITY_SOURCES_MAX} sources")));
    }
    sources.iter_mut().zip(&found).for_each(|(place, source)| *place = U64::new(source.0));
    Ok((found.len() as u8, sources))
}

fn create(arguments: &ActivityCreateArgs) -> Result<(), OperatorError> {
    run(&arguments.server, arguments.channel, &about(&arguments.activity), async |client| {
        let activity = named(client, &arguments.activity)?;
        let slot = arguments.reward_slot.map_or(client.home_slot(), Slot);
        let reward = stock_id(slot, &arguments.reward).map_err(scrip_client::Error::from)?;
        let (sources_count, sources) = sources(client, &arguments.sources)?;
        let counts = match arguments.counts {
            Counts::Claims => Counting::Claims,
            Counts::Redemptions => Counting::Redemptions,
        };
        let terms = ActivityTerms {
            reward: U64::new(reward.0),
            from_ms: U64::new(arguments.from_ms.unwrap_or(0)),
            until_ms: U64::new(arguments.until_ms.unwrap_or(0)),
            most: U32::new(arguments.most),
            every: U16::new(arguments.every),
            counts: counts as u8,
            sources_count,
            sources,
        };
        let attempt = async |client: &Client, operation: Operation| {
            client.activity_create(operation, activity, &terms).await
        };
        let (operation, made) = repeat::once(client, &arguments.operation, activity.slot(), attempt).await?;
        println!("activity   {}, version {}", arguments.activity, made.value);
        print_operation(&arguments.operation, operation);
        Ok(())
    })
}

fn edit(arguments: &ActivityEditArgs) -> Result<(), OperatorError> {
    run(&arguments.server, arguments.channel, &about(&arguments.activity), async |client| {
        let activity = named(client, &arguments.activity)?;
        let shown = client.activity_show(activity, UserId(0)).await?;
        let mut terms = shown.terms;
        if !arguments.sources.is_empty() {
            (terms.sources_count, terms.sources) = sources(client, &arguments.sources)?;
        }
        if let Some(reward) = &arguments.reward {
            let slot = terms.reward().slot();
            terms.reward = U64::new(stock_id(slot, reward).map_err(scrip_client::Error::from)?.0);
        }
        terms.most = U32::new(arguments.most.unwrap_or(terms.most.get()));
        terms.from_ms = U64::new(arguments.from_ms.unwrap_or(terms.from_ms.get()));
        terms.until_ms = U64::new(arguments.until_ms.unwrap_or(terms.until_ms.get()));
        let attempt = async |client: &Client, operation: Operation| {
            client.activity_edit(operation, (activity, shown.version), &terms).await
        };
        let (operation, made) = repeat::once(client, &arguments.operation, activity.slot(), attempt).await?;
        println!("activity   {}, version {}", arguments.activity, made.value);
        print_operation(&arguments.operation, operation);
        Ok(())
    })
}

fn show(name: &str, referrer: Option<&str>, server: &ServerArgs) -> Result<(), OperatorError> {
    run(server, ChannelId(0), &about(name), async |client| {
        let user = referrer.map(|referrer| client.user_id(referrer)).transpose()?;
        let shown = client.activity_show(named(client, name)?, user.unwrap_or_default()).await?;
        print(client, name, &shown).await
    })
}

async fn print(client: &Client, name: &str, shown: &ActivityShown) -> Result<(), Failure> {
    let terms = &shown.terms;
    println!("activity   {name}, version {}", shown.version);
    for source in terms.sources() {
        println!("source     {}", client.stock_show(source).await?.name);
    }
    let reward = client.stock_show(terms.reward()).await?.name;
    let (every, most, counts) = (terms.every.get(), terms.most.get(), terms.counting().name());
    println!("reward     a card of {reward} after every {every} {counts}, at most {most} each");
    println!("given by   {}", channel_name(shown.channel));
    let at = |ms: u64| if ms == 0 { "open".to_owned() } else { time(ms) };
    println!("counts     from {} until {}", at(terms.from_ms.get()), at(terms.until_ms.get()));
    println!("referrers  {}", shown.referrers);
    print_done(&shown.done);
    if let Some(of) = &shown.of {
        println!("referrer   {}", of.user);
        print_done(&of.done);
        if let Some(card) = of.card {
            println!("last card  {card}");
        }
    }
    Ok(())
}

fn print_done(done: &Shared) {
    let Shared { friends, counted, earned, given } = done;
    println!("friends    {friends}, {counted} count");
    println!("rewards    {earned} earned, {given} given, {} owed", earned - given);
}
