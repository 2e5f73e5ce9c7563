//! `sign` and `verify`, run as a user runs them. The signatures are confirmed by ring, which shares no code with them.

use std::io::Write;
use std::process::{Command, Stdio};

use ring::hmac;

const BODY: &str = "{\"id\": 1, \"text\": \"h\u{e9}llo <you>\"}";

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn mock(args: &[&str], body: &[u8]) -> Outcome {
    mock_in(&[], args, body)
}

fn mock_in(environment: &[(&str, &str)], args: &[&str], body: &[u8]) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_airudder-mock"))
        .args(args)
        .env_remove("AIRUDDER_MOCK_SECRET")
        .envs(environment.iter().copied())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A usage error ends the program before it reads.
    let _ = child.stdin.take().expect("standard input is a pipe").write_all(body);
    let output = child.wait_with_output().expect("the program ends");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
    }
}

/// HMAC-SHA256 in lower-case hex.
fn independent(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, body))
}

#[test]
fn sign_prints_the_header_that_an_independent_hmac_confirms() {
    let printed = mock(&["sign", "--secret", "s3cret"], BODY.as_bytes());
    assert_eq!(printed.stdout, format!("X-AIRudder-Sign: {}\n", independent("s3cret", BODY.as_bytes())));
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
}

#[test]
fn any_bytes_are_a_body() {
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let printed = mock(&["sign", "--secret", "", "--value-only"], &body);
    assert_eq!(printed.stdout, format!("{}\n", independent("", &body)));
}

#[test]
fn the_secret_comes_from_flag_environment_or_default() {
    let value = |environment: &[(&str, &str)], args: &[&str]| {
        mock_in(environment, &[&["sign", "--value-only"], args].concat(), b"{}").stdout.trim().to_owned()
    };
    let variable = [("AIRUDDER_MOCK_SECRET", "from the environment")];
    assert_eq!(value(&[], &[]), independent("airudder-mock-secret", b"{}"));
    assert_eq!(value(&variable, &[]), independent("from the environment", b"{}"));
    assert_eq!(value(&variable, &["--secret", "given"]), independent("given", b"{}"));
    assert_eq!(value(&[("AIRUDDER_MOCK_SECRET", "")], &[]), independent("airudder-mock-secret", b"{}"));
}

#[test]
fn standard_webhooks_there_and_back() {
    let body = br#"{"test": 2432232314}"#;
    let scheme = ["--preset", "standard-webhooks", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let message = ["--timestamp", "1614265330", "--nonce", "msg_p5jXN8AQM9LWM0D4loKWxJek"];
    let printed = mock(&[&["sign"], &scheme[..], &message[..]].concat(), body);
    assert_eq!(
        printed.stdout,
        "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\n\
         webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n"
    );
    let json = mock(&[&["sign", "--json"], &scheme[..], &message[..]].concat(), body);
    assert_eq!(
        json.stdout,
        "{\"webhook-id\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"webhook-timestamp\":\"1614265330\",\
         \"webhook-signature\":\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"}\n"
    );

    let mut verify = [&["verify"], &scheme[..]].concat();
    for header in printed.stdout.lines() {
        verify.extend(["-H", header]);
    }
    let then = mock(&[&verify[..], &["--now", "2021-02-25T15:04:00Z"]].concat(), body);
    assert_eq!((then.stdout.as_str(), then.code), ("valid\n", Some(0)));
    let today = mock(&verify, body);
    assert!(
        today.stdout.starts_with("invalid: the signature is right, but its timestamp is "),
        "{}",
        today.stdout
    );
    assert_eq!(today.code, Some(1));
}

#[test]
fn requests_name_their_key() {
    let printed = mock(&["sign", "--key-id", "0123456789abcdef0123456789abcdef"], b"{}");
    let value = independent("airudder-mock-secret", b"{}");
    assert_eq!(
        printed.stdout,
        format!("X-AIRudder-Sign-Key: 0123456789abcdef0123456789abcdef\nX-AIRudder-Sign: {value}\n")
    );
}

#[test]
fn verify_says_valid_or_why_not() {
    let right = independent("s3cret", BODY.as_bytes());
    let verify = |signature: &str, body: &[u8]| {
        mock(&["verify", "--secret", "s3cret", "--signature", signature], body)
    };
    let valid = verify(&right, BODY.as_bytes());
    assert_eq!((valid.stdout.as_str(), valid.code), ("valid\n", Some(0)));

    let compact = independent("s3cret", "{\"id\":1,\"text\":\"h\u{e9}llo <you>\"}".as_bytes());
    for (signature, body, cause) in [
        (compact, BODY.to_owned(), "made over the compact JSON of the body"),
        (right.clone(), format!("{BODY}\n"), "made over the body without the white space at its end"),
        (right.to_uppercase(), BODY.to_owned(), "upper-case hex instead of lower-case hex"),
        (format!("sha256={right}"), BODY.to_owned(), "has the prefix `sha256=`"),
        (independent("s3cret\n", BODY.as_bytes()), BODY.to_owned(), "the secret with a newline at its end"),
        (independent("other", BODY.as_bytes()), BODY.to_owned(), "different secrets"),
    ] {
        let invalid = verify(&signature, body.as_bytes());
        assert!(invalid.stdout.starts_with("invalid: "), "{}", invalid.stdout);
        assert!(invalid.stdout.contains(cause), "{}", invalid.stdout);
        assert_eq!((invalid.code, invalid.stderr.as_str()), (Some(1), ""));
    }
}

#[test]
fn headers_are_taken_in_any_letter_case() {
    let header = format!("x-airudder-SIGN:{}", independent("airudder-mock-secret", b"{}"));
    let valid = mock(&["verify", "--header", "Host: localhost", "--header", &header], b"{}");
    assert_eq!(valid.stdout, "valid\n");
    let missing = mock(&["verify", "--header", "X-AIRudder-Signature: x"], b"{}");
    assert!(
        missing.stdout.contains("there is `X-AIRudder-Signature`: is that the right header?"),
        "{}",
        missing.stdout
    );
    assert_eq!(missing.code, Some(1));
}

#[test]
fn verify_takes_time_and_id_as_sign_does() {
    let scheme = ["--preset", "standard-webhooks", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let moment = ["--timestamp", "2021-02-25T15:03:24Z", "--nonce", "msg_1"];
    let signature = mock(&[&["sign", "--value-only"], &scheme[..], &moment].concat(), b"{}").stdout;
    let given = ["--signature", signature.trim(), "--now", "2021-02-25T15:04:00Z"];
    let valid = mock(&[&["verify"], &scheme[..], &moment, &given].concat(), b"{}");
    assert_eq!((valid.stdout.as_str(), valid.stderr.as_str()), ("valid\n", ""));
    let other = ["--timestamp", "2021-02-25T15:03:24Z", "--nonce", "msg_2"];
    assert_eq!(mock(&[&["verify"], &scheme[..], &other, &given].concat(), b"{}").code, Some(1));
}

#[test]
fn wrong_usage_is_told() {
    for (args, message) in [
        (&["verify"][..], "there is no signature to verify: add `--signature TEXT`"),
        (&["verify", "--signature", "x", "--header", "x-airudder-sign: y"], "the signature is given twice"),
        (&["verify", "--header", "no colon"], "a header is written `Name: value`"),
        (&["verify", "--signature", "x", "--nonce", "1"], "this scheme has no header for a nonce"),
        (
            &[
                "verify",
                "--preset",
                "standard-webhooks",
                "--timestamp",
                "1",
                "--header",
                "Webhook-Timestamp: 1",
            ],
            "the timestamp is given twice: by --timestamp and by the header webhook-timestamp",
        ),
        (&["sign", "--preset", "airuder"], "'airudder'"),
        (&["sign", "--preset", "standard-webhooks", "--secret", "#"], "the secret is not base64"),
        (&["sign", "--path", "http://localhost/"], "does not begin with `/`"),
        (&["sign", "--timestamp", "noon"], "neither Unix seconds nor a time"),
        (&["sign", "--json", "--value-only"], "cannot be used with"),
    ] {
        let outcome = mock(args, b"{}");
        assert!(outcome.stderr.contains(message), "{args:?}: {}", outcome.stderr);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{args:?}");
    }
}

#[test]
fn help_is_a_page() {
    for command in ["sign", "verify"] {
        let help = mock(&[command, "--help"], b"");
        assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
        assert!(help.stdout.contains("standard-webhooks"));
    }
}
