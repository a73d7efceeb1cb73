//! The log thread, over a real directory and over a simulated disk that fails.

mod common;

use common::{SHARD, options, push_record, read, recover};
use scrip_wal::sim::SimDisk;
use scrip_wal::{
    Disk, FrameBuffer, LogFault, LogHandle, LogOptions, LogThread, LogWriter, RealDisk, Tail, segment_name,
};
use std::sync::mpsc::{Receiver, channel};

fn frame_of(frame: &mut FrameBuffer, first_sequence: u64, records: u64) {
    frame.begin(first_sequence);
    for record in 0..records {
        push_record(frame, record);
    }
}

fn start<D: Disk>(writer: LogWriter<D>) -> (LogHandle, Receiver<()>, Receiver<LogFault>) {
    let (woken, wakes) = channel();
    let (faulted, faults) = channel();
    let handle = LogThread::spawn(
        writer,
        move || {
            // The test may have seen enough already.
            let _ = woken.send(());
        },
        move |fault| faulted.send(fault).expect("the test waits for it"),
    );
    (handle.expect("spawns"), wakes, faults)
}

fn real_disk() -> (tempfile::TempDir, RealDisk) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("creates a directory");
    let disk = RealDisk::open(directory.path()).expect("opens the directory");
    (directory, disk)
}

#[test]
fn what_the_thread_made_durable_is_found_on_a_real_disk() {
    let (_directory, disk) = real_disk();
    let mut sequence = 0;
    for generation in 1..=3 {
        let (records, end) = read(&disk).expect("scans");
        assert_eq!(
            (records.len() as u64, end.tail.clone(), end.sealed),
            (sequence, Tail::Clean, sequence > 0)
        );
        let options = LogOptions { segment_bytes: 256 * 1024, ..LogOptions::new(SHARD) };
        let writer = LogWriter::open(disk.clone(), &options, &end).expect("opens");
        assert_eq!(writer.epoch(), generation);
        let (mut handle, wakes, _faults) = start(writer);
        assert_eq!(handle.durable_sequence(), sequence);
        let mut spare = vec![FrameBuffer::new(64 * 1024), FrameBuffer::new(64 * 1024)];
        for number in 1..=60 {
            let mut frame = spare.pop().unwrap_or_else(|| {
                loop {
                    wakes.recv().expect("the thread lives");
                    if let Some(frame) = handle.take_returned() {
                        break frame;
                    }
                }
            });
            assert!(frame.is_empty());
            frame_of(&mut frame, sequence + 1, number * 10);
            sequence = frame.last_sequence();
            handle.submit(frame).expect("at most two are outstanding");
        }
        while handle.durable_sequence() < sequence {
            wakes.recv().expect("the thread lives");
        }
        let statistics = handle.statistics();
        assert!(
            statistics.frames >= 61 && statistics.syncs == statistics.frames && statistics.sync_ns_max > 0
        );
        assert!(!handle.space_low() && handle.remaining_bytes() > 0);
        let closed = handle.close();
        assert!(closed.sealed && closed.durable_sequence == sequence);
    }
    println!("O_DIRECT: {}", disk.direct());
}

#[test]
fn a_third_outstanding_frame_is_handed_back() {
    let disk = SimDisk::new(1);
    let (_, writer) = recover(&disk, &options()).expect("opens");
    let (release, held) = channel::<()>();
    let mut handle = LogThread::spawn(
        writer,
        // The log thread stands still in `wake` of the first frame, which is counted as done by then.
        move || held.recv().expect("the test lets go"),
        |fault| panic!("{fault}"),
    )
    .expect("spawns");
    let mut frames = (0..4).map(|number| {
        let mut frame = FrameBuffer::new(4096);
        frame_of(&mut frame, number + 1, 1);
        frame
    });
    handle.submit(frames.next().expect("a frame")).expect("accepted");
    while !handle.idle() {
        std::thread::yield_now();
    }
    handle.submit(frames.next().expect("a frame")).expect("accepted");
    handle.submit(frames.next().expect("a frame")).expect("accepted");
    let refused = handle.submit(frames.next().expect("a frame")).expect_err("two are outstanding");
    assert_eq!((refused.first_sequence(), refused.records()), (4, 1));
    assert!(!handle.idle());
    for _ in 0..3 {
        release.send(()).expect("the thread lives");
    }
    assert_eq!(handle.close().durable_sequence, 3);
}

#[test]
fn a_quiet_log_is_sealed_by_itself() {
    let (_directory, disk) = real_disk();
    let options = LogOptions { segment_bytes: 64 * 1024, ..LogOptions::new(SHARD) };
    let (_, writer) = recover(&disk, &options).expect("opens");
    let (mut handle, wakes, _faults) = start(writer);
    let mut frame = FrameBuffer::new(4096);
    frame_of(&mut frame, 1, 1);
    handle.submit(frame).expect("accepted");
    wakes.recv().expect("the thread lives");
    // The opening seal, the frame, and then the seal nobody asked for.
    while handle.statistics().frames < 3 {
        std::thread::yield_now();
    }
    assert!(read(&disk).expect("scans").1.sealed);
    assert_eq!(handle.close().durable_sequence, 1);
    assert_eq!(read(&disk).expect("scans").1.frames, 3);
}

#[test]
fn a_failed_sync_ends_the_thread_without_publishing() {
    let disk = SimDisk::new(1);
    let (_, writer) = recover(&disk, &LogOptions { segments_ahead: 0, ..options() }).expect("opens");
    let (mut handle, wakes, faults) = start(writer);
    let mut frame = FrameBuffer::new(4096);
    frame_of(&mut frame, 1, 1);
    handle.submit(frame).expect("accepted");
    wakes.recv().expect("the thread lives");
    // The seal of the quiet time may come first; then it is the seal that fails.
    disk.fail_sync(1);
    let mut frame = FrameBuffer::new(4096);
    frame_of(&mut frame, 2, 1);
    let _ = handle.submit(frame);
    let fault = faults.recv().expect("a fault is reported");
    assert!(matches!(fault, LogFault::Io { operation: "sync", .. }), "{fault}");
    assert_eq!(handle.durable_sequence(), 1);
    let mut frame = FrameBuffer::new(4096);
    frame_of(&mut frame, 3, 1);
    let _ = handle.submit(frame);
    let closed = handle.close();
    assert_eq!(closed.durable_sequence, 1);
    assert!(wakes.recv().is_err(), "nobody is woken after a fault");
}

#[test]
fn the_preparing_thread_tells_a_full_disk_and_recovers_from_it() {
    let disk = SimDisk::new(1);
    disk.limit_bytes(Some(64 * 1024));
    let (_, writer) = recover(&disk, &options()).expect("opens");
    let (mut handle, wakes, _faults) = start(writer);
    let mut frame = FrameBuffer::new(4096);
    let mut sequence = 0;
    while !handle.space_low() {
        sequence += 1;
        assert!(sequence < 15, "the disk holds fewer frames than this");
        frame_of(&mut frame, sequence, 1);
        handle.submit(frame).expect("accepted");
        wakes.recv().expect("the thread lives");
        frame = handle.take_returned().expect("returned before the wake");
        if sequence >= 8 {
            // The second segment is in use: the thread is about to find no space for a third.
            while !handle.space_low() {
                std::thread::yield_now();
            }
        }
    }
    assert!(handle.remaining_bytes() > 0);
    disk.limit_bytes(None);
    while handle.space_low() {
        std::thread::yield_now();
    }
    for _ in 0..40 {
        sequence += 1;
        frame_of(&mut frame, sequence, 1);
        handle.submit(frame).expect("accepted");
        wakes.recv().expect("the thread lives");
        frame = handle.take_returned().expect("returned before the wake");
    }
    assert_eq!(handle.close().durable_sequence, sequence);
    assert_eq!(read(&disk).expect("scans").0.len() as u64, sequence);
}

#[test]
fn a_log_thread_out_of_space_reports_it_once_everything_is_used() {
    let disk = SimDisk::new(1);
    disk.limit_bytes(Some(64 * 1024));
    let (_, writer) = recover(&disk, &options()).expect("opens");
    let (mut handle, wakes, faults) = start(writer);
    let mut frame = FrameBuffer::new(4096);
    let mut sequence = 0;
    let fault = loop {
        sequence += 1;
        frame_of(&mut frame, sequence, 1);
        handle.submit(frame).expect("accepted");
        if wakes.recv().is_err() {
            break faults.recv().expect("a fault is reported");
        }
        frame = handle.take_returned().expect("returned before the wake");
    };
    assert!(matches!(fault, LogFault::NoSpace { .. }), "{fault}");
    let durable_sequence = handle.close().durable_sequence;
    assert_eq!(durable_sequence, sequence - 1);
    let (records, end) = read(&disk).expect("scans");
    assert_eq!((records.len() as u64, end.tail), (durable_sequence, Tail::Clean));
}

#[test]
fn a_torn_tail_on_a_real_disk_is_cut() {
    let (directory, disk) = real_disk();
    let options = LogOptions { segment_bytes: 64 * 1024, ..LogOptions::new(SHARD) };
    let (_, mut writer) = recover(&disk, &options).expect("opens");
    let mut frame = FrameBuffer::new(16 * 1024);
    frame_of(&mut frame, 1, 500);
    writer.append(&mut frame).expect("appends");
    frame_of(&mut frame, 501, 500);
    writer.append(&mut frame).expect("appends");
    drop(writer);
    let path = directory.path().join(segment_name(1));
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes[4096 + 8192 + 6000] ^= 1;
    std::fs::write(&path, &bytes).expect("writes");
    // A foreign file in the directory is left alone.
    std::fs::write(directory.path().join("manifest"), b"x").expect("writes");
    let (records, end) = read(&disk).expect("scans");
    assert_eq!(records.len(), 500);
    assert_eq!(end.tail, Tail::Torn { segment: 1, offset: 12_288, bytes: 8192 });
    let (records, mut writer) = recover(&disk, &options).expect("opens");
    assert_eq!(records.len(), 500);
    frame_of(&mut frame, 501, 3);
    writer.append(&mut frame).expect("appends");
    assert_eq!(read(&disk).expect("scans").0.len(), 503);
}
