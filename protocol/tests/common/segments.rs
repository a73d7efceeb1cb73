//! Samples of commands that tell the segments of their user, and of definitions that list them. They stand apart so that the others
//! stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, OPERATION, STOCK, cards, envelope, leak};
use scrip_engine::command::{
    CampaignCreate, CampaignTerms, Command, Envelope, Issue, Redeem, Request, ScopeEntry, Segments,
};
use scrip_engine::ids::{OperationId, UserId};
use scrip_protocol::extras::Extras;

/// Who may claim and use, and who asks.
pub fn commands() -> Vec<CommandSample> {
    let scope = [
        ScopeEntry::new(ScopeEntry::SEGMENT, 4),
        ScopeEntry::new(ScopeEntry::CLAIM_CHANNEL, 0),
        ScopeEntry::new(ScopeEntry::CLAIM_SEGMENT, u64::from(u32::MAX)),
    ];
    let create = cards::creation();
    let definition = CampaignTerms { scope: leak(&scope), ..create.definition };
    let claim = Issue { owner: UserId(0x0b), claimed: true, ..Issue::of_nobody(STOCK) };
    let redeem = cards::commands().into_iter().find_map(|(_, command)| match command {
        Command::Redeem(redeem @ Redeem { generation: None, parties: None, .. }) => Some(redeem),
        _ => None,
    });
    let told = |segments: &[u32]| Segments::new(segments.iter().copied()).expect("they ascend");
    let samples = [
        (
            "campaign_create_segments",
            told(&[]),
            Command::CampaignCreate(CampaignCreate { definition, ..create }),
        ),
        ("claim_segments", told(&[7]), Command::Issue(claim)),
        (
            "redeem_segments",
            told(&[1, 2, 3, 4, 5, 6, 7, u32::MAX]),
            Command::Redeem(redeem.expect("there is one")),
        ),
    ];
    let sample = |(index, (name, segments, command))| {
        let operation = OperationId(OPERATION.0 + 0x5000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, segments, ..envelope() }, command }, Extras::NONE)
    };
    samples.into_iter().enumerate().map(sample).collect()
}
