//! A record and its evidence → what the record must say, and where it says otherwise.
//!
//! Goes in: a stored record, every file of its evidence, a compiler and the compiled guards. Comes out: [`Rederived`]: the
//! record with everything that follows from the evidence found out again, the places where the stored one differs
//! ([`Discrepancy`]), and what is known by the record only. Nothing is believed that can be found out:
//!
//! - every file of evidence is held against its digest and sizes ([`exhibits`]);
//! - the source is compiled, and must be the code; key, settings and artifact must be the source's ([`derive`]);
//! - a suite's model is built again, with its input, its integers and its committed circuit ([`rebuilt`]);
//! - verifier and guards are deployed for what follows from key and settings, and called with proof and public values;
//! - where EZKL is given, key, verifier and commitments are made again from the model ([`reproduce`]);
//! - the ledger is derived from all that.
//!
//! Each of these is done once for one evidence; [`derive`] is a pure function of them and of the record.

mod chosen;
mod compare;
mod derive;
mod exhibits;
mod figures;
mod judged;
mod older;
mod public;
mod rebuilt;
mod reproduce;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::U256;

use evmbench_evm::chain::Fork;
use evmbench_evm::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};
use evmbench_ezkl::{
    Committed, EzklProver, Proof, ProverError, Reproduced, SrsError, SrsIdentity, StringFile, VerifierKind,
    negated_s_g2,
};
use evmbench_guard::guard::GuardContracts;
use evmbench_guard::on_chain::{self, Contract, OnChain};
use evmbench_ledger::ledger::{Ledger, Level, What};
use evmbench_schema::function::FunctionCheck;
use evmbench_schema::record::{Evidence, PartSet, ProofBatch, Record, Request};
use evmbench_store::StoredRun;

pub use chosen::{ProvedCircuit, of_circuit as chosen_of_circuit};
pub use compare::{Discrepancy, differences};
pub use derive::{Findings, committed, derive};
pub use exhibits::Exhibits;
pub use figures::Figure;
pub use rebuilt::{NotRebuilt, Rebuilt, rebuild};
pub use reproduce::{MadeAgain, reproduce};

/// What deriving takes beside the record: made once for any number of records.
#[derive(Debug, Clone)]
pub struct Tools {
    pub(crate) solc: Solc,
    last: Arc<Mutex<Option<LastCompiled>>>,
}

/// The contract that was compiled last, and of what: the members of a batch have one verifier.
#[derive(Debug)]
struct LastCompiled {
    source: String,
    verifier: VerifierKind,
    options: CompileOptions,
    compiled: CompiledContract,
}

impl Tools {
    /// With this compiler.
    pub fn new(solc: Solc) -> Self {
        Self {
            solc,
            last: Arc::default(),
        }
    }

    /// Compiles a verifier, unless it is the one that was compiled last.
    fn compile(
        &self,
        source: &str,
        verifier: VerifierKind,
        options: &CompileOptions,
    ) -> Result<CompiledContract, SolidityError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*last
            && last.source == source
            && last.verifier == verifier
            && last.options == *options
        {
            return Ok(last.compiled.clone());
        }
        let compiled = self.solc.compile(source, verifier.contract(), options)?;
        *last = Some(LastCompiled {
            source: source.to_owned(),
            verifier,
            options: options.clone(),
            compiled: compiled.clone(),
        });
        Ok(compiled)
    }
}

/// What a user has of a run beside its record and evidence; more of the record can then be derived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The ONNX file, of a model that is none of the suite's.
    pub onnx: Option<&'a Path>,
    /// The input file.
    pub input: Option<&'a Path>,
    /// The reference string.
    pub srs: Option<&'a StringFile>,
    /// EZKL, to make key and verifier again.
    pub prover: Option<&'a EzklProver>,
}

/// A record found out again.
#[derive(Debug, Clone)]
pub struct Rederived {
    /// What the record must say. What was measured, and what does not follow from the evidence, is as it was.
    pub record: Record,
    /// Where the stored record says otherwise, or where its evidence is not what it should be.
    pub discrepancies: Vec<Discrepancy>,
    /// Items of the ledger that rest on what only the record says, and why.
    pub by_record_only: BTreeMap<What, String>,
    /// The figures that people ask for first, then and now.
    pub figures: Vec<Figure>,
    /// What a reader of an older record should know.
    pub remarks: Vec<String>,
}

impl Rederived {
    /// Whether the record is what its evidence says.
    pub fn agrees(&self) -> bool {
        self.discrepancies.is_empty()
    }

    /// Why items of the ledger rest on what only the record says, each reason with its items.
    pub fn reasons(&self) -> BTreeMap<&str, Vec<What>> {
        let mut reasons: BTreeMap<&str, Vec<What>> = BTreeMap::new();
        for (&what, why) in &self.by_record_only {
            reasons.entry(why).or_default().push(what);
        }
        reasons
    }

    /// The ledger as an audit tells it: what rests on the record alone is not taken for sound.
    pub fn audited(&self) -> Ledger {
        let items = self.record.ledger.iter().flat_map(|ledger| &ledger.items);
        Ledger::of_items(
            items
                .map(|item| {
                    let mut item = item.clone();
                    if let Some(why) = self.by_record_only.get(&item.what) {
                        item.level = item.level.max(Level::Unknown);
                        item.sentence += &format!(" (by the record only: {why})");
                    }
                    item
                })
                .collect(),
        )
    }
}

/// Everything of a record that its chain part is made under, taken from evidence and request.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Which verifier was generated.
    pub verifier: VerifierKind,
    /// How often solc's optimizer expects each opcode to run.
    pub optimizer_runs: u64,
    /// The rules of the headline figures.
    pub fork: Fork,
    /// Where the negative controls' sample comes from.
    pub seed: u64,
    /// What a committed circuit's guard is deployed for.
    pub committed: Option<Committed>,
}

impl Terms {
    /// The terms of a request, with what follows from the evidence.
    pub fn of(request: &Request, evidence: &Evidence) -> Self {
        Self {
            verifier: request.verifier,
            optimizer_runs: request.optimizer_runs,
            fork: request.fork,
            seed: request.seed,
            committed: committed(request.plan, evidence).map(|(_, committed)| committed),
        }
    }
}

/// Compiles the evidence's source under a request's options.
///
/// # Errors
/// Why there is no such contract, in words.
pub fn compile(evidence: &Evidence, terms: &Terms, tools: &Tools) -> Result<CompiledContract, String> {
    let source = evidence.verifier_source.as_deref().ok_or("there is no source")?;
    let options = CompileOptions::with_runs(terms.optimizer_runs);
    let compiled = tools.compile(source, terms.verifier, &options);
    compiled.map_err(|error| error.to_string())
}

/// Deploys what was compiled and calls it with the evidence's proof, as a run does.
///
/// # Errors
/// Why that cannot be done, in words.
pub fn examine(evidence: &Evidence, compiled: &CompiledContract, terms: &Terms) -> Result<OnChain, String> {
    let (Some(proof), Some(instances)) = (&evidence.proof, &evidence.instances) else {
        return Err("there is no proof".to_owned());
    };
    let proof = Proof {
        proof: proof.clone(),
        instances: instances.clone(),
    };
    let key_artifact = match terms.verifier {
        VerifierKind::Plain => None,
        VerifierKind::Reusable => Some(
            evidence
                .key_artifact
                .as_deref()
                .ok_or("there is no key artifact")?,
        ),
    };
    let contract = Contract {
        compiled,
        source: evidence.verifier_source.as_deref().unwrap_or_default(),
        key_artifact,
        committed: terms.committed.as_ref(),
    };
    on_chain::examine(
        &contract,
        &[proof],
        terms.fork,
        terms.seed,
        GuardContracts::carried(),
    )
    .map_err(|error| error.to_string())
}

/// A reference string that is at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenString {
    /// What the file is.
    pub identity: SrsIdentity,
    /// Its −s·G2.
    pub negated_s_g2: [U256; 4],
}

impl GivenString {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SrsError`].
    pub fn read(file: &StringFile) -> Result<Self, SrsError> {
        Ok(Self {
            identity: file.identity.clone(),
            negated_s_g2: negated_s_g2(&file.path)?,
        })
    }
}

/// A set of parts, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What it came to.
    pub set: PartSet,
    /// Items of some part's ledger that rest on what only its record says, with the first such part and why.
    pub by_record_only: BTreeMap<What, String>,
}

/// A stored run, with everything that was found out of its own evidence.
#[derive(Debug)]
pub struct Examined<'a> {
    run: &'a StoredRun,
    exhibits: Exhibits,
    compiled: Result<CompiledContract, String>,
    on_chain: Result<OnChain, String>,
    rebuilt: Rebuilt,
    reproduced: Option<Result<Reproduced, String>>,
    judged: Option<Result<FunctionCheck, String>>,
    string: Option<Result<GivenString, SrsError>>,
}

impl<'a> Examined<'a> {
    /// Of a stored run.
    ///
    /// # Errors
    /// [`ProverError`] where EZKL is given and cannot be run.
    pub fn of(run: &'a StoredRun, given: Given<'_>, tools: &Tools) -> Result<Self, ProverError> {
        let record = run.record();
        let exhibits = Exhibits::of(run);
        let evidence = &exhibits.evidence;
        let terms = Terms::of(&record.request, evidence);
        let compiled = compile(evidence, &terms, tools);
        let on_chain = compiled
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|compiled| examine(evidence, compiled, &terms));
        let string = given.srs.map(GivenString::read);
        let rebuilt = Rebuilt::of(record, given);
        let made = given
            .prover
            .map(|prover| reproduce(record, &exhibits, &rebuilt, prover))
            .transpose()?;
        let (reproduced, judged) = made.map(|made| (made.reproduced, made.judged)).unzip();
        Ok(Self {
            run,
            exhibits,
            compiled,
            on_chain,
            rebuilt,
            reproduced,
            judged,
            string,
        })
    }

    /// What the record must say, with the set of parts or the batch of proofs that it tells of, verified again; none where it tells
    /// of none.
    pub fn rederive(
        self,
        set: Option<Result<Measured, String>>,
        batch: Option<Result<ProofBatch, String>>,
    ) -> Rederived {
        let findings = Findings {
            exhibits: &self.exhibits,
            compiled: self.compiled.as_ref().map_err(String::as_str),
            on_chain: self.on_chain.as_ref().map_err(String::as_str),
            rebuilt: &self.rebuilt,
            reproduced: self.reproduced,
            judged: self.judged,
            set,
            batch,
            string: self.string.as_ref().and_then(|string| string.as_ref().ok()),
        };
        let mut rederived = derive(self.run.record(), self.run.json(), &findings);
        if let Some(Err(error)) = self.string {
            let place = "keys.srs".to_owned();
            rederived.discrepancies.push(Discrepancy {
                place,
                what: error.to_string(),
            });
        }
        rederived
    }
}

/// Finds a stored run's record out again, without the set or the batch that it may tell of.
///
/// # Errors
/// [`Examined::of`]'s. Whatever is wrong with the record's evidence is in [`Rederived::discrepancies`].
pub fn rederive_alone(run: &StoredRun, given: Given<'_>, tools: &Tools) -> Result<Rederived, ProverError> {
    Ok(Examined::of(run, given, tools)?.rederive(None, None))
}
