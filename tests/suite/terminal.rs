//! Tables as a terminal shows them: within its width, with everything in them, and whole lines where stdout is a pipe.

use std::process::Command;

use crate::common::{evmbench, root, say};

/// What prints tables and needs no tool.
const COMMANDS: [&[&str]; 6] = [
    &["list"],
    &["chains"],
    &["plan", "relu", "dense_small"],
    &["prove-and-verify", "--dry-run", "--suite", "smoke"],
    &["compare", "results/scaling", "results/core"],
    &[
        "verify",
        "--fork",
        "osaka,amsterdam",
        "results/scaling/dense_small-s7-committed.json",
    ],
];

fn command(arguments: &[&str]) -> Command {
    let mut command = evmbench();
    command
        .args(arguments)
        .current_dir(root(""))
        .env_remove("COLUMNS");
    command
}

fn shown(arguments: &[&str], columns: Option<&str>) -> String {
    let mut command = command(arguments);
    command.envs(columns.map(|columns| ("COLUMNS", columns)));
    let said = say(&mut command);
    assert!(
        said.stderr.is_empty() || !said.stderr.contains("error"),
        "{said:?}"
    );
    said.stdout
}

/// Sentences are wrapped by the terminal; what has no full stop at its end is of a table.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.ends_with(['.', ')']) && !line.contains(": "))
}

#[test]
fn tables_stay_within_the_width_and_leave_nothing_out() {
    for arguments in COMMANDS {
        let whole = shown(arguments, None);
        for width in [80, 120, 200] {
            let text = shown(arguments, Some(&width.to_string()));
            for row in rows(&text) {
                assert!(row.chars().count() <= width, "{arguments:?} at {width}: {row}");
            }
            let is_wider = |line: &str| line.chars().count() > width;
            let says_so = text.contains(&format!("to fit {width} characters"));
            assert!(
                says_so || !rows(&whole).any(is_wider),
                "{arguments:?} at {width}\n{text}"
            );
            assert!(
                !says_so || whole.lines().any(is_wider),
                "{arguments:?} at {width}\n{text}"
            );
            // Names may be broken behind a mark between their parts.
            for piece in whole
                .split_whitespace()
                .flat_map(|word| word.split_inclusive(['-', '/', '_']))
            {
                assert!(text.contains(piece), "{arguments:?} at {width}: {piece}\n{text}");
            }
        }
    }
}

/// A pipe has no width, and gets each row on one line.
#[test]
fn a_pipe_gets_whole_lines() {
    let text = shown(&["list"], None);
    assert!(!text.contains("to fit"), "{text}");
    let rows = text.lines().filter(|line| line.starts_with(" cnn_")).count();
    assert_eq!(rows, 4, "{text}");
}

/// The width is the terminal's own.
#[test]
fn a_terminal_is_asked_for_its_width() {
    let program = command(&[]).get_program().to_str().unwrap().to_owned();
    let asked = format!("stty rows 30 cols 90 && '{program}' chains");
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &asked, "/dev/null"])
        .env_remove("COLUMNS");
    let Ok(output) = script.output() else {
        eprintln!("left out: util-linux's `script` is not there");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    if !output.status.success() && text.contains("usage") {
        eprintln!("left out: this is not util-linux's `script`");
        return;
    }
    assert!(text.contains("to fit 90 characters"), "{text}");
}

/// A figure stands with its unit, and one thing is in the singular.
#[test]
fn numbers_have_units_and_right_plurals() {
    let text = shown(
        &[
            "verify",
            "--fork",
            "osaka",
            "results/scaling/dense_small-s7-committed.json",
        ],
        None,
    );
    for told in [
        "16,777,216 gas",
        "24,576 bytes",
        "through its guard: ",
        "gas more than by the bare verifier",
    ] {
        assert!(text.contains(told), "{told}\n{text}");
    }
    let text = shown(&["compare", "results/parts", "results/parts"], None);
    assert!(
        !text.contains("1 records") && !text.contains("1 experiments"),
        "{text}"
    );
}
