//! `${{ }}`: what a template says about values that are known only when it runs.
//!
//! The language is the one that Backstage's templates are written in (a subset of nunjucks); minijinja runs it, with
//! three differences smoothed over before it reads a text: `===` and `!==`, `.length`, and `elseif`. What an expression can
//! reach is what [`Scope`] holds and nothing else: no file, no environment variable, no other template, no call out.
//! Everything is paid with fuel, memory too, so that one that loops or grows for ever ends within milliseconds.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, Value as Held};
use serde_json::{Map, Value};

use super::filters;
use crate::limits;

/// Why an expression has no value: a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// What expressions of one moment can reach.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    names: Map<String, Value>,
    failed: bool,
}

impl Scope {
    /// A scope of these names.
    pub fn new(names: Map<String, Value>) -> Self {
        Self { names, failed: false }
    }

    /// The same with one name more, or another value of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.names.insert(name.to_owned(), value);
        self
    }

    /// The same after a step failed: `failure()` is true.
    #[must_use]
    pub fn failed(mut self, failed: bool) -> Self {
        self.failed = failed;
        self
    }

    fn held(&self) -> Held {
        let failed = self.failed;
        let names =
            self.names.iter().map(|(name, value)| (name.clone(), Held::from(minijinja::value::Serde(value))));
        let calls = [
            ("always".to_owned(), Held::from_function(|| true)),
            ("failure".to_owned(), Held::from_function(move || failed)),
        ];
        Held::from_pairs(names.chain(calls))
    }
}

/// How the text around expressions is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The first line break after a block goes.
    pub trim_blocks: bool,
    /// Blanks before a block at the beginning of a line go.
    pub lstrip_blocks: bool,
    /// `{{ }}` instead of `${{ }}`, as cookiecutter's templates have it.
    pub cookiecutter: bool,
}

impl Style {
    fn opens(self) -> &'static str {
        if self.cookiecutter { "{{" } else { "${{" }
    }
}

/// Every text within `value`, filled in. Names of members stay as they are. A member that has no value is left out; `None`
/// where the whole has none.
///
/// # Errors
/// [`Fault`] of the first text that cannot be filled in.
pub fn fill(value: &Value, scope: &Scope) -> Result<Option<Value>, Fault> {
    Ok(match value {
        Value::String(text) => evaluate(text, scope)?,
        Value::Array(items) => {
            let filled = items.iter().map(|item| Ok(fill(item, scope)?.unwrap_or(Value::Null)));
            Some(Value::Array(filled.collect::<Result<_, Fault>>()?))
        }
        Value::Object(members) => {
            let mut filled = Map::new();
            for (name, member) in members {
                if let Some(member) = fill(member, scope)? {
                    filled.insert(name.clone(), member);
                }
            }
            Some(Value::Object(filled))
        }
        other => Some(other.clone()),
    })
}

/// One text. Where it is one expression and nothing else, the value keeps its type; otherwise it is text.
///
/// # Errors
/// [`Fault`], also for a text that is too long, and for one that uses up its fuel.
pub fn evaluate(text: &str, scope: &Scope) -> Result<Option<Value>, Fault> {
    if !text.contains("${{") && !text.contains("{%") && !text.contains("{#") {
        return Ok(Some(Value::String(text.to_owned())));
    }
    if text.len() > limits::SCAFFOLDER_TEXT_BYTES_MAX {
        let max = limits::SCAFFOLDER_TEXT_BYTES_MAX;
        return Err(Fault(format!("a text with expressions has more than {max} bytes")));
    }
    let Some(expression) = sole(text) else {
        return render(text, scope, Style::default(), limits::SCAFFOLDER_EXPRESSION_FUEL)
            .map(|text| Some(Value::String(text)));
    };
    let environment = environment(Style::default(), limits::SCAFFOLDER_EXPRESSION_FUEL)?;
    let plain = plainer_code(expression);
    let compiled = environment.compile_expression(plain.trim()).map_err(|e| explained(text, &e))?;
    let held = compiled.eval(scope.held()).map_err(|e| explained(text, &e))?;
    if held.is_undefined() {
        // `a if c` without else is an empty text in nunjucks; what is missing is nothing at all.
        return Ok(has_lone_if(expression).then(|| Value::String(String::new())));
    }
    value_of(&held).map(Some)
}

/// A text with expressions in it, as text.
///
/// # Errors
/// As [`evaluate`].
pub fn render(text: &str, scope: &Scope, style: Style, fuel: u64) -> Result<String, Fault> {
    let environment = environment(style, fuel)?;
    let plain = plainer(text, style);
    let template = environment.template_from_str(&plain).map_err(|e| explained(text, &e))?;
    template.render(scope.held()).map_err(|e| explained(text, &e))
}

/// What JavaScript calls truthy, but that an empty list is not (Backstage's `isTruthy`).
pub fn is_truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(yes)) => *yes,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|n| n != 0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(_)) => true,
    }
}

/// Whether a condition asks `always()` or `failure()`: only such a step runs after one failed.
pub fn asks_for_failure(condition: &str) -> bool {
    ["always()", "failure()"].iter().any(|call| condition.replace(' ', "").contains(call))
}

fn environment(style: Style, fuel: u64) -> Result<Environment<'static>, Fault> {
    let syntax = SyntaxConfig::builder()
        .variable_delimiters(style.opens(), "}}")
        .trim_blocks(style.trim_blocks)
        .lstrip_blocks(style.lstrip_blocks)
        .keep_trailing_newline(true)
        .build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.map_err(|e| Fault(e.to_string()))?);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(limits::SCAFFOLDER_RECURSION_MAX);
    environment.set_fuel(Some(fuel));
    environment.set_formatter(write);
    // It prints what the engine holds.
    environment.remove_global("debug");
    filters::add(&mut environment);
    Ok(environment)
}

/// A value within a text, as JavaScript writes it.
fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Held) -> Result<(), Error> {
    let text = text_of(value)?;
    out.write_str(&text).map_err(Error::from)
}

/// `String(value)` in JavaScript, but that `null` and `undefined` are nothing.
pub(super) fn text_of(value: &Held) -> Result<String, Error> {
    use minijinja::value::ValueKind;
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Result<Vec<_>, Error> = value.try_iter()?.map(|item| text_of(&item)).collect();
            items?.join(",")
        }
        ValueKind::Map => "[object Object]".to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if number.fract() == 0.0 && number.abs() < 9e15 => format!("{number:.0}"),
            _ => value.to_string(),
        },
        _ => value.to_string(),
    })
}

/// As JSON. A whole number that was computed as a fraction is whole, as in JavaScript.
fn value_of(held: &Held) -> Result<Value, Fault> {
    let mut value = serde_json::to_value(held).map_err(|e| Fault(e.to_string()))?;
    made_whole(&mut value);
    Ok(value)
}

fn made_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let fraction = number.as_f64().unwrap_or_default();
            if fraction.fract() == 0.0 && fraction.abs() < 9e15 {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and within range")]
                let whole = fraction as i64;
                *value = Value::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(made_whole),
        Value::Object(members) => members.values_mut().for_each(made_whole),
        _ => {}
    }
}

fn explained(text: &str, error: &Error) -> Fault {
    let why = match error.kind() {
        minijinja::ErrorKind::OutOfFuel => "it takes too long, or makes too much".to_owned(),
        _ => error.detail().map_or_else(|| error.kind().to_string(), |d| format!("{}: {d}", error.kind())),
    };
    let line =
        error.line().filter(|line| *line > 1).map(|line| format!(" on line {line}")).unwrap_or_default();
    Fault(format!("the expression in {:?} cannot be filled in{line}: {why}", crate::catalog::excerpt(text)))
}

/// The expression that is all of `text`. `${{- x -}}` only trims what is around it, and nothing is.
fn sole(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${{")?;
    let end = end_of_code(inside, "}}")?;
    let code = inside[..end].trim_start();
    let code = code.strip_prefix("- ").unwrap_or(code).trim_end();
    (end + 2 == inside.len()).then(|| code.strip_suffix(" -").unwrap_or(code))
}

/// Where `close` stands in code, outside of quotes and of braces that the code itself opened.
fn end_of_code(code: &str, close: &str) -> Option<usize> {
    let (mut quote, mut depth, mut escaped) = (None, 0_usize, false);
    for (at, c) in code.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) => quote = (c != open).then_some(open),
            None if depth == 0 && code[at..].starts_with(close) => return Some(at),
            None => match c {
                '\'' | '"' => quote = Some(c),
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
    }
    None
}

/// A whole text whose code is made plainer.
fn plainer(text: &str, style: Style) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let code = rest.find(style.opens()).map(|at| (at, style.opens(), "}}"));
        let block = rest.find("{%").map(|at| (at, "{%", "%}"));
        let Some((at, open, close)) = code.into_iter().chain(block).min_by_key(|(at, ..)| *at) else { break };
        let begins = at + open.len();
        plain += &rest[..begins];
        rest = &rest[begins..];
        let Some(end) = end_of_code(rest, close) else { break };
        plain += &plainer_code(&rest[..end]);
        rest = &rest[end..];
    }
    plain + rest
}

/// Code as minijinja reads it.
fn plainer_code(code: &str) -> String {
    let mut plain = String::with_capacity(code.len());
    let (mut quote, mut escaped, mut at, mut braces, mut before) = (None, false, 0, 0_usize, ' ');
    while let Some(c) = code[at..].chars().next() {
        let rest = &code[at..];
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) => quote = (c != open).then_some(open),
            None => {
                let found =
                    REPLACED.iter().find(|(from, _)| rest.starts_with(from) && ends_there(rest, from));
                if let Some((from, to)) = found {
                    plain += to;
                    at += from.len();
                    before = 'x';
                    continue;
                }
                if let Some(name) =
                    member_name(rest).filter(|_| braces > 0 && (before == '{' || before == ','))
                {
                    plain += &format!("'{name}'");
                    at += name.len();
                    before = 'x';
                    continue;
                }
                match c {
                    '\'' | '"' => quote = Some(c),
                    '{' => braces += 1,
                    '}' => braces = braces.saturating_sub(1),
                    _ => {}
                }
            }
        }
        if !c.is_whitespace() {
            before = c;
        }
        plain.push(c);
        at += c.len_utf8();
    }
    plain
}

const REPLACED: [(&str, &str); 4] =
    [("===", "=="), ("!==", "!="), (".length", "|length"), ("elseif", "elif")];

/// The name of a member that JavaScript lets stand without quotes: `{defaultKind: 'User'}`.
fn member_name(rest: &str) -> Option<&str> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let follows = rest[end..].trim_start().starts_with(':');
    (follows && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')).then(|| &rest[..end])
}

/// Whether a word is over where `from` is.
fn ends_there(rest: &str, from: &str) -> bool {
    let after = rest[from.len()..].chars().next();
    !from.ends_with(char::is_alphabetic) || after.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '(')
}

/// Whether an expression is a choice without an else.
fn has_lone_if(expression: &str) -> bool {
    let mut words = String::with_capacity(expression.len());
    let mut quote = None;
    for c in expression.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None => words.push(if c.is_alphanumeric() || c == '_' { c } else { ' ' }),
        }
    }
    let count = |word: &str| words.split(' ').filter(|w| *w == word).count();
    count("if") > count("else")
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
