//! A full disk: found at allocation, told before the log is full, and left behind without a restart.

mod common;

use common::{SHARD, options, push_record, read, recover};
use scrip_wal::sim::SimDisk;
use scrip_wal::{FrameBuffer, LogFault, LogOptions, LogWriter};

fn append(writer: &mut LogWriter<SimDisk>) -> Result<u64, LogFault> {
    let mut frame = FrameBuffer::new(4096);
    frame.begin(writer.durable_sequence() + 1);
    push_record(&mut frame, 1);
    writer.append(&mut frame)
}

#[test]
fn a_full_disk_is_told_while_there_is_still_room() {
    let disk = SimDisk::new(1);
    // Room for two segments of 32 KiB: the current one and one ahead.
    disk.limit_bytes(Some(64 * 1024));
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    assert!(!writer.space_low());
    assert_eq!(writer.remaining_bytes(), 32 * 1024 - 4096);
    writer.prepare().expect("prepares");
    assert!(!writer.space_low());
    assert_eq!(writer.remaining_bytes(), 64 * 1024 - 4096);
    let mut appended = 0;
    while !writer.space_low() {
        append(&mut writer).expect("there is room");
        appended += 1;
    }
    assert_eq!(appended, 8, "the second segment is begun, a third can't be had");
    while writer.remaining_bytes() >= 4096 {
        append(&mut writer).expect("what remains can be written");
        appended += 1;
    }
    assert_eq!(appended, 15);
    assert!(matches!(append(&mut writer), Err(LogFault::NoSpace { .. })));
    assert!(matches!(append(&mut writer), Err(LogFault::Stopped)));
    assert_eq!(read(&disk).expect("scans").0.len(), 15);
}

#[test]
fn service_resumes_once_there_is_space_again() {
    let disk = SimDisk::new(1);
    disk.limit_bytes(Some(64 * 1024));
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    while !writer.space_low() {
        append(&mut writer).expect("there is room");
    }
    disk.limit_bytes(None);
    writer.prepare().expect("prepares");
    assert!(!writer.space_low());
    for _ in 0..100 {
        append(&mut writer).expect("there is room");
    }
}

#[test]
fn a_log_that_filled_the_disk_opens_again_once_there_is_space() {
    let disk = SimDisk::new(1);
    disk.limit_bytes(Some(32 * 1024));
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    while append(&mut writer).is_ok() {}
    drop(writer);
    disk.crash();
    let why = recover(&disk, &options()).err().expect("there is no space for a new segment");
    assert!(why.contains("NoSpace"), "{why}");
    disk.limit_bytes(None);
    let (records, mut writer) = recover(&disk, &options()).expect("opens");
    assert_eq!(records.len(), 7);
    append(&mut writer).expect("appends");
}

#[test]
fn a_failed_write_stops_the_writer_for_good() {
    let disk = SimDisk::new(1);
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    append(&mut writer).expect("appends");
    disk.fail_sync(1);
    match append(&mut writer) {
        Err(LogFault::Io { operation, offset, .. }) => assert_eq!((operation, offset), ("sync", 8192)),
        other => panic!("a fault expected, got {other:?}"),
    }
    assert_eq!(writer.durable_sequence(), 1);
    assert!(matches!(append(&mut writer), Err(LogFault::Stopped)));
    assert!(matches!(writer.seal(), Err(LogFault::Stopped)));
    assert!(!writer.needs_seal());
}

#[test]
#[should_panic(expected = "gapless")]
fn a_gap_in_the_sequences_is_refused() {
    let disk = SimDisk::new(1);
    let (_, mut writer) = recover(&disk, &options()).expect("opens");
    let mut frame = FrameBuffer::new(4096);
    frame.begin(2);
    push_record(&mut frame, 1);
    let _ = writer.append(&mut frame);
}

#[test]
#[should_panic(expected = "does not fit a segment")]
fn a_frame_larger_than_a_segment_is_refused() {
    let disk = SimDisk::new(1);
    let (_, mut writer) =
        recover(&disk, &LogOptions { segment_bytes: 16 * 1024, ..LogOptions::new(SHARD) }).expect("opens");
    let mut frame = FrameBuffer::new(64 * 1024);
    frame.begin(1);
    frame.commit(20_000, 1);
    let _ = writer.append(&mut frame);
}

#[test]
fn a_buffer_counts_what_is_committed_and_no_more() {
    let mut frame = FrameBuffer::new(10_000);
    assert_eq!(frame.room_bytes(), 8192 - scrip_wal::HEADER_BYTES);
    frame.begin(41);
    assert!(frame.is_empty());
    assert_eq!((frame.first_sequence(), frame.last_sequence()), (41, 40));
    frame.room()[..5].copy_from_slice(b"abcde");
    assert!(frame.payload().is_empty());
    frame.commit(3, 2);
    assert_eq!((frame.payload(), frame.records(), frame.last_sequence()), (b"abc".as_slice(), 2, 42));
    frame.begin(50);
    assert!(frame.is_empty() && frame.payload().is_empty());
    assert_eq!(frame.room().as_ptr().addr() % 4096, scrip_wal::HEADER_BYTES);
}
