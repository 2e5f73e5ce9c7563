//! The files of the page.

/// A file: its name, its content type, its text.
type File = (&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! files {
    ($($kind:ident $name:literal),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("assets/", $name)))),*]
    };
}

/// All files.
const FILES: &[File] = files![
    HTML "index.html",
    STYLE "page.css",
    PICTURE "icon.svg",
    SCRIPT "main.js",
    SCRIPT "dom.js",
    SCRIPT "api.js",
    SCRIPT "wire.js",
    SCRIPT "timeline.js",
    SCRIPT "toolbar.js",
    SCRIPT "detail.js",
    SCRIPT "json.js",
    SCRIPT "signature.js",
    SCRIPT "phone.js",
    SCRIPT "bubbles.js",
    SCRIPT "controls.js",
    SCRIPT "graph.js",
    SCRIPT "load.js",
    SCRIPT "objects.js",
    SCRIPT "catalog.js",
    SCRIPT "shell.js",
    SCRIPT "stories.js",
    SCRIPT "trace.js",
];

/// Returns the content type and the text of the file with this name.
pub(super) fn find(name: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|file| file.0 == name).map(|file| (file.1, file.2))
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People keep the page open beside their work: it must load at once and add little to the program.
    #[test]
    fn all_of_it_is_small() {
        let bytes: usize = FILES.iter().map(|file| file.2.len()).sum();
        assert!(bytes < 300 << 10, "{bytes} bytes");
    }
}
