//! The testbench for verifiable machine learning on EVM chains.
//!
//! For one model at one fixed-point scale, evmbench proves an inference with EZKL, generates and compiles the Solidity
//! verifier, deploys it into an in-process EVM, verifies the proof there, tries to cheat it, and writes one record.
//!
//! Stages, each a module that can be read alone; data flows down, and no stage calls back. They are modules of the crates in `crates/`, or
//! these crates themselves, by the names that they have here; `docs/architecture.md` says which crate holds what and may depend on what. This
//! package is the program ([`cli`]) and these names:
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`suite`] | an id | a model's exact shapes, and what the published study got |
//! | [`model`] | shapes, a seed or a file | a layer graph, ONNX bytes, inputs, float and integer references |
//! | [`committed`] | a layer graph | a circuit over the field in which large layers are claimed and checked, and its witness |
//! | [`training`] | a model and [`cifar10`]'s images | learned weights; the only one that knows burn |
//! | [`accuracy`] | a model and test images | how many are right, in `f32` and in the circuit's integers |
//! | [`prover`] | ONNX bytes, inputs, a circuit plan | keys, proofs, verifier source; the only one that runs EZKL |
//! | [`judge`] | a circuit's outputs on several inputs | whether they are the model's; the only one that knows onnxruntime |
//! | [`solidity`] | verifier source | bytecode; the only one that knows solc |
//! | [`chain`] | bytecode and calldata | verdict, gas, negative controls; the only one that knows revm |
//! | [`ledger`] | settings, key, verifier, SRS | what an accepted proof proves |
//! | [`forecast`] | settings alone | what a run will take, before it is made |
//! | [`tune`] | a subject, what may be changed, limits | the circuits that nothing beats, and a profile of the best |
//! | [`record`] | all of the above | the one JSON schema |
//! | [`metric`] | a record | its figures, by the one list with their names, units and directions |
//! | [`store`] | a record and its evidence | files, whole or not at all |
//! | [`report`] | folders of records | tables, plots, a page |
//! | [`cluster`] | the records that a run would make | a job for the scheduler of many machines |
//!
//! Around them: [`subject`] puts together what one run is about and chooses how many bits its circuit checks ranges by, [`scale_factors`] has
//! what its scale factors rest on, [`integers`] keeps the exact integer program of its model,
//! [`bench`] takes it through the stages, [`on_chain`] is its part from bytecode on, [`trouble`] tells the machine's part
//! from the model's, [`guard`] measures what belongs in front of a verifier, [`parts`] puts the proofs of a model that was
//! split together again, [`rederive`] finds out again what a stored record must say, and [`replay`] uses one again,
//! [`trained`] has the weights in `models/`, [`compare`] holds two sets of records against each other, [`fuzz`] mutates their
//! proofs, [`deployable`] has what deploying them takes, [`foundry`] writes them out for Forge, [`crosscheck`] asks the other EVMs of [`nodes`]
//! the same and `rpc` the user's own chain, [`home`] is the cache folder, which
//! [`npm`] installs tools into, [`memory`] tells how much memory a process may have, and [`environment`] what records say of machine and
//! versions. What several processes share goes by `lock` (who uses or makes
//! what), `digests` (whether a file is what it was) and `process` (whose work a folder is).
//!
//! `examples/` has the shortest ways in: prove one layer, bring your own ONNX, verify a stored proof again.

pub mod cli;

pub use evmbench_cifar10 as cifar10;
pub use evmbench_cluster as cluster;
pub use evmbench_committed as committed;
pub use evmbench_evm::{chain, nodes, npm, solidity};
pub use evmbench_ezkl as prover;
pub use evmbench_forecast::{budget, forecast, tune};
pub use evmbench_fuzz as fuzz;
pub use evmbench_guard::{guard, on_chain};
use evmbench_host::{digests, files, format, lock, process};
pub use evmbench_host::{hint, home, memory, trouble};
pub use evmbench_judge as judge;
pub use evmbench_ledger::{facts, ledger};
pub use evmbench_model as model;
pub use evmbench_report::{ablation, compare, report};
#[cfg(feature = "rpc")]
pub use evmbench_rpc as rpc;
pub use evmbench_run::{batch, bench, crosscheck, deployable, environment, foundry, parts, rederive, replay};
pub use evmbench_schema::{metric, record, statistics};
pub use evmbench_store as store;
pub use evmbench_subject::{accuracy, integers, scale_factors, subject, trained};
pub use evmbench_suite as suite;
pub use evmbench_train as training;
