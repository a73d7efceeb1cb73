//! Golden vectors: FF1, codes, shown codes, readings and hashes, as lines of text in `codes/golden`. They hold the printed
//! form still, and give those who write it in another language something to test it with.
//!
//! `SCRIP_REGENERATE=1 cargo test -p scrip-codes` writes the files anew. A change of an existing line means that codes
//! which are printed somewhere are no longer read.
#![allow(clippy::disallowed_methods, reason = "a test reads its files and may be told to write them")]

use aes::Aes256Enc;
use aes::cipher::KeyInit;
use scrip_codes::ff1::{Bits, Ff1};
use scrip_codes::{
    CampaignCipher, CampaignKey, Card, Generation, Groups, Layout, Locator, Prefix, Serial, Step, VanityCode,
    VanityIndex, VanityKey, parse,
};
use std::fmt::Write;
use std::path::PathBuf;

/// Compares `text` with the golden file, or writes it when told to.
fn compare(file: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    if std::env::var_os("SCRIP_REGENERATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (written, expected)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(written, expected, "golden/{file}, line {}", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "golden/{file} ends elsewhere");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The keys of the vectors: 00 01 .. 1f, and 32 times the same byte.
fn keys() -> [[u8; 32]; 3] {
    [core::array::from_fn(|at| at as u8), [0; 32], [0xFF; 32]]
}

fn ff1_vectors() -> String {
    let mut text = String::from(
        "# FF1 with AES-256, radix 2. Strings are written as numbers, the first numeral is the topmost bit.\n\
         # key, tweak (- for none), bits, plain, encrypted\n",
    );
    let tweaks: [&[u8]; 5] =
        [b"", b"\x00\x12\xD6\x87", b"\x00\x12\xD6\x87\x03\x93\x87\x00", b"ten bytes.", b"eleven byte"];
    for key in keys() {
        for length in [40, 59, 60, 65, 70, 75, 79, 80] {
            for (number, tweak) in tweaks.iter().enumerate() {
                let bits = Bits::new(length);
                let ff1 = Ff1::new(Aes256Enc::new(&key.into()), bits);
                let plain = (0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210 >> (8 * number)) & ((1 << length) - 1);
                let encrypted = bits.join(ff1.encrypt(ff1.tweaked(tweak), bits.split(plain)));
                let tweak = if tweak.is_empty() { "-".to_owned() } else { hex(tweak) };
                writeln!(text, "{} {tweak} {length} {plain:x} {encrypted:x}", hex(&key)).unwrap();
            }
        }
    }
    text
}

/// Campaigns and cards: (locator, serial, generation).
const CARDS: [(u32, u64, u8); 6] = [
    (0, 0, 0),
    (1, 1, 0),
    (1_234_567, 42, 0),
    (1_234_567, 42, 1),
    (20_000_000, 8_000_000_000, 17),
    ((1 << 25) - 1, (1 << 33) - 1, 31),
];

fn code_vectors() -> String {
    let mut text = String::from(
        "# Printed and shown codes.\n\
         # key, layout, locator, serial, generation, step (- for a printed code), payload before and after encryption,\n\
         # code, printed in fours behind the prefix TEA, masked in fives\n",
    );
    let prefix = Prefix::new("TEA").unwrap();
    for key in keys() {
        for layout in Layout::ALL {
            for (locator, serial, generation) in CARDS {
                let locator = Locator::new(locator).unwrap();
                let cipher = CampaignCipher::new(&CampaignKey::new(key), locator, layout);
                let card = Card {
                    serial: Serial::new(serial).unwrap(),
                    generation: Generation::new(generation).unwrap(),
                };
                for step in [None, Some(0), Some(60_000_000)] {
                    let code = step.map_or_else(|| cipher.print(card), |step| cipher.show(card, Step(step)));
                    let (plain, encrypted) = payloads(key, locator, layout, card, step);
                    let step = step.map_or("-".to_owned(), |step| step.to_string());
                    writeln!(
                        text,
                        "{} {layout:?} {} {serial} {generation} {step} {plain:x} {encrypted:x} {} {} {}",
                        hex(&key),
                        locator.get(),
                        code.reveal(),
                        code.print(Some(&prefix), Groups::Four).reveal(),
                        code.mask(Groups::Five),
                    )
                    .unwrap();
                }
            }
        }
    }
    text
}

/// The payload as docs/codes.md builds it, apart from the cipher.
fn payloads(key: [u8; 32], locator: Locator, layout: Layout, card: Card, step: Option<u32>) -> (u128, u128) {
    let (length, tag) = match layout {
        Layout::Standard => (70, 32),
        Layout::Short => (60, 22),
    };
    let plain = (u128::from(card.serial.get()) << 5 | u128::from(card.generation.get())) << tag;
    let mut tweak = locator.get().to_be_bytes().to_vec();
    tweak.extend(step.iter().flat_map(|step| step.to_be_bytes()));
    let bits = Bits::new(length);
    let ff1 = Ff1::new(Aes256Enc::new(&key.into()), bits);
    (plain, bits.join(ff1.encrypt(ff1.tweaked(&tweak), bits.split(plain))))
}

/// Texts as they are typed: around a code that is right, and some that are not.
fn readings() -> Vec<String> {
    let cipher =
        CampaignCipher::new(&CampaignKey::new(keys()[0]), Locator::new(1_234_567).unwrap(), Layout::Standard);
    let card = Card { serial: Serial::new(42).unwrap(), generation: Generation::FIRST };
    let code = cipher.print(card);
    let right = code.reveal();
    let mut texts: Vec<String> = vec![
        right.to_owned(),
        right.to_lowercase(),
        right.replace('0', "O").replace('1', "l"),
        code.print(None, Groups::Five).reveal().to_owned(),
        format!(" tea {} ", right.to_lowercase()),
        cipher.show(card, Step(60_000_000)).reveal().to_owned(),
        right[..19].to_owned(),
        format!("{right}0"),
        format!("U{right}"),
        format!("{}U{}", &right[..9], &right[10..]),
        format!("{}*{}", &right[..9], &right[10..]),
        format!("{}{}{}{}", &right[..6], &right[7..8], &right[6..7], &right[8..]),
    ];
    texts.extend(
        ["", "-", "SUMMER26", "００００００００００００００００００００", "TE-00000000000000000000"]
            .map(String::from),
    );
    texts
}

fn reading_vectors() -> String {
    let mut text = String::from(
        "# Texts as they are typed, and what they are read as: form, layout, locator and prefix, or what is wrong.\n",
    );
    for typed in readings() {
        let read = match parse(&typed) {
            Ok(parsed) => format!(
                "{:?} {:?} {} {}",
                parsed.form(),
                parsed.layout(),
                parsed.locator().get(),
                parsed.prefix().map_or("-", Prefix::as_str)
            ),
            Err(error) => format!("{error:?}"),
        };
        writeln!(text, "{typed:?} => {read}").unwrap();
    }
    text
}

fn vanity_vectors() -> String {
    let mut text = String::from(
        "# Hashes of vanity and imported codes: key, scope, text, the normal form, the hash's 16 bytes in their order.\n",
    );
    for key in keys() {
        let index = VanityIndex::new(&VanityKey::new(key));
        for (scope, typed) in [(0, "SUMMER26"), (7, "SUMMER26"), (u64::MAX, " Ｓummer－26_x"), (7, "abc")] {
            let code = VanityCode::normalise(typed).unwrap();
            let hash = hex(&index.hash(scope, &code).to_le_bytes());
            writeln!(text, "{} {scope} {typed:?} {} {hash}", hex(&key), code.reveal()).unwrap();
        }
    }
    text
}

#[test]
fn ff1_keeps_its_numbers() {
    compare("ff1.txt", &ff1_vectors());
}

#[test]
fn codes_keep_their_characters() {
    compare("codes.txt", &code_vectors());
}

#[test]
fn texts_keep_their_readings() {
    compare("readings.txt", &reading_vectors());
}

#[test]
fn vanity_codes_keep_their_hashes() {
    compare("vanity.txt", &vanity_vectors());
}
