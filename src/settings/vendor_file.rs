//! The settings of the simulated vendor as written: accounts, numbers, lines, robots, strategies, limits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::simulator::calling::{Outcome, Robot, Script, Strategy};
use crate::simulator::{BotAnswer, ChatCodes, Encryption, MessageTemplate, Strictness, WabaAccount};
use crate::time::HumanDuration;

/// An account. If none is given, there is one with the credentials that `serve` prints.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an account"))]
pub struct AccountFile {
    /// Its name in messages. Default: its number.
    pub name: Option<String>,
    /// The APPKey, 22 characters with the vendor.
    #[schemars(length(min = 1))]
    pub app_key: String,
    /// The APPSecret, 22 characters with the vendor.
    #[schemars(length(min = 1))]
    pub app_secret: String,
    /// The id of the key that signs the account's chatbot requests, as in `X-AIRudder-Sign-Key`: 32 lower-case hex
    /// digits with the vendor. Default: derived from the APPKey; `serve` prints it.
    #[schemars(length(min = 1))]
    pub sign_key: Option<String>,
    /// The secret of that key, which also signs the account's callbacks. Default: the signing secret.
    #[schemars(length(min = 1))]
    pub sign_secret: Option<String>,
    /// The country of the account: its time zone, and the language of people whose numbers show no country. Default:
    /// `ID`.
    #[schemars(extend("format" = "country"))]
    pub country: Option<String>,
    /// The time zone of `ScheduleStartTime` and similar fields, for example `+08:00`. Default: that of the country.
    #[schemars(extend("format" = "utc-offset"))]
    pub utc_offset: Option<String>,
    /// The key that encrypts requests and responses: 16, 24 or 32 bytes.
    #[schemars(extend("format" = "aes-key"))]
    pub encryption_key: Option<String>,
    /// Whether requests may be encrypted: `off`, `accept` (the default), `require`.
    pub encryption: Option<Encryption>,
    /// Whether callbacks are encrypted with the same scheme, which is assumed. Default: false.
    #[serde(default)]
    pub encrypt_callbacks: bool,
    /// How many requests the account may send, for example `100/s`, `600/min`, `1000/h`. Default: any number.
    #[schemars(extend("format" = "rate-limit"))]
    pub rate_limit: Option<String>,
    /// How strictly the mock checks requests of the account: `lenient`, `standard` or `strict`. Default: `strict` at
    /// the top level.
    pub strict: Option<Strictness>,
}

/// How simulated numbers answer, lines dial and strategies continue. All of it is assumed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallingFile {
    /// Maximum number of calls that a line makes at a time. Default: 50.
    #[schemars(range(min = 1, max = 100_000))]
    pub channels: Option<u32>,
    /// The same for individual lines, by the name in `SIPLine`.
    #[serde(default)]
    pub lines: BTreeMap<String, u32>,
    /// How often each outcome occurs, relative to the others: `{ talked = 60, busy = 40 }`. Outcomes that are not
    /// listed do not occur.
    pub mix: Option<MixFile>,
    /// The last four digits of a number and the outcome they select: `"1234" = "busy"`. `airudder-mock catalog --magic`
    /// lists the built-in ones and all outcomes.
    #[serde(default)]
    #[schemars(extend("x-keys" = "four-digits", "x-values" = "mock-outcome"))]
    pub magic: BTreeMap<String, String>,
    /// Whether the built-in magic numbers apply, where the last four digits of a number, from `9001` on, select its
    /// outcome. Set it to false if your own numbers end in such digits. `magic` applies in any case. Default: true.
    pub default_magic: Option<bool>,
    /// The robots, in place of the three built-in ones.
    pub robots: Option<Vec<Robot>>,
    /// What robots say, by the names that robots refer to. Default: none; robots use the built-in texts of their
    /// business line.
    #[serde(default)]
    #[schemars(extend("x-keys" = "script-name"))]
    pub scripts: BTreeMap<String, Script>,
    /// The strategies of plans, in place of the three built-in ones.
    pub strategies: Option<Vec<Strategy>>,
    /// How long after its call a recording is available, including those of the dialer. Its link is known earlier.
    /// Default: `2s`.
    pub recording_lag: Option<HumanDuration>,
    /// How long a link to a recording works, from the end of the call on: `24h`. Default: forever.
    pub recording_lifetime: Option<HumanDuration>,
}

/// How often each outcome occurs, relative to the others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-noun" = "the mix"))]
pub struct MixFile {
    /// A person answers and talks.
    #[schemars(range(max = 1_000_000))]
    pub talked: u32,
    /// A person answers and hangs up at once.
    #[schemars(range(max = 1_000_000))]
    pub hung_up: u32,
    /// A machine answers.
    #[schemars(range(max = 1_000_000))]
    pub voicemail: u32,
    /// It rings, and nobody answers.
    #[schemars(range(max = 1_000_000))]
    pub no_answer: u32,
    /// The line is busy.
    #[schemars(range(max = 1_000_000))]
    pub busy: u32,
    /// The phone is switched off.
    #[schemars(range(max = 1_000_000))]
    pub switched_off: u32,
    /// The phone is out of reach.
    #[schemars(range(max = 1_000_000))]
    pub out_of_area: u32,
    /// There is no such number.
    #[schemars(range(max = 1_000_000))]
    pub invalid_number: u32,
    /// The person does not want to be called.
    #[schemars(range(max = 1_000_000))]
    pub do_not_call: u32,
}

impl MixFile {
    /// Returns the weights that are not 0.
    pub(super) fn weights(&self) -> Vec<(Outcome, u32)> {
        let all = [
            (Outcome::Talked, self.talked),
            (Outcome::HungUp, self.hung_up),
            (Outcome::Voicemail, self.voicemail),
            (Outcome::NoAnswer, self.no_answer),
            (Outcome::Busy, self.busy),
            (Outcome::SwitchedOff, self.switched_off),
            (Outcome::OutOfArea, self.out_of_area),
            (Outcome::InvalidNumber, self.invalid_number),
            (Outcome::DoNotCall, self.do_not_call),
        ];
        all.into_iter().filter(|(_, weight)| *weight > 0).collect()
    }
}

/// How conversations continue, and how much of them is kept. All of it is assumed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatbotFile {
    /// How long after the user's last message free-form messages may be sent, for example `24h` (the default), or `off`
    /// for always. Template messages may always be sent.
    #[schemars(extend("format" = "window"))]
    pub window: Option<String>,
    /// A conversation without any message for this long ends by itself, for example `30m` (assumed). Default: 24h.
    pub silence: Option<HumanDuration>,
    /// Maximum size of an uploaded file, in megabytes of 1,048,576 bytes. Default: 16.
    #[schemars(range(min = 1, max = 2_048))]
    pub upload_mb: Option<u32>,
    /// Maximum size of all uploaded files that are kept, in megabytes; the oldest are removed first. Default: 64.
    #[schemars(range(min = 1, max = 65_536))]
    pub uploads_mb: Option<u32>,
    /// Maximum number of uploaded files that are kept; the oldest are removed first. Default: 1000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub uploads: Option<u32>,
    /// Answers of the bot in your own channels, in addition to the built-in ones. The first one that matches is used.
    #[serde(default)]
    pub answers: Vec<BotAnswer>,
    /// The WhatsApp business accounts that messages are sent from, in place of the two built-in ones.
    #[serde(default)]
    pub waba: Vec<WabaAccount>,
    /// Your own message templates, besides the built-in ones.
    #[serde(default)]
    pub templates: Vec<MessageTemplate>,
    /// The codes of error responses, if you know the vendor's: `codes = { not_asked = 4021 }`.
    pub codes: Option<ChatCodes>,
}

/// How instances of workflows end by themselves. All of it is assumed.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowFile {
    /// `auto_finish` of instances whose request does not give it: 0 never, 1 as soon as every row is finished, 2 if
    /// none has been added for five minutes after that. Default: 2.
    #[schemars(range(max = 2))]
    pub auto_finish: Option<u32>,
    /// With `--speed max`, where five minutes pass at once: for how long, in real time, no rows may have been uploaded
    /// before an instance ends by itself. Default: `2s`.
    pub quiet: Option<HumanDuration>,
}

/// Limits of the mock.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Maximum size of a body with rows, numbers or files, in megabytes of 1,048,576 bytes. Default: 64.
    #[schemars(range(min = 1, max = 2_048))]
    pub body_mb: Option<u32>,
    /// Maximum size of the body of all other requests, in kilobytes. Default: 1024.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub request_kb: Option<u32>,
    /// Maximum number of JSON values in a body besides its rows; fields of forms count as well. Default: 200,000.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub json_values: Option<u32>,
    /// Maximum memory of all connections together, for bodies being received and responses not yet taken by their
    /// clients, in megabytes. Beyond it requests are answered with 503 and Retry-After; an eighth of it is reserved for
    /// small ones. Default: 512.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory_mb: Option<u32>,
    /// Maximum size of a request line and its headers, in kilobytes. Default: 64.
    #[schemars(range(min = 1, max = 1_024))]
    pub header_kb: Option<u32>,
    /// Maximum number of connections at a time. A further one replaces the one that has waited longest for its client.
    /// Default: 1024.
    #[schemars(range(min = 1, max = 100_000))]
    pub connections: Option<u32>,
    /// How long a client may take to send a request line and headers, how long it may send nothing of a body, and how
    /// long it may read nothing of a response. Default: 30 s.
    pub client_timeout: Option<HumanDuration>,
    /// How long a whole body may take. A body slower than 1,024 bytes a second after its first `client_timeout` is
    /// refused earlier. Default: 5 min.
    pub body_deadline: Option<HumanDuration>,
    /// How long finished tasks, plans, workflows, campaigns and conversations can still be queried, in the mock's time.
    /// Afterwards their ids are answered with 404 and an explanation. Default: no limit by age.
    pub keep_for: Option<HumanDuration>,
    /// Maximum number of rows kept of finished tasks, plans, dialer tasks, workflows and campaigns, for each kind;
    /// those that finished first are removed first. Default: 1,000,000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub kept_rows: Option<u32>,
    /// Maximum number of ended conversations that are kept; those without messages for longest are removed first.
    /// Default: 250,000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub kept_conversations: Option<u32>,
    /// Maximum number of entries kept in the journal; the oldest are removed first. Default: 10,000.
    #[schemars(range(max = 10_000_000))]
    pub journal_entries: Option<u32>,
    /// Approximate maximum size of the journal, in megabytes; the oldest entries are removed first. Default: 64.
    #[schemars(range(max = 65_536))]
    pub journal_mb: Option<u32>,
    /// How long entries of the journal are kept, in the mock's time. Default: no limit by age.
    pub journal_keep_for: Option<HumanDuration>,
    /// The old name of `client_timeout`, which is still accepted.
    #[schemars(extend("deprecated" = true))]
    pub patience: Option<HumanDuration>,
}
