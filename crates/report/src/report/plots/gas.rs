//! Gas by cause, each record's whole as one bar.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    self, Area, Drawn, INK, ON_DARK, ON_LIGHT, PALETTE, SMALL, TEXT, UNIT, font, told, write,
};
use super::{ALONE, Plot};
use crate::chain::{Cause, Fork, GasByCause};
use crate::report::{Dataset, Entry, ReportError};

/// The causes that are drawn as one; the last takes all others.
const GROUPS: [(&str, &[Cause]); 7] = [
    (
        "calldata",
        &[Cause::CalldataZero, Cause::CalldataNonzero, Cause::FloorSurcharge],
    ),
    ("memory growth", &[Cause::Memory]),
    ("data movement", &[Cause::DataMovement]),
    ("arithmetic", &[Cause::Arithmetic]),
    (
        "curve: add, multiply, pair",
        &[Cause::EcAdd, Cause::EcMul, Cause::Pairing],
    ),
    ("jumps", &[Cause::ControlFlow]),
    ("hashing, inversion", &[Cause::Keccak, Cause::Modexp]),
];

/// What stands for the rest.
const REST: &str = "base, calls, rest";

/// Height of a bar with its gap, in pixels.
const ROW: i32 = 26;

/// Stacked bars, one for each record with its gas by cause.
pub(super) fn by_cause(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let bars: Vec<(&Entry, &GasByCause)> = dataset
        .headlines()
        .into_iter()
        .filter_map(|entry| Some((entry, entry.record.verification.as_ref()?.gas_by_cause.as_ref()?)))
        .collect();
    if bars.is_empty() {
        return Ok(None);
    }
    let size = (1060, 96 + ROW * bars.len() as i32);
    canvas::plot(
        "gas_by_cause",
        "Verification gas by cause",
        format!(
            "Shares of the verifying transaction's gas under {}, {ALONE}, by what it was spent on; the whole stands at the right. Memory's \
             price grows with its square, so that it takes over where there are many public values.",
            Fork::default().title()
        ),
        size,
        |area| draw(area, &bars),
    )
    .map(Some)
}

/// Gas of each group, and of the rest.
fn shares(causes: &GasByCause) -> Vec<i64> {
    let mut shares: Vec<i64> = GROUPS
        .iter()
        .map(|(_, group)| group.iter().map(|&cause| causes.get(cause)).sum())
        .collect();
    shares.push(causes.total() - shares.iter().sum::<i64>());
    shares
}

fn draw(area: &Area, bars: &[(&Entry, &GasByCause)]) -> Drawn {
    let text = font(SMALL, INK, false);
    draw_legend(area)?;
    let labels: Vec<String> = bars.iter().map(|(entry, _)| entry.label()).collect();
    let widest = labels
        .iter()
        .map(|label| canvas::width(label, SMALL, false))
        .max()
        .unwrap_or(0);
    let (width, _) = area.dim_in_pixel();
    let (left, right) = (widest + 20 * UNIT, width as i32 - 130 * UNIT);
    let top = 62 * UNIT;
    let place = |share: f64| left + (share * f64::from(right - left)).round() as i32;
    for (index, ((_, causes), label)) in bars.iter().zip(&labels).enumerate() {
        let y = top + index as i32 * ROW * UNIT;
        let (upper, lower) = (y + 3 * UNIT, y + (ROW - 3) * UNIT);
        let middle = i32::midpoint(upper, lower);
        write(
            area,
            label,
            (left - 8 * UNIT, middle),
            &text,
            (HPos::Right, VPos::Center),
        )?;
        let total = causes.total();
        let mut sum = 0;
        for (group, gas) in shares(causes).into_iter().enumerate() {
            let (from, to) = (
                place(sum as f64 / total as f64),
                place((sum + gas) as f64 / total as f64),
            );
            sum += gas;
            if to - from < UNIT / 2 {
                continue;
            }
            // A gap tells neighbours apart in any colours.
            let corners = [(from, upper), (to - UNIT.min((to - from) / 3), lower)];
            area.draw(&Rectangle::new(corners, PALETTE[group].filled()))
                .map_err(told)?;
            let share = format!("{:.0}%", 100.0 * gas as f64 / total as f64);
            if canvas::width(&share, SMALL, false) + 6 * UNIT < to - from {
                let on = font(SMALL, ink_on(PALETTE[group]), false);
                write(
                    area,
                    &share,
                    (i32::midpoint(from, to), middle),
                    &on,
                    (HPos::Center, VPos::Center),
                )?;
            }
        }
        let gas = crate::format::signed(total.into());
        let at = (right + 8 * UNIT, middle);
        write(area, &gas, at, &text, (HPos::Left, VPos::Center))?;
    }
    let bottom = top + (bars.len() as i32 * ROW + 4) * UNIT;
    for percent in [0, 25, 50, 75, 100] {
        let x = place(f64::from(percent) / 100.0);
        canvas::line(area, &[(x, bottom), (x, bottom + 5 * UNIT)], INK, 0.75)?;
        let label = format!("{percent}%");
        write(
            area,
            &label,
            (x, bottom + 7 * UNIT),
            &text,
            (HPos::Center, VPos::Top),
        )?;
    }
    canvas::line(area, &[(left, bottom), (right, bottom)], INK, 1.0)?;
    let heading = font(SMALL, INK, true);
    write(
        area,
        "gas, verifier alone",
        (right + 8 * UNIT, top - 8 * UNIT),
        &heading,
        (HPos::Left, VPos::Center),
    )
}

/// Black or white, whichever reads better.
fn ink_on(color: RGBColor) -> RGBColor {
    let RGBColor(red, green, blue) = color;
    let lightness = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    if lightness > 130.0 { ON_LIGHT } else { ON_DARK }
}

fn draw_legend(area: &Area) -> Drawn {
    let text = font(TEXT, INK, false);
    let names = GROUPS.iter().map(|(name, _)| *name).chain([REST]);
    let (mut x, y) = (20 * UNIT, 20 * UNIT);
    for (index, name) in names.enumerate() {
        let box_size = 12 * UNIT;
        let corners = [(x, y - box_size / 2), (x + box_size, y + box_size / 2)];
        area.draw(&Rectangle::new(corners, PALETTE[index].filled()))
            .map_err(told)?;
        write(
            area,
            name,
            (x + box_size + 5 * UNIT, y),
            &text,
            (HPos::Left, VPos::Center),
        )?;
        x += box_size + canvas::width(name, TEXT, false) + 20 * UNIT;
    }
    Ok(())
}
