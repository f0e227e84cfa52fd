//! The command line: arguments in, exit status out. Each subcommand is a file; what it does is in the stages.
//!
//! Results go to stdout, progress and messages to stderr. Exit status: 0 when everything that was asked for was done
//! and nothing is unsound, 1 on a finding or a failure, 2 on unusable arguments, 75 where tools, disk or network kept a task of a
//! job from its work, 130 when interrupted, 141 when whoever reads stdout leaves before the end (as a shell has it of a program
//! that SIGPIPE ends).

mod ablate;
mod analyse_onnx;
mod audit;
mod cache;
mod chains;
mod compare;
mod comparison;
mod corpus;
mod crosscheck;
mod data;
mod doctor;
mod error;
mod evaluate;
mod export;
mod export_foundry;
mod forks;
mod fuzz;
mod gas_diff;
mod list;
mod messages;
mod numbers;
mod output;
mod own_chain;
mod plan;
mod planned;
mod planner;
mod progress;
mod prove_and_verify;
mod remarks;
mod report;
mod session;
mod session_arguments;
mod setup;
mod srs;
mod tables;
mod tasks;
mod train;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cluster::AGAIN_STATUS;
use crate::format;
use crate::model::onnx;

/// The testbench for verifiable machine learning on EVM chains.
///
/// Proves one inference of a neural network with EZKL, verifies the proof in an in-process EVM, and records what it
/// costs.
#[derive(Debug, Parser)]
#[command(name = "evmbench", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    ProveAndVerify(Box<tasks::Arguments>),
    Plan(Box<plan::Arguments>),
    Tune(Box<tune::Arguments>),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Data(data::Arguments),
    Ablate(Box<ablate::Arguments>),
    Verify(verify::Arguments),
    Audit(audit::Arguments),
    Report(report::Arguments),
    Compare(compare::Arguments),
    GasDiff(gas_diff::Arguments),
    ExportFoundry(export_foundry::Arguments),
    Fuzz(fuzz::Arguments),
    List(list::Arguments),
    Setup(setup::Arguments),
    Srs(srs::Arguments),
    Doctor(doctor::Arguments),
    Cache(cache::Arguments),
    Chains(chains::Arguments),
    Corpus(corpus::Arguments),
    Crosscheck(crosscheck::Arguments),
    #[command(hide = true)]
    AnalyseOnnx(analyse_onnx::Arguments),
}

/// What a command found, where it did its work.
enum Finding {
    /// All is well.
    Good,
    /// Something to look at: a proof that did not verify, a missing tool.
    Bad,
    /// The machine stood in the way of a task; another try may come to something.
    Again,
}

/// Has a write beyond the limit on file sizes fail with an error that is told, in place of a signal that ends the program.
/// Threads that are started later take this over, and other programs do not.
fn hold_back_file_size_signal() {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    // Only how such a write fails rests on it.
    let _ = signals.thread_block();
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    hold_back_file_size_signal();
    let cli = Cli::parse();
    onnx::analyse_apart(analyse_onnx::COMMAND);
    let result = match cli.command {
        Command::ProveAndVerify(arguments) => tasks::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Ablate(arguments) => ablate::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::GasDiff(arguments) => gas_diff::run(&arguments),
        Command::ExportFoundry(arguments) => export_foundry::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments),
        Command::Srs(arguments) => srs::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Chains(arguments) => chains::run(&arguments),
        Command::Corpus(arguments) => corpus::run(&arguments),
        Command::Crosscheck(arguments) => crosscheck::run(&arguments),
        Command::AnalyseOnnx(arguments) => analyse_onnx::run(&arguments),
    };
    match result {
        _ if progress::interrupted() => ExitCode::from(progress::INTERRUPTED_STATUS),
        Err(error) if error.is_closed_pipe() => ExitCode::from(141),
        Ok(Finding::Good) => ExitCode::SUCCESS,
        Ok(Finding::Bad) => ExitCode::FAILURE,
        Ok(Finding::Again) => ExitCode::from(AGAIN_STATUS),
        Err(error) => {
            error.tell();
            ExitCode::from(error.status())
        }
    }
}
