//! The version of the program, and when it was built.

use std::sync::OnceLock;

use jiff::Timestamp;

/// Returns when this program was written to disk, or `None` if that is unknown.
pub(crate) fn built() -> Option<&'static str> {
    static BUILT: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let modified = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
        let moment = Timestamp::try_from(modified.ok()?).ok()?;
        Some(format!("{moment:.0}"))
    };
    BUILT.get_or_init(find).as_deref()
}

/// Returns the value of the `server` header of every response: `airudder-mock/0.1.0 (built 2030-01-01T00:00:00Z)`.
pub(super) fn server() -> String {
    let own = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    built().map_or_else(|| own.to_owned(), |built| format!("{own} (built {built})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_knows_when_it_was_built() {
        let server = server();
        assert!(server.starts_with("airudder-mock/") && server.ends_with("Z)"), "{server}");
        assert!(built().unwrap().parse::<Timestamp>().is_ok());
    }
}
