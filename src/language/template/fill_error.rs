//! Why a template can't be filled in.

/// Why a template can't be filled in: one line for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// An expression is undefined.
    #[error("`{0}` is undefined")]
    Undefined(String),
    /// A value in an expression is undefined.
    #[error("`{value}` is undefined, in `{expression}`")]
    UndefinedIn {
        /// The value.
        value: String,
        /// The expression, or the whole template.
        expression: String,
    },
    /// The template does not terminate.
    #[error("the template does too much work: is it an endless loop?")]
    Endless,
    /// The result is longer than this many bytes.
    #[error("the template produces more than {} MB of text", .0 >> 20)]
    TooLong(usize),
    /// The result has more than this many values.
    #[error("the expression produces more than {0} values")]
    TooMany(usize),
    /// JSON cannot express the value.
    #[error("the value can't be written as JSON: {0}")]
    NoJson(String),
    /// The error of the template engine.
    #[error("{message}, in `{template}`")]
    Template {
        /// What is wrong.
        message: String,
        /// The expression, or the whole template.
        template: String,
    },
    /// A condition gives a text that does not mean true or false.
    #[error("`when` is `{0}`, which is neither true nor false")]
    NoTruth(String),
    /// A value inside of a table or list can't be filled in.
    #[error("`{path}`: {error}")]
    Inside {
        /// Its position.
        path: String,
        /// The cause.
        error: Box<FillError>,
    },
}

impl FillError {
    /// Creates the error of an expression that is undefined, because of this value in it.
    pub(super) fn undefined(value: Option<String>, expression: String) -> Self {
        match value {
            Some(value) if value != expression => Self::UndefinedIn { value, expression },
            _ => Self::Undefined(expression),
        }
    }

    /// Whether it is only about a field that the value of this name does not have.
    pub(crate) fn is_lack_of(&self, name: &str) -> bool {
        match self {
            Self::Undefined(value) | Self::UndefinedIn { value, .. } => {
                let rest = value.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['.', '[']))
            }
            Self::Inside { error, .. } => error.is_lack_of(name),
            _ => false,
        }
    }

    /// Wraps the error as that of the value under a key, or of an item such as `[0]`.
    pub(crate) fn inside(self, key: &str) -> Self {
        let (path, error) = match self {
            Self::Inside { path, error } if path.starts_with('[') => (format!("{key}{path}"), error),
            Self::Inside { path, error } => (format!("{key}.{path}"), error),
            error => (key.to_owned(), Box::new(error)),
        };
        Self::Inside { path, error }
    }
}
