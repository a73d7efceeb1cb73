//! Operations that are not a hold's or a redemption's own: which command, and the number in its answer.
//!
//! They stand apart from the answers so that their table stays in one view. Invariant: the answer follows from the record.

use super::{Answer, GroupJoined};
use crate::ids::CardId;
use crate::rejection::Code;

/// In the number of a CARD_REFUND the units stand above what was paid for them.
pub const REFUND_PAID_BITS: u32 = 34;

/// In the number of a conflict its reason's code stands above the card.
pub const WHY_BITS: u32 = 6;

const _: () = assert!(CardId::BITS + WHY_BITS <= 64);

/// The number of a conflict.
pub const fn conflict_value(card: CardId, why: Code) -> u64 {
    (why as u64) << CardId::BITS | card.0
}

/// A recorded operation that is not a hold's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationView {
    /// The command.
    pub kind: OperationKind,
    /// The number in its answer: value, deadline or units.
    pub value: u64,
}

/// Commands whose answers are kept in operation records. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OperationKind {
    /// STOCK_CREATE.
    StockCreate = 1,
    /// STOCK_SUPPLY.
    StockSupply = 2,
    /// STOCK_VOID.
    StockVoid = 3,
    /// STOCK_FREEZE.
    StockFreeze = 4,
    /// STOCK_UNFREEZE.
    StockUnfreeze = 5,
    /// STOCK_EDIT.
    StockEdit = 6,
    /// EXTEND.
    Extend = 7,
    /// RETURN.
    Return = 8,
    /// STOCK_QUOTA.
    StockQuota = 9,
    /// BATCH_CREATE.
    BatchCreate = 10,
    /// BATCH_CHANGE.
    BatchChange = 11,
    /// KEYS_IMPORT.
    KeysImport = 12,
    /// REVEAL.
    Reveal = 13,
    /// KEY_REPLACE.
    KeyReplace = 14,
    /// STOCK_LIMITS.
    StockLimits = 19,
    /// STOCK_PRICE.
    StockPrice = 20,
    /// RISK_SET.
    RiskSet = 21,
    /// BLOCK_SET.
    BlockSet = 22,
    /// ZONE_SET.
    ZoneSet = 23,
    /// KEY_RECLAIM.
    KeyReclaim = 15,
    /// KEYS_EXPORT.
    KeysExport = 16,
    /// CANCEL of an operation that was not there.
    Tombstone = 18,
    /// CAMPAIGN_CREATE.
    CampaignCreate = 30,
    /// CAMPAIGN_EDIT.
    CampaignEdit = 31,
    /// CAMPAIGN_STATE.
    CampaignState = 32,
    /// ISSUE.
    Issue = 33,
    /// CLAIM.
    Claim = 34,
    /// REVERSE.
    Reverse = 35,
    /// CARD_CHANGE.
    CardChange = 36,
    /// TOPUP.
    TopUp = 37,
    /// EARN.
    Earn = 38,
    /// CARD_REFUND.
    CardRefund = 39,
    /// RENEW.
    Renew = 40,
    /// LEVEL.
    Level = 41,
    /// GIFT.
    Gift = 42,
    /// ACCEPT_GIFT.
    AcceptGift = 43,
    /// CANCEL_GIFT.
    CancelGift = 44,
    /// CODE_IMPORT.
    CodeImport = 74,
    /// CODE_SET.
    CodeSet = 75,
    /// GROUP_OPEN.
    GroupOpen = 57,
    /// GROUP_JOIN.
    GroupJoin = 58,
    /// GROUP_LEAVE.
    GroupLeave = 59,
    /// ACTIVITY_CREATE.
    ActivityCreate = 134,
    /// ACTIVITY_EDIT.
    ActivityEdit = 135,
    /// LINK.
    Link = 65,
    /// UNLINK.
    Unlink = 66,
    /// LABEL.
    Label = 67,
    /// ERASE.
    Erase = 68,
    /// RETURN of a hold that was made from a quote.
    ReturnPieces = 50,
    /// REDEEM of a till that was offline, of a card that was not to be had any more.
    OfflineConflict = 54,
    /// CAMPAIGN_VOID.
    CampaignVoid = 45,
    /// CARD_BATCH_VOID.
    CardBatchVoid = 46,
    /// CARD_BATCH_RECYCLE.
    CardBatchRecycle = 47,
    /// RECYCLE.
    Recycle = 48,
    /// MERGE.
    Merge = 49,
}

impl OperationKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<OperationKind> {
        Some(match number {
            1 => OperationKind::StockCreate,
            2 => OperationKind::StockSupply,
            3 => OperationKind::StockVoid,
            4 => OperationKind::StockFreeze,
            5 => OperationKind::StockUnfreeze,
            6 => OperationKind::StockEdit,
            7 => OperationKind::Extend,
            8 => OperationKind::Return,
            9 => OperationKind::StockQuota,
            10 => OperationKind::BatchCreate,
            11 => OperationKind::BatchChange,
            12 => OperationKind::KeysImport,
            13 => OperationKind::Reveal,
            14 => OperationKind::KeyReplace,
            19 => OperationKind::StockLimits,
            20 => OperationKind::StockPrice,
            21 => OperationKind::RiskSet,
            22 => OperationKind::BlockSet,
            23 => OperationKind::ZoneSet,
            15 => OperationKind::KeyReclaim,
            16 => OperationKind::KeysExport,
            18 => OperationKind::Tombstone,
            30 => OperationKind::CampaignCreate,
            31 => OperationKind::CampaignEdit,
            32 => OperationKind::CampaignState,
            33 => OperationKind::Issue,
            34 => OperationKind::Claim,
            35 => OperationKind::Reverse,
            36 => OperationKind::CardChange,
            37 => OperationKind::TopUp,
            38 => OperationKind::Earn,
            39 => OperationKind::CardRefund,
            40 => OperationKind::Renew,
            41 => OperationKind::Level,
            42 => OperationKind::Gift,
            43 => OperationKind::AcceptGift,
            44 => OperationKind::CancelGift,
            74 => OperationKind::CodeImport,
            75 => OperationKind::CodeSet,
            57 => OperationKind::GroupOpen,
            58 => OperationKind::GroupJoin,
            59 => OperationKind::GroupLeave,
            134 => OperationKind::ActivityCreate,
            135 => OperationKind::ActivityEdit,
            65 => OperationKind::Link,
            66 => OperationKind::Unlink,
            67 => OperationKind::Label,
            68 => OperationKind::Erase,
            50 => OperationKind::ReturnPieces,
            54 => OperationKind::OfflineConflict,
            45 => OperationKind::CampaignVoid,
            46 => OperationKind::CardBatchVoid,
            47 => OperationKind::CardBatchRecycle,
            48 => OperationKind::Recycle,
            49 => OperationKind::Merge,
            _ => return None,
        })
    }

    /// The answer that a record of this kind stands for. (That of ISSUE and CLAIM, and of a RETURN of pieces of a
    /// quote, is read from more than the number.)
    pub const fn answer(self, value: u64) -> Answer<'static> {
        match self {
            OperationKind::Extend => Answer::Extended { deadline_ms: value },
            OperationKind::Return => Answer::Returned { units: value },
            OperationKind::KeysImport | OperationKind::CodeImport => Answer::KeysImported { taken: value },
            OperationKind::Reverse => {
                Answer::Reversed { units: (value >> 32) as u32, available: value as u32 }
            }
            OperationKind::TopUp | OperationKind::Earn | OperationKind::Merge => {
                Answer::Filled { units: (value >> 32) as u32, available: value as u32 }
            }
            OperationKind::GroupOpen | OperationKind::GroupJoin => {
                Answer::GroupJoined(GroupJoined::from_value(value))
            }
            OperationKind::CardRefund => Answer::CardRefunded {
                units: (value >> REFUND_PAID_BITS) as u32,
                paid: value & ((1 << REFUND_PAID_BITS) - 1),
            },
            OperationKind::OfflineConflict => Answer::OfflineConflict {
                card: CardId(value & ((1 << CardId::BITS) - 1)),
                why: Code::from_number((value >> CardId::BITS) as u16).expect("a conflict has a reason"),
            },
            _ => Answer::StockChanged { value },
        }
    }
}
