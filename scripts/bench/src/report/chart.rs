//! The results as bars: each engine's time divided by InoxDB's, which is the line at 1.

use std::fmt::Write;

use crate::result::{Outcome, Results};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const BAR: f64 = 12.0;
const GAP: f64 = 14.0;
/// Longer bars are cut, and say by how much.
const MOST: f64 = 8.0;

/// An SVG that is readable on light and on dark paper.
pub fn svg(results: &Results) -> String {
    let peers = results.engines.len().saturating_sub(1);
    let height_of_one = peers as f64 * BAR + GAP;
    let top = 40.0;
    let height = top + results.outcomes.len() as f64 * height_of_one + 10.0;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>How many times as long as InoxDB the others take</title>\n\
         <style>text{{fill:#555}}.p0{{fill:#2f7ab8}}.p1{{fill:#7a5ba8}}line{{stroke:#c33;stroke-width:1.5}}\
         @media(prefers-color-scheme:dark){{text{{fill:#bbb}}}}</style>\n"
    );
    for (i, (name, _)) in results.engines.iter().skip(1).enumerate() {
        let x = LEFT + 110.0 * i as f64;
        let _ = writeln!(
            svg,
            "<rect class=\"p{i}\" x=\"{x}\" y=\"8\" width=\"12\" height=\"12\"/><text x=\"{}\" y=\"18\">{name}</text>",
            x + 18.0
        );
    }
    for (i, outcome) in results.outcomes.iter().enumerate() {
        bars(&mut svg, outcome, top + i as f64 * height_of_one);
    }
    let x = LEFT + scale(1.0);
    let _ = writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"28\" x2=\"{x}\" y2=\"{height}\"/>\n<text x=\"{}\" y=\"18\">InoxDB = 1</text>\n</svg>",
        LEFT + 240.0
    );
    svg
}

fn scale(ratio: f64) -> f64 {
    ratio.min(MOST) / MOST * (WIDTH - LEFT - 60.0)
}

fn bars(svg: &mut String, outcome: &Outcome, y: f64) {
    let Some((ours, peers)) = outcome.entrants.split_first() else { return };
    let label = format!("{} {}", outcome.workload, outcome.about);
    let label: String =
        if label.chars().count() > 40 { label.chars().take(39).chain(['…']).collect() } else { label };
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"11\">{label}</text>",
        LEFT - 8.0,
        y + BAR
    );
    for (i, peer) in peers.iter().enumerate() {
        let ratio = peer.cost.wall / ours.cost.wall;
        let y = y + i as f64 * BAR;
        let width = scale(ratio);
        let _ = writeln!(
            svg,
            "<rect class=\"p{i}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{ratio:.1}</text>",
            BAR - 1.0,
            LEFT + width + 4.0,
            y + BAR - 3.0
        );
    }
}
