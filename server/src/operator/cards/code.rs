//! `scrip code`: codes of cards, as a file for a printer, and one code looked at.
//!
//! An export works codes out here, from the campaign's key: whoever has the master key's file at hand can make them, and nobody
//! else. Invariant: a file is made for its owner alone and never written over; one that was not finished is removed.

use super::super::words::{Kind, Subject, grouped};
use super::super::{Failure, OperatorError, run};
use super::{named, print_card};
use crate::cli::{CodeCommand, CodeExportArgs};
use crate::keyring::open_campaign_key;
use indicatif::{ProgressBar, ProgressStyle};
use scrip_client::{
    CampaignShown, CardCode, CardId, CardName, ChannelId, Client, Code, Error, ParseError, VanityCode,
};
use scrip_codes::{CampaignCipher, Card, Generation, Groups, Layout, Locator, Serial};
use std::fs::{OpenOptions, remove_file};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Codes worked out side by side.
const LANES: usize = 8;
/// Codes between two looks at the progress bar.
const PER_STEP: u64 = 1 << 14;
const HEADER: &str = "serial,card,code";

/// `scrip code`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn code(command: &CodeCommand) -> Result<(), OperatorError> {
    match command {
        CodeCommand::Export(arguments) => export(arguments),
        CodeCommand::Check { code, server } => {
            let read = CardCode::read(code);
            let kind = if read.is_ok() { Kind::Card } else { Kind::Code };
            let subject = Subject { kind, stocks: Vec::new(), reference: None };
            run(server, ChannelId(0), &subject, async |client| match read {
                Ok(read) => {
                    println!("code       {}, well written", read.code().mask(Groups::Five));
                    print_card(client, CardName::Code(read)).await
                }
                Err(error) => check_given(client, code, &error).await,
            })
        }
        CodeCommand::Set { code, campaign, server } => {
            let subject = Subject { kind: Kind::Code, stocks: vec![campaign.as_str()], reference: None };
            run(server, ChannelId(0), &subject, async |client| {
                let (code, operation) = (given(code)?, client.operation());
                client.code_set(operation, &code, client.stock_id(campaign)?).await?;
                println!("cards of {campaign} are claimed under this code from now on");
                Ok(())
            })
        }
        CodeCommand::Unset { code, server } => {
            let subject = Subject { kind: Kind::Code, stocks: Vec::new(), reference: None };
            run(server, ChannelId(0), &subject, async |client| {
                client.code_unset(client.operation(), &given(code)?, None).await?;
                println!("nothing is claimed under this code any more");
                Ok(())
            })
        }
        CodeCommand::Import(_) => unreachable!("imports are run with those of card keys"),
    }
}

/// A given code as an operator types it.
pub(super) fn given(text: &str) -> Result<VanityCode, Failure> {
    VanityCode::choose(text)
        .map_err(|error| Failure::Wish(format!("{error}. Give another code, such as SUMMER26")))
}

/// What a text names that is no derived code.
async fn check_given(client: &Client, text: &str, error: &ParseError) -> Result<(), Failure> {
    let typo = |why| Failure::Wish(format!("{error}{why}. Type it again: `scrip code check CODE`"));
    let Ok(code) = VanityCode::choose(text) else { return Err(typo("")) };
    let shown = match client.code_show(&code, None).await {
        Err(Error::Rejected(rejection)) if rejection.code == Code::NotFound => {
            return Err(typo(", and no such code was given"));
        }
        shown => shown?,
    };
    println!("code       given, not generated");
    match shown.card {
        Some(card) => print_card(client, CardName::Id(card)).await,
        None => {
            let campaign = client.stock_show(shown.campaign).await?;
            println!("claims     cards of {}", campaign.name);
            Ok(())
        }
    }
}

fn export(arguments: &CodeExportArgs) -> Result<(), OperatorError> {
    let subject =
        Subject { kind: Kind::Campaign, stocks: vec![arguments.campaign.as_str()], reference: None };
    run(&arguments.server, ChannelId(0), &subject, async |client| {
        let shown = client.campaign_show(client.stock_id(&arguments.campaign)?).await?;
        let serials = serials(&shown, arguments)?;
        let cipher = cipher(&shown, arguments)?;
        let generation = generation(client, &shown, &serials, arguments).await?;
        let wish = |error: io::Error| {
            Failure::Wish(match error.kind() {
                io::ErrorKind::AlreadyExists => format!(
                    "{}: this file is there already and is not written over: name another with --out",
                    arguments.out.display()
                ),
                _ => format!("{}: {error}. Name another place with --out", arguments.out.display()),
            })
        };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arguments.out);
        let mut out = BufWriter::with_capacity(1 << 18, file.map_err(wish)?);
        let count = serials.end - serials.start;
        let written = write_codes((&cipher, generation), shown.locator, serials, arguments.grouped, &mut out)
            .and_then(|()| out.flush())
            .and_then(|()| out.get_ref().sync_all());
        if let Err(error) = written {
            give_up(&arguments.out);
            return Err(wish(error));
        }
        println!("{} codes in {}: whoever has one has its card", grouped(count), arguments.out.display());
        Ok(())
    })
}

/// Half a file looks like a whole one. That it can't be removed is no news beside why it failed.
fn give_up(path: &Path) {
    let _ = remove_file(path);
}

/// The serials that are asked for, among those that were issued.
fn serials(shown: &CampaignShown, arguments: &CodeExportArgs) -> Result<Range<u64>, Failure> {
    let name = &arguments.campaign;
    let first = match arguments.from.as_deref().map(named).transpose()? {
        None => 0,
        Some(CardName::Id(card)) if card.locator() == shown.locator => card.serial(),
        Some(_) => {
            let why =
                format!("--from names no card of {name}: `scrip card issue` prints the first of its cards");
            return Err(Failure::Wish(why));
        }
    };
    let left = shown.issued.saturating_sub(first);
    let count = arguments.count.unwrap_or(left);
    if count == 0 || count > left {
        return Err(Failure::Wish(format!(
            "{name} has {} cards from there on: `scrip card issue {name} --count N` makes some",
            grouped(left)
        )));
    }
    Ok(first..first + count)
}

fn cipher(shown: &CampaignShown, arguments: &CodeExportArgs) -> Result<CampaignCipher, Failure> {
    let master = arguments.master_key.as_deref();
    let key = open_campaign_key(&arguments.server.data, master, shown.campaign, &shown.key)
        .map_err(|error| Failure::Wish(error.to_string()))?;
    let locator = u32::try_from(shown.locator).ok().and_then(Locator::new);
    match (locator, Layout::from_number(shown.layout)) {
        (Some(locator), Some(layout)) => Ok(CampaignCipher::new(&key, locator, layout)),
        _ => Err(Failure::Wish("the campaign's codes are of a newer version: update this `scrip`".into())),
    }
}

/// Which of their codes are asked for: of one card the one in force, if nothing else is said.
async fn generation(
    client: &Client,
    shown: &CampaignShown,
    serials: &Range<u64>,
    arguments: &CodeExportArgs,
) -> Result<Generation, Failure> {
    let number = match arguments.generation {
        Some(number) => number,
        None if serials.end - serials.start == 1 => {
            let card = CardId(shown.locator << CardId::SERIAL_BITS | serials.start);
            client.card_show(CardName::Id(card)).await?.generation
        }
        None => return Ok(Generation::FIRST),
    };
    Ok(Generation::new(number).unwrap_or(Generation::FIRST))
}

/// Writes a line per serial; codes of one generation.
fn write_codes(
    (cipher, generation): (&CampaignCipher, Generation),
    locator: u64,
    serials: Range<u64>,
    grouped: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} codes {eta}");
    let bar = ProgressBar::new(serials.end - serials.start);
    bar.set_style(style.expect("a template that is known to be right"));
    writeln!(out, "{HEADER}")?;
    let mut next = serials.start;
    while next < serials.end {
        let last = serials.end - 1;
        let lanes: [u64; LANES] = core::array::from_fn(|lane| (next + lane as u64).min(last));
        let codes = cipher.print_each(lanes.map(|serial| Card {
            serial: Serial::new(serial).expect("serials of cards have 33 bits"),
            generation,
        }));
        for (serial, code) in (next..serials.end).zip(codes) {
            let card = CardId(locator << CardId::SERIAL_BITS | serial);
            match grouped {
                true => writeln!(out, "{serial},{card},{}", code.print(None, Groups::Four).reveal())?,
                false => writeln!(out, "{serial},{card},{}", code.reveal())?,
            }
        }
        next += LANES as u64;
        if (next - serials.start).is_multiple_of(PER_STEP) {
            bar.set_position(next - serials.start);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_codes::{CampaignKey, parse};

    #[test]
    fn every_serial_gets_its_own_code_once() {
        let locator = Locator::new(1_234_567).unwrap();
        let cipher = CampaignCipher::new(&CampaignKey::new([7; 32]), locator, Layout::Standard);
        let mut out = Vec::new();
        write_codes((&cipher, Generation::FIRST), 1_234_567, 3..22, true, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(HEADER));
        for serial in 3..22u64 {
            let fields: Vec<&str> = lines.next().unwrap().split(',').collect();
            assert_eq!(fields[0], serial.to_string());
            assert_eq!(fields[1], CardId(1_234_567 << CardId::SERIAL_BITS | serial).to_string());
            assert_eq!(cipher.open(&parse(fields[2]).unwrap()).unwrap().serial.get(), serial);
        }
        assert_eq!(lines.next(), None);
    }
}
