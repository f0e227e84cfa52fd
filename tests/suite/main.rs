//! The integration tests, in one program: it is linked once, and its tests run beside each other.
//!
//! `cargo test --test suite NAME::` runs those of one module.

mod accuracy;
mod architecture;
mod attribution;
mod audit;
mod batch;
mod ceremony;
mod cli;
mod cluster;
mod committed;
mod common;
mod compiled;
mod composed;
mod crosscheck;
mod documents;
mod end_to_end;
mod examples;
mod findings;
mod forecast;
mod forge;
mod foundry;
mod function;
mod fuzz;
mod gas_diff;
mod guard;
mod hints;
mod homes;
mod hostile;
mod hostile_files;
mod integer_reference;
mod judge;
mod layout;
mod lies;
mod mismatched;
mod networks;
mod nodes;
mod one_pairing;
mod onnx_nodes;
mod precision;
mod records;
mod report;
mod report_page;
#[cfg(feature = "rpc")]
mod rpc;
mod scales;
mod solidity;
mod study;
mod tampering;
mod terminal;
#[cfg(feature = "train")]
mod training;
mod trouble;
mod tune;
