//! What verifiers of other proof systems cost, as `scripts/other-systems.py` measured it: `data/other-systems.json`.

use std::collections::BTreeMap;

use evmbench::chain::Fork;
use evmbench::ledger::{Level, What};
use evmbench::metric::Metric;
use evmbench::prover::CircuitKind;
use evmbench::record::{Machine, Outcome, Record};
use evmbench::solidity::{CompileOptions, SOLC_VERSION, SolcSettings};
use serde::Deserialize;

use super::{count, records_of, root, title};
use crate::common::{assert_table, markdown};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherSystems {
    command: String,
    date: String,
    machine: Machine,
    versions: BTreeMap<String, String>,
    licences: BTreeMap<String, String>,
    /// Digest of each npm package, by name and version.
    packages: BTreeMap<String, String>,
    solc: SolcSettings,
    verifiers: Vec<OtherVerifier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ProofSystem {
    Groth16,
    Plonk,
    Fflonk,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherVerifier {
    proof_system: ProofSystem,
    public_values: u64,
    constraints: u64,
    /// None for Groth16.
    logrows: Option<u32>,
    proof_bytes: u64,
    calldata_bytes: u64,
    creation_code_bytes: u64,
    runtime_code_bytes: u64,
    forks: Vec<OnFork>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnFork {
    fork: Fork,
    deployment_gas: u64,
    /// Of the whole transaction, for each proof.
    verification_gas: Vec<u64>,
    execution_gas: Vec<u64>,
    controls: Controls,
}

/// How many wrong calls of each kind got which answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    public_value_plus_one: Answers,
    public_value_plus_order: Answers,
    public_values_of_another_proof: Answers,
    proof_word_changed: Answers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Answers {
    returned_false: u64,
    reverted: u64,
    halted: u64,
}

impl Controls {
    fn all(&self) -> [&Answers; 4] {
        [
            &self.public_value_plus_one,
            &self.public_value_plus_order,
            &self.public_values_of_another_proof,
            &self.proof_word_changed,
        ]
    }
}

impl Answers {
    /// Those by which the verifier itself refuses.
    fn refused(&self) -> u64 {
        self.returned_false + self.reverted
    }
}

impl ProofSystem {
    const ALL: [Self; 3] = [Self::Groth16, Self::Plonk, Self::Fflonk];

    fn name(self) -> &'static str {
        match self {
            Self::Groth16 => "Groth16",
            Self::Plonk => "PLONK",
            Self::Fflonk => "FFLONK",
        }
    }

    fn setup(self) -> &'static str {
        match self {
            Self::Groth16 => "for each circuit",
            Self::Plonk | Self::Fflonk => UNIVERSAL,
        }
    }

    /// Points of a proof in G1, of two words each; points in G2, of four; field elements, of one.
    fn proof_parts(self) -> [u64; 3] {
        match self {
            Self::Groth16 => [2, 1, 0],
            Self::Plonk => [9, 0, 6],
            Self::Fflonk => [4, 0, 16],
        }
    }

    fn proof_bytes(self) -> u64 {
        let [g1, g2, scalars] = self.proof_parts();
        32 * (2 * g1 + 4 * g2 + scalars)
    }
}

/// A setup that serves all circuits up to its size.
const UNIVERSAL: &str = "universal";

impl OtherVerifier {
    fn under(&self, fork: Fork) -> &OnFork {
        self.forks.iter().find(|on| on.fork == fork).unwrap()
    }

    /// Gas of the whole transaction under Osaka, least first.
    fn gas(&self) -> Vec<u64> {
        let mut gas = self.under(Fork::Osaka).verification_gas.clone();
        gas.sort_unstable();
        gas
    }

    fn median(&self) -> f64 {
        let gas = self.gas();
        let [low, high] = [gas[(gas.len() - 1) / 2], gas[gas.len() / 2]];
        (low + high) as f64 / 2.0
    }
}

fn text() -> String {
    std::fs::read_to_string(root().join("data/other-systems.json")).unwrap()
}

fn measured() -> OtherSystems {
    serde_json::from_str(&text()).unwrap()
}

#[test]
fn what_was_measured_of_other_systems_is_whole() {
    let measured = measured();
    assert!(measured.command.starts_with("scripts/other-systems.py "));
    measured.date.parse::<jiff::civil::Date>().unwrap();
    assert!(measured.machine.cores > 0);
    for program in ["circom", "evmbench", "node", "npm", "revm"] {
        assert!(measured.versions.contains_key(program), "{program}");
    }
    // The compiler and its options are those of evmbench's own verifiers.
    assert!(measured.solc.solc_version.starts_with(SOLC_VERSION));
    assert_eq!(measured.solc.options, CompileOptions::default());
    for name in ["circom2 ", "snarkjs "] {
        assert!(measured.packages.keys().any(|package| package.starts_with(name)));
        assert!(measured.licences.contains_key(name.trim_end()));
    }
    for (package, digest) in &measured.packages {
        assert!(digest.starts_with("sha512-"), "{package}");
    }
    for system in ProofSystem::ALL {
        let of_system = measured.verifiers.iter().filter(|one| one.proof_system == system);
        let public_values: Vec<u64> = of_system.map(|one| one.public_values).collect();
        assert_eq!(public_values, [1, 2, 12, 12], "{system:?}");
    }
    for one in &measured.verifiers {
        assert_eq!(one.proof_bytes, one.proof_system.proof_bytes());
        assert_eq!(one.calldata_bytes, 4 + one.proof_bytes + 32 * one.public_values);
        assert!(one.creation_code_bytes > one.runtime_code_bytes);
        assert!(one.constraints >= one.public_values);
        let has_rows = one.proof_system != ProofSystem::Groth16;
        assert_eq!(one.logrows.is_some(), has_rows);
        assert!(
            one.logrows
                .is_none_or(|logrows| 1_u64 << logrows > one.constraints)
        );
        assert_eq!(one.forks.iter().map(|on| on.fork).collect::<Vec<_>>(), Fork::ALL);
        for on in &one.forks {
            assert!(on.deployment_gas > 200 * one.runtime_code_bytes);
            assert_eq!(on.verification_gas.len(), on.execution_gas.len());
            assert!(on.verification_gas.len() > 1);
        }
        for fork in [Fork::Prague, Fork::Osaka] {
            let on = one.under(fork);
            // The rest is the base and the calldata: 4 gas a zero byte, 16 another.
            for (whole, execution) in on.verification_gas.iter().zip(&on.execution_gas) {
                let data = whole - execution - 21_000;
                assert!((4 * one.calldata_bytes..=16 * one.calldata_bytes).contains(&data));
            }
        }
    }
}

/// Figures alone are kept, nothing of what snarkjs and circom are made of or write.
#[test]
fn nothing_of_other_systems_is_kept_but_figures() {
    let text = text();
    for word in ["pragma", "contract ", "://"] {
        assert!(!text.contains(word), "{word}");
    }
    let longest = text.lines().map(str::len).max().unwrap();
    assert!(longest < 200, "{longest}");
}

/// A verifier that took a wrong call would be no verifier, and its gas no figure.
#[test]
fn every_wrong_call_to_other_systems_was_rejected() {
    for one in &measured().verifiers {
        let proofs = one.under(Fork::Osaka).verification_gas.len() as u64;
        for on in &one.forks {
            let Controls {
                public_value_plus_one,
                public_value_plus_order,
                public_values_of_another_proof,
                proof_word_changed,
            } = &on.controls;
            assert_eq!(public_value_plus_one.refused(), one.public_values);
            assert_eq!(public_value_plus_order.refused(), one.public_values);
            assert_eq!(public_values_of_another_proof.refused(), proofs - 1);
            assert_eq!(
                proof_word_changed.refused() + proof_word_changed.halted,
                one.proof_bytes / 32
            );
        }
    }
}

#[test]
fn the_table_of_what_else_could_be_picked_is_from_records() {
    let others = measured();
    let rows = others.verifiers.iter().map(|one| {
        let gas = one.gas();
        let (least, most) = (gas[0], gas[gas.len() - 1]);
        vec![
            one.proof_system.name().to_owned(),
            format!("a chain of {} squarings", one.constraints),
            one.proof_system.setup().to_owned(),
            count(Some(one.public_values)),
            format!("{} to {}", count(Some(least)), count(Some(most))),
            count(Some(one.calldata_bytes)),
            count(Some(one.proof_bytes)),
            count(Some(one.runtime_code_bytes)),
        ]
    });
    let records = records_of(&["composite"]);
    let networks: Vec<&Record> = records
        .iter()
        .filter(|record| record.request.id == "cnn_strided" && record.outcome == Outcome::Verified)
        .collect();
    let kinds = [CircuitKind::Committed, CircuitKind::Study];
    for kind in kinds {
        assert!(networks.iter().any(|record| record.request.plan.kind() == kind));
    }
    let networks = kinds.iter().flat_map(|&kind| {
        let of_kind = networks
            .iter()
            .filter(move |record| record.request.plan.kind() == kind);
        of_kind.map(|record| network(record))
    });
    let heading = [
        "",
        "what is proved",
        "trusted setup",
        "public values",
        "gas",
        "calldata (B)",
        "proof (B)",
        "code (B)",
    ];
    let table = markdown(&heading, rows.chain(networks));
    assert_table("docs/published-figures.md", "beside", &table);
}

/// A row of a record. A committed circuit's verifier means something only behind its guard, whose gas and code are counted.
fn network(record: &Record) -> Vec<String> {
    assert_eq!(record.request.fork, Fork::Osaka);
    let whole = |metric: Metric| metric.whole(record).map(|number| number as u64);
    let (name, gas, guard_code) = match &record.committed_guard {
        Some(guard) => (
            "evmbench, with guard",
            whole(Metric::GuardedGas),
            guard.runtime_code_bytes,
        ),
        None => ("the study's circuit", whole(Metric::VerificationGas), 0),
    };
    vec![
        name.to_owned(),
        title(record),
        UNIVERSAL.to_owned(),
        count(whole(Metric::Instances)),
        count(gas),
        count(whole(Metric::Calldata)),
        count(whole(Metric::ProofSize)),
        count(whole(Metric::RuntimeCode).map(|code| code + guard_code)),
    ]
}

/// Medians, so that one proof's long inversion does not count.
#[test]
fn the_table_of_what_more_costs_is_from_the_measurement() {
    let others = measured();
    let rows = ProofSystem::ALL.map(|system| {
        let of_system: Vec<&OtherVerifier> = others
            .verifiers
            .iter()
            .filter(|one| one.proof_system == system)
            .collect();
        let [one, _, twelve, longer] = of_system[..] else {
            panic!("{system:?}");
        };
        let more_values = (twelve.public_values - one.public_values) as f64;
        let each = (twelve.median() - one.median()) / more_values;
        let spreads = of_system.iter().map(|one| {
            let gas = one.gas();
            gas[gas.len() - 1] - gas[0]
        });
        vec![
            system.name().to_owned(),
            count(Some(each.round() as u64)),
            format!("{:+}", longer.median() - twelve.median()),
            count(spreads.max()),
        ]
    });
    let heading = [
        "",
        "each further public value",
        "200 squarings in place of 20",
        "spread among proofs of one verifier",
    ];
    assert_table("docs/published-figures.md", "more", &markdown(&heading, rows));
}

/// As the text beside the tables says.
#[test]
fn other_verifiers_answer_false_and_cost_the_same_under_prague() {
    for one in &measured().verifiers {
        let [prague, osaka] = [Fork::Prague, Fork::Osaka].map(|fork| one.under(fork));
        assert_eq!(prague.verification_gas, osaka.verification_gas);
        for on in &one.forks {
            for answers in on.controls.all() {
                assert_eq!((answers.reverted, answers.halted), (0, 0));
            }
        }
    }
}

/// Likewise.
#[test]
fn the_studys_circuit_binds_no_weights_and_evmbenchs_do() {
    for record in records_of(&["composite"]) {
        let level = record.ledger.as_ref().unwrap().item(What::Weights).unwrap().level;
        let is_study = record.request.plan.kind() == CircuitKind::Study;
        assert_eq!(level != Level::Sound, is_study, "{}", record.request.name());
    }
}
