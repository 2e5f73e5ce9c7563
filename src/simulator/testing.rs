//! A vendor and its clock, for the tests of the departments that call and of workflows.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::access::AccountKey;
use super::calling::RawRows;
use super::request::Upload;
use super::workflow::PushReach;
use super::{Account, Behaviour, Callback, CallbackBody, Refusal, Request, Simulator};
use crate::seed::Seed;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A sent callback: moment, event, body.
pub(super) type Sent = (Timestamp, String, Value);

/// A simulator with two accounts, and its clock.
pub(super) struct Vendor {
    pub(super) simulator: Simulator,
    pub(super) now: Timestamp,
    pub(super) sent: Vec<Sent>,
    /// A check that must hold after every event.
    pub(super) check: Option<fn(&Simulator)>,
    /// The index of the catalog route that requests go to.
    pub(super) route: usize,
}

impl Vendor {
    pub(super) fn new(seed: u64, behaviour: Behaviour, check: fn(&Simulator)) -> Self {
        let other = Account { app_key: "other".into(), app_secret: "secret".into(), ..Account::default() };
        let own = behaviour.accounts.first().cloned().unwrap_or_default();
        let behaviour = Behaviour { accounts: vec![own, other], ..behaviour };
        let now = "2030-01-01T02:00:00Z".parse().unwrap();
        let simulator = Simulator::new(Seed(seed), behaviour);
        Self { simulator, now, sent: Vec::new(), check: Some(check), route: 0 }
    }

    pub(super) fn request_as(
        &mut self,
        account: u32,
        id: &str,
        fields: Value,
    ) -> Result<Value, (i64, String)> {
        self.request_with(account, id, fields, &[])
    }

    pub(super) fn request_with(
        &mut self,
        account: u32,
        id: &str,
        mut fields: Value,
        files: &[Upload],
    ) -> Result<Value, (i64, String)> {
        let rows = ["Details", "details"].into_iter().find_map(|name| {
            let list = fields.get_mut(name).filter(|list| list.is_array())?.take();
            fields.as_object_mut()?.remove(name);
            RawRows::named(name, Bytes::from(list.to_string()))
        });
        let account = AccountKey(account);
        let zone = self.simulator.access().account(account).zone;
        let request = Request {
            id,
            fields: &fields,
            route: self.route,
            is_typed: true,
            rows: rows.as_ref(),
            files,
            account,
            zone,
            now: self.now,
        };
        match self.simulator.handle(&request) {
            Ok(response) => Ok(response.value()),
            Err(Refusal { code, message }) => {
                assert!(!message.is_empty(), "{id} is refused without a word");
                Err((code, message))
            }
        }
    }

    pub(super) fn request(&mut self, id: &str, fields: Value) -> Result<Value, (i64, String)> {
        self.request_as(0, id, fields)
    }

    /// Carries out what is due, and returns the callbacks.
    pub(super) fn advance(&mut self) -> Vec<Callback> {
        let callbacks = self.simulator.advance(self.now);
        for callback in &callbacks {
            let body = match &callback.body {
                CallbackBody::Text(text) => serde_json::from_str(text).unwrap(),
                CallbackBody::Json(body) => body.clone(),
            };
            self.sent.push((self.now, callback.event.to_string(), body));
            if let Some(push) = callback.push {
                self.simulator.push_reached(push, PushReach::Answered);
            }
        }
        if let Some(check) = self.check {
            check(&self.simulator);
        }
        callbacks
    }

    /// Goes to the next event before `until`, if there is one.
    pub(super) fn step(&mut self, until: Timestamp) -> Option<Vec<Callback>> {
        let at = self.simulator.next_wakeup().filter(|at| *at <= until)?;
        self.now = self.now.max(at);
        Some(self.advance())
    }

    /// Lets time pass, event by event.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until).is_some() {}
        self.now = until;
    }

    /// Returns the bodies of an event, in order.
    pub(super) fn sent(&self, event: &str) -> Vec<Value> {
        self.sent.iter().filter(|(_, name, _)| name == event).map(|(.., body)| body.clone()).collect()
    }
}
