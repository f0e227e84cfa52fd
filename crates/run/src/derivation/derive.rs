//! What was found out of the evidence, put together as the record that it must be.

use std::collections::BTreeMap;

use serde_json::Value;

use evmbench_committed::{CommittedCircuit, CommittedSizes, InputAssurance};
use evmbench_evm::chain::{Calldata, VerifyCall};
use evmbench_evm::solidity::CompiledContract;
use evmbench_ezkl::{
    self as prover, Artifacts, CircuitKind, CircuitPlan, CircuitSettings, CircuitShape, Commitments as _,
    Committed, CommittedTensor, ContractConstants, ContractForm, KeyFile, POINT_BYTES, Phase,
    PhaseMeasurement, PhaseSource, Reproduced, ReproducedModel, SettingsFile, Shown, Side, Silent, SrsKind,
    VerifierKind, VerifierShape, compiled, is_published_string, point_bytes,
};
use evmbench_guard::on_chain::OnChain;
use evmbench_host::digests::sha256_hex;
use evmbench_judge::{self as judge, FunctionCheck, numerics};
use evmbench_ledger::facts::{self, KnownModel};
use evmbench_ledger::ledger::{self, Finding, Ledger, What};
use evmbench_schema::onnx::OutputForm;
use evmbench_schema::record::digest;
use evmbench_schema::record::{
    Evidence, FileName, IntegerCheck, Keys, Numerics, ONNX_SUITE, Outcome, Proof, ProofBatch, Record, SCHEMA,
    Source,
};
use evmbench_subject::subject::Subject;
use evmbench_subject::trained;
use evmbench_suite as suite;

use super::chosen::{self, ProvedCircuit};
use super::compare::{settings_otherwise, too_early, unknown};
use super::figures::figures;
use super::judged::{function_otherwise, numerics_otherwise};
use super::older::{as_written_then, lacks_function, too_low};
use super::rebuilt::is_network;
use super::reproduce::{NOT_ASKED, NOT_JUDGED};
use super::{
    Discrepancy, Exhibits, GivenString, Measured, NotRebuilt, Rebuilt, Rederived, differences, public,
};
use crate::derived;

/// Everything that was found out, each once.
#[derive(Debug)]
pub struct Findings<'a> {
    /// The evidence.
    pub exhibits: &'a Exhibits,
    /// Its source, compiled; else why not.
    pub compiled: Result<&'a CompiledContract, &'a str>,
    /// What came of deploying and calling it; else why nothing did.
    pub on_chain: Result<&'a OnChain, &'a str>,
    /// What the judge says of the circuit; else why nothing. None where that was not asked for.
    pub judged: Option<Result<FunctionCheck, String>>,
    /// The model.
    pub rebuilt: &'a Rebuilt,
    /// Key, verifier and commitments, made again with EZKL; else why not. None where that was not asked for.
    pub reproduced: Option<Result<Reproduced, String>>,
    /// The set of parts that the record tells of, verified again; none where it tells of none.
    pub set: Option<Result<Measured, String>>,
    /// The batch of proofs that the record tells of, verified again; none where it tells of none.
    pub batch: Option<Result<ProofBatch, String>>,
    /// A reference string that is at hand.
    pub string: Option<&'a GivenString>,
}

/// The sizes and the guard's terms of a committed circuit, from plan, settings, key, verifier and proof; none for any other
/// circuit, and where these do not fit together.
pub fn committed(plan: CircuitPlan, evidence: &Evidence) -> Option<(CommittedSizes, Committed)> {
    let plan = plan.as_committed()?;
    let settings = SettingsFile::parse(evidence.settings.as_deref()?).ok()?;
    let key = evidence.verifying_key.as_deref()?;
    let logrows = u32::try_from(settings.logrows()?)
        .ok()
        .filter(|k| (4..=28).contains(k))?;
    let sizes = settings.committed_sizes(plan.output_public())?;
    let constants = constants(evidence, columns(evidence)?)?;
    let mut committed = prover::committed_of(key, &constants, prover::commitment_layout(sizes, logrows));
    if plan.assurance() == InputAssurance::Registered {
        committed.registered_input = Some(committed.input_digest(evidence.proof.as_deref()?).ok()?);
    }
    Some((sizes, committed))
}

/// The circuit's columns: of the key, and as the settings lay them out.
fn columns(evidence: &Evidence) -> Option<VerifierShape> {
    let settings = CircuitSettings::parse(evidence.settings.as_deref()?).ok()?;
    let shape = CircuitShape::of(&settings).ok()?;
    let key = KeyFile::read(evidence.verifying_key.as_deref()?)?;
    Some(VerifierShape {
        advice_columns: shape.advice_columns(),
        fixed_columns: key.fixed.len() as u64,
        permutation_columns: shape.permutation_columns,
    })
}

/// What the verifier has of the key: in its code, or brought with each call.
fn constants(evidence: &Evidence, columns: VerifierShape) -> Option<ContractConstants> {
    match ContractForm::read(evidence.verifier_source.as_deref()?) {
        ContractForm::Plain(constants) => Some(*constants),
        ContractForm::Reusable => {
            ContractConstants::of_key_artifact(evidence.key_artifact.as_deref()?, columns)
        }
        ContractForm::Other => None,
    }
}

/// Puts together what the record must say, and compares. `json` is what the record was read from.
///
/// # Panics
/// Never: a record is plain data, which serialises.
pub fn derive(record: &Record, json: &Value, findings: &Findings<'_>) -> Rederived {
    let evidence = &findings.exhibits.evidence;
    let mut derivation = Derivation {
        stored: record,
        findings,
        columns: columns(evidence),
        constants: columns(evidence).and_then(|columns| constants(evidence, columns)),
        committed: committed(record.request.plan, evidence).map(|(_, committed)| committed),
        evidence,
        again: record.clone(),
        discrepancies: findings.exhibits.discrepancies.clone(),
        by_record_only: BTreeMap::new(),
        numerics: None,
    };
    derivation.circuit();
    derivation.keys();
    derivation.proof();
    derivation.chain();
    derivation.model();
    derivation.judged();
    derivation.reproduced();
    derivation.request();
    derivation.chosen();
    derivation.asked_of_run();
    derivation.set();
    derivation.batch();
    derivation.claims();
    let Derivation {
        again,
        mut discrepancies,
        by_record_only,
        ..
    } = derivation;
    let as_json = |record: &Record| -> Value {
        let text = serde_json::to_vec(record).expect("a record is plain data");
        serde_json::from_slice(&text).expect("what was just written")
    };
    discrepancies.extend(own_digest(record, json));
    let stored = as_json(record);
    discrepancies.extend(unknown(json, &stored));
    discrepancies.extend(too_early(&stored, record.schema));
    discrepancies.extend(too_low(record));
    let mut expected = again.clone();
    let mut remarks: Vec<String> = as_written_then(record, &mut expected).into_iter().collect();
    remarks.extend(not_compared_then(&findings.rebuilt.covered_since));
    discrepancies.extend(differences(&stored, &as_json(&expected), record.schema));
    Rederived {
        figures: figures(record, findings.on_chain.is_ok().then_some(&again)),
        record: again,
        discrepancies,
        by_record_only,
        remarks,
    }
}

/// What a reader should know of a run whose operators are covered only since.
fn not_compared_then(covered_since: &[String]) -> Option<String> {
    (!covered_since.is_empty()).then(|| {
        format!(
            "the evmbench that made the run had no exact integers of {}, and this one has; prove the model again to have them compared",
            covered_since.join(", ")
        )
    })
}

/// Whether the record's own digest is that of what stands in it.
fn own_digest(record: &Record, json: &Value) -> Option<Discrepancy> {
    let what = match &record.sha256 {
        Some(digest) if *digest == digest::of_json(json) => return None,
        Some(_) => "the record is not as it was written: its own digest differs",
        None if record.schema < digest::SINCE_SCHEMA => return None,
        None => "a record of this schema has a digest of its own",
    };
    Some(Discrepancy {
        place: digest::FIELD.to_owned(),
        what: what.to_owned(),
    })
}

struct Derivation<'a> {
    stored: &'a Record,
    findings: &'a Findings<'a>,
    evidence: &'a Evidence,
    /// See [`columns`].
    columns: Option<VerifierShape>,
    /// See [`constants`].
    constants: Option<ContractConstants>,
    /// See [`committed`].
    committed: Option<Committed>,
    again: Record,
    discrepancies: Vec<Discrepancy>,
    by_record_only: BTreeMap<What, String>,
    /// What the comparison with the integer reference came to, where it could be made.
    numerics: Option<Result<IntegerCheck, Outcome>>,
}

impl Derivation<'_> {
    fn wrong(&mut self, place: &str, what: impl Into<String>) {
        self.discrepancies.push(Discrepancy {
            place: place.to_owned(),
            what: what.into(),
        });
    }

    fn by_record_only(&mut self, items: &[What], why: &str) {
        for &what in items {
            self.by_record_only.entry(what).or_insert_with(|| why.to_owned());
        }
    }

    /// Settings, and the columns that key and verifier have.
    fn circuit(&mut self) {
        let Some(settings) = &self.evidence.settings else {
            return;
        };
        let settings = match CircuitSettings::parse(settings) {
            Ok(settings) => settings,
            Err(error) => return self.wrong("circuit.settings", error.to_string()),
        };
        settings
            .ezkl_version()
            .clone_into(&mut self.again.environment.ezkl_version);
        let plan = self.stored.request.plan;
        self.again.circuit = Some(derived::circuit(&settings, plan.scale(), self.columns));
        if let Some(forecast) = &mut self.again.forecast
            && let Ok(shape) = CircuitShape::of(&settings)
        {
            forecast.rows = settings.rows();
            forecast.logrows = shape.logrows;
            forecast.advice_columns = shape.advice_columns();
            forecast.committed_columns = shape.committed_columns.iter().sum();
            forecast.permutation_columns = shape.permutation_columns;
            forecast.lookup_arguments = shape.lookups.len() as u64;
            forecast.degree = shape.degree as u64;
            forecast.instances = shape.instances;
        }
        if plan.kind() != CircuitKind::Committed {
            for (place, what) in settings.otherwise_than_asked(plan) {
                self.wrong(&format!("request.{place}"), what);
            }
        }
        let is_part = self.stored.request.part.is_some();
        if plan
            .inner_columns()
            .is_some_and(|columns| settings.inner_columns() != columns as u64)
        {
            self.wrong("request.plan.inner_columns", "the settings have other columns");
        }
        if plan
            .logrows()
            .is_some_and(|logrows| settings.logrows() < logrows || is_part && settings.logrows() != logrows)
        {
            self.wrong("request.plan.logrows", "the settings have other rows");
        }
        if self.stored.request.verifier == VerifierKind::Plain
            && let Some(source) = &self.evidence.verifier_source
            && prover::count_columns(source) != self.columns
        {
            self.wrong(
                "circuit.columns",
                "the verifier's source has other columns than settings and key",
            );
        }
    }

    fn keys(&mut self) {
        let Some(key) = &self.evidence.verifying_key else {
            return;
        };
        let Some(keys) = &mut self.again.keys else {
            return self.wrong(
                "keys",
                "there is a key in the evidence, and nothing of it in the record",
            );
        };
        *keys = Keys {
            verifying_key_bytes: key.len() as u64,
            verifying_key_sha256: sha256_hex(key),
            ..keys.clone()
        };
        self.reference_string();
    }

    /// A reference string is at hand, or its −s·G2 alone, in the verifier: that tells the perpetual powers of tau from others,
    /// and not the others from each other.
    fn reference_string(&mut self) {
        let Some(srs) = self.stored.keys.as_ref().map(|keys| keys.srs.clone()) else {
            return;
        };
        let in_verifier = self.constants.as_ref().map(|constants| constants.negated_s_g2);
        let logrows = self.again.circuit.as_ref().map(|circuit| circuit.logrows);
        let ceremony = in_verifier.and_then(prover::ceremony_of);
        let is_of_ceremony = ceremony == Some(srs.kind);
        let is_published = is_published_string(&srs.sha256, srs.logrows);
        let wrong = match srs.kind {
            kind if prover::published_negated_s_g2(kind).is_some() && !is_of_ceremony => {
                Some("the verifier rests on another string than the ceremony's")
            }
            SrsKind::PerpetualPowersOfTau if !is_published => Some("no published string has this digest"),
            SrsKind::LocalTest | SrsKind::PerpetualPowersOfTau80 if ceremony.is_some() => {
                Some("the verifier rests on another ceremony's string")
            }
            kind if kind != SrsKind::PerpetualPowersOfTau && is_published => {
                Some("this digest is a published string's")
            }
            SrsKind::LocalTest if logrows.is_some_and(|logrows| logrows != srs.logrows) => {
                Some("a test string is made for its circuit's 2^k")
            }
            _ if logrows.is_some_and(|logrows| logrows > srs.logrows) => Some("the string is too short"),
            _ => None,
        };
        if let Some(wrong) = wrong.filter(|_| in_verifier.is_some()) {
            self.wrong("keys.srs", wrong);
        }
        match self.findings.string {
            Some(string) => {
                let same_file =
                    (&string.identity.sha256, string.identity.logrows) == (&srs.sha256, srs.logrows);
                if !same_file {
                    self.wrong("keys.srs", "the file given is another string");
                } else if in_verifier.is_some_and(|words| words != string.negated_s_g2) {
                    self.wrong(
                        "keys.srs",
                        "the verifier rests on another string than the file given",
                    );
                } else if srs.kind.is_ceremony() && string.identity.kind != srs.kind && !is_of_ceremony {
                    self.by_record_only(
                        &[What::ReferenceString],
                        "the file given is no string that was imported from the ceremony's file",
                    );
                }
            }
            None if is_of_ceremony => {}
            // The key was made again with it.
            None if matches!(self.findings.reproduced, Some(Ok(_))) && !srs.kind.is_ceremony() => {}
            None => self.by_record_only(
                &[What::ReferenceString],
                "the verifier shows one point of the string; --srs names its file",
            ),
        }
    }

    /// The proof's own sizes, and the call that it is encoded in.
    fn proof(&mut self) {
        let (Some(proof), Some(instances)) = (&self.evidence.proof, &self.evidence.instances) else {
            return;
        };
        let call = VerifyCall {
            proof: proof.clone(),
            instances: instances.clone(),
            key_artifact: self.evidence.key_artifact.clone(),
        };
        let calldata: Calldata = call.calldata();
        if let Some(stored) = &self.evidence.calldata
            && stored[..] != calldata.bytes()[..]
        {
            self.wrong(
                "evidence calldata.bin",
                "it is not the encoding of proof and public values",
            );
        }
        let natively_verified = self
            .stored
            .proof
            .as_ref()
            .is_some_and(|proof| proof.natively_verified);
        let goes_through_again = self.goes_through_again();
        self.discrepancies
            .extend(lacks_function(self.stored, goes_through_again));
        self.again.proof = Some(Proof {
            proof_bytes: proof.len() as u64,
            instances: instances.len() as u64,
            calldata_bytes: calldata.size().calldata_bytes,
            natively_verified,
        });
        self.outputs();
    }

    /// The witness's outputs are the last public values, where the circuit shows them element by element.
    fn outputs(&mut self) {
        let (Some(instances), Some(outputs)) = (&self.evidence.instances, &self.evidence.outputs) else {
            return;
        };
        let settings = self.evidence.settings.as_deref();
        let file = settings.and_then(|settings| SettingsFile::parse(settings).ok());
        let shown = file.and_then(|file| file.shown(Side::Output));
        if shown == Some(Shown::Public) && !instances.ends_with(&outputs.concat()) {
            self.wrong(
                "evidence outputs.json",
                "the outputs are not the proof's last public values",
            );
        }
    }

    /// Code, deployment, calls, controls, guards.
    fn chain(&mut self) {
        let reached = self.evidence.proof.is_some() || self.evidence.creation_code.is_some();
        if !reached || self.stored.verifier.is_none() && self.evidence.creation_code.is_none() {
            return;
        }
        if let Err(why) = self.code() {
            self.wrong("verifier", why.clone());
            return self.no_chain(&why);
        }
        match self.findings.on_chain {
            Err(why) => {
                self.wrong("verification", why);
                self.no_chain(why);
            }
            Ok(on_chain) => {
                let samples = self.stored.tx_gas_samples.clone();
                on_chain.clone().write_to(&mut self.again);
                // Of the counted proofs only the first was kept.
                self.again.tx_gas_samples.extend(samples.into_iter().skip(1));
                let runs = self.counted_proofs();
                if on_chain.rejected.is_none() && self.again.tx_gas_samples.len() != runs {
                    self.wrong(
                        "tx_gas_samples",
                        format!("there are not {runs}, as many as proofs were counted"),
                    );
                }
            }
        }
        if self.stored.request.plan.kind() == CircuitKind::Committed {
            self.again.committed = self.committed;
            if self.again.committed.is_none() {
                self.wrong(
                    "committed",
                    "key, settings and verifier are not a committed circuit's",
                );
            }
        } else {
            self.again.committed = None;
        }
    }

    /// How many proofs the record counts: as many as were asked for, but one where it goes through another record's run again, of
    /// which only the first was kept.
    fn counted_proofs(&self) -> usize {
        if self.goes_through_again() {
            1
        } else {
            self.stored.request.runs
        }
    }

    /// Whether the run is another record's.
    fn goes_through_again(&self) -> bool {
        let phases = self.stored.phases.iter();
        let is_counted =
            |phase: &&PhaseMeasurement| phase.phase == Phase::Prove && phase.source != PhaseSource::WarmUp;
        let mut proofs = phases.filter(is_counted);
        proofs.all(|proof| proof.source == PhaseSource::Cached)
    }

    fn no_chain(&mut self, why: &str) {
        self.by_record_only(&[What::NegativeControls, What::Calling, What::Challenge], why);
    }

    /// The source compiles to the code.
    fn code(&mut self) -> Result<(), String> {
        let compiled = self.findings.compiled?;
        let is = |code: &Option<Vec<u8>>, made: &[u8]| code.as_deref().is_none_or(|code| code == made);
        if !is(&self.evidence.creation_code, &compiled.creation_code) {
            return Err("its source compiles to other creation code than the evidence holds".to_owned());
        }
        if !is(&self.evidence.runtime_code, &compiled.runtime_code) {
            return Err("its source compiles to other runtime code than the evidence holds".to_owned());
        }
        let mut verifier = derived::verifier(compiled);
        if let Some(stored) = &self.stored.verifier {
            verifier.solc.solc_origin = stored.solc.solc_origin;
            // One release is built for several machines, and has a name on each.
            if release(&stored.solc.solc_version) == release(&verifier.solc.solc_version) {
                verifier.solc.solc_version.clone_from(&stored.solc.solc_version);
            }
            self.again
                .environment
                .solc_version
                .clone_from(&verifier.solc.solc_version);
        }
        self.again.verifier = Some(verifier);
        Ok(())
    }

    /// The model, its input, its circuit, its integers.
    fn model(&mut self) {
        const OF_MODEL: [What; 4] = [What::Model, What::Weights, What::HelperValues, What::Rescaling];
        const OF_LOWERING: [What; 7] = [
            What::Input,
            What::Output,
            What::InputRange,
            What::OutputRange,
            What::NumberRange,
            What::Commitments,
            What::Privacy,
        ];
        let is_committed = self.stored.request.plan.kind() == CircuitKind::Committed;
        if !is_committed {
            self.again.lowering = None;
        }
        let subject = match &self.findings.rebuilt.subject {
            Ok(subject) => subject,
            Err(not_rebuilt) => {
                let why = not_rebuilt.why();
                if let NotRebuilt::Contradicted(why) = not_rebuilt {
                    self.wrong("request", why);
                }
                self.by_record_only(&OF_MODEL, why);
                if is_committed {
                    self.by_record_only(&OF_LOWERING, why);
                }
                return;
            }
        };
        self.again.model = subject.model.clone();
        if self.findings.rebuilt.input_known {
            self.again.input = subject.input.clone();
        }
        let settings = self.evidence.settings.as_deref();
        let Some(settings) = settings.and_then(|settings| CircuitSettings::parse(settings).ok()) else {
            return;
        };
        if let Some(committed) = &subject.committed {
            let circuit = &committed.circuit;
            if let Some(what) = contradicted(circuit, &settings) {
                return self.wrong("circuit.settings", what);
            }
            let expected = &compiled::settings(circuit);
            let otherwise = laid_out_otherwise(circuit, &settings).or_else(|| {
                let differs = !self.is_older() && expected != settings.json();
                differs.then(|| "the settings are not those that it writes".to_owned())
            });
            match otherwise {
                None => {
                    let key = self.evidence.verifying_key.as_deref();
                    // What EZKL counted before it was told the exact number is kept nowhere else.
                    let stored = self
                        .stored
                        .lowering
                        .as_ref()
                        .and_then(|stored| stored.layout.as_ref());
                    let counted_cells = stored.and_then(|layout| layout.counted_cells);
                    let made = key.map(|key| (&settings, key));
                    self.again.lowering = Some(derived::lowering(circuit, made, counted_cells));
                }
                // Earlier versions lay circuits out in other ways.
                Some(how) if self.is_older() => {
                    self.by_record_only(&OF_LOWERING, &how);
                    self.by_record_only(&[What::Rescaling], &how);
                }
                Some(how) => self.wrong("circuit.settings", how),
            }
        }
        if self.findings.rebuilt.input_known {
            if !is_committed && let Err(what) = public::otherwise(subject, &settings, self.evidence) {
                self.wrong("evidence instances.json", what);
            }
            self.integers(subject, &settings);
        } else {
            self.by_record_only(&[What::Model], "the input is not at hand");
        }
    }

    /// Whether an older evmbench may have written the circuit.
    fn is_older(&self) -> bool {
        self.stored.schema < SCHEMA || self.stored.renewal.is_some()
    }

    /// The judge's figures, where the judge was asked again. Without an exact reference the model rests on them alone.
    fn judged(&mut self) {
        if self.evidence.verifying_key.is_none() {
            return;
        }
        let integer = self.again.numerics.as_ref().map(|numerics| &numerics.integer);
        let is_exact = matches!(integer, Some(IntegerCheck::Exact { .. }));
        match (&self.findings.judged, &self.stored.function) {
            (None, _) if is_exact => {}
            (None, _) => self.by_record_only(&[What::Model], NOT_JUDGED),
            (Some(Err(why)), _) => self.by_record_only(&[What::Model], &format!("not judged again: {why}")),
            (Some(Ok(again)), Some(stored)) => {
                if let Some(what) = function_otherwise(stored, again) {
                    self.wrong("function", what);
                }
            }
            (Some(Ok(again)), None) => {
                if let Some(finding) = again.finding()
                    && self.stored.outcome == Outcome::Verified
                {
                    let what = format!("the run was not judged, and judged now it is {finding}");
                    self.wrong("outcome", what);
                }
            }
        }
    }

    /// Key, verifier, outputs and commitments are those that EZKL makes of the model. Without that, nothing ties the key to the
    /// model's circuit and weights, the verifier's text to EZKL's, and committed values to the reference's; nor the settings of a
    /// circuit that EZKL lays out to anything but their own words.
    fn reproduced(&mut self) {
        const OF_KEY: [What; 5] = [
            What::Model,
            What::Weights,
            What::HelperValues,
            What::Rescaling,
            What::KeyMatch,
        ];
        // How much a key file says to be looked up is its own word: the verifier holds commitments alone.
        const OF_COMMITTED_KEY: [What; 5] = [
            What::InputRange,
            What::OutputRange,
            What::NumberRange,
            What::Lookups,
            What::Challenge,
        ];
        const OF_SETTINGS: [What; 7] = [
            What::Ezkl,
            What::InputRange,
            What::OutputRange,
            What::NumberRange,
            What::Selection,
            What::Lookups,
            What::Freivalds,
        ];
        if self.evidence.verifying_key.is_none() {
            return;
        }
        let is_direct = self.stored.request.plan.kind() != CircuitKind::Committed;
        let findings = self.findings;
        let made = match &findings.reproduced {
            None => Err(NOT_ASKED),
            Some(Err(why)) => Err(&why[..]),
            Some(Ok(made)) => Ok(made),
        };
        if is_direct {
            self.private_sides(made.err());
        }
        match made {
            Ok(made) => self.made_otherwise(made),
            Err(why) => {
                self.by_record_only(&OF_KEY, why);
                if is_direct {
                    self.by_record_only(&OF_SETTINGS, why);
                } else {
                    self.by_record_only(&OF_COMMITTED_KEY, why);
                }
            }
        }
    }

    /// What of input and output the proof does not show: nothing binds a private tensor, and only EZKL's own hash or commitment
    /// tells which tensor another one is of.
    fn private_sides(&mut self, not_reproduced: Option<&str>) {
        let settings = self.evidence.settings.as_deref();
        let Some(file) = settings.and_then(|settings| SettingsFile::parse(settings).ok()) else {
            return;
        };
        for (what, name, side) in [
            (What::Input, "input", Side::Input),
            (What::Output, "output", Side::Output),
        ] {
            match (file.shown(side), not_reproduced) {
                (Some(Shown::Private | Shown::HashedInside), _) => {
                    let why =
                        format!("the {name} is private: nothing in the proof shows that it is the record's");
                    self.by_record_only(&[what, What::Model], &why);
                }
                (Some(Shown::Hashed | Shown::Polycommit), Some(why)) => self.by_record_only(&[what], why),
                _ => {}
            }
        }
    }

    /// Everything that EZKL makes in another way than the evidence has it.
    fn made_otherwise(&mut self, made: &Reproduced) {
        let evidence = self.evidence;
        let is = |kept: &Option<Vec<u8>>, made: &[u8]| kept.as_deref() == Some(made);
        let outputs = evidence.outputs.as_ref();
        let instances = evidence.instances.as_ref();
        let challenge = instances.and_then(|instances| instances.get(1));
        let differing = [
            (
                "evidence verifying.key",
                is(&evidence.verifying_key, &made.verifying_key),
                "EZKL makes another key of the model's circuit",
            ),
            (
                "evidence verifier.sol",
                evidence.verifier_source.as_ref() == Some(&made.verifier_source),
                "EZKL renders another verifier for the key",
            ),
            (
                "evidence key_artifact.json",
                evidence.key_artifact == made.key_artifact,
                "EZKL makes another artifact of the key",
            ),
            (
                "evidence outputs.json",
                outputs.is_none_or(|outputs| *outputs == made.outputs),
                "EZKL's witness has other outputs",
            ),
            (
                "evidence proof.bin",
                made.challenge.is_none() || challenge.is_none() || challenge == made.challenge.as_ref(),
                "the proof commits to other values than the reference's",
            ),
        ];
        for (place, is_same, what) in differing {
            if !is_same {
                self.wrong(place, what);
            }
        }
        if let Some(of_model) = &made.of_model {
            self.model_made_otherwise(of_model);
        }
    }

    /// The same of what only a circuit of EZKL's own has.
    fn model_made_otherwise(&mut self, made: &ReproducedModel) {
        let evidence = self.evidence;
        let settings = evidence.settings.as_deref();
        let settings = settings.and_then(|settings| serde_json::from_str::<Value>(settings).ok());
        for found in settings
            .iter()
            .flat_map(|settings| settings_otherwise(settings, &made.settings))
        {
            self.wrong(&format!("evidence settings.json ({})", found.place), found.what);
        }
        if evidence
            .instances
            .as_ref()
            .is_some_and(|instances| *instances != made.instances)
        {
            self.wrong(
                "evidence instances.json",
                "EZKL's witness has other public values, be it hashes",
            );
        }
        let Some(proof) = &evidence.proof else { return };
        let holds = |tensor: &CommittedTensor| {
            let (_, rest) = proof.split_at_checked(POINT_BYTES * tensor.first)?;
            Some(rest.starts_with(&point_bytes(&tensor.points)))
        };
        if !made.commitments.iter().all(|tensor| holds(tensor) == Some(true)) {
            self.wrong(
                "evidence proof.bin",
                "the proof commits to other values than EZKL's witness has",
            );
        }
    }

    /// The proof's public values against the exact integer reference.
    fn integers(&mut self, subject: &Subject, settings: &CircuitSettings) {
        let evidence = self.evidence;
        let (Some(proof), Some(instances), Some(outputs)) =
            (&evidence.proof, &evidence.instances, &evidence.outputs)
        else {
            return;
        };
        let (Some(keys), Some(shape)) = (&self.stored.keys, self.columns) else {
            return self.by_record_only(&[What::Model], "key and settings do not fit together");
        };
        let artifacts = Artifacts {
            proofs: vec![prover::Proof {
                proof: proof.clone(),
                instances: instances.clone(),
            }],
            natively_verified: true,
            outputs: outputs.clone(),
            verifier_source: String::new(),
            key_artifact: None,
            committed: self.committed,
            verifying_key: Vec::new(),
            proving_key_bytes: None,
            srs: keys.srs.clone(),
            shape,
        };
        let counted_proofs = self.counted_proofs();
        let floats = judge::float_outputs(subject, None, &Silent).ok();
        let check = numerics::compare(subject, &artifacts, settings, floats.as_deref());
        if let (Ok((made, _)), Some(stored)) = (&check, &self.stored.numerics) {
            self.floats(stored, made);
        }
        if let (Ok((made, _)), Some(numerics)) = (&check, &mut self.again.numerics) {
            numerics.integer = match made.integer.clone() {
                // As many were compared as proofs were counted.
                IntegerCheck::Exact { outputs, instances } => IntegerCheck::Exact {
                    outputs,
                    instances: instances * counted_proofs as u64,
                },
                uncovered @ IntegerCheck::NotCovered { .. } => uncovered,
            };
        }
        let check = check.map(|(made, _)| made.integer);
        self.numerics = Some(check.map_err(|mismatch| mismatch.outcome));
    }

    /// The errors beside the float model, which was run again.
    fn floats(&mut self, stored: &Numerics, made: &Numerics) {
        if stored.max_absolute_error.is_some() && made.max_absolute_error.is_none() {
            return self.by_record_only(&[What::Model], "this evmbench has no float model of it");
        }
        // Records of schema 5 have no range, which the outcome rests on today.
        let rangeless = Numerics {
            output_range: None,
            outputs: Vec::new(),
            ..made.clone()
        };
        let of_then = if stored.output_range.is_none() {
            &rangeless
        } else {
            made
        };
        if let Some(what) = numerics_otherwise(stored, of_then) {
            self.wrong("numerics", what);
        } else if stored.finding().is_none()
            && let Some(finding) = made.finding()
        {
            let why = format!("the record does not tell the outputs' range; beside it, the run is {finding}");
            self.by_record_only(&[What::Model], &why);
        }
    }

    /// What was asked for, where it shows elsewhere in the record.
    fn request(&mut self) {
        let request = self.again.request.clone();
        let again = &mut self.again;
        again.study = derived::study(&request);
        again.request.suite = match (&request.onnx_sha256, suite::find(&request.id)) {
            // A network with public weights stays one of its suite.
            (Some(_), Ok(spec)) if is_network(spec, &request) => request.suite.clone(),
            (Some(_), _) => suite_name(ONNX_SUITE),
            (None, Ok(spec)) => suite_name(&spec.category.to_string()),
            (None, Err(_)) => request.suite.clone(),
        };
        again.accuracy = trained::accuracy(&again.model.onnx_sha256, &request);
        if request.part.is_none()
            && let Some(factors) = &request.scale_factors
            && let Ok(subject) = &self.findings.rebuilt.subject
            && let Ok(graph) = &subject.graph
            && let Some(unknown) = factors.reach.values().find(|name| !graph.has_value(name))
        {
            self.discrepancies.push(Discrepancy {
                place: "request.scale_factors.reach".to_owned(),
                what: format!("the model has no value \"{unknown}\""),
            });
        }
        if let Some(threads) = request.threads {
            again.environment.threads = threads;
        }
        if let Some(limit) = request.memory_limit_bytes {
            again.environment.memory_limit_bytes = Some(limit);
        }
        // A part's model is a file of its own; what was asked for is the whole model's.
        if request.onnx_sha256.is_some() && request.part.is_none() {
            again.request.onnx_sha256 = Some(again.model.onnx_sha256.clone());
        }
        again.request.weights_sha256 = match &again.model.weights {
            Source::Trained { sha256 } => Some(sha256.clone()),
            Source::File { sha256 } if request.onnx_sha256.is_none() => Some(sha256.clone()),
            Source::File { .. } | Source::Seeded { .. } | Source::Part { .. } | Source::TestImage { .. } => {
                None
            }
        };
        match &again.input.source {
            Source::Seeded { seed } if request.input_seed.is_some() => again.request.input_seed = Some(*seed),
            Source::Seeded { seed } => again.request.seed = *seed,
            Source::TestImage { .. } | Source::File { .. } | Source::Trained { .. } | Source::Part { .. } => {
            }
        }
        // What a later part reads does not tell what the whole model was given.
        if !matches!(again.input.source, Source::Part { .. }) {
            again.request.sample = match &again.input.source {
                Source::TestImage { number, .. } => Some(*number),
                _ => None,
            };
            again.request.input_sha256 = match &again.input.source {
                Source::File { sha256 } => Some(sha256.clone()),
                _ => None,
            };
        }
        // Only what is drawn has a seed.
        if !matches!(again.input.source, Source::Seeded { .. }) {
            again.request.input_seed = None;
        }
        if let (Some(asked), Some(keys)) = (&request.srs_sha256, &again.keys)
            && *asked != keys.srs.sha256
        {
            self.wrong("request.srs_sha256", "the keys rest on another string");
        } else if request.srs_sha256.is_none()
            && self
                .again
                .keys
                .as_ref()
                .is_some_and(|keys| keys.srs.kind != SrsKind::LocalTest)
        {
            self.wrong(
                "request.srs_sha256",
                "the keys rest on a file that was not asked for",
            );
        } else if request.srs_sha256.is_some()
            && self
                .again
                .keys
                .as_ref()
                .is_some_and(|keys| keys.srs.kind == SrsKind::LocalTest)
        {
            self.wrong(
                "keys.srs.kind",
                "a file was asked for, which is no test string of this machine's",
            );
        }
    }

    /// What was chosen where the plan leaves it open, and what of the plan no circuit made again tells of an older layout.
    fn chosen(&mut self) {
        let settings = self.evidence.settings.as_deref();
        let settings = settings.and_then(|settings| CircuitSettings::parse(settings).ok());
        let subject = self.findings.rebuilt.subject.as_ref().ok();
        let made = subject
            .and_then(|subject| Some(&subject.committed.as_ref()?.circuit))
            .filter(|circuit| {
                let same = |settings| laid_out_otherwise(circuit, settings).is_none();
                settings.as_ref().is_some_and(same)
            });
        let request = &self.stored.request;
        let circuit = ProvedCircuit {
            settings: settings.as_ref(),
            lowering: self.again.lowering.as_ref(),
            roundings: made.map(CommittedCircuit::roundings),
        };
        let chosen = chosen::of_circuit(request, &circuit);
        let otherwise = chosen::asked_otherwise(request, chosen, &circuit);
        self.again.request.chosen = chosen;
        for (place, what) in otherwise {
            self.wrong(place, what);
        }
    }

    /// What was asked of the run and of the file, which other fields tell as well.
    fn asked_of_run(&mut self) {
        let request = &self.stored.request;
        let proofs = || {
            let phases = self.stored.phases.iter();
            phases.filter(|phase| phase.phase == Phase::Prove)
        };
        let warm_ups = proofs()
            .filter(|proof| proof.source == PhaseSource::WarmUp)
            .count();
        let counted = proofs().count() - warm_ups;
        let has_proof = self.evidence.proof.is_some();
        let mut wrong = Vec::new();
        if has_proof && warm_ups != request.warmup {
            let what = format!("{warm_ups} proofs were made first and not counted, by `phases`");
            wrong.push(("request.warmup", what));
        }
        if has_proof && counted != request.runs {
            wrong.push((
                "request.runs",
                format!("{counted} proofs were counted, by `phases`"),
            ));
        }
        match self.stored.outcome {
            Outcome::TimedOut { limit_seconds, .. } if limit_seconds != request.timeout_seconds => {
                wrong.push((
                    "request.timeout_seconds",
                    format!("the run ended after {limit_seconds} s"),
                ));
            }
            Outcome::OutOfMemory { limit_bytes, .. }
                if request
                    .memory_limit_bytes
                    .is_some_and(|asked| asked != limit_bytes) =>
            {
                wrong.push((
                    "request.memory_limit_bytes",
                    format!("the run ended at {limit_bytes} bytes"),
                ));
            }
            _ => {}
        }
        // Processor time, since a suspended worker's wall time is longer than its limit. Twice the limit leaves room for the interpreter's threads.
        let threads = self.stored.environment.threads.max(1) as f64;
        let took = |phase: &PhaseMeasurement| Some((phase.phase, phase.cpu_seconds? / threads));
        let own = (self.stored.phases.iter()).filter(|phase| phase.source != PhaseSource::Cached);
        let too_long =
            (own.filter_map(took)).find(|&(_, seconds)| seconds > 2.0 * request.timeout_seconds as f64);
        if let Some((phase, seconds)) = too_long {
            wrong.push((
                "request.timeout_seconds",
                format!("the phase {phase} took at least {seconds:.1} s"),
            ));
        }
        // Only a file leaves sizes open, and only a file's or a network's output has other forms.
        let is_network = suite::find(&request.id).is_ok_and(|spec| is_network(spec, request));
        if !request.is_of_file() && !request.dimensions.is_empty() {
            wrong.push((
                "request.dimensions",
                "the suite's models leave no size open".to_owned(),
            ));
        }
        if !request.is_of_file() && !is_network && request.output != OutputForm::Model {
            wrong.push((
                "request.output",
                "the suite's models have no other output".to_owned(),
            ));
        }
        if request.scale_factors.is_some() && request.plan.kind() != CircuitKind::Committed {
            let what = "no other circuit than a committed one has such factors";
            wrong.push(("request.scale_factors", what.to_owned()));
        }
        for (place, what) in wrong {
            self.wrong(place, what);
        }
    }

    fn set(&mut self) {
        match &self.findings.set {
            None => {}
            Some(Ok(Measured { set, by_record_only })) => {
                self.again.set = Some(set.clone());
                for (&what, why) in by_record_only {
                    self.by_record_only(&[what], why);
                }
                // The set's input is the first part's, and what every part makes follows from its range.
                if let Some(why) = by_record_only.get(&What::InputRange) {
                    self.by_record_only(&[What::Input, What::Output], why);
                }
            }
            Some(Err(why)) => self.wrong("set", why.clone()),
        }
    }

    fn batch(&mut self) {
        match &self.findings.batch {
            None => {}
            Some(Ok(batch)) => self.again.batch = Some(batch.clone()),
            Some(Err(why)) => self.wrong("batch", why.clone()),
        }
    }

    /// Ledger and outcome, from everything before.
    fn claims(&mut self) {
        let subject = self.findings.rebuilt.subject.as_ref().ok();
        let integers = subject
            .filter(|subject| subject.committed.is_none())
            .and_then(|subject| {
                let settings = facts::circuit_settings(&self.again)?;
                subject.integer_program(&settings).ok()
            });
        let model = subject.and_then(|subject| {
            Some(KnownModel {
                graph: subject.graph.as_ref().ok()?,
                integers: integers.as_deref(),
            })
        });
        let mut facts = facts::facts(&self.again, self.evidence, model);
        if let Some(string) = self.findings.string {
            facts.negated_s_g2 = Some(string.negated_s_g2);
        }
        let ledger = ledger::derive(&facts);
        match self.outcome(&ledger) {
            Some(outcome) => self.again.outcome = outcome,
            None if self.stored.outcome == Outcome::Verified => {
                self.wrong(
                    "outcome",
                    "it says verified, and the evidence holds no proof that can be verified",
                );
            }
            None => {}
        }
        self.again.ledger = Some(ledger);
        let numerics = self
            .again
            .ledger
            .as_ref()
            .and_then(|ledger| ledger.item(What::Model));
        let compared = numerics.is_some_and(|item| item.finding == Finding::Exact);
        if compared && self.numerics.is_none() {
            self.by_record_only(&[What::Model], "the integers were not compared again");
        }
    }

    /// How the run must have ended, where its proof and its verifier are there to tell.
    fn outcome(&self, ledger: &Ledger) -> Option<Outcome> {
        let on_chain = self.findings.on_chain.ok()?;
        self.evidence.creation_code.as_ref()?;
        let accepted_wrongly = on_chain
            .finding()
            .filter(|finding| matches!(finding, Outcome::Unsound { .. }));
        if accepted_wrongly.is_some() {
            return accepted_wrongly;
        }
        if let Some(finding) = self.again.function.as_ref().and_then(FunctionCheck::finding) {
            return Some(finding);
        }
        if let Some(Err(outcome)) = &self.numerics {
            return Some(outcome.clone());
        }
        if let Some(numerics) = &self.again.numerics
            && let Some(finding) = numerics::unjudged(&numerics.integer, self.again.function.as_ref())
                .or_else(|| numerics.finding())
        {
            return Some(finding);
        }
        if !self.again.proof.as_ref()?.natively_verified {
            return Some(Outcome::Rejected {
                why: "EZKL's own verifier rejects the proof".to_owned(),
            });
        }
        if let Some(finding) = on_chain.finding() {
            return Some(finding);
        }
        if let Some(Ok(Measured { set, .. })) = &self.findings.set
            && let Some(wrong) = set.measurement.failed()
        {
            return Some(Outcome::Failed {
                step: "linked set".to_owned(),
                message: wrong.sentence(),
            });
        }
        if let Some(Ok(batch)) = &self.findings.batch
            && let Some(wrong) = batch.measurement.failed()
        {
            return Some(Outcome::Failed {
                step: "batch".to_owned(),
                message: wrong.sentence(),
            });
        }
        Some(match ledger.unsound() {
            Some(item) => Outcome::Unsound {
                control: item.sentence.clone(),
            },
            None => Outcome::Verified,
        })
    }
}

/// solc's release, without the machine that it was built for.
fn release(version: &str) -> String {
    version.split('.').take(4).collect::<Vec<_>>().join(".")
}

/// What the settings say of the model that does not hang on how its circuit is laid out, where the model says otherwise: how
/// many elements are committed to as input and output, and which values are public.
fn contradicted(circuit: &CommittedCircuit, settings: &CircuitSettings) -> Option<String> {
    let Some(found) = settings.file().committed_sizes(circuit.output_public()) else {
        return Some("the settings commit to no committed circuit's tensors".to_owned());
    };
    let expected = circuit.sizes();
    let committed = |sizes: CommittedSizes| (sizes.input, sizes.output);
    if committed(found) != committed(expected) {
        let message = format!(
            "{} elements of input and {} of output are committed to, and the model has {} and {}",
            found.input, found.output, expected.input, expected.output
        );
        return Some(message);
    }
    let shown: Vec<u64> = circuit.shown_sizes().map(|size| size as u64).collect();
    (settings.file().public_sizes() != Some(shown))
        .then(|| "the model has other public values than the settings".to_owned())
}

/// How the circuit that this evmbench makes of the model differs from the one in the settings, if it does.
fn laid_out_otherwise(circuit: &CommittedCircuit, settings: &CircuitSettings) -> Option<String> {
    let sizes = settings.file().committed_sizes(circuit.output_public());
    let differences = [
        ("cells", settings.cells() != circuit.cells() as u64),
        ("rows", settings.logrows() != circuit.logrows()),
        (
            "columns",
            settings.inner_columns() != circuit.inner_columns() as u64,
        ),
        ("committed tensors", sizes != Some(circuit.sizes())),
        (
            "tables",
            settings.lookup_range() != circuit.table_range().unwrap_or((0, 0)),
        ),
    ];
    let what = differences.into_iter().find(|(_, differs)| *differs);
    what.map(|(what, _)| format!("this evmbench lays the model out with other {what}"))
}

/// The name of a suite of evmbench's.
fn suite_name(suite: &str) -> FileName {
    FileName::new(suite).expect("a suite's name is a folder's")
}
