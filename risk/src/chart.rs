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

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn")]
pub struct CannotDraw(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Draws an outcome, amounts in `minor_per_unit`-ths of the currency (100 where it has cents).
///
/// The scale of shares is logarithmic: what matters is rare.
///
/// # Errors
/// Where the plotting library refuses.
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
    for (position, at) in outcome.levels.iter().enumerate() {
        for mark in marks(at, unit) {
            mark_line(&mut chart, &mark, scale, least, position).map_err(owned)?;
        }
    }
    area.present().map_err(owned)
}

/// A vertical line and what it is.
struct Mark {
    at: f64,
    label: String,
    colour: RGBColor,
    row: i32,
}

fn marks(at: &AtLevel, unit: f64) -> [Mark; 2] {
    let level = trimmed(f64::from(at.level.ppm()) / 10_000.0);
    let (var, es) = (
        major(at.var.value_minor, unit),
        major(at.es.value_minor, unit),
    );
    [
        Mark {
            at: var,
            label: format!("VaR {level}%: {}", amount(var)),
            colour: VAR,
            row: 0,
        },
        Mark {
            at: es,
            label: format!("ES {level}%: {}", amount(es)),
            colour: ES,
            row: 1,
        },
    ]
}

type Log = plotters::coord::combinators::LogCoord<f64>;
type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<<std::ops::Range<f64> as AsRangedCoord>::CoordDescType, Log>,
>;

/// Labels stand below each other, so that they do not overlap, on the side where there is room.
fn mark_line<'b>(
    chart: &mut Chart<'_, 'b>,
    mark: &Mark,
    scale: f64,
    least: f64,
    level: usize,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>> {
    let x = mark.at / scale;
    chart.draw_series(std::iter::once(PathElement::new(
        [(x, least), (x, 1.0)],
        mark.colour.stroke_width(2),
    )))?;
    let range = chart.x_range();
    let right = x > f64::midpoint(range.start, range.end);
    let anchor = Pos::new(if right { HPos::Right } else { HPos::Left }, VPos::Top);
    let style = ("sans-serif", 14)
        .into_font()
        .color(&mark.colour)
        .pos(anchor);
    let row = i32::try_from(level).unwrap_or(0) * 2 + mark.row;
    let offset = (if right { -6 } else { 6 }, 4 + 18 * row);
    let text = mark.label.clone();
    chart.draw_series(std::iter::once(
        EmptyElement::at((x, 1.0)) + Text::new(text, offset, style),
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

/// What to divide by, and how to say so.
fn magnitude(most: f64) -> (f64, &'static str) {
    match most {
        most if most >= 2e9 => (1e9, " billion"),
        most if most >= 2e6 => (1e6, " million"),
        most if most >= 2e3 => (1e3, " thousand"),
        _ => (1.0, ""),
    }
}

fn amount(value: f64) -> String {
    let (scale, word) = magnitude(value.abs());
    format!("{:.2}{word}", value / scale)
}

fn percent(share: f64) -> String {
    format!("{}%", trimmed(share * 100.0))
}

/// As few digits as say it.
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
