//! Finds every mistake in a settings file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeInteger, DeTable, ValueDeserializer};

use super::file::SettingsFile;
use super::{codes, corrections, formats, references, routes, user_endpoints, workflow};
use crate::contract::Catalog;
use crate::contract::catalog::CorrectionError;
use crate::contract::signature::{Scheme, SchemeFile, Signer};
use crate::faults;
use crate::files::suggest::nearest;
use crate::files::tables::{items, key_span, spanned_text, table, tables};
use crate::files::{Diagnostic, Problems, SourceFile, syntax, typed};
use crate::language::{schema, shape};
use crate::recordings::WavFile;
use crate::simulator::user_endpoints::Declarations;

pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(schema::of::<SettingsFile>);

/// Returns the JSON Schema of settings files as text.
pub fn schema_text() -> String {
    schema::text(&SCHEMA)
}

/// A settings file without mistakes, and what is derived from it.
#[derive(Debug)]
pub struct Checked {
    /// The text of the file, if there is one.
    pub source: Option<Arc<SourceFile>>,
    /// The file.
    pub file: SettingsFile,
    /// The catalog with the corrections and declarations of the file.
    pub catalog: Catalog,
    /// The user's own endpoints and callbacks.
    pub user_endpoints: Declarations,
    /// Notes about keys under their old names, one line for each name.
    pub notes: Vec<String>,
    /// The user's own recordings, by robot.
    pub recordings: BTreeMap<String, WavFile>,
}

/// Checks a settings file and reads it.
pub fn check_file(source: &Arc<SourceFile>, builtin: &Catalog) -> Result<Checked, Problems> {
    let parsed = syntax::parse(source);
    let sound = parsed.errors.is_empty();
    // An entry may refer to another one that is declared further down.
    let provisional = builtin.and(user_endpoints::declared(parsed.tree.get_ref()));
    let check = |format: &str, text: &str| formats::check(&provisional, format, text);
    let mut problems = Problems::new();
    problems.extend(parsed.errors);
    problems.extend(shape::check(source, &parsed.tree, parsed.sound_until, &SCHEMA, &check));
    if sound {
        problems.extend(faults::check::check(source, parsed.tree.get_ref(), &provisional));
        problems.extend(corrections::check(source, parsed.tree.get_ref(), &provisional));
        problems.extend(vendor(source, parsed.tree.get_ref()));
        problems.extend(workflow::check(source, parsed.tree.get_ref()));
        problems.extend(codes::check(source, parsed.tree.get_ref(), &provisional));
        problems.extend(references::check(source, parsed.tree.get_ref()));
        problems.extend(signature(source, parsed.tree.get_ref()));
        problems.extend(routes::check(source, parsed.tree.get_ref(), &provisional));
        problems.extend(user_endpoints::check(source, parsed.tree.get_ref(), builtin));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let notes = old_names(source, parsed.tree.get_ref());
    let file: SettingsFile = typed(source, parsed.tree)?;
    let given = file.catalog.iter().map(|(id, correction)| (id.as_str(), correction.get_ref()));
    let extended = user_endpoints::extended(builtin, &file.user_endpoints());
    let given = corrections::shared(&extended, given);
    let given = given.iter().map(|(id, correction)| (id.as_str(), correction));
    let catalog = extended.overridden(given).map_err(|errors| refused(source, &file, &errors))?;
    let catalog = catalog.confirming(&file.confirmed);
    problems.extend(user_endpoints::places(source, &file.user_endpoints(), &catalog));
    let compiled = Declarations::compile(&file.user_endpoints());
    let user_endpoints = compiled.map_err(|(span, message)| Diagnostic::at(source, span, message))?;
    let recordings = recordings(source, &file, &mut problems);
    problems.into_result(Checked {
        source: Some(Arc::clone(source)),
        file,
        catalog,
        user_endpoints,
        recordings,
        notes,
    })
}

/// Checks for a scheme that contradicts itself, and for secrets that do not fit it.
fn signature(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let written = tree.get("signature");
    // The mistakes of a scheme that can't be read are reported elsewhere.
    let file = written.map(|written| SchemeFile::deserialize(ValueDeserializer::from(written.clone())));
    let Ok(file) = file.transpose() else { return Vec::new() };
    let scheme = match file.map_or_else(|| Ok(Scheme::default()), |file| Scheme::from_file(&file)) {
        Ok(scheme) => scheme,
        Err(error) => {
            let table = table(tree, "signature");
            let (key, item) = error.place();
            let value = table.and_then(|table| table.get(key));
            let item = item.and_then(|item| value?.get_ref().as_array()?.get(item));
            let span = item.or(value).or(written).map(toml::Spanned::span).unwrap_or_default();
            return vec![Diagnostic::at(source, span, error.to_string())];
        }
    };
    let of = |list: &'static str, key: &'static str| {
        tables(tree, list).into_iter().filter_map(move |table| spanned_text(table, key))
    };
    let secrets = of("accounts", "sign_secret").chain(of("routes", "secret"));
    let secrets = secrets.chain(spanned_text(tree, "secret"));
    secrets
        .filter_map(|(secret, span)| {
            let error = Signer::try_new(scheme.clone(), secret).err()?;
            Some(Diagnostic::at(source, span, error.to_string()))
        })
        .collect()
}

/// Reads the user's own recordings.
fn recordings(
    source: &Arc<SourceFile>,
    file: &SettingsFile,
    problems: &mut Problems,
) -> BTreeMap<String, WavFile> {
    let folder = Path::new(&**source.path()).parent().unwrap_or(Path::new(""));
    let mut read = BTreeMap::new();
    for (robot, path) in &file.recordings {
        match WavFile::read(&folder.join(path.get_ref())) {
            Ok(file) => drop(read.insert(robot.clone(), file)),
            Err(error) => {
                let message = format!("`{}` can't be served as a recording: {error}", path.get_ref());
                let help = "write the path of a WAV file, relative to the folder of this file";
                problems.push(Diagnostic::at(source, path.span(), message).help(help));
            }
        }
    }
    read
}

/// Finds the first place of each key that is written under its old name.
fn old_names(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<String> {
    let corrections = table(tree, "catalog").into_iter().flat_map(|catalog| catalog.values());
    let marked = corrections
        .filter_map(|correction| correction.get_ref().as_table())
        .chain(table(tree, "signature"))
        .chain(tables(tree, "callbacks"))
        .chain(tables(tree, "endpoints"));
    let first = marked.filter_map(|table| key_span(table, "mark")).map(|span| span.start).min();
    let note =
        |at| format!("{}: `mark` is called `provenance` now; the old name is still read", source.place(at));
    first.map(note).into_iter().collect()
}

/// Reports corrections that are valid by themselves but refused by the catalog: two entries at one path.
fn refused(source: &Arc<SourceFile>, file: &SettingsFile, errors: &[CorrectionError]) -> Problems {
    let mut problems = Problems::new();
    problems.extend(errors.iter().map(|error| {
        let (CorrectionError::UnknownId { id, .. }
        | CorrectionError::WrongKey { id, .. }
        | CorrectionError::BadPath { id, .. }
        | CorrectionError::BadMethod { id, .. }
        | CorrectionError::Taken { id, .. }) = error;
        match file.catalog.get(id) {
            Some(correction) => Diagnostic::at(source, correction.span(), error.to_string()),
            None => Diagnostic::whole(source, error.to_string()),
        }
    }));
    problems
}

/// Checks for conflicts between the names and keys of accounts, and for a mix without any outcome.
fn vendor(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for account in tables(tree, "accounts") {
        for name in ["app_key", "sign_key"] {
            if let Some((text, span)) = spanned_text(account, name) {
                if seen.contains(&(name, text)) {
                    let message = format!("two accounts have the same `{name}`");
                    found.push(Diagnostic::at(source, span, message));
                }
                seen.push((name, text));
            }
        }
        let asks = |name: &str, value: &str| {
            spanned_text(account, name).filter(|(found, _)| *found == value).map(|(_, span)| span)
        };
        let encrypts =
            account.get("encrypt_callbacks").filter(|found| found.get_ref().as_bool() == Some(true));
        let wants = asks("encryption", "require").or(encrypts.map(toml::Spanned::span));
        if let (Some(span), None) = (wants, account.get("encryption_key")) {
            let message = "nothing can be encrypted without an `encryption_key`";
            found.push(Diagnostic::at(source, span, message.to_owned()));
        }
    }
    found.extend(account_names(source, tree));
    found.extend(groups(source, tree));
    found.extend(scripts(source, tree));
    let mix = table(tree, "calling").and_then(|calling| calling.get("mix"));
    if let Some(mix) = mix
        && let Some(table) = mix.get_ref().as_table()
        && table.values().all(|weight| weight.get_ref().as_integer().is_some_and(is_zero))
    {
        let message = "the mix has no outcome: give at least one outcome a weight";
        found.push(Diagnostic::at(source, mix.span(), message.to_owned()));
    }
    found
}

/// Whether a number is 0, however it is written: `+0`, `0x0`.
fn is_zero(number: &DeInteger<'_>) -> bool {
    i64::from_str_radix(number.as_str(), number.radix()) == Ok(0)
}

/// Checks that accounts have different names. The name of an account without one is its number.
fn account_names(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let accounts = tables(tree, "accounts");
    let given: Vec<_> = accounts.iter().map(|account| spanned_text(account, "name")).collect();
    let mut found = Vec::new();
    for (at, (name, span)) in given.iter().enumerate().filter_map(|(at, given)| Some((at, given.clone()?))) {
        if given[..at].iter().flatten().any(|(known, _)| *known == name) {
            found.push(Diagnostic::at(source, span, "two accounts have the same `name`"));
            continue;
        }
        let unnamed = (1..).zip(&given).find(|(number, given)| given.is_none() && number.to_string() == name);
        if let Some((number, _)) = unnamed {
            let message = format!("account {number} has no `name`, so it is called `{number}` as well");
            found.push(Diagnostic::at(source, span, message).help("give one of them another name"));
        }
    }
    found
}

/// Checks that robots name existing scripts.
fn scripts(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let Some(calling) = table(tree, "calling") else { return Vec::new() };
    let scripts = table(calling, "scripts").into_iter().flat_map(|scripts| scripts.keys());
    let known: Vec<&str> = scripts.map(|name| name.get_ref().as_ref()).collect();
    let named = tables(calling, "robots").into_iter().filter_map(|robot| spanned_text(robot, "script"));
    let missing = named.filter(|(name, _)| !known.contains(name));
    missing
        .map(|(name, span)| {
            let mistake = Diagnostic::at(source, span, format!("there is no script `{name}`"));
            match nearest(name, known.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("declare it: `[calling.scripts.{name}]`")),
            }
        })
        .collect()
}

/// Checks that groups and agents have different names.
fn groups(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let (mut names, mut agents) = (BTreeSet::new(), BTreeSet::new());
    let Some(dialer) = table(tree, "dialer") else { return found };
    for group in tables(dialer, "groups") {
        if let Some((name, span)) = spanned_text(group, "name")
            && !names.insert(name)
        {
            found.push(Diagnostic::at(source, span, "two groups have the same `name`"));
        }
        for agent in items(group, "agents") {
            if let Some(text) = agent.get_ref().as_str()
                && !agents.insert(text)
            {
                let message = format!("the agent `{text}` is listed twice");
                found.push(Diagnostic::at(source, agent.span(), message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        match check_file(&SourceFile::new("settings.toml", text), Catalog::builtin()) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn accounts_have_different_names() {
        let account =
            |keys: &str, key: u32| format!("[[accounts]]\napp_key = 'key {key}'\napp_secret = 's'\n{keys}\n");
        let of = |first: &str, second: &str| problems(&(account(first, 1) + &account(second, 2)));
        assert_eq!(of("name = 'a'", "name = 'b'"), "");
        assert_eq!(of("name = '1'", ""), "");
        let same = of("name = 'a'", "name = 'a'");
        assert!(same.contains("two accounts have the same `name`"), "{same}");
        for (first, second, number) in [("name = '2'", "", 2), ("", "name = '1'", 1)] {
            let message = of(first, second);
            let wanted = format!("account {number} has no `name`, so it is called `{number}` as well");
            assert!(message.contains(&wanted), "{message}");
        }
    }

    #[test]
    fn a_mix_needs_an_outcome_however_a_zero_is_written() {
        for zero in ["0", "+0", "0x0"] {
            let message = problems(&format!("[calling]\nmix = {{ talked = {zero}, busy = 0 }}\n"));
            assert!(message.contains("the mix has no outcome"), "{zero}: {message}");
        }
        assert_eq!(problems("[calling]\nmix = { talked = +1, busy = 0 }\n"), "");
    }
}
