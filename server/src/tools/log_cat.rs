//! `scrip log cat`: the log as text, one event a line; `scrip log card`: those of one card.

use super::ToolError;
use crate::data_directory::DataDirectory;
mod holds;

use scrip_engine::answer::OperationKind;
use scrip_engine::command::{BatchEnd, Offline, Parties, StockKind, SubjectKind};

use scrip_engine::event::{
    self, AccountEntry, CampaignEvent, CodeEvent, Event, EventHold, GiftEntry, GroupEvent, GroupMember,
    NoticeEvent, NoticeRow, Origin, RecycledFor, RiskEvent,
};
use scrip_engine::ids::{CardId, StockId};
use scrip_shard::{FrameError, Moment, Subject, for_each_event_with_facts, history};
use scrip_wal::{RealDisk, scan};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use zerocopy::little_endian::U32;

mod persons;
mod sharing;

/// Which part of the log.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// First sequence.
    pub from: u64,
    /// Events at most.
    pub limit: u64,
}

/// Prints the events of every shard of `path`.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage.
pub fn run(path: &Path, range: Range) -> Result<(), ToolError> {
    let directory = DataDirectory::open(path)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for shard in 0..directory.manifest().shards {
        let path = directory.shard_path(shard);
        let disk = RealDisk::open(&path).map_err(|source| ToolError::Io { path: path.clone(), source })?;
        let mut left = range.limit;
        let mut now_ms = 0;
        let mut pipe_closed = false;
        scan(&disk, shard, |header, payload| {
            for_each_event_with_facts(header, payload, |sequence, event, facts| {
                if let Event::Tick { now_ms: tick_ms } = event {
                    now_ms = *tick_ms;
                }
                if sequence < range.from || left == 0 || pipe_closed {
                    return;
                }
                left -= 1;
                // A reader such as `head` may have seen enough.
                pipe_closed = print_event(&mut out, shard, sequence, now_ms, event)
                    .and_then(|()| print_facts(&mut out, shard, sequence, now_ms, facts))
                    .is_err();
            })
        })
        .map_err(|source: scrip_wal::ScanError<FrameError>| ToolError::Scan { path, source })?;
    }
    let _ = out.flush();
    Ok(())
}

/// Prints what has happened to a card, in order.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage, or if there is no such card.
pub fn card(path: &Path, card: CardId) -> Result<(), ToolError> {
    let directory = DataDirectory::look(path)?;
    let shard = directory.manifest().slots[usize::from(card.slot().0)];
    let path = directory.shard_path(shard);
    let disk = RealDisk::open(&path).map_err(|source| ToolError::Io { path: path.clone(), source })?;
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut moments, mut pipe_closed) = (0_u64, false);
    history(
        &disk,
        shard,
        Subject::Card(card),
        |_, _| (),
        |moment| {
            moments += 1;
            let Moment { at_ms, sequence, event, facts } = *moment;
            pipe_closed = pipe_closed
                || print_event(&mut out, shard, sequence, at_ms, event)
                    .and_then(|()| print_facts(&mut out, shard, sequence, at_ms, facts))
                    .is_err();
        },
    )
    .map_err(|source| ToolError::Recovery { path, source })?;
    let _ = out.flush();
    if moments == 0 { Err(ToolError::UnknownCard(card)) } else { Ok(()) }
}

/// What a gateway has told for reports, on a line of its own.
fn print_facts(out: &mut impl Write, shard: u32, sequence: u64, now_ms: u64, facts: &[u8]) -> io::Result<()> {
    match facts {
        [] => Ok(()),
        facts => writeln!(out, "{shard} {sequence} {now_ms} facts {:?}", String::from_utf8_lossy(facts)),
    }
}

/// An event in the words of `scrip log cat`.
pub(super) fn event_text(event: &Event<'_>) -> String {
    let mut line = Vec::new();
    print_words(&mut line, event).expect("memory takes what is written");
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

fn print_event(
    out: &mut impl Write,
    shard: u32,
    sequence: u64,
    now_ms: u64,
    event: &Event<'_>,
) -> io::Result<()> {
    write!(out, "{shard} {sequence} {now_ms} ")?;
    print_words(out, event)
}

fn print_words(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Tick { .. } => writeln!(out, "tick"),
        Event::Configured { rules } => writeln!(
            out,
            "configured window_ms={} window_min_ms={} late_confirm_ms={}",
            rules.operation_window_ms, rules.operation_window_min_ms, rules.late_confirm_ms
        ),
        Event::FloorRaised { floor_ms } => writeln!(out, "floor_raised floor_ms={floor_ms}"),
        Event::Expired { holds } => {
            write!(out, "expired")?;
            holds.iter().try_for_each(|hold| write!(out, " {}", hold.key().operation))?;
            writeln!(out)
        }
        Event::StockCreated { origin, stock, units, kind, once_per_order, terms, name } => writeln!(
            out,
            "stock_created {} stock={stock} name={:?} units={units} {} once_per_order={once_per_order} limit_per_user={} opens_ms={} closes_ms={}",
            origin.operation,
            String::from_utf8_lossy(name),
            kind_name(*kind),
            terms.limit_per_user,
            terms.opens_ms,
            terms.closes_ms
        ),
        Event::StockMoved { origin, kind, from_frozen, forced, stock, units } => {
            let what = match kind {
                OperationKind::StockSupply => "stock_supplied",
                OperationKind::StockVoid => "stock_voided",
                OperationKind::StockFreeze => "stock_frozen",
                _ => "stock_unfrozen",
            };
            let operation = origin.operation;
            writeln!(
                out,
                "{what} {operation} stock={stock} units={units} from_frozen={from_frozen} forced={forced}"
            )
        }
        Event::StockEdited { origin, stock, terms } => {
            writeln!(
                out,
                "stock_edited {} stock={stock} limit_per_user={} opens_ms={} closes_ms={} frozen={}",
                origin.operation, terms.limit_per_user, terms.opens_ms, terms.closes_ms, terms.frozen
            )
        }
        Event::StockQuotaSet { origin, stock, quotas } => {
            write!(out, "stock_quota_set {} stock={stock}", origin.operation)?;
            for quota in *quotas {
                let (channel, guaranteed) = (quota.channel().0, quota.guaranteed.get());
                write!(out, " {channel}:{guaranteed}..{}@{}", quota.cap.get(), quota.lapses_ms.get())?;
            }
            writeln!(out)
        }
        Event::StockLimitsSet { origin, stock, limits, spans } => {
            write!(out, "stock_limits_set {} stock={stock}", origin.operation)?;
            for (kind, limit) in SubjectKind::LIMITED.into_iter().zip(&limits.subjects) {
                let (total, per_day, held) = (limit.total.get(), limit.per_day.get(), limit.held.get());
                write!(out, " {kind:?}:total={total},per_day={per_day},held={held}")?;
                if let Some(spans) = spans {
                    let at = kind.position();
                    write!(out, ",per_week={},per_month={}", spans.per_week[at], spans.per_month[at])?;
                }
            }
            writeln!(out, " utc_offset_minutes={}", limits.utc_offset_minutes.get())
        }
        Event::StockPriced { origin, stock, prices } => {
            write!(out, "stock_priced {} stock={stock}", origin.operation)?;
            for price in *prices {
                let (channel, amount) = (price.channel.get(), price.amount.get());
                let (from_ms, until_ms) = (price.from_ms.get(), price.until_ms.get());
                write!(out, " {channel}:{amount},kind={},from_ms={from_ms},until_ms={until_ms}", price.kind)?;
            }
            writeln!(out)
        }
        Event::Risk(RiskEvent::RuleSet { origin, rule }) => writeln!(
            out,
            "risk_rule_set {} number={} channel={} subject={} action={} at_most={} window_ms={}",
            origin.operation,
            rule.number.get(),
            rule.channel.get(),
            rule.subject,
            rule.action,
            rule.at_most.get(),
            rule.window_ms.get()
        ),
        Event::Risk(RiskEvent::BlockSet { origin, block }) => writeln!(
            out,
            "block_set {} kind={} subject={:x} action={} until_ms={}",
            origin.operation,
            block.kind,
            block.subject.get(),
            block.action,
            block.until_ms.get()
        ),
        Event::ZoneSet { origin, name, transitions } => {
            let (operation, name) = (origin.operation, String::from_utf8_lossy(name));
            write!(
                out,
                "zone_set {operation} merchant={} slot={} name={name:?}",
                origin.merchant, origin.slot.0
            )?;
            for transition in *transitions {
                write!(out, " {}@{}", transition.offset_minutes.get(), transition.from_ms.get())?;
            }
            writeln!(out)
        }
        Event::Person(event) => persons::print(out, event),
        Event::GuaranteeLapsed { stock, channel } => {
            writeln!(out, "guarantee_lapsed stock={stock} channel={}", channel.0)
        }
        event => print_keys_event(out, event),
    }
}

/// What a stock's units are. A seed stays where it is: whoever knows it knows which key comes next.
const fn kind_name(kind: StockKind) -> &'static str {
    match kind {
        StockKind::Counter => "keys=false",
        StockKind::Keys => "keys=true",
        StockKind::RandomKeys { .. } => "keys=true random=true",
        StockKind::Reusable => "keys=true reusable=true",
        StockKind::Cards => "cards=true",
    }
}

/// Batches and card keys. A key's fingerprint is no secret, but of no use either: counts are shown.
fn print_keys_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::BatchCreated { origin, stock, batch, cost, expires_ms, supplier } => {
            let supplier = String::from_utf8_lossy(supplier);
            let operation = origin.operation;
            write!(out, "batch_created {operation} stock={stock} batch={batch} supplier={supplier:?}")?;
            writeln!(out, " cost={cost} expires_ms={expires_ms}")
        }
        Event::BatchChanged { origin, stock, batch, change, forced } => {
            let operation = origin.operation;
            writeln!(out, "batch_changed {operation} stock={stock} batch={batch} {change:?} forced={forced}")
        }
        Event::BatchExpired { stock, batch } => writeln!(out, "batch_expired stock={stock} batch={batch}"),
        Event::KeysImported { origin, stock, batch, keys, .. } => {
            let (operation, keys) = (origin.operation, keys.len());
            writeln!(out, "keys_imported {operation} stock={stock} batch={batch} keys={keys}")
        }
        Event::Revealed { origin, hold } => writeln!(out, "revealed {} hold={hold}", origin.operation),
        Event::KeyReplaced { origin, hold, key, reason } => {
            writeln!(out, "key_replaced {} hold={hold} key={key} reason={reason}", origin.operation)
        }
        Event::ReplaceOwed { origin, hold, key, reason, until_ms, code } => {
            let (operation, code) = (origin.operation, code.name());
            write!(out, "replace_owed {operation} hold={hold} key={key} reason={reason}")?;
            writeln!(out, " until_ms={until_ms} for_want={code}")
        }
        Event::KeysExported { origin, stock, batch } => {
            let (operation, channel) = (origin.operation, origin.channel.0);
            let batch = batch.map_or("all".to_owned(), |batch| batch.to_string());
            write!(out, "keys_exported {operation} merchant={} channel={channel}", origin.merchant)?;
            writeln!(out, " stock={stock} batch={batch}")
        }
        Event::KeyReclaimed { origin, hold, key, reason } => {
            writeln!(out, "key_reclaimed {} hold={hold} key={key} reason={reason}", origin.operation)
        }
        event => print_hold_event(out, event),
    }
}

fn print_hold_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Taken {
            origin,
            buyer,
            sold,
            hidden,
            ttl_ms,
            replaces,
            parties,
            flagged,
            lines,
            prices,
            cards,
            quote,
            sales,
        } => {
            let verb = if *sold { "sold" } else { "reserved" };
            write!(
                out,
                "{verb} {} merchant={} channel={}",
                origin.operation, origin.merchant, origin.channel.0
            )?;
            write!(out, " order={} user={} ttl_ms={ttl_ms} hidden={hidden}", buyer.order, buyer.user)?;
            if replaces.0 != 0 {
                write!(out, " replaces={replaces}")?;
            }
            print_told(out, parties.as_ref(), *flagged, prices)?;
            holds::print_cart(out, quote)?;
            holds::print_sales(out, sales)?;
            let cards = cards.iter().map(|card| (StockId(card.card.get()), card.units.get(), true));
            let lines = lines.iter().map(|line| (line.stock(), line.units.get(), false));
            print_lines(out, lines.chain(cards))
        }
        Event::Owed {
            origin, buyer, hidden, until_ms, replaces, parties, flagged, lines, prices, ..
        } => {
            write!(
                out,
                "owed {} merchant={} channel={}",
                origin.operation, origin.merchant, origin.channel.0
            )?;
            write!(out, " order={} user={} until_ms={until_ms} hidden={hidden}", buyer.order, buyer.user)?;
            if replaces.0 != 0 {
                write!(out, " replaces={replaces}")?;
            }
            print_told(out, parties.as_ref(), *flagged, prices)?;
            print_lines(out, lines.iter().map(|line| (line.stock(), line.units.get(), false)))
        }
        Event::ConfirmOwed { hold, hidden, until_ms, lines } => {
            write!(out, "confirm_owed {} until_ms={until_ms} hidden={hidden}", hold.operation)?;
            print_lines(out, lines.iter().map(|line| (line.stock(), line.asked.get(), line.is_card())))
        }
        Event::Settled { holds, keys } => print_debts(out, "settled", holds, keys),
        Event::Unfulfilled { holds, keys } => print_debts(out, "unfulfilled", holds, keys),
        Event::SellRefused { origin, code, lines, .. } => {
            write!(out, "sell_refused {} {}", origin.operation, code.name())?;
            print_lines(out, lines.iter().map(|line| (line.stock(), line.asked.get(), line.is_card())))
        }
        event => holds::print(out, event),
    }
}

fn print_cards_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Campaign(CampaignEvent::Created { origin, campaign, units, name, definition, .. }) => {
            let name = String::from_utf8_lossy(name);
            let Origin { operation, merchant, .. } = origin;
            write!(
                out,
                "campaign_created {operation} campaign={campaign} units={units} merchant={merchant}"
            )?;
            writeln!(out, " kind={} name={name:?}", definition.definition.kind)
        }
        Event::Campaign(CampaignEvent::Edited { origin, campaign, definition }) => {
            let kind = definition.definition.kind;
            writeln!(out, "campaign_edited {} campaign={campaign} kind={kind}", origin.operation)
        }
        Event::Campaign(CampaignEvent::Moved { origin, campaign, state }) => {
            writeln!(out, "campaign_moved {} campaign={campaign} state={state:?}", origin.operation)
        }
        Event::Campaign(CampaignEvent::Voided { origin, campaign, reason, cards }) => {
            writeln!(
                out,
                "campaign_voided {} campaign={campaign} cards={cards} reason={reason}",
                origin.operation
            )
        }
        Event::Recycled { origin, card, given } => {
            write!(out, "recycled {} card={card}", origin.operation)?;
            match given {
                RecycledFor::Supply => writeln!(out),
                RecycledFor::Points { card, units, until_s } => {
                    writeln!(out, " points={units} on={card} until_s={until_s}")
                }
                RecycledFor::Card { campaign, made, from_s, until_s } => {
                    writeln!(out, " campaign={campaign} for={made} from_s={from_s} until_s={until_s}")
                }
            }
        }
        Event::Merged { origin, into, sources } => {
            write!(out, "merged {} into={into}", origin.operation)?;
            for source in *sources {
                write!(out, " {}:{}", source.card(), source.units)?;
                if source.lost != 0 {
                    write!(out, " lost={}", source.lost)?;
                }
            }
            writeln!(out)
        }
        Event::CardBatchEnded { origin, campaign, first, end, cards } => {
            write!(out, "card_batch_")?;
            match end {
                BatchEnd::Void { reason } => write!(out, "voided {} reason={reason}", origin.operation)?,
                BatchEnd::Recycle => write!(out, "recycled {}", origin.operation)?,
            }
            writeln!(out, " campaign={campaign} first={first} cards={cards}")
        }
        Event::Issued {
            origin,
            campaign,
            owner,
            first,
            count,
            claimed,
            from_s,
            until_s,
            flagged,
            parties,
            referral,
            ..
        } => {
            write!(out, "issued {} campaign={campaign} owner={owner} first={first}", origin.operation)?;
            write!(out, " count={count} claimed={claimed} from_s={from_s} until_s={until_s}")?;
            write!(out, " channel={}", origin.channel.0)?;
            print_told(out, parties.as_ref(), *flagged, &[])?;
            if let Some(referral) = referral {
                write!(out, " activity={} referrer={}", referral.activity(), referral.referrer())?;
            }
            writeln!(out)
        }
        Event::Redeemed { origin, card, units, buyer, parties, flagged, amount, discount, offline } => {
            write!(out, "redeemed {} card={card} units={units} order={}", origin.operation, buyer.order)?;
            write!(out, " user={} amount={amount} discount={discount}", buyer.user)?;
            write!(out, " channel={}", origin.channel.0)?;
            print_told(out, parties.as_ref(), *flagged, &[])?;
            print_offline(out, offline.as_ref())?;
            writeln!(out)
        }
        Event::OfflineConflict { origin, card, units, buyer, amount, offline, why } => {
            write!(out, "offline_conflict {} card={card} why={}", origin.operation, why.name())?;
            write!(out, " units={units} order={} user={} amount={amount}", buyer.order, buyer.user)?;
            write!(out, " channel={}", origin.channel.0)?;
            print_offline(out, Some(offline))?;
            writeln!(out)
        }
        Event::Reversed { origin, redemption, units, until_s } => writeln!(
            out,
            "reversed {} redemption={redemption} units={units} until_s={until_s}",
            origin.operation
        ),
        Event::Account { origin, card, entry } => {
            write!(out, "account {} card={card} ", origin.operation)?;
            print_entry(out, entry)?;
            writeln!(out, " channel={}", origin.channel.0)
        }
        Event::CardChanged { origin, card, change, from_s, until_s } => {
            write!(out, "card_changed {} card={card} change={}", origin.operation, change.number())?;
            writeln!(out, " from_s={from_s} until_s={until_s}")
        }
        Event::Codes(CodeEvent::Imported { origin, campaign, first, from_s, until_s, codes, .. }) => {
            let (operation, count) = (origin.operation, codes.len());
            write!(out, "codes_imported {operation} campaign={campaign} first={first} count={count}")?;
            writeln!(out, " from_s={from_s} until_s={until_s} channel={}", origin.channel.0)
        }
        Event::Codes(CodeEvent::Set { origin, campaign, .. }) => match campaign {
            Some(campaign) => writeln!(out, "code_set {} campaign={campaign}", origin.operation),
            None => writeln!(out, "code_set {} campaign=none", origin.operation),
        },
        Event::Gift { origin, card, entry } => {
            write!(out, "gift {} card={card} ", origin.operation)?;
            match entry {
                GiftEntry::Given { receiver, deadline_ms } => {
                    write!(out, "given to={receiver} deadline_ms={deadline_ms}")?;
                }
                GiftEntry::Accepted { receiver } => write!(out, "accepted by={receiver}")?,
                GiftEntry::Cancelled => write!(out, "taken back")?,
            }
            writeln!(out, " channel={}", origin.channel.0)
        }
        Event::Group(event) => print_group(out, event),
        Event::Share(event) => sharing::print(out, event),
        Event::Notice(NoticeEvent::Told { through_s, rows, .. }) => {
            write!(out, "notices_told through_s={through_s}")?;
            rows.iter().try_for_each(|row| print_notice(out, row))?;
            writeln!(out)
        }
        other => writeln!(out, "{other:?}"),
    }
}

fn print_notice(out: &mut impl Write, row: &NoticeRow) -> io::Result<()> {
    let (first, count, until_s) = (row.first(), row.count, row.until_s);
    let what = if row.lead_minutes == 0 { "expired" } else { "expiring" };
    write!(out, " {what}={first} count={count} until_s={until_s} minutes_before={}", row.lead_minutes)
}

fn print_group(out: &mut impl Write, event: &GroupEvent<'_>) -> io::Result<()> {
    match event {
        GroupEvent::Opened { origin, campaign, size, deadline_ms, member: first } => {
            write!(out, "group_opened {} campaign={campaign} size={size}", origin.operation)?;
            write!(out, " deadline_ms={deadline_ms}")?;
            print_member(out, origin, first)?;
        }
        GroupEvent::Joined { origin, group, member: joined } => {
            write!(out, "group_joined {} group={group}", origin.operation)?;
            print_member(out, origin, joined)?;
        }
        GroupEvent::Left { origin, group, user } => {
            write!(out, "group_left {} group={group} user={user}", origin.operation)?;
        }
        GroupEvent::Filled { origin, group, member: last, campaign, first, from_s, until_s, owners } => {
            write!(out, "group_filled {} group={group} campaign={campaign}", origin.operation)?;
            write!(out, " first={first} from_s={from_s} until_s={until_s}")?;
            print_member(out, origin, last)?;
            for owner in *owners {
                write!(out, " {}:{}", owner.user(), owner.channel().0)?;
            }
        }
        GroupEvent::Lapsed { group } => write!(out, "group_lapsed {}", group.operation)?,
    }
    writeln!(out)
}

fn print_member(out: &mut impl Write, origin: &Origin, member: &GroupMember) -> io::Result<()> {
    write!(out, " user={} channel={}", member.user, origin.channel.0)?;
    print_told(out, member.parties.as_ref(), member.flagged, &[])
}

/// When a till that was offline had taken a card, and which.
fn print_offline(out: &mut impl Write, offline: Option<&Offline>) -> io::Result<()> {
    let Some(Offline { occurred_ms, terminal }) = offline else { return Ok(()) };
    write!(out, " occurred_ms={occurred_ms} terminal={terminal}")
}

fn print_entry(out: &mut impl Write, entry: &AccountEntry) -> io::Result<()> {
    match entry {
        AccountEntry::ToppedUp { principal, bonus, paid, until_s } => {
            write!(out, "topped_up principal={principal} bonus={bonus} paid={paid} until_s={until_s}")
        }
        AccountEntry::Earned { units, until_s } => write!(out, "earned units={units} until_s={until_s}"),
        AccountEntry::Refunded { units, voided, paid } => {
            write!(out, "refunded units={units} voided={voided} paid={paid}")
        }
        AccountEntry::Renewed { until_s } => write!(out, "renewed until_s={until_s}"),
        AccountEntry::Levelled { level } => write!(out, "level={level}"),
    }
}

/// What a take tells beside its buyer and its lines, as far as it does.
fn print_told(
    out: &mut impl Write,
    parties: Option<&Parties>,
    flagged: bool,
    prices: &[U32],
) -> io::Result<()> {
    if let Some(Parties { limit_key, device, address }) = parties {
        write!(out, " limit_key={limit_key:x} device={device:x} address={address:x}")?;
    }
    if flagged {
        write!(out, " flagged=true")?;
    }
    if !prices.is_empty() {
        let prices: Vec<String> = prices.iter().map(|price| price.get().to_string()).collect();
        write!(out, " prices={}", prices.join(","))?;
    }
    Ok(())
}

/// Holds whose debts end, each with the key whose replacement was owed, if it was that.
fn print_debts(out: &mut impl Write, what: &str, holds: &[EventHold], keys: &[U32]) -> io::Result<()> {
    write!(out, "{what}")?;
    for (hold, key) in event::debts(holds, keys) {
        write!(out, " {}", hold.operation)?;
        if let Some(key) = key {
            write!(out, ":key={key}")?;
        }
    }
    writeln!(out)
}

fn print_lines(out: &mut impl Write, lines: impl Iterator<Item = (StockId, u32, bool)>) -> io::Result<()> {
    for (stock, units, is_card) in lines {
        let what = if is_card { "card=" } else { "" };
        write!(out, " {what}{stock}:{units}")?;
    }
    writeln!(out)
}
