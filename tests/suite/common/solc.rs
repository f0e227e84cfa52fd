//! A compiler that answers a question a second time from what solc answered the first time.
//!
//! The suite compiles the same sources again and again, mostly in processes of their own. solc is a function of its input, so its
//! answers are kept in the target folder, under the compiler's version and the digest of the whole question.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use evmbench::home::Home;
use evmbench::solidity::{SOLC_VERSION, Solc};
use tempfile::NamedTempFile;

/// What a program named `solc` does, once `$version`, `$answers` and `$solc` are set.
const SCRIPT: &str = r#"
set -eu
if [ "$*" = --version ]; then echo "Version: $version"; exit; fi
sum() { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi; }
question=$(mktemp "$answers/question.XXXXXX")
trap 'rm -f "$question" "$question.answer"' EXIT
cat > "$question"
answer=$answers/$( (echo "$*"; cat "$question") | sum | cut -c1-64)
if [ ! -e "$answer" ]; then
  "$solc" "$@" < "$question" > "$question.answer"
  mv "$question.answer" "$answer"
fi
cat "$answer"
"#;

/// The compiler that is installed here; the first caller installs it. Each call compiles.
pub fn installed() -> &'static Solc {
    static SOLC: OnceLock<Solc> = OnceLock::new();
    SOLC.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        Solc::obtain(&home.solc(SOLC_VERSION)).expect("solc is installed")
    })
}

/// The folder of the program that keeps the answers.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let version = installed().version();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("solc-{version}"));
        let answers = folder.join("answers");
        std::fs::create_dir_all(&answers).unwrap();
        let (answers, solc) = (quoted(&answers), quoted(installed().path()));
        let script = format!("#!/bin/sh\nversion='{version}' answers={answers} solc={solc}\n{SCRIPT}");
        // Another run may be reading it.
        let file = NamedTempFile::new_in(&folder).unwrap();
        std::fs::write(file.path(), script).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        // Nothing runs a file that is open for writing.
        file.into_temp_path().persist(folder.join("solc")).unwrap();
        folder
    })
}

fn quoted(path: &Path) -> String {
    let text = path.to_str().expect("a path in UTF-8");
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The compiler that keeps its answers.
pub fn keeping() -> &'static Solc {
    static SOLC: OnceLock<Solc> = OnceLock::new();
    SOLC.get_or_init(|| Solc::locate(Some(&folder().join("solc")), folder()).expect("the script works"))
}

/// PATH with that compiler in front.
pub fn path() -> OsString {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder().to_owned()).chain(std::env::split_paths(&others));
    std::env::join_paths(all).unwrap()
}
