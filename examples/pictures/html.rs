//! The page: template, style, scripts and data in one file.
//!
//! Owns: the format in which `model.js` reads a recording.
//!
//! Laws: no text of a program becomes markup. It travels as JSON in which `<` is
//! escaped, and the scripts put it on the page as text.
//!
//! Read next: `viewer.html`, `model.js`.

use super::{Latency, Run, Summary};
use downbeat::policy::End;
use downbeat::testing::{What, Why};
use serde_json::{Value, json};
use std::io::{self, Write};

const PAGE: &str = include_str!("viewer.html");
const STYLE: &str = include_str!("viewer.css");
const SCRIPTS: [&str; 8] = [
    include_str!("model.js"),
    include_str!("insight.js"),
    include_str!("timeline.js"),
    include_str!("draw.js"),
    include_str!("input.js"),
    include_str!("detail.js"),
    include_str!("charts.js"),
    include_str!("viewer.js"),
];

/// Writes the page.
pub(super) fn write(out: &mut impl Write, runs: &[Run], summary: &Summary) -> io::Result<()> {
    let mut rest = PAGE;
    for (mark, part) in [
        ("{{title}}", Part::Title),
        ("{{style}}", Part::Style),
        ("{{data}}", Part::Content),
        ("{{script}}", Part::Script),
    ] {
        let (before, after) = rest.split_once(mark).ok_or(io::ErrorKind::InvalidData)?;
        out.write_all(before.as_bytes())?;
        part.write(out, runs, summary)?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What takes the place of a mark in the template.
enum Part {
    Title,
    Style,
    Content,
    Script,
}

impl Part {
    fn write(self, out: &mut impl Write, runs: &[Run], summary: &Summary) -> io::Result<()> {
        match self {
            Self::Title => out.write_all(escaped(&summary.title).as_bytes()),
            Self::Style => out.write_all(STYLE.as_bytes()),
            Self::Script => SCRIPTS.iter().try_for_each(|s| out.write_all(s.as_bytes())),
            Self::Content => write_content(out, runs, summary),
        }
    }
}

/// `{"summary": …, "runs": […]}`
fn write_content(out: &mut impl Write, runs: &[Run], summary: &Summary) -> io::Result<()> {
    let words = json!({
        "title": summary.title,
        "claim": summary.claim,
        "command": summary.command,
        "columns": summary.columns,
        "rows": summary.rows,
    });
    write!(out, "{{\"summary\":{},\"runs\":[", script_safe(&words))?;
    for (i, run) in runs.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        write_run(out, run)?;
    }
    out.write_all(b"]}")
}

fn write_run(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let recording = &run.recording;
    let tasks: Vec<Value> = std::iter::zip(recording.labels(), &recording.tasks)
        .map(|(label, task)| {
            let site = format!("{}:{}", task.site.file(), task.site.line());
            json!([label, site, task.weight, task.priority, task.group])
        })
        .collect();
    let theory: Vec<Value> = run
        .theory
        .iter()
        .map(|curve| {
            let of = match curve.of {
                Latency::Ready => "ready",
                Latency::Life => "life",
            };
            json!({"label": curve.label, "of": of, "points": curve.points})
        })
        .collect();
    let head = json!({
        "name": run.name,
        "leftOut": recording.left_out,
        "theory": theory,
        "aside": run.aside,
        "tasks": tasks,
    });
    let head = script_safe(&head);
    // The events go in by hand, inside the object's closing brace.
    let open = head.strip_suffix('}').unwrap_or(&head);
    write!(out, "{open},\"events\":[")?;
    let mut last = 0;
    for (i, event) in recording.events.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let (kind, task, argument) = numbers(event.what);
        let since = event.at.saturating_sub(last);
        last = event.at.max(last);
        write!(out, "{comma}{kind},{since},{task},{argument}")?;
    }
    out.write_all(b"]}")
}

/// An event as three of the four numbers that `model.js` reads.
fn numbers(what: What) -> (u8, u32, u64) {
    match what {
        What::Started => (0, 0, 0),
        What::Ready { task, why } => (1, task, why_number(why)),
        What::Polling { task } => (2, task, 0),
        What::Polled { task, end } => {
            let end = match end {
                End::Yield => 0,
                End::Wait => 1,
                End::Done => 2,
                _ => 3,
            };
            (3, task, end)
        }
        What::Cancelled { task } => (4, task, 0),
        What::Waiting => (5, 0, 0),
        What::Woke => (6, 0, 0),
        What::Stopped => (7, 0, 0),
    }
}

/// The reason, and by whom: `reason + 8 * (task + 1)`, where nobody is no task.
fn why_number(why: Why) -> u64 {
    let by = |task: Option<u32>| task.map_or(0, |task| 8 * (u64::from(task) + 1));
    match why {
        Why::Spawn(task) => by(task),
        Why::Task(task) => 1 + by(task),
        Why::Io => 2,
        Why::Timer => 3,
        Why::Yield => 4,
        Why::Thread => 5,
        Why::Moved => 6,
    }
}

/// JSON that is safe inside a script element.
fn script_safe(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// Text as the content of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use downbeat::testing::Recorder;
    use downbeat::{Runtime, SpawnOptions, spawn_with};

    #[test]
    fn names_never_become_markup_and_the_data_can_be_read_back() {
        let (recorder, recording) = Recorder::new();
        let builder = Runtime::builder().virtual_clock().observer(recorder);
        builder.build().unwrap().block_on(async {
            let hostile = SpawnOptions::new().name("</script><b>\u{2028}\"");
            spawn_with(async {}, hostile).await.unwrap();
        });
        let runs = [Run::new("<i>", recording.take())];
        let mut summary = Summary::new("<u>&");
        summary.row("<p>", ["{{script}}".into()]);
        let mut page = Vec::new();
        write(&mut page, &runs, &summary).unwrap();
        let page = String::from_utf8(page).unwrap();
        for raw in ["<b>", "<i>", "<u>"] {
            assert!(!page.contains(raw), "{raw}");
        }
        assert_eq!(page.matches("</script>").count(), 2, "the template's own");
        let content = page.split("id=\"content\">").nth(1).unwrap();
        let content: Value =
            serde_json::from_str(content.split("</script>").next().unwrap()).unwrap();
        assert_eq!(content["runs"][0]["tasks"][1][0], "</script><b>\u{2028}\"");
        assert_eq!(content["summary"]["rows"][0][1][0], "{{script}}");
        let events = content["runs"][0]["events"].as_array().unwrap();
        assert_eq!(events.len(), 4 * runs[0].recording.events.len());
    }

    #[test]
    fn another_ending_is_refused_by_name() {
        let error = super::super::write("run.svg", &[], &Summary::new("")).unwrap_err();
        assert!(error.to_string().contains("run.svg"), "{error}");
    }
}
