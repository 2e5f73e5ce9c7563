//! Parsers for arguments: moments, paths, ids, headers, and `NAME=VALUE`, where a value that is valid JSON has its JSON type
//! and any other value is a text.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::engine::{Speed, SpeedError};
use crate::json::path_keys;
use crate::net::Target;

/// The beginning of the year 9900, in Unix seconds.
const LATEST: i64 = 250_246_627_200;

/// Why an argument is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArgumentError {
    #[error("`{0}` has no `=`, write NAME=VALUE")]
    NoValue(String),
    #[error("`{0}` has no name before the `=`, write NAME=VALUE")]
    NoName(String),
    #[error("`{0}` is not a path: write names with one dot between them, such as user.id")]
    Field(String),
    #[error("`{0}` is not a variable name: use letters, digits and `_` only")]
    Variable(String),
    #[error("`{0}` is neither Unix seconds nor a time like 2030-01-01T00:00:00Z")]
    Moment(String),
    #[error("{0} is too late: times end with the year 9999, and a mock needs some time before that")]
    TooLate(String),
    #[error("{0} is out of range for Unix seconds; are these milliseconds?")]
    Seconds(i64),
    #[error("`{0}` does not begin with `/`: give only the path and the query, for example `/hook?a=1`")]
    Path(String),
    #[error(
        "`{0}` is not a host name: write only the name, for example api.example.com, without https:// and port"
    )]
    Host(String),
    #[error(transparent)]
    Speed(#[from] SpeedError),
    #[error(
        "at speed 0 the clock stands still and the run would never end; only `serve` and `exec` accept 0"
    )]
    Still,
    #[error("an id is one or more visible ASCII characters without spaces")]
    Id,
    #[error("a header is written `Name: value`")]
    Header,
    #[error("`{0}` is not a percentage: write for example 10%")]
    Share(String),
}

/// Parses `path.to.field=value`, and leaves the value as it is written. Whether the field exists is not checked.
pub(super) fn written(text: &str) -> Result<(&str, &str), ArgumentError> {
    let (name, value) = text.split_once('=').ok_or_else(|| ArgumentError::NoValue(text.to_owned()))?;
    if name.is_empty() {
        return Err(ArgumentError::NoName(text.to_owned()));
    }
    if path_keys(name).any(str::is_empty) {
        return Err(ArgumentError::Field(name.to_owned()));
    }
    Ok((name, value))
}

/// Parses `path.to.field=value`. Whether the field exists is not checked.
pub(super) fn field(text: &str) -> Result<(String, Value), ArgumentError> {
    let (name, value) = written(text)?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

/// Parses `name=value`, where the name can be used in templates.
pub(super) fn variable(text: &str) -> Result<(String, Value), ArgumentError> {
    let (name, value) = field(text)?;
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if good { Ok((name, value)) } else { Err(ArgumentError::Variable(name)) }
}

/// Parses a moment at which a mock may begin. It is early enough that time does not end while the mock runs.
pub(super) fn epoch(text: &str) -> Result<Timestamp, ArgumentError> {
    let at = moment(text)?;
    match at.as_second() < LATEST {
        true => Ok(at),
        false => Err(ArgumentError::TooLate(text.to_owned())),
    }
}

/// Parses a moment: Unix seconds, or a time such as `2030-01-01T00:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp, ArgumentError> {
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(|_| ArgumentError::Seconds(seconds)),
        Err(_) => text.parse().map_err(|_| ArgumentError::Moment(text.to_owned())),
    }
}

/// Parses the moment of a signature: as [`moment`], or Unix milliseconds, which some schemes sign. No moment in seconds has so
/// many digits.
pub(super) fn signed_moment(text: &str) -> Result<Timestamp, ArgumentError> {
    let milliseconds = || Timestamp::from_millisecond(text.parse().ok()?).ok();
    moment(text).or_else(|error| milliseconds().ok_or(error))
}

/// Parses the speed of a clock that moves by itself.
pub(super) fn moving(text: &str) -> Result<Speed, ArgumentError> {
    match text.parse()? {
        Speed::Still => Err(ArgumentError::Still),
        speed => Ok(speed),
    }
}

/// Parses the name or the address of a host. The error explains the likely mistake of giving a whole URL.
pub(super) fn host(text: &str) -> Result<String, ArgumentError> {
    match format!("https://{text}/").parse::<Target>() {
        Ok(target) if target.authority() == text.to_ascii_lowercase() => Ok(target.host().to_owned()),
        _ => Err(ArgumentError::Host(text.to_owned())),
    }
}

/// Parses path and query. The error explains the likely mistake of giving a whole URL.
pub(super) fn path(text: &str) -> Result<String, ArgumentError> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err(ArgumentError::Path(text.to_owned())) }
}

/// Parses an id that is valid in a header.
pub(super) fn id(text: &str) -> Result<String, ArgumentError> {
    let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err(ArgumentError::Id) }
}

/// Parses a share such as `10%`, as 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, ArgumentError> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let share = percent.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0);
    share.ok_or_else(|| ArgumentError::Share(text.to_owned()))
}

/// Parses `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), ArgumentError> {
    let (name, value) = text.split_once(':').ok_or(ArgumentError::Header)?;
    match name.trim() {
        "" => Err(ArgumentError::Header),
        name => Ok((name.to_owned(), value.trim().to_owned())),
    }
}

/// Returns the table made of such fields.
pub(super) fn table(fields: &[(String, Value)]) -> Map<String, Value> {
    let mut table = Value::Object(Map::new());
    for (path, value) in fields {
        put(&mut table, path, value.clone());
    }
    match table {
        Value::Object(table) => table,
        _ => Map::new(),
    }
}

/// Sets a value at a path such as `user.id` or `messages[0].content.text`, creating tables on the way.
pub(super) fn put(patch: &mut Value, path: &str, value: Value) {
    let mut place = patch;
    for key in path_keys(path) {
        let is_filled_table = place.as_object().is_some_and(|table| !table.is_empty());
        let index = key.parse::<usize>().ok().filter(|index| *index < 1_000 && !is_filled_table);
        match (index, &mut *place) {
            (Some(_), Value::Array(_)) | (None, Value::Object(_)) => {}
            (Some(_), other) => *other = Value::Array(Vec::new()),
            (None, other) => *other = Value::Object(Map::new()),
        }
        place = match (index, place) {
            (Some(index), Value::Array(items)) => {
                items.resize(items.len().max(index + 1), Value::Object(Map::new()));
                &mut items[index]
            }
            (_, table) => &mut table[key],
        };
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_json_type() {
        assert_eq!(field("a.b=3"), Ok(("a.b".into(), json!(3))));
        assert_eq!(field("a=x=y"), Ok(("a".into(), json!("x=y"))));
        assert_eq!(field("a=\"3\""), Ok(("a".into(), json!("3"))));
        assert_eq!(field("a="), Ok(("a".into(), json!(""))));
        assert!(
            field("a").is_err()
                && field("=a").is_err()
                && variable("a.b=1").is_err()
                && variable("1a=1").is_err()
        );
    }

    #[test]
    fn paths_make_tables_and_lists() {
        let mut patch = json!({});
        put(&mut patch, "user.id", json!("1"));
        put(&mut patch, "messages[1].content.text", json!("hi"));
        assert_eq!(patch, json!({"user": {"id": "1"}, "messages": [{}, {"content": {"text": "hi"}}]}));
        put(&mut patch, "user.0", json!(2));
        put(&mut patch, "messages.x", json!(3));
        assert_eq!(patch, json!({"user": {"id": "1", "0": 2}, "messages": {"x": 3}}));
    }

    #[test]
    fn moments_and_paths() {
        assert_eq!(moment("1614265330").unwrap(), moment("2021-02-25T15:02:10Z").unwrap());
        assert!(moment("1614265330123456").unwrap_err().to_string().contains("milliseconds"));
        assert_eq!(signed_moment("1614265330123").unwrap(), moment("2021-02-25T15:02:10.123Z").unwrap());
        assert_eq!(signed_moment("1614265330").unwrap(), moment("1614265330").unwrap());
        assert!(signed_moment("1614265330123456").unwrap_err().to_string().contains("milliseconds"));
        assert!(moment("tomorrow").unwrap_err().to_string().contains("2030-01-01T00:00:00Z"));
        assert_eq!(epoch("9899-12-31T23:59:59Z").unwrap().as_second(), LATEST - 1);
        assert!(epoch("9999-12-30T00:00:00Z").unwrap_err().to_string().contains("end with the year 9999"));
        assert!(path("http://localhost/hook").is_err());
        assert!(id("a\nb").is_err());
    }

    #[test]
    fn hosts_stand_alone() {
        for (text, wanted) in
            [("API.example.com", "api.example.com"), ("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")]
        {
            assert_eq!(host(text).unwrap(), wanted);
        }
        for wrong in
            ["", "https://a.example", "a.example:443", "a.example/x", "a?b", "*.example", "a b", "a@b"]
        {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!([share("20%"), share("0 %"), share("100%")], [Ok(0.2), Ok(0.0), Ok(1.0)]);
        for wrong in ["20", "-1%", "101%", "%", "NaN%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_as_written() {
        assert_eq!(header("A: b: c ").unwrap(), ("A".to_owned(), "b: c".to_owned()));
        assert_eq!(header("A:").unwrap(), ("A".to_owned(), String::new()));
        assert!(header("no colon").is_err());
        assert!(header(": value").is_err());
    }
}
