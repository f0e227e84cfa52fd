//! The campaigns of one invocation, as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::nodes::AnvilThroughput;
use evmbench_host::clock::now;
use evmbench_schema::record::Environment;

use super::campaign::Campaign;

/// The schema's version: one more for each change.
pub const SCHEMA: u32 = 3;

/// Campaigns over one or several records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The schema's version.
    pub schema: u32,
    /// When the last campaign ended, RFC 3339 in UTC.
    pub finished_at: String,
    /// One for each record.
    pub records: Vec<RecordReport>,
}

/// What was tried on one record's verifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordReport {
    /// Cases, how they ended, and how fast.
    pub campaign: Campaign,
    /// SHA-256 of the proof that was mutated, as in the record's evidence; absent in a report from before it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_sha256: Option<String>,
    /// The pace of the same calls through anvil; absent where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anvil: Option<AnvilThroughput>,
    /// Machine and versions of the campaign; EZKL's and solc's are those that the verifier was made with.
    pub environment: Environment,
}

/// A report of no campaign yet.
impl Default for Report {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            finished_at: now(),
            records: Vec::new(),
        }
    }
}

impl Report {
    /// A report in which one campaign more has ended just now.
    pub fn add(&mut self, record: RecordReport) {
        self.records.push(record);
        self.finished_at = now();
    }

    /// Whether every statement that was changed was rejected, on every record.
    pub fn passed(&self) -> bool {
        self.records.iter().all(|record| record.campaign.passed())
    }
}
