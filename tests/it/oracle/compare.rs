//! What a board shows, held against what it should.

use serde_json::{Value, json};

use super::expected::{Board, Numbers, divided, percent};
use super::lives::{at, effort};
use super::scope::{self, Row};
use super::velocity;

/// In hundredths.
fn hundredths(value: &Value) -> Option<i64> {
    value.as_f64().map(|value| (value * 100.0).round() as i64)
}

/// Collects what differs, in words.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn note(&mut self, name: &str, shown: impl Into<Option<i64>>, expected: impl Into<Option<i64>>) {
        let (shown, expected) = (shown.into(), expected.into());
        if shown != expected {
            self.0.push(format!("{name} is {shown:?} and should be {expected:?}"));
        }
    }

    fn note_json(&mut self, name: &str, shown: &Value, expected: Value) {
        if *shown != expected {
            self.0.push(format!("{name} is {shown} and should be {expected}"));
        }
    }
}

/// Everything of a board that is otherwise than it should be.
pub fn differences(board: &Value, expected: &Board<'_>) -> Vec<String> {
    let mut wrong = Differences::default();
    wrong.note_json("sprint", &board["sprint"]["id"], json!(expected.sprint.id));
    wrong.note_json("history", &board["history"], json!("complete"));
    let numbers = expected.numbers();
    let shown = board["metrics"].as_object().unwrap();
    for (name, metric) in shown {
        match numbers.get(&**name) {
            None => wrong.0.push(format!("nobody knows {name}")),
            Some(value) => wrong.note(name, hundredths(&metric["value"]), *value),
        }
        if metric["value"].is_null() != metric["reason"].is_string() || !metric["partial"].is_null() {
            wrong.0.push(format!("{name} is {metric}"));
        }
    }
    for name in numbers.keys().filter(|name| !shown.contains_key(**name)) {
        wrong.0.push(format!("{name} is missing"));
    }
    units(board, expected, &mut wrong);
    days(&board["burndown"], expected, &mut wrong);
    within_today(&board["burndown"]["today"], expected, &mut wrong);
    ledger(&board["scopeChanges"], expected, &mut wrong);
    sprints(&board["metrics"]["velocity.average"]["detail"]["sprints"], expected, &mut wrong);
    throughput(&board["metrics"]["throughput.day"]["detail"]["days"], expected, &mut wrong);
    outlook(&board["outlook"], expected, &numbers, &mut wrong);
    wrong.0
}

fn unit(is_in_points: bool) -> Value {
    json!(if is_in_points { "points" } else { "items" })
}

fn units(board: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    let of_scope = unit(expected.is_in_points);
    wrong.note_json("unit of the line", &board["burndown"]["unit"], of_scope.clone());
    wrong.note_json("unit of the scope", &board["metrics"]["scope.net"]["unit"], of_scope);
    let finished = expected.finished();
    if !finished.is_empty() {
        let of_velocity = unit(velocity::is_in_points(&finished));
        wrong.note_json("unit of velocity", &board["metrics"]["velocity.planned"]["unit"], of_velocity);
    }
}

fn scope_at(expected: &Board<'_>, end: i64) -> (i64, i64) {
    let then = expected.lives.iter().filter_map(|life| life.then(end));
    let then: Vec<_> = then.filter(|then| expected.owner.is_in_scope(then, expected.sprint)).collect();
    let done = then.iter().filter(|then| expected.owner.is_completed(then));
    (then.iter().map(|one| expected.worth(one)).sum(), done.map(|one| expected.worth(one)).sum())
}

/// The ideal line at the end of a day.
fn ideal(expected: &Board<'_>, day: chrono::NaiveDate) -> Option<i64> {
    let sprint = expected.sprint;
    let all = expected.days.working(sprint.start, sprint.finish).len() as i64;
    let over = expected.days.working(sprint.start, day).len() as i64;
    (all > 0).then(|| divided(expected.original() * (all - over), all))
}

fn days(burndown: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    wrong.note("original", hundredths(&burndown["original"]), expected.original());
    let mut rows = burndown["days"].as_array().unwrap().iter();
    let dates = expected.sprint.start.iter_days().take_while(|day| *day <= expected.sprint.finish);
    for date in dates {
        let row = rows.next().unwrap_or(&Value::Null);
        let sums = (date <= expected.today).then(|| scope_at(expected, expected.days.end(date)));
        wrong.note_json("a day", &row["date"], json!(date));
        wrong.note_json(
            &format!("working of {date}"),
            &row["working"],
            json!(expected.days.is_working(date)),
        );
        wrong.note(&format!("ideal of {date}"), hundredths(&row["ideal"]), ideal(expected, date));
        wrong.note(&format!("scope of {date}"), hundredths(&row["scope"]), sums.map(|(scope, _)| scope));
        wrong.note(
            &format!("completed of {date}"),
            hundredths(&row["completed"]),
            sums.map(|(_, done)| done),
        );
        let left = sums.map(|(scope, done)| scope - done);
        wrong.note(&format!("remaining of {date}"), hundredths(&row["remaining"]), left);
    }
}

/// What was left when today began, after each change of it, and now.
fn within_today(shown: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    let began = expected.days.begin(expected.today);
    let left = |end: i64| {
        let (scope, done) = scope_at(expected, end);
        scope - done
    };
    let mut points = vec![(began, left(began))];
    let stood = |one| {
        let is_in = expected.owner.is_in_scope(one, expected.sprint);
        is_in.then(|| (effort(one), expected.owner.is_completed(one)))
    };
    for life in &expected.lives {
        let changes = life.changes().filter(|(was, is)| at(is) >= began && was.and_then(stood) != stood(is));
        points.extend(changes.map(|(_, is)| (at(is), left(at(is) + 1))));
    }
    points.push((expected.now, left(expected.now + 1)));
    points.sort_unstable();
    let shown = shown.as_array().into_iter().flatten();
    let shown: Vec<_> = shown
        .map(|point| (point["at"].as_i64().unwrap(), hundredths(&point["remaining"]).unwrap()))
        .collect();
    if shown != points {
        wrong.0.push(format!("today is {shown:?} and should be {points:?}"));
    }
}

fn ledger(shown: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    let before = expected.days.sprints().into_iter().rfind(|one| one.start < expected.sprint.start);
    let mut rows = scope::changes(expected);
    rows.extend(scope::carried_over(expected, before));
    rows.sort();
    let told = |row: &Row| json!([row.id, row.kind, row.amount, row.at, row.by]);
    let rows: Vec<Value> = rows.iter().map(told).collect();
    let rows = &rows[rows.len().saturating_sub(100)..];
    let shown = shown.as_array().into_iter().flatten();
    let shown: Vec<Value> = shown
        .map(|row| json!([row["id"], row["kind"], hundredths(&row["amount"]), row["at"], row["by"]["name"]]))
        .collect();
    let sorted = |rows: &[Value]| {
        let mut texts: Vec<String> = rows.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    let (shown, rows) = (sorted(&shown), sorted(rows));
    let more: Vec<_> = shown.iter().filter(|row| !rows.contains(row)).collect();
    let less: Vec<_> = rows.iter().filter(|row| !shown.contains(row)).collect();
    if shown != rows {
        wrong.0.push(format!("the ledger has {more:?} and lacks {less:?}"));
    }
}

fn sprints(shown: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    let finished = expected.finished();
    let unit = velocity::is_in_points(&finished);
    let rows = shown.as_array().map_or(&[][..], Vec::as_slice);
    wrong.note("finished sprints", rows.len() as i64, finished.len() as i64);
    for (row, sprint) in rows.iter().zip(&finished) {
        let name = &sprint.sprint.name;
        wrong.note_json("a finished sprint", &row["name"], json!(name));
        for (part, amount) in [
            ("planned", sprint.planned),
            ("completed", sprint.completed),
            ("late", sprint.late),
            ("incomplete", sprint.incomplete),
        ] {
            wrong.note(&format!("{part} of {name}"), hundredths(&row[part]), amount.of(unit));
        }
        let in_progress = hundredths(&row["ado"]["incomplete"]);
        wrong.note(&format!("in progress of {name}"), in_progress, sprint.in_progress.of(unit));
    }
}

fn throughput(shown: &Value, expected: &Board<'_>, wrong: &mut Differences) {
    let days = expected.completed_on(30).into_iter();
    let days: Vec<Value> = days.map(|(date, items)| json!({ "date": date, "items": items })).collect();
    if !days.is_empty() {
        wrong.note_json("the days of throughput", shown, json!(days));
    }
}

/// The verdict, and all that it rests on.
fn outlook(shown: &Value, expected: &Board<'_>, numbers: &Numbers, wrong: &mut Differences) {
    let inputs = &shown["inputs"];
    let of = if expected.is_in_points { "points" } else { "items" };
    let value = |name: &str| numbers[name];
    let (total, left) = (value("items.total"), value("items.remaining"));
    let remaining = numbers[&*format!("{of}.remaining")];
    let forecast = &expected.forecast;
    if total == Some(0) || forecast.is_none() && remaining == Some(0) && left != Some(0) {
        return wrong.note_json("verdict", &shown["verdict"], json!("unknown"));
    }
    // What is counted in another unit says nothing beside what is left.
    let is_alike = velocity::is_in_points(&expected.finished()) == expected.is_in_points;
    for (input, number) in [
        ("scope", numbers[&*format!("{of}.total")]),
        ("remaining", remaining),
        ("itemsRemaining", left),
        ("daysLeft", value("sprint.days_left")),
        ("velocity", value("velocity.average").filter(|_| is_alike)),
    ] {
        wrong.note(&format!("outlook's {input}"), hundredths(&inputs[input]), number);
    }
    let worked = |until| expected.days.working(expected.sprint.start, until);
    let line = || {
        let over = worked(expected.today.pred_opt().unwrap());
        let nth = |back: usize| match over.len().checked_sub(back) {
            Some(place) if place < over.len() => ideal(expected, over[place]),
            _ => Some(expected.original()),
        };
        nth(2).zip(nth(1))
    };
    let (by, verdict) = match (forecast, left) {
        (_, Some(0)) => ("done", "on_track"),
        (Some(told), _) => {
            wrong.note("outlook's runs", inputs["runsDone"].as_i64(), told.runs_done);
            let percent = percent(told.runs_done, 10_000).unwrap();
            (
                "forecast",
                if percent >= 8_500 {
                    "on_track"
                } else if percent >= 5_000 {
                    "at_risk"
                } else {
                    "behind"
                },
            )
        }
        (None, _) => match line() {
            None => return wrong.note_json("verdict", &shown["verdict"], json!("unknown")),
            Some((_, ideal)) if remaining <= Some(ideal) => ("ideal", "on_track"),
            Some((before, _)) if remaining <= Some(before) => ("ideal", "at_risk"),
            Some(_) => ("ideal", "behind"),
        },
    };
    wrong.note_json("what the verdict is by", &inputs["by"], json!(by));
    wrong.note_json("verdict", &shown["verdict"], json!(verdict));
}
