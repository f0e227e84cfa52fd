//! What the tests share: one set-up of the tools for all of them. Not every test uses all of it.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;
use std::sync::OnceLock;

use evmbench::home::Home;
use evmbench::prover::Toolchain;
use evmbench::solidity::{SOLC_VERSION, Solc};

/// EZKL and solc, installed once into the usual cache folder.
pub struct Tools {
    pub home: Home,
    pub toolchain: Toolchain,
    pub solc: Solc,
}

/// The tools; the first caller of all installs them.
pub fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        let toolchain = Toolchain::install(&home).expect("EZKL is installed");
        let solc = Solc::obtain(&home.solc(SOLC_VERSION)).expect("solc is installed");
        Tools {
            home,
            toolchain,
            solc,
        }
    })
}

/// The compiler alone; the first caller installs it.
pub fn solc() -> &'static Solc {
    static SOLC: OnceLock<Solc> = OnceLock::new();
    SOLC.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        Solc::obtain(&home.solc(SOLC_VERSION)).expect("solc is installed")
    })
}

/// A file below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}
