//! `scrip risk`: rules on how often a subject may buy, claim and redeem, and blocks.

use super::limits::name_of;
use super::stock::time_of;
use super::words::{Kind, Subject, time};
use super::{Failure, OperatorError, run};
use crate::cli::{RiskCommand, RiskSubject, RuleArgs};
use scrip_client::{Block, ChannelId, Client, Price, RiskAction, RiskRule, SubjectKind, channel_name};
use std::time::Duration;

/// `scrip risk`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn risk(command: &RiskCommand) -> Result<(), OperatorError> {
    let subject = Subject { kind: Kind::Risk, stocks: Vec::new(), reference: None };
    run(command.server(), ChannelId(0), &subject, async |client| ask(client, command).await)
}

async fn ask(client: &Client, command: &RiskCommand) -> Result<(), Failure> {
    let (operation, slot) = (client.operation(), client.home_slot());
    match command {
        RiskCommand::Rule { number, rule, .. } => {
            client.risk_set(operation, slot, rule_of(*number, rule)?).await?;
        }
        RiskCommand::Block { subject, reference, flag, until_in, .. } => {
            let action = if *flag { RiskAction::Flag } else { RiskAction::Refuse } as u8;
            let until_ms = time_of(client, None, *until_in);
            let block = block_of(client, *subject, reference)?;
            let block = Block { until_ms: until_ms.into(), action, ..block };
            client.block_set(operation, slot, block).await?;
        }
        RiskCommand::Unblock { subject, reference, .. } => {
            client.block_set(operation, slot, block_of(client, *subject, reference)?).await?;
        }
        RiskCommand::Show { .. } => {}
    }
    show(client).await
}

fn rule_of(number: u16, wish: &RuleArgs) -> Result<RiskRule, Failure> {
    let window = wish.per.unwrap_or(Duration::ZERO).as_millis();
    let window_ms = u32::try_from(window)
        .map_err(|_| Failure::Wish("--per is from 1s to 30days: try `--per 1h`".into()))?;
    let action = match (wish.lift, wish.flag) {
        (true, _) => 0,
        (false, true) => RiskAction::Flag as u8,
        (false, false) => RiskAction::Refuse as u8,
    };
    Ok(RiskRule {
        number: number.into(),
        channel: wish.channel.unwrap_or(Price::ANY_CHANNEL).0.into(),
        subject: wish.subject.map_or(0, |subject| kind_of(subject) as u8),
        action,
        spare: 0.into(),
        at_most: wish.at_most.unwrap_or(0).into(),
        window_ms: window_ms.into(),
    })
}

fn kind_of(name: RiskSubject) -> SubjectKind {
    match name {
        RiskSubject::User => SubjectKind::User,
        RiskSubject::LimitKey => SubjectKind::LimitKey,
        RiskSubject::Device => SubjectKind::Device,
        RiskSubject::Address => SubjectKind::Address,
        RiskSubject::Referrer => SubjectKind::Referrer,
    }
}

/// A block of this subject, lifted.
fn block_of(client: &Client, subject: RiskSubject, reference: &str) -> Result<Block, Failure> {
    let kind = kind_of(subject);
    let id = match kind {
        SubjectKind::User | SubjectKind::Referrer => client.user_id(reference)?.0,
        SubjectKind::LimitKey => client.limit_key(reference)?,
        SubjectKind::Device | SubjectKind::Address => u128::from(client.keyed_hash(reference)?),
    };
    Ok(Block { subject: id.into(), until_ms: 0.into(), kind: kind as u8, action: 0, spare: [0; 6] })
}

async fn show(client: &Client) -> Result<(), Failure> {
    let first = client.risk_show(client.home_slot(), 0).await?;
    println!("{:<6}{:<12}{:<12}{:>10}{:>14}  action", "rule", "subject", "channel", "at most", "per");
    for rule in &first.rules {
        let channel = match ChannelId(rule.channel.get()) {
            Price::ANY_CHANNEL => "any".to_owned(),
            channel => channel_name(channel).to_string(),
        };
        let window = Duration::from_millis(u64::from(rule.window_ms.get()));
        println!(
            "{:<6}{:<12}{channel:<12}{:>10}{:>14}  {}",
            rule.number.get(),
            subject(rule.subject),
            rule.at_most.get(),
            humantime::format_duration(window).to_string(),
            action(rule.action)
        );
    }
    println!("{} blocks", first.blocks_total);
    let mut from = 0;
    let mut page = first.blocks;
    while !page.is_empty() {
        from += page.len() as u32;
        for block in &page {
            let until = match block.until_ms.get() {
                0 => "for good".to_owned(),
                until_ms => format!("until {}", time(until_ms)),
            };
            println!(
                "{:<12}{:x}  {} {until}",
                subject(block.kind),
                block.subject.get(),
                action(block.action)
            );
        }
        page = client.risk_show(client.home_slot(), from).await?.blocks;
    }
    Ok(())
}

fn subject(number: u8) -> &'static str {
    SubjectKind::from_number(number).map_or("unknown", name_of)
}

fn action(number: u8) -> &'static str {
    match RiskAction::from_number(number) {
        Some(RiskAction::Refuse) => "refuse",
        Some(RiskAction::Flag) => "flag",
        None => "unknown",
    }
}
