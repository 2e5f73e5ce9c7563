//! Templates in scenario files: compiled once when the story is read, rendered with the story's scope.
//!
//! A text that is a single `{{ expression }}` keeps the type of its value, so that numbers, lists and tables can be
//! computed. Any other template gives a text.

mod fill_error;
mod helpers;
pub(crate) mod lint;
mod reads;
mod size;
mod tokens;
mod truth;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use super::{FormatMistake, shortened};
pub use fill_error::FillError;
pub use helpers::{Helpers, OwnHelpers};
pub(crate) use reads::{ReadValue, place};
pub(crate) use truth::truth;

/// Maximum work of one template, in minijinja's units: enough for any text, too little to hang a run.
const FUEL: u64 = 200_000;

/// Maximum length of the text that a template gives, in bytes.
const LONGEST_TEXT: usize = 16 << 20;

/// Maximum number of values that an expression gives, including those in lists and tables.
const MOST_VALUES: usize = 200_000;

/// The context variable that holds the [`Helpers`].
const HELPERS: &str = "__helpers";

/// Values that every template may read, besides variables and functions.
const BUILT_IN_VALUES: [&str; 7] = ["locale", "country", "copy", "user", "session", "loop_index", "story"];

/// The variable in which a whole-expression template leaves its value.
const RESULT: &str = "__result";

static CHECKER: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(64);
    helpers::register(&mut env);
    env
}

/// Whether a text contains a template.
pub(crate) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

fn parsed(source: &str) -> Result<minijinja::Template<'_, '_>, FormatMistake> {
    size::check(source)?;
    CHECKER.template_from_str(source).map_err(|error| mistake(source, &error))
}

/// Checks the syntax of a template and returns the variables and functions it reads that are not minijinja's own
/// (top-level names only, sorted, each once).
pub fn check(source: &str) -> Result<Vec<String>, FormatMistake> {
    let template = parsed(source)?;
    let mut names: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    names.retain(|name| !minijinja_name(name));
    names.sort_unstable();
    Ok(names)
}

/// Returns the values that a template reads, except its own variables and the functions, each once and in order.
pub(crate) fn values(source: &str) -> Vec<ReadValue<'_>> {
    let mut names = check(source).unwrap_or_default();
    names.retain(|name| !function_names().contains(&name.as_str()));
    let mut seen = BTreeSet::new();
    let mut values = reads::all(source);
    values.retain(|value| names.iter().any(|name| name == value.root()) && seen.insert(value.path()));
    values
}

/// Returns what a template sees as a value, as JSON; `None` if it is undefined or JSON cannot express it.
pub(crate) fn shown(scope: &Value, value: &ReadValue<'_>) -> Option<String> {
    Some(shortened(&serde_json::to_string(&value.find(scope).ok()?).ok()?))
}

fn mistake(source: &str, error: &minijinja::Error) -> FormatMistake {
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, Some(detail)) => format!("template syntax error: {detail}"),
        (kind, Some(detail)) => format!("template error: {kind}: {detail}"),
        (kind, None) => format!("template error: {kind}"),
    };
    let range = error.range().filter(|range| range.end <= source.len() && range.start < range.end);
    FormatMistake { message, help: None, range }
}

fn minijinja_name(name: &str) -> bool {
    matches!(name, "range" | "dict" | "namespace" | "debug" | "true" | "false" | "none")
}

/// Returns the names that are known without setting a variable: functions and built-in values.
pub fn known_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = helpers::NAMES.to_vec();
    names.extend(BUILT_IN_VALUES);
    names.sort_unstable();
    names
}

/// Returns the names of the functions that every template may call.
pub fn function_names() -> &'static [&'static str] {
    &helpers::NAMES
}

/// Converts a value to the form that templates see.
pub fn value(value: &impl serde::Serialize) -> Value {
    Value::from(minijinja::value::Serde(value))
}

/// One template, or a constant text.
#[derive(Clone, Debug)]
pub enum Template {
    /// A constant text.
    Literal(String),
    /// A template that gives a text; holds its name in the set.
    Text(String),
    /// One expression that keeps its type; holds its name in the set, and the expression itself.
    Value(String, String),
}

impl Template {
    /// Whether the text is constant.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Literal(_))
    }
}

/// The templates of a story, compiled.
#[derive(Debug)]
pub struct TemplateSet {
    env: Environment<'static>,
    count: usize,
    /// The variables and functions that any of them reads.
    read: BTreeSet<String>,
}

impl Default for TemplateSet {
    fn default() -> Self {
        Self { env: environment(), count: 0, read: BTreeSet::new() }
    }
}

impl TemplateSet {
    /// Compiles a template.
    pub fn add(&mut self, source: &str) -> Result<Template, FormatMistake> {
        if !is_template(source) {
            return Ok(Template::Literal(source.to_owned()));
        }
        self.read.extend(check(source)?);
        let name = format!("t{}", self.count);
        self.count += 1;
        let (stored, template) = match sole_expression(source) {
            Some(expression) => {
                let template = Template::Value(name.clone(), expression.to_owned());
                (format!("{{% set {RESULT} = ({expression}) %}}"), template)
            }
            None => (source.to_owned(), Template::Text(name.clone())),
        };
        self.env.add_template_owned(name, stored).map_err(|error| mistake(source, &error))?;
        Ok(template)
    }

    /// Notes variables that are read outside of the templates.
    pub fn note_reads<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.read.extend(names.into_iter().map(str::to_owned));
    }

    /// Whether any template reads this variable or function, so that it has to be defined.
    pub fn reads(&self, name: &str) -> bool {
        self.read.contains(name)
    }

    /// Whether any template calls a function.
    pub fn uses_functions(&self) -> bool {
        function_names().iter().any(|name| self.reads(name))
    }

    /// Fills a template in.
    pub fn render(&self, template: &Template, scope: &Value) -> Result<serde_json::Value, FillError> {
        let name = match template {
            Template::Literal(text) => return Ok(serde_json::Value::String(text.clone())),
            Template::Text(name) | Template::Value(name, _) => name,
        };
        // Setting up a virtual machine takes ten times as long as a lookup. It is still used for a missing value, since it
        // gives the explanation.
        if let Template::Value(_, expression) = template
            && let Some(value) = found(expression, scope)
        {
            return serde_json::to_value(&value).map_err(|error| FillError::NoJson(error.to_string()));
        }
        let mut out = Output::default();
        let captured = self
            .env
            .get_template(name)
            .and_then(|compiled| compiled.render_captured_to(scope.clone(), &mut out))
            .map_err(|error| self.explain(&error, template, scope));
        if out.is_full {
            return Err(FillError::TooLong(LONGEST_TEXT));
        }
        let captured = captured?;
        let Template::Value(_, expression) = template else {
            return Ok(serde_json::Value::String(String::from_utf8_lossy(&out.text).into_owned()));
        };
        let value = captured.state().lookup(RESULT).unwrap_or_default();
        if value.is_undefined() {
            return Err(FillError::undefined(missing(expression, scope), expression.clone()));
        }
        let mut left = MOST_VALUES;
        if !fits(&value, &mut left) {
            return Err(FillError::TooMany(MOST_VALUES));
        }
        serde_json::to_value(&value).map_err(|error| FillError::NoJson(error.to_string()))
    }

    /// Explains why a template could not be rendered.
    fn explain(&self, error: &minijinja::Error, template: &Template, scope: &Value) -> FillError {
        let source = match template {
            Template::Value(_, expression) => expression.clone(),
            Template::Literal(name) | Template::Text(name) => {
                let compiled = self.env.get_template(name);
                shortened(compiled.as_ref().map_or("", |compiled| compiled.source().trim()))
            }
        };
        match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => FillError::Endless,
            (ErrorKind::UndefinedError, _) => FillError::undefined(missing(&source, scope), source),
            (_, Some(detail)) => FillError::Template { message: detail.to_owned(), template: source },
            (kind, None) => FillError::Template { message: kind.to_string(), template: source },
        }
    }
}

/// Returns the value in a template or in an expression that is undefined.
fn missing(source: &str, scope: &Value) -> Option<String> {
    let template = if is_template(source) { source.to_owned() } else { format!("{{{{ {source} }}}}") };
    reads::missing(&template, &check(&template).unwrap_or_default(), scope)
}

/// Whether a value has at most `left` values in it: some expressions are short and their lists long.
fn fits(value: &Value, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return true;
    }
    if value.len().is_some_and(|length| length > *left) {
        return false;
    }
    let is_map = value.kind() == ValueKind::Map;
    // A value that can't be iterated contains no others.
    let Ok(mut items) = value.try_iter() else { return true };
    items.all(|item| match is_map {
        true => value.get_item(&item).is_ok_and(|inner| fits(&inner, left)),
        false => fits(&item, left),
    })
}

/// The output of a template, up to a limit.
#[derive(Default)]
struct Output {
    text: Vec<u8>,
    is_full: bool,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > LONGEST_TEXT {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks up an expression that is only a variable, or a field of one: `transfer.body.call_id`.
fn found(expression: &str, scope: &Value) -> Option<Value> {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !expression.split('.').all(is_name) {
        return None;
    }
    let value = expression.split('.').try_fold(scope.clone(), |value, name| value.get_attr(name).ok())?;
    (!value.is_undefined()).then_some(value)
}

/// Returns the expression of a text that is a single `{{ expression }}`.
fn sole_expression(source: &str) -> Option<&str> {
    let inner = source.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!is_template(inner) && !inner.contains("}}"))
        .then(|| inner.trim_start_matches('-').trim_end_matches('-').trim())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::content::Country;
    use crate::seed::Seed;

    fn render(source: &str) -> Result<serde_json::Value, String> {
        let mut set = TemplateSet::default();
        let template = set.add(source).map_err(|mistake| mistake.message)?;
        let helpers = Helpers::new(
            Seed(7).stream("test", 0),
            Country::Id,
            None,
            "2030-01-01T00:00:00Z".parse().unwrap(),
        );
        let scope = minijinja::context! {
            n => 41,
            user => minijinja::context! { name => "Sari" },
            __helpers => Value::from_dyn_object(Arc::new(helpers)),
        };
        set.render(&template, &scope).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sole_expression_keeps_its_type() {
        assert_eq!(render("{{ n + 1 }}"), Ok(json!(42)));
        assert_eq!(render("{{ [n, 'a'] }}"), Ok(json!([41, "a"])));
        assert_eq!(render("{{ none }}"), Ok(json!(null)));
        assert_eq!(render("n is {{ n }}"), Ok(json!("n is 41")));
        assert_eq!(render("plain"), Ok(json!("plain")));
        assert_eq!(render("{{ user.name }} {{ n }}"), Ok(json!("Sari 41")));
        assert_eq!(render("{{ user.name }}"), Ok(json!("Sari")));
        assert_eq!(render("{{ user }}"), Ok(json!({ "name": "Sari" })));
        assert_eq!((render("{{ true }}"), render("{{ 1.5 }}")), (Ok(json!(true)), Ok(json!(1.5))));
    }

    #[test]
    fn mistakes_are_explained() {
        assert_eq!(check("{{ n + }}").unwrap_err().message.split(':').next(), Some("template syntax error"));
        assert_eq!(check("{{ foo(bar.baz) }} {{ n }}"), Ok(vec!["bar".into(), "foo".into(), "n".into()]));
        assert_eq!(render("{{ user.nme }}").unwrap_err(), "`user.nme` is undefined");
        assert_eq!(
            render("{{ 'x' in user.texts[0].text }}").unwrap_err(),
            "`user.texts` is undefined, in `'x' in user.texts[0].text`"
        );
        assert_eq!(
            render("Dear {{ user.title.long }}").unwrap_err(),
            "`user.title` is undefined, in `Dear {{ user.title.long }}`"
        );
        let wrong = render("{{ n < user }}{{ pick() }}").unwrap_err();
        assert!(wrong.ends_with("in `{{ n < user }}{{ pick() }}`"), "{wrong}");
        assert!(
            render("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}")
                .unwrap_err()
                .contains("too much work")
        );
        assert!(render("{{ [1] * 10000000000 }}").unwrap_err().contains("too large"));
        for long in ["{{ [1] * 90000000 }}", "{{ [[1] * 90000000] }}", "{{ {'a': [1] * 90000000} }}"] {
            assert_eq!(
                render(long).unwrap_err(),
                "the expression produces more than 200000 values",
                "{long}"
            );
        }
    }

    #[test]
    fn a_text_has_a_limit() {
        let mut out = Output::default();
        out.write_all(&vec![b'x'; LONGEST_TEXT]).unwrap();
        assert!(!out.is_full);
        out.write_all(b"x").unwrap_err();
        assert!(out.is_full);
    }

    #[test]
    fn helpers_are_seeded() {
        for source in [
            "{{ id() }}",
            "{{ hex(8) }}",
            "{{ digits(6) }}",
            "{{ pick(['a', 'b', 'c']) }}",
            "{{ pick('a', 'b') }}",
            "{{ between(1, 1000000) }}",
            "{{ between(0.0, 1.0) }}",
            "{{ chance(0.5) }}",
            "{{ now() }}",
            "{{ now('iso') }}",
            "{{ now('%Y/%m/%d') }}",
            "{{ phrase('greeting') }}",
            "{{ phrase('greeting', 'es-MX') }}",
            "{{ phone() }}",
            "{{ phone('MX') }}",
            "{{ name() }}",
            "{{ counter() }}",
            "{{ counter('order') }}",
        ] {
            let first = render(source).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(Ok(first), render(source), "{source}");
        }
        assert_eq!(render("{{ now() }}"), Ok(json!(1_893_456_000)));
        assert_eq!(render("{{ counter() + counter() + counter('b') }}"), Ok(json!(4)));
        assert!(render("{{ phrase('greting') }}").unwrap_err().contains("greeting"));
        assert!(render("{{ pick([]) }}").unwrap_err().contains("nothing to pick from"));
        assert!(render("{{ between(3, 1) }}").unwrap_err().contains("between(3, 1)"));
    }
}
