//! The bytes on disk: round trip, the golden log, every truncation, every flipped bit, and damage that must be named.

mod common;

use common::{SHARD, options, push_record, read, recover, small_log};
use scrip_wal::sim::SimDisk;
use scrip_wal::{
    FLAG_SEAL, FORMAT_VERSION, FRAME_MAGIC, FrameBuffer, FrameHeader, LogOptions, LogWriter, ScanError, Tail,
    scan, segment_name,
};
use std::convert::Infallible;

fn append(writer: &mut LogWriter<SimDisk>, records: u64) {
    let mut frame = FrameBuffer::new(16 * 1024);
    frame.begin(writer.durable_sequence() + 1);
    for record in 0..records {
        push_record(&mut frame, record);
    }
    writer.append(&mut frame).expect("appends");
}

fn headers(disk: &SimDisk) -> Vec<FrameHeader> {
    let mut headers = Vec::new();
    scan(disk, SHARD, |header, _| {
        headers.push(*header);
        Ok::<(), Infallible>(())
    })
    .expect("scans");
    headers
}

/// The file, offset and expected sequence that a damaged log is refused with.
fn damage(disk: &SimDisk) -> (String, u64, u64, String) {
    match read(disk) {
        Err(ScanError::Corruption { file, offset, expected_sequence, why }) => {
            (file, offset, expected_sequence, why)
        }
        other => panic!("corruption expected, got {other:?}"),
    }
}

#[test]
fn what_is_appended_is_read_back_in_order_across_segments() {
    let disk = SimDisk::new(3);
    let (records, mut writer) = recover(&disk, &options()).expect("opens");
    assert!(records.is_empty());
    for records in 1..=40 {
        append(&mut writer, records);
    }
    assert!(writer.needs_seal());
    writer.seal().expect("seals");
    assert!(!writer.needs_seal());
    drop(writer);
    let (records, end) = read(&disk).expect("scans");
    let sequences: Vec<u64> = records.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, (1..=820).collect::<Vec<_>>());
    assert_eq!((end.last_sequence, end.durable_sequence_seen, end.frames, end.records), (820, 820, 42, 820));
    assert!(end.sealed && end.tail == Tail::Clean && end.last_segment > 3);
}

#[test]
fn an_empty_directory_is_an_empty_log() {
    let (records, end) = read(&SimDisk::new(0)).expect("scans");
    assert!(records.is_empty());
    assert_eq!((end.last_sequence, end.epoch, end.last_segment, end.tail), (0, 0, 0, Tail::Clean));
}

#[test]
fn each_opening_raises_the_epoch_and_starts_a_segment_with_a_seal() {
    let disk = small_log(false);
    let headers = headers(&disk);
    let seals: Vec<_> = headers.iter().filter(|header| header.is_seal()).collect();
    assert_eq!(seals.iter().map(|seal| (seal.segment, seal.epoch)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    for seal in seals {
        assert_eq!((seal.flags, seal.records, seal.payload_bytes), (FLAG_SEAL, 0, 0));
        assert_eq!(seal.first_sequence, seal.last_sequence + 1);
        assert_eq!(seal.durable_sequence, seal.last_sequence);
    }
    assert_eq!(headers[0].previous_checksum, 0);
    for pair in headers.windows(2) {
        assert_eq!(pair[1].previous_checksum, pair[0].checksum);
        assert_eq!(pair[1].first_sequence, pair[0].last_sequence + 1);
    }
}

#[test]
fn the_first_frame_has_the_documented_bytes() {
    let disk = SimDisk::new(5);
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    append(&mut writer, 2);
    let file = disk.file_bytes(&segment_name(1)).expect("exists");
    let frame = &file[4096..8192];
    assert_eq!(frame[..8], FRAME_MAGIC);
    assert_eq!(frame[8..12], [FORMAT_VERSION as u8, 0, 0, 0]);
    assert_eq!(frame[12..16], SHARD.to_le_bytes());
    assert_eq!(frame[16..24], 1_u64.to_le_bytes(), "segment");
    assert_eq!(frame[24..28], 1_u32.to_le_bytes(), "epoch");
    assert_eq!(frame[28..32], 2_u32.to_le_bytes(), "records");
    assert_eq!(frame[32..40], [0; 8], "term");
    assert_eq!(frame[40..48], 1_u64.to_le_bytes(), "first sequence");
    assert_eq!(frame[48..56], 2_u64.to_le_bytes(), "last sequence");
    assert_eq!(frame[56..64], 0_u64.to_le_bytes(), "durable sequence");
    assert_eq!(frame[64..68], 32_u32.to_le_bytes(), "payload bytes");
    assert_eq!(frame[68..72], file[76..80], "checksum of the previous frame");
    assert_eq!(frame[72..76], [0; 4], "reserved");
    let mut summed = frame[..112].to_vec();
    summed[76..80].fill(0);
    assert_eq!(frame[76..80], crc32c(&summed).to_le_bytes());
    assert!(frame[112..].iter().all(|byte| *byte == 0), "padding");
}

/// CRC-32C bit by bit, from its definition: independent of the library the crate uses.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

/// The frames of the golden log, without the zeros behind them.
fn golden_bytes(disk: &SimDisk, number: u64) -> Vec<u8> {
    let mut bytes = disk.file_bytes(&segment_name(number)).expect("exists");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / 4096 + 1) * 4096);
    bytes.truncate(used);
    bytes
}

#[test]
fn the_golden_log_of_version_1_is_read_and_still_written() {
    let golden = [include_bytes!("golden/v1-log-1.bin").as_slice(), include_bytes!("golden/v1-log-2.bin")];
    let disk = SimDisk::new(0);
    for (number, bytes) in (1..).zip(golden) {
        disk.put_file(&segment_name(number), bytes);
    }
    let (records, end) = read(&disk).expect("scans");
    let fresh = small_log(true);
    assert_eq!(records, read(&fresh).expect("scans").0);
    assert_eq!((end.last_sequence, end.frames, end.epoch, end.sealed), (612, 12, 2, true));
    assert_eq!(FORMAT_VERSION, 1, "a new version gets golden files of its own, beside these");
    for (number, golden) in (1..).zip(golden) {
        let bytes = golden_bytes(&fresh, number);
        if std::env::var_os("SCRIP_REGENERATE").is_some() {
            let name = format!("{}/tests/golden/v1-log-{number}.bin", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(name, &bytes).expect("writes");
        }
        assert!(bytes == golden, "segment {number} is written otherwise than before");
    }
}

#[test]
fn a_log_cut_at_any_byte_is_a_prefix_of_its_frames_and_can_be_continued() {
    let disk = small_log(false);
    let (all, end) = read(&disk).expect("scans");
    let name = segment_name(2);
    let whole = disk.file_bytes(&name).expect("exists");
    let ends: Vec<(u64, u64)> = headers(&disk)
        .iter()
        .filter(|header| header.segment == 2)
        .scan(0, |offset, header| {
            *offset += header.frame_bytes();
            Some((*offset, header.last_sequence))
        })
        .collect();
    let first_sequences = ends[0].1;
    for length in 0..=end.end_offset {
        let cut = SimDisk::new(0);
        cut.put_file(&segment_name(1), &disk.file_bytes(&segment_name(1)).expect("exists"));
        cut.put_file(&name, &whole[..length as usize]);
        let (records, cut_end) = read(&cut).expect("scans");
        let whole_until =
            ends.iter().rev().find(|(offset, _)| *offset <= length).map_or(0, |(offset, _)| *offset);
        let last_sequence = ends
            .iter()
            .rev()
            .find(|(offset, _)| *offset <= length)
            .map_or(first_sequences, |(_, last)| *last);
        // The zeros of the padding may be cut: what is left is filled up with zeros again.
        assert!(cut_end.last_sequence >= last_sequence, "cut at {length}");
        assert_eq!(records, all[..records.len()]);
        assert!(cut_end.last_segment == 1 || cut_end.end_offset >= whole_until);
        if length.is_multiple_of(509) {
            let (again, mut writer) = recover(&cut, &options()).expect("opens");
            assert_eq!(again, records);
            append(&mut writer, 5);
            assert_eq!(read(&cut).expect("scans").0.len(), records.len() + 5);
        }
    }
}

/// Flips every bit of every file and counts: refused as damage; harmless (same records); records lost at the very end.
/// Anything else, above all a changed record, fails the test.
fn flip_every_bit(disk: &SimDisk) -> (u64, u64, u64) {
    let (all, end) = read(disk).expect("scans");
    let last_frame_records = headers(disk).last().expect("has frames").records as usize;
    let (mut refused, mut harmless, mut undecidable) = (0, 0, 0);
    for number in 1..=2 {
        let name = segment_name(number);
        // Behind the frames all blocks are alike: two of them stand for the rest.
        let bytes = disk.file_bytes(&name).expect("exists").len() as u64;
        for bit in 0..bytes.min(end.end_offset.max(golden_bytes(disk, number).len() as u64) + 8192) * 8 {
            disk.flip_bit(&name, bit);
            match read(disk) {
                Err(ScanError::Corruption { .. }) => refused += 1,
                Ok((records, _)) if records == all => harmless += 1,
                Ok((records, flipped_end)) => {
                    assert_eq!(records, all[..all.len() - last_frame_records], "bit {bit} of {name}");
                    assert!(matches!(flipped_end.tail, Tail::Torn { .. }));
                    undecidable += 1;
                }
                Err(error) => panic!("bit {bit} of {name}: {error}"),
            }
            disk.flip_bit(&name, bit);
        }
    }
    (refused, harmless, undecidable)
}

#[test]
fn every_flipped_bit_of_a_sealed_log_is_refused_or_harmless() {
    let (refused, harmless, undecidable) = flip_every_bit(&small_log(true));
    println!("sealed: {refused} refused, {harmless} harmless, {undecidable} undecidable");
    assert_eq!(undecidable, 0);
    assert!(refused > 100_000 && harmless > 0);
}

#[test]
fn a_flipped_bit_of_an_unsealed_log_can_hide_the_last_frame_alone() {
    let (refused, harmless, undecidable) = flip_every_bit(&small_log(false));
    println!("unsealed: {refused} refused, {harmless} harmless, {undecidable} undecidable");
    // One block: the last frame, which looks as if its write had been torn.
    assert_eq!(undecidable, 4096 * 8);
}

#[test]
fn a_missing_segment_in_the_middle_is_named() {
    let disk = SimDisk::new(3);
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    for _ in 0..30 {
        append(&mut writer, 10);
    }
    disk.take_file(&segment_name(2));
    let (file, offset, expected_sequence, why) = damage(&disk);
    assert_eq!((file, offset), (segment_name(2), 0));
    // The opening seal takes one of the eight blocks of the first segment.
    assert_eq!(expected_sequence, 71);
    assert!(why.contains("missing"), "{why}");
}

#[test]
fn a_frame_overwritten_with_zeros_is_named() {
    let disk = small_log(true);
    let mut bytes = disk.file_bytes(&segment_name(2)).expect("exists");
    bytes[4096..8192].fill(0);
    disk.put_file(&segment_name(2), &bytes);
    let (file, offset, expected_sequence, _) = damage(&disk);
    assert_eq!((file, offset, expected_sequence), (segment_name(2), 4096, 307));
}

#[test]
fn zeros_over_the_end_of_a_finished_segment_are_named() {
    let disk = small_log(true);
    let mut bytes = disk.file_bytes(&segment_name(1)).expect("exists");
    let end = golden_bytes(&disk, 1).len();
    bytes[end - 4096..end].fill(0);
    disk.put_file(&segment_name(1), &bytes);
    let (file, offset, expected_sequence, why) = damage(&disk);
    assert_eq!((file, offset, expected_sequence), (segment_name(1), end as u64 - 4096, 307));
    assert!(why.contains("predecessor"), "{why}");
}

#[test]
fn a_segment_of_another_shard_or_another_place_is_refused() {
    let disk = small_log(true);
    let why = match scan(&disk, SHARD + 1, |_, _| Ok::<(), Infallible>(())) {
        Err(ScanError::Corruption { why, .. }) => why,
        other => panic!("corruption expected, got {other:?}"),
    };
    assert!(why.contains("shard 7"), "{why}");

    let first = disk.file_bytes(&segment_name(1)).expect("exists");
    disk.put_file(&segment_name(3), &first);
    let (file, offset, _, why) = damage(&disk);
    assert_eq!((file, offset), (segment_name(3), 0));
    assert!(why.contains("segment 1"), "{why}");
}

#[test]
fn a_log_that_ends_before_a_durable_mark_is_refused() {
    // A frame that claims more to be durable than stands before it, with a checksum that holds.
    let disk = small_log(true);
    let mut bytes = disk.file_bytes(&segment_name(2)).expect("exists");
    bytes[56..64].copy_from_slice(&400_u64.to_le_bytes());
    bytes[76..80].fill(0);
    let checksum = crc32c(&bytes[..80]);
    bytes[76..80].copy_from_slice(&checksum.to_le_bytes());
    disk.put_file(&segment_name(2), &bytes);
    let (file, offset, _, why) = damage(&disk);
    assert_eq!((file, offset), (segment_name(2), 0));
    assert!(why.contains("durable"), "{why}");
}

#[test]
fn a_frame_of_an_unknown_version_is_refused_and_not_cut() {
    let disk = small_log(false);
    let end = golden_bytes(&disk, 2).len();
    let mut bytes = disk.file_bytes(&segment_name(2)).expect("exists");
    let last = &mut bytes[end - 4096..end];
    last[8] = 9;
    last[76..80].fill(0);
    let checksum = crc32c(&last[..80 + 32]);
    last[76..80].copy_from_slice(&checksum.to_le_bytes());
    disk.put_file(&segment_name(2), &bytes);
    assert!(damage(&disk).3.contains("version"));
}

#[test]
fn random_bytes_never_panic_the_scanner() {
    let mut rng = fastrand::Rng::with_seed(9);
    let sound = small_log(true).file_bytes(&segment_name(1)).expect("exists");
    for _ in 0..20_000 {
        let mut bytes = sound.clone();
        // Damage the headers above all, where the lengths are.
        for _ in 0..rng.usize(1..6) {
            let block = rng.usize(..bytes.len() / 4096) * 4096;
            bytes[block + rng.usize(..80)] = rng.u8(..);
        }
        bytes.truncate(rng.usize(..=bytes.len()));
        let disk = SimDisk::new(0);
        disk.put_file(&segment_name(1), &bytes);
        let _ = read(&disk);
    }
}

#[test]
fn garbage_behind_the_last_frame_is_a_torn_tail_that_repair_cuts() {
    let disk = small_log(true);
    let mut bytes = disk.file_bytes(&segment_name(2)).expect("exists");
    let end = golden_bytes(&disk, 2).len();
    bytes[end + 100] = 1;
    disk.put_file(&segment_name(2), &bytes);
    let (records, scanned) = read(&disk).expect("scans");
    assert_eq!(scanned.tail, Tail::Torn { segment: 2, offset: end as u64, bytes: 4096 });
    let refused = LogWriter::open(disk.clone(), &LogOptions { segments_ahead: 0, ..options() }, &scanned);
    assert!(matches!(refused.err(), Some(scrip_wal::OpenError::NotRepaired { .. })));
    let report = scrip_wal::repair(&disk, &scanned).expect("repairs");
    assert_eq!((report.file, report.offset, report.bytes), (Some(segment_name(2)), end as u64, 4096));
    assert_eq!(recover(&disk, &options()).expect("opens").0, records);
}
