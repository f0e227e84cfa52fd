//! One case: a mutated statement, and what a deployed verifier makes of it.

use std::fmt;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::{Called, ChainError, Fork, Repeat, Verdict, Verification, Verifier};
use evmbench_evm::nodes::Pace;
use evmbench_ezkl::Proof;
use evmbench_host::parallel;

use super::batch::Batch;
use super::class::Class;
use super::error::FuzzError;
use super::mutation::{Mutation, WORD_BYTES};
use super::subject::Subject;

/// What the last step of a verification costs: one check of two pairs (EIP-1108).
const PAIRING_GAS: u64 = 45_000 + 2 * 34_000;

/// How long the pace of one call is measured, in seconds.
const PACE_SECONDS: f64 = 1.0;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A prover made this: the mutation left proof and instances as they were, or made both those of another record under
    /// the same key. There was nothing to reject, and no call was made.
    Identical,
    /// The verifier reverted.
    Rejected,
    /// A reusable verifier accepted what a prover made with words after the proof: it asks where the instances begin, and
    /// not how long the proof is. Nothing wrong was accepted, but the proof's bytes are no name for it.
    Extended,
    /// The call went through, whatever it returned: a caller may look at success alone.
    Accepted,
    /// The call ran out of gas, or the chain did not take it: it says nothing about the proof.
    Undecided,
}

/// What a mutated statement came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Gas of the verifier's code; absent where no call was made, or where the chain did not take it.
    pub execution_gas: Option<u64>,
    /// The answer, where it was neither a revert nor left out.
    pub verdict: Option<Verdict>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.verdict, self.ending) {
            (Some(verdict), Ending::Extended) => write!(formatter, "{verdict} with words appended")?,
            (Some(verdict), _) => write!(formatter, "{verdict}")?,
            (None, Ending::Identical) => formatter.write_str("identical")?,
            (None, _) => formatter.write_str("rejected")?,
        }
        match self.execution_gas {
            Some(gas) => write!(formatter, " after {gas} gas"),
            None => Ok(()),
        }
    }
}

/// One case and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Its class.
    pub class: Class,
    /// Its number in the class.
    pub index: u64,
    /// What was done.
    pub mutation: Mutation,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a statement is put before.
#[derive(Debug)]
enum Recipient<'a> {
    Verifier {
        verifier: &'a Verifier,
        repeat: Repeat<'a>,
    },
    Batch(&'a Batch),
}

/// A deployed verifier, or batch contract, and the statement that it accepted, from which all others depart.
#[derive(Debug)]
pub struct Target<'a> {
    recipient: Recipient<'a>,
    pub(crate) subject: &'a Subject,
    pub(crate) accepted_execution_gas: u64,
}

impl<'a> Target<'a> {
    /// Makes the accepted call.
    ///
    /// # Errors
    /// [`ChainError::NotAccepted`] where it is not.
    pub fn new(verifier: &'a Verifier, subject: &'a Subject) -> Result<Self, ChainError> {
        let Proof { proof, instances } = &subject.statement;
        let accepted = verifier.verify(&verifier.call_for(proof, instances).calldata())?;
        let recipient = Recipient::Verifier {
            verifier,
            repeat: verifier.like(&accepted),
        };
        Self::of(recipient, accepted, subject)
    }

    /// The same of a batch in which the subject's statement stands between others.
    ///
    /// # Errors
    /// [`ChainError::NotAccepted`] where it is not accepted.
    pub fn of_batch(batch: &'a Batch, subject: &'a Subject) -> Result<Self, ChainError> {
        let accepted = batch.verify(&subject.statement)?;
        Self::of(Recipient::Batch(batch), accepted, subject)
    }

    fn of(
        recipient: Recipient<'a>,
        accepted: Verification,
        subject: &'a Subject,
    ) -> Result<Self, ChainError> {
        let (true, Some(gas)) = (accepted.verdict.is_accepted(), accepted.gas) else {
            return Err(ChainError::NotAccepted(accepted.verdict));
        };
        Ok(Self {
            recipient,
            subject,
            accepted_execution_gas: gas.execution_gas,
        })
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        match &self.recipient {
            Recipient::Verifier { verifier, .. } => verifier.fork(),
            Recipient::Batch(batch) => batch.fork(),
        }
    }

    /// Whether a prover made what the recipient reads of a statement.
    fn is_proved(&self, statement: &Proof) -> bool {
        self.subject.proved().any(|proved| match &self.recipient {
            Recipient::Verifier { .. } => proved == statement,
            Recipient::Batch(batch) => batch.read_of(proved) == batch.read_of(statement),
        })
    }

    /// Tries a mutation.
    ///
    /// # Errors
    /// [`FuzzError::Mutation`] for one that was made for another statement.
    pub fn attempt(&self, mutation: &Mutation) -> Result<Outcome, FuzzError> {
        let mutated = mutation.apply(&self.subject.statement, &self.subject.donors)?;
        if self.is_proved(&mutated) {
            return Ok(Outcome {
                ending: Ending::Identical,
                execution_gas: None,
                verdict: None,
            });
        }
        let Called { verdict, gas } = self.called(&mutated)?;
        let ending = if verdict.is_accepted() && self.is_extended(&mutated) {
            Ending::Extended
        } else if verdict.is_success() {
            Ending::Accepted
        } else if verdict.is_rejected() {
            Ending::Rejected
        } else {
            Ending::Undecided
        };
        Ok(Outcome {
            ending,
            execution_gas: gas.map(|gas| gas.execution_gas),
            verdict: (ending != Ending::Rejected).then_some(verdict),
        })
    }

    /// Makes a call as the accepted one was made; where the chain does not take it, as with the many instances of a much
    /// larger circuit, without the rules that it breaks: what the recipient says to it counts all the same.
    fn called(&self, statement: &Proof) -> Result<Called, ChainError> {
        let Verification { verdict, gas, .. } = match &self.recipient {
            Recipient::Batch(batch) => batch.verify(statement)?,
            Recipient::Verifier { verifier, repeat } => {
                let calldata = verifier
                    .call_for(&statement.proof, &statement.instances)
                    .calldata();
                let called = repeat.call(&calldata)?;
                if !matches!(called.verdict, Verdict::InvalidTransaction { .. }) {
                    return Ok(called);
                }
                verifier.verify(&calldata)?
            }
        };
        Ok(Called { verdict, gas })
    }

    /// Whether the statement differs from one that a prover made by whole words after the proof, in a verifier that is known
    /// to leave them unread.
    fn is_extended(&self, statement: &Proof) -> bool {
        let only_has_words_after = |proved: &Proof| {
            let after = statement.proof.strip_prefix(&proved.proof[..]);
            statement.instances == proved.instances
                && after.is_some_and(|after| after.len().is_multiple_of(WORD_BYTES))
        };
        let is_reusable = match &self.recipient {
            Recipient::Verifier { verifier, .. } => verifier.key_artifact().is_some(),
            Recipient::Batch(_) => false,
        };
        is_reusable && self.subject.proved().any(only_has_words_after)
    }

    /// How fast a statement is decided, again and again.
    pub(crate) fn pace(&self, threads: usize, statement: &Proof) -> Result<Pace, ChainError> {
        let start = Instant::now();
        self.called(statement)?;
        let one = start.elapsed().as_secs_f64().max(1e-6);
        let calls = (PACE_SECONDS / one).ceil() as usize * threads;
        let start = Instant::now();
        parallel::map(threads, calls, || |_| self.called(statement).map(drop))?;
        Ok(Pace {
            cases: calls as u64,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Whether a rejected call had made its pairing: it spent more than the accepted call does before it.
    pub(crate) fn is_after_pairing(&self, outcome: &Outcome) -> bool {
        outcome
            .execution_gas
            .is_some_and(|gas| gas + PAIRING_GAS > self.accepted_execution_gas)
    }
}
