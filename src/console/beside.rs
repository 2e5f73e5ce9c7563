//! The interface for namespaces. The implementation is above the control surface ([`Namespaces`]).

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use schemars::JsonSchema;
use serde::Deserialize;

use super::again::{Moment, Origin};
use super::namespace::Namespace;
use crate::contract::fields::Whole;
use crate::engine::Speed;

/// The properties of a new namespace. Everything not given is as in the main mock, or new.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct NewNamespace {
    /// Its name: letters, digits, `-`, `_` and `.`, at most 64. Default: a free name.
    pub name: Option<String>,
    /// The URL for its callbacks. Default: as in the settings.
    pub callback_url: Option<String>,
    /// The secret that signs its callbacks. Default: a new one.
    pub secret: Option<String>,
    /// The seed of its random values. Namespaces with the same seed and different names have different ids. Default: a new
    /// seed, which gives new ids.
    pub seed: Option<Whole<0, { i64::MAX }>>,
    /// The speed of its clock: a multiple of real time, `0` or `max`. Default: the speed of the main mock.
    pub speed: Option<String>,
    /// The time on its clock at the start: `2030-01-01T00:00:00Z`. Default: now.
    pub epoch: Option<String>,
}

/// Why a namespace could not be created.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The name is invalid.
    #[error("name `{0}` is not valid: use 1 to 64 letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// The name is taken.
    #[error("there is a namespace `{0}` already; DELETE /_mock/namespaces/{0} first")]
    Taken(String),
    /// There are too many namespaces.
    #[error("there are {0} namespaces already, the maximum: delete those that you no longer need")]
    TooMany(usize),
    /// A value is invalid.
    #[error("{0}")]
    Wrong(String),
    /// It can't be put to the requested state.
    #[error("{0}")]
    Unfit(String),
}

/// Creates and ends namespaces.
pub trait Namespaces: Debug + Send + Sync {
    /// Creates a namespace.
    ///
    /// # Errors
    ///
    /// If the name is taken or invalid, or a value can't be used.
    fn create(
        &self,
        wanted: NewNamespace,
        speed: Option<Speed>,
    ) -> Pin<Box<dyn Future<Output = Result<Namespace, NamespaceError>> + Send + '_>>;

    /// Creates a namespace that begins with the state of another mock, and has its credentials.
    ///
    /// # Errors
    ///
    /// As [`Namespaces::create`]; or if that state is not available any more.
    fn branch(
        &self,
        wanted: NewNamespace,
        speed: Speed,
        from: Moment,
    ) -> Pin<Box<dyn Future<Output = Result<Namespace, NamespaceError>> + Send + '_>>;

    /// Returns the handle of the namespace of this name for snapshots and branching, if it exists.
    fn origin(&self, name: &str) -> Option<Origin>;

    /// Returns all namespaces, ordered by name.
    fn list(&self) -> Vec<Namespace>;

    /// Puts a namespace back to its beginning: its credentials and its seed stay, so that the same requests give the same ids
    /// again. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If a file of the settings can't be used any more.
    fn reset(&self, name: &str) -> Result<Option<Namespace>, NamespaceError>;

    /// Ends a namespace and drops its state. Returns whether it existed.
    fn remove(&self, name: &str) -> bool;
}
