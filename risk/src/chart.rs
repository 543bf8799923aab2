//! The loss distribution as a picture for a report: SVG, with VaR and expected shortfall marked.

use plotters::{
    coord::ranged1d::AsRangedCoord,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    outcome::{AtLevel, Histogram, Outcome},
    units::BILLION,
};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;
const BARS: RGBColor = RGBColor(0x4a, 0x6f, 0xa5);
const VAR: RGBColor = RGBColor(0xb3, 0x54, 0x1e);
const ES: RGBColor = RGBColor(0x7a, 0x1f, 0x3d);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// The picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn")]
pub struct CannotDraw(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Draws an outcome. `minor_per_unit` minor units make one unit of the currency: 100 where it has cents.
///
/// The scale of shares is logarithmic, because large losses are rare.
///
/// # Errors
/// The plotting library fails.
pub fn svg(outcome: &Outcome, minor_per_unit: u32) -> Result<String, CannotDraw> {
    let mut text = String::new();
    draw(&mut text, outcome, f64::from(minor_per_unit.max(1))).map_err(CannotDraw)?;
    Ok(text)
}

type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn draw(text: &mut String, outcome: &Outcome, unit: f64) -> Drawn {
    let area = SVGBackend::with_string(text, (WIDTH, HEIGHT)).into_drawing_area();
    area.fill(&WHITE).map_err(owned)?;
    let bars = bars(&outcome.histogram, unit);
    let (scale, word) = magnitude(bars.iter().map(|bar| bar.1.abs()).fold(0.0, f64::max));
    let (first, last) = (
        bars.first().map_or(0.0, |bar| bar.0),
        bars.last().map_or(1.0, |bar| bar.1),
    );
    let least = bars
        .iter()
        .map(|bar| bar.2)
        .filter(|share| *share > 0.0)
        .fold(1.0, f64::min)
        / 2.0;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            format!(
                "Loss distribution, {} scenarios",
                grouped(u64::from(outcome.settings.scenarios))
            ),
            ("sans-serif", 20),
        )
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(first / scale..last / scale, (least..1.0).log_scale())
        .map_err(owned)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_desc(format!("Loss, {}{word}", outcome.currency))
        .y_desc("Share of scenarios")
        .x_label_formatter(&|x| trimmed(*x))
        .y_label_formatter(&|share| percent(*share))
        .label_style(("sans-serif", 14))
        .draw()
        .map_err(owned)?;
    let bars = bars.iter().filter(|bar| bar.2 > 0.0);
    chart
        .draw_series(bars.map(|bar| {
            Rectangle::new(
                [(bar.0 / scale, least), (bar.1 / scale, bar.2)],
                BARS.filled(),
            )
        }))
        .map_err(owned)?;
    let marks = outcome
        .levels
        .iter()
        .flat_map(|at| marks(at, unit * scale, word));
    let mut marks: Vec<_> = marks.collect();
    marks.sort_by(|a, b| a.at.total_cmp(&b.at));
    for (row, mark) in (0..).zip(&marks) {
        mark_line(&mut chart, mark, row).map_err(owned)?;
    }
    area.present().map_err(owned)
}

/// A vertical line and its label.
struct Mark {
    at: f64,
    label: String,
    colour: RGBColor,
}

fn marks(at: &AtLevel, scale: f64, word: &str) -> [Mark; 2] {
    let level = trimmed(f64::from(at.level.ppm()) / 10_000.0);
    let mark = |what: &str, minor: i64, colour| {
        let at = major(minor, scale);
        Mark {
            at,
            label: format!("{what} {level}%: {at:.2}{word}"),
            colour,
        }
    };
    [
        mark("VaR", at.var.value_minor, VAR),
        mark("ES", at.es.value_minor, ES),
    ]
}

type Log = plotters::coord::combinators::LogCoord<f64>;
type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<<std::ops::Range<f64> as AsRangedCoord>::CoordDescType, Log>,
>;

/// Labels stand below each other from left to right, each at the top of its line: no line runs through a label.
fn mark_line<'b>(
    chart: &mut Chart<'_, 'b>,
    mark: &Mark,
    row: i32,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>> {
    let range = chart.x_range();
    let bottom = i32::try_from(chart.plotting_area().dim_in_pixel().1).unwrap_or(0);
    let top = 4 + 18 * row;
    let left = mark.at < range.start + 0.8 * (range.end - range.start);
    let anchor = Pos::new(if left { HPos::Left } else { HPos::Right }, VPos::Top);
    let style = ("sans-serif", 14)
        .into_font()
        .color(&mark.colour)
        .pos(anchor);
    let line = PathElement::new([(0, top), (0, bottom)], mark.colour.stroke_width(2));
    let label = Text::new(mark.label.clone(), (if left { 6 } else { -6 }, top), style);
    chart.draw_series(std::iter::once(
        EmptyElement::at((mark.at, 1.0)) + line + label,
    ))?;
    Ok(())
}

/// Where each bin begins and ends, in units of the currency, and its share.
fn bars(histogram: &Histogram, unit: f64) -> Vec<(f64, f64, f64)> {
    let edge = |bin: usize| {
        let bin = i64::try_from(bin).unwrap_or(i64::MAX);
        major(
            histogram
                .first_minor
                .saturating_add(bin.saturating_mul(histogram.width_minor)),
            unit,
        )
    };
    let shares = histogram.shares_ppb.iter().enumerate();
    shares
        .map(|(bin, &ppb)| (edge(bin), edge(bin + 1), share(ppb)))
        .collect()
}

fn share(ppb: u64) -> f64 {
    f64::from(u32::try_from(ppb).unwrap_or(u32::MAX)) / f64::from(BILLION)
}

#[allow(clippy::cast_precision_loss, reason = "a picture")]
fn major(minor: i64, unit: f64) -> f64 {
    minor as f64 / unit
}

/// A divisor, and its name.
fn magnitude(most: f64) -> (f64, &'static str) {
    match most {
        most if most >= 2e9 => (1e9, " billion"),
        most if most >= 2e6 => (1e6, " million"),
        most if most >= 2e3 => (1e3, " thousand"),
        _ => (1.0, ""),
    }
}

fn percent(share: f64) -> String {
    format!("{}%", trimmed(share * 100.0))
}

/// The number without trailing zeros, to six digits after the point.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn owned(error: impl std::fmt::Display) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
}
