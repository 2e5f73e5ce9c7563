//! The destination of a task's notices.

/// The destination of a task's notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notices {
    /// The URL of the account's callbacks: for tasks of workflows.
    Account,
    /// The URL in the request that created the task.
    Url(String),
    /// None: the text in the request is not a URL.
    Nowhere,
}

impl Notices {
    /// Returns the URL of the request.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::Account | Self::Nowhere => None,
        }
    }
}
