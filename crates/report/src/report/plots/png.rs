//! A plot as PNG, drawn from its SVG.

use std::sync::{Arc, LazyLock};

use resvg::{tiny_skia, usvg};

use super::Plot;
use super::canvas::{FONT, told};
use crate::report::ReportError;

/// Pixels of a PNG for one pixel of the plot.
const SCALE: f32 = 2.0;

/// Most pixels of a PNG, of four bytes each: a plot with a line for each of thousands of records is drawn coarser.
const MOST_PIXELS: f32 = 2.5e7;

impl Plot {
    /// The picture as PNG, twice as fine as its size on the page unless that is very large.
    ///
    /// # Errors
    /// [`ReportError::Plot`] where it cannot be drawn.
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
            let mut fonts = usvg::fontdb::Database::new();
            fonts.load_font_data(notosans::REGULAR_TTF.to_vec());
            fonts.load_font_data(notosans::BOLD_TTF.to_vec());
            Arc::new(fonts)
        });
        let failed = |message: String| ReportError::Plot {
            name: self.name,
            message,
        };
        let options = usvg::Options {
            fontdb: FONTS.clone(),
            font_family: FONT.to_owned(),
            ..usvg::Options::default()
        };
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(|error| failed(told(error)))?;
        let size = tree.size();
        let scale = scale(size.width(), size.height());
        let pixels = |length: f32| (length * scale).ceil() as u32;
        let mut pixmap = tiny_skia::Pixmap::new(pixels(size.width()), pixels(size.height()))
            .ok_or_else(|| failed("it has no size".to_owned()))?;
        let transform = tiny_skia::Transform::from_scale(scale, scale);
        resvg::render(&tree, transform, &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| failed(told(error)))
    }
}

/// Pixels of a PNG for one pixel of a plot of this size.
fn scale(width: f32, height: f32) -> f32 {
    (MOST_PIXELS / (width * height)).sqrt().min(SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_plot_has_no_more_pixels_than_memory_is_for() {
        assert!((scale(1200.0, 800.0) - SCALE).abs() < f32::EPSILON);
        let (width, height) = (1200.0, 60_000.0);
        let found = scale(width, height);
        assert!(found > 0.5 && width * found * height * found <= 1.001 * MOST_PIXELS);
    }
}
