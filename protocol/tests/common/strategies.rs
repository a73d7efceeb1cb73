//! Limits, prices, rules, blocks, and rows of lists with any values that a caller may give: what commands set, answers show. They
//! stand apart from the rest of the round trip so that it stays in one view.
//!
//! Invariant: every value is one that the decoder takes.

use proptest::prelude::*;
use scrip_engine::answer::{BatchView, ChannelView, DebtView, OrderHold};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    Block, Envelope, Limits, Price, PriceKind, Quota, RiskRule, Segments, SpanLimits, SubjectLimit,
};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot};
use scrip_engine::limits::{
    PRICES_PER_STOCK_MAX, RISK_RULES_MAX, RISK_WINDOW_MAX_MS, RISK_WINDOW_MIN_MS, STOCK_UNITS_MAX,
    TRANSITIONS_MAX, UNITS_PER_LINE_MAX,
};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// Limits as a caller may give them.
pub fn limits() -> impl Strategy<Value = Limits> {
    let limit = prop::array::uniform3(0..=UNITS_PER_LINE_MAX)
        .prop_map(|[total, per_day, held]| SubjectLimit::new(total, per_day, held));
    let minutes = prop_oneof![9 => -720..=840i16, 1 => Just(Limits::BY_ZONE)];
    (prop::array::uniform4(limit), minutes).prop_map(|(subjects, minutes)| Limits {
        subjects,
        utc_offset_minutes: I16::new(minutes),
        spare: [0; 6],
    })
}

/// Limits of weeks and months as a caller may give them.
pub fn span_limits() -> impl Strategy<Value = SpanLimits> {
    let limit = || prop::array::uniform4((0..=UNITS_PER_LINE_MAX).prop_map(U32::new));
    (limit(), limit()).prop_map(|(per_week, per_month)| SpanLimits { per_week, per_month })
}

/// Prices as a caller may give them: none is nothing, none ends before it begins.
pub fn prices() -> impl Strategy<Value = Vec<Price>> {
    let price = (any::<u16>(), 1..=3u8, 1..=u32::MAX, any::<u64>(), any::<u64>());
    let price = price.prop_map(|(channel, kind, amount, from_ms, until_ms)| {
        let kind = PriceKind::from_number(kind).expect("1 to 3 are kinds");
        Price {
            from_ms: U64::new(from_ms),
            until_ms: U64::new(if until_ms > from_ms { until_ms } else { 0 }),
            ..Price::new(ChannelId(channel), kind, amount)
        }
    });
    prop::collection::vec(price, 0..=PRICES_PER_STOCK_MAX)
}

/// Transitions of a zone as a caller may give them: in ascending order.
pub fn transitions() -> impl Strategy<Value = Vec<Transition>> {
    prop::collection::btree_map(any::<u64>(), -840..=840i16, 1..=TRANSITIONS_MAX).prop_map(|transitions| {
        transitions.into_iter().map(|(from_ms, minutes)| Transition::new(from_ms, minutes)).collect()
    })
}

/// Quotas as a caller may give them: one per channel, in ascending order, no guarantee above its cap.
pub fn quotas() -> impl Strategy<Value = Vec<Quota>> {
    let quota = (0..=STOCK_UNITS_MAX, any::<u64>(), any::<u64>());
    prop::collection::btree_map(any::<u16>(), quota, 1..=64).prop_map(|quotas| {
        let quota = |(channel, (guaranteed, more, lapses_ms)): (u16, (u64, u64, u64))| {
            let lapses_ms = if guaranteed == 0 { 0 } else { lapses_ms };
            Quota::new(ChannelId(channel), guaranteed, guaranteed.saturating_add(more), lapses_ms)
        };
        quotas.into_iter().map(quota).collect()
    })
}

/// Texts of card keys as a caller may give them, and how many.
pub fn texts() -> impl Strategy<Value = (usize, Vec<u8>)> {
    prop::collection::vec("\\PC{1,24}", 1..=64).prop_map(|texts| {
        let lengths = texts.iter().flat_map(|text| (text.len() as u16).to_le_bytes());
        let bytes = lengths.chain(texts.iter().flat_map(|text| text.bytes())).collect();
        (texts.len(), bytes)
    })
}

/// Rules as a caller may give them, lifted ones too.
pub fn rules() -> impl Strategy<Value = RiskRule> {
    let (number, window) = (1..=RISK_RULES_MAX as u16, RISK_WINDOW_MIN_MS..=RISK_WINDOW_MAX_MS);
    (number, any::<u16>(), 1..=4u8, 0..=2u8, any::<u32>(), window).prop_map(
        |(number, channel, subject, action, at_most, window_ms)| RiskRule {
            number: U16::new(number),
            channel: U16::new(channel),
            subject,
            action,
            spare: U16::ZERO,
            at_most: U32::new(at_most),
            window_ms: U32::new(window_ms),
        },
    )
}

/// Blocks as a caller may give them: users and limit keys have 128 bits, devices and addresses 64.
pub fn blocks() -> impl Strategy<Value = Block> {
    (1..=u128::MAX, any::<u64>(), 1..=4u8, 0..=2u8).prop_map(|(subject, until_ms, kind, action)| Block {
        subject: U128::new(if kind > 2 { (subject >> 64).max(1) } else { subject }),
        until_ms: U64::new(until_ms),
        kind,
        action,
        spare: [0; 6],
    })
}

/// Debts with any numbers.
pub fn debts() -> impl Strategy<Value = DebtView> {
    any::<([u128; 2], [u64; 3], u16, Option<u32>)>().prop_map(|(ids, numbers, channel, key)| DebtView {
        hold: U128::new(ids[0]),
        order: U128::new(ids[1]),
        since_ms: U64::new(numbers[0]),
        until_ms: U64::new(numbers[1]),
        units: U64::new(numbers[2]),
        channel: U16::new(channel),
        of_key: U16::new(u16::from(key.is_some())),
        key: U32::new(key.unwrap_or(0)),
    })
}

/// Channels with any numbers.
pub fn channels() -> impl Strategy<Value = ChannelView> {
    any::<([u64; 6], u16)>().prop_map(|(numbers, channel)| ChannelView {
        guaranteed: U64::new(numbers[0]),
        cap: U64::new(numbers[1]),
        lapses_ms: U64::new(numbers[2]),
        held: U64::new(numbers[3]),
        consumed: U64::new(numbers[4]),
        room: U64::new(numbers[5]),
        channel: U16::new(channel),
        spare: [0; 6],
    })
}

/// Batches with any numbers, in any state.
pub fn batches() -> impl Strategy<Value = BatchView> {
    any::<([u64; 7], u32, u8)>().prop_map(|(numbers, number, byte)| BatchView {
        cost: U64::new(numbers[0]),
        expires_ms: U64::new(numbers[1]),
        imported: U64::new(numbers[2]),
        unsold: U64::new(numbers[3]),
        moved: U64::new(numbers[4]),
        sold: U64::new(numbers[5]),
        void: U64::new(numbers[6]),
        batch: U32::new(number),
        state: byte % 4 + 1,
        supplier_bytes: byte % 65,
        spare: U16::ZERO,
        supplier: [byte; 64],
    })
}

/// Holds of an order in any state, with any numbers.
pub fn order_holds() -> impl Strategy<Value = OrderHold> {
    let refusal = prop::option::of(prop::sample::select(Code::ALL));
    any::<([u128; 2], [u64; 4], u32, u16, [u8; 3])>().prop_flat_map(move |numbers| {
        let (ids, times, units, channel, bytes) = numbers;
        refusal.clone().prop_map(move |refusal| OrderHold {
            hold: U128::new(ids[0]),
            user: U128::new(ids[1]),
            reserved_ms: U64::new(times[0]),
            deadline_ms: U64::new(times[1]),
            closed_ms: U64::new(times[2]),
            stock: U64::new(times[3]),
            units: U32::new(units),
            channel: U16::new(channel),
            refusal: U16::new(refusal.map_or(0, |code| code as u16)),
            state: bytes[0] % 9 + 1,
            lines: bytes[1],
            flags: bytes[2] & OrderHold::FLAGS,
            spare: [0; 5],
        })
    })
}

/// Envelopes as a caller may give them.
pub fn envelopes() -> impl Strategy<Value = Envelope> {
    let segments = prop_oneof![
        4 => Just(Segments::NONE),
        1 => prop::collection::btree_set(1..=u32::MAX, 1..=8)
            .prop_map(|told| Segments::new(told).expect("a set ascends")),
    ];
    (any::<u32>(), 0..1024u16, any::<u16>(), 1..=u128::MAX, any::<u64>(), any::<u64>(), segments).prop_map(
        |(merchant, slot, channel, operation, created_ms, deadline_ms, segments)| Envelope {
            merchant: MerchantId(merchant),
            slot: Slot(slot),
            channel: ChannelId(channel),
            operation: OperationId(operation),
            created_ms,
            deadline_ms,
            segments,
        },
    )
}
