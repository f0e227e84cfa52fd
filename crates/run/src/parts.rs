//! Records of a model's parts → what verifying them as one set comes to, and what that takes.
//!
//! Goes in: the parts' records with their evidence. Comes out: [`Measured`]: the gas of one transaction that verifies all
//! parts, with a pairing for each and with one for all, and the contracts' answers to less than the set. No prover is asked. Every
//! part is derived again from its evidence first, and must be verified; its sizes, and who assures that the set's input is in
//! range, are those that were derived. [`SetRuns`] has what the set's contracts are deployed for, from the evidence alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;

use evmbench_committed::{CommittedSizes, InputAssurance};
use evmbench_evm::chain::Fork;
use evmbench_evm::solidity::opening::Sharing;
use evmbench_evm::solidity::{CompileOptions, Solc};
use evmbench_ezkl::{
    CircuitPlan, CircuitSettings, Committed, CommittedPlan, Proof, ProverError, SettingsError, SrsIdentity,
    lookups,
};
use evmbench_guard::guard::batch::{BatchError, Opened};
use evmbench_guard::guard::linked::{self, LinkedPart, SetCreation};
use evmbench_guard::guard::one_pairing::{self, OnePairingMeasurement, OpenedPart};
use evmbench_guard::guard::{GuardContracts, GuardError, VerifierCode};
use evmbench_host::hint::Hint;
use evmbench_ledger::ledger::What;
use evmbench_schema::record::{Evidence, Lowering, Outcome, PartRequest, PartSet, Record, Request};
use evmbench_schema::split::SharedTensor;
use evmbench_store::{self as store, StoreError, StoredRun};

pub use crate::derivation::Measured;
use crate::derivation::{self, Discrepancy, Exhibits, Given, Rederived, Tools};

/// Records that are not measured as a set.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A record or its evidence is not there, or not what it says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// EZKL cannot be run.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// The parts are no set, or their contract does not accept it.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A part's opening does not compile.
    #[error(transparent)]
    Opening(#[from] BatchError),
    /// A part's record says otherwise than its evidence.
    #[error("{}: {found}", path.display())]
    NotBorneOut {
        /// The record.
        path: PathBuf,
        /// The first thing that differs.
        found: Discrepancy,
    },
    /// A part's evidence does not lead to a verified proof.
    #[error("{} is not verified: {outcome}", path.display())]
    NotVerified {
        /// The record.
        path: PathBuf,
        /// How its run ended.
        outcome: Outcome,
    },
    /// A part's circuit does not assure the range of its input as the record says it does.
    #[error("{}: {reason}", path.display())]
    Range {
        /// The record.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A record is of another part than its place in the set is for.
    #[error("{} is not part {} of the set", path.display(), index + 1)]
    OtherPart {
        /// The record.
        path: PathBuf,
        /// Its place, from 0.
        index: usize,
    },
    /// A part's input has another scale factor than the tensor that it is, or bounds that do not hold all of it.
    #[error("{}: its input is not laid out as the tensor of part {} that it is", path.display(), tensor_of + 1)]
    OtherBounds {
        /// The record.
        path: PathBuf,
        /// The part that the tensor is of, from 0.
        tensor_of: usize,
    },
    /// A part's keys rest on another reference string than the first part's.
    #[error("{}: its keys rest on another reference string than the first part's", path.display())]
    OtherString {
        /// The record.
        path: PathBuf,
    },
    /// There are more or fewer records than the model has parts.
    #[error("{found} records, and the model is split into {expected} parts")]
    PartCount {
        /// As many as there are.
        found: usize,
        /// As many as there should be.
        expected: usize,
    },
    /// A record is of no part, or has no proof in a committed circuit.
    #[error("{} holds no proof of a part of a model", path.display())]
    NoPart {
        /// The record.
        path: PathBuf,
    },
}

impl Hint for PartsError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::NotBorneOut { .. } | Self::NotVerified { .. } => {
                Some("remove the part's record and prove it again with --resume".into())
            }
            Self::Prover(_)
            | Self::Guard(_)
            | Self::Opening(_)
            | Self::Range { .. }
            | Self::OtherPart { .. }
            | Self::OtherBounds { .. }
            | Self::OtherString { .. }
            | Self::PartCount { .. }
            | Self::NoPart { .. } => Some("prove the parts again, all with the same arguments".into()),
        }
    }
}

/// What a part's request and evidence hold for the set's contracts. All of it but the part's place follows from the evidence.
#[derive(Debug, Clone)]
struct PartRun {
    source: String,
    creation: Bytes,
    runtime: Bytes,
    proof: Proof,
    committed: Committed,
    sizes: CommittedSizes,
    input_range: InputAssurance,
    place: PartRequest,
    request: Request,
}

impl PartRun {
    /// None where there is no proof of a part, or no committed circuit.
    fn of(request: Request, evidence: Evidence) -> Option<Self> {
        let place = request.part.clone()?;
        let (sizes, committed) = derivation::committed(request.plan, &evidence)?;
        Some(Self {
            source: evidence.verifier_source?,
            creation: evidence.creation_code?.into(),
            runtime: evidence.runtime_code?.into(),
            proof: Proof {
                proof: evidence.proof?,
                instances: evidence.instances?,
            },
            committed,
            sizes,
            input_range: request.plan.as_committed()?.assurance(),
            place,
            request,
        })
    }

    fn linked(&self) -> LinkedPart<'_> {
        LinkedPart {
            code: VerifierCode {
                creation: &self.creation,
                runtime: &self.runtime,
            },
            proof: &self.proof,
            committed: &self.committed,
            input_elements: self.sizes.input as u64,
            output_elements: self.sizes.output as u64,
            source: self.place.split.source(self.place.index),
            input_range: self.input_range,
        }
    }

    /// The opening of the part's verifier, compiled as the verifier; none where it has none, or none that fits into a contract under the
    /// fork.
    fn opening(&self, solc: &Solc) -> Result<Option<Opened>, BatchError> {
        let options = CompileOptions::with_runs(self.request.optimizer_runs);
        let opening = Opened::of_any(solc, &self.source, Sharing::Key, &options)?;
        let most = self.request.fork.limits().runtime_code_bytes;
        Ok(opening.filter(|opening| opening.compiled.runtime_code.len() as u64 <= most))
    }
}

/// A part whose record was found out again.
struct Part {
    run: PartRun,
    srs: SrsIdentity,
    lowering: Option<Lowering>,
    by_record_only: BTreeMap<What, String>,
}

impl Part {
    /// What a set's contract is deployed for follows from the part's evidence, not from what its record says of it.
    fn load(path: &Path, given: Given<'_>, tools: &Tools) -> Result<Self, PartsError> {
        let no_part = || PartsError::NoPart {
            path: path.to_owned(),
        };
        let run = StoredRun::open(path)?;
        let found = derivation::rederive_alone(&run, given, tools)?;
        // What the set came to is in the last part's record: it is what is to be found out.
        let of_set = |found: &Discrepancy| run.record().set.is_some() && found.place.starts_with("outcome");
        if let Some(found) = found.discrepancies.iter().find(|found| !of_set(found)) {
            return Err(PartsError::NotBorneOut {
                path: path.to_owned(),
                found: found.clone(),
            });
        }
        let Rederived {
            record,
            by_record_only,
            ..
        } = found;
        if record.outcome != Outcome::Verified {
            return Err(PartsError::NotVerified {
                path: path.to_owned(),
                outcome: record.outcome,
            });
        }
        let evidence = Exhibits::of(&run).evidence;
        let plan = record.request.plan.as_committed().ok_or_else(no_part)?;
        let (sizes, _) = derivation::committed(record.request.plan, &evidence).ok_or_else(no_part)?;
        let lacks = lacks_range(plan, &record, &evidence, sizes);
        if let Some(reason) = lacks.map_err(|_| no_part())? {
            return Err(PartsError::Range {
                path: path.to_owned(),
                reason,
            });
        }
        let run = PartRun::of(record.request, evidence).ok_or_else(no_part)?;
        let of_part = |(what, why): (What, String)| (what, format!("{}: {why}", run.place));
        Ok(Self {
            srs: record.keys.ok_or_else(no_part)?.srs,
            lowering: record.lowering,
            by_record_only: by_record_only.into_iter().map(of_part).collect(),
            run,
        })
    }
}

/// The parts of a set, as they are deployed and verified anywhere.
#[derive(Debug, Clone)]
pub struct SetRuns {
    parts: Vec<PartRun>,
    /// The openings of all parts' verifiers; none where some part has none.
    openings: Option<Vec<Opened>>,
}

impl SetRuns {
    /// Of the set whose last part a stored run is; none where its record tells of no set. That the records are what their evidence says,
    /// [`measure`] finds out.
    ///
    /// # Errors
    /// [`PartsError`].
    pub fn of(run: &StoredRun, solc: &Solc) -> Result<Option<Self>, PartsError> {
        let Some(set) = &run.record().set else {
            return Ok(None);
        };
        let paths = paths(run.path(), set);
        let load = |path: &PathBuf| -> Result<PartRun, PartsError> {
            let run = StoredRun::open(path)?;
            let Exhibits {
                evidence,
                discrepancies,
                ..
            } = Exhibits::of(&run);
            let path = || path.clone();
            if let Some(found) = discrepancies.into_iter().next() {
                return Err(PartsError::NotBorneOut { path: path(), found });
            }
            let part = PartRun::of(run.into_record().request, evidence);
            part.ok_or_else(|| PartsError::NoPart { path: path() })
        };
        let parts: Vec<PartRun> = paths.iter().map(load).collect::<Result<_, _>>()?;
        check_places(&paths, &parts.iter().collect::<Vec<_>>())?;
        let openings = parts.iter().map(|part| part.opening(solc));
        let openings = openings.collect::<Result<Option<Vec<Opened>>, _>>()?;
        Ok(Some(Self { parts, openings }))
    }

    /// The source of each part's verifier.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| &part.source[..])
    }

    /// The openings of all parts' verifiers; none where some part has none.
    pub fn openings(&self) -> Option<&[Opened]> {
        self.openings.as_deref()
    }

    /// What deploys the set: with a pairing for each part, then with one for all, where each has an opening.
    ///
    /// # Errors
    /// [`PartsError::Guard`] where the parts cannot be linked.
    pub fn creations(&self) -> Result<Vec<SetCreation<'_>>, PartsError> {
        let contracts = GuardContracts::carried();
        let linked: Vec<LinkedPart<'_>> = self.parts.iter().map(PartRun::linked).collect();
        let plain = linked::creation(contracts, &linked);
        let of_openings = self.openings.iter();
        let one = of_openings.map(|openings| one_pairing::creation(contracts, &opened(&linked, openings)));
        let creations = std::iter::once(plain).chain(one);
        Ok(creations.collect::<Result<_, _>>().map_err(GuardError::from)?)
    }
}

fn opened<'a>(parts: &[LinkedPart<'a>], openings: &'a [Opened]) -> Vec<OpenedPart<'a>> {
    let parts = parts.iter().zip(openings);
    parts
        .map(|(&part, opening)| OpenedPart {
            part,
            opening: &opening.compiled,
        })
        .collect()
}

/// What the set comes to with one pairing; none where some part has no opening.
fn with_one_pairing(
    fork: Fork,
    parts: &[Part],
    linked: &[LinkedPart<'_>],
    tools: &Tools,
) -> Result<Option<OnePairingMeasurement>, PartsError> {
    let openings = parts.iter().map(|part| part.run.opening(&tools.solc));
    let Some(openings) = openings.collect::<Result<Option<Vec<Opened>>, _>>()? else {
        return Ok(None);
    };
    let measured = one_pairing::measure(GuardContracts::carried(), fork, &opened(linked, &openings))?;
    Ok(Some(measured))
}

/// Refuses parts that are not all parts of one model, in order, asked for alike.
fn check_places(paths: &[PathBuf], parts: &[&PartRun]) -> Result<(), PartsError> {
    let found = parts.len();
    let first = parts
        .first()
        .ok_or(PartsError::PartCount { found, expected: 2 })?;
    let expected = first.place.split.parts();
    if found != expected {
        return Err(PartsError::PartCount { found, expected });
    }
    let asked = asked_alike(&first.request);
    for (index, (part, path)) in parts.iter().zip(paths).enumerate() {
        let is_alike = part.place.split == first.place.split && asked_alike(&part.request) == asked;
        if part.place.index != index || !is_alike {
            let path = path.clone();
            return Err(PartsError::OtherPart { path, index });
        }
    }
    Ok(())
}

/// Whether a part's input is laid out for a tensor of another part: with the same scale factor, and for all that its integers can be.
fn is_laid_out_for(from: &Lowering, tensor: SharedTensor, to: &Lowering) -> bool {
    let tensor = match tensor {
        SharedTensor::Input => from.layers.first(),
        SharedTensor::Output => from.layers.last(),
    };
    let (Some(tensor), Some(input)) = (tensor, to.layers.first()) else {
        return false;
    };
    tensor.unit.to_bits() == input.unit.to_bits() && tensor.bounds.hull(input.bounds) == input.bounds
}

/// What every part of a set was asked for alike: everything but its place, who sees its input and its output, and what a run may
/// take.
fn asked_alike(request: &Request) -> Request {
    let plan = match request.plan {
        CircuitPlan::Committed(plan) => CircuitPlan::Committed(plan.of_part(true, true)),
        other @ (CircuitPlan::Study(_) | CircuitPlan::Direct(_)) => other,
    };
    Request {
        part: None,
        plan,
        runs: 0,
        warmup: 0,
        timeout_seconds: 0,
        memory_limit_bytes: None,
        threads: None,
        ..request.clone()
    }
}

/// What a part's circuit lacks of the assurance that its input is in range, if anything: what was asked for must be what it has.
/// A registered input needs nothing of the circuit: its contract takes the one commitment that it is deployed for.
fn lacks_range(
    plan: CommittedPlan,
    record: &Record,
    evidence: &Evidence,
    sizes: CommittedSizes,
) -> Result<Option<&'static str>, SettingsError> {
    let settings = CircuitSettings::parse(evidence.settings.as_deref().unwrap_or_default())?;
    let key = evidence.verifying_key.as_deref().unwrap_or_default();
    let assurance = plan.as_chosen(record.request.chosen).circuit_assurance();
    Ok(match assurance {
        InputAssurance::Linked | InputAssurance::Registered => None,
        InputAssurance::Public => {
            let shown = settings.file().public_sizes().unwrap_or_default();
            // Check, challenge, the output where it is public, and the input.
            let is_shown = shown.len() == 3 + usize::from(plan.output_public())
                && shown.last() == Some(&(sizes.input as u64));
            (!is_shown).then_some("its input is said to be public, and is not among the public values")
        }
        InputAssurance::Ranged | InputAssurance::Table => {
            let layout = record
                .lowering
                .as_ref()
                .and_then(|lowering| lowering.layout.as_ref());
            let expected = layout.map(|layout| &layout.lookups[..]);
            let holds = lookups::holds_input(&settings, key, expected, assurance, sizes.input as u64);
            (holds != Some(true))
                .then_some("its input is said to be looked up, and its key does not look all of it up")
        }
    })
}

/// Derives the parts whose records stand at these paths, in order, and verifies them as one set, under their fork.
///
/// # Errors
/// [`PartsError`].
pub fn measure(paths: &[PathBuf], given: Given<'_>, tools: &Tools) -> Result<Measured, PartsError> {
    let parts: Vec<Part> = paths
        .iter()
        .map(|path| Part::load(path, given, tools))
        .collect::<Result<_, _>>()?;
    check_places(paths, &parts.iter().map(|part| &part.run).collect::<Vec<_>>())?;
    let first = &parts[0];
    for (index, part) in parts.iter().enumerate() {
        let path = || paths[index].clone();
        if part.srs != first.srs {
            return Err(PartsError::OtherString { path: path() });
        }
        if let Some(source) = part.run.place.split.source(index)
            && let (Some(from), Some(to)) = (&parts[source.part].lowering, &part.lowering)
            && !is_laid_out_for(from, source.tensor, to)
        {
            return Err(PartsError::OtherBounds {
                path: path(),
                tensor_of: source.part,
            });
        }
    }
    let fork = first.run.request.fork;
    let linked: Vec<LinkedPart<'_>> = parts.iter().map(|part| part.run.linked()).collect();
    let mut measurement = linked::measure(GuardContracts::carried(), fork, &linked)?;
    measurement.one_pairing = with_one_pairing(fork, &parts, &linked, tools)?;
    Ok(Measured {
        set: PartSet {
            measurement,
            parts: parts.iter().map(|part| part.run.request.file_name()).collect(),
        },
        by_record_only: parts
            .into_iter()
            .rev()
            .flat_map(|part| part.by_record_only)
            .collect(),
    })
}

/// The records of a set's parts: the last one's is at `path`, and the others stand beside it.
pub fn paths(path: &Path, set: &PartSet) -> Vec<PathBuf> {
    store::in_order(path, &set.parts)
}

/// The records of all parts of a model, in order, where the one at `path` is the last one's and the others lie beside it; none
/// where one of them does not.
pub fn beside(path: &Path, record: &Record) -> Option<Vec<PathBuf>> {
    let place = record.request.part.as_ref()?;
    let asked = asked_alike(&record.request);
    let mut paths = vec![None; place.split.parts()];
    if place.index + 1 != paths.len() {
        return None;
    }
    paths[place.index] = Some(path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    for entry in std::fs::read_dir(folder.unwrap_or(Path::new(".")))
        .ok()?
        .flatten()
    {
        let other = path.with_file_name(entry.file_name());
        if other.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Ok(Record { request, .. }) = store::load(&other) else {
            continue;
        };
        if let Some(part) = &request.part
            && part.split == place.split
            && asked_alike(&request) == asked
            && let Some(path @ None) = paths.get_mut(part.index)
        {
            *path = Some(other);
        }
    }
    paths.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use evmbench_schema::committed::{CommittedSizes, LayerBounds};
    use evmbench_schema::interval::Interval;

    use super::*;

    #[test]
    fn later_parts_are_of_the_first_ones_choices() {
        let folder = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../results/parts/scaling"
        ));
        let records: Vec<PathBuf> = store::record_paths(folder).unwrap();
        let part = |name: &str| {
            let path = records.iter().find(|path| path.to_string_lossy().contains(name));
            let path = folder.join(path.unwrap());
            let run = StoredRun::open(&path).unwrap();
            let evidence = Exhibits::of(&run).evidence;
            (path, PartRun::of(run.into_record().request, evidence).unwrap())
        };
        let [first, mut second] = ["part1of2", "part2of2"].map(part);
        let paths = [first.0, second.0];
        assert!(check_places(&paths, &[&first.1, &second.1]).is_ok());
        second.1.request.chosen.as_mut().unwrap().digit_bits -= 1;
        let found = check_places(&paths, &[&first.1, &second.1]);
        assert!(
            matches!(found, Err(PartsError::OtherPart { index: 1, .. })),
            "{found:?}"
        );
    }

    #[test]
    fn an_input_must_hold_all_of_the_tensor_that_it_is() {
        let layer = |least: i128, greatest: i128, unit: f64| LayerBounds {
            layer: String::new(),
            bounds: Interval { least, greatest },
            unit,
            claimed: true,
            rounded: false,
            in_digits: false,
        };
        let of = |layers: Vec<LayerBounds>| Lowering {
            input_assurance: InputAssurance::Linked,
            committed_elements: CommittedSizes {
                input: 1,
                output: 0,
                claims: 0,
            },
            output_unit: layers[1].unit,
            layers,
            layout: None,
        };
        let from = of(vec![layer(-5, 5, 128.0), layer(0, 9, 512.0)]);
        for (input, tensor, fits) in [
            (layer(0, 9, 512.0), SharedTensor::Output, true),
            (layer(-1, 20, 512.0), SharedTensor::Output, true),
            (layer(0, 8, 512.0), SharedTensor::Output, false),
            (layer(0, 9, 256.0), SharedTensor::Output, false),
            (layer(-5, 5, 128.0), SharedTensor::Input, true),
            (layer(-4, 5, 128.0), SharedTensor::Input, false),
        ] {
            let to = of(vec![input.clone(), layer(0, 0, 1.0)]);
            assert_eq!(is_laid_out_for(&from, tensor, &to), fits, "{input:?}");
        }
    }
}
