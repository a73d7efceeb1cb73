//! Samples of limits by weeks and months, and of what a definition says beside its fields.
//!
//! Invariant: they come behind all others, with ids of their own, so that nothing before them changes its bytes.

use super::cards::{CARD, campaign_view, creation, use_of_a_card};
use super::{CommandSample, NOW_MS, OPERATION, STOCK, envelope, leak, limits, prices};
use scrip_engine::answer::{Answer, CampaignView};
use scrip_engine::command::{
    CampaignCreate, CampaignTerms, Command, Envelope, Extension, Offline, Parties, Redeem, Request,
    SpanLimits,
};
use scrip_engine::ids::{OperationId, StockId};
use scrip_engine::rejection::Code;
use scrip_protocol::extras::Extras;
use zerocopy::little_endian::{U16, U32, U64};

/// Two a week for a user, five a month for a device.
fn spans() -> SpanLimits {
    let [none, two, five] = [0, 2, 5].map(U32::new);
    SpanLimits { per_week: [two, none, none, none], per_month: [none, none, five, none] }
}

/// In a group; a till may be ten minutes late.
fn extension() -> Extension {
    Extension {
        group: U64::new(STOCK.0 + 1),
        late_s: U32::new(600),
        remind_minutes: [U16::new(4_320), U16::new(60)],
    }
}

pub fn terms_shown(spans: SpanLimits) -> Answer<'static> {
    Answer::Terms { version: 4, limits: limits(), spans, prices: leak(&prices()) }
}

pub fn commands() -> Vec<CommandSample> {
    let limits = &leak(&[limits()])[0];
    let spans = &leak(&[spans(), SpanLimits::default()]);
    let create = creation();
    let offline = &leak(&[Offline::new(NOW_MS - 600_000, 0x7e)])[0];
    let parties = Some(&leak(&[Parties::new(0x0c, 0x0d, 0x0e)])[0]);
    let definition = CampaignTerms { extension: extension(), ..create.definition };
    let commands = [
        (
            "stock_limits_spans",
            Command::StockLimits { stock: STOCK, version: 5, limits, spans: Some(&spans[0]) },
        ),
        (
            "stock_limits_no_spans",
            Command::StockLimits { stock: STOCK, version: 6, limits, spans: Some(&spans[1]) },
        ),
        ("campaign_create_extended", Command::CampaignCreate(CampaignCreate { definition, ..create })),
        ("campaign_edit_extended", Command::CampaignEdit { campaign: STOCK, version: 5, terms: definition }),
        ("redeem_offline", Command::Redeem(Redeem { offline: Some(offline), ..use_of_a_card() })),
        (
            "redeem_offline_parties",
            Command::Redeem(Redeem { offline: Some(offline), parties, ..use_of_a_card() }),
        ),
    ];
    let sample = |(index, (name, command)): (usize, (&'static str, Command<'static>))| {
        let operation = OperationId(OPERATION.0 + 0x5000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    };
    commands.into_iter().enumerate().map(sample).collect()
}

pub fn answers() -> Vec<(&'static str, Answer<'static>)> {
    let view: CampaignView<'static> = campaign_view();
    vec![
        ("terms_spans", terms_shown(spans())),
        ("campaign_extended", Answer::Campaign(CampaignView { extension: extension(), ..view })),
        ("offline_conflict", Answer::OfflineConflict { card: CARD, why: Code::Used }),
    ]
}

const _: () = assert!(NOW_MS > 0 && StockId::new(super::SLOT, 43).0 == STOCK.0 + 1);
