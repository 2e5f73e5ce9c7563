use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn decode(request: &HttpRequest) -> Result<Fields, DecodeError> {
    super::decode(request, Family::Cloud)
}

fn request(
    method: &str,
    query: Option<&str>,
    content_type: Option<&str>,
    body: impl AsRef<[u8]>,
) -> HttpRequest {
    HttpRequest {
        method: method.to_owned().into(),
        path: "/".to_owned(),
        query: query.map(str::to_owned),
        headers: content_type.map(|value| ("content-type", value)).into_iter().collect(),
        body: Bytes::copy_from_slice(body.as_ref()),
        ..HttpRequest::default()
    }
}

/// Returns all fields, including the rows.
fn whole(fields: Fields) -> Value {
    let mut all = fields.fields;
    if let Some(rows) = fields.rows {
        all[rows.name()] = rows.value();
    }
    all
}

fn post(content_type: Option<&str>, body: impl AsRef<[u8]>) -> Result<Value, String> {
    decode(&request("POST", None, content_type, body)).map(whole).map_err(|error| error.to_string())
}

fn query(query: &str) -> Value {
    whole(decode(&request("GET", Some(query), None, "")).unwrap())
}

const JSON: Option<&str> = Some("application/json; charset=utf-8");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

#[test]
fn numbers_can_be_told_from_texts_in_json_alone() {
    let is_typed = |query, content_type, body: &str| {
        decode(&request("POST", query, content_type, body)).unwrap().is_typed
    };
    assert!(is_typed(None, JSON, r#"{"n":"1"}"#) && is_typed(None, FORM, r#"{"n":"1"}"#));
    assert!(!is_typed(None, FORM, "n=1"));
    // One of its fields comes from the query, and afterwards it is unknown which one.
    assert!(!is_typed(Some("m=1"), JSON, r#"{"n":"1"}"#));
    assert!(!decode(&request("GET", Some("n=1"), None, "")).unwrap().is_typed);
}

#[test]
fn json_under_every_content_type_that_clients_use() {
    let wanted = json!({ "TaskName": "t", "Details": [{ "Mobile": "+62811" }], "n": 1.5 });
    let body = wanted.to_string();
    for content_type in [
        JSON,
        FORM,
        None,
        Some("APPLICATION/JSON"),
        Some("application/vnd.api+json"),
        Some("text/plain;charset=UTF-8"),
        Some("text/xml"),
    ] {
        assert_eq!(post(content_type, &body), Ok(wanted.clone()), "{content_type:?}");
    }
    assert_eq!(post(JSON, format!("\u{feff}\n {body}\n")), Ok(wanted));
}

#[test]
fn workflows_spell_their_rows_in_lower_case() {
    let body = r#"{"workflow_id": "w", "details": [{"callee": "+62811"}], "Details": [1]}"#;
    for (family, rows, kept) in
        [(Family::Workflow, "details", "Details"), (Family::Chatbot, "Details", "details")]
    {
        let fields = super::decode(&request("POST", None, JSON, body), family).unwrap();
        let list = fields.rows.unwrap();
        assert_eq!(list.name(), rows);
        assert!(list.value()[0] == json!({ "callee": "+62811" }) || list.value() == json!([1]));
        assert!(fields.fields[kept].is_array() && fields.fields.get(rows).is_none(), "{family}");
    }
    let form = request("POST", None, FORM, "workflow_id=w&details=[{\"callee\":\"%2B62811\"}]");
    let fields = super::decode(&form, Family::Workflow).unwrap();
    assert_eq!(fields.rows.unwrap().value(), json!([{ "callee": "+62811" }]));
}

#[test]
fn forms() {
    assert_eq!(
        post(FORM, "APPKey=a%2Bb%2Fc%3D&APPSecret=x+y&empty=&alone&list=1&list=2&list=3\r\n"),
        Ok(
            json!({ "APPKey": "a+b/c=", "APPSecret": "x y", "empty": "", "alone": "", "list": ["1", "2", "3"] })
        )
    );
    assert_eq!(post(None, "a=b"), Ok(json!({ "a": "b" })));
    assert_eq!(post(FORM, "n%C3%A4me=%E2%9C%93&a=%4&%=%"), Ok(json!({ "näme": "✓", "a": "%4", "%": "%" })));
}

#[test]
fn the_plus_of_a_phone_number_survives() {
    for (text, wanted) in [
        ("Callee=%2B62811234", "+62811234"),
        ("Callee=+62811234", "+62811234"),
        ("Callee=+62811,+62812", "+62811,+62812"),
        ("Callee=+62811%2C+62812", "+62811,+62812"),
        ("Callee=a+b", "a b"),
        ("Callee=1+2", "1 2"),
        ("Callee=+a", " a"),
        ("Callee=a+", "a "),
        ("Callee=+", " "),
        ("Callee=++62", "  62"),
    ] {
        assert_eq!(query(text), json!({ "Callee": wanted }), "{text}");
    }
}

const PARTS: Option<&str> = Some("multipart/form-data; boundary=\"b\"");

fn part(head: &str, body: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
}

#[test]
fn multipart_fields_and_files() {
    let body = [
        part("name=\"APPKey\"", "a+b/c="),
        part("name=\"APPSecret\"\r\nContent-Type: text/plain; charset=utf-8", "é ✓"),
        part("name=\"to\"", "+62811"),
        part("name=\"to\"", "+62812"),
        part("name=\"empty\"", ""),
        part("name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png", "\0\x01"),
        "--b--\r\n".to_owned(),
    ]
    .concat();
    let fields = json!({
        "APPKey": "a+b/c=", "APPSecret": "é ✓", "to": ["+62811", "+62812"], "empty": "",
        "file": { "name": "a.png", "content_type": "image/png", "size": 2 },
    });
    assert_eq!(post(PARTS, &body), Ok(fields));
    let files = decode(&request("POST", None, PARTS, &body)).unwrap().files;
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].field.as_str(), files[0].name.as_str()), ("file", "a.png"));
    assert_eq!(&files[0].bytes[..], b"\0\x01");
}

#[test]
fn what_is_wrong_with_parts() {
    let mut out = String::new();
    for (content_type, body) in [
        (Some("multipart/form-data"), part("name=\"a\"", "1")),
        (PARTS, "no parts".to_owned()),
        (PARTS, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n".to_owned()),
        (PARTS, part("name=\"a\"", "1")),
        (PARTS, part("name=\"a\"", "1").replace("\r\n1\r\n", "\r\n1")),
        (PARTS, part("filename=\"a\"", "1") + "--b--"),
        (PARTS, "--b\r\nbroken\r\n\r\n1\r\n--b--".to_owned()),
    ] {
        out += &format!("{}\n", post(content_type, body).unwrap_err());
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_body_wins_over_the_query_and_that_of_a_get_does_not_count() {
    let both = |method| {
        let request = request(method, Some("a=query&b=query"), JSON, r#"{"a": "body"}"#);
        whole(decode(&request).unwrap())
    };
    assert_eq!(both("POST"), json!({ "a": "body", "b": "query" }));
    assert_eq!(both("GET"), json!({ "a": "query", "b": "query" }));
    assert_eq!(decode(&request("POST", Some("a=b"), JSON, "")).map(whole).unwrap(), json!({ "a": "b" }));
    assert_eq!(decode(&request("GET", None, JSON, "{")).map(whole), Ok(json!({})));
}

#[test]
fn compressed_bodies_are_named() {
    let encoded = |encoding: &'static str| {
        let mut request = request("POST", None, JSON, b"{\"a\": 1}");
        request.headers =
            [("content-type", "application/json"), ("content-encoding", encoding)].into_iter().collect();
        decode(&request).map(whole).map_err(|error| error.to_string())
    };
    let refused = "bodies with `Content-Encoding: gzip` cannot be read: send the body uncompressed";
    assert_eq!(encoded("gzip"), Err(refused.to_owned()));
    assert_eq!(encoded("identity"), Ok(json!({ "a": 1 })));
}

#[test]
fn what_is_wrong_in_one_line() {
    let deep = "[".repeat(100_000);
    let mut out = String::new();
    for (content_type, body) in [
        (JSON, &b""[..]),
        (FORM, b" \r\n"),
        (JSON, b"{\"a\": 1,\n \"b\": }"),
        (FORM, b"{\"a\": 1"),
        (JSON, b"a=b"),
        (JSON, b"[1]"),
        (JSON, b"\"text\""),
        (JSON, b"12"),
        (JSON, b"null"),
        (JSON, b"{\"a\": 1e999}"),
        (JSON, format!("{{\"a\": {deep}").as_bytes()),
        (JSON, b"{\"a\": 1,\n \"Details\": 1e999}"),
        (JSON, b"{\"a\": 1,\n \"Details\": {\n\"a\": \"\\ud800\"}}"),
        (JSON, b"{\"a\": \"\xff\"}"),
        (FORM, b"a=\xff"),
        (FORM, b"a=1&b=%FF"),
        (FORM, b"%FF=1"),
        (JSON, b"{\"a\": \"\\ud800\"}"),
        (Some("application/octet-stream"), b"\x00\x01"),
        (Some("text/\u{1b}[31mred"), b"x"),
    ] {
        let message = post(content_type, body).unwrap_err();
        assert!(!message.contains('\n') && message.len() < 250, "{message}");
        out += &format!("{}: {message}\n", shown(&String::from_utf8_lossy(&body[..body.len().min(20)])));
    }
    insta::assert_snapshot!(out);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        method in prop_oneof![Just("POST"), Just("GET"), Just("")],
        content_type in prop_oneof![
            Just(None), Just(JSON), Just(FORM), Just(Some("multipart/form-data; boundary=x")), Just(Some(";"))
        ],
        query in prop::option::of("\\PC{0,40}"),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(--x|\r\n|--|Content-Disposition: form-data; name=a|\"|;|=|:|[a-z ]|\\x00|é){0,30}"
                .prop_map(String::into_bytes),
            "[-{}\\[\\]\":,0-9e.+%&=x \r\n]{0,80}".prop_map(String::into_bytes),
        ],
    ) {
        let _ = decode(&request(method, query.as_deref(), content_type, body));
    }

    #[test]
    fn what_is_encoded_is_read_again(pairs in prop::collection::btree_map("\\PC{1,8}", "\\PC{0,12}", 1..5)) {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let wanted: Map<String, Value> =
            pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        // The only exception: a space before a digit at the start, which is written like the plus of a number.
        let odd = |text: &str| text.split(',').any(|part| {
            let mut chars = part.chars();
            chars.next() == Some(' ') && chars.next().is_some_and(|c| c.is_ascii_digit())
        });
        prop_assume!(!pairs.values().any(|value| odd(value)));
        prop_assert_eq!(Value::Object(form::read(&text, usize::MAX).unwrap()), Value::Object(wanted));
    }
}

#[test]
fn very_many_values_are_refused_wherever_they_stand() {
    let read = |content_type: &str, body: String| {
        let request = HttpRequest {
            method: "POST".into(),
            headers: [("content-type", content_type)].as_slice().into(),
            body: body.into(),
            ..HttpRequest::default()
        };
        decode_within(&request, Family::Cloud, &Renames::default(), 10)
            .map(|fields| fields.fields.as_object().unwrap().len())
    };
    let many = |text: &str| text.repeat(11);
    for (content_type, body) in [
        ("application/json", format!(r#"{{"a":[{}1]}}"#, many("1,"))),
        ("application/json", format!(r#"{{"Details":{{"a":[{}1]}}}}"#, many("1,"))),
        ("application/x-www-form-urlencoded", many("a=1&")),
    ] {
        assert_eq!(read(content_type, body), Err(DecodeError::TooMany { most: 10 }));
    }
    // Rows are counted where they are decoded.
    assert_eq!(read("application/json", format!(r#"{{"Details":[{}1]}}"#, many("1,"))), Ok(0));
    assert_eq!(
        read("application/json", format!("[{}1]", many("1,"))),
        Err(DecodeError::NotObject { found: "a list" })
    );
}
