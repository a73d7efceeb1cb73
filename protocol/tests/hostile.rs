//! Bytes from a stranger: cut, flipped, oversize, of another version or plain garbage. None makes the decoder panic, and
//! none that was changed is accepted.

mod common;

use common::{answers_frame, commands_frame};
use proptest::prelude::*;
use scrip_engine::answer::Outcome;
use scrip_engine::command::{CampaignCreate, Command, Malformed, Request};
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::commands::{COMMAND_HEADER_BYTES, TakeBody, flag};
use scrip_protocol::error::{CommandFault, ErrorCode, ProtocolError};
use scrip_protocol::extras::{ExtraFault, Extras};
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES, parse, reseal};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::limits::COMMAND_BYTES_MAX;
use scrip_protocol::notice::{self, ErrorNotice, Goaway};
use scrip_protocol::read::CommandReader;
use scrip_protocol::secret::Token;
use scrip_protocol::write::{EncodedCommand, PushError};

const OPEN: FrameLimits = FrameLimits::AUTHENTICATED;

fn hello_frame() -> Vec<u8> {
    let mut out = Vec::new();
    Hello::new(Token::new([0x5a; 32])).write(&mut out);
    out
}

/// Reads a payload as whatever its frame kind says, as far as it goes.
fn read_all(kind: FrameKind, payload: &[u8]) {
    match kind {
        FrameKind::Hello => drop(Hello::read(payload)),
        FrameKind::Welcome => drop(Welcome::read(payload)),
        FrameKind::Error => drop(ErrorNotice::read(payload)),
        FrameKind::Commands => drop(CommandReader::new(payload).collect::<Vec<_>>()),
        FrameKind::Answers => drop(AnswerReader::new(payload).collect::<Vec<_>>()),
        FrameKind::Pong => drop(notice::read_pong(payload)),
        FrameKind::Goaway => drop(Goaway::read(payload)),
        FrameKind::Ping | FrameKind::Push | FrameKind::Moved => {}
    }
}

#[test]
fn a_frame_cut_at_any_byte_waits_for_the_rest() {
    for whole in [hello_frame(), commands_frame(), answers_frame()] {
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut], OPEN), Ok(None), "cut at {cut}");
        }
        let mut with_more = whole.clone();
        with_more.extend_from_slice(&whole[..20]);
        assert_eq!(parse(&with_more, OPEN).unwrap().unwrap().1, whole.len());
    }
}

#[test]
fn frames_that_arrive_byte_by_byte_are_the_frames_that_were_sent() {
    let sent = [hello_frame(), commands_frame(), answers_frame(), commands_frame()];
    let (mut buffer, mut received) = (Vec::new(), Vec::new());
    for byte in sent.iter().flatten() {
        buffer.push(*byte);
        while let Some((_, whole)) = parse(&buffer, OPEN).unwrap() {
            received.push(buffer.drain(..whole).collect::<Vec<u8>>());
        }
    }
    assert_eq!((received.as_slice(), buffer.len()), (&sent[..], 0));
}

#[test]
fn no_frame_with_a_flipped_bit_is_accepted() {
    for whole in [hello_frame(), commands_frame(), answers_frame()] {
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let parsed = parse(&flipped, OPEN);
            assert!(!matches!(parsed, Ok(Some(_))), "bit {bit} of byte {} is accepted", bit / 8);
        }
    }
}

/// With the checksum mended, a flipped bit is either refused or gives a command that is written the same way again: no
/// command has two spellings.
#[test]
fn a_command_with_a_flipped_bit_is_refused_or_has_one_spelling() {
    for (name, request, extras) in common::commands() {
        let bytes = common::command_bytes(&request, &extras);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Some(Ok((read, read_extras))) = CommandReader::new(&flipped).next() else { continue };
            let written = common::command_bytes(&read, &read_extras);
            // A flip in a count may leave bytes behind the body that read as an unknown extra, which is skipped.
            if extras == Extras::NONE && written.len() == flipped.len() {
                assert_eq!(written, flipped, "{name}, bit {bit}");
            }
        }
        for cut in 1..bytes.len() {
            assert!(matches!(CommandReader::new(&bytes[..cut]).next(), Some(Err(_))), "{name} cut at {cut}");
        }
    }
}

#[test]
fn an_answer_with_a_flipped_bit_is_refused_or_has_one_spelling() {
    for (name, outcome) in common::answers().iter().chain(&common::rejections()) {
        let bytes = common::answer_bytes(3, outcome);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read: Result<Vec<(u16, Outcome<'_>)>, _> = AnswerReader::new(&flipped).collect();
            if let Ok([(index, outcome)]) = read.as_deref() {
                assert_eq!(common::answer_bytes(*index, outcome), flipped, "{name}, bit {bit}");
            }
        }
        for cut in 1..bytes.len() {
            assert!(matches!(AnswerReader::new(&bytes[..cut]).next(), Some(Err(_))), "{name} cut at {cut}");
        }
    }
}

fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> ProtocolError {
    let mut bytes = hello_frame();
    change(&mut bytes);
    parse(&bytes, FrameLimits::BEFORE_AUTHENTICATION).expect_err("the frame is broken")
}

#[test]
fn what_is_wrong_with_a_frame_is_told_from_its_header() {
    assert_eq!(refusal(|bytes| bytes[0] = b'G'), ProtocolError::BadMagic);
    assert_eq!(refusal(|bytes| *bytes = b"GET / HTTP/1.1".to_vec()), ProtocolError::BadMagic);
    assert_eq!(refusal(|bytes| *bytes = vec![b'X']), ProtocolError::BadMagic);
    assert_eq!(refusal(|bytes| bytes[4] = 2), ProtocolError::UnsupportedVersion(2));
    assert_eq!(refusal(|bytes| bytes[5] = 0), ProtocolError::UnknownKind(0));
    assert_eq!(refusal(|bytes| bytes[5] = 11), ProtocolError::UnknownKind(11));
    assert_eq!(refusal(|bytes| bytes[7] = 0x80), ProtocolError::UnknownFlags(0x8000));
    assert_eq!(refusal(|bytes| bytes[12] ^= 1).code(), ErrorCode::ChecksumMismatch);
    assert_eq!(refusal(|bytes| bytes[8] = 44).code(), ErrorCode::MalformedPayload);
}

#[test]
fn an_oversize_frame_is_refused_before_its_payload_arrives() {
    let header_of = |length: u32| {
        let mut bytes = hello_frame()[..HEADER_BYTES].to_vec();
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let before = FrameLimits::BEFORE_AUTHENTICATION;
    assert_eq!(parse(&header_of(4_096 - 32), before), Ok(None));
    let error = parse(&header_of(4_096 - 24), before).unwrap_err();
    assert_eq!(error, ProtocolError::OversizeFrame { bytes: 4_104, bytes_max: 4_096 });
    assert_eq!(parse(&header_of((1 << 20) - 32), OPEN), Ok(None));
    assert_eq!(parse(&header_of((1 << 20) - 24), OPEN).unwrap_err().code(), ErrorCode::OversizeFrame);
    assert_eq!(parse(&header_of(u32::MAX), OPEN).unwrap_err().code(), ErrorCode::OversizeFrame);
}

/// The fault found in the first RESERVE sample after `change`.
fn command_fault(change: impl FnOnce(&mut Vec<u8>)) -> CommandFault {
    let (_, request, extras) = common::commands()[6];
    let mut bytes = common::command_bytes(&request, &extras);
    change(&mut bytes);
    let mut reader = CommandReader::new(&bytes);
    let error = reader.next().expect("there is a command").expect_err("it is broken");
    assert_eq!((error.index, error.offset), (0, 32));
    assert_eq!(reader.next(), None, "after an error nothing more is read");
    error.why
}

#[test]
fn what_is_wrong_with_a_command_is_told() {
    assert_eq!(command_fault(|bytes| bytes.truncate(40)), CommandFault::Truncated(40));
    assert_eq!(command_fault(|bytes| bytes[0] = 112), CommandFault::Length(112));
    assert_eq!(command_fault(|bytes| bytes[0] = 100), CommandFault::Length(100));
    assert_eq!(command_fault(|bytes| bytes[0] = 40), CommandFault::Length(40));
    assert_eq!(command_fault(|bytes| bytes[1] = 0x41), CommandFault::TooLong(0x4168));
    assert_eq!(command_fault(|bytes| bytes[2] = 119), CommandFault::UnknownKind(119));
    assert_eq!(command_fault(|bytes| bytes[3] = 4), CommandFault::UnknownFlags(4));
    assert_eq!(command_fault(|bytes| bytes[14] = 1), CommandFault::SpareNotZero);
    assert_eq!(command_fault(|bytes| bytes[86] = 1), CommandFault::SpareNotZero);
    assert_eq!(command_fault(|bytes| bytes[84] = 1), CommandFault::Count(1));
    assert_eq!(command_fault(|bytes| bytes[12] = 2), CommandFault::Count(2));
    assert!(matches!(command_fault(|bytes| bytes[12] = 0), CommandFault::Extra(_)));
    assert!(matches!(command_fault(|bytes| bytes[96] = 0), CommandFault::Malformed(_)));
    assert!(matches!(command_fault(|bytes| bytes[16..32].fill(0)), CommandFault::Malformed(_)));
}

/// The fault of the sample `name`, with `part` put behind its fixed body and these flags set, in a frame whose checksum is
/// right.
fn take_fault(name: &str, flags: u8, part: &[u8]) -> Option<CommandFault> {
    let (_, request, extras) =
        *common::commands().iter().find(|(sample, ..)| *sample == name).expect("there is such a sample");
    let mut bytes = common::command_bytes(&request, &extras);
    let body_end = COMMAND_HEADER_BYTES + size_of::<TakeBody>();
    bytes.splice(body_end..body_end, part.iter().copied());
    bytes[0] = bytes.len() as u8;
    bytes[3] |= flags;
    let mut out = Vec::new();
    frame::write(&mut out, FrameKind::Commands, 1, &bytes);
    let (_, whole) = parse(&out, OPEN).unwrap().unwrap();
    CommandReader::new(&out[HEADER_BYTES..whole]).next().unwrap().err().map(|error| error.why)
}

#[test]
fn optional_parts_that_say_nothing_and_waits_that_cannot_be_are_refused() {
    let malformed = |why| Some(CommandFault::Malformed(why));
    let (zero, some) = ([0; 8], 1_u64.to_le_bytes());
    assert_eq!(take_fault("sell", flag::HAS_WAIT, &some), None);
    assert_eq!(take_fault("sell", flag::HAS_WAIT, &zero), Some(CommandFault::WaitZero));
    assert_eq!(take_fault("sell", flag::PARTIAL, &[]), None);
    assert_eq!(take_fault("sell", flag::HAS_WAIT | flag::PARTIAL, &some), malformed(Malformed::Wait));
    assert_eq!(take_fault("reserve_one_line", 0, &[]), None);
    let unknown = Some(CommandFault::UnknownFlags(flag::HAS_WAIT));
    assert_eq!(take_fault("reserve_one_line", flag::HAS_WAIT, &some), unknown);
    for name in ["reserve_one_line", "sell"] {
        assert_eq!(take_fault(name, flag::HAS_REPLACE, &1_u128.to_le_bytes()), None);
        let fault = take_fault(name, flag::HAS_REPLACE, &[0; 16]);
        assert_eq!(fault, Some(CommandFault::ReplaceZero), "{name}");
    }
}

/// What the extras in `tail`, put behind the first RESERVE sample, read as.
fn extras_of(tail: &[u8]) -> Result<usize, CommandFault> {
    let (_, request, extras) = common::commands()[6];
    let mut bytes = common::command_bytes(&request, &extras);
    bytes.extend_from_slice(tail);
    bytes[0] = bytes.len() as u8;
    let (_, extras) = CommandReader::new(&bytes).next().unwrap().map_err(|error| error.why)?;
    Ok(extras.trace.len() + extras.label.len() + extras.facts.len())
}

#[test]
fn unknown_extras_are_skipped_unless_critical() {
    let fault = |fault| Err(CommandFault::Extra(fault));
    assert_eq!(extras_of(&[9, 0, 2, 0, 0xff, 0xff, 0, 0]), Ok(0));
    assert_eq!(extras_of(&[9, 0x80, 2, 0, 0xff, 0xff, 0, 0]), fault(ExtraFault::Critical(0x8009)));
    assert_eq!(extras_of(&[1, 0x80, 2, 0, 0xff, 0xff, 0, 0]), Ok(2));
    assert_eq!(extras_of(&[1, 0, 4, 0, 1, 2, 3, 4]), Ok(4));
    assert_eq!(extras_of(&[1, 0, 5, 0, 1, 2, 3, 4]), fault(ExtraFault::Truncated(1)));
    assert_eq!(extras_of(&[1, 0, 2, 0, 1, 2, 3, 0]), fault(ExtraFault::PaddingNotZero(1)));
    assert_eq!(extras_of(&[1, 0, 0, 0, 0, 0, 0, 0]), fault(ExtraFault::Empty("TRACE")));
    assert_eq!(extras_of(&[0; 8]), fault(ExtraFault::TypeZero));
    assert_eq!(extras_of(&[2, 0, 2, 0, 0xff, 0xfe, 0, 0]), fault(ExtraFault::NotText("LABEL")));
    assert_eq!(extras_of(&[1, 0, 1, 0, 1, 0, 0, 0].repeat(2)), fault(ExtraFault::Repeated("TRACE")));
    let mut long = vec![1, 0, 65, 0];
    long.extend([7; 65]);
    long.extend([0; 3]);
    let too_long = ExtraFault::TooLong { name: "TRACE", bytes: 65, bytes_max: 64 };
    assert_eq!(extras_of(&long), fault(too_long));
}

/// The fault of the sample `name` after `change`.
fn fault_of(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Option<CommandFault> {
    let (_, request, extras) =
        *common::commands().iter().find(|(sample, ..)| *sample == name).expect("there is such a sample");
    let mut bytes = common::command_bytes(&request, &extras);
    change(&mut bytes);
    let length = bytes.len() as u16;
    bytes[..2].copy_from_slice(&length.to_le_bytes());
    CommandReader::new(&bytes).next().unwrap().err().map(|error| error.why)
}

#[test]
fn what_is_wrong_with_a_command_on_cards_is_told() {
    let malformed = |fault: Option<CommandFault>| matches!(fault, Some(CommandFault::Malformed(_)));
    // Tiers and scope that are counted and not there, a kind and a state that are none.
    assert_eq!(fault_of("campaign_edit", |bytes| bytes[12] = 200), Some(CommandFault::Count(200)));
    assert!(malformed(fault_of("campaign_edit", |bytes| bytes[64] = 6)));
    assert_eq!(fault_of("campaign_state", |bytes| bytes[60] = 5), Some(CommandFault::CampaignState(5)));
    assert_eq!(fault_of("campaign_state", |bytes| bytes[61] = 1), Some(CommandFault::SpareNotZero));
    // Too many cards, a claim of nobody's, bearer cards for somebody.
    assert!(malformed(fault_of("issue", |bytes| bytes[88] = 65)));
    assert!(malformed(fault_of("claim", |bytes| bytes[48..64].fill(0))));
    assert!(malformed(fault_of("issue_parties", |bytes| bytes[48..64].fill(0))));
    let no_change = CommandFault::CardChange { change: 6, until_ms: 0 };
    assert_eq!(fault_of("card_freeze", |bytes| bytes[64] = 6), Some(no_change));
    let no_time = CommandFault::CardChange { change: 2, until_ms: 1 };
    assert_eq!(fault_of("card_freeze", |bytes| bytes[56] = 1), Some(no_time));
    assert!(malformed(fault_of("card_show_generation", |bytes| bytes[56] = 32)));
    assert_eq!(fault_of("card_show_generation", |bytes| bytes[3] = 0), Some(CommandFault::SpareNotZero));
    assert_eq!(fault_of("wallet_show_on", |bytes| bytes[3] = 1), Some(CommandFault::SpareNotZero));
}

#[test]
fn a_card_is_named_by_its_id_or_by_a_code() {
    let code = [4, 0x80, 4, 0, b'A', b'B', b'C', b'D'];
    let extra = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&code);
    let twice = Some(CommandFault::Code);
    assert_eq!(fault_of("card_show_by_code", |_| {}), None);
    assert_eq!(fault_of("card_show", extra), twice);
    assert_eq!(fault_of("card_show", |bytes| bytes[48..56].fill(0xff)), twice);
    assert_eq!(fault_of("card_show_by_code", |bytes| bytes[48..56].fill(0)), twice);
    assert_eq!(fault_of("card_show_by_code", |bytes| bytes[3] = flag::HAS_GENERATION), twice);
    assert_eq!(fault_of("redeem", extra), twice);
    assert_eq!(fault_of("card_void", extra), twice);
    assert_eq!(fault_of("reserve_one_line", extra), twice);
    let mut long = vec![4, 0x80, 33, 0];
    long.extend([b'7'; 33]);
    long.extend([0; 3]);
    let too_long = ExtraFault::TooLong { name: "CODE", bytes: 33, bytes_max: 32 };
    let fault = fault_of("card_show", |bytes| bytes.extend_from_slice(&long));
    assert_eq!(fault, Some(CommandFault::Extra(too_long)));
    let (_, _, extras) = common::cards::commands_by_code()[0];
    assert!(format!("{extras:?}").contains("***") && !format!("{extras:?}").contains("15NM"));
}

#[test]
fn a_key_of_a_campaign_is_not_sent() {
    let (_, request, extras) =
        *common::commands().iter().find(|(name, ..)| *name == "campaign_create").unwrap();
    let Command::CampaignCreate(create) = request.command else { panic!("the sample makes a campaign") };
    let command = Command::CampaignCreate(CampaignCreate { key: &[1; 60], ..create });
    let sealed = EncodedCommand::new(&Request { command, ..request }, &extras);
    assert_eq!(sealed.unwrap_err(), PushError::CampaignKey);
    let by_code = Command::CardShow { card: scrip_protocol::commands::CARD_BY_CODE, generation: None };
    let nobody = EncodedCommand::new(&Request { command: by_code, ..request }, &Extras::NONE);
    assert_eq!(nobody.unwrap_err(), PushError::Code);
}

#[test]
fn a_command_of_the_greatest_length_is_read_and_a_longer_one_refused() {
    let (_, request, extras) = common::commands()[6];
    let mut bytes = common::command_bytes(&request, &extras);
    let header = |value_bytes: usize| [9, 0, (value_bytes & 0xff) as u8, (value_bytes >> 8) as u8];
    bytes.extend(header(COMMAND_BYTES_MAX - 104 - 4));
    bytes.resize(COMMAND_BYTES_MAX + 8, 0);
    bytes[..2].copy_from_slice(&(COMMAND_BYTES_MAX as u16).to_le_bytes());
    assert_eq!(CommandReader::new(&bytes).next(), Some(Ok((request, Extras::NONE))));
    bytes[..2].copy_from_slice(&(COMMAND_BYTES_MAX as u16 + 8).to_le_bytes());
    let why = CommandReader::new(&bytes).next().unwrap().unwrap_err().why;
    assert_eq!(why, CommandFault::TooLong(COMMAND_BYTES_MAX as u16 + 8));
}

#[test]
fn an_error_frame_tells_code_place_and_message() {
    let mut out = Vec::new();
    let long = "配".repeat(200);
    ErrorNotice::new(ErrorCode::Internal, &long).write(&mut out, 5);
    let (header, whole) = parse(&out, OPEN).unwrap().unwrap();
    assert_eq!((header.kind, header.correlation), (FrameKind::Error, 5));
    let read = ErrorNotice::read(&out[HEADER_BYTES..whole]).unwrap();
    assert_eq!((read.code, read.message), (ErrorCode::Internal, &long[..255]));
    assert_eq!((read.position.offset, read.position.command), (None, None));
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_number(*code as u16), Some(*code));
    }
}

#[test]
fn hello_and_welcome_agree_on_a_version() {
    let token = Token::new([1; 32]);
    let spoken =
        |version_min, version_max| Hello { version_min, version_max, features: 0, token: token.clone() };
    assert_eq!(spoken(1, 9).version(), Ok(1));
    assert_eq!(spoken(2, 9).version(), Err(ProtocolError::UnsupportedVersion(9)));
    let mut out = Vec::new();
    spoken(3, 2).write(&mut out);
    assert!(matches!(Hello::read(&out[HEADER_BYTES..]), Err(ProtocolError::Payload(_))));
    assert!(matches!(Hello::read(&out[HEADER_BYTES..70]), Err(ProtocolError::Payload(_))));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes, OPEN);
        for kind in FrameKind::ALL {
            read_all(*kind, &bytes);
        }
    }

    #[test]
    fn a_changed_frame_with_a_mended_checksum_never_panics(
        commands: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if commands { commands_frame() } else { answers_frame() };
        for (at, value) in changes {
            let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
            bytes[at] = value;
        }
        reseal(&mut bytes);
        let (header, whole) = parse(&bytes, OPEN).unwrap().unwrap();
        read_all(header.kind, &bytes[HEADER_BYTES..whole]);
    }

    #[test]
    fn any_payload_passes_through_a_frame(payload in prop::collection::vec(any::<[u8; 8]>(), 0..100), correlation: u64) {
        let payload = payload.concat();
        let mut out = Vec::new();
        frame::write(&mut out, FrameKind::Push, correlation, &payload);
        let (header, whole) = parse(&out, OPEN).unwrap().unwrap();
        prop_assert_eq!((header.correlation, &out[HEADER_BYTES..whole]), (correlation, &payload[..]));
    }
}
