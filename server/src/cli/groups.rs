//! Flags of `scrip group`.

use super::sale::{OperationArgs, PartiesArgs};
use super::{ServerArgs, values};
use clap::{Args, Subcommand};
use scrip_client::ChannelId;
use std::time::Duration;

/// `scrip group`.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Open a group of users who get cards of a campaign together or not at all, with its first member
    Open(GroupOpenArgs),
    /// Join a group; when the last one joins, everybody has his card
    Join(GroupJoinArgs),
    /// Leave a group that is not full
    Leave(GroupLeaveArgs),
    /// Print a group: its members, and their cards once it is full
    Show {
        /// The group, as `scrip group open` printed it
        #[arg(value_name = "GROUP")]
        group: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// `scrip group open`.
#[derive(Debug, Args)]
pub struct GroupOpenArgs {
    /// The campaign's name (or number)
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: String,
    /// Members that it is for, 2 to 100, the first one included
    #[arg(long, value_name = "MEMBERS", value_parser = clap::value_parser!(u16).range(2..=100))]
    pub size: u16,
    /// So long others can join, 72h at most
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = values::span)]
    pub lasts: Duration,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub member: MemberArgs,
}

/// `scrip group leave`.
#[derive(Debug, Args)]
pub struct GroupLeaveArgs {
    /// The group, as `scrip group open` printed it
    #[arg(value_name = "GROUP")]
    pub group: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub member: MemberArgs,
}

/// `scrip group join`.
#[derive(Debug, Args)]
pub struct GroupJoinArgs {
    /// The group, as `scrip group open` printed it
    #[arg(value_name = "GROUP")]
    pub group: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub member: MemberArgs,
}

/// Who, and by which operation.
#[derive(Debug, Args)]
pub struct MemberArgs {
    /// Who
    #[arg(long, value_name = "REFERENCE")]
    pub user: String,
    /// The channel that he comes by, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}
