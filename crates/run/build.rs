//! Stamps the git revision into the binary, so that a record can name the code that made it.

use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn main() {
    for path in [
        "crates",
        "src",
        "Cargo.toml",
        "Cargo.lock",
        "build.rs",
        ".git/HEAD",
        ".git/logs/HEAD",
    ] {
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // The lock file pins revm, so that the version in a record is the one that ran.
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"revm\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .unwrap_or("unknown");
    println!("cargo::rustc-env=EVMBENCH_REVM_VERSION={version}");
    let revision = git(&["rev-parse", "HEAD"]).map(|revision| {
        let changed = git(&[
            "status",
            "--porcelain",
            "--",
            "crates",
            "src",
            "Cargo.toml",
            "Cargo.lock",
            "build.rs",
        ]);
        if changed.is_none_or(|changed| changed.is_empty()) {
            revision
        } else {
            format!("{revision}-modified")
        }
    });
    // A source archive has no revision, and the record then says so.
    println!(
        "cargo::rustc-env=EVMBENCH_GIT_REVISION={}",
        revision.unwrap_or_default()
    );
}
