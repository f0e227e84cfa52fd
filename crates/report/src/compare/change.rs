//! Gas and sizes, before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::chance::Chance;
use crate::chain::{Cause, GasByCause};
use crate::metric::{Metric, in_words};
use crate::record::Record;
use crate::solidity::Section;

/// Gas and sizes, which do not depend on the machine: [`judge`](mod@super::judge) fails a build by them.
pub const JUDGED: [Metric; 10] = [
    Metric::VerificationGas,
    Metric::VerificationExecutionGas,
    Metric::GuardedExecutionGas,
    Metric::DeploymentGas,
    Metric::RegistrationGas,
    Metric::RuntimeCode,
    Metric::CreationCode,
    Metric::BatchGas,
    Metric::ProofSize,
    Metric::Calldata,
];

/// The parts that sum to a metric; none where it has none, or they were not told apart. What is not in the map is 0.
fn parts(metric: Metric, record: &Record) -> Option<BTreeMap<Part, i128>> {
    let causes = |causes: &GasByCause| {
        let causes = causes.iter().map(|(cause, gas)| (Part::Cause(cause), gas.into()));
        causes.collect()
    };
    let verification = record.verification.as_ref();
    match metric {
        Metric::VerificationGas => verification?.gas_by_cause.as_ref().map(causes),
        Metric::VerificationExecutionGas => {
            let sections = verification?.gas_by_section.as_ref()?.iter();
            Some(
                sections
                    .map(|(section, gas)| (Part::Section(section), gas.into()))
                    .collect(),
            )
        }
        Metric::DeploymentGas => record.deployment.as_ref()?.gas_by_cause.as_ref().map(causes),
        Metric::RegistrationGas => record
            .registration
            .as_ref()?
            .call
            .gas_by_cause
            .as_ref()
            .map(causes),
        _ => None,
    }
}

/// How far chance alone moves a metric, either way.
fn by_chance(metric: Metric, chance: &Chance) -> u64 {
    match metric {
        Metric::VerificationGas => chance.verification_gas,
        Metric::DeploymentGas => chance.deployment_gas,
        Metric::RegistrationGas => chance.registration_gas,
        Metric::RuntimeCode | Metric::CreationCode => chance.code_bytes,
        _ => 0,
    }
}

/// What a metric is the sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(untagged)]
pub enum Part {
    /// What a transaction's gas was spent on.
    Cause(Cause),
    /// The section of the verifier that spent execution gas.
    Section(Section),
}

impl Part {
    fn chance(self, whole: Metric, chance: &Chance) -> u64 {
        match (whole, self) {
            (Metric::VerificationGas, Self::Cause(Cause::CalldataZero)) => chance.calldata_zero_gas(),
            (Metric::VerificationGas, Self::Cause(Cause::CalldataNonzero)) => chance.calldata_nonzero_gas(),
            (Metric::VerificationGas, Self::Cause(Cause::FloorSurcharge)) => chance.verification_gas,
            // Calldata, initcode, memory, code deposit or state: where the bytes of code and key go.
            (Metric::DeploymentGas, _) => chance.deployment_gas,
            (Metric::RegistrationGas, _) => chance.registration_gas,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&in_words(self))
    }
}

/// One figure on both sides; absent where it was not measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// In OLD.
    pub old: Option<i128>,
    /// In NEW.
    pub new: Option<i128>,
    /// The largest difference that chance explains, either way: see [`chance`](super::chance).
    pub chance: u64,
    /// The parts that sum to the figure; empty where it has none, or neither side tells them apart.
    pub parts: BTreeMap<Part, Self>,
}

impl Change {
    /// One metric of two records.
    pub(super) fn of(metric: Metric, old: &Record, new: &Record, chance: &Chance) -> Self {
        let [old_parts, new_parts] = [old, new].map(|record| parts(metric, record));
        let names: BTreeSet<Part> = [&old_parts, &new_parts]
            .into_iter()
            .flatten()
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        let gas = |parts: &Option<BTreeMap<Part, i128>>, name: Part| {
            Some(parts.as_ref()?.get(&name).copied().unwrap_or(0))
        };
        let part = |name: Part| Self {
            old: gas(&old_parts, name),
            new: gas(&new_parts, name),
            chance: name.chance(metric, chance),
            parts: BTreeMap::new(),
        };
        Self {
            old: metric.whole(old),
            new: metric.whole(new),
            chance: by_chance(metric, chance),
            parts: names.into_iter().map(|name| (name, part(name))).collect(),
        }
    }

    /// NEW less OLD; none where one is absent.
    pub fn difference(&self) -> Option<i128> {
        Some(self.new? - self.old?)
    }

    /// The difference over OLD, 0.01 for a growth of 1%; none where one is absent or OLD is 0.
    pub fn relative(&self) -> Option<f64> {
        let old = self.old.filter(|&old| old != 0)?;
        Some(self.difference()? as f64 / old.unsigned_abs() as f64)
    }

    /// Whether both sides say the same, of the figure and of its parts.
    pub fn is_unchanged(&self) -> bool {
        self.old == self.new && self.parts.values().all(Self::is_unchanged)
    }

    /// Whether both sides have the figure and chance alone explains how they differ.
    pub fn is_chance(&self) -> bool {
        self.difference()
            .is_some_and(|difference| difference.unsigned_abs() <= u128::from(self.chance))
    }

    /// Whether NEW differs from OLD by more than chance explains, or one of them lacks the figure.
    pub fn is_change(&self) -> bool {
        self.old != self.new && !self.is_chance()
    }
}

impl Serialize for Change {
    /// What follows from the fields is written with them, so that no reader has to work it out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Change", 6)?;
        fields.serialize_field("old", &self.old)?;
        fields.serialize_field("new", &self.new)?;
        fields.serialize_field("difference", &self.difference())?;
        fields.serialize_field("relative", &self.relative())?;
        fields.serialize_field("chance", &self.chance)?;
        if self.parts.is_empty() {
            fields.skip_field("parts")?;
        } else {
            fields.serialize_field("parts", &self.parts)?;
        }
        fields.end()
    }
}
