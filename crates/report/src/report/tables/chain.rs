//! What the chain says: gas by cause, forks and limits, and what single choices do.

use super::parts::sets;
use super::{named_and_chosen, run_names, with_samples};
use crate::chain::{Cause, Fit, Fits, Fork, RuleMargin};
use crate::format::plural;
use crate::ledger::{Finding, What};
use crate::metric::{Metric, in_words};
use crate::record::Record;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};

/// Verification gas by what it was spent on, one row for each record that has it.
pub fn gas_by_cause(dataset: &Dataset) -> Table {
    let attributed: Vec<(&Entry, _)> = dataset
        .headlines()
        .into_iter()
        .filter_map(|entry| Some((entry, entry.record.verification.as_ref()?.gas_by_cause.as_ref()?)))
        .collect();
    let causes: Vec<Cause> = Cause::ALL
        .iter()
        .copied()
        .filter(|&cause| attributed.iter().any(|(_, causes)| causes.get(cause) != 0))
        .collect();
    let mut columns = vec![Column::text("record")];
    columns.extend(causes.iter().map(|cause| Column::integer(in_words(cause), None)));
    columns.push(Column::integer("sum", None));
    let rows = attributed.iter().map(|(entry, shares)| {
        let mut cells = vec![Cell::text(entry.label())];
        cells.extend(
            causes
                .iter()
                .map(|&cause| Cell::Integer(shares.get(cause).into())),
        );
        cells.push(Cell::Integer(shares.total().into()));
        cells
    });
    Table {
        name: "gas_by_cause",
        title: "Gas by cause",
        caption: format!(
            "Each unit of the verifying transaction's gas under {}, of the verifier alone, by what it was spent on. Every step is priced by \
             itself; the sum is the receipt's.",
            Fork::default().title()
        ),
        rows: rows.collect(),
        columns,
        notes: Vec::new(),
    }
}

/// Deployment and verification under each fork, and the limit that stands nearest.
pub fn forks_and_limits(dataset: &Dataset) -> Table {
    let mut rows = Vec::new();
    for entry in dataset.headlines() {
        for fit in entry.record.fits() {
            let nearest = nearest_limit(&fit);
            rows.push(vec![
                Cell::text(entry.label()),
                Cell::text(fit.fork().name()),
                Cell::Integer(fit.deployment.gas.tx_gas.into()),
                Cell::count(fit.verification.gas.map(|gas| gas.tx_gas)),
                Cell::text(Fits::of(&fit).name()),
                nearest.map_or(Cell::Missing, |margin| Cell::text(margin.rule.to_string())),
                Cell::count(nearest.map(|margin| margin.value)),
                Cell::count(nearest.map(|margin| margin.limit)),
                Cell::real(nearest.map(|margin| 100.0 * share(margin))),
            ]);
        }
    }
    Table {
        name: "forks_and_limits",
        title: "Forks and limits",
        caption: "\"pool\" can be sent as any transaction, \"one transaction\" needs a way to a block builder, \"no\" fits no block or \
                  breaks a limit of the transaction. Gas is that of the verifier alone, without a guard. The nearest limit is the one that \
                  deployment or call uses most of. Most of Amsterdam's deployment gas is state gas (EIP-8037: the price of new code), which \
                  the cap on a transaction's gas does not count."
            .to_owned(),
        columns: vec![
            Column::text("record"),
            Column::of(Metric::Fork),
            Column::of(Metric::DeploymentGas),
            Column::of(Metric::VerificationGas),
            Column::of(Metric::Fits),
            Column::text("nearest limit"),
            Column::integer("value", None),
            Column::integer("limit", None),
            Column::real("used", Some("%"), 1),
        ],
        rows,
        notes: Vec::new(),
    }
}

/// The limit of which deployment or call uses most; none in records from before margins were recorded.
pub fn nearest_limit<'a>(fit: &Fit<'a>) -> Option<&'a RuleMargin> {
    let margins = fit.deployment.margins.iter().chain(&fit.verification.margins);
    margins.max_by(|one, other| share(one).total_cmp(&share(other)))
}

fn share(margin: &RuleMargin) -> f64 {
    margin.value as f64 / margin.limit as f64
}

/// The time of choices, in table and plot: a first proof that takes longer moves a mean of few.
pub(in crate::report) const TIME_OF_CHOICES: Metric = Metric::ProveMedian;

/// What a choice may change.
const CHOSEN: [Metric; 10] = [
    Metric::MeaningfulGas,
    Metric::DeploymentGas,
    Metric::RuntimeCode,
    Metric::Instances,
    Metric::Rows,
    Metric::Logrows,
    TIME_OF_CHOICES,
    Metric::ProvePeak,
    Metric::Level,
    Metric::OutcomeAndLimits,
];

/// What stands for a choice in the row of the record without any.
pub const BY_DEFAULT: &str = "by default";

/// What stands there where there is no such record.
pub const NONE_BY_DEFAULT: &str = "no record by default";

/// What stands there where the model was proved in parts and nothing else was chosen, with the parts before it.
pub const IN_PARTS: &str = "by default (see the table of parts)";

/// Of one model, scale and kind of circuit, the record in which nothing was chosen, and those in which something was.
type Chosen<'a> = (Option<&'a Entry>, Vec<&'a Entry>);

/// Of each model, the records in which something was chosen, and the one in which nothing was: one that was made beside them, as an
/// ablation's baseline is, or the headline. Parts of models and members of batches have tables of their own.
pub(in crate::report) fn chosen(dataset: &Dataset) -> Vec<Chosen<'_>> {
    let headlines = dataset.headlines();
    let mut groups: Vec<Chosen> = Vec::new();
    let chosen = dataset.entries.iter().filter(|entry| {
        let is_first_image = entry.request().sample.is_none_or(|image| image == 0);
        !entry.choices().is_empty() && entry.request().part.is_none() && is_first_image
    });
    for entry in chosen {
        match groups
            .iter_mut()
            .find(|(_, group)| group[0].differs_in_choices(entry))
        {
            Some((_, group)) => group.push(entry),
            None => {
                let is_default =
                    |default: &&Entry| default.choices().is_empty() && default.differs_in_choices(entry);
                let beside = dataset.entries.iter().filter(is_default);
                let beside = beside.filter(|default| default.path.parent() == entry.path.parent());
                let baseline = beside.max_by_key(|default| default.weight());
                let baseline = baseline.or_else(|| headlines.iter().copied().find(is_default));
                groups.push((baseline, vec![entry]));
            }
        }
    }
    groups
}

/// Records in which something was chosen otherwise than by default, each group below the record of the same model, scale and kind of
/// circuit in which nothing was, or below a row that says that there is none, or that the default is in parts.
pub fn choices(dataset: &Dataset) -> Table {
    let groups = chosen(dataset);
    let entries: Vec<&Entry> = groups
        .iter()
        .flat_map(|(baseline, group)| baseline.iter().chain(group).copied())
        .collect();
    let metrics = with_samples(&CHOSEN, &entries);
    let row = |entry: &Entry, choice: String, record: Option<&Record>| {
        let mut cells = named_and_chosen(entry, Cell::text(choice));
        cells.extend(Cell::of_all(&metrics, record));
        cells
    };
    let rows = groups.into_iter().flat_map(|(baseline, group)| {
        let first = match baseline {
            Some(baseline) => row(baseline, BY_DEFAULT.to_owned(), Some(&baseline.record)),
            None => row(group[0], without_default(dataset, group[0]), None),
        };
        let others = group
            .into_iter()
            .map(|entry| row(entry, entry.choices().join(", "), Some(&entry.record)));
        std::iter::once(first).chain(others.collect::<Vec<_>>())
    });
    let rows = rows.collect();
    let notes = unbound_weights(&entries);
    Table {
        name: "choices",
        title: "Choices",
        caption: format!(
            "What another visibility, layout, verifier or compiler setting does to the same model in the same kind of circuit. \"{}\" is that of \
             a committed circuit through its guard; \"{}\" is how far an accepted proof can be relied on, by the record's ledger. Where a record \
             has 0 proofs, time and memory are those of another record of the same circuit, whose proof its verifier was given.",
            Metric::MeaningfulGas.heading(),
            Metric::Level.heading()
        ),
        columns: run_names("model")
            .into_iter()
            .chain([Column::text("choice")])
            .chain(Column::of_all(&metrics))
            .collect(),
        rows,
        notes: notes.into_iter().collect(),
    }
}

/// What stands above choices where no record of the whole model has none.
fn without_default(dataset: &Dataset, chosen: &Entry) -> String {
    let split = sets(dataset).into_iter().find_map(|set| {
        // The others' inputs are linked to it.
        let first = set.first()?;
        let part = first.request().part.as_ref()?;
        let is_default = first.choices() == [part.to_string()] && first.differs_in_choices(chosen);
        is_default.then_some(&part.split)
    });
    let Some(split) = split else {
        return NONE_BY_DEFAULT.to_owned();
    };
    let parts = if split.cuts.is_empty() { "tile" } else { "part" };
    format!("in {} {IN_PARTS}", plural(split.parts(), parts))
}

/// What the ledger says of private weights, which no outcome and no level does.
fn unbound_weights(entries: &[&Entry]) -> Option<String> {
    let unbound = entries.iter().filter_map(|entry| {
        let item = entry.record.ledger.as_ref()?.item(What::Weights)?;
        (item.finding == Finding::Unbound).then(|| (entry.label(), item.sentence.as_str()))
    });
    let (labels, sentences): (Vec<String>, Vec<&str>) = unbound.unzip();
    let sentence = sentences.first()?;
    Some(format!("{}: {sentence}", labels.join("; ")))
}
