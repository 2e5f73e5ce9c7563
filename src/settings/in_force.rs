//! The settings in force, as a running mock shows them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{AssumedFile, Settings};
use crate::files::masked;

/// The settings in force.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct InForce {
    /// The settings file, if there is one.
    file: Option<String>,
    /// The content of the file, without secrets. Keys that are missing have their defaults.
    written: Map<String, Value>,
    /// Where callbacks without a URL of their own go, from the command line, the environment or the file.
    callback_url: Option<String>,
    /// Hosts besides this machine that callbacks may go to.
    allowed: Vec<String>,
    /// How callbacks are signed.
    signature: String,
    /// How strictly the mock checks requests: `lenient`, `standard` or `strict`.
    strict: String,
    /// What happens at the first use of something assumed: `serve`, `warn` or `refuse`.
    assumed: String,
    /// The accounts.
    accounts: Vec<AccountInForce>,
    /// The entries of the catalog that the file corrects or adds.
    corrected: Vec<String>,
}

/// An account.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct AccountInForce {
    /// Its name.
    name: String,
    /// The key that identifies the account when a token is requested.
    app_key: String,
    /// The id of the key that signs its chatbot requests.
    sign_key: String,
    /// How strictly the mock checks its requests.
    strict: String,
}

impl InForce {
    /// Creates the view of settings, with the callback URL in force and a description of the signature.
    pub fn of(settings: &Settings, callback_url: Option<String>, signature: String) -> Self {
        let source = settings.source.as_ref();
        // The text was parsed before with its proper type.
        let written = source.and_then(|source| toml::from_str::<Value>(source.text()).ok());
        let written = match written.map(masked) {
            Some(Value::Object(written)) => written,
            _ => Map::new(),
        };
        let accounts = settings.accounts.iter().map(|account| AccountInForce {
            name: account.name.clone(),
            app_key: account.app_key.clone(),
            sign_key: account.sign_key.clone(),
            strict: account.strict.as_str().to_owned(),
        });
        let corrected = settings.catalog.entries().iter().filter(|entry| entry.overridden);
        let assumed = match settings.assumed {
            AssumedFile::Serve => "serve",
            AssumedFile::Warn => "warn",
            AssumedFile::Refuse => "refuse",
        };
        Self {
            file: source.map(|source| source.path().to_string()),
            written,
            callback_url,
            allowed: settings.allow.clone(),
            signature,
            strict: settings.strict.as_str().to_owned(),
            assumed: assumed.to_owned(),
            accounts: accounts.collect(),
            corrected: corrected.map(|entry| entry.id.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shown_without_its_secrets() {
        let settings = Settings::from_text(
            "secret = \"\"\"a s3cret\"\"\"\nstrict = \"strict\"\n\
             [[accounts]]\napp_key = \"K\"\napp_secret = \"s3cret\"\n[catalog.\"session.end\"]\nevent = \"over\"\n",
        );
        let shown = InForce::of(&settings.unwrap(), None, String::new());
        assert!(!format!("{shown:?}").contains("s3cret"), "{shown:?}");
        assert_eq!((shown.written["secret"].as_str(), shown.strict.as_str()), (Some("***"), "strict"));
        assert_eq!(
            (shown.accounts[0].app_key.as_str(), shown.corrected),
            ("K", vec!["session.end".to_owned()])
        );
    }
}
