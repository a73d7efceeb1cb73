//! Flags of `scrip risk`.

use super::{ServerArgs, values};
use clap::{Args, Subcommand, ValueEnum};
use scrip_client::ChannelId;
use std::time::Duration;

const RULE_HELP: &str = "\
  scrip risk rule 1 --subject device --at-most 3 --per 1h           refuse a device's fourth purchase of an hour
  scrip risk rule 2 --subject address --at-most 20 --per 1day --flag   let it pass, but mark the hold
  scrip risk rule 1 --lift
Purchases are RESERVEs and SELLs that succeeded, whatever became of them. Windows follow each other from the Unix
epoch on (of a day: from midnight UTC to midnight); two that meet may hold twice as many.";

/// `scrip risk`.
#[derive(Debug, Subcommand)]
pub enum RiskCommand {
    /// Set or lift a rule: at most so many purchases of a subject in a time
    #[command(after_help = RULE_HELP)]
    Rule {
        /// Its number, 1 to 64; a rule that is set anew counts from 0
        #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
        number: u16,
        #[command(flatten)]
        #[allow(missing_docs)]
        rule: RuleArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Refuse what a subject buys, claims and redeems
    Block {
        /// What it is
        #[arg(value_enum)]
        subject: RiskSubject,
        /// Which, as sales name it
        reference: String,
        /// Let them pass, but mark their holds
        #[arg(long)]
        flag: bool,
        /// Until this long from now, such as 7days [default: until it is lifted]
        #[arg(long, value_name = "SPAN", value_parser = values::span)]
        until_in: Option<Duration>,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Let a subject buy, claim and redeem again
    Unblock {
        /// What it is
        #[arg(value_enum)]
        subject: RiskSubject,
        /// Which, as sales name it
        reference: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show rules and blocks
    Show {
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// A kind of subject that rules and blocks speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RiskSubject {
    /// The buyer
    User,
    /// A natural person, whatever his accounts
    LimitKey,
    /// A device
    Device,
    /// An address
    Address,
    /// A user by whose word cards are claimed
    Referrer,
}

/// What a rule says.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// Whose purchases, claims and redemptions are counted
    #[arg(long, value_enum, required_unless_present = "lift")]
    pub subject: Option<RiskSubject>,
    /// How many may succeed
    #[arg(long, value_name = "PURCHASES", required_unless_present = "lift")]
    pub at_most: Option<u32>,
    /// In which time, from 1s to 30days
    #[arg(long, value_name = "SPAN", value_parser = values::span, required_unless_present = "lift")]
    pub per: Option<Duration>,
    /// Through this channel only, by name or number
    #[arg(long, value_parser = values::channel)]
    pub channel: Option<ChannelId>,
    /// Let more pass, but mark their holds
    #[arg(long)]
    pub flag: bool,
    /// Lift the rule
    #[arg(long, conflicts_with_all = ["subject", "at_most", "per", "channel", "flag"])]
    pub lift: bool,
}

impl RiskCommand {
    /// Where its server is.
    pub fn server(&self) -> &ServerArgs {
        match self {
            RiskCommand::Rule { server, .. }
            | RiskCommand::Block { server, .. }
            | RiskCommand::Unblock { server, .. }
            | RiskCommand::Show { server } => server,
        }
    }
}
