//! `scrip person export`: all that a data directory has of a person, as JSON.
//!
//! It reads the logs to their end, beside a running server, too. Invariant: what is shown of users are their labels, opened here and
//! nowhere else; one whose key was destroyed is shown as that.

use super::ToolError;
use super::log_cat::event_text;
use crate::cli::ExportArgs;
use crate::data_directory::DataDirectory;
use crate::keyring::Keyring;
use crate::person_keys::{self, PersonKeysReader};
use crate::tokens;
use scrip_engine::Engine;
use scrip_engine::command::CampaignKind;
use scrip_engine::event::{Event, PersonEvent};
use scrip_engine::ids::{MerchantId, Slot, UserId};
use scrip_engine::state::State;
use scrip_engine::state::table::Handle;
use scrip_protocol::references::reference_id;
use scrip_shard::{Moment, Subject, history, ids_of_person};
use scrip_wal::RealDisk;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// A sealed label: in which shard, under which key, and it.
type Sealed = (u32, u32, Vec<u8>);

/// What was found so far.
#[derive(Default)]
struct Found {
    events: Vec<(u64, Value)>,
    labels: BTreeMap<(Slot, UserId), Sealed>,
    cards: Vec<Value>,
}

/// Prints a person.
///
/// # Errors
/// [`ToolError`], with what to try next.
pub fn export(arguments: &ExportArgs) -> Result<(), ToolError> {
    let directory = DataDirectory::look(&arguments.data)?;
    let merchant = MerchantId(arguments.merchant);
    let alias_key =
        tokens::alias_key(directory.path(), merchant)?.ok_or(ToolError::UnknownMerchant(merchant.0))?;
    let user = reference_id(&alias_key, &arguments.user).map(UserId)?;
    let ids = {
        let disks: Vec<(u32, RealDisk)> = (0..directory.manifest().shards)
            .map(|shard| Ok((shard, disk_of(&directory, shard)?)))
            .collect::<Result<_, ToolError>>()?;
        ids_of_person(disks.into_iter(), merchant, user)
            .map_err(|source| ToolError::Recovery { path: directory.path().to_owned(), source })?
    };
    let mut found = Found::default();
    for shard in 0..directory.manifest().shards {
        let path = directory.shard_path(shard);
        let subject = Subject::Person(merchant, &ids);
        let engine = history(
            &disk_of(&directory, shard)?,
            shard,
            subject,
            |_, _| (),
            |moment| {
                found.note(shard, moment);
            },
        )
        .map_err(|source| ToolError::Recovery { path, source })?;
        found.keep(&engine, (merchant, shard), &ids);
    }
    found.events.sort_by_key(|(at_ms, _)| *at_ms);
    let labels = opened(&found, arguments, merchant)?;
    let users: Vec<Value> = ids.iter().map(|id| user_of(*id, &labels)).collect();
    let events: Vec<Value> = found.events.into_iter().map(|(_, event)| event).collect();
    if events.is_empty() {
        return Err(ToolError::UnknownPerson(arguments.user.clone()));
    }
    let person = json!({
        "merchant": merchant.0, "asked": arguments.user, "users": users, "cards": found.cards, "events": events,
    });
    println!("{}", serde_json::to_string_pretty(&person).expect("it is plain data"));
    Ok(())
}

fn disk_of(directory: &DataDirectory, shard: u32) -> Result<RealDisk, ToolError> {
    let path = directory.shard_path(shard);
    RealDisk::open(&path).map_err(|source| ToolError::Io { path, source })
}

impl Found {
    fn note(&mut self, shard: u32, moment: &Moment<'_>) {
        let Moment { at_ms, sequence, event, facts } = *moment;
        if let Event::Person(PersonEvent::Labelled { origin, user, key, sealed }) = event {
            self.labels.insert((origin.slot, *user), (shard, *key, sealed.to_vec()));
        }
        let mut told = json!({
            "shard": shard, "sequence": sequence, "at": time(at_ms), "event": event_text(event),
        });
        if !facts.is_empty() {
            told["facts"] = String::from_utf8_lossy(facts).into();
        }
        self.events.push((at_ms, told));
    }

    /// What the person has at the end.
    fn keep(&mut self, engine: &Engine, (merchant, shard): (MerchantId, u32), ids: &[UserId]) {
        let state = engine.state();
        // Those that are in force, of the ones that this shard has had.
        self.labels.retain(|(slot, user), (of, key, _)| {
            *of != shard || state.label_key((merchant, *slot), *user) == Some(*key)
        });
        for slot in (0..scrip_engine::ids::SLOTS).map(Slot) {
            for user in ids {
                let cards = state.wallet((merchant, slot), *user);
                self.cards.extend(cards.map(|record| card(state, record, *user)));
            }
        }
    }
}

fn card(state: &State, record: Handle, owner: UserId) -> Value {
    let campaign = state.campaigns.get(state.cards.place(record).0);
    let card = state.card_at(record, state.now_ms);
    json!({
        "card": state.card_id(record).to_string(),
        "owner": owner.to_string(),
        "campaign": String::from_utf8_lossy(state.stock_of_campaign(campaign).name()),
        "kind": kind_name(campaign.definition.kind()),
        "state": format!("{:?}", card.state()).to_lowercase(),
        "available": card.available,
        "held": card.held,
        "used": card.consumed,
        "from": seconds(card.from_s),
        "until": seconds(card.until_s),
    })
}

const fn kind_name(kind: CampaignKind) -> &'static str {
    match kind {
        CampaignKind::AmountOff => "amount-off",
        CampaignKind::PercentOff => "percent-off",
        CampaignKind::Item => "item",
        CampaignKind::FixedPrice => "fixed-price",
        CampaignKind::StoredValue => "stored-value",
        CampaignKind::Uses => "uses",
        CampaignKind::Stamps => "stamps",
        CampaignKind::Pass => "pass",
        CampaignKind::Points => "points",
    }
}

/// The labels in force, opened; `None`: its key was destroyed.
fn opened(
    found: &Found,
    arguments: &ExportArgs,
    merchant: MerchantId,
) -> Result<BTreeMap<(Slot, UserId), Option<String>>, ToolError> {
    if found.labels.is_empty() {
        return Ok(BTreeMap::new());
    }
    let data = arguments.data.as_path();
    let Some(keyring) = Keyring::look(data, arguments.master_key.as_deref())? else {
        return Ok(found.labels.keys().map(|whose| (*whose, None)).collect());
    };
    let folder = arguments.person_keys.clone().unwrap_or_else(|| person_keys::default_folder(data));
    let keys = PersonKeysReader::new(folder, keyring.persons());
    let open = |((slot, user), (shard, key, sealed)): (&(Slot, UserId), &Sealed)| {
        let text = keys.open(*shard, (merchant, *slot, *user), (*key, sealed))?;
        Ok(((*slot, *user), text))
    };
    found.labels.iter().map(open).collect()
}

fn user_of(id: UserId, labels: &BTreeMap<(Slot, UserId), Option<String>>) -> Value {
    let his: Vec<Value> = labels
        .iter()
        .filter(|((_, user), _)| *user == id)
        .map(|((slot, _), text)| json!({ "slot": slot.0, "text": text, "destroyed": text.is_none() }))
        .collect();
    json!({ "user": id.to_string(), "labels": his })
}

fn seconds(at_s: u32) -> Option<String> {
    (at_s != 0).then(|| time(u64::from(at_s) * 1_000))
}

fn time(at_ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at_ms)).to_string()
}
