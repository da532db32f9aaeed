//! Running the program: its path, its output, temporary files.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A program that has ended.
pub(crate) struct Run {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) out: String,
    /// What it said.
    pub(crate) err: String,
}

/// A file or directory of one test's own.
pub(crate) struct Temporary(PathBuf);

/// The program with these arguments.
pub(crate) fn scraper<I: AsRef<str>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(path());
    for arg in args {
        command.arg(arg.as_ref());
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run<I: AsRef<str>>(args: impl IntoIterator<Item = I>) -> Run {
    finish(start(&mut scraper(args)))
}

/// Runs it by a script, in which it is `"$0" "$@"`.
pub(crate) fn run_by_shell(script: &str, args: &[&str]) -> Run {
    let program = path();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(program).args(args);
    finish(start(
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    ))
}

/// Runs it with this on standard input.
pub(crate) fn run_with_input<I: AsRef<str>>(args: impl IntoIterator<Item = I>, input: &str) -> Run {
    let mut child = start(scraper(args).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    stdin
        .write_all(input.as_bytes())
        .expect("the program reads its input");
    drop(stdin);
    finish(child)
}

pub(crate) fn start(command: &mut Command) -> Child {
    command.spawn().expect("the scraper starts")
}

pub(crate) fn finish(child: Child) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    Run {
        code: status.code(),
        out: String::from_utf8(stdout).expect("standard output is UTF-8"),
        err: String::from_utf8(stderr).expect("standard error is UTF-8"),
    }
}

/// Sends a signal by name.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(status.expect("kill exists").success());
}

/// `target/PROFILE/deps/this-test` -> `target/PROFILE/examples/scraper`.
fn path() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("the test is in deps");
    let program = profile
        .join("examples")
        .join(format!("scraper{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "first: cargo build --example scraper");
    program
}

impl Run {
    /// The two lines are right; the seconds of the second one.
    pub(crate) fn two_lines(&self, first: &str) -> f64 {
        seconds(&self.out, first)
    }

    /// The objects on standard output.
    pub(crate) fn objects(&self) -> Vec<Value> {
        objects(&self.out)
    }

    /// The summary object.
    pub(crate) fn summary(&self) -> Value {
        let mut all = objects(&self.out);
        assert_eq!(all.len(), 1, "{}", self.out);
        all.remove(0)
    }
}

/// The two lines and nothing else.
pub(crate) fn seconds(text: &str, first: &str) -> f64 {
    let lines: Vec<&str> = text.lines().collect();
    let [head, tail] = lines[..] else {
        panic!("two lines expected: {text}")
    };
    assert_eq!(head, first);
    let number = tail
        .strip_prefix("Total time taken: ")
        .and_then(|tail| tail.strip_suffix(" seconds"));
    let number = number.expect("the second line has its form");
    let digits = number.split_once('.').expect("a decimal point").1;
    assert_eq!(digits.len(), 2, "{tail}");
    number.parse().expect("a number of seconds")
}

/// Every line is one JSON object.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line is whole"
    );
    let parse = |line: &str| -> Value {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    text.lines().map(parse).collect()
}

/// The URLs of the objects, sorted.
pub(crate) fn urls(objects: &[Value]) -> Vec<String> {
    let mut urls: Vec<String> = objects.iter().map(|object| text(object, "url")).collect();
    urls.sort();
    urls
}

/// A field that is a string.
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {object}"))
        .to_owned()
}

/// The kind of the error, or "" if there is none.
pub(crate) fn kind(object: &Value) -> &str {
    object["error"]["kind"].as_str().unwrap_or("")
}

impl Temporary {
    /// A name that nobody else has; nothing is made.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("downbeat-scraper-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// A file with this in it.
    pub(crate) fn with(content: impl AsRef<[u8]>) -> Self {
        let file = Self::new();
        fs::write(&file.0, content).expect("the temporary directory can be written");
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0
            .to_str()
            .expect("the temporary directory has a UTF-8 name")
    }

    /// What is in it.
    pub(crate) fn read(&self) -> String {
        fs::read_to_string(&self.0).expect("the file can be read")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}
