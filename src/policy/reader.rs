//! Reads policy expressions: a recursive descent, one function per rule.
//!
//! ```text
//! chain = item { ">" item }       item = word [ "(" argument { "," argument } ")" ]
//! ```
//!
//! Laws: never panics, whatever the text; errors point at the bad word, or at the sign
//! where one should be; the nesting is limited, so the stack is.
//!
//! Read next: `words.rs`.

use super::expression::{ExpressionError, Node, Value};
use super::words::{FEW, Param, WORDS, Word};
use std::ops::Range;
use std::time::Duration;

/// Reads a text from left to right.
pub(super) struct Reader<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// How far it was read.
    pub(super) at: usize,
    /// How deep policies are nested here.
    depth: usize,
    /// In how many brackets.
    brackets: usize,
}

/// The deepest nesting.
const MAX_DEPTH: usize = 16;

/// The longest time: a policy that waits for longer is a mistake in the text.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

impl<'a> Reader<'a> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            brackets: 0,
        }
    }

    /// Policies with `>` between them.
    pub(super) fn chain(&mut self) -> Result<Node, ExpressionError> {
        self.depth += 1;
        let at = self.word();
        if self.depth > MAX_DEPTH {
            return Err(self.error(at, "policies are nested too deep here"));
        }
        let name = &self.text[at.clone()];
        let Some(word) = WORDS.iter().find(|word| word.name == name) else {
            let at = if at.is_empty() { self.one() } else { at };
            return Err(self.error(at, &unknown(name)));
        };
        let values = self.arguments(word)?;
        let mut inside = None;
        if self.take('>') {
            if !word.wraps {
                let next = match self.brackets {
                    0 => "nothing can stand",
                    _ => "expected `,` or `)`",
                };
                let problem = format!("`{name}` is complete: {next} behind it");
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
            self.brackets += 1;
            let order = self.chain()?;
            self.brackets -= 1;
            return Ok(Value::Order(Box::new(order)));
        }
        let at = self.word();
        let text = &self.text[at.clone()];
        let value = match param {
            Param::Count(_) => text.parse().ok().map(Value::Count),
            Param::Few(_) => {
                let few = text.parse().ok().filter(|number| *number <= FEW);
                few.map(Value::Count)
            }
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
            Param::Few(_) => "a number up to 1000",
            Param::Time(_) => "a time such as `5ms` (a day at most)",
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
    pub(super) fn word(&mut self) -> Range<usize> {
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
    pub(super) fn one(&self) -> Range<usize> {
        let next = self.text[self.at..].chars().next();
        self.at..self.at + next.map_or(0, char::len_utf8)
    }

    pub(super) fn error(&self, at: Range<usize>, problem: &str) -> ExpressionError {
        ExpressionError {
            text: self.text.to_owned(),
            at,
            problem: problem.to_owned(),
        }
    }
}

/// What to say of a word that does not exist.
fn unknown(name: &str) -> String {
    let near = WORDS
        .iter()
        .map(|word| (distance(word.name, name), word.name));
    match near.min() {
        Some((1..=2, word)) if name.len() > 2 => {
            format!("expected a policy here; did you mean `{word}`?")
        }
        _ => "expected a policy here".to_owned(),
    }
}

/// How many letters must change, come or go to make the one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.chars().enumerate() {
            let change = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.chars().count()]
}

/// What an argument is when it is left out.
fn default_of(param: Param) -> Option<Value> {
    Some(match param {
        Param::Count(count) | Param::Few(count) => Value::Count(count),
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
    let time = match unit {
        "ns" => Duration::from_nanos(number),
        "us" | "µs" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    (time <= MAX_TIME).then_some(time)
}
