//! Commands to copy into a shell.

/// Quotes a word for a POSIX shell, if it needs to be quoted.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_a_shell_whole() {
        for (word, wanted) in [
            ("/home/a/ca.pem", "/home/a/ca.pem"),
            ("/home/a b/ca.pem", "'/home/a b/ca.pem'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), wanted);
        }
    }
}
