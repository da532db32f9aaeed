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
//! Owns: the expression and its error. `reader.rs` makes the one or the other.
//!
//! Laws: whatever the text, the answer is a policy or an error that points at the
//! bad word; text and nesting are limited.
//!
//! Read next: `words.rs`, the list of what exists; `reader.rs`.

use super::Policy;
use super::reader::Reader;
use super::words::{WORDS, Word};
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
    pub(super) text: String,
    /// The bad part, in bytes.
    pub(super) at: Range<usize>,
    /// What is wrong with it.
    pub(super) problem: String,
}

/// One item of a chain, with what stands behind it.
#[derive(Clone)]
pub(super) struct Node {
    /// The policy.
    pub(super) word: &'static Word,
    /// Its arguments, all of them.
    pub(super) values: Vec<Value>,
    /// The policy behind it.
    pub(super) inside: Option<Box<Node>>,
}

/// An argument.
#[derive(Clone)]
pub(super) enum Value {
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

/// The longest text.
const MAX_LENGTH: usize = 1000;

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
        let mut reader = Reader::new(text);
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
