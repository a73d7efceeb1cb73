//! `scrip bench codes`: codes written and read a second, and how many of a great many guesses open a card.
//!
//! A guess is what somebody could type who knows everything but the key: the campaign's locator, a payload of chance, the right
//! check character. Codes of the same campaign under other keys are just that. Invariant: each guess is read and opened as the
//! server does it, and each card's own code must open to that card.

use super::super::processes::RunError;
use scrip_codes::{CampaignCipher, CampaignKey, Card, Generation, Layout, Locator, Parsed, Serial, parse};
use serde_json::json;
use std::time::Instant;

/// Codes that are worked on side by side.
const SIDE_BY_SIDE: usize = 4;
/// Guesses under one foreign key.
const GUESSES_PER_KEY: u64 = 1 << 20;
/// Cards whose codes are written and read.
const LOOKED_AT: u64 = 1_000_000;

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Guesses that the key opens to some number.
    opened: u64,
    /// Of these, numbers of cards that were minted.
    hits: u64,
}

/// Measures and prints; answers whether every code opened its card, and no guess any.
///
/// # Errors
/// [`RunError`], if there is no chance to be had.
pub fn run(minted: u64, guesses: u64, as_json: bool) -> Result<bool, RunError> {
    let locator = Locator::new(1_234_567).expect("25 bits");
    let cipher = CampaignCipher::new(&any_key()?, locator, Layout::Standard);
    let step = (minted / LOOKED_AT).max(1);
    let serials: Vec<u64> = (0..minted).step_by(step as usize).collect();
    let started = Instant::now();
    let codes: Vec<_> = serials.iter().map(|serial| cipher.print(card(*serial))).collect();
    let written_per_s = codes.len() as f64 / started.elapsed().as_secs_f64();
    let started = Instant::now();
    let own = serials.iter().zip(&codes).filter(|(serial, code)| {
        let opened = parse(code.reveal()).ok().and_then(|parsed| cipher.open(&parsed));
        opened == Some(card(**serial))
    });
    let own = own.count();
    let read_per_s = codes.len() as f64 / started.elapsed().as_secs_f64();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let started = Instant::now();
    let found = std::thread::scope(|scope| {
        let guessing: Vec<_> = (0..threads)
            .map(|thread| {
                let (cipher, share) = (&cipher, guesses / threads + u64::from(thread < guesses % threads));
                scope.spawn(move || guess(cipher, minted, share))
            })
            .collect();
        let mut sum = Found::default();
        for thread in guessing {
            let Found { opened, hits } = thread.join().expect("a guessing thread panicked")?;
            sum = Found { opened: sum.opened + opened, hits: sum.hits + hits };
        }
        Ok::<Found, RunError>(sum)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let passed = own == codes.len() && found.hits == 0;
    if as_json {
        println!(
            "{}",
            json!({
                "workload": "codes", "written_per_s": written_per_s, "read_per_s": read_per_s, "minted": minted,
                "codes": codes.len(), "opened_their_card": own, "guesses": guesses, "guesses_opened": found.opened,
                "hits": found.hits, "guess_seconds": seconds, "passed": passed,
            })
        );
        return Ok(passed);
    }
    println!("written    {written_per_s:.0} codes/s on one core");
    println!(
        "read       {read_per_s:.0} codes/s on one core, each {} of {} opened its card",
        own,
        codes.len()
    );
    println!(
        "guessed    {guesses} well-formed codes against {minted} cards in {seconds:.0} s: {} open to a number, {} to a card",
        found.opened, found.hits
    );
    println!("{}", if passed { "PASSED" } else { "FAILED" });
    Ok(passed)
}

/// Tries so many guesses.
fn guess(cipher: &CampaignCipher, minted: u64, guesses: u64) -> Result<Found, RunError> {
    let mut found = Found::default();
    let mut made = 0;
    while made < guesses {
        let foreign = CampaignCipher::new(&any_key()?, cipher.locator(), cipher.layout());
        let until = guesses.min(made + GUESSES_PER_KEY);
        while made < until {
            let codes = foreign.print_each::<SIDE_BY_SIDE>(core::array::from_fn(|at| card(made + at as u64)));
            let parsed: [Parsed; SIDE_BY_SIDE] =
                codes.map(|code| parse(code.reveal()).expect("a code that was written can be read"));
            for opened in cipher.open_each(parsed.each_ref()).into_iter().flatten() {
                found.opened += 1;
                found.hits +=
                    u64::from(opened.generation == Generation::FIRST && opened.serial.get() < minted);
            }
            made += SIDE_BY_SIDE as u64;
        }
    }
    Ok(found)
}

fn card(serial: u64) -> Card {
    Card { serial: Serial::new(serial).expect("a serial of a campaign"), generation: Generation::FIRST }
}

fn any_key() -> Result<CampaignKey, RunError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| RunError::Other(format!("there is no chance to be had: {error}")))?;
    Ok(CampaignKey::new(key))
}
