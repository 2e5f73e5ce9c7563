//! The content of simulated people and their texts: countries, names, numbers, phrases, small conversations.
//!
//! The simulator draws from it, and so do templates in files. Everything is drawn from a stream that the caller passes in,
//! so that the same seed gives the same people. Nothing here knows endpoints or callbacks.

pub(crate) mod asks;
mod country;
pub mod dialogue;
pub mod facts;
mod gender;
mod market;
mod person;
mod phone;
pub mod phrases;
mod placeholders;
pub(crate) mod texts;
pub mod voice;

pub use country::Country;
pub use gender::Gender;
pub(crate) use market::market;
pub use person::Person;
pub use phone::phone;
pub use texts::closest_locale;
