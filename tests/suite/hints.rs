//! What a person reads where the trouble is not in the arguments: data that was never downloaded, a cache folder that cannot be
//! written, a repository of another user's, a file that Git LFS has not fetched.

use std::path::Path;
use std::process::Command;

use crate::common::{Said, evmbench, root, say};
use tempfile::TempDir;

/// What stands in a repository for a file that Git LFS keeps.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

const RECORD: &str = "results/scaling/dense_small-s7-direct.json";

/// Runs the program in a folder; it must fail, and say all of this.
#[track_caller]
fn fails(folder: &TempDir, command: &mut Command, told: &[&str]) -> Said {
    let said = say(command.current_dir(folder.path()));
    assert!(matches!(said.status, Some(1 | 2)), "{said:?}");
    for words in told {
        let everything = format!("{}{}", said.stdout, said.stderr);
        assert!(everything.contains(words), "{words} in {said:?}");
    }
    said
}

fn git(folder: &TempDir, arguments: &[&str]) {
    let said = say(Command::new("git")
        .args([
            "-c",
            "user.name=Nobody",
            "-c",
            "user.email=nobody@example.invalid",
        ])
        .args(["-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(folder.path()));
    assert_eq!(said.status, Some(0), "{said:?}");
}

/// A repository with one commit of one record, which `content` is written as.
fn repository(content: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir_all(folder.path().join("results/scaling")).unwrap();
    std::fs::write(folder.path().join(RECORD), content).unwrap();
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "--quiet", "-m", "one"]);
    folder
}

fn record() -> Vec<u8> {
    std::fs::read(root(RECORD)).unwrap()
}

#[test]
fn data_that_is_not_there_is_a_command_away() {
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    let command = "hint: `evmbench data cifar10` downloads CIFAR-10";
    fails(
        &folder,
        evmbench()
            .args(["evaluate", "cnn_relu"])
            .env("EVMBENCH_HOME", &home),
        &["error: read ", "cifar-10-batches-bin", command],
    );
    fails(
        &folder,
        evmbench()
            .args(["evaluate", "cnn_relu", "--data", "nowhere"])
            .env("EVMBENCH_HOME", &home),
        &["error: read nowhere", command],
    );
}

/// Below `/proc` nobody can make a folder, root included.
#[cfg(target_os = "linux")]
#[test]
fn a_cache_folder_that_cannot_be_written_is_named_with_its_variable() {
    let folder = TempDir::new().unwrap();
    let commands: [&[&str]; 2] = [&["setup"], &["data", "cifar10"]];
    let built_in = if cfg!(feature = "download") { 2 } else { 1 };
    for &arguments in &commands[..built_in] {
        fails(
            &folder,
            evmbench().args(arguments).env("EVMBENCH_HOME", "/proc/evmbench"),
            &[
                "/proc/evmbench",
                "hint: set EVMBENCH_HOME to a folder that you can write",
            ],
        );
    }
}

/// A folder that is there, and is read-only.
#[cfg(feature = "download")]
#[test]
fn a_cache_folder_that_became_read_only_is_named_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(home.join("tried"), b"").is_ok() {
        eprintln!("left out: permissions bind this user to nothing");
        return;
    }
    fails(
        &folder,
        evmbench().args(["data", "cifar10"]).env("EVMBENCH_HOME", &home),
        &["hint: set EVMBENCH_HOME to a folder that you can write"],
    );
}

/// git's own tests tell it by this variable that the repository is somebody else's.
#[test]
fn a_repository_of_another_user_is_no_shallow_clone() {
    let folder = repository(&record());
    for subcommand in ["gas-diff", "compare"] {
        let said = fails(
            &folder,
            evmbench()
                .args([subcommand, "HEAD", "results"])
                .env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
                .env("GIT_CONFIG_GLOBAL", "/dev/null"),
            &[
                "error: \"HEAD\" is neither a folder nor a git revision: detected dubious ownership in repository at '",
                "hint: another user owns the repository; if you trust it: git config --global --add safe.directory '",
            ],
        );
        assert!(!said.stderr.contains("shallow"), "{said:?}");
    }
}

#[test]
fn a_folder_outside_every_repository_is_told_so() {
    let folder = TempDir::new().unwrap();
    let said = fails(
        &folder,
        evmbench()
            .args(["gas-diff", "main", "results"])
            .env("GIT_CEILING_DIRECTORIES", folder.path().parent().unwrap()),
        &[
            "\"main\" is neither a folder nor a git revision: not a git repository",
            "hint: name a folder of records",
        ],
    );
    assert!(!said.stderr.contains("shallow"), "{said:?}");
}

#[test]
fn a_pointer_of_git_lfs_is_told_from_a_damaged_file() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str| std::fs::write(folder.path().join(name), POINTER).unwrap();
    for name in ["model.onnx", "input.json", "record.json", "test_batch.bin"] {
        write(name);
    }
    std::fs::copy(
        root("tests/fixtures/records/abs.onnx"),
        folder.path().join("abs.onnx"),
    )
    .unwrap();
    let told = [
        "it is a pointer of Git LFS, and not the file itself",
        "hint: `git lfs pull`",
    ];
    for arguments in [
        &["prove-and-verify", "--dry-run", "--onnx", "model.onnx"][..],
        &[
            "prove-and-verify",
            "--dry-run",
            "--onnx",
            "abs.onnx",
            "--input",
            "input.json",
        ],
        &["plan", "--onnx", "model.onnx"],
        &["verify", "record.json"],
        &["audit", "record.json"],
        &["evaluate", "cnn_relu", "--data", "."],
        &["evaluate", "--onnx", "model.onnx"],
    ] {
        fails(&folder, evmbench().args(arguments), &told);
    }
}

/// In a set of records it is a file that could not be used, in a folder and at a revision alike.
#[test]
fn a_record_that_git_lfs_keeps_is_told_in_a_set() {
    let folder = repository(POINTER.as_bytes());
    std::fs::create_dir_all(folder.path().join("runs/scaling")).unwrap();
    std::fs::write(folder.path().join("runs/scaling/a.json"), record()).unwrap();
    let told = ["cannot be read: it is a pointer of Git LFS, and not the file itself; `git lfs pull`"];
    for old in ["results", "HEAD"] {
        fails(&folder, evmbench().args(["gas-diff", old, "runs"]), &told);
    }
    let said = fails(
        &folder,
        evmbench().args(["report", "--results", "results"]),
        &told,
    );
    assert!(
        Path::new(RECORD)
            .file_name()
            .is_some_and(|name| said.stderr.contains(name.to_str().unwrap()))
    );
}
