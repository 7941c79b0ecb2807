//! Orders a day as a picture.

use std::fmt::Write;

use super::Outcome;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 36.0;
const TOP: f64 = 28.0;

/// An SVG with one bar a day.
#[must_use]
pub fn svg(outcome: &Outcome, title: &str) -> String {
    let most = outcome.orders.iter().copied().max().unwrap_or(0).max(1);
    let days = outcome.orders.len().max(1);
    let (wide, high) = (WIDTH - LEFT - 12.0, HEIGHT - TOP - BOTTOM);
    let x = |day: usize| LEFT + wide * day as f64 / days as f64;
    let y = |orders: f64| TOP + high * (1.0 - orders / f64::from(most));
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"{LEFT}\" y=\"18\">{title}</text>"
    );
    for part in 0..=4 {
        let (value, at) = (
            f64::from(most) * f64::from(part) / 4.0,
            y(f64::from(most) * f64::from(part) / 4.0),
        );
        let _ = write!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            WIDTH - 12.0,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for (day, orders) in outcome.orders.iter().enumerate().filter(|(_, n)| **n > 0) {
        let top = y(f64::from(*orders));
        let _ = write!(
            text,
            "<rect x=\"{:.2}\" y=\"{top:.1}\" width=\"{:.2}\" height=\"{:.1}\" fill=\"#2a6fb0\"/>",
            x(day),
            (wide / days as f64).max(0.5),
            TOP + high - top
        );
    }
    for day in (0..days).step_by(90) {
        let _ = write!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{day}</text>",
            x(day),
            HEIGHT - BOTTOM + 16.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">day</text></svg>",
        WIDTH - 12.0,
        HEIGHT - 4.0
    );
    text
}
