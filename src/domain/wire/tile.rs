//! A number of a board as a picture in SVG: with its level, its age and what is simulated written into it, because whoever
//! sees the picture sees nothing else. It holds no script and loads nothing.

use std::fmt::Write as _;

use crate::domain::wire::titles::title_of;
use crate::domain::wire::unit::Unit;
use crate::domain::wire::view::MetricView;
use crate::domain::{Level, Timestamp};

/// What a tile shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile<'t> {
    /// The id of the metric.
    pub(crate) id: &'t str,
    pub(crate) metric: &'t MetricView,
    /// Team and project.
    pub(crate) whose: &'t str,
    pub(crate) level: Level,
    pub(crate) data_as_of: Option<Timestamp>,
    pub(crate) demo: bool,
}

/// How wide text may be, in pixels.
const WIDTH: f64 = 216.0;

/// How wide a character is at most that a number is made of, and on average one of a text, as a share of the size.
const DIGIT: f64 = 0.62;
const LETTER: f64 = 0.56;

const NUMBER_SIZE_MAX: f64 = 40.0;
const TEXT_SIZE: f64 = 12.0;

const STYLE: &str = "text{font-family:system-ui,sans-serif;fill:#1b1b1b}.b{fill:#fff;stroke:#767676}.s{fill:#474747}\
    .m{fill:#8a3a00;font-weight:700}@media(prefers-color-scheme:dark){text{fill:#f5f5f5}.b{fill:#1b1b1b;stroke:#9a9a9a}\
    .s{fill:#c8c8c8}.m{fill:#ffb27a}}";

/// The picture of a number.
pub(crate) fn svg(tile: &Tile<'_>) -> String {
    let number = match tile.metric.value {
        Some(value) => format!("{}{}", value.units(), unit(tile.metric.unit)),
        None => "–".to_owned(),
    };
    let level = match tile.level {
        Level::Full => "live",
        Level::Cached => "cached",
        Level::Mock => "simulated",
        Level::None => "no data",
    };
    // An instant and no age: nobody knows when the picture is looked at.
    let age = tile.data_as_of.map_or_else(
        || level.to_owned(),
        |at| format!("{level} · {} UTC", at.to_string().get(..16).unwrap_or_default().replace('T', " ")),
    );
    let mark = match (tile.demo, tile.level == Level::Mock) {
        (true, _) => "DEMO",
        (false, true) => "MOCK",
        (false, false) => "",
    };
    let reason = tile.metric.reason.as_deref().unwrap_or_default();
    drawn(&label(tile.id), &number, if reason.is_empty() { tile.whose } else { reason }, &age, mark)
}

/// A picture that says why there is none of a number.
pub(crate) fn svg_of_words(what: &str, remedy: &str) -> String {
    drawn(what, "–", remedy, "", "")
}

fn drawn(label: &str, number: &str, line: &str, last: &str, mark: &str) -> String {
    let mut svg = String::new();
    let spoken = [label, number, line, last, mark].into_iter().filter(|part| !part.is_empty());
    let spoken = escaped(&spoken.collect::<Vec<_>>().join(", "));
    // Writing to a text cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"240\" height=\"120\" viewBox=\"0 0 240 120\" role=\"img\">\
         <title>{spoken}</title><style>{STYLE}</style>\
         <rect class=\"b\" x=\".5\" y=\".5\" width=\"239\" height=\"119\" rx=\"6\"/>"
    );
    // The mark stands beside the label, which leaves it room.
    let room = if mark.is_empty() { WIDTH } else { WIDTH - 56.0 };
    let number_size = (WIDTH / (DIGIT * number.chars().count().max(1) as f64)).min(NUMBER_SIZE_MAX);
    for (class, x, y, anchor, size, text) in [
        ("", 12, 24, "start", TEXT_SIZE + 1.0, cut(label, room)),
        ("m", 228, 24, "end", TEXT_SIZE + 1.0, mark.to_owned()),
        ("", 12, 68, "start", number_size, number.to_owned()),
        ("s", 12, 92, "start", TEXT_SIZE, cut(line, WIDTH)),
        ("s", 12, 110, "start", TEXT_SIZE, cut(last, WIDTH)),
    ] {
        if !text.is_empty() {
            let text = escaped(&text);
            let _ = write!(
                svg,
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"{size:.1}\">{text}</text>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// What a metric is called; of one without a name the words of its id.
fn label(id: &str) -> String {
    if let Some(title) = title_of(id) {
        return title.to_owned();
    }
    let mut letters = id.chars().map(|letter| if matches!(letter, '.' | '_') { ' ' } else { letter });
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => " %",
        Unit::Hours => " h",
        Unit::Days => " d",
        Unit::Items | Unit::Points | Unit::Bugs => "",
    }
}

/// As much of a text as fits.
fn cut(text: &str, width: f64) -> String {
    let fits = (width / (LETTER * TEXT_SIZE)).floor();
    let is_within = |place: usize| (place as f64) < fits;
    match text.chars().enumerate().all(|(place, _)| is_within(place)) {
        true => text.to_owned(),
        false => {
            let kept = text.chars().enumerate().take_while(|(place, _)| is_within(place + 1));
            kept.map(|(_, letter)| letter).chain(['…']).collect()
        }
    }
}

/// A text as it stands in XML, without the characters that may not.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if letter.is_control() => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Hundredths;

    fn metric(value: Option<f64>, unit: Unit) -> MetricView {
        MetricView {
            value: value.and_then(Hundredths::from_units),
            unit,
            reason: value.is_none().then(|| "the sprint has no dates".into()),
            approximate: false,
            partial: None,
            detail: None,
        }
    }

    fn tile<'t>(metric: &'t MetricView, level: Level) -> Tile<'t> {
        let data_as_of = Some(Timestamp::parse("2026-11-18T17:05:59Z").unwrap());
        Tile { id: "points.remaining", metric, whose: "Web · Fabrikam", level, data_as_of, demo: false }
    }

    #[test]
    fn a_tile_says_what_it_is_of_whom_and_how_old() {
        let metric = metric(Some(27.5), Unit::Hours);
        let told = svg(&tile(&metric, Level::Cached));
        let spoken = "<title>Points remaining, 27.5 h, Web · Fabrikam, cached · 2026-11-18 17:05 UTC</title>";
        assert!(told.contains(spoken), "{told}");
        for part in
            ["width=\"240\" height=\"120\"", ">27.5 h<", "prefers-color-scheme:dark", ">Web · Fabrikam<"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("script") && !told.contains("DEMO") && !told.contains("MOCK"));
    }

    #[test]
    fn what_is_simulated_is_written_into_the_picture() {
        let metric = metric(Some(3.0), Unit::Points);
        assert!(svg(&tile(&metric, Level::Mock)).contains(">MOCK<"));
        assert!(svg(&Tile { demo: true, ..tile(&metric, Level::Full) }).contains(">DEMO<"));
    }

    #[test]
    fn where_there_is_no_number_the_reason_stands() {
        let metric = metric(None, Unit::Days);
        let told = svg(&Tile { data_as_of: None, ..tile(&metric, Level::None) });
        for part in [">–<", ">the sprint has no dates<", ">no data<"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn nothing_in_a_text_is_taken_for_markup_and_nothing_is_too_wide() {
        let metric = metric(Some(123_456_789.25), Unit::Points);
        let hostile = "<script>alert('1')</script> & \"co\"\u{0}\u{1b}";
        let told = svg(&Tile { whose: hostile, ..tile(&metric, Level::Full) });
        assert!(
            !told.contains("<script") && !told.contains('\u{0}') && told.contains("&lt;script&gt;"),
            "{told}"
        );
        assert!(told.contains("font-size=\"29.0\">123456789.25<"), "{told}");
        let long = "w".repeat(500);
        let told = svg(&Tile { whose: &long, ..tile(&metric, Level::Full) });
        assert!(told.contains(&format!(">{}…<", "w".repeat(31))), "{told}");
    }
}
