//! Field types of the workflow's requests.

use jiff::Timestamp;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::contract::fields::{LocalTime, Whole, parsed, shown};
use crate::simulator::Refusal;
use crate::simulator::e164::PhoneNumber;

/// A moment with its zone, such as `2030-01-31 09:00:00+08:00` (client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("x-form" = "YYYY-MM-DD HH:mm:ss+08:00"))]
pub(super) struct ZonedTime(#[schemars(with = "String")] pub(super) Timestamp);

impl ZonedTime {
    fn read(text: &str) -> Option<Self> {
        Timestamp::strptime("%Y-%m-%d %H:%M:%S%:z", text).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for ZonedTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a time with its zone such as `2030-01-31 09:00:00+08:00`", Self::read)
    }
}

/// A moment with its zone, or in the account's zone without one (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("x-form" = "YYYY-MM-DD HH:mm:ss, with or without +08:00"))]
pub(super) struct Moment(#[schemars(with = "String")] Result<Timestamp, LocalTime>);

impl Moment {
    /// Returns the moment for an account in this zone.
    pub(super) fn in_zone(self, zone: Offset) -> Timestamp {
        self.0.unwrap_or_else(|local| local.in_zone(zone))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| match ZonedTime::read(text) {
            Some(ZonedTime(moment)) => Some(Ok(moment)),
            None => LocalTime::read(text).map(Err),
        };
        parsed(deserializer, "a time such as `2030-01-31 09:00:00+08:00`", read).map(Self)
    }
}

/// Which part of a list a request asks for (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Page {
    /// The page, from 1. Default: 1.
    page: Option<Whole<1, { i64::MAX }>>,
    /// Number of rows per page. Default: 20.
    size: Option<Whole<1, 1_000>>,
}

impl Page {
    /// Returns how many rows to skip, and how many to return.
    pub(super) fn skip_and_take(&self) -> (usize, usize) {
        let size = self.size.map_or(20, Whole::count);
        let page = self.page.map_or(1, Whole::count);
        ((page - 1).saturating_mul(size), size)
    }
}

/// The data of a list (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct List<T> {
    /// The number on all pages.
    pub(super) total: usize,
    /// The rows of this page.
    pub(super) list: Vec<T>,
}

impl<T> List<T> {
    /// Returns a page with all rows.
    pub(super) fn whole(list: Vec<T>) -> Self {
        Self { total: list.len(), list }
    }
}

/// One instance (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OneInstance {
    /// The id of an instance, 32 hex digits.
    pub(super) workflow_id: String,
}

/// The rows that a request names by number, by case, or by both.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowNames<'a> {
    pub(super) number: Option<u64>,
    pub(super) case_id: Option<&'a str>,
}

impl<'a> RowNames<'a> {
    /// Creates it. At least one of the two must be present.
    pub(super) fn new(callee: Option<PhoneNumber>, case_id: Option<&'a String>) -> Result<Self, Refusal> {
        if callee.is_none() && case_id.is_none() {
            let message = "callee is missing: give a number in E.164, or a case_id instead";
            return Err(Refusal::new(400, message));
        }
        Ok(Self { number: callee.map(PhoneNumber::digits), case_id: case_id.map(String::as_str) })
    }

    /// Returns their name for a message.
    pub(super) fn text(self) -> String {
        let number = self.number.map(|number| format!("callee +{number}"));
        let case_id = self.case_id.map(|case_id| format!("case_id {}", shown(&case_id.into())));
        [number, case_id].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// Refuses an id that does not exist.
pub(super) fn unknown(what: &str, id: &str) -> Refusal {
    Refusal::new(404, format!("there is no {what} {}", shown(&id.into())))
}
