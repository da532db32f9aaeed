//! The trace in Chrome's JSON format, which <https://ui.perfetto.dev> loads.
//!
//! A process per run; a thread per task with a slice per poll and one, named
//! `(ready)`, per wait for its turn; a thread for the loop's own waits; a flow
//! arrow per wake by another task; a counter of runnable tasks.
//!
//! Laws: times are microseconds with three digits, so no nanosecond is lost.
//!
//! Read next: the Trace Event Format, in the documentation of Catapult.

use super::{Run, Summary};
use downbeat::policy::End;
use downbeat::testing::{Recording, What, Why};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the trace.
pub(super) fn write(out: &mut impl Write, runs: &[Run], summary: &Summary) -> io::Result<()> {
    let words = json!({
        "title": summary.title, "claim": summary.claim, "command": summary.command,
        "columns": summary.columns, "rows": summary.rows,
    });
    write!(
        out,
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{words},\"traceEvents\":["
    )?;
    let mut trace = Trace {
        out,
        process: 1,
        first: true,
        flows: 0,
    };
    for run in runs {
        trace.name_tracks(run)?;
        trace.run(&run.recording)?;
        trace.process += run.recording.tasks.len() as u32 + 1;
    }
    out.write_all(b"\n]}\n")
}

/// The writer of one file.
struct Trace<'a, W> {
    /// The file.
    out: &'a mut W,
    /// The number of the process, and of the loop's track in it; those of the tasks follow.
    /// Perfetto holds the numbers of threads to be unique in a trace, and the thread
    /// that has its process's number to be the main one.
    process: u32,
    /// No event was written yet.
    first: bool,
    /// Flow arrows so far: their ids.
    flows: u64,
}

/// What is known of a task on the way.
#[derive(Clone, Copy, Default)]
struct Track {
    /// Runnable since.
    ready: Option<u64>,
    /// When its last poll began and ended.
    poll: (u64, u64),
    /// The arrow that leads to its next slice.
    flow: Option<u64>,
}

/// The loop's own track in its run; tasks follow.
const LOOP: u32 = 0;

/// Where a run stands.
struct Progress {
    /// Per task.
    tracks: Vec<Track>,
    /// What the tasks are called.
    labels: Vec<String>,
    /// How many tasks are runnable.
    ready: usize,
    /// When the loop began to wait.
    waiting: u64,
}

impl<W: Write> Trace<'_, W> {
    fn run(&mut self, recording: &Recording) -> io::Result<()> {
        let mut run = Progress {
            tracks: vec![Track::default(); recording.tasks.len()],
            labels: recording.labels(),
            ready: 0,
            waiting: 0,
        };
        for event in &recording.events {
            let at = event.at;
            match event.what {
                What::Started | What::Stopped => {}
                What::Waiting => run.waiting = at,
                What::Woke => self.slice("wait", LOOP, (run.waiting, at), json!({}))?,
                What::Ready { task, why } => self.ready(&mut run, at, task, why)?,
                What::Polling { task } => {
                    run.tracks[task as usize].poll.0 = at;
                    if let Some(since) = self.no_longer_ready(&mut run, at, task)? {
                        self.slice("(ready)", task + 1, (since, at), json!({}))?;
                    }
                }
                What::Polled { task, end } => self.polled(&mut run, at, task, end)?,
                What::Cancelled { task } => {
                    self.no_longer_ready(&mut run, at, task)?;
                    self.instant("cancelled", task + 1, at, json!({}))?;
                }
            }
        }
        Ok(())
    }

    fn ready(&mut self, run: &mut Progress, at: u64, task: u32, why: Why) -> io::Result<()> {
        if run.tracks[task as usize].ready.replace(at).is_none() {
            run.ready += 1;
            self.counter(at, run.ready)?;
        }
        if let Why::Spawn(Some(by)) | Why::Task(Some(by)) = why {
            let poll = run.tracks[by as usize].poll;
            run.tracks[task as usize].flow = Some(self.arrow(by, poll)?);
        }
        let reason = json!({"why": reason(why, &run.labels)});
        self.instant("ready", task + 1, at, reason)
    }

    /// Since when the task had been ready, if it was.
    fn no_longer_ready(
        &mut self,
        run: &mut Progress,
        at: u64,
        task: u32,
    ) -> io::Result<Option<u64>> {
        let since = run.tracks[task as usize].ready.take();
        if since.is_some() {
            run.ready -= 1;
            self.counter(at, run.ready)?;
        }
        Ok(since)
    }

    fn polled(&mut self, run: &mut Progress, at: u64, task: u32, end: End) -> io::Result<()> {
        let track = &mut run.tracks[task as usize];
        track.poll.1 = at;
        let (poll, flow) = (track.poll, track.flow.take());
        let how = json!({"end": end_name(end)});
        self.slice(&run.labels[task as usize], task + 1, poll, how)?;
        flow.map_or(Ok(()), |flow| self.arrow_head(flow, task, poll.0))
    }

    fn name_tracks(&mut self, run: &Run) -> io::Result<()> {
        self.name("process_name", LOOP, &run.name)?;
        self.name("thread_name", LOOP, "loop")?;
        for (i, label) in run.recording.labels().iter().enumerate() {
            self.name("thread_name", i as u32 + 1, label)?;
        }
        Ok(())
    }

    fn name(&mut self, what: &str, track: u32, name: &str) -> io::Result<()> {
        self.event(
            json!({"ph": "M", "name": what, "tid": track, "args": {"name": name}}),
            0,
        )
    }

    fn slice(&mut self, name: &str, track: u32, span: (u64, u64), args: Value) -> io::Result<()> {
        let took = span.1.saturating_sub(span.0);
        let event =
            json!({"ph": "X", "name": name, "tid": track, "dur": micros(took), "args": args});
        self.event(event, span.0)
    }

    fn instant(&mut self, name: &str, track: u32, at: u64, args: Value) -> io::Result<()> {
        let event = json!({"ph": "i", "s": "t", "name": name, "tid": track, "args": args});
        self.event(event, at)
    }

    fn counter(&mut self, at: u64, ready: usize) -> io::Result<()> {
        let event = json!({"ph": "C", "name": "ready", "tid": LOOP, "args": {"tasks": ready}});
        self.event(event, at)
    }

    /// The tail of an arrow, inside the poll that woke.
    fn arrow(&mut self, by: u32, poll: (u64, u64)) -> io::Result<u64> {
        self.flows += 1;
        // Perfetto ties it to the slice that covers this moment, or to the one written last if
        // it has no length: not to the end itself.
        let at = poll.1.saturating_sub(1).max(poll.0);
        let event =
            json!({"ph": "s", "name": "wake", "cat": "wake", "id": self.flows, "tid": by + 1});
        self.event(event, at)?;
        Ok(self.flows)
    }

    /// The head, at the poll that the wake led to.
    fn arrow_head(&mut self, flow: u64, task: u32, at: u64) -> io::Result<()> {
        let event = json!({
            "ph": "f", "bp": "e", "name": "wake", "cat": "wake", "id": flow, "tid": task + 1
        });
        self.event(event, at)
    }

    /// Writes an event, with its time and the numbers of its process and track.
    fn event(&mut self, mut event: Value, at: u64) -> io::Result<()> {
        let track = event["tid"].as_u64().unwrap_or(0);
        event["pid"] = json!(self.process);
        event["tid"] = json!(u64::from(self.process) + track);
        event["ts"] = micros(at);
        let comma = if self.first { "\n" } else { ",\n" };
        self.first = false;
        write!(self.out, "{comma}{event}")
    }
}

/// Nanoseconds as the format's microseconds.
fn micros(nanos: u64) -> Value {
    json!(nanos as f64 / 1000.0)
}

fn end_name(end: End) -> &'static str {
    match end {
        End::Yield => "yields",
        End::Wait => "waits",
        End::Done => "done",
        _ => "ended",
    }
}

fn reason(why: Why, labels: &[String]) -> String {
    let by = |task: Option<u32>| task.map_or("nobody known", |task| labels[task as usize].as_str());
    match why {
        Why::Spawn(task) => format!("spawned by {}", by(task)),
        Why::Task(task) => format!("woken by {}", by(task)),
        Why::Io => "I/O".into(),
        Why::Timer => "timer".into(),
        Why::Yield => "it yielded".into(),
        Why::Thread => "another thread".into(),
        Why::Moved => "the loop".into(),
    }
}
