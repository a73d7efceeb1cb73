//! `scrip top`: what is sold, held and refused right now, by stock and channel, and how fast the server answers.
//!
//! It asks as any client does, once a second: stocks over the protocol with the operator's token, counters and latencies at
//! the HTTP door. Invariant: it changes nothing, and costs the server two questions for each stock shown.

mod door;
mod look;
mod page;
mod screen;

use super::words::{Kind, Subject};
use super::{Failure, OperatorError, run};
use crate::cli::TopArgs;
use crate::credentials;
use look::{Look, Target};
use page::Page;
use screen::Screen;
use scrip_client::{ChannelId, Client};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// `scrip top`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn top(arguments: &TopArgs) -> Result<(), OperatorError> {
    let credentials = credentials::find(&arguments.server)?;
    let door = arguments.http.or(credentials.http);
    let door = door.unwrap_or_else(|| SocketAddr::new(credentials.server.ip(), HTTP_PORT));
    let target = Target { named: &arguments.stocks, door, token: &credentials.token };
    let stocks = arguments.stocks.iter().map(String::as_str).collect();
    let subject = Subject { kind: Kind::Stock, stocks, reference: None };
    let once = arguments.once || arguments.json || !std::io::stdout().is_terminal();
    run(&arguments.server, ChannelId(0), &subject, async |client| {
        if once {
            print_once(client, &target, credentials.server, arguments.json).await
        } else {
            follow(client, &target, credentials.server).await
        }
    })
}

/// Of the HTTP door, where nobody says another.
const HTTP_PORT: u16 = 7481;

/// Two looks, since rates need them.
async fn print_once(
    client: &Client,
    target: &Target<'_>,
    server: SocketAddr,
    json: bool,
) -> Result<(), Failure> {
    let before = Look::take(client, target, None).await?;
    tokio::time::sleep_until((before.at + INTERVAL).into()).await;
    let now = Look::take(client, target, Some(&before)).await?;
    let page = Page { server, door: target.door, before: &before, now: &now };
    if json {
        println!("{}", page.json());
    } else {
        page.lines().iter().for_each(|line| println!("{}", line.trim_end()));
    }
    Ok(())
}

async fn follow(client: &Client, target: &Target<'_>, server: SocketAddr) -> Result<(), Failure> {
    let mut before = Look::take(client, target, None).await?;
    let mut screen = Screen::take().map_err(Failure::Screen)?;
    let mut due = before.at;
    loop {
        let now = Look::take(client, target, Some(&before)).await?;
        let page = Page { server, door: target.door, before: &before, now: &now };
        screen.draw(&page.lines()).map_err(Failure::Screen)?;
        due = (due + INTERVAL).max(Instant::now());
        // On a thread of its own: the connection is looked after meanwhile.
        let waited = tokio::task::spawn_blocking(move || screen::ended_before(due)).await;
        if waited.map_err(std::io::Error::other).and_then(|ended| ended).map_err(Failure::Screen)? {
            return Ok(());
        }
        // Rates over less than half an interval would jump: a redraw in between keeps the look before.
        if now.at.duration_since(before.at) >= INTERVAL / 2 {
            before = now;
        }
    }
}
