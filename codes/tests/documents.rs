//! docs/codes.md tells the truth: its tables and its example are compared with what the code does.
#![allow(clippy::disallowed_methods, reason = "a test reads the document")]

use scrip_codes::ff1::{Bits, Ff1};
use scrip_codes::{
    CampaignCipher, CampaignKey, Card, Form, Generation, Groups, Layout, Locator, Prefix, Serial, Step,
    limits,
};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    std::fs::read_to_string(path).unwrap()
}

fn must_have(rows: &[String]) {
    let document = document();
    for row in rows {
        assert!(document.lines().any(|line| line == row), "docs/codes.md lacks the line:\n{row}");
    }
}

#[test]
fn the_table_of_layouts_is_the_codes() {
    must_have(&Layout::ALL.map(|layout| {
        format!(
            "| {layout:?} | {} | {} / {} | {} bits, {} characters | {} bits |",
            layout.number(),
            layout.characters(Form::Printed),
            layout.characters(Form::Shown),
            layout.payload_bits(),
            layout.payload_characters(),
            layout.tag_bits()
        )
    }));
}

#[test]
fn the_table_of_strength_is_the_codes() {
    let grouped = |mut number: u64| {
        let mut groups = Vec::new();
        while number >= 1_000 {
            groups.insert(0, format!("{:03}", number % 1_000));
            number /= 1_000;
        }
        groups.insert(0, number.to_string());
        groups.join(",")
    };
    must_have(&[10_000, 1_000_000, 100_000_000, 1_000_000_000].map(|live| {
        let [standard, short] = Layout::ALL.map(|layout| layout.strength_bits(live));
        format!("| {} | {standard} | {short} |", grouped(live))
    }));
}

#[test]
fn the_example_comes_out() {
    let key: [u8; 32] = core::array::from_fn(|at| at as u8);
    let locator = Locator::new(1_234_567).unwrap();
    let cipher = CampaignCipher::new(&CampaignKey::new(key), locator, Layout::Standard);
    let card = Card { serial: Serial::new(42).unwrap(), generation: Generation::FIRST };
    let code = cipher.print(card);
    let prefix = Prefix::new("TEA").unwrap();
    let bits = Bits::new(70);
    let ff1 = Ff1::new(<aes::Aes256Enc as aes::cipher::KeyInit>::new(&key.into()), bits);
    let encrypted = bits.join(ff1.encrypt(ff1.tweaked(&locator.get().to_be_bytes()), bits.split(42 << 37)));
    must_have(&[
        format!("| payload | `{:x}` (hexadecimal; 42 << 37) |", 42u64 << 37),
        format!("| encrypted | `{encrypted:x}` |"),
        format!("| code | `{}` |", code.reveal()),
        format!(
            "| printed in fours, with a prefix | `{}` |",
            code.print(Some(&prefix), Groups::Four).reveal()
        ),
        format!("| masked in fives | `{}` |", code.mask(Groups::Five)),
        format!("| shown in step 60000000 | `{}` |", cipher.show(card, Step(60_000_000)).reveal()),
    ]);
}

#[test]
fn the_window_of_shown_codes_is_the_codes() {
    assert_eq!((limits::STEP_MS, limits::STEPS_BEFORE, limits::STEPS_AFTER), (30_000, 1, 2));
    assert!(document().contains("A code made in step s is accepted in the steps s - 1 to s + 2:"));
}
