//! Authentication: accounts, their credentials, and their tokens.
//!
//! A token is valid for 24 hours. Requesting a token while one is valid restarts the 24 hours, and the earlier token keeps
//! working (documented; the wording is ambiguous, and here the 24 hours of all valid tokens of the account restart). When the
//! 24 hours are over, all of them become void.
//!
//! The predictive dialer has its own tokens (client): they are obtained with the same credentials by another request, and
//! neither kind is accepted for the other's requests.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;
use rand::RngExt;

use super::rules::strictness::Strictness;
use crate::content::Country;
use crate::contract::Catalog;
use crate::contract::aes::Cipher;
use crate::seed::Seed;
use crate::time::later;

/// Lifetime of a token (documented).
pub const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of tokens that are remembered; the oldest are forgotten. A client that requests a token before every other
/// request reaches it after a while without noticing.
const MOST_TOKENS: usize = 100_000;

/// The credentials of the default account: 22 characters each, as in the vendor's sample.
pub const DEFAULT_APP_KEY: &str = "AIRudderMockKey0000001";
/// The secret that belongs to [`DEFAULT_APP_KEY`].
pub const DEFAULT_APP_SECRET: &str = "AIRudderMockSecret0001";

/// The id of the key that signs the chatbot requests of that account: 32 lower-case hex digits, as in the vendor's example.
pub const DEFAULT_SIGN_KEY: &str = "a17d0de2a17d0de2a17d0de2a17d0de2";

/// Identifies an account within its simulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey(pub(super) u32);

impl AccountKey {
    /// Returns the key of the account at a position in the settings.
    pub fn at(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// Returns the account's position in the settings.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whether requests of an account are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Encrypted requests are refused.
    Off,
    /// Both are accepted; a response is encrypted if its request was.
    #[default]
    Accept,
    /// Plain requests are refused, except the one that fetches a token.
    Require,
}

/// The requests that a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKind {
    /// The calling API, workflows and text messages.
    #[default]
    Cloud,
    /// The predictive dialer.
    Dialer,
}

impl TokenKind {
    const ALL: [Self; 2] = [Self::Cloud, Self::Dialer];

    /// Returns the endpoint that issues such tokens.
    fn endpoint(self) -> &'static str {
        match self {
            Self::Cloud => "auth.token",
            Self::Dialer => "dialer.auth",
        }
    }
}

/// The requests that issue tokens, by kind, for messages: `POST /service/cloud/auth`.
#[derive(Clone, Debug)]
pub struct TokenSources([Arc<str>; TokenKind::ALL.len()]);

impl TokenSources {
    /// Finds the requests in a catalog, whose paths the user may have corrected.
    pub fn of(catalog: &Catalog) -> Self {
        Self(TokenKind::ALL.map(|kind| catalog.place_of(kind.endpoint()).into()))
    }
}

impl Default for TokenSources {
    fn default() -> Self {
        Self::of(Catalog::builtin())
    }
}

/// A rate limit: a maximum number of requests within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Maximum number of requests.
    pub requests: u32,
    /// Length of the period.
    pub per: Duration,
}

/// An account as the settings describe it.
#[derive(Clone)]
pub struct Account {
    /// The display name.
    pub name: String,
    /// Identifies the account in the request for a token.
    pub app_key: String,
    /// Proves the client's right to the account.
    pub app_secret: String,
    /// The id of the key that signs its chatbot requests.
    pub sign_key: String,
    /// The secret of that key, if it differs from the secret of the callbacks.
    pub sign_secret: Option<String>,
    /// The home country of the account. Its customers use the language of this country unless their numbers belong to another
    /// one.
    pub country: Country,
    /// The zone of `ScheduleStartTime` and similar fields. Default: that of the country.
    pub zone: Offset,
    /// The cipher for requests and responses.
    pub cipher: Option<Cipher>,
    /// Whether requests must be encrypted.
    pub encryption: Encryption,
    /// Whether callbacks are encrypted, too (assumed).
    pub encrypt_callbacks: bool,
    /// The rate limit of the account.
    pub rate: Option<Rate>,
    /// How strict the vendor is with the account.
    pub strict: Strictness,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            app_key: DEFAULT_APP_KEY.to_owned(),
            app_secret: DEFAULT_APP_SECRET.to_owned(),
            sign_key: DEFAULT_SIGN_KEY.to_owned(),
            sign_secret: None,
            country: Country::Id,
            zone: Country::Id.offset(),
            cipher: None,
            encryption: Encryption::default(),
            encrypt_callbacks: false,
            rate: None,
            strict: Strictness::default(),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("app_key", &self.app_key)
            .finish_non_exhaustive()
    }
}

/// Why authentication fails. Where a token is needed, it names the request that issues one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The header is missing.
    #[error(
        "the header Authorization is missing: send `Authorization: Token <token>`, with the token of {0}"
    )]
    NoToken(Arc<str>),
    /// The header has another form.
    #[error("the header Authorization must be `Token <token>`{}", if *.bearer { "; the settings refuse `Bearer`" } else { "" })]
    Scheme {
        /// Whether it was `Bearer`, which the settings refuse.
        bearer: bool,
    },
    /// The token was never issued.
    #[error("the token is unknown: fetch one with {0}")]
    Unknown(Arc<str>),
    /// The token is for the requests of another family.
    #[error("the token is not valid for this endpoint: fetch one with {0}")]
    OtherFamily(Arc<str>),
    /// The token was valid once.
    #[error("the token has expired: fetch a new one with {0}")]
    Expired(Arc<str>),
    /// The APPKey is wrong. The message says which of the two credentials is wrong: this is a mock, and there is nothing to
    /// steal.
    #[error("APPKey names no account")]
    AppKey,
    /// The APPSecret is wrong.
    #[error("APPSecret is not the secret of the account `{account}`")]
    AppSecret {
        /// The display name of the account.
        account: String,
    },
}

/// The validity of the tokens of one kind.
#[derive(Clone, Copy, Debug)]
struct Validity {
    /// The current generation. Tokens of earlier generations are void.
    generation: u32,
    /// When the tokens of the current generation expire.
    expires: Timestamp,
}

#[derive(Clone, Debug)]
struct State {
    rules: Account,
    /// By kind of token.
    valid: [Validity; TokenKind::ALL.len()],
    /// The current period of the rate limit: its start, and the number of requests in it.
    window: (Timestamp, u32),
}

/// The accounts and their tokens.
#[derive(Clone, Debug)]
pub struct Access {
    seed: Seed,
    sources: TokenSources,
    accounts: Vec<State>,
    /// Only looked up by key and never iterated, so that its random order has no effect.
    tokens: HashMap<String, (TokenKind, AccountKey, u32)>,
    order: VecDeque<String>,
    issued: u64,
}

impl Access {
    /// Without accounts in the settings there is the default one.
    pub(super) fn new(seed: Seed, mut accounts: Vec<Account>) -> Self {
        if accounts.is_empty() {
            accounts.push(Account::default());
        }
        let none = Validity { generation: 0, expires: Timestamp::MIN };
        let state = |rules| State { rules, valid: [none; TokenKind::ALL.len()], window: (Timestamp::MIN, 0) };
        Self {
            seed,
            sources: TokenSources::default(),
            accounts: accounts.into_iter().map(state).collect(),
            tokens: HashMap::new(),
            order: VecDeque::new(),
            issued: 0,
        }
    }

    /// Sets the requests that issue tokens, for messages.
    #[must_use]
    pub(super) fn issued_by(self, sources: TokenSources) -> Self {
        Self { sources, ..self }
    }

    /// Returns the refusal of a token that has expired.
    pub fn expired(&self, kind: TokenKind) -> Denied {
        Denied::Expired(self.source(kind))
    }

    fn source(&self, kind: TokenKind) -> Arc<str> {
        Arc::clone(&self.sources.0[kind as usize])
    }

    fn state(&self, key: AccountKey) -> &State {
        &self.accounts[key.0 as usize]
    }

    /// Returns the account of a key.
    pub fn account(&self, key: AccountKey) -> &Account {
        &self.state(key).rules
    }

    /// Returns the account with this APPKey.
    pub fn by_app_key(&self, app_key: &str) -> Option<AccountKey> {
        let at = self.accounts.iter().position(|state| state.rules.app_key == app_key)?;
        Some(AccountKey(u32::try_from(at).ok()?))
    }

    /// Iterates over all accounts.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|state| &state.rules)
    }

    /// Issues a token for these credentials.
    ///
    /// # Errors
    ///
    /// If the credentials are wrong.
    pub fn token(
        &mut self,
        kind: TokenKind,
        app_key: &str,
        app_secret: &str,
        now: Timestamp,
    ) -> Result<String, Denied> {
        let key = self.by_app_key(app_key).ok_or(Denied::AppKey)?;
        let state = &mut self.accounts[key.0 as usize];
        if state.rules.app_secret != app_secret {
            return Err(Denied::AppSecret { account: state.rules.name.clone() });
        }
        let valid = &mut state.valid[kind as usize];
        if now >= valid.expires {
            valid.generation += 1;
        }
        valid.expires = later(now, TOKEN_LIFE);
        let generation = valid.generation;
        self.issued += 1;
        // 42 bytes give 56 characters: the vendor's tokens have 52 to 64 (example).
        let bytes: [u8; 42] = self.seed.stream("token", self.issued).random();
        let token = BASE64_STANDARD.encode(bytes);
        if self.order.len() == MOST_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        self.tokens.insert(token.clone(), (kind, key, generation));
        self.order.push_back(token.clone());
        Ok(token)
    }

    /// Returns the account that a header `Authorization` proves. `bearer` says whether `Bearer` is accepted as well as `Token`.
    ///
    /// # Errors
    ///
    /// Returns why authentication fails.
    pub fn check(
        &self,
        kind: TokenKind,
        header: Option<&str>,
        bearer: bool,
        now: Timestamp,
    ) -> Result<AccountKey, Denied> {
        let header = header
            .map(str::trim)
            .filter(|header| !header.is_empty())
            .ok_or_else(|| Denied::NoToken(self.source(kind)))?;
        let (scheme, token) = header.split_once(' ').ok_or(Denied::Scheme { bearer: false })?;
        match scheme {
            _ if scheme.eq_ignore_ascii_case("token") => {}
            _ if scheme.eq_ignore_ascii_case("bearer") && bearer => {}
            _ => return Err(Denied::Scheme { bearer: scheme.eq_ignore_ascii_case("bearer") }),
        }
        let (found, key, generation) =
            *self.tokens.get(token.trim()).ok_or_else(|| Denied::Unknown(self.source(kind)))?;
        if found != kind {
            return Err(Denied::OtherFamily(self.source(kind)));
        }
        let valid = self.state(key).valid[kind as usize];
        if generation == valid.generation && now < valid.expires { Ok(key) } else { Err(self.expired(kind)) }
    }

    /// Whether this token was ever issued, even if it has expired.
    pub fn has_given(&self, token: &str) -> bool {
        self.tokens.contains_key(token)
    }

    /// Returns the accounts, each with the kinds of tokens of which some may be valid, and until when.
    pub(super) fn valid(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (&Account, Vec<(TokenKind, Timestamp)>)> {
        self.accounts.iter().map(move |state| {
            let kinds = TokenKind::ALL.into_iter().zip(&state.valid);
            let valid = kinds.filter(|(_, valid)| now < valid.expires);
            (&state.rules, valid.map(|(kind, valid)| (kind, valid.expires)).collect())
        })
    }

    /// Makes every token of an account expire now, as if 24 hours had passed.
    pub fn expire(&mut self, key: AccountKey) {
        for valid in &mut self.accounts[key.0 as usize].valid {
            valid.expires = Timestamp::MIN;
        }
    }

    /// Makes every token of every account expire now.
    pub fn expire_all(&mut self) {
        for valid in self.accounts.iter_mut().flat_map(|state| &mut state.valid) {
            valid.expires = Timestamp::MIN;
        }
    }

    /// Counts a request of an account against its rate limit.
    ///
    /// # Errors
    ///
    /// Returns the waiting time until the next request, if the account has used up its rate limit.
    pub fn count_request(&mut self, key: AccountKey, now: Timestamp) -> Result<(), Duration> {
        let state = &mut self.accounts[key.0 as usize];
        let Some(rate) = state.rules.rate else { return Ok(()) };
        let ends = later(state.window.0, rate.per);
        if now >= ends {
            state.window = (now, 0);
        }
        if state.window.1 >= rate.requests {
            let wait = later(state.window.0, rate.per).duration_since(now);
            return Err(Duration::try_from(wait).unwrap_or(Duration::ZERO));
        }
        state.window.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: TokenKind = TokenKind::Cloud;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_893_456_000 + hours * 3600).unwrap()
    }

    fn access() -> Access {
        let other = Account {
            name: "other".into(),
            app_key: "K".into(),
            app_secret: "S".into(),
            ..Account::default()
        };
        Access::new(Seed(1), vec![Account::default(), other])
    }

    fn source(kind: TokenKind) -> Arc<str> {
        access().source(kind)
    }

    fn header(token: &str) -> String {
        format!("Token {token}")
    }

    #[test]
    fn a_token_lives_24_hours_and_asking_again_restarts_them() {
        let mut access = access();
        let first = access.token(CLOUD, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, at(0)).unwrap();
        assert_eq!(first.len(), 56);
        let check =
            |access: &Access, token: &str, hours| access.check(CLOUD, Some(&header(token)), true, at(hours));
        assert_eq!(check(&access, &first, 23), Ok(AccountKey(0)));
        assert_eq!(check(&access, &first, 24), Err(Denied::Expired(source(CLOUD))));
        let second = access.token(CLOUD, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, at(20)).unwrap();
        assert_ne!(first, second);
        for token in [&first, &second] {
            assert_eq!(check(&access, token, 43), Ok(AccountKey(0)));
            assert_eq!(check(&access, token, 44), Err(Denied::Expired(source(CLOUD))));
        }
        // An expired token does not become valid again.
        let third = access.token(CLOUD, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, at(50)).unwrap();
        assert_eq!(check(&access, &first, 51), Err(Denied::Expired(source(CLOUD))));
        assert_eq!(check(&access, &third, 51), Ok(AccountKey(0)));
    }

    #[test]
    fn each_family_has_tokens_of_its_own() {
        let mut access = access();
        let cloud = access.token(CLOUD, "K", "S", at(0)).unwrap();
        let dialer = access.token(TokenKind::Dialer, "K", "S", at(20)).unwrap();
        let check = |access: &Access, kind, token: &str, hours| {
            access.check(kind, Some(&header(token)), true, at(hours))
        };
        assert_eq!(check(&access, TokenKind::Dialer, &dialer, 21), Ok(AccountKey(1)));
        for kind in TokenKind::ALL {
            let other = if kind == CLOUD { &dialer } else { &cloud };
            assert_eq!(check(&access, kind, other, 21), Err(Denied::OtherFamily(source(kind))));
        }
        // The two kinds expire separately, and a test control expires both.
        assert_eq!(check(&access, CLOUD, &cloud, 30), Err(Denied::Expired(source(CLOUD))));
        assert_eq!(check(&access, TokenKind::Dialer, &dialer, 30), Ok(AccountKey(1)));
        access.expire_all();
        assert_eq!(
            check(&access, TokenKind::Dialer, &dialer, 30),
            Err(Denied::Expired(source(TokenKind::Dialer)))
        );
    }

    #[test]
    fn accounts_expire_apart() {
        let mut access = access();
        let one = access.token(CLOUD, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, at(0)).unwrap();
        let other = access.token(CLOUD, "K", "S", at(0)).unwrap();
        access.expire(AccountKey(0));
        assert_eq!(
            access.check(CLOUD, Some(&header(&one)), true, at(0)),
            Err(Denied::Expired(source(CLOUD)))
        );
        assert_eq!(access.check(CLOUD, Some(&header(&other)), true, at(0)), Ok(AccountKey(1)));
        access.expire_all();
        assert_eq!(
            access.check(CLOUD, Some(&header(&other)), true, at(0)),
            Err(Denied::Expired(source(CLOUD)))
        );
    }

    #[test]
    fn whoever_is_turned_away_hears_why() {
        let mut access = access();
        let token = access.token(CLOUD, "K", "S", at(0)).unwrap();
        let why = |header: Option<&str>, bearer| match access.check(CLOUD, header, bearer, at(1)) {
            Ok(key) => format!("account {}", key.0),
            Err(denied) => denied.to_string(),
        };
        let bearer = format!("Bearer {token}");
        let lines = [
            why(None, true),
            why(Some(" "), true),
            why(Some(&token), true),
            why(Some("Basic abc"), true),
            why(Some(&bearer), true),
            why(Some(&bearer), false),
            why(Some("Token abc"), true),
            access.token(CLOUD, "nobody", "", at(0)).unwrap_err().to_string(),
            access.token(CLOUD, "K", "wrong", at(0)).unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_rate_counts_within_windows() {
        let rate = Some(Rate { requests: 2, per: Duration::from_secs(10) });
        let mut access = Access::new(Seed(1), vec![Account { rate, ..Account::default() }]);
        let second = |n: i64| Timestamp::from_second(1_893_456_000 + n).unwrap();
        let mut request = |n| access.count_request(AccountKey(0), second(n));
        assert_eq!(request(0), Ok(()));
        assert_eq!(request(3), Ok(()));
        assert_eq!(request(4), Err(Duration::from_secs(6)));
        assert_eq!(request(9), Err(Duration::from_secs(1)));
        assert_eq!(request(10), Ok(()));
    }

    #[test]
    fn the_oldest_tokens_are_forgotten() {
        let mut access = access();
        let first = access.token(CLOUD, "K", "S", at(0)).unwrap();
        for _ in 0..MOST_TOKENS {
            access.token(CLOUD, "K", "S", at(0)).unwrap();
        }
        assert_eq!(
            access.check(CLOUD, Some(&header(&first)), true, at(0)),
            Err(Denied::Unknown(source(CLOUD)))
        );
        assert_eq!(access.tokens.len(), MOST_TOKENS);
    }
}
