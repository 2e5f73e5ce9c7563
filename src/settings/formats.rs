//! The text formats used only in settings files.

use super::routes::{EVENT, url_for};
use super::user_endpoints::value_name;
use super::vendor;
use crate::content::voice::{INTENTIONS, PLACEHOLDERS};
use crate::contract::aes::Cipher;
use crate::contract::{Catalog, Family};
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::language::FormatMistake;
use crate::language::formats::{Formats, Wanted, name};
use crate::net::Guard;
use crate::simulator::calling::MockOutcome;
use crate::simulator::user_endpoints::pattern;

/// The allowed HTTP methods of an endpoint.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Checks whether a text has a format of settings files.
///
/// # Errors
///
/// If it does not: what is wrong with the text, and what to write instead.
pub(super) fn check(catalog: &Catalog, format: &str, text: &str) -> Result<(), FormatMistake> {
    match format {
        "entry-key" => entry_key(catalog, text),
        "address" => address(text),
        "callback-url" => callback_url(catalog, text),
        "host" => Guard::allowing(&[text.to_owned()]).map(drop).map_err(|_| {
            FormatMistake::new(format!("{} is not a host", quoted(text)))
                .help("write a name, an address, or a network such as `10.0.0.0/8`")
        }),
        "new-id" => new_id(text),
        "collection" => name(text, "a collection", false),
        "value-name" => value_name(text),
        "regex" => pattern(text).map(drop).map_err(FormatMistake::of),
        "path" => path(text),
        "method" => method(text),
        "rate-limit" => vendor::rate(text).map(drop).map_err(FormatMistake::of),
        "window" => vendor::window(text).map(drop).map_err(FormatMistake::of),
        "utc-offset" => vendor::utc_offset(text).map(drop).map_err(FormatMistake::of),
        "aes-key" => Cipher::new(text).map(drop).map_err(FormatMistake::of),
        "four-digits" => four_digits(text),
        "mock-outcome" => mock_outcome(text),
        "spoken" => spoken(text),
        "intention" => intention(text),
        "code-scope" => code_scope(catalog, text),
        "code" => code(text),
        "script-name" => name(text, "a script", false),
        _ => Formats::new(catalog).check(format, text),
    }
}

/// Checks an id as the key of a table, where dots outside of quotes separate the parts.
fn entry_key(catalog: &Catalog, id: &str) -> Result<(), FormatMistake> {
    let entries = catalog.entries();
    let begun = |whole: &str| whole.split_once('.').is_some_and(|(first, _)| first == id);
    let Some(whole) = entries.iter().map(|entry| entry.id.as_str()).find(|whole| begun(whole)) else {
        return Formats::new(catalog).entry(id, Wanted::Any);
    };
    let mistake = FormatMistake::new(format!("{} is not the full id of an entry", quoted(id)));
    Err(mistake.help(format!("ids have dots, put them in quotes: `[catalog.\"{whole}\"]`")))
}

/// Checks a family, an endpoint, or a group of endpoints.
fn code_scope(catalog: &Catalog, text: &str) -> Result<(), FormatMistake> {
    let families = Family::ALL.map(Family::as_str);
    if families.contains(&text) {
        return Ok(());
    }
    match nearest(text, families) {
        Some(near) => Err(FormatMistake::new(format!("{} is not a family", quoted(text)))
            .help(format!("did you mean `{near}`?"))),
        None => Formats::new(catalog).check("call-pattern", text),
    }
}

/// Checks a code as the key of a table.
fn code(text: &str) -> Result<(), FormatMistake> {
    match text.parse::<i64>() {
        Ok(_) => Ok(()),
        Err(_) => Err(FormatMistake::new(format!("{} is not a code", quoted(text)))
            .help("write the mock's code and yours: `404 = 40401`")),
    }
}

/// Checks a URL in which `{event}` may stand for the id of the callback.
fn callback_url(catalog: &Catalog, text: &str) -> Result<(), FormatMistake> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let end = text[open..].find('}').map_or(text.len(), |at| open + at + 1);
        if &text[open..end] != EVENT {
            let mistake = FormatMistake::new(format!("{} is not allowed in a URL", quoted(&text[open..end])));
            let help = format!("`{EVENT}` becomes the id of the callback; a brace itself is written `%7B`");
            return Err(FormatMistake { range: Some(open..end), ..mistake.help(help) });
        }
        from = end;
    }
    Formats::new(catalog).check("url", &url_for(text, "event"))
}

/// Completes an address: `localhost:PORT` and `:PORT` mean loopback.
pub(super) fn full_address(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("" | "localhost", port)) => format!("127.0.0.1:{port}"),
        _ => address.to_owned(),
    }
}

/// Checks a listening address: an address with a port, where `localhost:PORT` and `:PORT` mean loopback.
fn address(text: &str) -> Result<(), FormatMistake> {
    match full_address(text).parse::<std::net::SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(FormatMistake::new(format!("{} is not an address to listen on", quoted(text)))
            .help("write an address and a port, such as `127.0.0.1:2478`; port 0 picks a free one")),
    }
}

/// Checks an id of the user's own entry.
fn new_id(text: &str) -> Result<(), FormatMistake> {
    let good = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    if text.split('.').all(good) {
        return Ok(());
    }
    Err(FormatMistake::new(match text.trim() {
        "" => "the id is missing".to_owned(),
        _ => format!("{} can't be an id", quoted(text)),
    })
    .help("an id has letters, digits, `_`, `-` and dots between them, such as `flex.route_create`"))
}

fn path(text: &str) -> Result<(), FormatMistake> {
    let mistake = FormatMistake::new(format!("{} is not a path", quoted(text)));
    if !text.starts_with('/') {
        return Err(mistake.help(format!("a path begins with a slash: {}", quoted(&format!("/{text}")))));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
        return Err(mistake.help("a path has no spaces, no `?` and no `#`"));
    }
    if text == "/_mock" || text.starts_with("/_mock/") {
        return Err(FormatMistake::new(format!(
            "{} can't be served: `/_mock/` is the mock's own",
            quoted(text)
        )));
    }
    // Day, folder and file: what a link to a recording looks like.
    if text.strip_prefix("/download/").is_some_and(|rest| rest.split('/').count() > 2) {
        let message = format!("{} can't be served: links to recordings look like this", quoted(text));
        return Err(
            FormatMistake::new(message).help("a path may begin with `/download/` if it has fewer parts")
        );
    }
    Ok(())
}

fn four_digits(text: &str) -> Result<(), FormatMistake> {
    if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(FormatMistake::new(format!("{} is not the last four digits of a number", quoted(text)))
        .help("write four digits in quotes, such as `\"9005\"`"))
}

fn mock_outcome(text: &str) -> Result<(), FormatMistake> {
    text.parse::<MockOutcome>()
        .map(drop)
        .map_err(|error| FormatMistake::of(error).help("`airudder-mock catalog --magic` lists them all"))
}

/// Checks a text that a robot or a person says.
fn spoken(text: &str) -> Result<(), FormatMistake> {
    if text.trim().is_empty() {
        return Err(
            FormatMistake::new("this text is empty".to_owned()).help("write a text, or leave the key out")
        );
    }
    let braces = |part: &str| part.split_once('}').map(|(inside, _)| inside.to_owned());
    for part in text.split('{').skip(1) {
        let Some(inside) = braces(part) else {
            return Err(FormatMistake::new(format!("{} has a brace that is not closed", quoted(text))));
        };
        if !PLACEHOLDERS.contains(&&*inside) && !inside.contains('|') {
            let mistake = FormatMistake::new(format!("{{{inside}}} is not known here"));
            return Err(match nearest(&inside, PLACEHOLDERS) {
                Some(near) => mistake.help(format!("did you mean `{{{near}}}`?")),
                None => mistake.help("texts of calls know `{name}`, `{company}`, `{amount}`, `{date}` and words by gender such as `{Mr |Ms |}`"),
            });
        }
    }
    Ok(())
}

/// Checks a customer's intention.
fn intention(text: &str) -> Result<(), FormatMistake> {
    if INTENTIONS.contains(&text) {
        return Ok(());
    }
    let mistake = FormatMistake::new(format!("{} is not an intention", quoted(text)));
    Err(mistake.help("write a letter from `A` to `I`, or `--` if it is unclear"))
}

fn method(text: &str) -> Result<(), FormatMistake> {
    if METHODS.iter().any(|method| method.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    let mistake = FormatMistake::new(format!("there is no method {}", quoted(text)));
    Err(match nearest(text, METHODS) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("the methods are {}", joined(&METHODS, "and"))),
    })
}
