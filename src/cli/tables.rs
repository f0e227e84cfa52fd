//! What a run ends with on the terminal: one table of its records, one of where their gas went.

use super::format;
use crate::chain::Cause;
use crate::metric::{Metric, in_words};
use crate::record::Record;
use crate::report::table::{Column, Table};

/// What a run's table shows of each record.
const METRICS: [Metric; 12] = [
    Metric::Rows,
    Metric::Logrows,
    Metric::ProveMedian,
    Metric::ProvePeak,
    Metric::ProofSize,
    Metric::Instances,
    Metric::RuntimeCode,
    Metric::VerificationGas,
    Metric::GuardedGas,
    Metric::LargestError,
    Metric::OutputRange,
    Metric::OutcomeAndLimits,
];

/// Verification gas by cause, one column for each record; none where no record has it.
pub(super) fn causes(records: &[Record]) -> Option<Table> {
    let attributed: Vec<_> = records
        .iter()
        .filter_map(|record| {
            let verification = record.verification.as_ref()?;
            let causes = verification.gas_by_cause.as_ref()?;
            let shares = Cause::ALL.iter().map(|&cause| i128::from(causes.get(cause)));
            Some((record.request.name(), shares.collect::<Vec<_>>()))
        })
        .collect();
    let first = Column::text(format!("{} by cause", Metric::VerificationGas.heading()));
    let columns = attributed.iter().map(|(name, _)| Column::written(name));
    let mut table = Table::new(std::iter::once(first).chain(columns));
    for (index, cause) in Cause::ALL.iter().enumerate() {
        let gas: Vec<i128> = attributed.iter().map(|(_, shares)| shares[index]).collect();
        if gas.iter().any(|&gas| gas != 0) {
            table.row(std::iter::once(in_words(cause)).chain(gas.into_iter().map(format::signed)));
        }
    }
    let sums = attributed
        .iter()
        .map(|(_, shares)| format::signed(shares.iter().sum()));
    table.row(std::iter::once("sum: the receipt's gas".to_owned()).chain(sums));
    (!attributed.is_empty()).then_some(table)
}

/// The table at the end of a run: one row for each record.
pub(super) fn records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Table {
    let names = [Column::text("experiment"), Column::text("circuit")];
    let mut table = Table::new(names.into_iter().chain(METRICS.map(Column::written_of)));
    for record in records {
        let names = [record.request.name(), record.request.plan.kind().to_string()];
        table.row(names.into_iter().chain(METRICS.map(|metric| metric.text(record))));
    }
    table
}
