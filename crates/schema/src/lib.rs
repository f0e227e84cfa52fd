//! The schema of records: what was asked for, what came out, what it cost.
//!
//! Goes in: JSON. Comes out: a [`record::Record`], and its figures by the one list, [`metric`]. Everything here is plain data and
//! what follows from it; nothing runs a model, a prover or an EVM. The crates that do fill in their part.
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | the record, its request, its digest; [`outcome`], how a run ended |
//! | [`metric`] | the one list of a record's figures; [`statistics`] of samples |
//! | [`plan`], [`committed`], [`keys`], [`split`], [`onnx`], [`scale_factors`] | what is asked of a circuit, and what it was made with |
//! | [`chain`], [`solidity`], [`guard`] | gas, verdicts and rules; how a verifier was compiled; what its guards cost |
//! | [`function`], [`accuracy`] | how a circuit's outputs stand to its model's |
//! | [`ledger`] | what an accepted proof proves |
//! | [`forecast`] | what the run was forecast to take |
//! | [`interval`], [`reach`] | bounds of integers |

pub mod accuracy;
pub mod chain;
pub mod committed;
pub mod forecast;
pub mod function;
pub mod guard;
pub mod interval;
pub mod keys;
pub mod ledger;
pub mod metric;
pub mod onnx;
pub mod outcome;
pub mod plan;
pub mod reach;
pub mod record;
pub mod scale_factors;
pub mod solidity;
pub mod split;
pub mod statistics;
pub mod weights;

use evmbench_host::format;
