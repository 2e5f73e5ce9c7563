//! The audit of a receiver: sends crafted callbacks and judges the responses.
//!
//! `airudder-mock audit` runs it. The checks are data: files under `scenarios/audit/`, to which users add their own.
//! [`Battery`] holds the checks; `kit` turns the steps of a check into exact requests, `wire` sends them and reads the
//! responses, `player` runs one check after the other and judges, and [`Report`] is the result: as text, page, JUnit, SARIF
//! and JSON. Every check ends in exactly one verdict, and a check that can't be judged says why.

mod baseline;
mod battery;
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
mod requests;
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
