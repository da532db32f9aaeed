//! Policies as text: `slot(3) > groups(fair) > edf`.
//!
//! ```text
//! chain = item { ">" item }       item = word [ "(" argument { "," argument } ")" ]
//! ```
//!
//! A word that stands in front of another policy (`slot`, `groups`, …) and comes
//! last stands in front of FIFO. Times are `5ms`, `100us`, `2s`, `50ns`. Arguments
//! may be left out from the end.
//!
//! Laws: whatever the text, the answer is a policy or an error that points at the
//! bad word; text and nesting are limited.
//!
//! Read next: `words.rs`, the list of what exists.

use super::Policy;
use super::words::{Param, WORDS, Word};
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

/// A policy as text, checked; makes as many policies as one likes, on any thread.
#[derive(Clone)]
pub struct Expression {
    /// The text.
    text: String,
    /// What it means.
    root: Node,
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// The text.
    text: String,
    /// The bad part, in bytes.
    at: Range<usize>,
    /// What is wrong with it.
    problem: String,
}

/// One item of a chain, with what stands behind it.
#[derive(Clone)]
struct Node {
    /// The policy.
    word: &'static Word,
    /// Its arguments, all of them.
    values: Vec<Value>,
    /// The policy behind it.
    inside: Option<Box<Node>>,
}

/// An argument.
#[derive(Clone)]
enum Value {
    Count(u32),
    Time(Duration),
    Seed(Option<u64>),
    Name(String),
    Order(Box<Node>),
}

/// What the maker of a word gets.
pub(super) struct Args<'a> {
    /// The item.
    node: &'a Node,
    /// The seed of the whole expression.
    seed: u64,
}

/// Reads a text from left to right.
struct Reader<'a> {
    /// The text.
    text: &'a str,
    /// How far it was read.
    at: usize,
    /// How deep policies are nested here.
    depth: usize,
}

/// The longest text and the deepest nesting.
const MAX_LENGTH: usize = 1000;
const MAX_DEPTH: usize = 16;

/// The policy that a text describes.
///
/// ```
/// let policy = downbeat::policy::parse("slot(3) > groups(fair) > edf")?;
/// let runtime = downbeat::Runtime::builder().policy(policy).build();
/// let error = downbeat::policy::parse("slot(3) > fare").err().unwrap();
/// assert!(error.to_string().contains("          ^^^^"));
/// # Ok::<(), downbeat::policy::ExpressionError>(())
/// ```
///
/// # Errors
/// When the text is not a policy: the error points at the bad word.
pub fn parse(text: &str) -> Result<Box<dyn Policy>, ExpressionError> {
    text.parse()
        .map(|expression: Expression| expression.build(0))
}

impl Expression {
    /// Makes the policy. Random ones without a seed of their own use `seed`.
    pub fn build(&self, seed: u64) -> Box<dyn Policy> {
        self.root.build(seed)
    }

    /// What exists: usage and meaning of each word.
    pub fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
        WORDS.iter().map(|word| (word.usage, word.says))
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let mut reader = Reader {
            text,
            at: 0,
            depth: 0,
        };
        if text.len() > MAX_LENGTH {
            return Err(reader.error(0..0, "the expression is too long"));
        }
        let root = reader.chain()?;
        let rest = reader.word();
        if reader.at < text.len() || !rest.is_empty() {
            let at = if rest.is_empty() { reader.one() } else { rest };
            return Err(reader.error(at, "expected `>` or the end here"));
        }
        let text = text.to_owned();
        Ok(Self { text, root })
    }
}

impl Node {
    fn build(&self, seed: u64) -> Box<dyn Policy> {
        (self.word.make)(&Args { node: self, seed })
    }
}

impl Args<'_> {
    /// Number, or index of the choice.
    pub(super) fn count(&self, i: usize) -> u32 {
        match self.node.values.get(i) {
            Some(Value::Count(count)) => *count,
            _ => 0,
        }
    }

    /// Time.
    pub(super) fn time(&self, i: usize) -> Duration {
        match self.node.values.get(i) {
            Some(Value::Time(time)) => *time,
            _ => Duration::ZERO,
        }
    }

    /// Seed: the argument, or the expression's.
    pub(super) fn seed(&self, i: usize) -> u64 {
        match self.node.values.get(i) {
            Some(Value::Seed(Some(seed))) => *seed,
            _ => self.seed,
        }
    }

    /// Name.
    pub(super) fn name(&self, i: usize) -> &str {
        match self.node.values.get(i) {
            Some(Value::Name(name)) => name,
            _ => "",
        }
    }

    /// A policy among the arguments.
    pub(super) fn order(&self, i: usize) -> Box<dyn Policy> {
        match self.node.values.get(i) {
            Some(Value::Order(node)) => node.build(self.seed),
            _ => Box::new(super::Fifo::new()),
        }
    }

    /// The policy behind the word.
    pub(super) fn inside(&self) -> Box<dyn Policy> {
        inside(self.node.inside.as_deref(), self.seed)
    }

    /// Makes the policy behind the word, once per group.
    pub(super) fn inside_of_groups(&self) -> impl FnMut(u32) -> Box<dyn Policy> + 'static {
        let (node, seed) = (self.node.inside.clone(), self.seed);
        move |group| inside(node.as_deref(), seed ^ u64::from(group))
    }
}

/// The policy behind a word; FIFO where there is none.
fn inside(node: Option<&Node>, seed: u64) -> Box<dyn Policy> {
    node.map_or_else(
        || Box::new(super::Fifo::new()) as _,
        |node| node.build(seed),
    )
}

impl Reader<'_> {
    /// Policies with `>` between them.
    fn chain(&mut self) -> Result<Node, ExpressionError> {
        self.depth += 1;
        let at = self.word();
        if self.depth > MAX_DEPTH {
            return Err(self.error(at, "policies are nested too deep here"));
        }
        let name = &self.text[at.clone()];
        let Some(word) = WORDS.iter().find(|word| word.name == name) else {
            let at = if at.is_empty() { self.one() } else { at };
            return Err(self.error(at, "expected a policy here"));
        };
        let values = self.arguments(word)?;
        let mut inside = None;
        if self.take('>') {
            if !word.wraps {
                let problem = format!("`{name}` is complete: nothing can stand behind it");
                return Err(self.error(at, &problem));
            }
            inside = Some(Box::new(self.chain()?));
        }
        self.depth -= 1;
        Ok(Node {
            word,
            values,
            inside,
        })
    }

    /// The arguments of a word in brackets, or what they are when left out.
    fn arguments(&mut self, word: &'static Word) -> Result<Vec<Value>, ExpressionError> {
        let open = self.take('(');
        let mut more = open && !self.take(')');
        let mut values = Vec::with_capacity(word.params.len());
        for param in word.params {
            let value = if more {
                let value = self.argument(word, *param)?;
                more = self.take(',');
                if !more && !self.take(')') {
                    return Err(self.error(self.one(), "expected `,` or `)` here"));
                }
                value
            } else {
                default_of(*param).ok_or_else(|| {
                    let problem = format!("an argument is missing: `{}`", word.usage);
                    self.error(self.one(), &problem)
                })?
            };
            values.push(value);
        }
        if more {
            let problem = format!("one argument too many: `{}`", word.usage);
            let at = self.word();
            return Err(self.error(at, &problem));
        }
        Ok(values)
    }

    /// One argument.
    fn argument(&mut self, word: &Word, param: Param) -> Result<Value, ExpressionError> {
        if let Param::Order = param {
            return Ok(Value::Order(Box::new(self.chain()?)));
        }
        let at = self.word();
        let text = &self.text[at.clone()];
        let value = match param {
            Param::Count(_) => text.parse().ok().map(Value::Count),
            Param::Time(_) => time(text).map(Value::Time),
            Param::Seed => text.parse().ok().map(|seed| Value::Seed(Some(seed))),
            Param::Choice(words) => words
                .iter()
                .position(|word| *word == text)
                .map(|i| Value::Count(i as u32)),
            Param::Name | Param::Order => (!text.is_empty()).then(|| Value::Name(text.to_owned())),
        };
        let what = match param {
            Param::Count(_) | Param::Seed => "a number",
            Param::Time(_) => "a time such as `5ms`",
            Param::Choice(_) => "one of its words",
            Param::Name | Param::Order => "the name of a task",
        };
        value.ok_or_else(|| {
            let problem = format!("expected {what} here: `{}`", word.usage);
            let at = if at.is_empty() { self.one() } else { at };
            self.error(at, &problem)
        })
    }

    /// The next word, which may be empty.
    fn word(&mut self) -> Range<usize> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c: char| c.is_whitespace() || "(),>".contains(c))
            .unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        start..self.at
    }

    /// Whether this sign is next; takes it if so.
    fn take(&mut self, sign: char) -> bool {
        self.skip_space();
        let next = self.text[self.at..].starts_with(sign);
        if next {
            self.at += sign.len_utf8();
        }
        next
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The next character, to point at.
    fn one(&self) -> Range<usize> {
        let next = self.text[self.at..].chars().next();
        self.at..self.at + next.map_or(0, char::len_utf8)
    }

    fn error(&self, at: Range<usize>, problem: &str) -> ExpressionError {
        ExpressionError {
            text: self.text.to_owned(),
            at,
            problem: problem.to_owned(),
        }
    }
}

/// What an argument is when it is left out.
fn default_of(param: Param) -> Option<Value> {
    Some(match param {
        Param::Count(count) => Value::Count(count),
        Param::Time(time) => Value::Time(time),
        Param::Seed => Value::Seed(None),
        Param::Choice(_) => Value::Count(0),
        Param::Order => Value::Order(Box::new(Node {
            word: WORDS.first()?,
            values: Vec::new(),
            inside: None,
        })),
        Param::Name => return None,
    })
}

/// `5ms` and the like.
fn time(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = (text[..unit].parse().ok()?, &text[unit..]);
    match unit {
        "ns" => Some(Duration::from_nanos(number)),
        "us" | "µs" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chars = |range: Range<usize>| self.text.get(range).map_or(0, |s| s.chars().count());
        let (before, long) = (chars(0..self.at.start), chars(self.at.clone()).max(1));
        writeln!(f, "{}", self.problem)?;
        writeln!(f, "  {}", self.text)?;
        writeln!(f, "  {}{}", " ".repeat(before), "^".repeat(long))?;
        let list = |wraps: bool| {
            let words = WORDS.iter().filter(|word| word.wraps == wraps);
            words.map(|word| word.usage).collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "policies: {}", list(false))?;
        write!(f, "in front of a policy: {}", list(true))
    }
}

impl Error for ExpressionError {}
