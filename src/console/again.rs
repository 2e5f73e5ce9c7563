//! How a mock is put back. Who can make one is above the control surface ([`Again`]).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::namespace::Namespace;
use crate::api::Late;
use crate::engine::{Checkpoint, Driver, Input, Misfit, NoInputs};

/// What the state of a mock begins with: together with its settings and what it was given, all that its state comes from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Beginning {
    /// The seed of its random values, in digits: many a language takes no number of this size.
    #[serde(with = "digits")]
    #[schemars(with = "String")]
    pub seed: u64,
    /// The moment from which the stories count that run beside it from the beginning on; nothing without such stories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stories: Option<Timestamp>,
    /// The credentials of a namespace; those of any other mock are in its settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// A number as a text of digits.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format_args!("`{text}` is no number in digits")))
    }
}

/// Why a mock is not put back.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// A file of the settings can't be used any more, or the inputs can't be stored.
    #[error("{0}")]
    Wrong(String),
    /// What was given leads elsewhere now.
    #[error(
        "what this mock was given leads to another state now, from input {number} on: {misfit}. Its settings or its version were others"
    )]
    Misfit {
        /// Which of them, from 1 on.
        number: usize,
        /// How.
        misfit: Misfit,
    },
}

/// Makes the mock anew that the control surface belongs to.
pub trait Again: Debug + Send + Sync {
    /// What its state begins with.
    fn beginning(&self) -> Beginning;

    /// The present moment, to come back to it.
    ///
    /// # Errors
    ///
    /// What it was given is not kept, or can't be read.
    fn moment(&self) -> Result<Moment, NoInputs>;

    /// Puts the mock back to a moment of its own. Its journal goes on; what was under way comes to nothing.
    ///
    /// # Errors
    ///
    /// What it was given up to then can't be stored. Then nothing is changed.
    fn restore(&self, moment: &Moment) -> Result<(), AgainError>;

    /// Puts the mock to the state that it has at its beginning, or at another one, and then these inputs. Its journal goes on;
    /// what was under way comes to nothing.
    ///
    /// # Errors
    ///
    /// It can't be made, or the inputs do not fit. Then nothing is changed.
    fn go_back(&self, beginning: Option<Beginning>, inputs: &[Arc<Input>]) -> Result<(), AgainError>;
}

/// A moment of a mock, with all that it takes to come to it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What the state begins with.
    pub beginning: Beginning,
    /// The state.
    pub checkpoint: Checkpoint,
    /// The requests that are late on purpose and had not taken effect.
    pub late: Late,
}

/// A mock, as far as its moments go.
#[derive(Clone, Debug)]
pub struct Origin {
    pub(super) driver: Driver,
    pub(super) again: Option<Arc<dyn Again>>,
    pub(super) snapshots: Snapshots,
}

/// The snapshots of a mock, by name. All clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Snapshots(Arc<Mutex<BTreeMap<String, Moment>>>);

impl Snapshots {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Moment>> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
