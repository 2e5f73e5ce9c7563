//! The scenario language: the file as written, the compiled story, templates, expectations, running stories.
//!
//! [`load`] reads files and finds every mistake before anything is sent. [`Story`] is the compiled form of a file. A
//! [`StoryRun`] is one run of a story: a state machine that time, requests and delivery results drive through the
//! [`StoryHost`].

mod arrivals;
pub mod begin;
pub mod check;
mod expect;
mod failure;
pub mod file;
mod host;
mod library;
pub mod load;
mod near_miss;
mod real_time;
mod run;
mod shipped;
mod story;
mod whole;

pub use arrivals::{Arrival, Arrivals, Came, Outcome};
pub use expect::DeliveryEnd;
pub use failure::FailureKind;
pub use host::{Body, RequestView, SendError, Sending, StoryHost};
pub use library::{Given, Library, NotBegun, Offered};
pub use real_time::RealTime;
pub use run::{At, Phase, Progress, StoryRun};
pub use story::Story;
