//! Codes: from card to text and back, per code; and FF1 on machine words beside what else could have stood in its place.
//!
//! `cargo bench -p scrip-bench --bench codes`. The figures of docs/adr/0013 are medians of these.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Aes256Enc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fpe::ff1::{BinaryNumeralString, FF1, FlexibleNumeralString};
use scrip_codes::ff1::{Bits, Digits, Ff1, Halves};
use scrip_codes::{
    CampaignCipher, CampaignKey, Card, Code, Generation, Groups, Layout, Locator, Prefix, Serial, Step,
    VanityCode, VanityIndex, VanityKey, parse,
};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: [u8; 32] = [0x5A; 32];
const LOCATOR: u32 = 1_234_567;
const STEP: Step = Step(60_000_000);
/// Codes that are looked at in turn, so that no branch learns one of them by heart.
const CODES: usize = 1_024;

fn card(serial: u64) -> Card {
    Card { serial: Serial::new(serial).expect("33 bits"), generation: Generation::FIRST }
}

fn cipher(layout: Layout) -> CampaignCipher {
    CampaignCipher::new(&CampaignKey::new(KEY), Locator::new(LOCATOR).expect("25 bits"), layout)
}

/// Gives the numbers from 0 to `CODES`, over and over.
fn turns() -> impl FnMut() -> usize {
    let mut at = 0;
    move || {
        at = (at + 1) % CODES;
        at
    }
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codes/write");
    group.throughput(Throughput::Elements(1));
    for layout in Layout::ALL {
        let (cipher, mut turn) = (cipher(layout), turns());
        group.bench_function(format!("print {layout:?}"), |bencher| {
            bencher.iter(|| cipher.print(card(turn() as u64)));
        });
    }
    let (cipher, mut turn) = (cipher(Layout::Standard), turns());
    group.throughput(Throughput::Elements(4));
    group.bench_function("print four side by side", |bencher| {
        bencher.iter(|| cipher.print_each([(); 4].map(|()| card(turn() as u64))));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("show", |bencher| bencher.iter(|| cipher.show(card(turn() as u64), STEP)));
    let (code, prefix) = (cipher.print(card(1)), Prefix::new("TEAHOUSE").expect("a prefix"));
    group.bench_function("groups and prefix", |bencher| {
        bencher.iter(|| black_box(&code).print(Some(&prefix), Groups::Four));
    });
    group.bench_function("mask", |bencher| bencher.iter(|| black_box(&code).mask(Groups::Four)));
    group.bench_function("set a cipher up", |bencher| {
        let (key, locator) = (CampaignKey::new(KEY), Locator::new(LOCATOR).expect("25 bits"));
        bencher.iter(|| CampaignCipher::new(black_box(&key), locator, Layout::Standard));
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codes/read");
    group.throughput(Throughput::Elements(1));
    for layout in Layout::ALL {
        let (cipher, mut turn) = (cipher(layout), turns());
        let codes: Vec<Code> = (0..CODES as u64).map(|serial| cipher.print(card(serial))).collect();
        let parsed: Vec<_> = codes.iter().map(|code| parse(code.reveal()).expect("a code")).collect();
        group.bench_function(format!("parse {layout:?}"), |bencher| {
            bencher.iter(|| parse(codes[turn()].reveal()));
        });
        group.bench_function(format!("open {layout:?}"), |bencher| {
            bencher.iter(|| cipher.open(&parsed[turn()]).expect("the card"));
        });
        group.bench_function(format!("parse and open {layout:?}"), |bencher| {
            bencher.iter(|| cipher.open(&parse(codes[turn()].reveal()).expect("a code")).expect("the card"));
        });
    }
    let (cipher, mut turn) = (cipher(Layout::Standard), turns());
    let parsed: Vec<_> =
        (0..CODES as u64).map(|serial| parse(cipher.print(card(serial)).reveal()).expect("a code")).collect();
    group.throughput(Throughput::Elements(4));
    group.bench_function("open four side by side", |bencher| {
        bencher.iter(|| cipher.open_each([(); 4].map(|()| &parsed[turn()])));
    });
    group.throughput(Throughput::Elements(1));
    let prefix = Prefix::new("TEAHOUSE").expect("a prefix");
    let printed: Vec<_> = (0..CODES as u64)
        .map(|serial| cipher.print(card(serial)).print(Some(&prefix), Groups::Four))
        .collect();
    group.bench_function("parse with prefix and groups", |bencher| {
        bencher.iter(|| parse(printed[turn()].reveal()).expect("a code"));
    });
    let shown: Vec<_> = (0..CODES as u64)
        .map(|serial| parse(cipher.show(card(serial), STEP).reveal()).expect("a code"))
        .collect();
    group.bench_function("open shown, four steps tried", |bencher| {
        bencher.iter(|| cipher.open_shown(&shown[turn()], STEP).expect("the card"));
    });
    let index = VanityIndex::new(&VanityKey::new(KEY));
    group.bench_function("vanity: normalise and hash", |bencher| {
        bencher.iter(|| index.hash(1, &VanityCode::normalise(black_box("summer26")).expect("a code")));
    });
    group.finish();
}

/// 70 bits as the numerals of the other library.
fn numerals_of(string: u128) -> Vec<u16> {
    (0..70).rev().map(|bit| (string >> bit) as u16 & 1).collect()
}

fn ff1(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codes/ff1");
    group.throughput(Throughput::Elements(1));
    let aes = Aes256Enc::new(&KEY.into());
    let tweak = LOCATOR.to_be_bytes();

    let bits = Bits::new(70);
    let ours = Ff1::new(aes.clone(), bits);
    let (tweaked, mut turn) = (ours.tweaked(&tweak), turns());
    group.bench_function("machine words, 70 bits, encrypt", |bencher| {
        bencher.iter(|| ours.encrypt(tweaked, bits.split((turn() as u128) << 32)));
    });
    group.bench_function("machine words, 70 bits, decrypt", |bencher| {
        bencher.iter(|| ours.decrypt(tweaked, bits.split((turn() as u128) << 32)));
    });
    group.bench_function("machine words, tweak made anew", |bencher| {
        bencher.iter(|| ours.encrypt(ours.tweaked(black_box(&tweak)), bits.split((turn() as u128) << 32)));
    });
    group.throughput(Throughput::Elements(4));
    group.bench_function("machine words, four side by side", |bencher| {
        bencher.iter(|| {
            let strings: [Halves; 4] = core::array::from_fn(|_| bits.split((turn() as u128) << 32));
            ours.encrypt_each([tweaked; 4], strings)
        });
    });
    group.throughput(Throughput::Elements(1));

    let digits = Ff1::new(aes.clone(), Digits::new(2, 70).expect("70 bits"));
    let tweaked = digits.tweaked(&tweak);
    group.bench_function("any radix on machine words, 70 bits", |bencher| {
        bencher.iter(|| digits.encrypt(tweaked, bits.split((turn() as u128) << 32)));
    });

    let other = FF1::<Aes256>::new(&KEY, 2).expect("radix 2");
    group.bench_function("fpe, flexible numerals, 70 bits", |bencher| {
        let strings: Vec<_> =
            (0..CODES).map(|at| FlexibleNumeralString::from(numerals_of((at as u128) << 32))).collect();
        bencher.iter(|| other.encrypt(&tweak, &strings[turn()]).expect("70 bits"));
    });
    group.bench_function("fpe, binary numerals, 72 bits", |bencher| {
        let strings: Vec<_> = (0..CODES as u64)
            .map(|at| BinaryNumeralString::from_bytes_le(&u128::from(at).to_le_bytes()[..9]))
            .collect();
        bencher.iter(|| other.encrypt(&tweak, &strings[turn()]).expect("72 bits"));
    });
    group.finish();
    blocks(criterion, &aes);
}

/// What stands below FF1, and in place of it if codes could be longer.
fn blocks(criterion: &mut Criterion, aes: &Aes256Enc) {
    let mut group = criterion.benchmark_group("codes/aes");
    group.throughput(Throughput::Elements(1));
    let mut turn = turns();
    group.bench_function("ten blocks in a chain, asked one by one", |bencher| {
        bencher.iter(|| {
            let mut block = Array((turn() as u128).to_be_bytes());
            for _ in 0..10 {
                aes.encrypt_block(&mut block);
            }
            block
        });
    });
    group.bench_function("one block, a code of 32 characters, encrypt", |bencher| {
        bencher.iter(|| {
            let mut block = Array((turn() as u128).to_be_bytes());
            aes.encrypt_block(&mut block);
            block
        });
    });
    let both = Aes256::new(&KEY.into());
    group.bench_function("one block, a code of 32 characters, decrypt", |bencher| {
        bencher.iter(|| {
            let mut block = Array((turn() as u128).to_be_bytes());
            both.decrypt_block(&mut block);
            block
        });
    });
    group.finish();
}

criterion_group!(benches, write, read, ff1);
criterion_main!(benches);
