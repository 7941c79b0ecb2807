//! A drill as a picture: orders a day, and how near each day came to expiry and to a limit.

use std::fmt::Write;

use super::Outcome;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
/// One panel above the other: orders, what was left of lives, what was used of limits.
const PANEL: f64 = 150.0;
const GAP: f64 = 56.0;
const TOP: f64 = 56.0;
const PANELS: f64 = 3.0;
const HEIGHT: f64 = TOP + PANELS * (PANEL + GAP);
const BLUE: &str = "#2a6fb0";
const GREEN: &str = "#2e7d32";
const RED: &str = "#c0392b";

/// What one panel shows: a value for each day that has one.
struct Panel<'a> {
    place: f64,
    title: &'a str,
    unit: &'a str,
    color: &'a str,
    most: f64,
    values: &'a [Option<f64>],
}

/// A step that gives four to eight lines up to `most`.
fn step(most: f64) -> f64 {
    let size = 10f64.powf((most / 4.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|n| n * size)
        .find(|s| most / s <= 6.0)
        .unwrap_or(10.0 * size)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

impl Panel<'_> {
    fn draw(&self, text: &mut String) {
        let days = self.values.len().max(1);
        let (wide, top) = (WIDTH - LEFT - RIGHT, TOP + self.place * (PANEL + GAP));
        let x = |day: usize| LEFT + wide * day as f64 / days as f64;
        let y = |value: f64| top + PANEL * (1.0 - value / self.most);
        let (title, unit, color) = (escaped(self.title), self.unit, self.color);
        let _ = write!(
            text,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{:.1}\">{title}</text>\
             <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{unit}</text>",
            top - 18.0,
            LEFT + 16.0,
            top - 9.0,
            top + PANEL / 2.0
        );
        let step = step(self.most);
        let mut value = 0.0;
        while value <= self.most * 1.001 {
            let _ = write!(
                text,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                WIDTH - RIGHT,
                y(value),
                y(value),
                LEFT - 6.0,
                y(value) + 4.0
            );
            value += step;
        }
        let bar = (wide / days as f64).max(0.6);
        for (day, value) in self.values.iter().enumerate() {
            let Some(value) = value.filter(|v| *v > 0.0) else {
                continue;
            };
            let at = y(value.min(self.most));
            let _ = write!(
                text,
                "<rect x=\"{:.2}\" y=\"{at:.1}\" width=\"{bar:.2}\" height=\"{:.1}\" fill=\"{color}\"/>",
                x(day),
                top + PANEL - at
            );
        }
        let every = if days > 400 { 90 } else { (days / 8).max(1) };
        for day in (0..days).step_by(every) {
            let _ = write!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{day}</text>",
                x(day),
                top + PANEL + 16.0
            );
        }
        let _ = write!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">day</text>",
            WIDTH - RIGHT,
            top + PANEL + 16.0
        );
    }
}

/// An SVG of three panels with one bar a day.
#[must_use]
pub fn svg(outcome: &Outcome, title: &str) -> String {
    let orders: Vec<Option<f64>> = outcome.orders.iter().map(|n| Some(f64::from(*n))).collect();
    let percent = |parts: &[Option<f64>]| parts.iter().map(|p| p.map(|p| 100.0 * p)).collect::<Vec<_>>();
    let (left, used) = (percent(&outcome.left), percent(&outcome.used));
    let most = orders.iter().flatten().copied().fold(1.0, f64::max);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>",
        escaped(title)
    );
    let panels = [
        (0.0, "orders", "orders a day", BLUE, most, &orders),
        (
            1.0,
            "nearest to expiry: least of a life that was left at a renewal (0: expired)",
            "% of the life",
            GREEN,
            100.0,
            &left,
        ),
        (
            2.0,
            "nearest to a limit: most of any limit in use, by the CA's own count (100: refused beyond)",
            "% of the limit",
            RED,
            100.0,
            &used,
        ),
    ];
    for (place, title, unit, color, most, values) in panels {
        let panel = Panel {
            place,
            title,
            unit,
            color,
            most,
            values,
        };
        panel.draw(&mut text);
    }
    text.push_str("</svg>\n");
    text
}
