//! A run as one file that a browser opens from disk: the page's own timeline, with the journal in it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use indexmap::IndexSet;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::assets;
use crate::contract::signature::{Signer, TakenApart};
use crate::journal::{Entry, Event, Lines, Signed};

/// The modules of a trace, each after those it uses.
const MODULES: [&str; 9] = [
    "dom.js",
    "wire.js",
    "json.js",
    "timeline.js",
    "signature.js",
    "bubbles.js",
    "detail.js",
    "toolbar.js",
    "trace.js",
];

/// The fields whose texts are the same in many entries.
const INTERNED: [&str; 8] = ["at", "due", "story", "kind", "event", "url", "method", "answer"];

/// What a trace shows of a run besides its journal.
#[derive(Debug)]
pub struct Run<'a> {
    /// The command that was run: `run scenarios/agent-transfer.toml`.
    pub command: String,
    /// Whether it passed.
    pub passed: bool,
    /// The address of the mock.
    pub url: String,
    /// Further facts, a name and a text each.
    pub facts: Vec<(&'static str, String)>,
    /// Number of older entries that are no longer available.
    pub left_out: u64,
    /// The conversations as the person at the other end saw them.
    pub chats: Vec<Value>,
    /// The signers of the accounts' requests.
    pub signers: &'a [Signer],
}

#[derive(Serialize)]
struct Data {
    command: String,
    passed: bool,
    url: String,
    facts: Map<String, Value>,
    left_out: u64,
    chats: Vec<Value>,
    /// Texts that occur in many entries, stored once.
    texts: Vec<String>,
    #[serde(skip)]
    places: IndexSet<String>,
    schemes: Vec<Value>,
    /// Signatures that are wrong, or that a receiver has refused.
    apart: BTreeMap<u64, TakenApart>,
    /// The lists of keys that entries have.
    shapes: Vec<Vec<String>>,
    /// The entries: the index of the entry's list of keys, then its values.
    lines: Vec<Vec<Value>>,
}

/// Builds the whole file. Entries are written as `lines` says; secrets are masked unless it shows them.
pub fn trace(run: Run<'_>, entries: &[Entry], lines: &Lines) -> String {
    let facts = run.facts.into_iter().map(|(name, text)| (name.to_owned(), text.into()));
    let mut data = Data {
        command: run.command,
        passed: run.passed,
        url: run.url,
        facts: facts.collect(),
        left_out: run.left_out,
        chats: run.chats,
        texts: Vec::new(),
        places: IndexSet::new(),
        schemes: Vec::new(),
        apart: BTreeMap::new(),
        shapes: Vec::new(),
        lines: Vec::with_capacity(entries.len()),
    };
    for entry in entries {
        data.add(entry, run.signers, lines);
    }
    data.texts = data.places.drain(..).collect();
    // No text in it may end the element that contains it.
    let data = json!(data).to_string().replace('<', "\\u003c");
    let (script, style) = (script(), assets::find("page.css").unwrap_or_default().1);
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{}'; style-src \
         'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Trace: AI Rudder mock</title>\n\
         <style>{style}</style>\n</head>\n<body>\n<noscript>This file needs JavaScript.</noscript>\n\
         <script type=\"application/json\" id=\"trace\">{data}</script>\n<script>{script}</script>\n</body>\n</html>\n",
        hash(&script),
        hash(style),
    )
}

impl Data {
    fn add(&mut self, entry: &Entry, signers: &[Signer], lines: &Lines) {
        let mut line = lines.line(entry);
        for name in INTERNED {
            if let Some(Value::String(text)) = line.get(name) {
                let place = self.place(text.clone());
                line.insert(name.to_owned(), place);
            }
        }
        let is_refused = match &entry.event {
            Event::Attempted { result, .. } => {
                result.result.as_ref().is_ok_and(|response| matches!(response.status, 401 | 403))
            }
            _ => false,
        };
        let signed = Signed::of(entry, signers);
        let header = signed.as_ref().map(|signed| signed.header().to_owned());
        if let Some(Value::Array(headers)) = line.get_mut("headers") {
            for pair in headers.iter_mut().filter_map(Value::as_array_mut) {
                let [Value::String(name), Value::String(value)] = &mut pair[..] else { continue };
                // Every signature is different.
                let is_own = header.as_ref().is_some_and(|header| header.eq_ignore_ascii_case(name));
                let (name, value) = (name.clone(), value.clone());
                pair[0] = self.place(name);
                pair[1] = if is_own { value.into() } else { self.place(value) };
            }
        }
        if let Some(signed) = signed {
            let apart = signed.apart(lines.show_secrets, is_refused);
            let common = apart.common();
            let place = self.schemes.iter().position(|known| *known == common).unwrap_or_else(|| {
                self.schemes.push(common);
                self.schemes.len() - 1
            });
            line.insert("scheme".into(), place.into());
            if is_refused || !apart.is_right() || !apart.is_of_body_alone() {
                self.apart.insert(entry.seq, apart);
            }
        }
        let (keys, values): (Vec<String>, Vec<Value>) = line.into_iter().unzip();
        let shape = self.shapes.iter().position(|known| *known == keys).unwrap_or_else(|| {
            self.shapes.push(keys);
            self.shapes.len() - 1
        });
        self.lines.push(std::iter::once(shape.into()).chain(values).collect());
    }

    fn place(&mut self, text: String) -> Value {
        self.places.insert_full(text).0.into()
    }
}

/// Returns the modules as one script. Each becomes a function that returns its exports. Imports and exports are expected at
/// the beginning of lines, as one statement each.
fn script() -> String {
    let mut script = String::from("\"use strict\";\n");
    for name in MODULES {
        let Some((_, text)) = assets::find(name) else { continue };
        let mut exported = Vec::new();
        let mut body = String::new();
        for line in text.lines() {
            if let Some(import) = line.strip_prefix("import ").and_then(|rest| rest.split_once(" from \"./"))
            {
                let of = import.1.trim_end_matches("\";").trim_end_matches(".js");
                body.push_str(&format!("const {} = ${of};", import.0));
            } else if let Some(rest) = line.strip_prefix("export ") {
                exported.push(name_of(rest));
                body.push_str(rest);
            } else {
                body.push_str(line);
            }
            body.push('\n');
        }
        let of = name.trim_end_matches(".js");
        script.push_str(&format!(
            "const ${of} = (() => {{\n{body}return {{ {} }};\n}})();\n",
            exported.join(", ")
        ));
    }
    script
}

/// Returns the name that a declaration declares: `async function copy(text)` declares `copy`.
fn name_of(declaration: &str) -> &str {
    let words = declaration.split([' ', '(', '=', ';', '{']);
    let keywords = ["async", "function", "function*", "const", "let", "class"];
    words.into_iter().find(|word| !word.is_empty() && !keywords.contains(word)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;

    fn run(command: &str) -> Run<'static> {
        Run {
            command: command.to_owned(),
            passed: false,
            url: "http://127.0.0.1:1".to_owned(),
            facts: vec![("seed", "7".to_owned())],
            left_out: 0,
            chats: Vec::new(),
            signers: &[],
        }
    }

    fn entry(seq: u64, event: Event) -> Entry {
        Entry { seq, at: Timestamp::UNIX_EPOCH, story: Some("a story".into()), event }
    }

    #[test]
    fn no_text_ends_the_data() {
        let hostile = "</script><script>alert(1)</script><!--";
        let failed = Event::Failed { place: "a.toml:7".into(), kind: "status", message: hostile.to_owned() };
        let text = trace(
            run(hostile),
            &[entry(1, failed), entry(2, Event::Note(hostile.into()))],
            &Lines::default(),
        );
        assert_eq!(text.matches("</script>").count(), 2, "those of the data and of the script");
        assert!(!text.contains("<!--"));
        let (_, rest) = text.split_once("id=\"trace\">").unwrap();
        let data: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        let line = data["lines"][0].as_array().unwrap();
        let keys = data["shapes"][line[0].as_u64().unwrap() as usize].as_array().unwrap();
        let value = |key: &str| &line[1 + keys.iter().position(|known| known == key).unwrap()];
        assert_eq!((value("message"), value("place")), (&hostile.into(), &"a.toml:7".into()));
    }

    #[test]
    fn the_policy_allows_what_is_there_and_nothing_else() {
        let text = trace(run(""), &[], &Lines::default());
        let hashed = |tag: &str| {
            let (_, rest) = text.rsplit_once(&format!("<{tag}>")).unwrap();
            BASE64_STANDARD.encode(Sha256::digest(rest.split_once(&format!("</{tag}>")).unwrap().0))
        };
        for tag in ["script", "style"] {
            assert!(text.contains(&format!("{tag}-src 'sha256-{}'", hashed(tag))), "{tag}");
        }
        assert!(!text.contains("unsafe"));
    }

    /// The modules are split by lines: a declaration that is not on one line would be lost.
    #[test]
    fn modules_are_written_as_the_trace_takes_them_apart() {
        for name in MODULES {
            let (_, text) = assets::find(name).unwrap();
            for line in text.lines().filter(|line| line.starts_with("import") || line.starts_with("export")) {
                let is_import =
                    line.starts_with("import {") && line.contains("} from \"./") && line.ends_with("\";");
                let is_export = !name_of(line.trim_start_matches("export ")).is_empty()
                    && !line.contains("default")
                    && !line.starts_with("export {");
                assert!(is_import || is_export, "{name}: {line}");
                if let Some((_, of)) = line.split_once(" from \"./") {
                    let of = of.trim_end_matches("\";");
                    let at = |wanted: &str| MODULES.iter().position(|module| *module == wanted);
                    assert!(
                        at(of).is_some() && at(of) < at(name),
                        "{name} uses {of}, which does not come before it"
                    );
                }
            }
        }
        assert_eq!(name_of("async function copy(text, what) {"), "copy");
        assert_eq!(name_of("const isBad = (row) =>"), "isBad");
        assert_eq!(name_of("class Wire {"), "Wire");
        assert!(Arc::<str>::from(script()).contains("const $wire = (() => {"));
    }
}
