//! Golden vectors: one of every frame kind, command, answer, rejection and reference, as text in `protocol/golden`. They
//! hold the wire still, and give those who write a client in another language something to test it with.
//!
//! `SCRIP_REGENERATE=1 cargo test -p scrip-protocol` writes the files anew; a change of existing bytes is a new protocol
//! version.
#![allow(clippy::disallowed_methods, reason = "a test reads its files and may be told to write them")]

mod common;

use common::dump::{Dump, bytes_of};
use common::{AnswerSample, NOW_MS};
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::ids::MerchantId;
use scrip_engine::rejection::{Code, Rejection};
use scrip_protocol::Layout;
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::answers::{AnswerKind, FactsKind};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::error::{CommandError, CommandFault, ProtocolError};
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, RawHello, RawWelcome, Welcome};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::notice::{self, Goaway, GoawayReason, RawError, RawGoaway, RawPong};
use scrip_protocol::read::CommandReader;
use scrip_protocol::references::{home_slot, reference_id, stock_id};
use scrip_protocol::secret::{AliasKey, Token};
use scrip_protocol::write::CommandFrame;
use std::path::PathBuf;

/// Compares `text` with the golden file, or writes it when told to.
fn compare(file: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    if std::env::var_os("SCRIP_REGENERATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (written, expected)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(written, expected, "golden/{file}, line {}", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "golden/{file} ends elsewhere");
    golden
}

/// The dumps of a golden file, without their headings.
fn sections(golden: &str) -> Vec<Vec<u8>> {
    golden.split("== ").skip(1).map(bytes_of).collect()
}

#[test]
fn every_command_keeps_its_bytes() {
    let samples = common::commands();
    for kind in CommandKind::ALL {
        assert!(samples.iter().any(|(_, request, _)| CommandKind::of(&request.command) == *kind), "{kind:?}");
    }
    let mut text = String::new();
    for (name, request, extras) in &samples {
        let bytes = common::command_bytes(request, extras);
        let mut dump = Dump::new(name, &bytes);
        dump.command();
        text += &dump.finish();
    }
    let golden = compare("commands.txt", &text);
    for (bytes, (name, request, extras)) in sections(&golden).iter().zip(&samples) {
        let read: Vec<_> = CommandReader::new(bytes).collect();
        assert_eq!(read, [Ok((*request, *extras))], "{name}");
    }
}

fn compare_answers(file: &str, samples: &[AnswerSample]) {
    let mut text = String::new();
    for (index, (name, outcome)) in samples.iter().enumerate() {
        let bytes = common::answer_bytes(index as u16, outcome);
        let mut dump = Dump::new(name, &bytes);
        dump.answer(outcome);
        text += &dump.finish();
    }
    let golden = compare(file, &text);
    for (index, (bytes, (name, outcome))) in sections(&golden).iter().zip(samples).enumerate() {
        let read: Vec<_> = AnswerReader::new(bytes).collect();
        assert_eq!(read, [Ok((index as u16, *outcome))], "{name}");
    }
}

#[test]
fn every_answer_keeps_its_bytes() {
    let samples = common::answers();
    let kinds: Vec<u8> = samples.iter().map(|(_, outcome)| common::answer_bytes(0, outcome)[2]).collect();
    for kind in AnswerKind::ALL.iter().filter(|kind| **kind != AnswerKind::Rejection) {
        assert!(kinds.contains(&(*kind as u8)), "{kind:?}");
    }
    compare_answers("answers.txt", &samples);
}

#[test]
fn every_rejection_keeps_its_bytes() {
    let samples = common::rejections();
    let facts: Vec<u8> =
        samples.iter().map(|(_, outcome)| common::answer_bytes(0, outcome)[3] >> 4).collect();
    for kind in FactsKind::ALL {
        assert!(facts.contains(&(*kind as u8)), "{kind:?}");
    }
    compare_answers("rejections.txt", &samples);
}

fn commands_frame() -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = CommandFrame::begin(&mut out, 77, FRAME_BYTES_MAX);
    for (_, request, _) in &common::commands()[6..8] {
        frame.push(&mut out, request, &Extras::NONE).unwrap();
    }
    assert!(frame.finish(&mut out));
    out
}

fn answers_to_it() -> [Outcome<'static>; 2] {
    let Outcome::Done(reserved) = common::answers()[1].1 else { panic!("the second answer is a RESERVED") };
    assert!(matches!(reserved, Answer::Reserved { .. }));
    [Outcome::Refused(Rejection::plain(Code::HoldConfirmed)), Outcome::Done(reserved)]
}

fn answers_frame() -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, 77);
    for (index, outcome) in [1, 0].iter().zip(&answers_to_it()) {
        frame.push(&mut out, *index, outcome, &mut scrip_protocol::answer_write::NoSeals).unwrap();
    }
    assert!(frame.finish(&mut out, 4_711));
    out
}

/// The bytes of a frame of this kind.
fn sample_frame(kind: FrameKind) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        FrameKind::Hello => Hello::new(Token::new(core::array::from_fn(|at| at as u8))).write(&mut out),
        FrameKind::Welcome => Welcome {
            shards: 3,
            slot_map_epoch: 5,
            operation_floor_ms: NOW_MS - 86_400_000,
            ..Welcome::new(NOW_MS, MerchantId(7), AliasKey::new(core::array::from_fn(|at| 0xa0 + at as u8)))
        }
        .write(&mut out),
        FrameKind::Error => {
            let error = CommandError { index: 2, offset: 240, why: CommandFault::UnknownKind(99) };
            notice::write_error(&mut out, 77, &ProtocolError::from(error));
        }
        FrameKind::Commands => out = commands_frame(),
        FrameKind::Answers => out = answers_frame(),
        FrameKind::Ping => notice::write_ping(&mut out, 78),
        FrameKind::Pong => notice::write_pong(&mut out, 78, NOW_MS),
        FrameKind::Goaway => Goaway { reason: GoawayReason::Stopping, drain_ms: 5_000 }.write(&mut out),
        FrameKind::Push | FrameKind::Moved => frame::write(&mut out, kind, 0, &[]),
    }
    out
}

fn dump_frame(kind: FrameKind, bytes: &[u8]) -> String {
    let mut dump = Dump::new(kind.name(), bytes);
    dump.frame_header();
    match kind {
        FrameKind::Hello => dump.fields(RawHello::FIELDS),
        FrameKind::Welcome => dump.fields(RawWelcome::FIELDS),
        FrameKind::Error => {
            let message_bytes = u16::from_le_bytes([bytes[HEADER_BYTES + 8], bytes[HEADER_BYTES + 9]]);
            dump.fields(RawError::FIELDS);
            dump.text(usize::from(message_bytes), "message");
        }
        FrameKind::Commands => (0..2).for_each(|_| dump.command()),
        FrameKind::Answers => answers_to_it().iter().for_each(|outcome| dump.answer(outcome)),
        FrameKind::Pong => dump.fields(RawPong::FIELDS),
        FrameKind::Goaway => dump.fields(RawGoaway::FIELDS),
        FrameKind::Ping | FrameKind::Push | FrameKind::Moved => {}
    }
    dump.finish()
}

#[test]
fn every_frame_kind_keeps_its_bytes() {
    let frames: Vec<Vec<u8>> = FrameKind::ALL.iter().map(|kind| sample_frame(*kind)).collect();
    let dumps = FrameKind::ALL.iter().zip(&frames).map(|(kind, bytes)| dump_frame(*kind, bytes));
    let golden = compare("frames.txt", &dumps.collect::<String>());
    for ((bytes, kind), expected) in sections(&golden).iter().zip(FrameKind::ALL).zip(&frames) {
        assert_eq!(bytes, expected, "{kind:?}");
        let (header, whole) = frame::parse(bytes, FrameLimits::AUTHENTICATED).unwrap().unwrap();
        assert_eq!((header.kind, whole), (*kind, bytes.len()));
    }
}

#[test]
fn every_reference_keeps_its_id() {
    let key = AliasKey::new(core::array::from_fn(|at| at as u8));
    let texts = [
        "1",
        "18446744073709551615",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "0",
        "007",
        "18446744073709551616",
        "T1",
        "phone:13800138000",
        "oZ8fD5kQ-openid",
        "订单一",
    ];
    let mut text = String::from("reference_id, alias key 000102...1f (32 bytes)\n");
    for reference in texts {
        text += &format!("{reference} -> {:032x}\n", reference_id(&key, reference).unwrap());
    }
    text += "\nstock_id, slot 929\n";
    for reference in ["0", "42", "9007199254740991", "9007199254740992", "042", "steam50", "欠发 50"] {
        text += &format!("{reference} -> {:016x}\n", stock_id(common::SLOT, reference).unwrap().0);
    }
    text += "\nhome_slot\n";
    for merchant in [0, 1, 7, 1_000_000, u32::MAX] {
        text += &format!("{merchant} -> {}\n", home_slot(MerchantId(merchant)).0);
    }
    compare("references.txt", &text);
}
