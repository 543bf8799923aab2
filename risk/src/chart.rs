//! The loss distribution as a picture for a report: SVG, with VaR and expected shortfall marked, and with all that ties
//! it to its evidence.

use plotters::{
    coord::{Shift, combinators::LogCoord, types::RangedCoordf64},
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    outcome::{AtLevel, Estimate, Histogram, Outcome},
    parameters::{Copula, Method},
    units::BILLION,
};

const WIDTH: u32 = 960;
/// The height of the picture without its labels.
const HEIGHT: u32 = 620;
const MARGIN: i32 = 16;
const LINE: i32 = 20;
/// What a character of a label is wide, with room to spare: a reader's font is not known.
const CHARACTER: i32 = 8;
/// The most characters that are shown of a name.
const NAME_MAX: usize = 72;
const BARS: RGBColor = RGBColor(0x4a, 0x6f, 0xa5);
const VAR: RGBColor = RGBColor(0xb3, 0x54, 0x1e);
const ES: RGBColor = RGBColor(0x7a, 0x1f, 0x3d);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// Whose positions the run is of, and when.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The allocator's name.
    pub allocator: &'a str,
    /// The instant of the positions, as it is to be shown.
    pub as_of: &'a str,
    /// What is owed in all, in minor units.
    pub exposure_minor: u64,
    /// How many minor units make one unit of the currency: 100 where it has cents.
    pub minor_per_unit: u32,
}

/// The picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn")]
pub struct CannotDraw(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Draws an outcome.
///
/// The scale of shares is logarithmic, because large losses are rare.
///
/// # Errors
/// The plotting library fails.
pub fn svg(outcome: &Outcome, about: &About<'_>) -> Result<String, CannotDraw> {
    let words = Words::new(outcome, about);
    let mut text = String::new();
    draw(&mut text, outcome, &words).map_err(CannotDraw)?;
    // What a screen reader reads, and what a program finds.
    let described = format!(
        "<svg role=\"img\" aria-labelledby=\"title description\" $1><title id=\"title\">{}</title>\
         <desc id=\"description\">{}</desc>",
        escaped(&words.title),
        escaped(&words.description()),
    );
    let (attributes, rest) = text
        .strip_prefix("<svg ")
        .and_then(|text| text.split_once('>'))
        .ok_or_else(|| CannotDraw("the library's text begins otherwise".into()))?;
    Ok(described.replacen("$1", attributes, 1) + rest)
}

/// All that the picture says, in the order of reading.
struct Words {
    title: String,
    shown_title: String,
    run: String,
    expected: String,
    first_bar: Option<String>,
    marks: Vec<Mark>,
    evidence: String,
    currency: String,
    unit: f64,
}

/// A vertical line and its label.
struct Mark {
    minor: i64,
    label: String,
    colour: RGBColor,
    is_dashed: bool,
}

impl Words {
    fn new(outcome: &Outcome, about: &About<'_>) -> Self {
        let currency = outcome.currency.clone();
        let unit = f64::from(about.minor_per_unit.max(1));
        let amount = |minor: i64| money(&currency, minor, about.minor_per_unit.max(1));
        let settings = &outcome.settings;
        let facilities = match outcome.names.len() {
            1 => "1 facility".to_owned(),
            more => format!("{} facilities", grouped(more as u64)),
        };
        let exposure = amount(i64::try_from(about.exposure_minor).unwrap_or(i64::MAX));
        let titled = |name: &str| format!("{name}: loss of {exposure} in {facilities}");
        let copula = match settings.copula {
            Copula::Gaussian => "Gaussian copula".to_owned(),
            Copula::StudentT { degrees } => format!("t copula, {degrees} degrees of freedom"),
        };
        let method = match outcome.method {
            Method::Exact => "without simulation",
            Method::Plain => "plain Monte Carlo",
            Method::Importance => "importance sampling",
            Method::Sobol => "Sobol sequences",
        };
        let method = match outcome.scenarios {
            0 => method.to_owned(),
            scenarios => format!("{method}, {} scenarios", grouped(scenarios.into())),
        };
        let mut marks: Vec<Mark> = outcome
            .levels
            .iter()
            .flat_map(|at| marks(at, &amount))
            .collect();
        marks.sort_by_key(|mark| mark.minor);
        Self {
            title: titled(about.allocator),
            shown_title: titled(&shortened(about.allocator)),
            run: format!("Positions of {}; {copula}; {method}", about.as_of),
            expected: format!(
                "Expected loss {}; in brackets: 95% intervals",
                with_interval(&outcome.expected_loss, &amount)
            ),
            first_bar: first_bar(&outcome.histogram, &amount),
            marks,
            evidence: format!(
                "Run {}, {}, inputs' SHA-256 {}",
                settings.run, outcome.model, outcome.snapshot_sha256
            ),
            currency,
            unit,
        }
    }

    fn description(&self) -> String {
        let marks = self.marks.iter().map(|mark| &*mark.label);
        [&*self.run, &self.expected]
            .into_iter()
            .chain(self.first_bar.as_deref())
            .chain(marks)
            .chain([&*self.evidence])
            .collect::<Vec<_>>()
            .join(". ")
    }
}

/// Most books lose nothing most of the time. That bar is as high as the picture, at its very edge.
fn first_bar(histogram: &Histogram, amount: &impl Fn(i64) -> String) -> Option<String> {
    let share = share(*histogram.shares_ppb.first()?);
    let below = histogram.first_minor.saturating_add(histogram.width_minor);
    (share >= 0.5).then(|| {
        format!(
            "With {:.1}% the loss is less than {}",
            share * 100.0,
            amount(below)
        )
    })
}

fn marks(at: &AtLevel, amount: &impl Fn(i64) -> String) -> [Mark; 2] {
    let level = trimmed(f64::from(at.level.ppm()) / 10_000.0);
    let mark = |what: &str, estimate: &Estimate, colour, is_dashed| Mark {
        minor: estimate.value_minor,
        label: format!("{what} {level}%: {}", with_interval(estimate, amount)),
        colour,
        is_dashed,
    };
    [
        mark("VaR", &at.var, VAR, false),
        mark("ES", &at.es, ES, true),
    ]
}

type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

/// From top to bottom: three lines of text, a label for each mark, the bars, the evidence. A line begins beside its own
/// label, and labels step down from left to right: no line runs through a label, and no label stands on a bar.
fn draw(text: &mut String, outcome: &Outcome, words: &Words) -> Drawn {
    let labels = i32::try_from(words.marks.len() + usize::from(words.first_bar.is_some()))?;
    let height = HEIGHT + u32::try_from(labels * LINE)?;
    let area = SVGBackend::with_string(text, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE).map_err(owned)?;
    say(&area, &words.shown_title, (MARGIN, MARGIN), 18, BLACK)?;
    say(&area, &words.run, (MARGIN, MARGIN + 26), 14, BLACK)?;
    say(
        &area,
        &words.expected,
        (MARGIN, MARGIN + 26 + LINE),
        14,
        BLACK,
    )?;
    let bottom = i32::try_from(height)? - MARGIN - 12;
    say(&area, &words.evidence, (MARGIN, bottom), 11, BLACK)?;

    let first_label = MARGIN + 26 + 2 * LINE + 8;
    let bars = bars(&outcome.histogram, words.unit);
    let (scale, word) = magnitude(bars.iter().map(|bar| bar.1.abs()).fold(0.0, f64::max));
    let first = bars.first().map_or(0.0, |bar| bar.0);
    let last = bars.last().map_or(1.0, |bar| bar.1);
    let end = with_room_for_labels(words, first, last);
    let shares = bars.iter().map(|bar| bar.2).filter(|share| *share > 0.0);
    let least = 10_f64.powf(shares.fold(1.0, f64::min).log10().floor());
    let mut chart = ChartBuilder::on(&area)
        .margin(MARGIN)
        .margin_top(first_label + labels * LINE + 6)
        .margin_bottom(MARGIN + 18)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(first / scale..end / scale, (least..1.0).log_scale())
        .map_err(owned)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_desc(format!("Loss, {}{word}", words.currency))
        .y_desc("Share of scenarios, logarithmic")
        .x_label_formatter(&|x| trimmed(*x))
        .y_label_formatter(&|share| percent(*share))
        .label_style(("sans-serif", 14))
        .draw()
        .map_err(owned)?;
    let seen = bars.iter().filter(|bar| bar.2 > 0.0);
    chart
        .draw_series(seen.map(|bar| {
            Rectangle::new(
                [(bar.0 / scale, least), (bar.1 / scale, bar.2)],
                BARS.filled(),
            )
        }))
        .map_err(owned)?;
    let mut top = first_label;
    for mark in &words.marks {
        mark_line(&area, &chart, mark, words.unit * scale, top)?;
        top += LINE;
    }
    if let Some(text) = &words.first_bar {
        let (left, _) = chart.backend_coord(&(first / scale, 1.0));
        say(&area, text, (left + 6, top), 14, BARS)?;
    }
    area.present().map_err(owned)
}

/// Where the axis of losses ends, so that the label of each mark has room at its right.
fn with_room_for_labels(words: &Words, first: f64, last: f64) -> f64 {
    let plot = f64::from(i32::try_from(WIDTH).unwrap_or(i32::MAX) - 2 * MARGIN - 72);
    let ends = words.marks.iter().map(|mark| {
        let label = i32::try_from(mark.label.chars().count()).unwrap_or(0) * CHARACTER;
        let left = (1.0 - f64::from(label) / plot).max(0.2);
        first + (major(mark.minor, words.unit) - first) / left
    });
    ends.fold(last, f64::max)
}

fn mark_line<'b>(
    area: &Area<'b>,
    chart: &Chart<'_, 'b>,
    mark: &Mark,
    scale: f64,
    top: i32,
) -> Drawn {
    let (x, _) = chart.backend_coord(&(major(mark.minor, scale), 1.0));
    let bottom = chart.plotting_area().get_pixel_range().1.end;
    let style = mark.colour.stroke_width(2);
    let line = [(x, top), (x, bottom)];
    if mark.is_dashed {
        area.draw(&DashedPathElement::new(line, 7, 5, style))
            .map_err(owned)?;
    } else {
        area.draw(&PathElement::new(line, style)).map_err(owned)?;
    }
    say(area, &mark.label, (x + 6, top), 14, mark.colour)
}

fn say(area: &Area<'_>, text: &str, at: (i32, i32), size: u32, colour: RGBColor) -> Drawn {
    let style = ("sans-serif", size)
        .into_font()
        .color(&colour)
        .pos(Pos::new(HPos::Left, VPos::Top));
    area.draw_text(text, &style, at).map_err(owned)
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

/// The number without trailing zeros, to seven digits after the point.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.7}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The amount in whole units of the currency where it is large, and to the minor unit where it is small.
fn money(currency: &str, minor: i64, per_unit: u32) -> String {
    let (sign, whole) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    let per_unit = u64::from(per_unit);
    if per_unit == 1 {
        return format!("{currency} {sign}{}", grouped(whole));
    }
    if whole >= 1_000 * per_unit {
        return format!(
            "{currency} {sign}{}",
            grouped((whole + per_unit / 2) / per_unit)
        );
    }
    let digits = per_unit.ilog10() as usize;
    let (units, rest) = (whole / per_unit, whole % per_unit);
    format!("{currency} {sign}{units}.{rest:0digits$}")
}

fn with_interval(estimate: &Estimate, amount: &impl Fn(i64) -> String) -> String {
    let bare = |minor: i64| {
        let text = amount(minor);
        text.split_once(' ')
            .map_or(text.clone(), |(_, number)| number.to_owned())
    };
    format!(
        "{} [{} to {}]",
        amount(estimate.value_minor),
        bare(estimate.low_minor),
        bare(estimate.high_minor)
    )
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

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_MAX - 1).chain(['…']).collect()
}

/// The text as XML has it between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn owned(error: impl std::fmt::Display) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
}
