//! Samples as bytes: alone and in frames.

use super::*;

/// The bytes of one command, without a frame around them.
pub fn command_bytes(request: &Request<'_>, extras: &Extras<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = CommandFrame::begin(&mut out, 0, FRAME_BYTES_MAX);
    frame.push(&mut out, request, extras).expect("the sample is well formed");
    assert!(frame.finish(&mut out));
    out.split_off(HEADER_BYTES)
}

/// The bytes of one answer, without a frame around them.
pub fn answer_bytes(index: u16, outcome: &Outcome<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, 0);
    frame
        .push(&mut out, index, outcome, &mut scrip_protocol::answer_write::NoSeals)
        .expect("one answer always fits");
    assert!(frame.finish(&mut out, 0));
    out.split_off(HEADER_BYTES)
}

/// A COMMANDS frame with all samples.
pub fn commands_frame() -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = CommandFrame::begin(&mut out, 77, FRAME_BYTES_MAX);
    for (_, request, extras) in commands() {
        frame.push(&mut out, &request, &extras).expect("the sample is well formed");
    }
    assert!(frame.finish(&mut out));
    out
}

/// An ANSWERS frame with all samples.
pub fn answers_frame() -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, 77);
    for (index, (_, outcome)) in answers().iter().chain(&rejections()).enumerate() {
        frame
            .push(&mut out, index as u16, outcome, &mut scrip_protocol::answer_write::NoSeals)
            .expect("all samples fit");
    }
    assert!(frame.finish(&mut out, 4_711));
    out
}
