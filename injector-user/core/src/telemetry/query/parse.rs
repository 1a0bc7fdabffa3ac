//! Reading expressions.

use std::time::Duration;

use super::bound::{Bound, Comparison};
use super::check;
use super::expression::{Asked, Condition, Expression, Function, Quantile, Selection};
use super::lexer::{Kind, Token, tokens, wrong};
use super::quantity::Quantity;
use crate::problem::Invalid;
use crate::suggest;
use crate::telemetry::{Metric, MetricKind, named};
use crate::units::parse_duration;

/// What is written before a metric, with `p99` for every quantile.
const FUNCTIONS: [&str; 7] = ["rate", "increase", "mean", "max", "now", "p99", "ratio"];
/// What may follow a metric.
const AFTER_METRIC: [&str; 2] = ["where", "over"];

/// An expression, as far as it is not read.
#[derive(Debug)]
pub(super) struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// Behind the last character.
    end: usize,
}

impl Parser {
    pub(super) fn new(text: &str) -> Result<Self, Invalid> {
        Ok(Self {
            tokens: tokens(text)?.into_iter().peekable(),
            end: text.chars().count() + 1,
        })
    }

    pub(super) fn expression(&mut self) -> Result<Expression, Invalid> {
        let asked = if self.took("ratio") {
            self.ratio()?
        } else {
            self.one()?
        };
        let over = self.over()?;
        Ok(Expression { asked, over })
    }

    /// A comparison, if there is one.
    pub(super) fn bound(&mut self, quantity: Quantity) -> Result<Option<Bound>, Invalid> {
        let sign = self.tokens.peek().filter(|token| token.kind == Kind::Sign);
        let Some(comparison) = sign.and_then(|sign| Comparison::of(&sign.text)) else {
            return Ok(None);
        };
        self.tokens.next();
        let limit = self.word("a limit", "for example `< 20ms`, `<= 1%` or `> 5`")?;
        let read = quantity.limit(&limit.text);
        let limit = read.map_err(|invalid| at(limit.column, invalid))?;
        Ok(Some(Bound { comparison, limit }))
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self, hint: &str) -> Result<(), Invalid> {
        match self.tokens.next() {
            None => Ok(()),
            Some(token) => Err(unexpected(&token, hint)),
        }
    }

    fn ratio(&mut self) -> Result<Asked, Invalid> {
        let hint = "ratio of METRIC to METRIC, for example ratio of syscall_errors to syscalls";
        self.keyword("of", hint)?;
        let part = self.selection()?;
        self.keyword("to", hint)?;
        let column = self.column();
        let whole = self.selection()?;
        for metric in [part.metric, whole.metric] {
            if metric.kind == MetricKind::Gauge {
                return Err(wrong(column, format!("`{}` counts nothing", metric.name))
                    .hint("a ratio is of two metrics that count, over the same time"));
            }
        }
        for condition in &whole.conditions {
            label(part.metric, condition.label)
                .map_err(|invalid| at(column, invalid))
                .map_err(|Invalid { message, .. }| {
                    Invalid::saying(message).hint(
                        "conditions at the end hold for both metrics; those of the first alone \
                         stand before `to`",
                    )
                })?;
        }
        Ok(Asked::Ratio { part, whole })
    }

    fn one(&mut self) -> Result<Asked, Invalid> {
        let column = self.column();
        let function = self.function()?;
        let of = self.selection()?;
        let kind = of.metric.kind;
        let function = function.unwrap_or_else(|| Function::usual(kind));
        if !function.fits(kind) {
            let what = format!("`{}` has no `{function}`", of.metric.name);
            return Err(wrong(column, what).hint(match kind {
                MetricKind::Counter => "a counter has `rate` and `increase`",
                MetricKind::Gauge => "a gauge has `now`, `mean` and `max`",
                MetricKind::Histogram => {
                    "durations have quantiles such as `p99`, `mean`, `max`, `rate` and `increase`"
                }
            }));
        }
        Ok(Asked::One { function, of })
    }

    fn function(&mut self) -> Result<Option<Function>, Invalid> {
        let Some(word) = self.tokens.peek().filter(|token| token.kind == Kind::Word) else {
            return Ok(None);
        };
        if let Some(function) = function(&word.text, word.column)? {
            self.tokens.next();
            return Ok(Some(function));
        }
        let word = word.clone();
        let two = self.after_next().is_some_and(|next| {
            next.kind == Kind::Word && named(&next.text).is_ok() && named(&word.text).is_err()
        });
        if two {
            let what = format!("there is no function `{}`", word.text);
            return Err(wrong(word.column, what).hint(suggest::hint(&word.text, &FUNCTIONS)));
        }
        Ok(None)
    }

    /// The token after the next.
    fn after_next(&self) -> Option<Token> {
        self.tokens.clone().nth(1)
    }

    fn selection(&mut self) -> Result<Selection, Invalid> {
        let name = self.word("a metric", "for example syscall_errors")?;
        let metric = named(&name.text).map_err(|invalid| at(name.column, invalid))?;
        if let Some(next) = self.tokens.peek().filter(|token| token.kind == Kind::Word) {
            let is_function = function(&next.text, next.column).is_ok_and(|it| it.is_some());
            if is_function {
                let hint = format!("it stands before: `{} {}`", next.text, metric.name);
                return Err(wrong(next.column, "a function behind its metric").hint(hint));
            }
        }
        let mut conditions: Vec<Condition> = Vec::new();
        if self.took("where") {
            loop {
                let condition = self.condition(metric, &conditions)?;
                conditions.push(condition);
                if !self.took(",") {
                    break;
                }
            }
        }
        Ok(Selection { metric, conditions })
    }

    fn condition(&mut self, metric: &Metric, before: &[Condition]) -> Result<Condition, Invalid> {
        let hint = "LABEL=VALUE, for example syscall=connect";
        let name = self.word("a label", hint)?;
        let label = label(metric, &name.text).map_err(|invalid| at(name.column, invalid))?;
        if before.iter().any(|condition| condition.label == label) {
            return Err(wrong(name.column, format!("`{label}` once more"))
                .hint(format!("several values stand together: {label}=ONE|OTHER")));
        }
        self.keyword("=", hint)?;
        let mut values = vec![self.value(label)?];
        while self.took("|") {
            let value = self.value(label)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(Condition { label, values })
    }

    fn value(&mut self, label: &str) -> Result<String, Invalid> {
        let hint = "a value with spaces or one of ,|\"<>= stands in quotes";
        match self.tokens.next() {
            Some(Token { kind, text, column }) if kind != Kind::Sign => {
                check::value(label, &text).map_err(|invalid| at(column, invalid))?;
                Ok(text)
            }
            Some(token) => Err(unexpected(&token, hint)),
            None => Err(self.missing("a value", hint)),
        }
    }

    fn over(&mut self) -> Result<Duration, Invalid> {
        if !self.took("over") {
            return Ok(Expression::OVER);
        }
        let hint = "from 1s to 1h, for example over 10s";
        let word = self.word("a duration", hint)?;
        let over = parse_duration(&word.text).map_err(|invalid| at(word.column, invalid))?;
        if (Expression::SHORTEST..=Expression::LONGEST).contains(&over) {
            return Ok(over);
        }
        let what = format!("`{}` is not a time to look back", word.text);
        Err(wrong(word.column, what).hint(format!("{hint}: a frame is made each second")))
    }

    /// Whether this was the next word or sign.
    fn took(&mut self, text: &str) -> bool {
        let is_it = |token: &Token| token.kind != Kind::Quoted && token.text == text;
        self.tokens.next_if(is_it).is_some()
    }

    fn keyword(&mut self, text: &str, hint: &str) -> Result<(), Invalid> {
        if self.took(text) {
            return Ok(());
        }
        match self.tokens.next() {
            Some(token) => {
                let what = format!("`{}` where `{text}` should be", token.text);
                Err(wrong(token.column, what).hint(hint))
            }
            None => Err(self.missing(&format!("`{text}`"), hint)),
        }
    }

    fn word(&mut self, what: &str, hint: &str) -> Result<Token, Invalid> {
        match self.tokens.next() {
            Some(token) if token.kind == Kind::Word => Ok(token),
            Some(token) => {
                let what = format!("`{}` where {what} should be", token.text);
                Err(wrong(token.column, what).hint(hint))
            }
            None => Err(self.missing(what, hint)),
        }
    }

    fn missing(&self, what: &str, hint: &str) -> Invalid {
        wrong(self.end, format!("{what} is missing")).hint(hint)
    }

    fn column(&mut self) -> usize {
        let end = self.end;
        self.tokens.peek().map_or(end, |token| token.column)
    }
}

fn unexpected(token: &Token, hint: &str) -> Invalid {
    let near = suggest::nearest(&token.text, AFTER_METRIC);
    let hint = near.map_or_else(|| hint.to_owned(), |near| format!("did you mean `{near}`"));
    wrong(
        token.column,
        format!("nobody expects `{}` here", token.text),
    )
    .hint(hint)
}

/// What is wrong with something that stands at a place of the expression.
fn at(column: usize, Invalid { message, hint }: Invalid) -> Invalid {
    wrong(column, message).hint(hint)
}

fn label(metric: &Metric, name: &str) -> Result<&'static str, Invalid> {
    let labels = metric.labels;
    let found = labels.iter().find(|label| label.name == name);
    found.map(|label| label.name).ok_or_else(|| {
        let names: Vec<_> = labels.iter().map(|label| label.name).collect();
        Invalid::saying(format!("`{}` has no label `{name}`", metric.name))
            .hint(suggest::hint(name, &names))
    })
}

fn function(text: &str, column: usize) -> Result<Option<Function>, Invalid> {
    Ok(Some(match text {
        "rate" => Function::Rate,
        "increase" => Function::Increase,
        "mean" => Function::Mean,
        "max" => Function::Max,
        "now" => Function::Now,
        _ => {
            let number = text.strip_prefix('p');
            let starts = number.filter(|it| it.starts_with(|c: char| c.is_ascii_digit()));
            let Some(number) = starts else {
                return Ok(None);
            };
            let quantile = quantile(number).ok_or_else(|| {
                wrong(column, format!("`{text}` is no quantile"))
                    .hint("from p0.01 to p99.99, for example p50, p99 or p99.9")
            })?;
            Function::Quantile(quantile)
        }
    }))
}

fn quantile(number: &str) -> Option<Quantile> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits =
        |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let hundredths: u16 = format!("{whole}{part:0<2}").parse().ok()?;
    (hundredths > 0).then_some(Quantile { hundredths })
}
