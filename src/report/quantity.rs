//! The quantities that plots set against each other, each with its name, its unit and where a record holds it.

use super::data::Entry;
use crate::prover::Phase;

/// What less of is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Mean time of a proof.
    ProveSeconds,
    /// High-water mark of the proving process.
    PeakMemory,
    /// What the sender of the verifying transaction pays: [`Entry::meaningful_gas`].
    VerificationGas,
    /// What the sender of the deployment pays.
    DeploymentGas,
    /// The proof alone.
    ProofBytes,
    /// The call that verifies it.
    CalldataBytes,
    /// Rows of the circuit.
    Rows,
    /// Multiplications of a value with a weight.
    MultiplyAdds,
    /// Test images that the circuit's integers put into a wrong class.
    WrongAnswers,
}

impl Quantity {
    /// Quantities that a prover, a verifier or whoever relies on the answer pays, any two of which make a trade.
    pub const COSTS: [Self; 7] = [
        Self::ProveSeconds,
        Self::PeakMemory,
        Self::VerificationGas,
        Self::DeploymentGas,
        Self::ProofBytes,
        Self::CalldataBytes,
        Self::WrongAnswers,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProveSeconds => "proof time",
            Self::PeakMemory => "peak memory of proving",
            Self::VerificationGas => "verification gas",
            Self::DeploymentGas => "deployment gas",
            Self::ProofBytes => "proof size",
            Self::CalldataBytes => "calldata",
            Self::Rows => "rows",
            Self::MultiplyAdds => "multiply-adds",
            Self::WrongAnswers => "wrong answers",
        }
    }

    /// Its unit; none where the name has it.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::ProveSeconds => Some("s"),
            Self::PeakMemory => Some("GiB"),
            Self::WrongAnswers => Some("%"),
            Self::ProofBytes | Self::CalldataBytes => Some("bytes"),
            Self::VerificationGas | Self::DeploymentGas | Self::Rows | Self::MultiplyAdds => None,
        }
    }

    /// Whether it depends on the machine, so that two machines are never set against each other by it.
    pub fn is_of_machine(self) -> bool {
        self == Self::ProveSeconds
    }

    /// Name and unit: `proof time (s)`.
    pub fn label(self) -> String {
        match self.unit() {
            Some(unit) => format!("{} ({unit})", self.name()),
            None => self.name().to_owned(),
        }
    }

    /// Its value in a record; none where the run did not come so far.
    pub fn of(self, entry: &Entry) -> Option<f64> {
        let record = &entry.record;
        match self {
            Self::ProveSeconds => record.mean_prove_seconds(),
            Self::PeakMemory => record
                .peak_rss_bytes(Phase::Prove)
                .map(|bytes| bytes as f64 / f64::from(1 << 30)),
            Self::VerificationGas => entry.meaningful_gas().map(|gas| gas as f64),
            Self::DeploymentGas => Some(record.deployment.as_ref()?.gas.tx_gas as f64),
            Self::ProofBytes => Some(record.proof.as_ref()?.proof_bytes as f64),
            Self::CalldataBytes => Some(record.proof.as_ref()?.calldata_bytes as f64),
            Self::Rows => Some(record.circuit.as_ref()?.rows as f64),
            Self::MultiplyAdds => record.model.multiply_adds.map(|count| count as f64),
            Self::WrongAnswers => {
                let accuracy = record.accuracy.as_ref()?;
                Some(100.0 * (1.0 - accuracy.part_correct()))
            }
        }
    }
}
