//! `scrip merchant zone`: by which clock the merchant's days begin.
//!
//! Invariant: a zone is replaced only in the version that was looked at, and what of it has begun stays.

use super::stock::{TRIES, moved};
use super::time_zones::{known, planned};
use super::words::{Kind, Subject, time};
use super::{Failure, OperatorError, run};
use crate::cli::{MerchantCommand, ZoneCommand};
use scrip_client::{ChannelId, Client, Transition, ZoneSet, ZoneShown};

/// Changes to come that are shown one by one.
const SHOWN: usize = 4;

/// `scrip merchant`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn merchant(command: &MerchantCommand) -> Result<(), OperatorError> {
    let subject = Subject { kind: Kind::Merchant, stocks: Vec::new(), reference: None };
    run(command.server(), ChannelId(0), &subject, async |client| ask(client, command).await)
}

async fn ask(client: &Client, command: &MerchantCommand) -> Result<(), Failure> {
    let MerchantCommand::Zone(command) = command;
    if let ZoneCommand::Set { zone, .. } = command {
        set(client, zone).await?;
    }
    show(client).await
}

/// Sets the zone, again and again while somebody is quicker.
async fn set(client: &Client, name: &str) -> Result<(), Failure> {
    let (name, zone) = known(name).map_err(|error| Failure::Wish(error.to_string()))?;
    let slot = client.home_slot();
    let mut tries = 1;
    loop {
        let ZoneShown { version, transitions, .. } = client.zone_show(slot).await?;
        let transitions = planned(&zone, &transitions, client.now_ms());
        let transitions = transitions.map_err(|error| Failure::Wish(error.to_string()))?;
        let operation = client.operation();
        let wish = ZoneSet { operation, slot, version, name: name.clone(), transitions };
        match client.zone_set(wish).await {
            Err(error) if moved(&error) && tries < TRIES => tries += 1,
            answer => return answer.map(|_| ()).map_err(Failure::from),
        }
    }
}

async fn show(client: &Client) -> Result<(), Failure> {
    let ZoneShown { version, name, transitions } = client.zone_show(client.home_slot()).await?;
    if version == 0 {
        println!(
            "no time zone: days begin by the offset of each stock. `scrip merchant zone set Asia/Shanghai` sets one"
        );
        return Ok(());
    }
    let now_ms = client.now_ms();
    println!("zone {name}, UTC{} now; version {version}", ahead(offset_at(&transitions, now_ms)));
    let to_come: Vec<&Transition> =
        transitions.iter().filter(|transition| transition.from_ms.get() > now_ms).collect();
    for transition in to_come.iter().take(SHOWN) {
        println!("from {}  UTC{}", time(transition.from_ms.get()), ahead(transition.offset_minutes.get()));
    }
    if let Some(last) = to_come.iter().skip(SHOWN).last() {
        println!("and {} changes more, until {}", to_come.len() - SHOWN, time(last.from_ms.get()));
    }
    Ok(())
}

/// Minutes that the clock of these transitions is ahead of UTC; none: 0.
pub(super) fn offset_at(transitions: &[Transition], now_ms: u64) -> i16 {
    let begun = transitions.iter().take_while(|transition| transition.from_ms.get() <= now_ms).last();
    begun.or(transitions.first()).map_or(0, |transition| transition.offset_minutes.get())
}

/// How far ahead a clock is, for people: `+08:00`.
pub(super) fn ahead(minutes: i16) -> String {
    let (sign, ahead) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    format!("{sign}{:02}:{:02}", ahead / 60, ahead % 60)
}
