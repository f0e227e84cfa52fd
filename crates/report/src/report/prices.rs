//! Gas into ETH and USD, from a dated file of prices: never fetched, each shown beside its result.
//!
//! Goes in: prices in gwei and USD, a transaction's gas and its calldata. Comes out: [`Cost`]. A rollup adds a fee for the
//! data that it posts:
//!
//! - OP Stack since Fjord: `size × (16 × base_fee_scalar × l1_base_fee + blob_base_fee_scalar × l1_blob_base_fee) / 10^12`,
//!   where `size = max(100 × 10^6, 836,500 × fastlz − 42,585,600)` and `fastlz` is the length of the transaction
//!   compressed with FastLZ (specification of the OP Stack, Fjord, "L1-Cost fees");
//! - Arbitrum: `16 × brotli × price of a unit`, where `brotli` is the length of the transaction compressed with Brotli at
//!   its lowest quality (Nitro's L1 pricing; a byte is 16 units).

use std::path::Path;

use serde::Deserialize;

use super::ReportError;
use crate::files;

/// The prices that come with evmbench: round assumptions, and marked so.
const ASSUMED: &str = include_str!("../../data/prices.json");

/// What is said where the assumed prices are used.
const ASSUMED_PATH: &str = "data/prices.json";

/// Greatest price, in gwei or USD: a thousand ETH for a unit of gas.
const MOST_PRICE: f64 = 1e12;

/// Greatest scalar of an OP Stack chain, whose contract holds it in 32 bits.
const MOST_SCALAR: u64 = u32::MAX as u64;

/// Prices of one day.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day.
    pub date: String,
    /// What a reader must know of them.
    pub note: String,
    /// USD for one ETH.
    pub eth_usd: Price,
    /// The chains.
    pub chains: Vec<Chain>,
}

/// A price and where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The price.
    pub value: f64,
    /// Where it comes from.
    pub source: String,
}

/// A chain and its prices.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Price of a unit of gas, tip included, in gwei.
    pub gas_price_gwei: f64,
    /// Where its prices come from.
    pub source: String,
    /// What it charges for data.
    pub data_fee: DataFee,
}

/// What a chain charges for the data of a transaction, besides gas.
#[derive(Debug, Clone, PartialEq, Deserialize)]
// Not tagged inside: a dependency has serde_json keep numbers as text, which a tag inside would hand on as text.
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DataFee {
    /// Nothing: calldata is in the gas.
    None,
    /// An OP Stack chain since Fjord.
    OpStack {
        /// Base fee of the chain below, in gwei.
        l1_base_fee_gwei: f64,
        /// Base fee of its blobs, in gwei.
        l1_blob_base_fee_gwei: f64,
        /// The chain's scalar of the base fee, in millionths.
        base_fee_scalar: u64,
        /// The chain's scalar of the blobs' base fee, in millionths.
        blob_base_fee_scalar: u64,
    },
    /// Arbitrum.
    Arbitrum {
        /// Price of one sixteenth of a byte, in gwei.
        price_per_unit_gwei: f64,
    },
}

/// What a transaction costs on a chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// For gas, in ETH.
    pub gas_eth: f64,
    /// Bytes that the data fee counts, compressed; none where there is no such fee, or the calldata is not at hand.
    pub data_bytes: Option<u64>,
    /// For data, in ETH; none where the calldata is not at hand.
    pub data_eth: Option<f64>,
}

impl Cost {
    /// All of it, in ETH; none where a part is not known.
    pub fn eth(&self) -> Option<f64> {
        Some(self.gas_eth + self.data_eth?)
    }
}

impl Prices {
    /// The prices of a file, or those that come with evmbench.
    ///
    /// # Errors
    /// [`ReportError::Prices`] where the file cannot be read, is of another form, or holds a price below 0.
    pub fn read(file: Option<&Path>) -> Result<Self, ReportError> {
        let path = file.unwrap_or(Path::new(ASSUMED_PATH));
        let failed = |message: String| ReportError::Prices {
            path: path.to_owned(),
            message,
        };
        let text = match file {
            None => ASSUMED.to_owned(),
            Some(file) => files::read_text(file).map_err(|error| failed(error.to_string()))?,
        };
        let prices: Self = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let day: Result<jiff::civil::Date, _> = prices.date.parse();
        if day.is_err() {
            return Err(failed(format!("{:?} is no date, as in 2026-11-26", prices.date)));
        }
        if let Some(price) = prices.all().find(|price| !(0.0..=MOST_PRICE).contains(price)) {
            return Err(failed(format!(
                "{price} is no price: they are 0 to {MOST_PRICE:e}"
            )));
        }
        if let Some(scalar) = prices.scalars().find(|scalar| *scalar > MOST_SCALAR) {
            return Err(failed(format!(
                "{scalar} is no scalar: they are 0 to {MOST_SCALAR}"
            )));
        }
        Ok(prices)
    }

    fn scalars(&self) -> impl Iterator<Item = u64> + '_ {
        let of = |fee: &DataFee| match *fee {
            DataFee::OpStack {
                base_fee_scalar,
                blob_base_fee_scalar,
                ..
            } => [base_fee_scalar, blob_base_fee_scalar],
            DataFee::None | DataFee::Arbitrum { .. } => [0, 0],
        };
        self.chains.iter().flat_map(move |chain| of(&chain.data_fee))
    }

    fn all(&self) -> impl Iterator<Item = f64> + '_ {
        let chains = self.chains.iter().flat_map(|chain| {
            let data = match chain.data_fee {
                DataFee::None => [0.0, 0.0],
                DataFee::OpStack {
                    l1_base_fee_gwei,
                    l1_blob_base_fee_gwei,
                    ..
                } => [l1_base_fee_gwei, l1_blob_base_fee_gwei],
                DataFee::Arbitrum { price_per_unit_gwei } => [price_per_unit_gwei, 0.0],
            };
            std::iter::once(chain.gas_price_gwei).chain(data)
        });
        std::iter::once(self.eth_usd.value).chain(chains)
    }
}

impl Chain {
    /// What a transaction of so much gas costs, with its bytes where they are at hand.
    pub fn cost(&self, gas: u64, transaction: Option<&Compressed>) -> Cost {
        let (data_bytes, data_eth) = self.data_fee.of(transaction);
        Cost {
            gas_eth: gas as f64 * self.gas_price_gwei * 1e-9,
            data_bytes,
            data_eth,
        }
    }
}

impl DataFee {
    /// Whether this program compresses transactions as the chain does.
    pub fn is_built_in(&self) -> bool {
        cfg!(feature = "rollups") || *self == Self::None
    }

    /// What a transaction's data costs, in ETH; none where its bytes are not at hand.
    pub fn eth(&self, transaction: Option<&Compressed>) -> Option<f64> {
        self.of(transaction).1
    }

    /// The bytes that it counts, and the fee in ETH.
    fn of(&self, transaction: Option<&Compressed>) -> (Option<u64>, Option<f64>) {
        match *self {
            Self::None => (None, Some(0.0)),
            Self::OpStack {
                l1_base_fee_gwei,
                l1_blob_base_fee_gwei,
                base_fee_scalar,
                blob_base_fee_scalar,
            } => {
                let bytes = transaction.map(|transaction| transaction.fjord_size_scaled);
                let price = 16.0 * base_fee_scalar as f64 * l1_base_fee_gwei
                    + blob_base_fee_scalar as f64 * l1_blob_base_fee_gwei;
                let fee = bytes.map(|bytes| bytes as f64 * price * 1e-12 * 1e-9);
                (bytes.map(|bytes| bytes / 1_000_000), fee)
            }
            Self::Arbitrum { price_per_unit_gwei } => {
                let bytes = transaction.map(|transaction| transaction.brotli_bytes);
                let fee = bytes.map(|bytes| 16.0 * bytes as f64 * price_per_unit_gwei * 1e-9);
                (bytes, fee)
            }
        }
    }
}

/// What rollups count of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// Fjord's estimate of its size in a batch, in millionths of a byte.
    pub fjord_size_scaled: u64,
    /// Its length under Brotli.
    pub brotli_bytes: u64,
}

#[cfg(test)]
mod tests {
    use crate::hint::Hint as _;

    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
    }

    #[test]
    fn the_assumed_prices_are_dated_and_marked() {
        let prices = Prices::read(None).unwrap();
        assert!(prices.note.contains("assumption"));
        assert!(prices.chains.len() >= 3);
        assert!(prices.chains.iter().all(|chain| !chain.source.is_empty()));
    }

    /// By hand: a million gas at 2 gwei is 0.002 ETH.
    #[test]
    fn gas_costs_its_price() {
        let chain = Chain {
            name: "x".to_owned(),
            gas_price_gwei: 2.0,
            source: String::new(),
            data_fee: DataFee::None,
        };
        let cost = chain.cost(1_000_000, None);
        assert!(close(cost.eth().unwrap(), 0.002));
        assert_eq!(cost.data_bytes, None);
    }

    /// By hand: 1,000 bytes, 10^9 in millionths; (16 × 5,000 × 10 + 10^6 × 2) gwei = 2.8 × 10^6; over 10^12 is 2,800 gwei.
    #[test]
    fn data_costs_what_the_formulas_say() {
        let chain = |data_fee: DataFee| Chain {
            name: "x".to_owned(),
            gas_price_gwei: 0.0,
            source: String::new(),
            data_fee,
        };
        let transaction = Compressed {
            fjord_size_scaled: 1_000_000_000,
            brotli_bytes: 500,
        };
        let op = chain(DataFee::OpStack {
            l1_base_fee_gwei: 10.0,
            l1_blob_base_fee_gwei: 2.0,
            base_fee_scalar: 5_000,
            blob_base_fee_scalar: 1_000_000,
        });
        let cost = op.cost(1, Some(&transaction));
        assert!(close(cost.eth().unwrap(), 2_800e-9), "{cost:?}");
        assert_eq!(cost.data_bytes, Some(1_000));
        // 500 bytes are 8,000 units, at half a gwei 4,000 gwei.
        let arbitrum = chain(DataFee::Arbitrum {
            price_per_unit_gwei: 0.5,
        });
        assert!(close(
            arbitrum.cost(1, Some(&transaction)).eth().unwrap(),
            4_000e-9
        ));
        // Without the calldata there is no fee, and no sum.
        assert_eq!(arbitrum.cost(1, None).eth(), None);
        assert_eq!(op.cost(1, None).data_bytes, None);
    }

    #[test]
    fn bad_prices_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Prices::read(Some(&path)).unwrap_err().to_string()
        };
        assert!(read("{}").contains("missing field"));
        assert!(read(&ASSUMED.replace("2026-11-26", "yesterday")).contains("no date"));
        assert!(read(&ASSUMED.replace("0.001", "-0.001")).contains("-0.001 is no price"));
        assert!(read(&ASSUMED.replace("op_stack", "solana")).contains("solana"));
        let missing = Prices::read(Some(&folder.path().join("none.json"))).unwrap_err();
        assert!(missing.to_string().contains("none.json") && missing.hint().is_some());
    }
}
