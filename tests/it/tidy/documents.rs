//! What the documents say, against what the code says.

use boardcast::config::{SETTINGS, Setting};
use boardcast::domain::metrics::{self, threshold::Rule};
use boardcast::domain::wire::event::TYPE_NAMES;
use boardcast::ops::vitals::{ExportedMetric, METRICS};

use super::{Violations, exists, has_word, numbered, read, repository_files, text_files};

/// The tables of a Markdown text: runs of lines that begin with `|`, each line with its number.
fn tables(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut tables: Vec<Vec<_>> = vec![Vec::new()];
    for (line, text) in numbered(text) {
        if text.starts_with('|') {
            tables.last_mut().unwrap().push((line, text));
        } else {
            tables.push(Vec::new());
        }
    }
    tables.retain(|table| !table.is_empty());
    tables
}

/// The name in the first cell of a row, if that is one in backticks.
fn name_in_first_cell(row: &str) -> Option<&str> {
    row.strip_prefix('|')?.split('|').next()?.trim().strip_prefix('`')?.strip_suffix('`')
}

/// The row that a setting has in a document.
fn row_of(setting: &Setting) -> String {
    let Setting { name, unit, standalone, functions_host, meaning, .. } = setting;
    format!("| `{name}` | {unit} | {standalone} | {functions_host} | {meaning} |")
}

#[test]
fn every_setting_is_listed() {
    let mut violations = Violations::of(
        "docs/OPERATIONS.md lists every setting of src/config/mod.rs in the table of its group; a row for a setting is \
         the same wherever it stands.",
    );
    let is_known = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
    let guide = "docs/OPERATIONS.md";
    for path in [guide, "README.md"] {
        let text = read(path);
        let is_row_of_known = |(_, row): &(usize, &str)| name_in_first_cell(row).is_some_and(is_known);
        let tables: Vec<_> =
            tables(&text).into_iter().filter(|table| table.iter().any(is_row_of_known)).collect();
        let group_of = |table: usize| {
            let first = tables[table].iter().find_map(|(_, row)| {
                SETTINGS.iter().find(|setting| name_in_first_cell(row) == Some(setting.name))
            });
            first.map(|setting| setting.group)
        };
        let rows: Vec<_> = tables
            .iter()
            .enumerate()
            .flat_map(|(table, rows)| rows.iter().map(move |(line, row)| (table, *line, *row)))
            .collect();
        for setting in SETTINGS {
            let expected = row_of(setting);
            let mut of_name = rows.iter().filter(|(.., row)| name_in_first_cell(row) == Some(setting.name));
            match of_name.next() {
                None if path == guide => violations.of_file(path, format!("add the row: {expected}")),
                Some((_, line, row)) if row.trim_end() != expected => {
                    violations.at(path, *line, format!("the row should be: {expected}"));
                }
                Some((table, line, _)) if path == guide && group_of(*table) != Some(setting.group) => {
                    violations.at(path, *line, "this row belongs to the other table of settings");
                }
                _ => {}
            }
            if let Some((_, line, _)) = of_name.next() {
                let text = format!("`{}` has a row already: remove this one", setting.name);
                violations.at(path, *line, text);
            }
        }
        for (_, line, row) in &rows {
            let stranger =
                name_in_first_cell(row).filter(|name| name.starts_with("BOARDCAST_") && !is_known(name));
            if let Some(name) = stranger {
                let text = format!("`{name}` is no setting of src/config/mod.rs: remove the row");
                violations.at(path, *line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn the_operators_guide_lists_every_metric() {
    let mut violations = Violations::of(
        "docs/OPERATIONS.md lists every metric of src/ops/vitals/mod.rs with kind, unit and meaning, and no other.",
    );
    let path = "docs/OPERATIONS.md";
    let text = read(path);
    let rows: Vec<_> = tables(&text).into_iter().flatten().collect();
    for ExportedMetric { name, kind, unit, help } in METRICS {
        let expected = format!("| `{name}` | {kind} | {unit} | {help} |");
        let of_name: Vec<_> = rows.iter().filter(|(_, row)| name_in_first_cell(row) == Some(name)).collect();
        match of_name.as_slice() {
            [] => violations.of_file(path, format!("add the row: {expected}")),
            [(_, row)] if row.trim_end() == expected => {}
            [(line, _)] => violations.at(path, *line, format!("the row should be: {expected}")),
            [_, (line, _), ..] => violations.at(path, *line, format!("`{name}` has a row already")),
        }
    }
    let is_metric = |word: &str| {
        let series = |kind, suffix| kind == "histogram" && word.ends_with(suffix);
        METRICS.iter().any(|metric| {
            let is_series = ["_bucket", "_sum", "_count"].iter().any(|suffix| series(metric.kind, suffix));
            word == metric.name
                || is_series && word.rsplit_once('_').is_some_and(|(name, _)| name == metric.name)
        })
    };
    for (line, text) in numbered(&text) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("boardcast_") && !is_metric(word)) {
            violations.at(
                path,
                line,
                format!("`{word}` is no metric of src/ops/vitals/mod.rs: name one, or remove it"),
            );
        }
    }
    violations.report();
}

#[test]
fn the_book_of_metrics_has_the_rows_of_the_table_of_metrics() {
    let path = "docs/METRICS.md";
    let mut violations =
        Violations::of("docs/METRICS.md explains every metric of src/domain/metrics/table.rs, and no other.");
    let text = read(path);
    // A reason may be broken over two lines.
    let prose = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<_> = tables(&text).into_iter().flatten().collect();
    for metric in metrics::METRICS {
        let unit = serde_json::to_value(metric.unit).expect("a unit is a word");
        let announced = match metric.significance {
            Rule::AnyChange => "at any change".to_owned(),
            Rule::Relative { minimum, .. } => format!("by 5 %, at least {}", minimum.units()),
        };
        let expected = format!(
            "| `{}` | {} | {announced} | {} |",
            metric.id,
            unit.as_str().unwrap_or_default(),
            metric.definition
        );
        match rows.iter().find(|(_, row)| name_in_first_cell(row) == Some(metric.id)) {
            None => violations.of_file(path, format!("add the row: {expected}")),
            Some((_, row)) if row.trim_end() == expected => {}
            Some((line, _)) => violations.at(path, *line, format!("the row should be: {expected}")),
        }
        let is_heading = |line: &str| line.starts_with("### ") && line.contains(&format!("`{}`", metric.id));
        if !text.lines().any(is_heading) {
            violations.of_file(path, format!("explain `{}` under a heading that names it", metric.id));
        }
        for reason in metric.reasons().filter(|reason| !prose.contains(&format!("\"{reason}\""))) {
            let text = format!("say that `{}` has no value when: \"{reason}\"", metric.id);
            violations.of_file(path, text);
        }
    }
    for (line, row) in &rows {
        let is_known = |name: &str| metrics::metric(name).is_some() || metrics::review_number(name).is_some();
        let name = name_in_first_cell(row).filter(|name| !is_known(name));
        if let Some(name) = name {
            violations.at(path, *line, format!("`{name}` is no metric: remove the row"));
        }
    }
    violations.report();
}

#[test]
fn every_event_type_has_a_golden_file_and_a_description() {
    let mut violations = Violations::of(
        "Every event type is shown in tests/fixtures/events/ and described in docs/EVENTS.md.",
    );
    let description = read("docs/EVENTS.md");
    for name in TYPE_NAMES {
        let golden = format!("tests/fixtures/events/{name}.json");
        if !exists(&golden) {
            violations.of_file(&golden, "is missing: BOARDCAST_UPDATE_GOLDEN=1 cargo test writes it");
        }
        if !description.lines().any(|line| has_word(line, name)) {
            violations.of_file("docs/EVENTS.md", format!("describe the event type `{name}`"));
        }
    }
    violations.report();
}

#[test]
fn every_promise_of_a_version_names_tests_that_exist() {
    let path = "docs/VERSIONS.md";
    let mut violations = Violations::of("docs/VERSIONS.md promises what tests hold, and names them.");
    let sources: Vec<_> = text_files().into_iter().filter(|(path, _)| path.ends_with(".rs")).collect();
    let is_test =
        |name: &str| name.contains('_') && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    for (line, text) in numbered(&read(path)) {
        // Every second piece stands between backticks.
        let names = text.split('`').skip(1).step_by(2).filter(|name| is_test(name));
        for name in names.filter(|name| !name.starts_with("boardcast_")) {
            if !sources.iter().any(|(_, source)| source.contains(&format!("fn {name}("))) {
                violations.at(path, line, format!("there is no test `{name}`: name the one that holds this"));
            }
        }
    }
    violations.report();
}

#[test]
fn the_toolchain_is_named_once() {
    let mut violations = Violations::of(
        "The version of Rust stands in Cargo.toml as rust-version; everything else reads it there.",
    );
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let version = manifest["package"]["rust-version"].as_str().expect("rust-version is a string");
    for path in repository_files() {
        let name = path.rsplit('/').next().unwrap_or(&path);
        if matches!(name, "rust-toolchain" | "rust-toolchain.toml") {
            violations.of_file(&path, "names the toolchain a second time: remove it");
        }
    }
    // Lock files and recorded data hold numbers that merely look alike.
    let is_prose_or_code = |path: &str| !path.ends_with(".lock") && !path.starts_with("tests/fixtures/");
    for (path, text) in text_files().iter().filter(|(path, _)| is_prose_or_code(path)) {
        for (line, text) in numbered(text) {
            let is_the_one = path == "Cargo.toml" && text.starts_with("rust-version");
            if has_word(text, version) && !is_the_one {
                violations.at(
                    path,
                    line,
                    format!("repeats the version {version}: read rust-version of Cargo.toml"),
                );
            }
            if path.ends_with("clippy.toml") && text.starts_with("msrv") {
                violations.at(path, line, "clippy reads rust-version of Cargo.toml by itself: remove it");
            }
        }
    }
    violations.report();
}
