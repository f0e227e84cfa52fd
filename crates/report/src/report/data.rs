//! The records that a report is made from, each under a name for people, in a stable order.
//!
//! Goes in: folders of records, or folders at git revisions. Comes out: [`Dataset`]: entries in the suites' order, and
//! every file that was left out with the reason, so that no gap is silent.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::chain::{Fits, Fork};
use crate::committed::CheckedRange;
use crate::compare::{RecordSet, SetError};
use crate::format;
use crate::metric::Metric;
use crate::record::{DEFAULT_RUNS, DEFAULT_SEED, Outcome, Record, Request, Source};
use crate::solidity::DEFAULT_OPTIMIZER_RUNS;
use crate::suite::{self, Category};
use evmbench_schema::plan::{CircuitKind, CircuitPlan, Io, VerifierKind};

use super::ReportError;

/// Records, and what could not be used.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// What the user named.
    pub folders: Vec<String>,
    /// The records, in the suites' order, ONNX files after them; then by scale, kind of circuit and name.
    pub entries: Vec<Entry>,
    /// Files that were left out.
    pub left_out: Vec<LeftOut>,
}

/// A record with its names.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `suite/name`, the name of its run.
    pub experiment: String,
    /// Its file, with the folder that was named.
    pub path: PathBuf,
    /// The commit that it was read from; absent for a folder.
    pub commit: Option<String>,
    /// The record.
    pub record: Record,
    /// Whether another record has the same choices, so that its label names the record.
    is_further: bool,
}

/// A file that is in no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file, with the folder that was named.
    pub path: PathBuf,
    /// Why, as what is said of it.
    pub reason: String,
}

impl Dataset {
    /// Reads every folder.
    ///
    /// # Errors
    /// [`ReportError`] where a folder is not there, or none of them holds a record that can be used.
    pub fn read(folders: &[String]) -> Result<Self, ReportError> {
        let mut dataset = Self::default();
        for folder in folders {
            match RecordSet::open(folder) {
                Ok(set) => dataset.add(set),
                // Another folder may hold records.
                Err(SetError::Empty { name }) => dataset.left_out.push(LeftOut {
                    path: PathBuf::from(&name),
                    reason: "holds no record".to_owned(),
                }),
                Err(error) => return Err(error.into()),
            }
        }
        folders.clone_into(&mut dataset.folders);
        if dataset.entries.is_empty() {
            return Err(ReportError::NoRecords {
                left_out: dataset.left_out,
            });
        }
        dataset
            .entries
            .sort_by_cached_key(|entry| (entry.order(), entry.experiment.clone()));
        dataset.tell_apart();
        Ok(dataset)
    }

    /// No two records have one label: headlines are called by their choices alone, and of several others that differ in none, all but
    /// the first by their names besides.
    fn tell_apart(&mut self) {
        let headlines: HashSet<String> = self
            .headlines()
            .into_iter()
            .map(|entry| entry.experiment.clone())
            .collect();
        let mut labels = HashSet::new();
        for is_headline in [true, false] {
            for entry in &mut self.entries {
                if headlines.contains(&entry.experiment) == is_headline {
                    entry.is_further = !labels.insert(entry.label());
                }
            }
        }
    }

    fn add(&mut self, set: RecordSet) {
        let folder = PathBuf::from(&set.name);
        let there = self.entries.iter();
        let there: HashMap<_, _> = there
            .map(|entry| (entry.experiment.clone(), entry.path.clone()))
            .collect();
        for problem in set.problems {
            self.left_out.push(LeftOut {
                path: folder.join(problem.path),
                reason: problem.reason,
            });
        }
        for (experiment, record) in set.records {
            let path = folder.join(&set.paths[&experiment]);
            // Two of one run would count twice in every sum.
            if let Some(first) = there.get(&experiment) {
                let reason = format!("is the same run as {}", first.display());
                self.left_out.push(LeftOut { path, reason });
            } else {
                self.entries.push(Entry {
                    experiment,
                    path,
                    commit: set.commit.clone(),
                    record,
                    is_further: false,
                });
            }
        }
    }

    /// One record for each model, scale and kind of circuit: the one that was asked for with every default but runs, limits
    /// and a committed circuit's layout, or any of an ONNX file; of several, one that was verified, was asked for with every default, and
    /// has the default number of proofs, or else most.
    pub fn headlines(&self) -> Vec<&Entry> {
        let mut headlines: Vec<&Entry> = Vec::new();
        let mut places = HashMap::new();
        for entry in self.entries.iter().filter(|entry| entry.is_headline()) {
            let place = *places.entry(entry.identity()).or_insert(headlines.len());
            match headlines.get_mut(place) {
                None => headlines.push(entry),
                Some(headline) if entry.weight() > headline.weight() => *headline = entry,
                Some(_) => {}
            }
        }
        headlines
    }

    /// Of [`Self::headlines`], those of the study's models.
    pub fn study_headlines(&self) -> Vec<&Entry> {
        let mut headlines = self.headlines();
        headlines.retain(|entry| entry.is_of_study());
        headlines
    }

    /// Whether any record is about a model of the study.
    pub fn has_study(&self) -> bool {
        self.entries.iter().any(Entry::is_of_study)
    }

    /// The entry of a run, by `suite/name` or by its name alone.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.experiment == name || entry.name() == name)
    }
}

impl Entry {
    /// The name of its run, without the suite.
    pub fn name(&self) -> &str {
        let (_, name) = self.experiment.split_once('/').unwrap_or_default();
        name
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.record.request
    }

    /// The fingerprint of its machine.
    pub fn machine(&self) -> &str {
        &self.record.environment.machine.fingerprint
    }

    /// The revision of evmbench that made it, as tables show it; empty where the record has none.
    pub fn revision(&self) -> &str {
        let revision = self
            .record
            .environment
            .git_revision
            .as_deref()
            .unwrap_or_default();
        revision.get(..8).unwrap_or(revision)
    }

    /// Whether it is about an ONNX file of the user's.
    pub fn is_users(&self) -> bool {
        self.request().onnx_sha256.is_some()
    }

    /// Whether it is about a model of the study. A file may have the name of one.
    pub fn is_of_study(&self) -> bool {
        let is_of_study =
            |category| matches!(category, Category::Core | Category::Scaling | Category::Composite);
        !self.is_users() && suite::find(&self.request().id).is_ok_and(|model| is_of_study(model.category))
    }

    /// The kind of its circuit.
    pub fn kind(&self) -> CircuitKind {
        self.record.request.plan.kind()
    }

    /// The fixed-point scale that was asked for.
    pub fn scale(&self) -> u32 {
        self.record.request.plan.scale()
    }

    /// For people: `relu, scale 7`, with whatever else was chosen: `dense_small, scale 7, input private`.
    pub fn label(&self) -> String {
        let mut parts = self.parts_of_label();
        parts.extend(self.image());
        parts.extend(self.further());
        parts.join(", ")
    }

    /// What tells it from another record with the same choices.
    fn further(&self) -> Option<String> {
        self.is_further.then(|| format!("record {}", self.name()))
    }

    /// [`Self::label`] of its circuit, whatever image was proved.
    pub fn label_of_circuit(&self) -> String {
        self.parts_of_label().join(", ")
    }

    fn parts_of_label(&self) -> Vec<String> {
        let mut parts = vec![self.request().id.to_string(), self.scale_in_words()];
        if self.kind() != CircuitKind::Direct {
            parts.push(self.kind().to_string());
        }
        parts.extend(self.choices_of_circuit());
        parts.extend(self.column_by_default());
        parts
    }

    /// A committed circuit has two inner columns, or one where nobody asked for that and two save no rows.
    fn column_by_default(&self) -> Option<String> {
        let is_asked_for = self.request().plan.inner_columns().is_some();
        let is_one =
            self.kind() == CircuitKind::Committed && Metric::InnerColumns.whole(&self.record) == Some(1);
        (is_one && !is_asked_for).then(|| "1 column".to_owned())
    }

    /// `scale 7`; of the study's circuit, whose calibration chooses scales, `scale 10 (13 used)`.
    pub fn scale_in_words(&self) -> String {
        let asked = self.scale();
        let circuit = self.record.circuit.as_ref();
        let used = circuit.filter(|circuit| {
            self.kind() == CircuitKind::Study && i64::from(circuit.input_scale) != i64::from(asked)
        });
        let used = used.map(|circuit| format!(" ({} used)", circuit.input_scale));
        format!("scale {asked}{}", used.unwrap_or_default())
    }

    /// The kind of its circuit, with what differs from the defaults: `committed, input registered`.
    pub fn circuit(&self) -> String {
        let mut parts = vec![self.kind().to_string()];
        parts.extend(self.differences());
        parts.extend(self.further());
        parts.join(", ")
    }

    /// What differs from the defaults, whoever chose it: [`Self::choices`], and one column that nobody asked for.
    pub fn differences(&self) -> Vec<String> {
        let mut differences = self.choices();
        differences.extend(self.column_by_default());
        differences
    }

    /// How it gets on chain under mainnet's fork of today; none where it was not tried there.
    pub fn fits_today(&self) -> Option<Fits> {
        let fits = self.record.fits();
        let today = fits.iter().find(|fit| fit.fork() == Fork::default());
        today.map(Fits::of)
    }

    /// What was chosen otherwise than by default, of what changes circuit, verifier, proof or gas. Runs and limits do not.
    pub fn choices(&self) -> Vec<String> {
        self.choices_of_circuit()
            .into_iter()
            .chain(self.image())
            .collect()
    }

    /// The test image that was proved, where it is not the first.
    fn image(&self) -> Option<String> {
        let number = self.request().sample.filter(|&number| number != 0)?;
        Some(format!("image {number}"))
    }

    /// [`Self::choices`] but for the image.
    fn choices_of_circuit(&self) -> Vec<String> {
        let request = self.request();
        let plan = request.plan;
        let mut choices = Vec::new();
        if let Some(default) = self.default_plan() {
            let visibilities = [
                ("input", plan.input_visibility(), default.input_visibility()),
                ("output", plan.output_visibility(), default.output_visibility()),
                ("weights", plan.param_visibility(), default.param_visibility()),
            ];
            let chosen = visibilities
                .into_iter()
                .filter(|(_, chosen, default)| chosen != default);
            choices.extend(chosen.map(|(tensor, chosen, _)| format!("{tensor} {chosen}")));
        }
        let output = Some(request.output).filter(|output| !output.is_model());
        choices.extend(output.map(|output| format!("output {}", output.name())));
        choices.extend(request.part.as_ref().map(ToString::to_string));
        choices.extend(self.layout_choices());
        choices.extend(
            plan.digit_bits()
                .map(|bits| format!("digits of {}", format::plural(bits as usize, "bit"))),
        );
        choices.extend(
            plan.roundings()
                .map(|roundings| format::plural(roundings, "rounding")),
        );
        let decomposition = plan.decomposition();
        choices.extend(decomposition.map(|digits| {
            format!(
                "{} of base {}",
                format::plural(digits.legs as usize, "digit"),
                digits.base
            )
        }));
        if request.verifier != VerifierKind::Plain {
            choices.push(format!("{} verifier", request.verifier));
        }
        if request.optimizer_runs != DEFAULT_OPTIMIZER_RUNS {
            choices.push(format!("optimizer runs {}", request.optimizer_runs));
        }
        if request.fork != Fork::default() {
            choices.push(request.fork.name().to_owned());
        }
        if request.seed != DEFAULT_SEED {
            choices.push(format!("seed {}", request.seed));
        }
        choices.extend(request.input_seed.map(|seed| format!("input seed {seed}")));
        // The weights that evmbench comes with are no choice.
        let is_trained = matches!(self.record.model.weights, Source::Trained { .. });
        let weights = request.weights_sha256.as_ref().filter(|_| !is_trained);
        let files = [
            ("weights", weights),
            ("input", request.input_sha256.as_ref()),
            ("reference string", request.srs_sha256.as_ref()),
        ];
        for (what, digest) in files {
            if let Some(digest) = digest {
                choices.push(format!("{what} {}", digest.get(..8).unwrap_or(digest)));
            }
        }
        choices
    }

    /// The plan of this kind and scale with nothing chosen; none where the scale is none.
    fn default_plan(&self) -> Option<CircuitPlan> {
        let scale = self.scale();
        match self.kind() {
            CircuitKind::Study => CircuitPlan::study(scale).ok(),
            CircuitKind::Direct => CircuitPlan::direct(scale).ok(),
            CircuitKind::Committed => CircuitPlan::committed(scale, self.default_io()).ok(),
        }
    }

    /// What is shown of a committed circuit's input and output by default.
    fn default_io(&self) -> Io {
        if self.is_of_study() {
            return Io::default_for(&self.request().suite);
        }
        let shapes = self.record.model.output_shapes.iter();
        Io::default_for_outputs(shapes.map(|shape| shape.iter().product::<usize>()).sum())
    }

    /// Of [`Self::choices`], those that lay a committed circuit out otherwise and prove the same of the model.
    fn layout_choices(&self) -> Vec<String> {
        let plan = self.request().plan;
        let default = self.default_plan();
        let assurance = plan
            .input_assurance()
            .filter(|assurance| default.is_some_and(|default| default.input_assurance() != Some(*assurance)));
        let columns = plan
            .inner_columns()
            .map(|columns| format::plural(columns, "column"));
        let range = plan.input_range().map(|range| match range {
            CheckedRange::Exact => "input in the range asked for".to_owned(),
            CheckedRange::Table => "input in the table".to_owned(),
        });
        assurance
            .map(|assurance| format!("input {assurance}"))
            .into_iter()
            .chain(range)
            .chain(columns)
            .collect()
    }

    /// An anchor in a page: letters, digits and dashes.
    pub fn anchor(&self) -> String {
        let name = self.experiment.chars();
        name.map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect()
    }

    /// The suites' order, models of a user's after it.
    fn order(&self) -> (usize, String, Option<String>, u32, String, Vec<String>) {
        let request = self.request();
        let mut suite = suite::all();
        let position = suite.position(|model| !self.is_users() && model.id == request.id);
        (
            position.unwrap_or(usize::MAX),
            request.id.to_string(),
            request.onnx_sha256.clone(),
            self.scale(),
            self.kind().to_string(),
            self.choices(),
        )
    }

    /// What it is a run of, and in which kind of circuit: no two models are the same by it.
    pub(super) fn identity(&self) -> (&str, &str, Option<&str>, u32, CircuitKind) {
        let request = self.request();
        (
            &request.suite,
            &request.id,
            request.onnx_sha256.as_deref(),
            self.scale(),
            self.kind(),
        )
    }

    /// Whether both are of one model, at one scale and in one kind of circuit, whatever else was chosen.
    pub fn differs_in_choices(&self, other: &Self) -> bool {
        let model = |entry: &Self| {
            let request = entry.request();
            (
                request.suite.to_string(),
                request.id.to_string(),
                entry.scale(),
                entry.kind(),
            )
        };
        // Two files may have one name.
        let is_one_file = !self.is_users() || self.record.model.weights == other.record.model.weights;
        model(self) == model(other) && is_one_file
    }

    /// Whether it may stand for its model, scale and kind of circuit: nothing was chosen, or a committed circuit's layout alone. Of an
    /// ONNX file, whose user chose what its consumers need, every record of the whole model may.
    fn is_headline(&self) -> bool {
        if self.is_users() {
            return self.request().part.is_none();
        }
        self.choices().len() == self.layout_choices().len()
    }

    /// The greatest of several records of one circuit stands for it. The default number of proofs comes before most of them: then it was
    /// made as the records that it is seen beside.
    pub(super) fn weight(&self) -> (bool, bool, bool, usize) {
        let runs = self.request().runs;
        let is_verified = self.record.outcome == Outcome::Verified;
        (is_verified, self.choices().is_empty(), runs == DEFAULT_RUNS, runs)
    }
}

/// Entries of each machine apart, the machine of most first; of two of as many, the first by name.
pub fn by_machine<'a>(entries: &[&'a Entry]) -> Vec<Origin<'a>> {
    by_origin(entries, Entry::machine)
}

/// Entries of each revision of evmbench apart, likewise.
pub fn by_revision<'a>(entries: &[&'a Entry]) -> Vec<Origin<'a>> {
    by_origin(entries, Entry::revision)
}

/// Entries that come from one place, behind its name.
pub type Origin<'a> = (&'a str, Vec<&'a Entry>);

fn by_origin<'a>(entries: &[&'a Entry], name: fn(&Entry) -> &str) -> Vec<Origin<'a>> {
    let mut origins: Vec<Origin> = Vec::new();
    for &entry in entries {
        match origins.iter_mut().find(|(origin, _)| *origin == name(entry)) {
            Some((_, of_origin)) => of_origin.push(entry),
            None => origins.push((name(entry), vec![entry])),
        }
    }
    origins.sort_by_key(|(origin, entries)| (Reverse(entries.len()), *origin));
    origins
}
