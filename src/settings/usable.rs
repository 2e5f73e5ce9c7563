//! What a file without mistakes leads to and yet can't be used: hosts that callbacks may not be sent to, certificates, and the
//! default secret under a scheme that needs another one.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::Settings;
use super::routes::url_for;
use crate::contract::signature::{SECRET_VARIABLE, Scheme, Signer};
use crate::files::tables::{key_span, spanned_text, table};
use crate::files::{Diagnostic, Problems};
use crate::net::{Guard, Target};

impl Settings {
    /// Checks that the callback URL and all routes of the file lead to allowed hosts.
    ///
    /// # Errors
    ///
    /// Every URL of another host, with its place.
    pub fn check_hosts(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        // The allowed hosts were checked when they were read.
        let guard = Guard::allowing(&self.allow).unwrap_or_default();
        problems.extend(self.callback_host(&guard));
        problems.extend(self.routes.not_allowed(&self.catalog, &guard));
        problems.into_result(())
    }

    /// Checks that a mock could start with these settings: hosts, certificates and the default secret.
    ///
    /// # Errors
    ///
    /// Everything that would prevent it, with its place.
    pub fn check_start(&self) -> Result<(), Problems> {
        let mut problems = self.check_hosts().err().unwrap_or_default();
        problems.extend(self.certificates());
        problems.extend(self.default_secret());
        problems.into_result(())
    }

    /// Reports the callback URL of the file if its host is not allowed.
    fn callback_host(&self, guard: &Guard) -> Option<Diagnostic> {
        let source = self.source.as_ref()?;
        let (tree, _) = DeTable::parse_recoverable(source.text());
        // One from the command line or the environment has no place in the file.
        let (url, span) = spanned_text(tree.get_ref(), "callback_url")
            .filter(|(url, _)| self.callback_url.as_deref() == Some(*url))?;
        let target: Target = url_for(url, "event").parse().ok()?;
        let error = guard.consider(target.host()).err()?;
        let help = format!("add it here, `[target] allow = [\"{}\"]`, or by the flag", target.host());
        Some(Diagnostic::at(source, span, error.to_string()).help(help))
    }

    /// Reports certificates and keys that can't be used.
    fn certificates(&self) -> Option<Diagnostic> {
        let error = self.tls.check().err()?;
        let span = |tree: &DeTable<'_>| table(tree, "target")?.get(error.key()).map(Spanned::span);
        Some(self.at(span, error.to_string()))
    }

    /// Reports that there is no secret although the scheme needs one of a certain form.
    fn default_secret(&self) -> Option<Diagnostic> {
        if std::env::var_os(SECRET_VARIABLE).is_some_and(|secret| !secret.is_empty()) {
            return None;
        }
        let scheme = Scheme::from_file(self.signature.as_ref()?).ok()?;
        let error = Signer::try_new(scheme, &self.secret).err()?;
        let span = |tree: &DeTable<'_>| {
            let signature = table(tree, "signature")?;
            key_span(signature, "secret_form").or_else(|| key_span(signature, "preset"))
        };
        let mistake = self.at(span, format!("no `secret` is set, and the default one does not fit: {error}"));
        Some(
            mistake
                .help(format!("write `secret = \"...\"` at the top of the file, or set {SECRET_VARIABLE}")),
        )
    }

    /// Returns a diagnostic at the place in the file that `find` finds.
    fn at(&self, find: impl Fn(&DeTable<'_>) -> Option<Range<usize>>, message: String) -> Diagnostic {
        let Some(source) = &self.source else { return Diagnostic::general(message) };
        let (tree, _) = DeTable::parse_recoverable(source.text());
        match find(tree.get_ref()) {
            Some(span) => Diagnostic::at(source, span, message),
            None => Diagnostic::general(message),
        }
    }
}
