//! Pages of the server's HTTP door: its figures, and which stocks there are.
//!
//! It stands here because the binary protocol answers for one stock at a time, while counters and latencies are the whole
//! server's. Invariant: a page is read up to a maximum and within a deadline, whoever answers.

use scrip_client::{StockId, Token};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a page may take.
const DEADLINE: Duration = Duration::from_secs(5);
const PAGE_BYTES_MAX: u64 = 8 << 20;

/// Counters and latencies of a server, over all its shards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Commands that were taken, so far.
    pub done: u64,
    /// Refused ones by code, so far.
    pub refused: BTreeMap<String, u64>,
    /// Refused ones by channel, so far.
    pub refused_channels: BTreeMap<String, u64>,
    /// Connections open.
    pub connections: u64,
    /// Microseconds from the arrival of a frame to its answer, in the last second: p50, p99, p99.9 and the most. Of several
    /// shards the slowest.
    pub wait_us: [u64; 4],
}

/// What /stocks answers.
#[derive(Debug, Deserialize)]
struct Listed {
    stocks: Vec<u64>,
    total: usize,
}

/// The server's figures.
///
/// # Errors
/// Why there are none.
pub async fn figures(door: SocketAddr) -> Result<Figures, String> {
    Ok(read_figures(&get(door, "/metrics", None).await?))
}

/// The merchant's stocks, the last made first; and how many it has.
///
/// # Errors
/// Why they are not known.
pub async fn stocks(door: SocketAddr, token: &Token) -> Result<(Vec<StockId>, usize), String> {
    let page = get(door, "/stocks", Some(token)).await?;
    let listed: Listed = serde_json::from_str(&page).map_err(|error| error.to_string())?;
    Ok((listed.stocks.into_iter().map(StockId).collect(), listed.total))
}

async fn get(door: SocketAddr, path: &str, token: Option<&Token>) -> Result<String, String> {
    let fetched = tokio::time::timeout(DEADLINE, fetch(door, path, token)).await;
    let text = fetched.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("what answers there does not speak HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some("401" | "403") => Err(
            "this token may not see them: `scrip token create --merchant N --verb read` makes one that may"
                .into(),
        ),
        Some(status) => Err(format!("it answers {status}")),
        None => Err("what answers there does not speak HTTP".into()),
    }
}

async fn fetch(door: SocketAddr, path: &str, token: Option<&Token>) -> io::Result<String> {
    let mut stream = TcpStream::connect(door).await?;
    let authorization =
        token.map_or_else(String::new, |token| format!("Authorization: Bearer {}\r\n", token.reveal_text()));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {door}\r\n{authorization}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(PAGE_BYTES_MAX).read_to_end(&mut bytes).await?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Adds the samples of all shards up, and takes the slowest of them.
fn read_figures(page: &str) -> Figures {
    let mut figures = Figures::default();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels, value)) = sample(line) else { continue };
        match name {
            "scrip_commands_done_total" => figures.done += value,
            "scrip_commands_refused_total" => add(&mut figures.refused, label(labels, "code"), value),
            "scrip_channel_refused_total" => {
                add(&mut figures.refused_channels, label(labels, "channel"), value);
            }
            "scrip_connections" => figures.connections += value,
            "scrip_answer_wait_us" => {
                let place = match label(labels, "quantile") {
                    "0.5" => 0,
                    "0.99" => 1,
                    "0.999" => 2,
                    _ => 3,
                };
                figures.wait_us[place] = figures.wait_us[place].max(value);
            }
            _ => {}
        }
    }
    figures
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Option<(&str, &str, u64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Some((name, labels.trim_end_matches('}'), value.parse().ok()?))
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let value = |pair: &'a str| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"');
    labels.split(',').find_map(value).unwrap_or_default()
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str, value: u64) {
    *counts.entry(name.to_owned()).or_default() += value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_added_up_and_the_slowest_is_shown() {
        let page = "\
# HELP scrip_commands_done Commands that were taken.
scrip_commands_done_total{shard=\"0\"} 5
scrip_commands_done_total{shard=\"1\"} 7
scrip_commands_refused_total{shard=\"0\",code=\"OUT_OF_STOCK\"} 3
scrip_commands_refused_total{shard=\"1\",code=\"OUT_OF_STOCK\"} 4
scrip_commands_refused_total{shard=\"1\",code=\"USER_LIMIT\"} 1
scrip_channel_refused_total{shard=\"1\",channel=\"taobao\"} 8
scrip_connections{shard=\"0\"} 2
scrip_answer_wait_us{shard=\"0\",quantile=\"0.99\"} 200
scrip_answer_wait_us{shard=\"1\",quantile=\"0.99\"} 900
scrip_answer_wait_us{shard=\"1\",quantile=\"1\"} 1000
# EOF
";
        let figures = read_figures(page);
        assert_eq!((figures.done, figures.connections), (12, 2));
        assert_eq!(figures.refused, BTreeMap::from([("OUT_OF_STOCK".into(), 7), ("USER_LIMIT".into(), 1)]));
        assert_eq!(figures.refused_channels, BTreeMap::from([("taobao".into(), 8)]));
        assert_eq!(figures.wait_us, [0, 900, 0, 1000]);
    }
}
