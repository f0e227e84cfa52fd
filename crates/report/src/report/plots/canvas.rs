//! What plots are drawn on: one SVG in fine units, one embedded font, a palette that survives grey and colour blindness.
//!
//! The plotting library rounds to whole units, so that a plot is drawn [`UNIT`] times as large as it is shown; its size on
//! the page is set at the end. Fonts are never the system's: widths are measured in, and pictures drawn with, Noto Sans
//! (SIL Open Font License), which is part of the program.

use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Plot;
use crate::report::ReportError;

/// Units of a drawing for one pixel.
pub(super) const UNIT: i32 = 4;

/// The font's name.
pub(super) const FONT: &str = "Noto Sans";

/// What a viewer without the font falls back to.
const FONT_STACK: &str = "'Noto Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif";

/// Widths that the library measures are of a font whose ascent and descent, not its em, are the size: 1.362 em in Noto
/// Sans, where it writes the size over 1.24 as the em.
const WIDTH_CORRECTION: f64 = 1.362 / 1.24;

/// Size of text, in pixels.
pub(super) const TEXT: i32 = 12;

/// Size of labels at points and of ticks, in pixels.
pub(super) const SMALL: i32 = 11;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x1a, 0x1a, 0x1a);
/// What stands behind: fits, leaders, secondary text.
pub(super) const MUTED: RGBColor = RGBColor(0x6b, 0x6b, 0x6b);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xe3, 0xe3, 0xe3);
/// The background.
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Text on a light area of its own. The page makes ink light where the page is dark, and knows it by its colour: this is another.
pub(super) const ON_LIGHT: RGBColor = RGBColor(0x1a, 0x1a, 0x1b);
/// Text on a dark area of its own, likewise no paper.
pub(super) const ON_DARK: RGBColor = RGBColor(0xff, 0xff, 0xfe);

/// Okabe and Ito's colours, told apart by every common kind of sight, in an order in which neighbours differ in lightness.
pub(super) const PALETTE: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xf0, 0xe4, 0x42),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x8f, 0xd0, 0xf5),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xf5, 0xc2, 0x4b),
    RGBColor(0xa8, 0x4f, 0x85),
    RGBColor(0xcc, 0xcc, 0xcc),
];

/// A drawing or a part of it.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing yields: the library's error has no more to say than its text.
pub(super) type Drawn = Result<(), String>;

/// The library's error as text.
pub(super) fn told<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Draws a plot of a size in pixels.
pub(super) fn plot(
    name: &'static str,
    title: &'static str,
    description: String,
    (width, height): (i32, i32),
    draw: impl FnOnce(&Area) -> Drawn,
) -> Result<Plot, ReportError> {
    register_fonts();
    let mut svg = String::new();
    let drawn = {
        let size = ((width * UNIT) as u32, (height * UNIT) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&PAPER)
            .map_err(told)
            .and_then(|()| draw(&area))
            .and_then(|()| area.present().map_err(told))
    };
    drawn.map_err(|message| ReportError::Plot { name, message })?;
    Ok(Plot {
        name,
        title,
        svg: sized(&svg, (width, height), title, &description),
        description,
    })
}

/// The library's SVG at its size on the page, with a title and a description for who cannot see it.
fn sized(svg: &str, (width, height): (i32, i32), title: &str, description: &str) -> String {
    let (heading, body) = svg.split_once(">\n").unwrap_or(("", svg));
    let old = format!("width=\"{}\" height=\"{}\"", width * UNIT, height * UNIT);
    let heading = heading.replacen(
        &old,
        &format!("width=\"{width}\" height=\"{height}\" role=\"img\""),
        1,
    );
    let body = fitted(body).replace(
        &format!("font-family=\"{FONT}\""),
        &format!("font-family=\"{FONT_STACK}\""),
    );
    format!(
        "{heading}>\n<title>{}</title>\n<desc>{}</desc>\n{body}",
        crate::report::html::escape(title),
        crate::report::html::escape(description)
    )
}

/// Every text with the length that it was given room for: a viewer without the font fits its own to it.
fn fitted(body: &str) -> String {
    let mut fitted = String::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        let attributes = line
            .strip_prefix("<text ")
            .and_then(|rest| rest.strip_suffix('>'));
        let Some(attributes) = attributes else {
            fitted += line;
            fitted.push('\n');
            continue;
        };
        // The library writes the text on a line of its own.
        let text = lines.next().unwrap_or_default();
        let size = attributes
            .split_once("font-size=\"")
            .and_then(|(_, rest)| rest.split_once('"')?.0.parse::<f64>().ok());
        let pixels = size.map_or(TEXT, |size| (size / f64::from(UNIT)).round() as i32);
        let length = width(
            &crate::report::html::unescape(text),
            pixels,
            attributes.contains("font-weight"),
        );
        fitted +=
            &format!("<text {attributes} textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{text}");
    }
    fitted
}

/// Makes the embedded font known to the plotting library, once.
fn register_fonts() {
    static REGISTERED: LazyLock<()> = LazyLock::new(|| {
        let fonts = [
            (FontStyle::Normal, notosans::REGULAR_TTF),
            (FontStyle::Bold, notosans::BOLD_TTF),
        ];
        for (style, bytes) in fonts {
            let registered = plotters::style::register_font(FONT, style, bytes);
            assert!(registered.is_ok(), "the embedded font is a font");
        }
    });
    LazyLock::force(&REGISTERED);
}

/// A text style of a size in pixels.
pub(super) fn font(pixels: i32, color: RGBColor, bold: bool) -> TextStyle<'static> {
    let size = f64::from(pixels * UNIT) * 1.24;
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    (FONT, size, style).into_font().color(&color)
}

/// Writes text at a place in units.
pub(super) fn write(
    area: &Area,
    text: &str,
    at: (i32, i32),
    style: &TextStyle,
    (horizontal, vertical): (HPos, VPos),
) -> Drawn {
    let style = style.pos(Pos::new(horizontal, vertical));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(told)
}

/// How wide a text is, in units.
pub(super) fn width(text: &str, pixels: i32, bold: bool) -> i32 {
    let style = font(pixels, INK, bold);
    let measured = style
        .font
        .layout_box(text)
        .map_or(0, |((x0, _), (x1, _))| x1 - x0);
    (f64::from(measured) * WIDTH_CORRECTION).ceil() as i32
}

/// Draws a line through places in units.
pub(super) fn line(area: &Area, points: &[(i32, i32)], color: RGBColor, pixels: f64) -> Drawn {
    area.draw(&PathElement::new(
        points.to_vec(),
        color.stroke_width(stroke(pixels)),
    ))
    .map_err(told)
}

/// The same, in dashes.
pub(super) fn dashed(area: &Area, points: &[(i32, i32)], color: RGBColor, pixels: f64) -> Drawn {
    let (dash, gap) = (f64::from(6 * UNIT), f64::from(4 * UNIT));
    // How far into a dash and its gap the last segment came.
    let mut offset = 0.0;
    for pair in points.windows(2) {
        let [from, to] = [pair[0], pair[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |distance: f64| {
            let share = if length > 0.0 { distance / length } else { 0.0 };
            let along = |from: f64, to: f64| (from + share * (to - from)).round() as i32;
            (along(from.0, to.0), along(from.1, to.1))
        };
        let mut start = -offset;
        while start < length {
            let (begin, end) = (start.max(0.0), (start + dash).min(length));
            if end > begin {
                line(area, &[at(begin), at(end)], color, pixels)?;
            }
            start += dash + gap;
        }
        offset = (offset + length) % (dash + gap);
    }
    Ok(())
}

/// The width of a line in units.
pub(super) fn stroke(pixels: f64) -> u32 {
    (pixels * f64::from(UNIT)).round() as u32
}

/// How a series marks its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// A disc.
    Disc,
    /// A square's outline.
    Square,
    /// A triangle.
    Triangle,
    /// A cross.
    Cross,
}

/// Marks a place in units.
pub(super) fn mark(area: &Area, (x, y): (i32, i32), marker: Marker, color: RGBColor) -> Drawn {
    let radius = 4 * UNIT + 1;
    match marker {
        Marker::Disc => area
            .draw(&Circle::new((x, y), radius, color.filled()))
            .map_err(told),
        Marker::Square => {
            let corners = [(x - radius, y - radius), (x + radius, y + radius)];
            area.draw(&Rectangle::new(corners, PAPER.filled()))
                .map_err(told)?;
            let r = radius - UNIT / 2;
            let outline = [
                (x - r, y - r),
                (x + r, y - r),
                (x + r, y + r),
                (x - r, y + r),
                (x - r, y - r),
            ];
            line(area, &outline, color, 1.8)
        }
        Marker::Triangle => {
            let corners = vec![
                (x, y - radius - 2),
                (x + radius + 2, y + radius),
                (x - radius - 2, y + radius),
            ];
            area.draw(&Polygon::new(corners, color.filled())).map_err(told)
        }
        Marker::Cross => {
            line(
                area,
                &[(x - radius, y - radius), (x + radius, y + radius)],
                color,
                1.8,
            )?;
            line(
                area,
                &[(x - radius, y + radius), (x + radius, y - radius)],
                color,
                1.8,
            )
        }
    }
}
