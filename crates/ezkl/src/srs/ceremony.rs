//! Ceremonies of many parties, known by the digests of their files and by their point s·G2.

use alloy_primitives::{U256, uint};

use super::SrsKind;

/// SHA-256 of the files that EZKL publishes from the perpetual powers of tau, for k = 1 to 26
/// (EZKL 23.0.5, `src/srs_sha.rs`).
const EZKL_SHA256: &str = include_str!("ezkl-sha256.txt");

/// BLAKE2b-512 of `powersOfTau28_hez_final_<k>.ptau`, for k = 8 to 28: the table of snarkjs' README (github.com/iden3/snarkjs,
/// "7. Prepare phase 2").
const HERMEZ_BLAKE2B: &str = include_str!("hermez-blake2b.txt");

/// SHA-256 of `ppot_0080_<k>.ptau`, for k = 1 to 26. The ceremony's own pages (github.com/privacy-scaling-explorations/perpetualpowersoftau)
/// name these files and no digests; these are what Nightfall computed of them (github.com/EYBlockchain/nightfall_4_CE,
/// `PSE_PPOT_SHA256`). Other projects pin the same for k = 14, 16, 17 and 20.
const PPOT_0080_SHA256: &str = include_str!("ppot-0080-sha256.txt");

/// −s·G2 of the perpetual powers of tau as EZKL publishes them, in the form of
/// [`crate::ContractConstants::negated_s_g2`]: the same for every 2^k, and in every
/// verifier that halo2_solidity_verifier generated on that string.
const EZKL_NEGATED_S_G2: [U256; 4] = [
    uint!(0x186282957db913abd99f91db59fe69922e95040603ef44c0bd7aa3adeef8f5ac_U256),
    uint!(0x17944351223333f260ddc3b4af45191b856689eda9eab5cbcddbbe570ce860d2_U256),
    uint!(0x06d971ff4a7467c3ec596ed6efc674572e32fd6f52b721f97e35b0b3d3546753_U256),
    uint!(0x06ecdb9f9567f59ed2eee36e1e1d58797fd13cc97fafc2910f5e8a12f202fa9a_U256),
];

/// The same of the Hermez ceremony: from the file for k = 8, which has the published digest.
const HERMEZ_NEGATED_S_G2: [U256; 4] = [
    uint!(0x26186a2d65ee4d2f9c9a5b91f86597d35f192cd120caf7e935d8443d1938e23d_U256),
    uint!(0x30441fd1b5d3370482c42152a8899027716989a6996c2535bc9f7fee8aaef79e_U256),
    uint!(0x16f363f103c80d7bbc8ad3c6867e0822bbc6000be91a4689755c7df40221c145_U256),
    uint!(0x2b1cbb3e521edf5a622d82762a44a5e63f1e50b332d71154a4a7958d6011deff_U256),
];

/// What identifies a file as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileDigests {
    /// SHA-256, in hexadecimal.
    pub(super) sha256: String,
    /// BLAKE2b-512, in hexadecimal.
    pub(super) blake2b: String,
}

impl FileDigests {
    /// The ceremony that published a file of 2^`logrows` points with these digests.
    pub(super) fn ceremony(&self, logrows: u32) -> Option<SrsKind> {
        [
            (EZKL_SHA256, &self.sha256, SrsKind::PerpetualPowersOfTau),
            (HERMEZ_BLAKE2B, &self.blake2b, SrsKind::Hermez),
            (PPOT_0080_SHA256, &self.sha256, SrsKind::PerpetualPowersOfTau80),
        ]
        .into_iter()
        .find(|(table, digest, _)| has(table, digest, logrows))
        .map(|(_, _, ceremony)| ceremony)
    }
}

fn has(table: &str, digest: &str, logrows: u32) -> bool {
    table.lines().any(|line| line == format!("{logrows} {digest}"))
}

/// Whether EZKL publishes a string of 2^`logrows` points with this digest, in hexadecimal.
pub fn is_published_string(sha256: &str, logrows: u32) -> bool {
    has(EZKL_SHA256, sha256, logrows)
}

/// −s·G2 of a ceremony, in the form of [`crate::ContractConstants::negated_s_g2`]; none where it is not known here.
pub fn published_negated_s_g2(kind: SrsKind) -> Option<[U256; 4]> {
    match kind {
        SrsKind::PerpetualPowersOfTau => Some(EZKL_NEGATED_S_G2),
        SrsKind::Hermez => Some(HERMEZ_NEGATED_S_G2),
        SrsKind::PerpetualPowersOfTau80 | SrsKind::LocalTest | SrsKind::UserFile => None,
    }
}

/// The ceremony that has this −s·G2.
pub fn ceremony_of(point: [U256; 4]) -> Option<SrsKind> {
    [SrsKind::PerpetualPowersOfTau, SrsKind::Hermez]
        .into_iter()
        .find(|&kind| published_negated_s_g2(kind) == Some(point))
}

/// How names of imported strings begin; k follows.
pub(super) fn short_name(kind: SrsKind) -> Option<&'static str> {
    match kind {
        SrsKind::PerpetualPowersOfTau => Some("ezkl"),
        SrsKind::Hermez => Some("hermez"),
        SrsKind::PerpetualPowersOfTau80 => Some("ppot-0080"),
        SrsKind::LocalTest | SrsKind::UserFile => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for (table, sizes, bytes) in [
            (EZKL_SHA256, 1..=26, 32),
            (HERMEZ_BLAKE2B, 8..=28, 64),
            (PPOT_0080_SHA256, 1..=26, 32),
        ] {
            assert_eq!(table.lines().count(), sizes.clone().count());
            for (line, size) in table.lines().zip(sizes) {
                let (logrows, digest) = line.split_once(' ').unwrap();
                assert_eq!(logrows.parse::<usize>().unwrap(), size);
                assert_eq!(alloy_primitives::hex::decode(digest).unwrap().len(), bytes);
            }
        }
    }

    #[test]
    fn a_ceremony_is_known_by_digest_and_size() {
        let (logrows, blake2b) = HERMEZ_BLAKE2B.lines().next().unwrap().split_once(' ').unwrap();
        let digests = FileDigests {
            sha256: String::new(),
            blake2b: blake2b.to_owned(),
        };
        let logrows: u32 = logrows.parse().unwrap();
        assert_eq!(digests.ceremony(logrows), Some(SrsKind::Hermez));
        assert_eq!(digests.ceremony(logrows + 1), None);
        for kind in [SrsKind::PerpetualPowersOfTau, SrsKind::Hermez] {
            let point = published_negated_s_g2(kind).unwrap();
            assert_eq!(ceremony_of(point), Some(kind));
        }
    }
}
