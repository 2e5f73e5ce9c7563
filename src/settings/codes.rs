//! Mistakes of `[codes]`: codes that nothing refuses with, and codes of success.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::de::DeTable;

use crate::contract::envelope::{codes, success_code};
use crate::contract::{Catalog, Entry, Family};
use crate::files::suggest::nearest;
use crate::files::tables::table;
use crate::files::{Diagnostic, SourceFile};

/// Finds every mistake in the codes of a file.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Some(scopes) = table(tree, "codes") else { return found };
    for (scope, pairs) in scopes {
        let (Some(pairs), Some(families)) = (pairs.get_ref().as_table(), families(scope.get_ref(), catalog))
        else {
            continue;
        };
        let success: BTreeSet<i64> = families.iter().map(|family| success_code(*family)).collect();
        let known: Vec<i64> =
            families.iter().flat_map(|family| codes(*family)).map(|code| code.code).collect();
        for (code, other) in pairs {
            // The mistakes of a text that is no code are reported elsewhere.
            let Ok(number) = code.get_ref().parse::<i64>() else { continue };
            let is_success = success.contains(&number);
            if is_success && success.len() == 1 {
                let message = format!("{number} means success here: only codes of refusals can be corrected");
                found.push(Diagnostic::at(source, code.span(), message));
            } else if !known.contains(&number) {
                let names: Vec<String> = known.iter().map(i64::to_string).collect();
                let near = nearest(&number.to_string(), names.iter().map(String::as_str));
                let help = match near {
                    Some(near) => {
                        format!("did you mean {near}? `airudder-mock catalog --codes` lists them all")
                    }
                    None => "`airudder-mock catalog --codes` lists the mock's codes".to_owned(),
                };
                let message = format!("the mock refuses nothing with the code {number} here");
                found.push(Diagnostic::at(source, code.span(), message).help(help));
            }
            let other_number = other.get_ref().as_integer().and_then(|written| written.as_str().parse().ok());
            if other_number.is_some_and(|other| success.contains(&other)) {
                let message = "this code means success here, so that the refusal would count as one";
                found.push(Diagnostic::at(source, other.span(), message));
            }
        }
    }
    found
}

/// Returns the families that a scope is about. `None` if it is wrong, which is reported elsewhere, or if it is about endpoints of
/// the user's own, which refuse with any code.
fn families(scope: &str, catalog: &Catalog) -> Option<Vec<Family>> {
    if let Some(family) = Family::ALL.into_iter().find(|family| family.as_str() == scope) {
        return Some([family].into());
    }
    let is_meant = |entry: &&Entry| match scope.strip_suffix('*') {
        Some(group) => entry.id.starts_with(group),
        None => entry.id == scope,
    };
    let meant: Vec<&Entry> = catalog.requests().filter(is_meant).collect();
    let is_own = |entry: &&Entry| Catalog::builtin().get(&entry.id).is_none();
    (!meant.is_empty() && !meant.iter().any(is_own)).then(|| meant.iter().map(|entry| entry.family).collect())
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn codes_of_success_and_codes_of_nothing_are_refused() {
        let settings = "[codes]\ncloud = { 200 = 0, 41 = 9, 9999 = 5, 404 = 40401 }\n\
            dialer = { 10516 = 0 }\n'task.*' = { 408 = 1 }\n'x.y' = { 4711 = 4712 }\n\
            [[endpoints]]\nid = 'x.y'\npath = '/x'\nrefuse = [{ when = '{{ true }}', code = 4711, message = 'no' }]\n";
        insta::assert_snapshot!(Settings::from_text(settings).unwrap_err().to_string());
    }
}
