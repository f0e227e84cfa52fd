//! Which experiment fits which fork: a cell for each, by how far it gets.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::rounded;
use super::canvas::{self, Area, Drawn, INK, ON_DARK, ON_LIGHT, SMALL, TEXT, UNIT, font, told, write};
use super::{ALONE, Plot};
use crate::chain::{Fits, Fork};
use crate::report::{Dataset, Entry, ReportError};

/// Height of a row, in pixels.
const ROW: i32 = 24;

/// A cell's colour, the colour of its text, and what a legend says; dark is good.
const CLASSES: [(Option<Fits>, RGBColor, RGBColor, &str); 4] = [
    (
        Some(Fits::Pool),
        RGBColor(0x08, 0x51, 0x9c),
        ON_DARK,
        "as any transaction",
    ),
    (
        Some(Fits::OneTransaction),
        RGBColor(0x9e, 0xca, 0xe1),
        ON_LIGHT,
        "one transaction, by a block builder",
    ),
    (
        Some(Fits::No),
        RGBColor(0xf2, 0xd9, 0xc7),
        ON_LIGHT,
        "fits no block or breaks a limit",
    ),
    (None, RGBColor(0xf2, 0xf2, 0xf2), ON_LIGHT, "no proof"),
];

/// What stands above the rows' names.
const GAS: &str = "gas, verifier alone";

/// One row for each headline, one column for each fork.
pub(super) fn fits(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let headlines = dataset.headlines();
    if headlines.iter().all(|entry| entry.record.fits().is_empty()) {
        return Ok(None);
    }
    canvas::plot(
        "forks",
        "What fits which fork",
        format!(
            "Whether verifier and proof fit each fork, with the gas of the verifying transaction, {ALONE}. The darker, the easier: as any \
             transaction; as one transaction that needs a way to a block builder; not at all."
        ),
        (820, 92 + ROW * headlines.len() as i32),
        |area| draw(area, &headlines),
    )
    .map(Some)
}

fn draw(area: &Area, headlines: &[&Entry]) -> Drawn {
    let text = font(SMALL, INK, false);
    let mut x = 20 * UNIT;
    for (_, color, _, name) in CLASSES {
        let corners = [(x, 14 * UNIT), (x + 14 * UNIT, 28 * UNIT)];
        area.draw(&Rectangle::new(corners, color.filled()))
            .map_err(told)?;
        write(
            area,
            name,
            (x + 19 * UNIT, 21 * UNIT),
            &font(TEXT, INK, false),
            (HPos::Left, VPos::Center),
        )?;
        x += canvas::width(name, TEXT, false) + 36 * UNIT;
    }
    let labels: Vec<String> = headlines.iter().map(|entry| entry.label()).collect();
    let widest = labels
        .iter()
        .map(|label| canvas::width(label, SMALL, false))
        .chain([canvas::width(GAS, TEXT, true)])
        .max()
        .unwrap_or(0);
    let (width, _) = area.dim_in_pixel();
    let left = widest + 24 * UNIT;
    let column = (width as i32 - left - 16 * UNIT) / Fork::ALL.len() as i32;
    let top = 70 * UNIT;
    let heading = (left - 8 * UNIT, top - 12 * UNIT);
    write(
        area,
        GAS,
        heading,
        &font(TEXT, INK, true),
        (HPos::Right, VPos::Center),
    )?;
    for (index, fork) in Fork::ALL.into_iter().enumerate() {
        let at = (left + column * index as i32 + column / 2, top - 12 * UNIT);
        write(
            area,
            &fork.title(),
            at,
            &font(TEXT, INK, true),
            (HPos::Center, VPos::Center),
        )?;
    }
    for (row, (entry, label)) in headlines.iter().zip(&labels).enumerate() {
        let y = top + ROW * UNIT * row as i32;
        let middle = y + ROW * UNIT / 2;
        write(
            area,
            label,
            (left - 8 * UNIT, middle),
            &text,
            (HPos::Right, VPos::Center),
        )?;
        let fits = entry.record.fits();
        for (index, fork) in Fork::ALL.into_iter().enumerate() {
            let fit = fits.iter().find(|fit| fit.fork() == fork);
            let verdict = fit.map(Fits::of);
            let (_, color, ink, _) = CLASSES
                .into_iter()
                .find(|(class, ..)| *class == verdict)
                .unwrap_or(CLASSES[3]);
            let x = left + column * index as i32;
            let corners = [(x + UNIT, y + UNIT), (x + column - UNIT, y + ROW * UNIT - UNIT)];
            area.draw(&Rectangle::new(corners, color.filled()))
                .map_err(told)?;
            let gas = fit.and_then(|fit| Some(fit.verification.gas?.tx_gas));
            let cell = match (verdict, gas) {
                (Some(verdict), Some(gas)) => format!("{}: {}", verdict.name(), rounded(gas as f64)),
                (Some(verdict), None) => verdict.name().to_owned(),
                (None, _) => "-".to_owned(),
            };
            let at = (x + column / 2, middle);
            write(
                area,
                &cell,
                at,
                &font(SMALL, ink, false),
                (HPos::Center, VPos::Center),
            )?;
        }
    }
    Ok(())
}
