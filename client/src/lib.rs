//! The Rust client of Scrip.
//!
//! [`Client`] keeps a few connections, shared by any number of callers: their commands gather into frames while the
//! writer is busy, and their answers find back in whatever order they come. A connection that breaks is opened anew, and
//! what was not answered is sent again under the same operation id, which is safe, until the caller's deadline.
//!
//! ```no_run
//! use scrip_client::{Client, ClientOptions, Error, Line, Reserve, StockCreate, channel_id};
//!
//! # async fn example() -> Result<(), Error> {
//! let token = "scrip_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".parse().expect("a token");
//! let client = Client::connect("127.0.0.1:7480", ClientOptions::new(token)).await?;
//! let stock = client.stock_id("steam50")?;
//! client.stock_create(StockCreate::new(client.operation(), stock, "steam50", 100_000)).await?;
//!
//! // Keep the operation before the first attempt: whoever finds it later can ask or repeat under the same id.
//! let mini_app = client.on_channel(channel_id("mini").expect("a well-known name"));
//! let operation = client.operation();
//! let reserve = Reserve { user: client.user_id("openid:o8fD5k")?, ..Reserve::new(operation, vec![Line::new(stock, 1)]) };
//! match mini_app.reserve(reserve).await {
//!     Ok(reserved) => println!("paid until {}: {:?}", reserved.deadline_ms, mini_app.confirm(reserved.hold.all()).await?),
//!     Err(Error::Rejected(rejection)) => println!("{} {:?}", rejection.code.name(), rejection.facts),
//!     Err(error) => return Err(error), // Error::Unknown: ask or repeat under the same operation
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Read the modules in this order.

pub mod accounts;
pub mod answer;
pub mod cards;
pub mod channels;
mod checkout;
mod client;
mod clock;
pub mod codes;
mod connection;
pub mod endings;
pub mod error;
pub mod gifts;
pub mod groups;
mod keys;
mod lane;
pub mod notices;
pub mod operation;
pub mod options;
mod orders;
mod persons;
mod quotes;
pub mod request;
mod rules;
pub mod session;
pub mod sharing;
pub mod transport;

pub use accounts::{CardRefunded, Filled, TopUp};
pub use answer::{
    BatchShown, BatchesShown, CardsSold, ChannelShown, ChannelsShown, Confirmed, DebtShown, DebtsShown,
    Extended, HoldCardShown, HoldLineShown, HoldShown, KeyListed, KeyShown, KeyText, KeysImported,
    KeysListed, KeysShown, OperationShown, Owed, Released, Replaced, Reserved, Returned, RiskShown, Sold,
    StockChanged, StockShown, TermsShown, ZoneShown,
};
pub use cards::{
    CampaignCreate, CampaignDefinition, CampaignEdit, CampaignMove, CampaignShown, CardCode, CardName, Claim,
    Issue, OfflineUse, Redeem, Reverse, Reversed, Wallet, WalletShown,
};
pub use channels::{CHANNELS, UnknownChannel, channel_id, channel_name};
pub use checkout::{BothSold, TwoHolds};
pub use client::Client;
pub use codes::{ClaimByCode, GivenCodeShown};
pub use endings::CampaignVoid;
pub use error::{Error, LineLack, OwnedFacts, OwnedRejection};
pub use gifts::Gift;
pub use groups::{Group, GroupJoin, GroupMemberShown, GroupOpen, GroupShown};
pub use notices::{Notice, NoticesShown};
pub use operation::{Hold, Operation, says_its_time};
pub use options::{ClientOptions, RetryPolicy};
pub use orders::{OrderHoldShown, OrderShown};
pub use quotes::{Quote, QuoteReserve, QuoteReserved, QuoteShown};
pub use request::{
    BatchChange, BatchCreate, Confirm, Extend, KeysImport, Reserve, ReturnUnits, Sell, StockCreate,
    StockEdit, StockFreeze, StockLimits, StockPrice, StockQuota, StockUnits, StockVoid, ZoneSet,
};
pub use scrip_codes::{ParseError, VanityCode, VanityError};
pub use scrip_engine::answer::{
    Cancelled, CardOutcome, CardView, GroupJoined, GroupState, HoldState, Issued, LotView, More,
    OperationKind, OperationView, PiecesReturned, QuotedCard, QuotedLine, Redeemed, RedemptionView,
    WalletCard,
};
pub use scrip_engine::calendar::{Day, Transition, Zone};
pub use scrip_engine::command::{
    BatchChange as BatchVerb, Block, CampaignKind, CampaignState, CardChange, CardLine, CardState, CartLine,
    Definition, Extension, Limits, Line, Parties, Price, PriceKind, Quota, RecycleInto, RiskAction, RiskRule,
    ScopeEntry, Segments, Span, SpanLimits, StockKind, StockTerms, StockedLine, SubjectKind, SubjectLimit,
    Tier,
};
pub use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
pub use scrip_engine::limits::{
    CARDS_PER_HOLD_MAX, KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX, KEYS_PER_CHUNK_MAX, LINES_MAX,
    REMIND_MAX_MINUTES, STOCK_UNITS_MAX, TRANSITIONS_MAX, TTL_MAX_MS, ZONE_OFFSET_MAX_MINUTES,
};
pub use scrip_engine::rejection::{CapacityOf, Class, Code};
pub use scrip_engine::state::keys::{BatchState, KeyState};
pub use scrip_protocol::references::{ReferenceError, home_slot, reference_hash, reference_id, stock_id};
pub use scrip_protocol::secret::{AliasKey, Token};
pub use sharing::{ActivityShown, ReferrerShown};
