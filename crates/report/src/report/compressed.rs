//! Transactions compressed as rollups compress them.
//!
//! Goes in: a transaction's calldata. Comes out: [`Compressed`].

use super::Entry;
use super::prices::Compressed;
use crate::chain::Rule;
use crate::record::{Evidence, Record};
use crate::store;

/// Bytes of a signed transaction around its calldata, where a record does not tell its size.
const ENVELOPE_BYTES: usize = 111;

/// Brotli's lowest quality, and the window that Nitro uses.
const BROTLI: (u32, u32) = (0, 22);

impl Compressed {
    /// Of a call with this calldata, signed, in an envelope of so many bytes.
    ///
    /// # Panics
    /// Never: memory takes every write.
    pub fn of(calldata: &[u8], envelope_bytes: Option<usize>) -> Self {
        // A signature does not compress: bytes of which no three occur twice.
        let envelope = 0..envelope_bytes.unwrap_or(ENVELOPE_BYTES);
        let mut transaction: Vec<u8> = envelope.map(|index| (index % 256) as u8).collect();
        transaction.extend_from_slice(calldata);
        let (quality, window) = BROTLI;
        let mut brotli = brotli::CompressorReader::new(transaction.as_slice(), 1 << 16, quality, window);
        let brotli_bytes = std::io::copy(&mut brotli, &mut std::io::sink()).expect("memory can be read");
        Self {
            fjord_size_scaled: op_alloy_flz::tx_estimated_size_fjord(&transaction),
            brotli_bytes,
        }
    }
}

/// The verifying transaction as rollups count it; none where its calldata is not beside the record.
pub(super) fn compressed(entry: &Entry) -> Option<Compressed> {
    let calldata = store::load_evidence(&entry.path, &entry.record, Evidence::CALLDATA).ok()?;
    Some(Compressed::of(&calldata, envelope_bytes(&entry.record)))
}

/// The transaction's encoding less its calldata, where the record tells its size.
fn envelope_bytes(record: &Record) -> Option<usize> {
    let verification = record.verification.as_ref()?;
    let margin = verification
        .margins
        .iter()
        .find(|margin| margin.rule == Rule::PublicPoolSize)?;
    usize::try_from(margin.value.checked_sub(verification.calldata.calldata_bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_compress_and_a_signature_does_not() {
        let empty = Compressed::of(&[], Some(200));
        assert!(empty.brotli_bytes >= 200 && empty.brotli_bytes < 220);
        // FastLZ writes a byte before each 32: 0.8365 × (200 + 7) − 42.5856 = 130.57 bytes.
        assert_eq!(empty.fjord_size_scaled, 836_500 * 207 - 42_585_600);
        let zeros = Compressed::of(&vec![0; 100_000], Some(200));
        assert!(zeros.brotli_bytes < 400, "{zeros:?}");
        assert!(zeros.fjord_size_scaled < 2_000 * 1_000_000, "{zeros:?}");
    }
}
