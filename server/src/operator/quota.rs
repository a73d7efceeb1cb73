//! `scrip stock quota`: what each channel may take of a stock.
//!
//! Invariant: the guarantees that are asked for fit the stock as it was looked at; the server refuses them if it no
//! longer is so, and then they are worked out anew.

use super::Failure;
use super::stock::{TRIES, moved};
use super::words::time;
use crate::cli::{QuotaWish, Wish};
use scrip_client::{
    ChannelShown, ChannelsShown, Client, Code, Error, Quota, StockId, StockQuota, StockShown, channel_name,
};

/// What quotas are worked out from.
struct Snapshot {
    /// The version they will be compared with.
    version: u32,
    available: u64,
    channels: Vec<ChannelShown>,
}

impl Snapshot {
    async fn take(client: &Client, stock: StockId) -> Result<(Snapshot, StockShown), Error> {
        let shown = client.stock_show(stock).await?;
        let ChannelsShown { version, channels } = client.stock_channels(stock).await?;
        // Sales go on between the two answers; what the channels have used is of one moment in the second.
        let used: u64 = channels.iter().map(used).sum();
        let available = shown.total.saturating_sub(shown.frozen + shown.void + used);
        Ok((Snapshot { version, available, channels }, shown))
    }
}

fn used(channel: &ChannelShown) -> u64 {
    channel.held + channel.consumed
}

/// Sets quotas.
pub async fn set(
    client: &Client,
    stock: StockId,
    wishes: &[QuotaWish],
    lapses_ms: u64,
) -> Result<(), Failure> {
    let mut tries = 1;
    loop {
        let (snapshot, _) = Snapshot::take(client, stock).await?;
        let quotas = worked_out(&snapshot, wishes, lapses_ms).map_err(Failure::Wish)?;
        let (operation, version) = (client.operation(), snapshot.version);
        match client.stock_quota(StockQuota { operation, stock, version, quotas: quotas.clone() }).await {
            Err(error) if tries < TRIES && (moved(&error) || outrun(&error, wishes)) => tries += 1,
            Ok(_) => {
                print_empty_rest(&snapshot, wishes);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says that a rest of nothing guarantees nothing: people set quotas before they import what they are about.
fn print_empty_rest(snapshot: &Snapshot, wishes: &[QuotaWish]) {
    if let Some(rest) = wishes.iter().find(|wish| wish.wish == Wish::Rest && snapshot.available == 0) {
        let name = channel_name(rest.channel);
        println!(
            "nothing is available yet, so {name} is guaranteed nothing more: say {name}=rest again after the import"
        );
    }
}

/// Whether sales have taken what the rest was worked out from.
fn outrun(error: &Error, wishes: &[QuotaWish]) -> bool {
    let rest = wishes.iter().any(|wish| wish.wish == Wish::Rest);
    rest && matches!(error, Error::Rejected(rejection) if rejection.code == Code::ChannelQuota)
}

/// The quotas that the wishes come to.
fn worked_out(snapshot: &Snapshot, wishes: &[QuotaWish], lapses_ms: u64) -> Result<Vec<Quota>, String> {
    let mut quotas = Vec::with_capacity(wishes.len());
    for (position, QuotaWish { channel, wish }) in wishes.iter().enumerate() {
        let name = channel_name(*channel);
        if wishes[..position].iter().any(|earlier| earlier.channel == *channel) {
            return Err(format!("{name} is there twice: give each channel one quota"));
        }
        let (guaranteed, cap) = match *wish {
            Wish::Between { guaranteed, cap } => (guaranteed, cap),
            Wish::Rest if wishes[..position].iter().any(|earlier| earlier.wish == Wish::Rest) => {
                return Err(format!("{name}=rest: one channel alone can have the rest"));
            }
            Wish::Rest => (rest(snapshot, wishes, *channel), None),
        };
        if cap.is_some_and(|cap| cap < guaranteed) {
            return Err(format!("{name}: a guarantee above its cap; write {name}={guaranteed}.."));
        }
        let lapses_ms = if guaranteed == 0 { 0 } else { lapses_ms };
        quotas.push(Quota::new(*channel, guaranteed, cap.unwrap_or(Quota::NO_CAP), lapses_ms));
    }
    if lapses_ms != 0 && quotas.iter().all(|quota| quota.guaranteed.get() == 0) {
        return Err(
            "nothing here can lapse: only a guarantee can, such as taobao=1000.. or taobao=1000..3000".into(),
        );
    }
    quotas.sort_by_key(Quota::channel);
    Ok(quotas)
}

/// The guarantee of a channel that shall have the rest: what it has used already, and what is available without the claims
/// of all other channels as they will be. A claim is what a channel may still take of its cap, or else of its guarantee.
fn rest(snapshot: &Snapshot, wishes: &[QuotaWish], channel: scrip_client::ChannelId) -> u64 {
    let used_by = |channel| snapshot.channels.iter().find(|shown| shown.channel == channel).map_or(0, used);
    let claim = |channel, guaranteed: u64, cap: Option<u64>| {
        cap.unwrap_or(0).max(guaranteed).saturating_sub(used_by(channel))
    };
    let wished = wishes.iter().map(|wish| match wish.wish {
        Wish::Between { guaranteed, cap } => claim(wish.channel, guaranteed, cap),
        Wish::Rest => 0,
    });
    let is_wished = |shown: &&ChannelShown| wishes.iter().any(|wish| wish.channel == shown.channel);
    let kept = snapshot.channels.iter().filter(|shown| !is_wished(shown));
    let kept = kept.map(|shown| claim(shown.channel, shown.guaranteed, shown.cap));
    let claims = wished.chain(kept).fold(0u64, u64::saturating_add);
    used_by(channel) + snapshot.available.saturating_sub(claims)
}

/// Prints the table of channels.
pub async fn show(client: &Client, stock: StockId) -> Result<(), Failure> {
    let (snapshot, shown) = Snapshot::take(client, stock).await?;
    let Snapshot { version, available, channels } = snapshot;
    let promised: u64 = channels.iter().map(|channel| channel.guaranteed.saturating_sub(used(channel))).sum();
    println!(
        "{}: {available} available, {promised} of them guaranteed to channels; version {version}",
        shown.name
    );
    if channels.is_empty() {
        println!("no channel has a quota or has taken units yet: each may take all that is available");
        return Ok(());
    }
    let head = ["guaranteed", "cap", "held", "sold", "room"].map(|name| format!("{name:>12}")).concat();
    println!("{:<12}{head}  guarantee lapses", "channel");
    for channel in &channels {
        let ChannelShown { guaranteed, held, consumed, room, .. } = *channel;
        let cap = channel.cap.map_or_else(|| "-".to_owned(), |cap| cap.to_string());
        let lapses = time(channel.lapses_ms.unwrap_or(0));
        let name = channel_name(channel.channel);
        println!("{name:<12}{guaranteed:>12}{cap:>12}{held:>12}{consumed:>12}{room:>12}  {lapses}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_client::ChannelId;

    fn channel(number: u16, guaranteed: u64, cap: Option<u64>, consumed: u64) -> ChannelShown {
        let channel = ChannelId(number);
        ChannelShown { channel, guaranteed, cap, lapses_ms: None, held: 0, consumed, room: 0 }
    }

    fn asked(
        snapshot: &Snapshot,
        texts: &[&str],
        lapses_ms: u64,
    ) -> Result<Vec<(u16, u64, u64, u64)>, String> {
        let wishes: Vec<QuotaWish> = texts.iter().map(|text| crate::cli::quota(text).unwrap()).collect();
        let row = |quota: &Quota| {
            (quota.channel().0, quota.guaranteed.get(), quota.cap.get(), quota.lapses_ms.get())
        };
        worked_out(snapshot, &wishes, lapses_ms).map(|quotas| quotas.iter().map(row).collect())
    }

    #[test]
    fn the_rest_is_what_no_cap_and_no_guarantee_lays_claim_to() {
        const NONE: u64 = Quota::NO_CAP;
        let fresh = Snapshot { version: 1, available: 9_988, channels: vec![] };
        let rows = asked(&fresh, &["taobao=3000", "pdd=2000", "mini=2000", "own=rest"], 0).unwrap();
        assert_eq!(rows, [(1, 2_988, NONE, 0), (2, 0, 2_000, 0), (10, 0, 3_000, 0), (13, 0, 2_000, 0)]);
        let rows = asked(&fresh, &["taobao=1000..", "own=rest"], 77).unwrap();
        assert_eq!(rows, [(1, 8_988, NONE, 77), (10, 1_000, NONE, 77)]);
        // 100 units: own has sold 5, pdd 10 of its 30, taobao (which keeps its guarantee of 20) 8; 77 are available.
        let channels = vec![channel(1, 0, None, 5), channel(10, 20, None, 8), channel(13, 0, Some(30), 10)];
        let sold = Snapshot { version: 4, available: 77, channels };
        assert_eq!(asked(&sold, &["own=rest"], 0).unwrap(), [(1, 5 + 77 - 12 - 20, NONE, 0)]);
        assert_eq!(asked(&sold, &["own=rest", "pdd=none"], 0).unwrap()[0], (1, 5 + 77 - 12, NONE, 0));
        assert_eq!(asked(&sold, &["own=rest", "pdd=5000"], 0).unwrap()[0], (1, 5, NONE, 0));
    }

    #[test]
    fn wishes_that_make_no_sense_are_named() {
        let fresh = Snapshot { version: 1, available: 10, channels: vec![] };
        for (texts, lapses_ms, word) in [
            (&["own=1", "own=2"][..], 0, "own is there twice"),
            (&["own=rest", "pdd=rest"], 0, "pdd=rest"),
            (&["own=5..4"], 0, "own=5.."),
            (&["own=5"], 1, "can lapse"),
        ] {
            let error = asked(&fresh, texts, lapses_ms).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
