//! Events of campaigns.

use super::Origin;
use crate::command::{CampaignState, CampaignTerms, StockTerms};
use crate::ids::StockId;

/// What became of a campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CampaignEvent<'a> {
    /// A campaign was made, in state draft.
    Created {
        /// The operation.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// Cards that can be issued from the start.
        units: u64,
        /// How long its codes are.
        layout: u8,
        /// Sale rules of its stock.
        terms: StockTerms,
        /// For people.
        name: &'a [u8],
        /// The sealed key of its codes.
        key: &'a [u8],
        /// What its cards are worth.
        definition: CampaignTerms<'a>,
    },
    /// The definition of a campaign was replaced.
    Edited {
        /// The operation.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// What cards are worth from now on.
        definition: CampaignTerms<'a>,
    },
    /// A campaign moved to another state.
    Moved {
        /// The operation.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// The state.
        state: CampaignState,
    },
    /// A campaign is void, and all of its cards that were not used.
    Voided {
        /// The operation.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// The merchant's reason.
        reason: u16,
        /// Cards that are void by it.
        cards: u64,
    },
}
