//! The inputs of an engine, in order.
//!
//! Every decision of the engine follows from its seed, its settings, the stories it begins with, and its inputs. A fresh
//! engine that gets the same inputs comes to the same state. That is how a mock is put back to a moment, moved elsewhere, and
//! continued after its process has ended. Reloaded settings are not among the inputs: a mock that reloads them can't be put
//! back.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{AttemptResult, CallbackId};
use crate::net::HttpRequest;

/// Memory limit for recorded inputs, in bytes; about the journal's limit.
const MOST_BYTES: usize = 64 << 20;

/// Approximate memory of an input besides its texts, in bytes.
const OVERHEAD: usize = 96;

/// An input of an engine.
#[derive(Clone, Debug)]
pub struct Input {
    /// The moment on the mock's clock.
    pub at: Timestamp,
    /// The content of the input.
    pub given: Given,
}

/// The kinds of inputs.
#[derive(Clone, Debug)]
pub enum Given {
    /// A request to the vendor's API or to the control surface.
    Request(Arc<HttpRequest>),
    /// A request that a fault delays takes effect now: its number among the inputs, counted from 1.
    Late(u64),
    /// Time passed, and everything due was done.
    Time,
    /// The next attempt began, of this callback. `None` if there was no attempt, after callbacks that ended without one: a
    /// fault dropped them, or their receiver is disabled.
    Attempt(Option<CallbackId>),
    /// An attempt of this callback began at the same time as the previous one, because of a fault. `None` if none of the
    /// callbacks that were to begin then did.
    Beside(Option<CallbackId>),
    /// An attempt ended.
    Result {
        /// The callback.
        callback: CallbackId,
        /// The number of the attempt, counted from 1.
        number: u32,
        /// The result.
        result: AttemptResult,
    },
}

impl Given {
    /// Returns its approximate size in memory.
    fn size(&self) -> usize {
        let texts = match self {
            Self::Request(request) => {
                let headers: usize =
                    request.headers.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
                let query = request.query.as_ref().map_or(0, String::len);
                headers + query + request.path.len() + request.body.len()
            }
            Self::Late(_) | Self::Time | Self::Attempt(_) | Self::Beside(_) => 0,
            Self::Result { result, .. } => match &result.result {
                Ok(response) => {
                    let headers = response.headers.iter().map(|(name, value)| name.len() + value.len() + 48);
                    response.body.len() + headers.sum::<usize>()
                }
                Err(failure) => failure.message.len(),
            },
        };
        OVERHEAD + texts
    }
}

/// The inputs of a mock up to a moment.
#[derive(Clone, Debug)]
pub struct History {
    /// Number of inputs.
    count: u64,
    /// Their approximate size in memory, in bytes.
    bytes: usize,
    /// Whether they were read from a store, so that they are copies of its own.
    is_read: bool,
    /// All inputs. `None` if there were too many to keep in memory.
    inputs: Option<Arc<Vec<Arc<Input>>>>,
}

impl History {
    /// Returns the number of inputs.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns all inputs in order.
    ///
    /// # Errors
    ///
    /// If there were too many to keep in memory.
    pub fn inputs(&self) -> Result<&[Arc<Input>], NoInputs> {
        self.inputs.as_deref().map(Vec::as_slice).ok_or(NoInputs::TooMuch)
    }

    /// Returns the memory in bytes, roughly, that it shares with nothing else once the mock has been given more.
    pub(super) fn held(&self) -> usize {
        let pointers = self.inputs.as_ref().map_or(0, |inputs| inputs.len() * size_of::<Arc<Input>>());
        pointers + if self.is_read { self.bytes } else { 0 }
    }

    /// Adds these inputs to a history that had too many to keep.
    pub(super) fn or(self, inputs: &[Arc<Input>]) -> Self {
        let given = || Arc::new(inputs.to_vec());
        Self { inputs: Some(self.inputs.unwrap_or_else(given)), ..self }
    }
}

/// Reads the stored inputs up to the moment at which they were requested. It can be called without the engine's lock.
pub type ReadStored = Box<dyn FnOnce() -> io::Result<Vec<Arc<Input>>> + Send>;

/// Stores inputs so that they outlive the process.
pub trait Store: Send {
    /// Appends an input. After an error no part of it is stored.
    ///
    /// # Errors
    ///
    /// If it can't be stored now.
    fn append(&mut self, input: &Input) -> io::Result<()>;

    /// Tries out whether this many bytes could be appended, and leaves nothing of them.
    ///
    /// # Errors
    ///
    /// If they could not be stored now.
    fn try_room(&mut self, bytes: usize) -> io::Result<()>;

    /// Returns what reads all inputs that are stored now.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    fn all(&mut self) -> io::Result<ReadStored>;

    /// Replaces all stored inputs.
    ///
    /// # Errors
    ///
    /// If they can't be stored. The earlier inputs are then still there.
    fn replace(&mut self, inputs: &[Arc<Input>]) -> io::Result<()>;
}

/// A request has no effect because it could not be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state of this mock can't be stored ({0}), so it accepts no requests: free some space, and it \
    continues"
)]
pub struct NotStored(String);

/// Why the inputs are not available.
#[derive(Debug, thiserror::Error)]
pub enum NoInputs {
    /// They are not recorded.
    #[error("this mock keeps no inputs")]
    NotKept,
    /// There were too many.
    #[error(
        "the inputs of this mock exceed the {} MB kept in memory; `--data-dir` keeps all of them in a folder",
        MOST_BYTES >> 20
    )]
    TooMuch,
    /// The folder can't be read or written.
    #[error("the data folder: {0}")]
    Folder(#[from] io::Error),
    /// The mock is ending, so that its state is not replaced.
    #[error("the mock is ending, and keeps its state until then")]
    Ending,
}

/// The recorded inputs of an engine.
#[derive(Default)]
pub(super) struct Inputs {
    keeps: Keeps,
    /// Number of inputs so far.
    count: u64,
    /// The inputs that still have to be stored.
    owed: VecDeque<Arc<Input>>,
    /// Why the latest input could not be stored. `None` if it is stored.
    failing: Option<String>,
    /// The size of the input that was rejected because of this.
    rejected: usize,
    /// Whether the journal says that inputs can't be stored.
    is_reported: bool,
}

#[derive(Default)]
enum Keeps {
    #[default]
    Nothing,
    Memory {
        /// Shared with the histories that were requested, until the next input arrives.
        inputs: Arc<Vec<Arc<Input>>>,
        bytes: usize,
    },
    /// There were too many for the memory.
    TooMuch,
    Store(Box<dyn Store>),
}

/// Maximum room that is tried out in a store: this is done several times a second while an input can't be stored.
const MOST_TRIED: usize = 64 << 10;

impl Inputs {
    /// Keeps the inputs in memory, starting with none.
    pub(super) fn in_memory() -> Self {
        Self { keeps: Keeps::Memory { inputs: Arc::default(), bytes: 0 }, ..Self::default() }
    }

    /// Only counts the inputs from now on.
    pub(super) fn forget(&mut self) {
        self.keeps = Keeps::Nothing;
    }

    /// Stores the inputs from now on here, where the earlier ones already are.
    pub(super) fn stored(&mut self, store: Box<dyn Store>) {
        self.keeps = Keeps::Store(store);
    }

    /// Checks whether the inputs are available.
    pub(super) fn can_be_had(&self) -> Result<(), NoInputs> {
        match self.keeps {
            Keeps::Nothing => Err(NoInputs::NotKept),
            Keeps::TooMuch | Keeps::Memory { .. } | Keeps::Store(_) => Ok(()),
        }
    }

    /// Returns the inputs so far. They are read after the engine's lock is released, because a store may be slow.
    pub(super) fn history(&mut self) -> Result<impl FnOnce() -> Result<History, NoInputs> + use<>, NoInputs> {
        self.settle().map_err(|NotStored(why)| NoInputs::Folder(io::Error::other(why)))?;
        let count = self.count;
        let (inputs, bytes, stored) = match &mut self.keeps {
            Keeps::Nothing => return Err(NoInputs::NotKept),
            Keeps::TooMuch => (None, 0, None),
            Keeps::Memory { inputs, bytes } => (Some(Arc::clone(inputs)), *bytes, None),
            Keeps::Store(store) => (None, 0, Some(store.all()?)),
        };
        Ok(move || {
            let Some(read) = stored else { return Ok(History { count, bytes, is_read: false, inputs }) };
            let inputs = read()?;
            let bytes = inputs.iter().map(|input| input.given.size()).sum();
            Ok(History { count, bytes, is_read: true, inputs: Some(Arc::new(inputs)) })
        })
    }

    /// Replaces all inputs so far, if they are recorded.
    pub(super) fn replace(&mut self, others: &History) -> Result<(), NoInputs> {
        match &mut self.keeps {
            Keeps::Nothing => {}
            Keeps::Store(store) => store.replace(others.inputs()?)?,
            keeps => {
                let inputs = others.inputs.clone().filter(|_| others.bytes <= MOST_BYTES);
                let bytes = others.bytes;
                *keeps = inputs.map_or(Keeps::TooMuch, |inputs| Keeps::Memory { inputs, bytes });
            }
        }
        self.count = others.count;
        self.owed.clear();
        self.failing = None;
        Ok(())
    }

    /// Records an input before it takes effect, so that it can still be rejected. Returns its number.
    pub(super) fn ask(&mut self, at: Timestamp, given: impl FnOnce() -> Given) -> Result<u64, NotStored> {
        self.settle()?;
        match &mut self.keeps {
            Keeps::Nothing | Keeps::TooMuch => {}
            Keeps::Memory { .. } => self.keep(Arc::new(Input { at, given: given() })),
            Keeps::Store(store) => {
                let given = given();
                self.rejected = given.size();
                let stored = store.append(&Input { at, given });
                self.failing = stored.as_ref().err().map(io::Error::to_string);
                stored.map_err(not_stored)?;
            }
        }
        self.count += 1;
        Ok(self.count)
    }

    /// Records an input that takes effect even if storing fails; storing is retried.
    pub(super) fn note(&mut self, at: Timestamp, given: impl FnOnce() -> Given) {
        self.count += 1;
        match &self.keeps {
            Keeps::Nothing | Keeps::TooMuch => {}
            Keeps::Memory { .. } => self.keep(Arc::new(Input { at, given: given() })),
            Keeps::Store(_) => {
                self.owed.push_back(Arc::new(Input { at, given: given() }));
                // A failure is retried before the next input.
                let _ = self.settle();
            }
        }
    }

    /// Stores the inputs that could not be stored before.
    pub(super) fn settle(&mut self) -> Result<(), NotStored> {
        let Keeps::Store(store) = &mut self.keeps else { return Ok(()) };
        while let Some(input) = self.owed.front() {
            let stored = store.append(input);
            self.failing = stored.as_ref().err().map(io::Error::to_string);
            stored.map_err(not_stored)?;
            self.owed.pop_front();
        }
        Ok(())
    }

    /// Returns why the latest input could not be stored. `None` if it is stored.
    pub(super) fn failing(&self) -> Option<&str> {
        self.failing.as_deref()
    }

    /// Whether it is known only from a rejected input that storing fails: nothing is left that could be stored again.
    pub(super) fn has_only_rejected(&self) -> bool {
        self.failing.is_some() && self.owed.is_empty()
    }

    /// Finds out whether an input such as the rejected one could be stored by now.
    pub(super) fn try_room(&mut self) {
        if let Keeps::Store(store) = &mut self.keeps {
            self.failing = store.try_room(self.rejected.min(MOST_TRIED)).err().map(|error| error.to_string());
        }
    }

    /// Returns what the journal has to say because inputs can no longer be stored, or can be stored again.
    pub(super) fn news(&mut self) -> Option<String> {
        if self.failing.is_some() == self.is_reported {
            return None;
        }
        self.is_reported = !self.is_reported;
        Some(match &self.failing {
            Some(why) => format!(
                "the data folder can't be written: {why}; until it can, requests get 503 and nothing happens"
            ),
            None => "the data folder can be written again".to_owned(),
        })
    }

    /// Returns how many inputs could not be stored so far, and why. `None` if all are stored.
    pub(super) fn owed(&mut self) -> Option<(usize, String)> {
        let NotStored(why) = self.settle().err()?;
        Some((self.owed.len(), why))
    }

    fn keep(&mut self, input: Arc<Input>) {
        let Keeps::Memory { inputs, bytes } = &mut self.keeps else { return };
        *bytes += input.given.size();
        Arc::make_mut(inputs).push(input);
        if *bytes > MOST_BYTES {
            self.keeps = Keeps::TooMuch;
        }
    }
}

fn not_stored(error: io::Error) -> NotStored {
    NotStored(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;

    /// A store with limited room.
    #[derive(Clone, Default)]
    struct Small(Arc<Mutex<(usize, Vec<Arc<Input>>)>>);

    impl Store for Small {
        fn append(&mut self, input: &Input) -> io::Result<()> {
            let mut state = self.0.lock().unwrap();
            if state.0 == 0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            state.0 -= 1;
            state.1.push(Arc::new(input.clone()));
            Ok(())
        }

        fn try_room(&mut self, _: usize) -> io::Result<()> {
            match self.0.lock().unwrap().0 {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(()),
            }
        }

        fn all(&mut self) -> io::Result<ReadStored> {
            let all = self.0.lock().unwrap().1.clone();
            Ok(Box::new(|| Ok(all)))
        }

        fn replace(&mut self, inputs: &[Arc<Input>]) -> io::Result<()> {
            self.0.lock().unwrap().1 = inputs.to_vec();
            Ok(())
        }
    }

    fn request(body: usize) -> Given {
        Given::Request(Arc::new(HttpRequest {
            body: Bytes::from(vec![b'x'; body]),
            ..HttpRequest::default()
        }))
    }

    fn all(inputs: &mut Inputs) -> Result<Vec<Arc<Input>>, NoInputs> {
        inputs.history()?()?.inputs().map(<[_]>::to_vec)
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_full_disk_refuses_requests_and_owes_the_rest() {
        let disk = Small::default();
        disk.0.lock().unwrap().0 = 1;
        let mut inputs = Inputs::default();
        inputs.stored(Box::new(disk.clone()));
        assert_eq!(inputs.ask(NOW, || request(1)), Ok(1));
        let refused = inputs.ask(NOW, || request(2)).unwrap_err().to_string();
        assert!(refused.contains("can't be stored"), "{refused}");
        assert!(inputs.has_only_rejected() && inputs.news().unwrap().contains("can't be written"));
        inputs.try_room();
        assert!(inputs.failing().is_some() && inputs.news().is_none(), "once is enough");
        inputs.note(NOW, || Given::Time);
        inputs.note(NOW, || Given::Late(1));
        assert!(all(&mut inputs).is_err());
        // As soon as there is room, the inputs that still have to be stored come first.
        disk.0.lock().unwrap().0 = 9;
        assert_eq!(inputs.ask(NOW, || request(3)), Ok(4));
        assert_eq!(inputs.news().unwrap(), "the data folder can be written again");
        let stored: Vec<String> =
            all(&mut inputs).unwrap().iter().map(|input| format!("{:?}", input.given)).collect();
        assert_eq!(stored.len(), 4);
        assert_eq!(stored[1..3], ["Time", "Late(1)"]);
    }

    #[test]
    fn a_store_stays_when_more_takes_its_place_than_the_memory_keeps() {
        let disk = Small::default();
        disk.0.lock().unwrap().0 = 9;
        let mut inputs = Inputs::default();
        inputs.stored(Box::new(disk.clone()));
        inputs.ask(NOW, || request(1)).unwrap();
        let mut others = Inputs::in_memory();
        let large = Arc::new(Input { at: NOW, given: request(MOST_BYTES + 1) });
        others.ask(NOW, || large.given.clone()).unwrap();
        let history = others.history().unwrap()().unwrap();
        assert!(inputs.replace(&history).is_err());
        inputs.replace(&history.or(std::slice::from_ref(&large))).unwrap();
        inputs.ask(NOW, || request(2)).unwrap();
        assert_eq!(disk.0.lock().unwrap().1.len(), 2);
    }

    #[test]
    fn a_history_read_from_a_store_counts_with_all_its_bytes() {
        let disk = Small::default();
        disk.0.lock().unwrap().0 = 9;
        let (mut stored, mut kept) = (Inputs::default(), Inputs::in_memory());
        stored.stored(Box::new(disk));
        let held = |inputs: &mut Inputs| {
            inputs.ask(NOW, || request(10_000)).unwrap();
            inputs.history().unwrap()().unwrap().held()
        };
        assert_eq!((held(&mut kept), held(&mut stored) > 10_000), (size_of::<Arc<Input>>(), true));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut inputs = Inputs::in_memory();
        for number in 1..=2 {
            assert_eq!(inputs.ask(NOW, || request(MOST_BYTES / 2 - 2 * OVERHEAD)), Ok(number));
        }
        assert_eq!(all(&mut inputs).unwrap().len(), 2);
        assert_eq!(inputs.ask(NOW, || request(MOST_BYTES / 2)), Ok(3));
        assert!(all(&mut inputs).unwrap_err().to_string().contains("--data-dir"));
        // The numbers continue.
        inputs.note(NOW, || Given::Time);
        assert_eq!(inputs.ask(NOW, || request(1)), Ok(5));
    }
}
