//! The resulting settings, and the merging of their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;

use super::access::AccessRules;
use super::check::{Checked, check_file};
use super::file::{AssumedFile, SettingsFile};
use super::routes::Routes;
use super::{formats, vendor};
use crate::contract::Catalog;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::{DEFAULT_SECRET, SECRET_VARIABLE, SchemeFile};
use crate::delivery::{Policy, PolicyPreset, policy, preset};
use crate::faults::check::text_in;
use crate::faults::{self, FaultFile};
use crate::files::{Diagnostic, Problems, SourceFile};
use crate::http::{Limits, TlsOptions};
use crate::journal::KeptLimits;
use crate::simulator::calling::Rules;
use crate::simulator::dialer;
use crate::simulator::user_endpoints::Declarations;
use crate::simulator::workflow::{self, Template};
use crate::simulator::{
    Account, Behaviour, Bot, ChatRules, Retention, Strictness, TokenSources, WorkflowRules,
};

/// The settings file that is read if it exists.
pub const DEFAULT_FILE: &str = "airudder-mock.toml";

/// The address the mock listens on by default: AIRU on a phone's keypad.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:2478";

/// Where callbacks go and how they are signed: settings given on the command line. They win over all others.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Where all callbacks go, in place of the URLs of scenarios and routes. `{event}` in it becomes the id of the
    /// callback. Default: the URLs in the scenario or the settings. Without any, `run` starts its own sample receiver,
    /// `emit` sends to http://127.0.0.1:2479/, `serve` sends no callbacks, and `load` refuses to start.
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// The secret that signs callbacks. Also read from AIRUDDER_MOCK_SECRET. Default: `airudder-mock-secret`.
    #[arg(long, value_name = "S", value_parser = NonEmptyStringValueParser::new())]
    pub secret: Option<String>,
    /// The address the mock listens on: each command says what it is for.
    #[arg(skip)]
    pub listen: Option<String>,
    /// Allow callbacks to this host as well as to this machine: a name, an address, or a network such as 10.0.0.0/8.
    /// May be given more than once.
    #[arg(long = "allow-target", value_name = "HOST")]
    pub allow: Vec<String>,
    /// Inject a fault, before those of the settings: `--fault 'duplicate of session.end, every 2nd'`. `airudder-mock
    /// catalog --faults` lists all faults. May be given more than once.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
    /// Trust the certificate authorities in this PEM file, besides the system's.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Accept any TLS certificate. Only for tests.
    #[arg(long)]
    pub insecure: bool,
    /// Present the client certificate in this PEM file to receivers that ask for one.
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// The key of the client certificate, in PEM format, if it is not in the same file.
    #[arg(long, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
}

/// The merged settings.
#[derive(Clone)]
pub struct Settings {
    /// The URL of callbacks, if any is given. It has been checked.
    pub callback_url: Option<String>,
    /// The secret of the signature.
    pub secret: String,
    /// The address the mock listens on, `HOST:PORT`, if any is given. Default: [`DEFAULT_LISTEN`].
    pub listen: Option<String>,
    /// What happens at the first use of something that is only assumed.
    pub assumed: AssumedFile,
    /// The signature scheme, as written.
    pub signature: Option<SchemeFile>,
    /// The delivery policy.
    pub policy: Policy,
    /// The callbacks with another URL, secret or delivery.
    pub routes: Routes,
    /// Hosts besides loopback to which callbacks may be sent. Each has been checked.
    pub allow: Vec<String>,
    /// How certificates are checked.
    pub tls: TlsOptions,
    /// The faults, in the order of the file.
    pub faults: Vec<FaultFile>,
    /// The replacements for codes of refusals.
    pub codes: CorrectedCodes,
    /// The catalog with the corrections and declarations of the file.
    pub catalog: Arc<Catalog>,
    /// The user's own endpoints and callbacks.
    pub user_endpoints: Declarations,
    /// The URL of the mock as seen from outside, if it differs from the listening address.
    pub public_url: Option<String>,
    /// Additional values of the header `Host` that the mock accepts.
    pub hosts: Vec<String>,
    /// How clients are authenticated and refused.
    pub access: AccessRules,
    /// How strict the mock is, unless an account says otherwise.
    pub strict: Strictness,
    /// The accounts; at least one.
    pub accounts: Vec<Account>,
    /// How numbers answer, lines dial and strategies proceed.
    pub calling: Arc<Rules>,
    /// The agents of the predictive dialer, and its limits.
    pub dialer: Arc<dialer::Rules>,
    /// How conversations proceed.
    pub chatbot: ChatRules,
    /// What the bot replies, and the senders of messages.
    pub bot: Arc<Bot>,
    /// The workflow templates, oldest first.
    pub workflows: Arc<Vec<Template>>,
    /// How instances of workflows end.
    pub workflow: WorkflowRules,
    /// How many finished objects are kept.
    pub retention: Retention,
    /// How much of the journal is kept.
    pub journal: KeptLimits,
    /// The limits on requests and connections.
    pub limits: Limits,
    /// Maximum number of JSON values of a body besides its rows, if the file sets it.
    pub json_values: Option<usize>,
    /// Notes for the user about a valid file: keys under their old names.
    pub notes: Vec<String>,
    /// The settings file, if there is one.
    pub source: Option<Arc<SourceFile>>,
}

impl Settings {
    /// Returns the behaviour of the simulated vendor. Links lead to this URL; `has_callback_url` says whether callbacks have a
    /// receiver.
    pub fn behaviour(&self, usual_url: &str, has_callback_url: bool) -> Behaviour {
        let url = self.public_url.as_deref().unwrap_or(usual_url);
        Behaviour {
            accounts: self.accounts.clone(),
            token_sources: TokenSources::of(&self.catalog),
            calling: Arc::clone(&self.calling),
            dialer: Arc::clone(&self.dialer),
            chatbot: self.chatbot,
            bot: Arc::clone(&self.bot),
            workflows: Arc::clone(&self.workflows),
            workflow: self.workflow,
            retention: self.retention,
            user_endpoints: self.user_endpoints.clone(),
            doubted: Arc::new(doubted(&self.catalog)),
            corrected: Arc::new(
                self.catalog
                    .requests()
                    .filter_map(|entry| Some((entry.id.clone(), entry.names.clone()?)))
                    .collect(),
            ),
            public_url: url.trim_end_matches('/').into(),
            has_callback_url,
        }
    }
}

impl Settings {
    /// Limits every callback to one attempt.
    pub fn deliver_once(&mut self) {
        self.policy.attempts = 1;
        self.routes.deliver_once();
    }

    /// Returns the names of the faults that affect callbacks.
    pub fn faults_of_callbacks(&self) -> Vec<String> {
        self.faults.iter().filter(|fault| fault.is_of_callbacks()).map(FaultFile::named).collect()
    }
}

impl fmt::Debug for Settings {
    /// Leaves out the secrets, which must not appear in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("callback_url", &self.callback_url).finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        built(without_file(Catalog::builtin()), Flags::default(), Path::new(""))
    }
}

/// The sources of settings besides the flags.
struct Sources<'a> {
    /// The file named by the user.
    config: Option<&'a Path>,
    /// The file that is read if it exists.
    usual: &'a Path,
    /// The environment.
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    catalog: &'a Catalog,
}

impl Settings {
    /// Merges the settings of the file (the named one, or else `airudder-mock.toml` in this folder if there is one), of the
    /// environment (`AIRUDDER_MOCK_CALLBACK_URL`, `AIRUDDER_MOCK_SECRET`, `AIRUDDER_MOCK_LISTEN`) and of the flags, over the
    /// defaults. The error lists every mistake in all of them.
    pub fn load(config: Option<&Path>, flags: Flags) -> Result<Self, Problems> {
        let catalog = Catalog::builtin();
        let variable = |name: &str| std::env::var_os(name);
        merge(&Sources { config, usual: Path::new(DEFAULT_FILE), variable: &variable, catalog }, flags)
    }

    /// Reads the settings of a text, without environment and flags.
    ///
    /// # Errors
    ///
    /// Every mistake in the text.
    pub fn from_text(toml: &str) -> Result<Self, Problems> {
        Self::of_file(&SourceFile::new(DEFAULT_FILE, toml), Flags::default())
    }

    /// Reads the settings of one file under these flags, without the environment.
    ///
    /// # Errors
    ///
    /// Every mistake in the file.
    pub fn of_file(source: &Arc<SourceFile>, flags: Flags) -> Result<Self, Problems> {
        let checked = check_file(source, Catalog::builtin())?;
        Ok(built(checked, flags, Path::new(&**source.path()).parent().unwrap_or(Path::new(""))))
    }
}

fn merge(sources: &Sources<'_>, mut flags: Flags) -> Result<Settings, Problems> {
    let mut problems = Problems::new();
    let path = sources.config.or_else(|| sources.usual.exists().then_some(sources.usual));
    let checked = match path.map(|path| check_file(&SourceFile::read(path)?, sources.catalog)) {
        None => without_file(sources.catalog),
        Some(Ok(read)) => read,
        Some(Err(more)) => {
            problems.extend(more);
            without_file(sources.catalog)
        }
    };
    let mut from_environment = |value: &mut Option<String>, variable: &str, flag: &str, format: &str| {
        let mut origin = flag;
        if value.is_none() {
            origin = variable;
            match (sources.variable)(variable).filter(|value| !value.is_empty()).map(OsString::into_string) {
                Some(Err(_)) => {
                    problems.push(Diagnostic::general(format!(
                        "the environment variable {variable} is not UTF-8"
                    )));
                }
                given => *value = given.and_then(Result::ok),
            }
        }
        problems.extend(value.as_ref().and_then(|value| wrong(sources.catalog, origin, format, value)));
    };
    from_environment(&mut flags.callback_url, "AIRUDDER_MOCK_CALLBACK_URL", "--callback-url", "callback-url");
    from_environment(&mut flags.secret, SECRET_VARIABLE, "--secret", "");
    from_environment(&mut flags.listen, "AIRUDDER_MOCK_LISTEN", "--listen", "address");
    for host in &flags.allow {
        problems.extend(wrong(sources.catalog, "--allow-target", "host", host));
    }
    // A path in the file is relative to the file's folder, one on the command line to the current folder.
    let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut faults = Vec::new();
    for text in &flags.faults {
        match text_in(text, &checked.catalog) {
            Ok(fault) => faults.push(fault),
            Err(message) => problems.push(Diagnostic::general(format!("--fault: {message}"))),
        }
    }
    let mut settings = built(checked, flags, folder);
    settings.faults.splice(0..0, faults);
    let accounts: Vec<&str> = settings.accounts.iter().map(|account| account.name.as_str()).collect();
    let workflows: Vec<i64> = settings.workflows.iter().map(Template::id).collect();
    let strangers =
        settings.faults.iter().filter_map(|fault| faults::strangers(fault, &accounts, &workflows));
    let strangers: Vec<String> = strangers.collect();
    settings.notes.extend(strangers);
    problems.into_result(settings)
}

/// Builds the settings from a file without mistakes and from the sources that win over it. Paths in the file are relative to
/// `folder`.
fn built(checked: Checked, given: Flags, folder: &Path) -> Settings {
    let Checked { source, file, catalog, user_endpoints, recordings, notes } = checked;
    let target = file.target.unwrap_or_default();
    let usual = preset(PolicyPreset::default());
    let policy_of_all = file.delivery.map_or(usual.clone(), |delivery| policy(&usual, &delivery));
    let strict = file.strict.unwrap_or_default();
    let key_id = file.signature.as_ref().and_then(|own| own.key_id.clone());
    let accounts = vendor::accounts(file.accounts, key_id, strict);
    let workflows = workflow::templates(&file.workflow_templates);
    let routes = Routes::new(source.as_ref(), &file.routes, &accounts, &workflows, &policy_of_all);
    Settings {
        callback_url: given.callback_url.or(file.callback_url),
        secret: given.secret.or(file.secret).unwrap_or_else(|| DEFAULT_SECRET.to_owned()),
        listen: given.listen.or(file.listen).map(|listen| formats::full_address(&listen)),
        assumed: file.assumed.unwrap_or_default(),
        accounts,
        strict,
        signature: file.signature,
        policy: policy_of_all,
        routes,
        allow: [target.allow, given.allow].concat(),
        tls: TlsOptions {
            ca: given.ca.or(target.ca.map(|ca| folder.join(ca))),
            insecure: given.insecure || target.insecure,
            // A certificate and its key belong together: those of the command line replace both of the file.
            client_key: match &given.client_cert {
                Some(_) => given.client_key,
                None => given.client_key.or(target.client_key.map(|key| folder.join(key))),
            },
            client_cert: given.client_cert.or(target.client_cert.map(|cert| folder.join(cert))),
        },
        faults: file.faults,
        codes: CorrectedCodes::new(file.codes.into_iter().map(|(scope, codes)| (scope, codes.0)).collect()),
        catalog: Arc::new(catalog),
        user_endpoints,
        public_url: file.public_url,
        hosts: file.hosts,
        access: file.access.unwrap_or_default(),
        calling: Arc::new(vendor::calling(file.calling, recordings)),
        dialer: Arc::new(file.dialer.unwrap_or_default()),
        bot: Arc::new(vendor::bot(file.chatbot.as_ref())),
        chatbot: vendor::chatbot(file.chatbot.as_ref()),
        workflows: Arc::new(workflows),
        workflow: vendor::workflow(file.workflow),
        json_values: file.limits.as_ref().and_then(|limits| usize::try_from(limits.json_values?).ok()),
        retention: vendor::retention(file.limits.as_ref()),
        journal: vendor::journal(file.limits.as_ref()),
        limits: vendor::limits(file.limits),
        notes,
        source,
    }
}

/// Returns the requests whose fields count as assumed: those that the user does not vouch for, and that are not assumed as a
/// whole.
fn doubted(catalog: &Catalog) -> BTreeSet<String> {
    catalog.requests().filter(|entry| entry.doubts_fields()).map(|entry| entry.id.clone()).collect()
}

/// Returns the settings that apply without a file.
fn without_file(catalog: &Catalog) -> Checked {
    Checked {
        source: None,
        file: SettingsFile::default(),
        catalog: catalog.clone(),
        user_endpoints: Declarations::default(),
        recordings: BTreeMap::new(),
        notes: Vec::new(),
    }
}

/// Checks a setting from outside of files, and returns its mistake.
fn wrong(catalog: &Catalog, origin: &str, format: &str, value: &str) -> Option<Diagnostic> {
    let mistake = formats::check(catalog, format, value).err()?;
    Some(Diagnostic::general(format!("{origin}: {}", mistake.message)).maybe_help(mistake.help))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
callback_url = "http://file.test/hook"
secret = "from the file"
assumed = "refuse"

[delivery]
preset = "once"
timeout = "3s"

[[faults]]
call = "task.*"
status = 503

[target]
allow = ["file.test"]
ca = "ca.pem"

[catalog."session.end"]
event = "session.closed"
"#;

    fn merged(
        file: Option<&str>,
        environment: &[(&str, &str)],
        flags: Flags,
    ) -> (PathBuf, Result<Settings, Problems>) {
        let folder = tempfile::tempdir().unwrap();
        let usual = folder.path().join("airudder-mock.toml");
        if let Some(text) = file {
            std::fs::write(&usual, text).unwrap();
        }
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let catalog = Catalog::builtin();
        let sources = Sources { config: None, usual: &usual, variable: &variable, catalog };
        (folder.path().to_owned(), merge(&sources, flags))
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        let settings = merged(None, &[("AIRUDDER_MOCK_SECRET", "")], Flags::default()).1.unwrap();
        assert_eq!(settings.callback_url, None);
        assert_eq!(settings.secret, DEFAULT_SECRET);
        assert_eq!(settings.listen, None);
        assert_eq!(settings.assumed, AssumedFile::Warn);
        assert_eq!(settings.policy, preset(PolicyPreset::Airudder));
    }

    #[test]
    fn the_file_wins_over_the_defaults() {
        let (folder, settings) = merged(Some(FILE), &[], Flags::default());
        let settings = settings.unwrap();
        assert_eq!(settings.callback_url.as_deref(), Some("http://file.test/hook"));
        assert_eq!(settings.secret, "from the file");
        assert_eq!(settings.assumed, AssumedFile::Refuse);
        assert_eq!((settings.policy.attempts, settings.policy.timeout.as_secs()), (1, 3));
        assert_eq!(settings.tls.ca, Some(folder.join("ca.pem")));
        assert_eq!(settings.catalog.get("session.end").unwrap().event.as_deref(), Some("session.closed"));
        assert_eq!((settings.faults[0].pattern(), settings.faults[0].status), ("task.*", Some(503)));
        assert!(!format!("{settings:?}").contains("from the file"));
    }

    #[test]
    fn environment_and_flags_win_over_the_file() {
        let environment = [("AIRUDDER_MOCK_SECRET", "env"), ("AIRUDDER_MOCK_LISTEN", ":0")];
        let flags = Flags {
            callback_url: Some("http://flag.test/".into()),
            allow: vec!["flag.test".into()],
            ..Flags::default()
        };
        let settings = merged(Some(FILE), &environment, flags.clone()).1.unwrap();
        assert_eq!(settings.callback_url.as_deref(), Some("http://flag.test/"));
        assert_eq!(settings.secret, "env");
        assert_eq!(settings.listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings.allow, ["file.test", "flag.test"]);
        let flags = Flags { secret: Some("flag".into()), ..flags };
        let settings = merged(Some(FILE), &environment, flags).1.unwrap();
        assert_eq!(settings.secret, "flag");
    }

    #[test]
    fn mistakes_outside_of_files_name_their_origin() {
        let environment = [("AIRUDDER_MOCK_LISTEN", "2478")];
        let flags = Flags { callback_url: Some("localhost:3000".into()), ..Flags::default() };
        let problems = merged(None, &environment, flags).1.unwrap_err();
        insta::assert_snapshot!(problems.to_string());
    }

    #[test]
    fn a_named_file_must_be_there() {
        let catalog = Catalog::builtin();
        let sources = Sources {
            config: Some(Path::new("nowhere.toml")),
            usual: Path::new(""),
            variable: &|_| None,
            catalog,
        };
        let problems = merge(&sources, Flags::default()).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "error: can't read `nowhere.toml`: there is no such file\n\n1 problem"
        );
    }
}
