//! Records → tables that a paper can use, plots that a person can read, a page to look around in.
//!
//! Goes in: folders of records, whose figures are those of [`metric`](crate::metric); nothing is proved, and no network is
//! asked. Comes out: files in a folder, the same bytes from the same records. A figure that a record does not hold is a
//! dash; a file that could not be used is named.
//!
//! - [`data`]: the records under names for people, and what was left out;
//! - [`tables`]: every table, in the one model of [`table`];
//! - [`markdown`], [`latex`], [`csv`], [`text`]: the model in each format;
//! - [`csp`]: the metrics of the client-side-proving benchmarks;
//! - [`prices`]: gas into ETH and USD;
//! - [`plots`]: the pictures;
//! - [`html`]: the page;
//! - [`output`]: the files.

#[cfg(feature = "rollups")]
mod compressed;
pub mod csp;
pub mod csv;
pub mod data;
mod error;
pub mod html;
pub mod latex;
pub mod markdown;
pub mod output;
pub mod plots;
pub mod prices;
pub mod table;
pub mod tables;
pub mod text;

pub use data::{Dataset, Entry, LeftOut};
pub use error::ReportError;
pub use output::{File, Format};
pub use prices::Prices;
use table::Table;

use crate::compare::{self, RecordSet};

/// Everything that a report says, before it is written in any format.
#[derive(Debug, Clone)]
pub struct Report {
    /// The records.
    pub dataset: Dataset,
    /// Every table, in order.
    pub tables: Vec<Table>,
    /// What leads from the page's folder to where the records' paths begin: `../`; none where a page cannot link to them.
    pub record_links: Option<String>,
}

impl Report {
    /// Puts the tables together.
    pub fn new(dataset: Dataset, prices: &Prices) -> Self {
        let tables = tables::all(&dataset, prices);
        Self {
            dataset,
            tables,
            record_links: None,
        }
    }

    /// Adds the table that sets a folder of records, or one at a git revision, beside these.
    ///
    /// # Errors
    /// [`ReportError::Set`] where it cannot be read.
    pub fn add_baseline(&mut self, name: &str) -> Result<(), ReportError> {
        let baseline = RecordSet::open(name)?;
        let ours = RecordSet {
            name: self.dataset.folders.join(", "),
            records: self
                .dataset
                .entries
                .iter()
                .map(|entry| (entry.experiment.clone(), entry.record.clone()))
                .collect(),
            ..RecordSet::default()
        };
        let comparison = compare::compare(&baseline, &ours);
        self.tables.push(tables::baseline::baseline(&comparison));
        Ok(())
    }
}
