//! Rust sources as tokens and as a tree of modules: enough to ask who names whom without being misled by comments,
//! strings and tests.

use super::{exists, read};

/// A word, a literal or a sign. Comments and white space are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// Takes a source apart.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (is_token, length) = next(rest, first);
        let (text, after) = rest.split_at(length);
        if is_token {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// Whether `rest` begins with a token, and the length of what it begins with.
fn next(rest: &str, first: char) -> (bool, usize) {
    if first.is_whitespace() {
        (false, first.len_utf8())
    } else if rest.starts_with("//") {
        (false, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (false, block_comment(rest))
    } else if let Some(length) = raw_string(rest).or_else(|| string(rest)) {
        (true, length)
    } else if first == '\'' {
        (true, char_or_lifetime(rest))
    } else if is_word(first) {
        (true, rest.find(|c| !is_word(c)).unwrap_or(rest.len()))
    } else if rest.starts_with("::") {
        (true, 2)
    } else {
        (true, first.len_utf8())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    ["br", "cr", "r"].iter().find_map(|prefix| {
        let after = rest.strip_prefix(prefix)?;
        let body = after.trim_start_matches('#');
        let hashes = after.len() - body.len();
        let body = body.strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        Some(prefix.len() + hashes + 1 + body.find(&close)? + close.len())
    })
}

fn string(rest: &str) -> Option<usize> {
    ["b", "c", ""].iter().find_map(|prefix| {
        let body = rest.strip_prefix(prefix)?.strip_prefix('"')?;
        let mut escaped = false;
        let end = body.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        })?;
        Some(prefix.len() + 1 + end + 1)
    })
}

fn char_or_lifetime(rest: &str) -> usize {
    let body = &rest[1..];
    let mut chars = body.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(escaped)) => {
            let start = 1 + 1 + escaped.len_utf8();
            rest[start..].find('\'').map_or(rest.len(), |end| start + end + 1)
        }
        (Some(c), Some('\'')) => 1 + c.len_utf8() + 1,
        _ => 1 + body.find(|c| !is_word(c)).unwrap_or(body.len()),
    }
}

/// Whether the tokens from `at` on are those of `pattern`, which is separated by blanks.
pub(super) fn matches(tokens: &[Token<'_>], at: usize, pattern: &str) -> bool {
    pattern
        .split(' ')
        .enumerate()
        .all(|(offset, part)| tokens.get(at + offset).is_some_and(|t| t.text == part))
}

/// The places where the tokens of `pattern` follow each other.
pub(super) fn find<'a>(tokens: &[Token<'a>], pattern: &str) -> Vec<Token<'a>> {
    (0..tokens.len()).filter(|at| matches(tokens, *at, pattern)).map(|at| tokens[at]).collect()
}

/// The index behind the bracket that closes the one at `open`.
fn behind_bracket(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// The index behind the item that begins at `at`: behind its `;`, or behind the brace that closes its body.
fn behind_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "{" => return behind_bracket(tokens, at),
            "(" | "[" => at = behind_bracket(tokens, at),
            // The item was the last of its block.
            "}" => return at,
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The tokens without the items marked `#[cfg(test)]`, and the number of lines that those take.
fn without_tests<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, usize) {
    let (mut kept, mut lines, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        if matches(tokens, at, "# [ cfg ( test ) ]") {
            let end = behind_attributes_and_item(tokens, at);
            lines += tokens[end - 1].line - tokens[at].line + 1;
            at = end;
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    (kept, lines)
}

fn behind_attributes_and_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    while matches(tokens, at, "# [") {
        at = behind_bracket(tokens, at + 1);
    }
    behind_item(tokens, at)
}

/// A file of Rust with its place in the tree of modules.
pub(super) struct Module {
    /// The file, from the root of the repository.
    pub(super) file: String,
    /// The module's path, without `crate`.
    pub(super) path: Vec<String>,
    /// Whether it is compiled outside tests too.
    pub(super) shipped: bool,
    /// Everything in the file.
    pub(super) text: String,
}

impl Module {
    /// The tokens that are compiled outside tests.
    pub(super) fn shipped_tokens(&self) -> Vec<Token<'_>> {
        if self.shipped { without_tests(&tokens(&self.text)).0 } else { Vec::new() }
    }

    /// How many lines the file has without its tests.
    pub(super) fn shipped_lines(&self) -> usize {
        if !self.shipped {
            return 0;
        }
        let (_, test_lines) = without_tests(&tokens(&self.text));
        self.text.lines().count() - test_lines
    }

    /// What is named from here: each path that begins at the root of the crate, by `crate`, by its own name or by
    /// enough `super`s, as its segments below the root.
    pub(super) fn named(&self) -> Vec<(usize, Vec<String>)> {
        let tokens = self.shipped_tokens();
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            // `x::super` and `x::crate` do not exist, but `super::super` does, and counts from its first word.
            if at > 1 && tokens[at - 1].text == "::" && tokens[at - 2].text != "self" {
                continue;
            }
            let (base, rest) = match tokens[at].text {
                "crate" | env!("CARGO_PKG_NAME") => (Vec::new(), at + 1),
                "super" => {
                    let supers = (0..).take_while(|n| matches(&tokens, at + 2 * n, "super")).count();
                    let kept = self.path.len().saturating_sub(supers);
                    (self.path[..kept].to_vec(), at + 2 * supers - 1)
                }
                _ => continue,
            };
            let mut paths = Vec::new();
            continue_path(&tokens, rest, base, &mut paths);
            found.extend(
                paths.into_iter().filter(|path| !path.is_empty()).map(|path| (tokens[at].line, path)),
            );
        }
        found
    }

    /// Name, line and length of every function, tests excepted.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
        let tokens = self.shipped_tokens();
        let is_name = |token: &Token<'_>| token.text.starts_with(is_word);
        let starts = (0..tokens.len())
            .filter(|at| tokens[*at].text == "fn" && tokens.get(at + 1).is_some_and(is_name));
        starts
            .map(|at| {
                let end = behind_item(&tokens, at);
                let length = tokens[end - 1].line - tokens[at].line + 1;
                (tokens[at + 1].text.to_owned(), tokens[at].line, length)
            })
            .collect()
    }
}

/// Follows a path from the `::` at `at` on, into each branch of a `use` tree. Returns the index behind it.
fn continue_path(tokens: &[Token<'_>], at: usize, base: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    if !matches(tokens, at, "::") {
        found.push(base);
        return at;
    }
    match tokens.get(at + 1).map(|token| token.text) {
        Some("{") => {
            let end = behind_bracket(tokens, at + 1);
            let mut branch = at + 2;
            while branch < end - 1 {
                let mut path = base.clone();
                if tokens[branch].text != "self" {
                    path.push(tokens[branch].text.to_owned());
                }
                branch = continue_path(tokens, branch + 1, path, found);
                // Over `as name`, to the comma.
                while branch < end - 1 && tokens[branch].text != "," {
                    branch += 1;
                }
                branch += 1;
            }
            end
        }
        Some(segment) if segment == "*" || segment.starts_with(is_word) => {
            let path = base.into_iter().chain([segment.to_owned()]).collect();
            continue_path(tokens, at + 2, path, found)
        }
        _ => {
            found.push(base);
            at
        }
    }
}

/// Every module that is reached from a root such as `src/lib.rs`.
pub(super) fn modules(root: &str) -> Vec<Module> {
    let mut found = Vec::new();
    walk(root, Vec::new(), true, &mut found);
    found
}

fn walk(file: &str, path: Vec<String>, shipped: bool, found: &mut Vec<Module>) {
    let text = read(file);
    let all = tokens(&text);
    let (kept, _) = without_tests(&all);
    let mut children = Vec::new();
    for (at, token) in all.iter().enumerate().filter(|(at, _)| matches(&all, *at, "mod")) {
        let Some(name) = all.get(at + 1).filter(|_| matches(&all, at + 2, ";")) else { continue };
        let child_file = file_of_module(file, name.text, path_attribute(&all, at));
        let child_path = path.iter().cloned().chain([name.text.to_owned()]).collect();
        children.push((child_file, child_path, shipped && kept.contains(token)));
    }
    found.push(Module { file: file.to_owned(), path, shipped, text });
    for (file, path, shipped) in children {
        walk(&file, path, shipped, found);
    }
}

/// The file named by the attribute `path` of the item whose keyword is at `at`.
fn path_attribute<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    let before = tokens[..at].iter().rev().take_while(|token| !matches!(token.text, ";" | "{" | "}")).count();
    let attribute = (at - before..at).find(|start| matches(tokens, *start, "# [ path ="))?;
    Some(tokens.get(attribute + 4)?.text.trim_matches('"'))
}

fn file_of_module(parent: &str, name: &str, named: Option<&str>) -> String {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    if let Some(named) = named {
        return format!("{folder}/{named}");
    }
    let folder = match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    let plain = format!("{folder}/{name}.rs");
    if exists(&plain) { plain } else { format!("{folder}/{name}/mod.rs") }
}

#[test]
fn comments_and_strings_name_nobody() {
    let source =
        "/* a /* b */ c */ let x = r#\"crate::hub\"#; // crate::store\nf::<'a>(b\"\\\"}\", '}', '\\'', 'é');";
    let texts: Vec<_> = tokens(source).iter().map(|token| token.text).collect();
    let expected = [
        "let",
        "x",
        "=",
        "r#\"crate::hub\"#",
        ";",
        "f",
        "::",
        "<",
        "'a",
        ">",
        "(",
        "b\"\\\"}\"",
        ",",
        "'}'",
        ",",
        "'\\''",
        ",",
        "'é'",
        ")",
        ";",
    ];
    assert_eq!(texts, expected);
    assert_eq!(tokens(source).last().map(|token| token.line), Some(2));
}

fn module(path: &[&str], text: &str) -> Module {
    let path = path.iter().map(ToString::to_string).collect();
    Module { file: "src/x.rs".into(), path, shipped: true, text: text.into() }
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    let source = "
        use crate::{hub::{self, frame::Frame as F}, store::*};
        use super::super::fold;
        use super::sibling::Thing;
        pub(crate) fn f() -> crate::clock::Clock { boardcast::app::<u8>() }
        #[cfg(test)] mod tests { use crate::vitals; }
        use crate::relay;";
    let named: Vec<_> =
        module(&["functions", "body"], source).named().into_iter().map(|(_, path)| path.join("::")).collect();
    let expected = [
        "hub",
        "hub::frame::Frame",
        "store::*",
        "fold",
        "functions::sibling::Thing",
        "clock::Clock",
        "app",
        "relay",
    ];
    assert_eq!(named, expected);
}

#[test]
fn tests_do_not_count_as_lines() {
    let source =
        "fn a() {\n}\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n#[cfg(test)]\nmod more {\n}\nfn b() {}\n";
    let module = module(&["x"], source);
    assert_eq!(module.shipped_lines(), 3);
    assert_eq!(module.functions(), [("a".to_owned(), 1, 2), ("b".to_owned(), 9, 1)]);
}
