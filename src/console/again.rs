//! Putting a mock back to an earlier state. The implementation is above the control surface ([`Again`]).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::namespace::Namespace;
use crate::api::Late;
use crate::engine::{Checkpoint, Driver, Input, Misfit, NoInputs};
use crate::sync::lock;

/// The beginning of a mock's state: together with the settings and the inputs it determines the whole state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Beginning {
    /// The seed of its random values, as text: many languages have no number of this size.
    #[serde(with = "digits")]
    #[schemars(with = "String")]
    pub seed: u64,
    /// The start time of the stories that run from the beginning; null without such stories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stories: Option<Timestamp>,
    /// The credentials of a namespace; those of any other mock are in its settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// Writes a number as a text of digits.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format_args!("`{text}` is not a number in digits")))
    }
}

/// Why a mock could not be put back.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// A file of the settings can't be used any more, or the inputs can't be stored.
    #[error("{0}")]
    Wrong(String),
    /// The inputs lead to a different state now.
    #[error(
        "the inputs of this mock now lead to a different state, from input {number} on: {misfit}. Either they \
        were recorded with other settings or by another version, or this is a mistake in the mock: then please \
        report it"
    )]
    Misfit {
        /// The number of the input, counted from 1.
        number: usize,
        /// The mismatch.
        misfit: Misfit,
    },
}

/// Rebuilds the mock that the control surface belongs to.
pub trait Again: Debug + Send + Sync {
    /// Returns the beginning of its state.
    fn beginning(&self) -> Beginning;

    /// Returns the present moment, for coming back to it.
    ///
    /// # Errors
    ///
    /// If the inputs are not recorded or can't be read.
    fn moment(&self) -> Result<Moment, NoInputs>;

    /// Puts the mock back to an earlier moment of its own. Its journal continues without the earlier entries; the results of
    /// work under way are ignored.
    ///
    /// # Errors
    ///
    /// If the inputs up to that moment can't be stored. Nothing is changed then.
    fn restore(&self, moment: &Moment) -> Result<(), AgainError>;

    /// Puts the mock to its own or another beginning, followed by these inputs. Its journal continues without the earlier
    /// entries; the results of work under way are ignored.
    ///
    /// # Errors
    ///
    /// If the mock can't be built, or the inputs do not fit. Nothing is changed then.
    fn go_back(&self, beginning: Option<Beginning>, inputs: &[Arc<Input>]) -> Result<(), AgainError>;
}

/// A moment of a mock, with everything needed to come back to it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The beginning of the state.
    pub beginning: Beginning,
    /// The state.
    pub checkpoint: Checkpoint,
    /// The delayed requests that had not taken effect.
    pub late: Late,
}

/// A handle of a mock for snapshots and branching.
#[derive(Clone, Debug)]
pub struct Origin {
    pub(super) driver: Driver,
    pub(super) again: Option<Arc<dyn Again>>,
    pub(super) snapshots: Snapshots,
}

/// The snapshots of a mock, by name. All clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Snapshots(Arc<Mutex<BTreeMap<String, Moment>>>);

impl Snapshots {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Moment>> {
        lock(&self.0)
    }
}
