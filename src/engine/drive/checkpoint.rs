//! The whole state of a mock at a moment, as a value.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Driver, UnderWay};
use crate::engine::core::Engine;
use crate::engine::inputs::{History, NoInputs};

/// About as many bytes of inputs count as much as one object.
const BYTES_OF_ONE: usize = 100;

/// The state of a mock at a moment. It never changes: a mock that is put back to it continues with a copy, which shares with
/// it all objects that have not changed since.
#[derive(Clone)]
pub struct Checkpoint(Arc<Kept>);

struct Kept {
    at: Timestamp,
    engine: Engine,
    under_way: UnderWay,
    history: History,
}

impl Debug for Checkpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").field("at", &self.0.at).finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Returns its moment on the mock's clock.
    pub fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Returns the number of objects, planned events and unfinished callbacks it holds. Rows of a task count as one, because
    /// they are shared as long as none of them changes. Inputs that are not shared with the mock count by their memory.
    pub fn size(&self) -> usize {
        self.0.engine.size() + self.0.history.held() / BYTES_OF_ONE
    }

    /// Returns the inputs of the mock up to that moment.
    pub fn history(&self) -> &History {
        &self.0.history
    }
}

impl Driver {
    /// Returns the state at the present moment, and the result of `beside`, which runs under the same lock.
    ///
    /// # Errors
    ///
    /// If the inputs are not recorded or can't be read.
    pub fn checkpoint<T>(&self, beside: impl FnOnce() -> T) -> Result<(Checkpoint, T), NoInputs> {
        let (at, engine, under_way, history, beside) = {
            let mut state = self.lock();
            // Checked first, because `mark` would record an input.
            state.inputs.can_be_had()?;
            let at = state.mark();
            let history = state.inputs.history()?;
            (at, state.engine.clone(), state.under_way.clone(), history, beside())
        };
        let kept = Kept { at, engine, under_way, history: history()? };
        Ok((Checkpoint(Arc::new(kept)), beside))
    }

    /// Puts the mock back to a moment. The journal continues, and the results of work under way are ignored. `beside` runs
    /// under the same lock.
    ///
    /// # Errors
    ///
    /// If its inputs can't be stored, or the mock is ending. Nothing is changed then, and `beside` does not run.
    pub fn go_back_to(&self, checkpoint: &Checkpoint, beside: impl FnOnce()) -> Result<(), NoInputs> {
        let Kept { at, engine, under_way, history } = &*checkpoint.0;
        // Copied before locking, and the old state is dropped after unlocking: both may take a while.
        let mut engine = engine.clone();
        self.put(&mut engine, under_way.clone(), *at, history, beside)
    }
}
