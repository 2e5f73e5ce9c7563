//! Finds out why a signature is wrong, by computing signatures over other likely inputs.
//!
//! The received digest is read in every notation and compared with those of other bodies, other secrets and other recipes,
//! first with one change at a time, then with two. A match cannot be chance, so it is stated as a fact. Only if nothing matches
//! is the secret called the likeliest cause.

use subtle::ConstantTimeEq;

use super::compute::Keyed;
use super::guess::{self, Recipe};
use super::notation::{self, Reading};
use super::rewrite::{self, Cause, Rewritten};
use super::signer::Signer;
use super::signing::{Mismatch, Received, Signing};
use crate::files::suggest::nearest;

/// Maximum length of a body whose rewritings are tried, in bytes: each one copies the body.
const REWRITTEN_UP_TO: usize = 1 << 20;

/// Maximum length of a body for which two changes at once are tried, in bytes: this takes some thousand digests.
const TWO_CHANGES_UP_TO: usize = 4 << 10;

/// Maximum number of signatures of one header that are examined.
const LOOKED_INTO: usize = 4;

/// Explains why the received signature is not the expected one.
pub(super) fn explain(
    signer: &Signer,
    received: &Received<'_>,
    signing: &Signing<'_>,
    expected: &str,
) -> Mismatch {
    let scheme = signer.scheme();
    let candidates = signer.candidates(received);
    if candidates.iter().all(|given| given.is_empty()) {
        return Mismatch::new(format!(
            "the header {} is empty: the sender made no signature; check that it has a secret",
            scheme.header
        ));
    }
    let readings: Vec<Reading> =
        candidates.iter().take(LOOKED_INTO).flat_map(|given| notation::readings(given, scheme)).collect();
    let found = search(signer, signing, &readings);
    // How the bytes were produced matters only as long as they may be the cause.
    let bytes_in_doubt = found.as_ref().is_none_or(|found| found.rewritten == Some(Cause::Json));
    let message = match found {
        Some(found) => found.message(),
        None => unexplained(signer, signing, expected, &candidates, &readings),
    };
    let mut hints: Vec<String> = candidates
        .iter()
        .take(LOOKED_INTO)
        .map(|given| format!("received: {}: {}", scheme.header, shown(given)))
        .collect();
    hints.push(format!("expected: {}: {expected}", scheme.header));
    hints.push(format!("scheme: {}; the body received has {} bytes", scheme.describe(), signing.body.len()));
    if signing.body.len() > REWRITTEN_UP_TO {
        hints.push("the body is too long to try its usual rewritings".to_owned());
    } else if bytes_in_doubt && let Some(style) = rewrite::style_of(signing.body) {
        hints.push(format!(
            "the bytes received are exactly {style}: a parser between signer and verifier may have \
            rewritten them"
        ));
    }
    Mismatch { message, hints }
}

/// Reports a required header that is missing. `purpose` continues "it".
pub(super) fn missing(name: &str, purpose: &str, received: &Received<'_>) -> Mismatch {
    let near = nearest(name, received.headers.iter().map(|(other, _)| other));
    let other = received.headers.iter().map(|(other, _)| other).find(|other| {
        let other = other.to_lowercase();
        other.contains("sign") && !other.contains("key")
    });
    let tail = match (near.or(other), received.headers.is_empty()) {
        (Some(other), _) => format!("there is `{}`: is that the right header?", shown(other)),
        (None, true) => "there are no headers at all".to_owned(),
        (None, false) => "check that the sender signs at all, and that no proxy drops the header".to_owned(),
    };
    Mismatch::new(format!("the header {name} is missing; {purpose}; {tail}"))
}

/// Makes a text of unknown origin fit for one line of a terminal.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 200;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push_str("...");
    }
    out
}

/// What the signature turned out to be made from.
#[derive(Default)]
struct Found {
    /// The causes, each a continuation of "the signature".
    causes: Vec<String>,
    /// The advice for each of them.
    advice: Vec<String>,
    /// How the body had been changed, if it was another one.
    rewritten: Option<Cause>,
}

impl Found {
    fn add(&mut self, cause: impl Into<String>, advice: impl Into<String>) {
        self.causes.push(cause.into());
        self.advice.push(advice.into());
    }

    fn message(&self) -> String {
        format!("the signature {}: {}", self.causes.join(", and "), self.advice.join("; "))
    }
}

/// One way in which the signature may have been made. `None` means as the scheme says.
#[derive(Clone, Copy, Default)]
struct Guess<'a> {
    body: Option<&'a Rewritten>,
    path: Option<&'a (String, String)>,
    secret: Option<&'a (String, Vec<u8>)>,
    recipe: Option<&'a Recipe>,
}

fn search(signer: &Signer, signing: &Signing<'_>, readings: &[Reading]) -> Option<Found> {
    if readings.is_empty() {
        return None;
    }
    let scheme = signer.scheme();
    let bodies =
        if signing.body.len() <= REWRITTEN_UP_TO { rewrite::rewritings(signing.body) } else { Vec::new() };
    let paths = guess::paths(scheme, signing.path);
    let secrets = guess::secrets(scheme, signer.secret_text());
    let recipes = guess::recipes(scheme, signing);

    let as_is = Guess::default();
    let bodies = || bodies.iter().map(|body| Guess { body: Some(body), ..as_is });
    let paths = paths.iter().map(|path| Guess { path: Some(path), ..as_is });
    let secrets = || secrets.iter().map(|secret| Guess { secret: Some(secret), ..as_is });
    let recipes = || recipes.iter().map(|recipe| Guess { recipe: Some(recipe), ..as_is });
    let fit = |guess: Guess<'_>| guess.fit(signer, signing, readings);

    let mut one = std::iter::once(as_is).chain(bodies()).chain(paths).chain(secrets()).chain(recipes());
    if let Some(found) = one.find_map(fit) {
        return Some(found);
    }
    if signing.body.len() > TWO_CHANGES_UP_TO {
        return None;
    }
    let with_recipe = recipes().flat_map(|Guess { recipe, .. }| {
        secrets().chain(bodies()).map(move |guess| Guess { recipe, ..guess })
    });
    let with_secret =
        secrets().flat_map(|Guess { secret, .. }| bodies().map(move |guess| Guess { secret, ..guess }));
    with_recipe.chain(with_secret).find_map(fit)
}

impl Guess<'_> {
    fn fit(&self, signer: &Signer, signing: &Signing<'_>, readings: &[Reading]) -> Option<Found> {
        let scheme = signer.scheme();
        let key = self.secret.map_or(signer.key(), |(_, key)| key);
        let (algorithm, parts) =
            self.recipe.map_or((scheme.algorithm, &scheme.parts), |recipe| (recipe.algorithm, &recipe.parts));
        let signing = Signing {
            body: self.body.map_or(signing.body, |body| &body.bytes),
            path: self.path.map_or(signing.path, |(_, path)| path),
            ..*signing
        };
        let digest = Keyed::new(algorithm, key).digest(parts, scheme.timestamp_unit, key, &signing);
        let reading = readings.iter().find(|reading| reading.bytes.ct_eq(digest.as_bytes()).into())?;

        let mut found = Found::default();
        if let Some(body) = self.body {
            found.rewritten = Some(body.cause);
            found.add(
                format!("was made over {}, not over the bytes received", body.name),
                body.cause.advice(),
            );
        }
        if let Some((name, _)) = self.path {
            found.add(
                format!("was made over {name}"),
                "sign path and query exactly as they stand in the request",
            );
        }
        if let Some((name, _)) = self.secret {
            found.add(format!("was made with {name}"), "use the same secret on both sides, byte for byte");
        }
        if let Some(recipe) = self.recipe {
            found.add(
                format!(
                    "is {}, but the scheme here is {} of {}",
                    recipe.name(),
                    scheme.algorithm,
                    scheme.parts_in_words()
                ),
                "change the sender, or set the scheme by preset or by the table [signature]",
            );
        }
        if !reading.oddities.is_empty() {
            let right = if self.recipe.is_none() && found.causes.is_empty() {
                "has the right digest, but "
            } else {
                ""
            };
            found.add(format!("{right}{}", reading.oddities.join(" and ")), notation::advice(scheme));
        }
        Some(found)
    }
}

impl Cause {
    fn advice(self) -> &'static str {
        match self {
            Self::Json => "sign and verify the raw bytes, never a parsed copy",
            Self::Lines => {
                "sign the bytes exactly as they are sent, line ends included; `echo` and editors add a \
                newline"
            }
            Self::Charset => "sign the UTF-8 bytes exactly as they are sent",
            Self::Lost => {
                "the raw body was not available when the signature was made: read it before a parser does"
            }
        }
    }
}

/// Writes the message for the case that no guess matches.
fn unexplained(
    signer: &Signer,
    signing: &Signing<'_>,
    expected: &str,
    candidates: &[&str],
    readings: &[Reading],
) -> String {
    let scheme = signer.scheme();
    let length = scheme.algorithm.digest_len();
    if let Some(given) = candidates.iter().find(|given| given.len() >= 8 && expected.starts_with(**given)) {
        return format!(
            "the signature is cut off after {} of {} characters: send all of it",
            given.len(),
            expected.len()
        );
    }
    if let Some(changed) = candidates.iter().find_map(|given| changed(given, expected)) {
        return changed;
    }
    if readings.is_empty() {
        let given = candidates.iter().find(|given| !given.is_empty()).unwrap_or(&"");
        return format!(
            "`{}` is not a signature: {} of a digest of {length} bytes is expected{}",
            shown(given),
            scheme.encoding.words(),
            notation::looks_like(given),
        );
    }
    if readings.iter().all(|reading| reading.bytes.len() != length) {
        let bytes = readings.first().map_or(0, |reading| reading.bytes.len());
        return format!(
            "the signature is a digest of {bytes} bytes{}, but {} makes {length}: use the same algorithm on both sides",
            notation::algorithms_of(bytes),
            scheme.algorithm
        );
    }
    if signing.body.is_empty() {
        return "the body received is empty, but the signature is of something else: check whether the \
            body was read before or was lost in transit; otherwise the secrets differ"
            .to_owned();
    }
    "the signature matches neither the body received nor any usual rewriting of it: most likely the two \
    sides use different secrets; compare these first, then the bytes of the body"
        .to_owned()
}

/// Describes the changed characters of a signature that is otherwise right. Another secret or body would have changed nearly
/// all of them.
fn changed(given: &str, expected: &str) -> Option<String> {
    const MOST: usize = 3;
    let (given, expected): (Vec<char>, Vec<char>) = (given.chars().collect(), expected.chars().collect());
    if given.len() != expected.len() || given.len() < 8 * MOST {
        return None;
    }
    let differ = |at: &usize| given[*at] != expected[*at];
    let places: Vec<usize> = (0..given.len()).filter(differ).collect();
    let first = *places.first().filter(|_| places.len() <= MOST)?;
    let (what, were) = match places.len() {
        1 => ("one character".to_owned(), "was"),
        more => (format!("{more} characters"), "were"),
    };
    Some(format!(
        "{what} of {} in the signature {were} changed on the way, the first at position {} (`{}` \
        instead of `{}`): secret and body are the same on both sides",
        given.len(),
        first + 1,
        shown(&given[first].to_string()),
        expected[first]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::{Algorithm, DEFAULT_SECRET, Encoding, Part, Preset, Scheme};
    use crate::net::Headers;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"id": 1.0, "text": "a<b> \u00e9/"}"#;

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn signature(scheme: &Scheme, secret: &str, body: &[u8]) -> String {
        let signing = Signing { body, path: "/hook?a=b%20c", now: now(), nonce: "msg_1" };
        Signer::new(scheme.clone(), secret).signature(&signing)
    }

    fn why(scheme: &Scheme, secret: &str, body: &[u8], value: &str) -> Mismatch {
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.push((scheme.header.to_lowercase(), value.to_owned()));
        for (name, value) in [(&scheme.nonce_header, "msg_1"), (&scheme.timestamp_header, "1700000000")] {
            headers.extend(name.iter().map(|name| (name.to_string(), value.to_owned())));
        }
        let received =
            Received { body, path: "/hook?a=b%20c", headers: &Headers::from(&headers[..]), now: now() };
        Signer::new(scheme.clone(), secret).verify(&received).unwrap_err()
    }

    /// Shows every cause that can be named in one snapshot: what was done, and the explanation.
    #[test]
    fn causes() {
        let own = Scheme::default();
        let mut out = String::new();
        let mut say = |what: &str, message: String| out += &format!("{what}\n    {message}\n");

        let over = |body: &[u8]| why(&own, "secret", BODY, &signature(&own, "secret", body)).message;
        say("compact", over("{\"id\":1.0,\"text\":\"a<b> é/\"}".as_bytes()));
        say("node", over("{\"id\":1,\"text\":\"a<b> é/\"}".as_bytes()));
        say("python", over("{\"id\": 1.0, \"text\": \"a<b> \\u00e9/\"}\n".as_bytes()));
        say("go", over("{\"id\":1.0,\"text\":\"a\\u003cb\\u003e é/\"}".as_bytes()));
        say("go encoder", over("{\"id\":1.0,\"text\":\"a\\u003cb\\u003e é/\"}\n".as_bytes()));
        say("php", over("{\"id\":1.0,\"text\":\"a<b> \\u00e9\\/\"}".as_bytes()));
        say("indented", over("{\n  \"id\": 1.0,\n  \"text\": \"a<b> é/\"\n}".as_bytes()));
        say("nothing", over(b""));
        say("object", over(b"[object Object]"));
        say("byte order mark", over(&[b"\xef\xbb\xbf", BODY].concat()));

        let line = why(&own, "secret", b"a\r\nb\r\n", &signature(&own, "secret", b"a\nb\n"));
        say("line ends", line.message);
        say("newline lost", why(&own, "secret", b"{}\n", &signature(&own, "secret", b"{}")).message);

        let with = |secret: &str| why(&own, "secret", BODY, &signature(&own, secret, BODY)).message;
        say("secret with newline", with("secret\n"));
        say("quoted secret", with("\"secret\""));
        say("default secret", with(DEFAULT_SECRET));
        say("another secret", with("other"));

        let by = |scheme: &Scheme| why(&own, "secret", BODY, &signature(scheme, "secret", BODY)).message;
        say("sha1", by(&Scheme { algorithm: Algorithm::HmacSha1, ..own.clone() }));
        say("another preset", by(&Scheme::preset(Preset::Md5BodySecret)));
        say(
            "secret before body",
            by(&Scheme {
                parts: vec![Part::Secret, Part::Body],
                algorithm: Algorithm::Sha256,
                encoding: Encoding::Base64,
                ..own.clone()
            }),
        );
        say("upper case", by(&Scheme { encoding: Encoding::HexUpper, ..own.clone() }));
        say("base64", by(&Scheme { encoding: Encoding::Base64, ..own.clone() }));
        say("prefix", by(&Scheme { prefix: "sha256=".into(), ..own.clone() }));

        let mut two = signature(&own, "secret\n", b"{\"id\":1.0,\"text\":\"a<b> \xc3\xa9/\"}");
        say("two at once", why(&own, "secret", BODY, &two).message);
        two.truncate(20);
        say("cut off", why(&own, "secret", BODY, &signature(&own, "secret", BODY)[..20]).message);
        say("cut off, and wrong", why(&own, "secret", BODY, &two).message);
        let right = signature(&own, "secret", BODY);
        let with_letters = |count: usize| {
            let odd = |(at, c): (usize, char)| match c {
                _ if at % 10 != 5 || at / 10 >= count => c,
                'a' => 'b',
                _ => 'a',
            };
            right.chars().enumerate().map(odd).collect::<String>()
        };
        say("one letter changed", why(&own, "secret", BODY, &with_letters(1)).message);
        say("three letters changed", why(&own, "secret", BODY, &with_letters(3)).message);
        say("four letters changed", why(&own, "secret", BODY, &with_letters(4)).message);
        say("sha512", why(&own, "secret", BODY, &"0a".repeat(64)).message);
        say("no digest", why(&own, "secret", BODY, "Bearer \u{1b}[31m").message);
        say("wrong length", why(&own, "secret", BODY, &"0a".repeat(20)).message);
        say("empty", why(&own, "secret", BODY, "  ").message);
        say("body lost", why(&own, "secret", b"", &signature(&own, "secret", BODY)).message);

        let standard = Scheme::preset(Preset::StandardWebhooks);
        let key = "c2VjcmV0LXNlY3JldA==";
        let plain = Scheme { prefix: "".into(), ..standard.clone() };
        say("prefix missing", why(&standard, key, BODY, &signature(&plain, key, BODY)).message);
        let undecoded =
            Scheme { secret_form: crate::contract::signature::SecretForm::Utf8, ..standard.clone() };
        say("secret not decoded", why(&standard, key, BODY, &signature(&undecoded, key, BODY)).message);
        let short = Scheme { parts: vec![Part::Body], ..standard.clone() };
        say("only the body", why(&standard, key, BODY, &signature(&short, key, BODY)).message);

        let pathed = Scheme { parts: vec![Part::Path, Part::Body], ..own.clone() };
        let bare = Signing { body: BODY, path: "/hook", now: now(), nonce: "" };
        let bare = Signer::new(pathed.clone(), "secret").signature(&bare);
        say("path without query", why(&pathed, "secret", BODY, &bare).message);
        insta::assert_snapshot!(out);
    }

    #[test]
    fn hints_show_both_sides() {
        let own = Scheme::default();
        let mismatch = why(&own, "secret", b"{\"id\":1}", &signature(&own, "other", b"{\"id\":1}"));
        insta::assert_snapshot!(mismatch.hints.join("\n"));
    }

    #[test]
    fn missing_headers() {
        let own = Scheme::default();
        let message = |names: &[&str]| {
            let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
            let received =
                Received { body: b"", path: "/", headers: &Headers::from(&headers[..]), now: now() };
            Signer::new(own.clone(), "s").verify(&received).unwrap_err().message
        };
        let missing = "the header X-AIRudder-Sign is missing; it holds the signature; ";
        assert_eq!(message(&[]), format!("{missing}there are no headers at all"));
        assert_eq!(
            message(&["host"]),
            format!("{missing}check that the sender signs at all, and that no proxy drops the header")
        );
        assert_eq!(
            message(&["host", "x-airuder-sign"]),
            format!("{missing}there is `x-airuder-sign`: is that the right header?")
        );
        assert_eq!(
            message(&["host", "webhook-signature"]),
            format!("{missing}there is `webhook-signature`: is that the right header?")
        );
    }

    #[test]
    fn a_long_body_is_not_rewritten() {
        let own = Scheme::default();
        let body = vec![b' '; REWRITTEN_UP_TO + 1];
        let mismatch = why(&own, "secret", &body, &signature(&own, "other", &body));
        assert!(mismatch.hints.iter().any(|hint| hint.contains("too long")));
        let mismatch = why(&own, "secret", &body, &signature(&own, "secret\n", &body));
        assert!(mismatch.message.contains("newline at its end"), "{}", mismatch.message);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn explaining_never_panics(body: Vec<u8>, value: String, secret: String, path: String) {
            for preset in Preset::ALL {
                let scheme = Scheme::preset(preset);
                let mismatch = why(&scheme, &secret, &body, &value);
                prop_assert!(!mismatch.message.contains('\n'));
            }
            let scheme = Scheme { parts: vec![Part::Path, Part::Body], ..Scheme::default() };
            let headers = [("X-AIRudder-Sign".to_owned(), "0b".repeat(32))];
            let received = Received { body: &body, path: &path, headers: &Headers::from(&headers[..]), now: now() };
            prop_assert!(Signer::new(scheme, &secret).verify(&received).is_err());
        }
    }
}
