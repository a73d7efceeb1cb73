//! The session against a server written by hand, frame by frame.

use super::*;
use proptest::prelude::*;
use scrip_engine::answer::Answer;
use scrip_engine::command::{Command, Envelope, Segments};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot};
use scrip_protocol::answer_write::{AnswerFrame, NoSeals};
use scrip_protocol::notice::GoawayReason;
use scrip_protocol::read::CommandReader;
use scrip_protocol::secret::AliasKey;

fn request(operation: u128) -> Request<'static> {
    let envelope = Envelope {
        merchant: MerchantId(1),
        slot: Slot(1),
        channel: ChannelId(1),
        operation: OperationId(operation),
        created_ms: 1,
        deadline_ms: 0,
        segments: Segments::NONE,
    };
    Request { envelope, command: Command::Release }
}

fn welcome() -> Welcome {
    Welcome::new(1_000, MerchantId(1), AliasKey::new([1; 32]))
}

fn welcomed(welcome: &Welcome) -> Session<u128> {
    let mut session = Session::new(&Token::new([7; 32]), 8);
    let mut bytes = Vec::new();
    assert!(session.take_output(&mut bytes));
    assert_eq!(Hello::read(&bytes[HEADER_BYTES..]).unwrap().token, Token::new([7; 32]));
    bytes.clear();
    welcome.write(&mut bytes);
    assert_eq!(session.receive(&bytes, |_| {}), Ok(bytes.len()));
    session
}

/// What a server reads: (correlation, index, operation) of each command.
fn commands(session: &mut Session<u128>) -> Vec<(u64, u16, u128)> {
    let mut bytes = Vec::new();
    session.take_output(&mut bytes);
    let (mut rest, mut read) = (&bytes[..], Vec::new());
    while let Some((header, whole)) = frame::parse(rest, FrameLimits::AUTHENTICATED).unwrap() {
        assert_eq!(header.kind, FrameKind::Commands);
        for (index, command) in CommandReader::new(&rest[HEADER_BYTES..whole]).enumerate() {
            read.push((header.correlation, index as u16, command.unwrap().0.envelope.operation.0));
        }
        rest = &rest[whole..];
    }
    read
}

fn answers(correlation: u64, indexes: &[u16]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, correlation);
    for index in indexes {
        let outcome = Outcome::Done(Answer::Released { lapsed: false });
        frame.push(&mut out, *index, &outcome, &mut NoSeals).unwrap();
    }
    assert!(frame.finish(&mut out, 9));
    out
}

/// The tags of the answers in `bytes`.
fn tags(session: &mut Session<u128>, bytes: &[u8]) -> Result<Vec<u128>, SessionError> {
    let mut tags = Vec::new();
    session.receive(bytes, |incoming| match incoming {
        Incoming::Answer { tag, sequence: 9, .. } => tags.push(tag),
        other => panic!("{other:?}"),
    })?;
    Ok(tags)
}

#[test]
fn commands_gather_into_one_frame_until_the_output_is_taken() {
    let mut session = welcomed(&welcome());
    for operation in 1..=3 {
        session.push(&request(operation), &Extras::NONE, operation).unwrap();
    }
    assert_eq!(commands(&mut session), [(1, 0, 1), (1, 1, 2), (1, 2, 3)]);
    session.push(&request(4), &Extras::NONE, 4).unwrap();
    assert_eq!(commands(&mut session), [(4, 0, 4)]);
    assert_eq!((session.outstanding(), session.room()), (4, 4));
    assert!(!session.has_output());
}

#[test]
fn answers_find_their_commands_in_any_order_and_in_several_frames() {
    let mut session = welcomed(&welcome());
    for operation in 1..=4 {
        session.push(&request(operation), &Extras::NONE, operation).unwrap();
        if operation % 2 == 0 {
            commands(&mut session);
        }
    }
    assert_eq!(tags(&mut session, &answers(3, &[1])), Ok(vec![4]));
    assert_eq!(tags(&mut session, &answers(1, &[1])), Ok(vec![2]));
    assert_eq!(tags(&mut session, &[answers(3, &[0]), answers(1, &[0])].concat()), Ok(vec![3, 1]));
    assert_eq!(session.outstanding(), 0);
    assert!(session.slots.is_empty() && session.frames.is_empty());
}

#[test]
fn an_answer_nobody_waits_for_ends_the_session() {
    let unknown = |correlation, index| Err(SessionError::UnknownAnswer { correlation, index });
    let two_sent = || {
        let mut session = welcomed(&welcome());
        session.push(&request(1), &Extras::NONE, 1).unwrap();
        commands(&mut session);
        session.push(&request(2), &Extras::NONE, 2).unwrap();
        commands(&mut session);
        session
    };
    assert_eq!(tags(&mut two_sent(), &answers(7, &[0])), unknown(7, 0));
    assert_eq!(
        tags(&mut two_sent(), &answers(1, &[1])),
        unknown(1, 1),
        "the index is that of another frame's command"
    );
    assert_eq!(tags(&mut two_sent(), &answers(2, &[0, 0])), unknown(2, 0), "answered twice");
    let mut session = two_sent();
    assert_eq!(tags(&mut session, &answers(1, &[0])), Ok(vec![1]));
    assert_eq!(tags(&mut session, &answers(1, &[0])), unknown(1, 0), "answered twice, in two frames");
    assert_eq!(session.take_unanswered(), [2]);
}

#[test]
fn nothing_is_taken_before_welcome_or_beyond_the_room() {
    let mut session: Session<u128> = Session::new(&Token::new([7; 32]), 8);
    assert_eq!(session.push(&request(1), &Extras::NONE, 1), Err((Refusal::NotWelcome, 1)));
    let mut session = welcomed(&Welcome { outstanding_max: 2, ..welcome() });
    assert_eq!(session.room(), 2);
    session.push(&request(1), &Extras::NONE, 1).unwrap();
    session.push(&request(2), &Extras::NONE, 2).unwrap();
    assert_eq!(session.push(&request(3), &Extras::NONE, 3), Err((Refusal::Full, 3)));
    commands(&mut session);
    assert_eq!(tags(&mut session, &answers(1, &[1])), Ok(vec![2]));
    session.push(&request(3), &Extras::NONE, 3).unwrap();
}

#[test]
fn an_old_command_without_an_answer_holds_up_the_new_ones_at_last() {
    let mut session = welcomed(&Welcome { outstanding_max: 2, ..welcome() });
    session.push(&request(1), &Extras::NONE, 1).unwrap();
    commands(&mut session);
    for number in 2..=8u64 {
        session.push(&request(number.into()), &Extras::NONE, number.into()).unwrap();
        commands(&mut session);
        assert_eq!(tags(&mut session, &answers(number, &[0])), Ok(vec![number.into()]));
    }
    assert_eq!((session.outstanding(), session.room()), (1, 0), "memory is bounded");
    assert_eq!(tags(&mut session, &answers(1, &[0])), Ok(vec![1]));
    assert_eq!((session.outstanding(), session.room()), (0, 2));
}

#[test]
fn a_malformed_command_is_handed_back_and_costs_nothing() {
    let mut session = welcomed(&welcome());
    assert!(matches!(session.push(&request(0), &Extras::NONE, 5), Err((Refusal::Command(_), 5))));
    assert_eq!(session.outstanding(), 0);
    session.push(&request(1), &Extras::NONE, 1).unwrap();
    assert_eq!(commands(&mut session), [(1, 0, 1)]);
}

#[test]
fn a_full_frame_is_followed_by_another() {
    let mut session = welcomed(&Welcome { frame_bytes_max: 32 + 3 * 48, ..welcome() });
    for operation in 1..=5 {
        session.push(&request(operation), &Extras::NONE, operation).unwrap();
    }
    assert_eq!(commands(&mut session), [(1, 0, 1), (1, 1, 2), (1, 2, 3), (4, 0, 4), (4, 1, 5)]);
    assert_eq!(tags(&mut session, &answers(4, &[1, 0])), Ok(vec![5, 4]));
}

#[test]
fn pings_are_answered_between_frames_and_not_without_end() {
    let mut session = welcomed(&welcome());
    session.push(&request(1), &Extras::NONE, 1).unwrap();
    let mut ping = Vec::new();
    notice::write_ping(&mut ping, 55);
    assert_eq!(session.receive(&ping, |_| {}), Ok(ping.len()));
    session.push(&request(2), &Extras::NONE, 2).unwrap();
    let mut bytes = Vec::new();
    assert!(session.take_output(&mut bytes));
    let (mut rest, mut kinds) = (&bytes[..], Vec::new());
    while let Some((header, whole)) = frame::parse(rest, FrameLimits::AUTHENTICATED).unwrap() {
        kinds.push((header.kind, header.correlation));
        rest = &rest[whole..];
    }
    assert_eq!(kinds, [(FrameKind::Commands, 1), (FrameKind::Pong, 55), (FrameKind::Commands, 2)]);
    let flood = ping.repeat(PINGS_WAITING_MAX as usize + 1);
    assert_eq!(session.receive(&flood, |_| {}), Err(SessionError::PingFlood));
}

#[test]
fn notices_are_told_and_errors_end_the_session() {
    let mut session = welcomed(&welcome());
    let goaway = Goaway { reason: GoawayReason::Stopping, drain_ms: 5 };
    let (mut bytes, mut told) = (Vec::new(), Vec::new());
    goaway.write(&mut bytes);
    notice::write_pong(&mut bytes, 3, 44);
    frame::write(&mut bytes, FrameKind::Push, 0, &[]);
    session.receive(&bytes, |incoming| told.push(format!("{incoming:?}"))).unwrap();
    assert_eq!(told, [format!("Goaway({goaway:?})"), "Pong(3, 44)".to_string()]);

    bytes.clear();
    ErrorNotice::new(ErrorCode::ShuttingDown, "bye").write(&mut bytes, 0);
    let error = session.receive(&bytes, |_| {}).unwrap_err();
    assert!(error.reconnect(), "{error}");
    assert_eq!(error.to_string(), "the server says SHUTTING_DOWN: bye");
}

#[test]
fn frames_a_server_does_not_send_end_the_session() {
    for kind in [FrameKind::Hello, FrameKind::Commands, FrameKind::Welcome] {
        let (mut session, mut bytes) = (welcomed(&welcome()), Vec::new());
        frame::write(&mut bytes, kind, 0, &[]);
        assert_eq!(session.receive(&bytes, |_| {}), Err(SessionError::Unexpected(kind)));
    }
    let mut early: Session<u128> = Session::new(&Token::new([7; 32]), 8);
    assert_eq!(early.receive(&answers(1, &[0]), |_| {}), Err(SessionError::Unexpected(FrameKind::Answers)));
}

proptest! {
    /// Whatever the order of pushing, answering and the cuts in the stream, every tag comes back exactly once.
    #[test]
    fn every_command_leaves_exactly_once(
        steps in prop::collection::vec((0..3u8, any::<prop::sample::Index>()), 1..200),
        cut in 1..50usize,
    ) {
        let mut session = welcomed(&welcome());
        let (mut next, mut sent, mut back) = (1u128, Vec::new(), Vec::new());
        for (step, which) in steps {
            match step {
                0 if session.room() > 0 => {
                    session.push(&request(next), &Extras::NONE, next).unwrap();
                    next += 1;
                }
                1 => sent.extend(commands(&mut session)),
                _ if !sent.is_empty() => {
                    let (correlation, index, operation) = sent.swap_remove(which.index(sent.len()));
                    let (mut input, mut got) = (Vec::new(), Vec::new());
                    for piece in answers(correlation, &[index]).chunks(cut) {
                        input.extend_from_slice(piece);
                        let taken = session.receive(&input, |incoming| {
                            let Incoming::Answer { tag, .. } = incoming else { panic!("{incoming:?}") };
                            got.push(tag);
                        });
                        input.drain(..taken.unwrap());
                    }
                    prop_assert_eq!(&got, &[operation]);
                    back.extend(got);
                }
                _ => {}
            }
        }
        back.extend(session.take_unanswered());
        back.sort_unstable();
        prop_assert_eq!(back, (1..next).collect::<Vec<_>>());
    }
}
