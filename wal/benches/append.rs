//! What one frame costs on a real disk, and how fast a log is read back. The directory lies under the target folder, so
//! the numbers are those of the disk the sources are built on.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scrip_wal::limits::SEGMENT_BYTES;
use scrip_wal::{FrameBuffer, FrameHeader, LogOptions, LogWriter, RealDisk, scan};
use std::convert::Infallible;
use std::path::PathBuf;

const SHARD: u32 = 0;
const SCAN_LOG_BYTES: u64 = 512 * 1024 * 1024;

fn directory() -> tempfile::TempDir {
    let target = std::env::current_exe().expect("a benchmark runs from a file");
    let target: PathBuf = target.parent().expect("in a folder").into();
    tempfile::tempdir_in(target).expect("creates a directory")
}

fn open(disk: &RealDisk, segments_ready_at_start: u32) -> LogWriter<RealDisk> {
    let end = scan(disk, SHARD, |_: &FrameHeader, _: &[u8]| Ok::<(), Infallible>(())).expect("scans");
    // Enough is prepared beforehand that no zeros are written while the clock runs.
    let options = LogOptions { segments_ahead: 0, segments_ready_at_start, ..LogOptions::new(SHARD) };
    LogWriter::open(disk.clone(), &options, &end).expect("opens")
}

/// Fills the buffer so that the frame is exactly `frame_bytes` on disk.
fn fill(frame: &mut FrameBuffer, first_sequence: u64, frame_bytes: usize) {
    frame.begin(first_sequence);
    let payload_bytes = frame_bytes - scrip_wal::HEADER_BYTES;
    frame.room()[..payload_bytes].fill(0x5a);
    frame.commit(payload_bytes, 100);
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    for frame_bytes in [4 * 1024, 64 * 1024, 512 * 1024] {
        let directory = directory();
        let disk = RealDisk::open(directory.path()).expect("opens the directory");
        let mut writer = open(&disk, 8);
        let mut frame = FrameBuffer::new(frame_bytes);
        group.throughput(Throughput::Bytes(frame_bytes as u64));
        group.sample_size(20).bench_function(format!("{} KiB", frame_bytes / 1024), |bencher| {
            bencher.iter(|| {
                fill(&mut frame, writer.durable_sequence() + 1, frame_bytes);
                writer.append(&mut frame).expect("appends")
            });
        });
    }
    group.finish();
}

fn read_back(criterion: &mut Criterion) {
    let directory = directory();
    let disk = RealDisk::open(directory.path()).expect("opens the directory");
    // All of the segments will be full: a scan also reads what is prepared and unused.
    let mut writer = open(&disk, (SCAN_LOG_BYTES / SEGMENT_BYTES) as u32);
    let mut frame = FrameBuffer::new(512 * 1024);
    while writer.remaining_bytes() >= 1024 * 1024 {
        fill(&mut frame, writer.durable_sequence() + 1, 512 * 1024);
        writer.append(&mut frame).expect("appends");
    }
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).throughput(Throughput::Bytes(writer.bytes_written()));
    group.bench_function("512 MiB", |bencher| {
        bencher.iter(|| {
            scan(&disk, SHARD, |_: &FrameHeader, payload: &[u8]| {
                std::hint::black_box(payload);
                Ok::<(), Infallible>(())
            })
            .expect("scans")
        });
    });
    group.finish();
}

criterion_group!(benches, append, read_back);
criterion_main!(benches);
