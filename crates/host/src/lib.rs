//! The machine that evmbench runs on: its cache folder and its processors.

pub mod home;
pub mod parallel;
