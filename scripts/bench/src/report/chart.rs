//! The results as bars: each engine's time divided by InoxDB's, which is the line at 1.

use std::fmt::Write;

use crate::result::{Against, Outcome, Results};

/// Narrow enough to be read on a telephone.
const WIDTH: f64 = 480.0;
/// As wide as it is shown where there is room.
const SHOWN: f64 = 620.0;
const LEFT: f64 = 4.0;
/// Room for the figure behind a bar.
const FIGURE: f64 = 44.0;
const LABEL: f64 = 16.0;
const BAR: f64 = 13.0;
const GAP: f64 = 11.0;
/// Longer bars are cut, and have a gap to show it.
const MOST: f64 = 8.0;
/// How wide the gap is, how far it leans, and what is left of the bar behind it.
const CUT: [f64; 3] = [5.0, 5.0, 14.0];

/// An SVG that is readable on light and on dark paper.
pub fn svg(results: &Results) -> String {
    let peers = results.engines.len().saturating_sub(1);
    let height_of_one = LABEL + peers as f64 * BAR + GAP;
    let top = 34.0;
    let height = top + results.outcomes.len() as f64 * height_of_one;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SHOWN}\" height=\"{:.0}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>How many times as long as InoxDB the others take</title>\n\
         <style>text{{fill:#555}}.p0{{fill:#2f7ab8}}.p1{{fill:#7a5ba8}}line{{stroke:#c33;stroke-width:1.5}}\
         .goal{{stroke:#3fae4d;stroke-dasharray:3 2}}@media(prefers-color-scheme:dark){{text{{fill:#bbb}}}}</style>\n",
        height * SHOWN / WIDTH
    );
    for (i, (name, _)) in results.engines.iter().skip(1).enumerate() {
        let x = LEFT + 110.0 * i as f64;
        let _ = writeln!(
            svg,
            "<rect class=\"p{i}\" x=\"{x}\" y=\"6\" width=\"12\" height=\"12\"/><text x=\"{}\" y=\"16\">{name}</text>",
            x + 18.0
        );
    }
    for (i, (class, name)) in [("", "InoxDB = 1"), (" class=\"goal\"", "goal")].iter().enumerate() {
        let x = LEFT + 240.0 + 120.0 * i as f64;
        let _ = writeln!(
            svg,
            "<line{class} x1=\"{x}\" y1=\"4\" x2=\"{x}\" y2=\"20\"/><text x=\"{}\" y=\"16\">{name}</text>",
            x + 6.0
        );
    }
    for (i, outcome) in results.outcomes.iter().enumerate() {
        bars(&mut svg, outcome, top + i as f64 * height_of_one);
    }
    svg + "</svg>\n"
}

fn scale(ratio: f64) -> f64 {
    ratio.min(MOST) / MOST * (WIDTH - LEFT - FIGURE)
}

fn bars(svg: &mut String, outcome: &Outcome, y: f64) {
    let Some((ours, peers)) = outcome.entrants.split_first() else { return };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\">{} {}</text>",
        y + 11.0,
        outcome.workload,
        outcome.about
    );
    let y = y + LABEL;
    let mut lines = vec![("", 1.0)];
    if outcome.goal.against == Against::Peer {
        lines.push((" class=\"goal\"", 1.0 / outcome.goal.wall));
    }
    for (i, peer) in peers.iter().enumerate() {
        let ratio = peer.cost.wall / ours.cost.wall;
        let (top, width) = (y + i as f64 * BAR, scale(ratio));
        if ratio > MOST {
            cut_bar(svg, i, top, width);
        } else {
            let _ = write!(
                svg,
                "<rect class=\"p{i}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{}\"/>",
                BAR - 1.0
            );
        }
        // A line that goes through the figure's place pushes it aside.
        let place = lines.iter().fold(width, |place, line| {
            let at = scale(line.1);
            if (place..place + 24.0).contains(&at) { at } else { place }
        });
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\">{ratio:.1}</text>",
            LEFT + place + 4.0,
            top + BAR - 3.0
        );
    }
    let bottom = y + peers.len() as f64 * BAR - 1.0;
    for (class, ratio) in lines {
        let x = LEFT + scale(ratio);
        let _ = writeln!(svg, "<line{class} x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>");
    }
}

/// A bar that would be longer than there is room: in two pieces, with a slanting gap between them.
fn cut_bar(svg: &mut String, i: usize, top: f64, width: f64) {
    let [gap, lean, rest] = CUT;
    let (bottom, end) = (top + BAR - 1.0, LEFT + width);
    let first = end - rest - gap;
    for (upper, lower, side) in [(first, first - lean, LEFT), (first + gap, first + gap - lean, end)] {
        let _ = write!(
            svg,
            "<path class=\"p{i}\" d=\"M{side:.1} {top:.1}L{upper:.1} {top:.1}L{lower:.1} {bottom:.1}L{side:.1} {bottom:.1}Z\"/>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::result::tests::outcome;

    #[test]
    fn labels_are_whole_and_only_bars_that_are_too_long_are_cut() {
        let about = "something that takes more words to say than there is room beside a bar";
        let long = Outcome { about: about.into(), ..outcome(&[1.0, 8.5, 58.9]) };
        let results = Results {
            rows: 1,
            rounds: 1,
            machine: String::new(),
            engines: ["InoxDB", "SQLite", "PostgreSQL"].map(|name| (name.into(), "1".into())).into(),
            limits: Limits { append: 0.1, append_small: 0.1, read: 0.01, copy: 0.01 },
            outcomes: vec![long, outcome(&[1.0, 8.0, 2.0])],
        };
        let svg = svg(&results);
        assert!(svg.contains(about) && !svg.contains('…'), "{svg}");
        assert_eq!(svg.matches("<path ").count(), 4, "two bars of two pieces: {svg}");
        assert!(svg.contains(">58.9<") && svg.contains(">8.5<"), "{svg}");
    }
}
