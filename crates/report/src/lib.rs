//! What records say, for people: nothing here proves, and nothing knows a prover or an EVM.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`compare`] | two sets of records | what changed, and whether by chance |
//! | [`ablation`] | the request of a baseline | requests that differ from it in one choice |
//! | [`makespan`] | forecast durations | what a number of machines buys |
//! | [`report`] | folders of records | tables, plots, a page |

pub mod ablation;
pub mod compare;
pub mod makespan;
pub mod report;

use evmbench_host::{files, format, hint, parallel};
use evmbench_schema::{chain, committed, forecast, ledger, metric, record, solidity, statistics};
use evmbench_store as store;
use evmbench_suite as suite;
