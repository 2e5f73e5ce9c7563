//! Where the notices of a task go.

/// Where the notices of a task go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notices {
    /// Where the callbacks of the account go: those of a workflow's tasks.
    Account,
    /// To the URL of the request that created the task.
    Url(String),
    /// Nowhere: what the request held is no URL.
    Nowhere,
}

impl Notices {
    /// The URL of the request.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::Account | Self::Nowhere => None,
        }
    }
}
