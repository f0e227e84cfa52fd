//! Deploys a verifier and calls it, always from the same state.
//!
//! A plain verifier is one circuit's. A reusable one is every circuit's: a circuit's key artifact is registered with it once
//! and handed over with each proof. Registration asks for nothing, so that anybody can register any artifact: what an
//! acceptance means hangs on the digest that comes back with it, and here it counts as one only if that is the digest of the
//! artifact that was registered.

use std::borrow::Cow;

use alloy_primitives::{B256, Bytes, U256, keccak256};

pub use evmbench_schema::chain::Registration;

use super::calldata::{Calldata, VerifyCall};
use super::error::ChainError;
use super::fork::Fork;
use super::gas::TransactionGas;
use super::rules::Rulebook;
use super::state::{Chain, Deployment, Verification};
use super::verdict::Verdict;
use crate::solidity::SectionMap;

/// A verifier on chain, and the state of the chain right after its deployment and, of a reusable one, the registration of
/// a circuit's key artifact.
///
/// No call changes the state: each is the sender's next transaction, as if no other had been made.
#[derive(Debug, Clone)]
pub struct Verifier {
    chain: Chain,
    deployment: Deployment,
    key: Option<RegisteredKey>,
}

/// What makes a reusable verifier a circuit's.
#[derive(Debug, Clone)]
struct RegisteredKey {
    artifact: Vec<B256>,
    registration: Registration,
    /// The chain before.
    unregistered: Chain,
}

impl Verifier {
    /// Deploys a plain verifier by a transaction of its own.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn deploy(fork: Fork, creation_code: &Bytes) -> Result<Self, ChainError> {
        let mut chain = Chain::new(fork);
        let deployment = chain.deploy(creation_code)?;
        Ok(Self {
            chain,
            deployment,
            key: None,
        })
    }

    /// Deploys a reusable verifier and registers a circuit's key artifact with it, by a transaction each.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s, and [`ChainError::NotRegistered`].
    pub fn deploy_reusable(
        fork: Fork,
        creation_code: &Bytes,
        key_artifact: &[B256],
    ) -> Result<Self, ChainError> {
        let mut verifier = Self::deploy(fork, creation_code)?;
        let unregistered = verifier.chain.clone();
        let registration = verifier.register(key_artifact)?;
        verifier.key = Some(RegisteredKey {
            artifact: key_artifact.to_vec(),
            registration,
            unregistered,
        });
        Ok(verifier)
    }

    /// [`Self::deploy_reusable`] where there is a key artifact, else [`Self::deploy`].
    ///
    /// # Errors
    /// Theirs.
    pub fn deploy_with(
        fork: Fork,
        creation_code: &Bytes,
        key_artifact: Option<&[B256]>,
    ) -> Result<Self, ChainError> {
        match key_artifact {
            None => Self::deploy(fork, creation_code),
            Some(key) => Self::deploy_reusable(fork, creation_code, key),
        }
    }

    fn register(&mut self, key_artifact: &[B256]) -> Result<Registration, ChainError> {
        let calldata = Calldata::register_key(key_artifact);
        let call = self.chain.transact(self.deployment.address, &calldata)?;
        let digest = keccak256(key_artifact.concat());
        if !matches!(&call.verdict, Verdict::ReturnedOther { return_data } if return_data[..] == digest[..]) {
            return Err(ChainError::NotRegistered(call.verdict));
        }
        Ok(Registration {
            digest,
            key_artifact_words: key_artifact.len() as u64,
            call,
        })
    }

    /// The same with the sections of the verifier's code, so that a call's gas is told by section.
    #[must_use]
    pub fn with_sections(self, sections: Option<SectionMap>) -> Self {
        Self {
            chain: self.chain.with_sections(sections),
            ..self
        }
    }

    /// What the deployment cost and broke.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// What registering the key artifact came to; none for a plain verifier.
    pub fn registration(&self) -> Option<&Registration> {
        self.key.as_ref().map(|key| &key.registration)
    }

    /// The key artifact that was registered; none for a plain verifier.
    pub fn key_artifact(&self) -> Option<&[B256]> {
        self.key.as_ref().map(|key| key.artifact.as_slice())
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.chain.fork()
    }

    /// The call that verifies this proof here.
    pub fn call_for(&self, proof: &[u8], instances: &[U256]) -> VerifyCall {
        VerifyCall {
            proof: proof.to_vec(),
            instances: instances.to_vec(),
            key_artifact: self.key_artifact().map(<[B256]>::to_vec),
        }
    }

    /// Calls the verifier by a transaction of its own. Of what a reusable one returns on acceptance the first two words
    /// are kept: the rest is the instances in another form, as many words as there are.
    ///
    /// # Errors
    /// Only where revm itself fails: however the call ends, that is a verdict.
    pub fn verify(&self, calldata: &Calldata) -> Result<Verification, ChainError> {
        let mut verification = self.chain.call(self.deployment.address, calldata)?;
        verification.verdict = self.judged(verification.verdict);
        if self.key.is_some() && verification.verdict.is_accepted() {
            verification.return_data.truncate(ACCEPTANCE_BYTES);
        }
        Ok(verification)
    }

    /// Calls to be made as `like` was made: from the same state, with the same gas limit and the same rules lifted.
    pub fn like(&self, like: &Verification) -> Repeat<'_> {
        Repeat {
            verifier: self,
            rulebook: Rulebook::lifting(self.fork(), &like.rules_broken),
        }
    }

    /// Makes one call as `like` was made.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call_like(&self, like: &Verification, calldata: &Calldata) -> Result<Verdict, ChainError> {
        Ok(self.like(like).call(calldata)?.verdict)
    }

    /// The same verifier before the key artifact was registered; a plain one as it is.
    pub(super) fn unregistered(&self) -> Cow<'_, Self> {
        match &self.key {
            None => Cow::Borrowed(self),
            Some(key) => Cow::Owned(Self {
                chain: key.unregistered.clone(),
                ..self.clone()
            }),
        }
    }

    /// The same verifier after another artifact was registered, too.
    pub(super) fn with_registered(&self, key_artifact: &[B256]) -> Result<Self, ChainError> {
        let mut verifier = self.clone();
        verifier.register(key_artifact)?;
        Ok(verifier)
    }

    /// Whether this is what a call returns that accepts a proof: `true`, and of a reusable verifier the digest of the
    /// artifact, too; what follows is then not looked at.
    pub fn is_acceptance(&self, return_data: &[u8]) -> bool {
        is_acceptance(
            return_data,
            self.registration().map(|registration| registration.digest),
        )
    }

    /// A verdict is made for plain verifiers: see [`Self::is_acceptance`].
    fn judged(&self, verdict: Verdict) -> Verdict {
        if self.key.is_none() {
            return verdict;
        }
        match verdict {
            Verdict::ReturnedOther { return_data } if self.is_acceptance(&return_data) => Verdict::Accepted,
            // A lone `true` does not say whose proof was accepted.
            Verdict::Accepted => Verdict::ReturnedOther {
                return_data: U256::ONE.to_be_bytes::<32>().into(),
            },
            other => other,
        }
    }
}

/// A verifier to be called again and again as it was called once; nothing that one call changes is seen by another.
#[derive(Debug)]
pub struct Repeat<'a> {
    verifier: &'a Verifier,
    rulebook: Rulebook,
}

/// How such a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The verifier's answer.
    pub verdict: Verdict,
    /// What the transaction cost; nothing where the chain did not take it.
    pub gas: Option<TransactionGas>,
}

impl Repeat<'_> {
    /// Makes a call.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call(&self, calldata: &Calldata) -> Result<Called, ChainError> {
        let Verifier {
            chain, deployment, ..
        } = self.verifier;
        let ran = chain.run(deployment.address, &self.rulebook, calldata)?;
        Ok(Called {
            verdict: self.verifier.judged(ran.verdict()),
            gas: ran.gas(),
        })
    }
}

/// Whether this is what a call returns that accepts a proof: `true`, and of a reusable verifier, whose key artifact has this
/// digest, the digest; what follows is then not looked at.
pub fn is_acceptance(return_data: &[u8], key_digest: Option<B256>) -> bool {
    match key_digest {
        None => return_data == U256::ONE.to_be_bytes::<32>(),
        Some(digest) => return_data.starts_with(&accepting(digest)),
    }
}

/// `true` and the artifact's digest.
const ACCEPTANCE_BYTES: usize = 64;

fn accepting(digest: B256) -> [u8; ACCEPTANCE_BYTES] {
    let mut words = [0; ACCEPTANCE_BYTES];
    words[31] = 1;
    words[32..].copy_from_slice(digest.as_slice());
    words
}
