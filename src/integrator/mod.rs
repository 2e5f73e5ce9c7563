//! The integrator's side of the wire: what a receiver of callbacks does with each, and a sample customer-care desk
//! that answers them with calls.
//!
//! Nothing here has a socket or a clock. The `receive` command and the integrator embedded in `run` feed requests and
//! moments in and carry out what comes back.

mod lines;
mod receiver;
mod sample_agent;
mod sample_customer;

#[cfg(test)]
pub use receiver::BodyError;
pub use receiver::{Counts, Received, Receiver, Verdict};
pub use sample_agent::{Action, SampleAgent};
pub use sample_customer::SampleCustomer;
