//! The machine that evmbench runs on: its cache folder, what processes share in it, its memory, its processors and its clock.

#[cfg(not(unix))]
compile_error!("evmbench runs on Linux and macOS; on Windows, build and run it inside WSL2");

pub mod clock;
pub mod digests;
pub mod files;
pub mod format;
pub mod hint;
pub mod home;
pub mod json;
pub mod lock;
pub mod memory;
pub mod parallel;
pub mod process;
pub mod ranges;
pub mod trouble;
pub mod whole;
