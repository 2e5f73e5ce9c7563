//! Why a template can't be filled in.

/// Why a template can't be filled in: one line for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// An expression has no value.
    #[error("`{0}` is undefined")]
    Undefined(String),
    /// It never comes to its end.
    #[error("the template does too much work; is it a loop without end?")]
    Endless,
    /// It gives more text than anybody needs.
    #[error("the template gives more than {} MB of text", .0 >> 20)]
    TooLong(usize),
    /// It gives a longer list than anybody needs.
    #[error("the expression gives more than {0} values")]
    TooMany(usize),
    /// The value is nothing that JSON can say.
    #[error("the value can't be put into JSON: {0}")]
    NoJson(String),
    /// What the template language says.
    #[error("{0}")]
    Template(String),
    /// A condition gives a text that is no word for yes or no.
    #[error("`when` is `{0}`, which is neither true nor false")]
    NoTruth(String),
    /// A value inside of a table or list can't be filled in.
    #[error("`{path}`: {error}")]
    Inside {
        /// Where it stands.
        path: String,
        /// Why.
        error: Box<FillError>,
    },
}

impl FillError {
    /// The same as the mistake of what stands under a key, or of an item such as `[0]`.
    pub(crate) fn inside(self, key: &str) -> Self {
        let (path, error) = match self {
            Self::Inside { path, error } if path.starts_with('[') => (format!("{key}{path}"), error),
            Self::Inside { path, error } => (format!("{key}.{path}"), error),
            error => (key.to_owned(), Box::new(error)),
        };
        Self::Inside { path, error }
    }
}
