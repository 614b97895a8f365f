//! Reading JSON in which something cannot be what JSON says it is: relays cut a text in the middle of an emoji, or send
//! bytes that are not UTF-8, and a number can be larger than any that is calculated with. Whoever sent that changed a work
//! item, and the rest of what is said of it is right.

use serde_json::Error;

/// What stands for a character that is none.
const REPLACEMENT: &str = "\\ufffd";

/// Reads a text as JSON; where it is none, once more with U+FFFD instead of what is no character and `null` instead of
/// numbers that are too large.
///
/// Errors: it is not JSON, or not of the shape that is asked for.
pub(super) fn read<T>(text: &[u8], read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    read(text).or_else(|error| match error.is_syntax() {
        true => read(mended(&String::from_utf8_lossy(text)).as_bytes()),
        false => Err(error),
    })
}

/// The text without what nothing can be made of. What is no JSON stays none.
fn mended(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut is_in_string) = (text, false);
    while let Some(found) =
        rest.find(|c: char| matches!(c, '"' | '\\') || !is_in_string && (c == '-' || c.is_ascii_digit()))
    {
        let (before, from) = rest.split_at(found);
        mended.push_str(before);
        let (taken, replacement) = match from.as_bytes().first() {
            Some(b'"') => {
                is_in_string = !is_in_string;
                (1, None)
            }
            Some(b'\\') => escape(from),
            _ => number(from),
        };
        let Some((token, behind)) = from.split_at_checked(taken) else { break };
        mended.push_str(replacement.unwrap_or(token));
        rest = behind;
    }
    mended.push_str(rest);
    mended
}

/// How long an escape sequence is, and what to put in its place where it is half of a pair.
fn escape(from: &str) -> (usize, Option<&'static str>) {
    match (unit(from), from.get(6..).and_then(unit)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, None),
        (Some(0xD800..=0xDFFF), _) => (6, Some(REPLACEMENT)),
        // What is escaped may have more than one byte, and is then no escape sequence at all.
        _ => (1 + from.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// The number in the escape sequence `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// How long a number is, and what to put in its place where it is too large.
fn number(from: &str) -> (usize, Option<&'static str>) {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let length = from.find(|c| !is_of_number(c)).unwrap_or(from.len());
    let is_too_large = from.get(..length).and_then(|text| text.parse().ok()).is_some_and(f64::is_infinite);
    (length, is_too_large.then_some("null"))
}
