//! The machine that evmbench runs on: its cache folder, what processes share in it, and its processors.

pub mod digests;
pub mod home;
pub mod lock;
pub mod parallel;
pub mod process;
pub mod trouble;
