//! The single list of what exists: every call and callback of the vendor.

use serde::{Deserialize, Serialize};

use super::Mark;

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The integrator calls the vendor.
    Call,
    /// The vendor calls the integrator.
    Callback,
}

/// Families of endpoints that share authentication and envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `/service/cloud/*`: calling.
    Cloud,
    /// `/service/cloud/workflow/*`.
    Workflow,
    /// `/api/v1/*`: chatbot.
    Chatbot,
    /// `/service/callcenter/call/predict/*`: predictive dialer.
    Dialer,
    /// `/service/sms/*`.
    Sms,
    /// `/service/cloud/emptycheck`: number detection.
    Detection,
}

/// One method and path under which a call is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The HTTP method, upper case.
    pub method: String,
    /// The path, beginning with `/`; a segment in braces such as `{name}` matches anything.
    pub path: String,
    /// Where the path comes from.
    pub mark: Mark,
}

/// One call or callback.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The catalog id, for example `session.transfer`.
    pub id: String,
    /// The vendor's titles of it, as its menu prints them.
    pub titles: Vec<String>,
    /// The group it is listed under.
    pub group: String,
    /// Who calls whom.
    pub direction: Direction,
    /// Which authentication and envelope it has.
    pub family: Family,
    /// Of a call: where it is served; the first is the main one.
    pub routes: Vec<Route>,
    /// Of a callback: the event's name on the wire, if its body names it.
    pub event: Option<String>,
    /// Of a callback: whether it carries the signature.
    pub signed: bool,
    /// Where its path (calls) or body (callbacks) comes from.
    pub mark: Mark,
    /// One line of help.
    pub help: String,
    /// Of a callback: headers set or, with an empty value, removed by the user's settings.
    pub headers: Vec<(String, String)>,
    /// Of a callback: the body template of the user's settings.
    pub body: Option<String>,
    /// Whether the user's settings changed it.
    pub overridden: bool,
}

/// The list.
#[derive(Clone, Debug)]
pub struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    /// Every entry, in the order of the list.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}
