//! The report card of a receiver: crafted callbacks go to it, and what comes back is judged.
//!
//! `airudder-mock audit` calls this. The checks are data: files under `scenarios/audit/`, to which users add theirs. [`Battery`] is
//! what was read of them; `kit` makes exact requests of a check's steps, `wire` sends them and reads the answers, `player`
//! runs one check after the other and judges, and [`Report`] is what comes of it: as text, page, JUnit, SARIF and JSON.
//! Always: a check ends in one verdict, and a check that can't be judged says why.

mod baseline;
mod battery;
mod calls;
mod craft;
mod expect;
mod form;
mod group;
mod junit;
mod kit;
mod outside;
mod page;
mod player;
mod report;
mod sarif;
mod select;
mod signing;
mod step;
mod text;
mod wire;

pub use baseline::Baseline;
pub use battery::Battery;
pub use group::Group;
pub use kit::Kit;
pub use outside::{Probe, Restart};
pub use player::{Language, Options, Progress, audit};
pub use report::{Report, Threshold};
pub use select::Selection;
pub use text::Printer;
