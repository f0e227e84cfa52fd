//! What verifying costs on each chain of a prices file.

use crate::chain::Fork;
use crate::metric::Metric;
#[cfg(feature = "rollups")]
use crate::report::compressed::compressed;
use crate::report::data::Dataset;
use crate::report::prices::{Chain, DataFee, Prices};
use crate::report::table::{Cell, Column, Table};

/// One row for each headline with gas and each chain; every price stands beside its result.
pub fn costs(dataset: &Dataset, prices: &Prices) -> Table {
    let mut rows = Vec::new();
    let mut without_calldata = Vec::new();
    let (chains, left_out): (Vec<&Chain>, Vec<&Chain>) = prices
        .chains
        .iter()
        .partition(|chain| chain.data_fee.is_built_in());
    let needs_calldata = chains.iter().any(|chain| chain.data_fee != DataFee::None);
    for entry in dataset.headlines() {
        let gas = Metric::MeaningfulGas.whole(&entry.record);
        let Some(gas) = gas.and_then(|gas| u64::try_from(gas).ok()) else {
            continue;
        };
        let transaction = needs_calldata.then(|| compressed(entry)).flatten();
        if needs_calldata && transaction.is_none() {
            without_calldata.push(entry.label());
        }
        for chain in &chains {
            let cost = chain.cost(gas, transaction.as_ref());
            rows.push(vec![
                Cell::text(entry.label()),
                Cell::text(&chain.name),
                Cell::count(Some(gas)),
                Cell::Real(chain.gas_price_gwei),
                Cell::count(cost.data_bytes),
                Cell::Real(cost.gas_eth),
                Cell::real(cost.data_eth),
                Cell::real(cost.eth()),
                Cell::real(cost.eth().map(|eth| eth * prices.eth_usd.value)),
            ]);
        }
    }
    let mut notes = vec![
        format!(
            "Prices of {}: {} 1 ETH = {} USD ({}).",
            prices.date, prices.note, prices.eth_usd.value, prices.eth_usd.source
        ),
        "USD = (gas × gwei × 10^-9 + data fee in ETH) × USD for 1 ETH.".to_owned(),
    ];
    notes.extend(chains.iter().map(|chain| {
        let data = match chain.data_fee {
            DataFee::None => "no data fee, calldata is in the gas".to_owned(),
            DataFee::OpStack {
                l1_base_fee_gwei,
                l1_blob_base_fee_gwei,
                base_fee_scalar,
                blob_base_fee_scalar,
            } => format!(
                "data fee = size × (16 × {base_fee_scalar} × {l1_base_fee_gwei} + {blob_base_fee_scalar} × {l1_blob_base_fee_gwei}) gwei / 10^12, \
                 size = max(100 × 10^6, 836,500 × FastLZ bytes − 42,585,600) (OP Stack, Fjord)"
            ),
            DataFee::Arbitrum { price_per_unit_gwei } => {
                format!("data fee = 16 × Brotli bytes × {price_per_unit_gwei} gwei (Nitro's L1 pricing)")
            }
        };
        format!("{}: gas at {} gwei ({}); {data}.", chain.name, chain.gas_price_gwei, chain.source)
    }));
    notes.push(format!(
        "Gas is that of {} on mainnet; a rollup may follow other rules, and has limits of its own. A cost is no promise that a block takes it.",
        Fork::default().title()
    ));
    if !without_calldata.is_empty() {
        notes.push(format!(
            "No data fee without the calldata, which is not beside the record, of: {}.",
            without_calldata.join("; ")
        ));
    }
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|chain| chain.name.as_str()).collect();
        notes.push(format!(
            "Fees for data are not built in, and so these chains are left out: {}. To have them: cargo build --release --features rollups",
            names.join(", ")
        ));
    }
    Table {
        name: "costs",
        title: "Costs",
        caption: format!(
            "What the verifying transaction costs, that of a committed circuit through its guard, at prices of {}.",
            prices.date
        ),
        columns: vec![
            Column::text("record"),
            Column::text("chain"),
            Column::integer("gas", None),
            Column::significant("gas price", Some("gwei")),
            Column::integer("data", Some("B")),
            Column::significant("for gas", Some("ETH")),
            Column::significant("for data", Some("ETH")),
            Column::significant("sum", Some("ETH")),
            Column::significant("cost", Some("USD")),
        ],
        rows,
        notes,
    }
}

/// No chain that is left counts it.
#[cfg(not(feature = "rollups"))]
fn compressed(_: &crate::report::Entry) -> Option<crate::report::prices::Compressed> {
    None
}
