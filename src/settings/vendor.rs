//! Converts the settings of the simulated vendor from their written form.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::fmt::strtime;
use jiff::tz::Offset;
use sha2::{Digest, Sha256};

use super::vendor_file::{AccountFile, CallingFile, ChatbotFile, LimitsFile, WorkflowFile};
use crate::content::Country;
use crate::contract::aes::Cipher;
use crate::http::{Budget, Limits};
use crate::journal::KeptLimits;
use crate::language::rate::Frequency;
use crate::recordings::WavFile;
use crate::simulator::calling::{MockOutcome, Rules, magic};
use crate::simulator::{
    Account, AutoFinish, Bot, ChatRules, DEFAULT_APP_KEY, DEFAULT_SIGN_KEY, Rate, RecordingTimes, Retention,
    Strictness, WorkflowRules, with_shipped,
};
use crate::time::HumanDuration;

/// How long no rows may have been uploaded before time jumps to the end of an instance.
const QUIET: Duration = Duration::from_secs(2);

/// Why a text of the vendor's settings is invalid: one line that says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum VendorTextError {
    #[error("`{0}` is not a rate, write for example `100/s`, `600/min` or `1000/h`")]
    Rate(String),
    #[error("`{0}` is not a UTC offset, write for example `+08:00`")]
    UtcOffset(String),
    #[error("`{0}` is not a window, write for example `24h`, or `off`")]
    Window(String),
}

/// Parses a rate such as `100/s`, `600/min` or `1000/h`.
pub(super) fn rate(text: &str) -> Result<Rate, VendorTextError> {
    let wrong = || VendorTextError::Rate(text.to_owned());
    let Frequency { count, per } = text.parse().map_err(|_| wrong())?;
    let is_whole = count.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&count);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a whole u32")]
    is_whole.then_some(Rate { requests: count as u32, per }).ok_or_else(wrong)
}

/// Parses a distance from UTC such as `+08:00`, `-06:00` or `Z`.
pub(super) fn utc_offset(text: &str) -> Result<Offset, VendorTextError> {
    const FARTHEST: i32 = 15 * 3_600;
    if text == "Z" {
        return Ok(Offset::UTC);
    }
    let read = strtime::parse("%:z", text).ok().and_then(|time| time.offset());
    // jiff also accepts historical offsets with seconds.
    read.filter(|offset| text.len() == "+08:00".len() && offset.seconds().abs() < FARTHEST)
        .ok_or_else(|| VendorTextError::UtcOffset(text.to_owned()))
}

/// Returns the accounts. Texts were checked when the file was read; a text that still can't be parsed counts as
/// missing.
///
/// `key_id` is the key of the signature's settings: the first account has it unless it has its own. `strict` applies to
/// accounts that do not set it.
pub(super) fn accounts(files: Vec<AccountFile>, key_id: Option<String>, strict: Strictness) -> Vec<Account> {
    let account = |(at, file): (usize, AccountFile)| {
        let country: Country = file.country.and_then(|text| text.parse().ok()).unwrap_or(Country::Id);
        Account {
            name: file.name.unwrap_or_else(|| (at + 1).to_string()),
            sign_key: file
                .sign_key
                .or(key_id.clone().filter(|_| at == 0))
                .unwrap_or_else(|| sign_key(&file.app_key)),
            sign_secret: file.sign_secret,
            app_key: file.app_key,
            app_secret: file.app_secret,
            country,
            zone: file.utc_offset.and_then(|text| utc_offset(&text).ok()).unwrap_or_else(|| country.offset()),
            cipher: file.encryption_key.and_then(|key| Cipher::new(&key).ok()),
            encryption: file.encryption.unwrap_or_default(),
            encrypt_callbacks: file.encrypt_callbacks,
            rate: file.rate_limit.and_then(|text| rate(&text).ok()),
            strict: file.strict.unwrap_or(strict),
        }
    };
    if files.is_empty() {
        let usual = Account::default();
        return vec![Account { sign_key: key_id.unwrap_or(usual.sign_key.clone()), strict, ..usual }];
    }
    files.into_iter().enumerate().map(account).collect()
}

/// Derives the key of an account without one in the settings.
fn sign_key(app_key: &str) -> String {
    if app_key == DEFAULT_APP_KEY {
        return DEFAULT_SIGN_KEY.to_owned();
    }
    let digest = Sha256::digest(format!("chatbot key of {app_key}"));
    hex::encode(&digest[..16])
}

pub(super) fn calling(file: Option<CallingFile>, recordings: BTreeMap<String, WavFile>) -> Rules {
    let usual = Rules { recordings, ..Rules::default() };
    let Some(file) = file else { return usual };
    let mut mock_outcomes = if file.default_magic.unwrap_or(true) { magic() } else { BTreeMap::new() };
    mock_outcomes.extend(file.magic.iter().filter_map(|(digits, mock_outcome)| {
        Some((digits.parse::<u16>().ok()?, mock_outcome.parse::<MockOutcome>().ok()?))
    }));
    Rules {
        channels: file.channels.unwrap_or(usual.channels),
        lines: file.lines,
        mix: file.mix.map(|mix| mix.weights()).filter(|mix| !mix.is_empty()).unwrap_or(usual.mix),
        magic: mock_outcomes,
        are_robots_declared: file.robots.is_some(),
        robots: file.robots.unwrap_or(usual.robots),
        scripts: file.scripts,
        recordings: usual.recordings,
        recording_times: RecordingTimes {
            lag: file.recording_lag.map_or(usual.recording_times.lag, |lag| lag.0),
            lifetime: file.recording_lifetime.map(|lifetime| lifetime.0),
        },
        strategies: file.strategies.unwrap_or(usual.strategies),
    }
}

/// Parses how long after a user's last message free-form messages may be sent: a length of time, or `off` for always.
pub(super) fn window(text: &str) -> Result<Option<Duration>, VendorTextError> {
    if text == "off" {
        return Ok(None);
    }
    match text.parse() {
        Ok(HumanDuration(window)) => Ok(Some(window)),
        Err(_) => Err(VendorTextError::Window(text.to_owned())),
    }
}

/// Converts a number of units to bytes or pieces.
fn size(given: Option<u32>, unit: usize, usual: usize) -> usize {
    given.and_then(|number| usize::try_from(number).ok()).map_or(usual, |number| number * unit)
}

/// Returns what the bot replies, and the senders of messages.
pub(super) fn bot(file: Option<&ChatbotFile>) -> Bot {
    let Some(file) = file else { return Bot::default() };
    Bot { answers: file.answers.clone(), waba: file.waba.clone(), templates: with_shipped(&file.templates) }
}

pub(super) fn chatbot(file: Option<&ChatbotFile>) -> ChatRules {
    let usual = ChatRules::default();
    let Some(file) = file else { return usual };
    ChatRules {
        window: file.window.as_deref().and_then(|text| window(text).ok()).unwrap_or(usual.window),
        silence: file.silence.map_or(usual.silence, |silence| silence.0),
        upload_bytes: size(file.upload_mb, 1 << 20, usual.upload_bytes),
        uploads_bytes: size(file.uploads_mb, 1 << 20, usual.uploads_bytes),
        uploads: size(file.uploads, 1, usual.uploads),
        codes: file.codes.unwrap_or(usual.codes),
    }
}

pub(super) fn workflow(file: Option<WorkflowFile>) -> WorkflowRules {
    let file = file.unwrap_or_default();
    WorkflowRules {
        auto_finish: file.auto_finish.map(i64::from).and_then(AutoFinish::of).unwrap_or_default(),
        quiet: file.quiet.map_or(QUIET, |quiet| quiet.0),
    }
}

pub(super) fn limits(file: Option<LimitsFile>) -> Limits {
    let usual = Limits::default();
    let Some(file) = file else { return usual };
    let timeout = file.client_timeout.or(file.patience).map(|timeout| timeout.0);
    Limits {
        body: size(file.body_mb, 1 << 20, usual.body),
        usual_body: size(file.request_kb, 1 << 10, usual.usual_body),
        budget: file
            .memory_mb
            .map_or(usual.budget, |megabytes| Budget::new(size(Some(megabytes), 1 << 20, 0))),
        body_deadline: file.body_deadline.map_or(usual.body_deadline, |deadline| deadline.0),
        header_bytes: size(file.header_kb, 1 << 10, usual.header_bytes),
        connections: size(file.connections, 1, usual.connections),
        header_timeout: timeout.unwrap_or(usual.header_timeout),
        body_timeout: timeout.unwrap_or(usual.body_timeout),
        write_timeout: timeout.unwrap_or(usual.write_timeout),
        ..usual
    }
}

pub(super) fn retention(file: Option<&LimitsFile>) -> Retention {
    let usual = Retention::default();
    let Some(file) = file else { return usual };
    Retention {
        keep_for: file.keep_for.map(|keep_for| keep_for.0),
        rows: size(file.kept_rows, 1, usual.rows),
        conversations: size(file.kept_conversations, 1, usual.conversations),
    }
}

pub(super) fn journal(file: Option<&LimitsFile>) -> KeptLimits {
    let usual = KeptLimits::default();
    let Some(file) = file else { return usual };
    KeptLimits {
        entries: size(file.journal_entries, 1, usual.entries),
        bytes: size(file.journal_mb, 1 << 20, usual.bytes),
        age: file.journal_keep_for.map(|age| age.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read() {
        assert_eq!(window("24h"), Ok(Some(Duration::from_secs(86_400))));
        assert_eq!(window("off"), Ok(None));
        let wrong = window("never").unwrap_err().to_string();
        assert_eq!(wrong, "`never` is not a window, write for example `24h`, or `off`");
        let silence = Duration::from_secs(600);
        let file = ChatbotFile {
            window: Some("off".into()),
            silence: Some(HumanDuration(silence)),
            uploads: Some(3),
            ..ChatbotFile::default()
        };
        let usual = ChatRules::default();
        assert_eq!(chatbot(Some(&file)), ChatRules { window: None, silence, uploads: 3, ..usual });
        assert_eq!(chatbot(None), usual);
    }

    #[test]
    fn every_account_has_a_key_of_its_own() {
        let file = |app_key: &str, sign_key: Option<&str>| -> AccountFile {
            let own = sign_key.map(|key| format!("sign_key = '{key}'")).unwrap_or_default();
            toml::from_str(&format!("app_key = '{app_key}'\napp_secret = 's'\n{own}")).unwrap()
        };
        let keys = |files: Vec<AccountFile>, id: Option<&str>| -> Vec<String> {
            let accounts = accounts(files, id.map(str::to_owned), Strictness::default());
            accounts.into_iter().map(|account| account.sign_key).collect()
        };
        assert_eq!(keys(Vec::new(), None), [DEFAULT_SIGN_KEY]);
        assert_eq!(keys(Vec::new(), Some("id")), ["id"]);
        let made = keys(vec![file("a", None), file("b", None), file("c", Some("own"))], None);
        assert!(made[0].len() == 32 && made[0] != made[1] && made[2] == "own", "{made:?}");
        assert_eq!(keys(vec![file("a", None), file("b", None)], Some("id"))[..1], ["id"]);
    }

    #[test]
    fn rates_and_offsets_read() {
        assert_eq!(rate("100/s"), Ok(Rate { requests: 100, per: Duration::from_secs(1) }));
        assert_eq!(rate("2k/d"), Ok(Rate { requests: 2_000, per: Duration::from_secs(86_400) }));
        assert_eq!(rate("6 / min"), Ok(Rate { requests: 6, per: Duration::from_secs(60) }));
        for wrong in ["100", "0/s", "x/s", "1/week", "1.5/s", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(utc_offset("-06:30").unwrap().seconds(), -23_400);
        assert_eq!(utc_offset("Z"), Ok(Offset::UTC));
        for wrong in ["8", "+8:00", "+15:00", "+08:60", "", "é", "+０8:00"] {
            assert!(utc_offset(wrong).is_err(), "{wrong}");
        }
    }
}
