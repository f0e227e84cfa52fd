//! What the chain says: gas by cause, forks and limits, and what single choices do.

use crate::chain::{Cause, Fit, Fits, Fork, RuleMargin};
use crate::metric::{Metric, in_words};
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
            "Each unit of the verifying transaction's gas under {}, by what it was spent on. Every step is priced by itself; the \
             sum is the receipt's.",
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
                  breaks a limit of the transaction. The nearest limit is the one that deployment or call uses most of. Most of \
                  Amsterdam's deployment gas is state gas (EIP-8037: the price of new code), which the cap on a transaction's gas does \
                  not count."
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

/// What a choice may change.
const CHOSEN: [Metric; 9] = [
    Metric::VerificationGas,
    Metric::DeploymentGas,
    Metric::RuntimeCode,
    Metric::Instances,
    Metric::Rows,
    Metric::ProveSeconds,
    Metric::ProvePeak,
    Metric::Level,
    Metric::Outcome,
];

/// Records in which something was chosen otherwise than by default, each below the record that differs in nothing.
pub fn choices(dataset: &Dataset) -> Table {
    let chosen: Vec<&Entry> = dataset
        .entries
        .iter()
        .filter(|entry| !entry.choices().is_empty())
        .collect();
    let headlines = dataset.headlines();
    let mut rows = Vec::new();
    let mut last = None;
    for entry in chosen {
        let request = entry.request();
        let model = (&request.id, &request.onnx_sha256, entry.scale());
        if last != Some(model) {
            last = Some(model);
            let baseline = headlines
                .iter()
                .find(|headline| headline.identity() == entry.identity() && headline.choices().is_empty());
            rows.extend(baseline.map(|baseline| choice_row(baseline, "by default".to_owned())));
        }
        rows.push(choice_row(entry, entry.choices().join(", ")));
    }
    Table {
        name: "choices",
        title: "Choices",
        caption: "What another visibility, verifier or compiler setting does to the same model. \"proves\" is how far an accepted \
                  proof can be relied on, by the record's ledger."
            .to_owned(),
        columns: [Column::text("model"), Column::text("choice")]
            .into_iter()
            .chain(Column::of_all(&CHOSEN))
            .collect(),
        rows,
        notes: Vec::new(),
    }
}

fn choice_row(entry: &Entry, choice: String) -> Vec<Cell> {
    let mut cells = vec![
        Cell::text(format!("{}, scale {}", entry.request().id, entry.scale())),
        Cell::text(choice),
    ];
    cells.extend(Cell::of_all(&CHOSEN, Some(&entry.record)));
    cells
}
