//! Stamps the git revision into the binary, so that a record can name the code that made it.

use std::path::Path;
use std::process::Command;

/// The workspace, seen from this crate.
const WORKSPACE: &str = "../..";

/// What the program is built from.
const SOURCES: [&str; 4] = ["crates", "src", "Cargo.toml", "Cargo.lock"];

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(WORKSPACE)
        .args(arguments)
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn main() {
    for path in SOURCES.iter().chain(&[".git/HEAD", ".git/logs/HEAD"]) {
        let path = Path::new(WORKSPACE).join(path);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    // The lock file pins revm, so that the version in a record is the one that ran. A published crate has it in its own folder.
    let lock = [WORKSPACE, "."]
        .iter()
        .find_map(|folder| std::fs::read_to_string(Path::new(folder).join("Cargo.lock")).ok())
        .unwrap_or_default();
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"revm\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .unwrap_or("unknown");
    println!("cargo::rustc-env=EVMBENCH_REVM_VERSION={version}");
    let revision = git(&["rev-parse", "HEAD"]).map(|revision| {
        let status = [&["status", "--porcelain", "--"][..], &SOURCES].concat();
        if git(&status).is_none_or(|changed| changed.is_empty()) {
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
