//! The machine that evmbench runs on: its cache folder, what processes share in it, and its processors.

#[cfg(not(unix))]
compile_error!("evmbench runs on Linux and macOS; on Windows, build and run it inside WSL2");

pub mod digests;
pub mod files;
pub mod format;
pub mod hint;
pub mod home;
pub mod json;
pub mod lock;
pub mod parallel;
pub mod process;
pub mod ranges;
pub mod trouble;
pub mod whole;
