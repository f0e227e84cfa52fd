//! What a piece of work sent to the chains of this process, to be sent to other EVMs.
//!
//! Goes in: work that deploys contracts and calls them on chains of its own, wherever those are made. Comes out: each transaction that was
//! mined, and each call that succeeded, with its gas and with the transactions that its state comes from.

use std::cell::RefCell;

use alloy_primitives::{Address, Bytes};

use super::fork::Fork;

thread_local! {
    /// What the work in progress sent, where that is asked for.
    static RECORDED: RefCell<Option<Vec<Recorded>>> = const { RefCell::new(None) };
}

/// A transaction and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The contract that was called; none for a creation.
    pub to: Option<Address>,
    /// Calldata, or creation code.
    pub data: Bytes,
    /// The transaction's gas limit.
    pub gas_limit: u64,
    /// Whether it succeeded.
    pub success: bool,
    /// What its sender paid for, in gas.
    pub gas_used: u64,
    /// Whether it breaks a rule of the chain, so that no other EVM takes it.
    pub breaks_rules: bool,
}

/// A transaction on a state.
#[derive(Debug, Clone)]
struct Recorded {
    fork: Fork,
    before: Vec<Sent>,
    sent: Sent,
}

/// A transaction of a [`Transcript`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The transaction that left the state; none for the first state, with nothing on it but the sender's money.
    pub parent: Option<usize>,
    /// The transaction.
    pub sent: Sent,
}

/// Transactions on one fork's chains, each once; parents come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The transactions.
    pub steps: Vec<Step>,
    /// How many there were that break a rule of the chain, or rest on one that does.
    pub left_out: usize,
}

/// All that some work sent.
#[derive(Debug, Clone, Default)]
pub struct Recording(Vec<Recorded>);

impl Recording {
    /// What the work yields, and what it sent from this thread.
    pub fn of<T>(work: impl FnOnce() -> T) -> (T, Self) {
        let outer = RECORDED.replace(Some(Vec::new()));
        let done = work();
        let recorded = RECORDED.replace(outer);
        (done, Self(recorded.unwrap_or_default()))
    }

    /// What was sent under a fork.
    pub fn under(&self, fork: Fork) -> Transcript {
        let mut transcript = Transcript::default();
        for recorded in self.0.iter().filter(|recorded| recorded.fork == fork) {
            let mut path = recorded.before.iter().chain([&recorded.sent]);
            if path.clone().any(|sent| sent.breaks_rules) {
                transcript.left_out += 1;
            } else {
                path.by_ref()
                    .fold(None, |parent, sent| Some(transcript.step(parent, sent)));
            }
        }
        transcript
    }
}

impl Transcript {
    /// The step of a transaction, which is added where it is new.
    fn step(&mut self, parent: Option<usize>, sent: &Sent) -> usize {
        let is_same = |step: &Step| step.parent == parent && step.sent == *sent;
        self.steps.iter().position(is_same).unwrap_or_else(|| {
            self.steps.push(Step {
                parent,
                sent: sent.clone(),
            });
            self.steps.len() - 1
        })
    }
}

/// Keeps a transaction where somebody asks for what is sent.
pub(super) fn note(fork: Fork, before: &[Sent], sent: impl FnOnce() -> Sent) {
    RECORDED.with_borrow_mut(|recorded| {
        if let Some(recorded) = recorded {
            recorded.push(Recorded {
                fork,
                before: before.to_vec(),
                sent: sent(),
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::fit::accepting;
    use super::super::{Calldata, Chain};
    use super::*;

    #[test]
    fn what_was_sent_is_told_with_the_state_that_it_was_sent_to() {
        let work = |fork| {
            let mut chain = Chain::new(fork);
            let deployed = chain.deploy(&accepting()).unwrap();
            let fresh = chain.clone();
            chain.transact(deployed.address, &Calldata::raw(vec![1])).unwrap();
            chain.call(deployed.address, &Calldata::raw(vec![2])).unwrap();
            // From the state before.
            fresh.call(deployed.address, &Calldata::raw(vec![2])).unwrap();
            fresh.call(deployed.address, &Calldata::raw(vec![2])).unwrap();
            deployed
        };
        let (deployed, recording) = Recording::of(|| work(Fork::Osaka));
        let transcript = recording.under(Fork::Osaka);
        let parents: Vec<Option<usize>> = transcript.steps.iter().map(|step| step.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(1), Some(0)]);
        let creation = &transcript.steps[0].sent;
        assert_eq!((creation.to, creation.gas_used), (None, deployed.gas.tx_gas));
        assert_eq!(transcript.steps[3].sent.to, Some(deployed.address));
        assert!(recording.under(Fork::Prague).steps.is_empty());
        // Nobody asks.
        work(Fork::Prague);
        let ((), nothing) = Recording::of(|| ());
        assert!(nothing.under(Fork::Prague).steps.is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_left_out_with_all_that_follows() {
        let large = Bytes::from(vec![0; 60_000]);
        let ((), recording) = Recording::of(|| {
            let mut chain = Chain::new(Fork::Osaka);
            let creation = [&accepting()[..], &large[..]].concat();
            let deployed = chain.deploy(&creation.into()).unwrap();
            assert!(!deployed.rules_broken.is_empty());
            chain.call(deployed.address, &Calldata::raw(Vec::new())).unwrap();
        });
        let transcript = recording.under(Fork::Osaka);
        assert_eq!((transcript.steps.len(), transcript.left_out), (0, 2));
    }
}
