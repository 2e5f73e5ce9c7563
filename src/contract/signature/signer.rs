//! Signing: a scheme with its secret.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::compute::{self, Digest, Keyed};
use super::scheme::Scheme;
use super::secret::{Secret, SecretError};
use super::signing::{Received, Signing};

/// A scheme with its secret, which signs and verifies. Cloning is cheap.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    secret: Secret,
    key: Vec<u8>,
    keyed: Keyed,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("scheme", &self.0.scheme).field("secret", &self.0.secret).finish()
    }
}

impl Signer {
    /// Creates a signer for a secret of the user, which may not be in the form that the scheme requires.
    pub fn try_new(scheme: Scheme, secret: &str) -> Result<Self, SecretError> {
        let key = scheme.secret_form.key(secret)?;
        Ok(Self::with_key(scheme, secret, key))
    }

    /// Creates a signer. A secret that is not in the form that the scheme requires is used as UTF-8 text. For a secret from the
    /// user, [`Signer::try_new`] returns an error instead.
    pub fn new(scheme: Scheme, secret: &str) -> Self {
        let key = scheme.secret_form.key(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
        Self::with_key(scheme, secret, key)
    }

    fn with_key(scheme: Scheme, secret: &str, key: Vec<u8>) -> Self {
        let keyed = Keyed::new(scheme.algorithm, &key);
        Self(Arc::new(Inner { scheme, secret: Secret::new(secret), key, keyed }))
    }

    /// Returns a signer by another scheme with the same secret.
    pub fn with_scheme(&self, scheme: Scheme) -> Self {
        Self::new(scheme, self.0.secret.text())
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.0.scheme
    }

    /// Returns the secret's text, for the explanation of a mismatch.
    pub(super) fn secret_text(&self) -> &str {
        self.0.secret.text()
    }

    /// Returns the key derived from the secret.
    pub(super) fn key(&self) -> &[u8] {
        &self.0.key
    }

    fn digest(&self, signing: &Signing<'_>) -> Digest {
        let Inner { scheme, key, keyed, .. } = &*self.0;
        keyed.digest(&scheme.parts, scheme.timestamp_unit, key, signing)
    }

    /// Appends the value of the signature header, prefix included, to a buffer: this signs without allocating.
    pub fn signature_into(&self, signing: &Signing<'_>, out: &mut String) {
        out.push_str(&self.0.scheme.prefix);
        self.digest(signing).write(self.0.scheme.encoding, out);
    }

    /// Returns the value of the signature header, prefix included.
    pub fn signature(&self, signing: &Signing<'_>) -> String {
        let mut out = String::with_capacity(72);
        self.signature_into(signing, &mut out);
        out
    }

    /// Returns the same with another key.
    pub(super) fn signature_with(&self, key: &[u8], signing: &Signing<'_>) -> String {
        let scheme = &self.0.scheme;
        let mut out = scheme.prefix.to_string();
        let keyed = Keyed::new(scheme.algorithm, key);
        keyed.digest(&scheme.parts, scheme.timestamp_unit, key, signing).write(scheme.encoding, &mut out);
        out
    }

    /// Formats a moment as the scheme's timestamp header carries it.
    pub fn timestamp(&self, now: Timestamp) -> String {
        compute::timestamp(now, self.0.scheme.timestamp_unit)
    }

    /// Returns the headers of a callback that carry the signature, with names in their letter case on the wire: nonce and
    /// timestamp, if the scheme has them, then the signature.
    pub fn sign(&self, signing: &Signing<'_>) -> Vec<(Arc<str>, String)> {
        let scheme = &self.0.scheme;
        let mut headers = Vec::with_capacity(3);
        if let Some(name) = &scheme.nonce_header {
            headers.push((name.clone(), signing.nonce.to_owned()));
        }
        if let Some(name) = &scheme.timestamp_header {
            headers.push((name.clone(), self.timestamp(signing.now)));
        }
        headers.push((scheme.header.clone(), self.signature(signing)));
        headers
    }

    /// Returns the headers of a request: those of [`Signer::sign`], after the header that names the key if the scheme has a key
    /// id.
    pub fn sign_request(&self, signing: &Signing<'_>) -> Vec<(Arc<str>, String)> {
        let mut headers = self.sign(signing);
        if let Some(key) = &self.0.scheme.key
            && let Some(id) = &key.id
        {
            headers.insert(0, (key.name.clone(), id.to_string()));
        }
        headers
    }

    /// Returns the received signatures: one for each header of the name, or for each word in them.
    pub(super) fn candidates<'s>(&'s self, received: &'s Received<'_>) -> Vec<&'s str> {
        let values = received.values(&self.0.scheme.header);
        if self.0.scheme.several {
            values.flat_map(str::split_ascii_whitespace).collect()
        } else {
            values.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::{
        Algorithm, Encoding, KeyHeader, Part, Preset, SecretForm, TimestampUnit,
    };
    use crate::net::Headers;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn headers(made: Vec<(Arc<str>, String)>) -> Vec<(String, String)> {
        made.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }

    const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const STANDARD_BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn standard() -> (Signer, Signing<'static>) {
        let signer = Signer::try_new(Scheme::preset(Preset::StandardWebhooks), STANDARD_SECRET).unwrap();
        let (now, nonce) = (at(1_614_265_330), "msg_p5jXN8AQM9LWM0D4loKWxJek");
        (signer, Signing { body: STANDARD_BODY, path: "/", now, nonce })
    }

    #[test]
    fn the_published_vector_of_hmac_sha256() {
        let signer = Signer::new(Scheme::default(), "It's a Secret to Everybody");
        let signing = Signing { body: b"Hello, World!", path: "/", now: at(0), nonce: "" };
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signer.sign(&signing), [("X-AIRudder-Sign".into(), digest.to_owned())]);
    }

    #[test]
    fn the_published_vector_of_standard_webhooks() {
        let (signer, signing) = standard();
        assert_eq!(
            signer.sign(&signing),
            [
                ("webhook-id".into(), "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
                ("webhook-timestamp".into(), "1614265330".to_owned()),
                ("webhook-signature".into(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()),
            ]
        );
    }

    /// The vector of the sibling product: the text of the secret is used as the key.
    #[test]
    fn the_vector_of_call_e() {
        let signer = Signer::try_new(Scheme::preset(Preset::CallE), "whsec_dev").unwrap();
        let body = br#"{"id":"evt_123","type":"call.completed","created_at":"2026-05-31T00:00:00Z","data":{"object":"call","id":"call_123","status":"completed"}}"#;
        let signing = Signing { body, path: "/", now: at(1_780_035_123), nonce: "evt_123" };
        assert_eq!(
            signer.sign(&signing),
            [
                ("CALL-E-Event-Id".into(), "evt_123".to_owned()),
                ("CALL-E-Timestamp".into(), "1780035123".to_owned()),
                (
                    "CALL-E-Signature".into(),
                    "v1=a005f254e788b40203903f85aab0c0788dc0f5773735b0e77a4ab7e232f0e02d".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn one_right_signature_of_several_suffices() {
        let (signer, signing) = standard();
        let verify = |value: &str| {
            let mut headers = headers(signer.sign(&signing));
            headers[2] = ("Webhook-Signature".to_owned(), value.to_owned());
            signer.verify(&Received {
                body: STANDARD_BODY,
                path: "/",
                headers: &Headers::from(&headers[..]),
                now: signing.now,
            })
        };
        let right = signer.signature(&signing);
        assert_eq!(verify(&format!("v1,bm9wZQ== {right} v1a,xyz")), Ok(()));
        assert!(verify("v1,bm9wZQ== v1a,xyz").is_err());
    }

    #[test]
    fn the_age_of_a_timestamp() {
        let (signer, signing) = standard();
        let headers = headers(signer.sign(&signing));
        let verify = |now: Timestamp| {
            signer.verify(&Received {
                body: STANDARD_BODY,
                path: "/",
                headers: &Headers::from(&headers[..]),
                now,
            })
        };
        for second in [0, 300, -300] {
            assert_eq!(verify(at(1_614_265_330 + second)), Ok(()));
        }
        assert_eq!(
            verify(at(1_614_265_330 + 3600)).unwrap_err().message,
            "the signature is right, but its timestamp is 1h old; 5m are allowed: compare the clocks, or \
            sign again at the time of sending"
        );
        assert!(
            verify(at(1_614_265_330 - 301)).unwrap_err().message.contains("5m1s ahead of the clock here")
        );
    }

    #[test]
    fn timestamps_that_are_none() {
        let (signer, signing) = standard();
        for text in ["", "soon", "+1614265330", "01614265330", "1614265330.5", "99999999999999999999"] {
            let mut headers = headers(signer.sign(&signing));
            text.clone_into(&mut headers[1].1);
            let received = Received {
                body: STANDARD_BODY,
                path: "/",
                headers: &Headers::from(&headers[..]),
                now: signing.now,
            };
            let message = signer.verify(&received).unwrap_err().message;
            assert_eq!(
                message,
                format!("webhook-timestamp is `{text}`, which is not a timestamp in Unix seconds")
            );
        }
    }

    #[test]
    fn milliseconds() {
        let scheme = Scheme {
            parts: vec![Part::Timestamp, Part::Body],
            timestamp_header: Some("X-Time".into()),
            timestamp_unit: TimestampUnit::Milliseconds,
            ..Scheme::default()
        };
        let signer = Signer::new(scheme, "s");
        let now = Timestamp::from_millisecond(1_614_265_330_123).unwrap();
        let headers = headers(signer.sign(&Signing { body: b"b", path: "", now, nonce: "" }));
        assert_eq!(headers[0], ("X-Time".to_owned(), "1614265330123".to_owned()));
        assert_eq!(
            signer.verify(&Received {
                body: b"b",
                path: "",
                headers: &Headers::from(&headers[..]),
                now: at(0)
            }),
            Ok(())
        );
    }

    /// The other habits of the vendor, as far as they are known: a signature inside the body.
    #[test]
    fn parts_can_say_what_the_vendor_does_elsewhere() {
        let literal = |text: &str| Part::Literal(text.into());
        let scheme = Scheme {
            algorithm: Algorithm::Md5,
            parts: vec![Part::Secret, literal("+"), Part::Timestamp, literal("+"), literal("v1")],
            encoding: Encoding::Base64Url,
            ..Scheme::default()
        };
        let signing = Signing { body: b"", path: "", now: at(1_700_000_000), nonce: "" };
        // printf '%s' 'key+1700000000+v1' | openssl md5 -binary | base64 | tr '+/' '-_'
        assert_eq!(Signer::new(scheme, "key").signature(&signing), "0CgNpFrrLbDRLPp31CEmzQ==");

        let scheme = Scheme {
            algorithm: Algorithm::Md5,
            parts: vec![literal("69f531a0"), Part::Secret],
            ..Scheme::default()
        };
        // printf '%s' '69f531a0key' | md5sum
        assert_eq!(Signer::new(scheme, "key").signature(&signing), "bc1f01051745933ab5df5ee0b9c8aba5");
    }

    #[test]
    fn requests_name_their_key() {
        let key = KeyHeader { name: "X-AIRudder-Sign-Key".into(), id: Some("k1".into()) };
        let signer = Signer::new(Scheme { key: Some(key), ..Scheme::default() }, "s");
        let signing = Signing { body: b"b", path: "/api/v1/x", now: at(0), nonce: "" };
        let mut headers = headers(signer.sign_request(&signing));
        assert_eq!(headers[0], ("X-AIRudder-Sign-Key".to_owned(), "k1".to_owned()));
        assert_eq!(signer.sign(&signing).len(), 1, "callbacks do not name it");

        let verify = |headers: &[(String, String)]| {
            signer.verify_request(&Received {
                body: b"b",
                path: "/api/v1/x",
                headers: &headers.into(),
                now: at(0),
            })
        };
        assert_eq!(verify(&headers), Ok(()));
        headers[0].1 = "k2".to_owned();
        assert_eq!(
            verify(&headers).unwrap_err().message,
            "X-AIRudder-Sign-Key names the key `k2`, but the key here is `k1`"
        );
        assert_eq!(
            verify(&headers[1..]).unwrap_err().message,
            "the header X-AIRudder-Sign-Key is missing; it names the key, here `k1`"
        );
        let any = Signer::new(Scheme::default(), "s");
        assert_eq!(
            any.verify_request(&Received {
                body: b"b",
                path: "",
                headers: &Headers::from(&headers[..]),
                now: at(0)
            }),
            Ok(()),
            "without a key id any key is taken"
        );
    }

    #[test]
    fn secrets_have_forms() {
        let preset = || Scheme::preset(Preset::StandardWebhooks);
        assert_eq!(Signer::try_new(preset(), "not base64!").unwrap_err(), SecretError::Base64);
        let hex = Scheme { secret_form: SecretForm::Hex, ..Scheme::default() };
        assert_eq!(Signer::try_new(hex.clone(), "xyz").unwrap_err(), SecretError::Hex);
        let signing = Signing { body: b"b", path: "", now: at(0), nonce: "" };
        assert_eq!(
            Signer::try_new(hex, "6b6579").unwrap().signature(&signing),
            Signer::new(Scheme::default(), "key").signature(&signing)
        );
        assert!(!format!("{:?}", Signer::new(Scheme::default(), "hush-hush")).contains("hush"));
    }

    fn schemes() -> impl Strategy<Value = Scheme> {
        let part = prop_oneof![
            Just(Part::Body),
            Just(Part::Secret),
            Just(Part::Timestamp),
            Just(Part::Nonce),
            Just(Part::Path),
            ".{0,3}".prop_map(|text| Part::Literal(text.into())),
        ];
        let algorithm = prop::sample::select(Algorithm::ALL.to_vec());
        let encoding = prop::sample::select(Encoding::ALL.to_vec());
        let unit = prop::sample::select(vec![TimestampUnit::Seconds, TimestampUnit::Milliseconds]);
        let parts = prop::collection::vec(part, 0..5);
        (parts, algorithm, encoding, "[!-~]{0,6}", unit, any::<bool>()).prop_map(
            |(mut parts, algorithm, encoding, prefix, timestamp_unit, several)| {
                parts.push(Part::Body);
                Scheme {
                    parts,
                    algorithm,
                    encoding,
                    prefix: prefix.into(),
                    timestamp_unit,
                    several,
                    timestamp_header: Some("X-Time".into()),
                    nonce_header: Some("X-Nonce".into()),
                    ..Scheme::default()
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_until_a_byte_changes(
            scheme in schemes(),
            secret: String,
            mut body in prop::collection::vec(any::<u8>(), 1..200),
            place: prop::sample::Index,
            flip in 1u8..,
            path in "/[a-z?=]{0,10}",
            nonce in "[a-z0-9]{0,10}",
            second in 0i64..4_000_000_000,
        ) {
            let signer = Signer::new(scheme, &secret);
            let now = at(second);
            let headers = headers(signer.sign(&Signing { body: &body, path: &path, now, nonce: &nonce }));
            prop_assert_eq!(signer.verify(&Received { body: &body, path: &path, headers: &Headers::from(&headers[..]), now }), Ok(()));
            let place = place.index(body.len());
            body[place] ^= flip;
            let after = signer.verify(&Received { body: &body, path: &path, headers: &Headers::from(&headers[..]), now });
            prop_assert!(after.is_err());
        }

        #[test]
        fn signing_into_a_buffer_appends(body: Vec<u8>) {
            let signer = Signer::new(Scheme::default(), "s");
            let signing = Signing { body: &body, path: "", now: at(0), nonce: "" };
            let mut out = "before".to_owned();
            signer.signature_into(&signing, &mut out);
            prop_assert_eq!(out, format!("before{}", signer.signature(&signing)));
        }
    }
}
