//! The integrator's side of the wire: what a receiver of callbacks does with each of them, and a sample customer-care desk
//! that reacts to them with requests.
//!
//! Nothing here has a socket or a clock. The `receive` command and the integrator embedded in `run` pass in requests and
//! moments, and carry out the results.

mod lines;
mod receiver;
mod sample_agent;
mod sample_customer;

#[cfg(test)]
pub use receiver::BodyError;
pub use receiver::{Counts, Received, Receiver, Verdict};
pub use sample_agent::{Action, SampleAgent};
pub use sample_customer::SampleCustomer;
