//! A campaign as it was answered, owned.

use scrip_engine::answer::CampaignView;
use scrip_engine::command::{CampaignState, Definition, ScopeEntry, Tier};
use scrip_engine::ids::StockId;

/// [`CampaignView`], owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `CampaignView`, which documents them")]
pub struct OwnedCampaign {
    pub campaign: StockId,
    pub version: u32,
    pub state: CampaignState,
    pub layout: u8,
    pub locator: u64,
    pub issued: u64,
    pub batches: u32,
    pub key: Vec<u8>,
    pub definition: Definition,
    pub tiers: Vec<Tier>,
    pub scope: Vec<ScopeEntry>,
}

impl From<CampaignView<'_>> for OwnedCampaign {
    fn from(view: CampaignView<'_>) -> OwnedCampaign {
        OwnedCampaign {
            campaign: view.campaign,
            version: view.version,
            state: view.state,
            layout: view.layout,
            locator: view.locator,
            issued: view.issued,
            batches: view.batches,
            key: view.key.to_vec(),
            definition: view.definition,
            tiers: view.tiers.to_vec(),
            scope: view.scope.to_vec(),
        }
    }
}
