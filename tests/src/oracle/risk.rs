//! The oracle on risk: rules that count successes of subjects in windows, blocks of subjects, and the commands that set both.

use super::Oracle;
use super::limits::Subject;
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedCommand;
use scrip_engine::command::{Block, Envelope, RiskAction, RiskRule};
use scrip_engine::ids::ChannelId;
use scrip_engine::limits::{BLOCKS_MAX, BLOCKS_PER_ANSWER_MAX, RISK_BOOKS_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use std::collections::BTreeMap;

/// A merchant in a slot.
pub type Owner = (u32, u16);

/// A rule and what it has counted since it was set.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it says.
    pub rule: RiskRule,
    /// Successes by subject and window, windows being numbered from the Unix epoch on.
    pub successes: BTreeMap<(u128, u64), u64>,
}

impl Rule {
    /// The number of the window of a time.
    fn window(&self, time_ms: u64) -> u64 {
        time_ms / u64::from(self.rule.window_ms.get())
    }

    /// The subject of whose kind the rule is, if it covers the channel and the command tells one.
    fn subject(&self, channel: ChannelId, who: &[Subject]) -> Option<u128> {
        let covers = [channel.0, u16::MAX].contains(&self.rule.channel.get());
        let (_, subject) = *who.iter().find(|(kind, _)| *kind == self.rule.subject)?;
        (covers && subject != 0).then_some(subject)
    }

    /// Counts of windows that are not over.
    pub fn living(&self, now_ms: u64) -> usize {
        self.successes.keys().filter(|(_, window)| *window == self.window(now_ms)).count()
    }
}

/// Rules and blocks of everybody.
#[derive(Debug, Clone, Default)]
pub struct Risk {
    /// Rules by number.
    pub rules: BTreeMap<Owner, BTreeMap<u16, Rule>>,
    /// Blocks by kind and subject.
    pub blocks: BTreeMap<Owner, BTreeMap<Subject, Block>>,
}

fn owner(envelope: &Envelope) -> Owner {
    (envelope.merchant.0, envelope.slot.0)
}

impl Oracle {
    /// Asks blocks, then rules: refuses, or answers whether the hold is to be marked.
    pub(super) fn judge(&self, envelope: &Envelope, who: &[Subject]) -> Result<bool, OwnedOutcome> {
        let refused =
            |rule| Err(OwnedOutcome::Refused { code: Code::RiskLimit, facts: OwnedFacts::Rule(rule) });
        let mut flagged = false;
        let asked = who.iter().flat_map(|subject| self.asked_about(owner(envelope), *subject));
        for subject in asked {
            let blocks = self.risk.blocks.get(&owner(envelope));
            let found = blocks.and_then(|blocks| blocks.get(&subject));
            let found = found.filter(|block| block.until_ms.get() == 0 || self.now_ms < block.until_ms.get());
            match found.map(|block| block.action) {
                Some(action) if action == RiskAction::Refuse as u8 => return refused(0),
                Some(_) => flagged = true,
                None => {}
            }
        }
        for (number, rule) in self.risk.rules.get(&owner(envelope)).into_iter().flatten() {
            let Some(subject) = rule.subject(envelope.channel, who) else { continue };
            let asked = self.asked_about(owner(envelope), (rule.rule.subject, subject)).into_iter();
            let window = rule.window(self.now_ms);
            let successes = asked.map(|(_, id)| rule.successes.get(&(id, window)).copied().unwrap_or(0));
            if successes.sum::<u64>() < u64::from(rule.rule.at_most.get()) {
                continue;
            }
            if rule.rule.action == RiskAction::Refuse as u8 {
                return refused(*number);
            }
            flagged = true;
        }
        Ok(flagged)
    }

    /// A sale, claim or redemption has succeeded.
    pub(super) fn count_success(&mut self, envelope: &Envelope, who: &[Subject]) {
        let now_ms = self.now_ms;
        for rule in self.risk.rules.get_mut(&owner(envelope)).into_iter().flat_map(BTreeMap::values_mut) {
            if let Some(subject) = rule.subject(envelope.channel, who) {
                let window = rule.window(now_ms);
                *rule.successes.entry((subject, window)).or_insert(0) += 1;
            }
        }
    }

    /// Counts that a success would begin.
    pub fn new_counts(&self, envelope: &Envelope, who: &[Subject]) -> usize {
        let begins = |rule: &&Rule| {
            let subject = rule.subject(envelope.channel, who);
            subject.is_some_and(|subject| !rule.successes.contains_key(&(subject, rule.window(self.now_ms))))
        };
        let rules = self.risk.rules.get(&owner(envelope));
        rules.into_iter().flat_map(BTreeMap::values).filter(begins).count()
    }

    /// RISK_SET and BLOCK_SET.
    pub(super) fn change_risk(&mut self, envelope: &Envelope, command: &OwnedCommand) -> OwnedOutcome {
        match command {
            OwnedCommand::RiskSet { rule } => self.set_rule(owner(envelope), rule),
            OwnedCommand::BlockSet { block } => self.set_block(owner(envelope), block),
            _ => unreachable!("not a command on risk"),
        }
    }

    fn set_rule(&mut self, owner: Owner, rule: &RiskRule) -> OwnedOutcome {
        let number = rule.number.get();
        let done = OwnedOutcome::StockChanged { value: u64::from(number) };
        if rule.action == 0 {
            let lifted = self.risk.rules.get_mut(&owner).and_then(|rules| rules.remove(&number));
            self.risk.rules.retain(|_, rules| !rules.is_empty());
            return if lifted.is_some() { done } else { OwnedOutcome::refused(Code::NotFound) };
        }
        if !self.risk.rules.contains_key(&owner) && self.risk.rules.len() >= RISK_BOOKS_MAX {
            return full(CapacityOf::RiskBooks, RISK_BOOKS_MAX);
        }
        let anew = Rule { rule: *rule, successes: BTreeMap::new() };
        self.risk.rules.entry(owner).or_default().insert(number, anew);
        done
    }

    fn set_block(&mut self, owner: Owner, block: &Block) -> OwnedOutcome {
        let subject = (block.kind, block.subject.get());
        let known = self.risk.blocks.get(&owner).is_some_and(|blocks| blocks.contains_key(&subject));
        if block.action == 0 && !known {
            return OwnedOutcome::refused(Code::NotFound);
        }
        if !known && self.risk.blocks.values().map(BTreeMap::len).sum::<usize>() >= BLOCKS_MAX {
            return full(CapacityOf::Blocks, BLOCKS_MAX);
        }
        let blocks = self.risk.blocks.entry(owner).or_default();
        if block.action == 0 {
            blocks.remove(&subject);
        } else {
            blocks.insert(subject, *block);
        }
        OwnedOutcome::StockChanged { value: u64::from(block.action) }
    }

    /// RISK_SHOW.
    pub(super) fn show_risk(&self, envelope: &Envelope, from: u32) -> OwnedOutcome {
        let rules = self.risk.rules.get(&owner(envelope)).into_iter().flat_map(BTreeMap::values);
        let blocks: Vec<Block> =
            self.risk.blocks.get(&owner(envelope)).into_iter().flat_map(BTreeMap::values).copied().collect();
        OwnedOutcome::Risk {
            rules: rules.map(|rule| rule.rule).collect(),
            total: blocks.len() as u32,
            blocks: blocks.into_iter().skip(from as usize).take(BLOCKS_PER_ANSWER_MAX).collect(),
        }
    }
}

fn full(of: CapacityOf, maximum: usize) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum as u64) }
}
