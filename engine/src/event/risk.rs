//! Events of risk rules and blocks.

use super::Origin;
use crate::command::{Block, RiskRule};

/// What became of risk rules and blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RiskEvent {
    /// A risk rule of the merchant was set or lifted.
    RuleSet {
        /// The operation.
        origin: Origin,
        /// The rule.
        rule: RiskRule,
    },
    /// A subject was blocked, or a block lifted.
    BlockSet {
        /// The operation.
        origin: Origin,
        /// The block.
        block: Block,
    },
}
