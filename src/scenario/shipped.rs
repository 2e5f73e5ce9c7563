//! The scenarios that ship with the program. They are compiled in, so that it needs no files beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::SourceFile;
use crate::files::suggest::nearest;

/// Their folder in the source, so that messages about them name files that users can find.
pub(super) const FOLDER: &str = "scenarios";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name)))),*]
    };
}

/// The scenarios by their paths below the folder, with everything they include.
const SHIPPED: &[(&str, &str)] = shipped![
    "agent-transfer-refused.toml",
    "agent-transfer.toml",
    "all-events.toml",
    "bot-solves-it.toml",
    "busy-day.toml",
    "first-transfer.toml",
    "interactive.toml",
    "load-transfer.toml",
    "media.toml",
    "no-agent-in-time.toml",
    "opt-out.toml",
    "own-channel.toml",
    "parts/opening.toml",
    "template-campaign.toml",
    "unusual-texts.toml",
    "user-silent.toml",
    "your-campaign.toml",
    "your-workflow.toml",
];

/// Returns their texts, by their paths.
pub(super) fn texts() -> BTreeMap<PathBuf, Arc<SourceFile>> {
    let texts = SHIPPED.iter().map(|(name, text)| {
        let path = Path::new(FOLDER).join(name);
        let source = SourceFile::new(path.display().to_string(), *text);
        (path, source)
    });
    texts.collect()
}

/// Returns the names of those that are complete scenarios: `first-transfer`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().filter(|(name, _)| !name.contains('/')).filter_map(|(name, _)| name.strip_suffix(".toml"))
}

/// Returns the path of a scenario.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.toml"))
}

/// Returns the shipped scenario that a path means if no such file exists.
pub(super) fn named(path: &Path) -> Option<&'static str> {
    let name = path.to_str()?;
    names().find(|own| *own == name).filter(|_| !path.exists())
}

/// Returns the shipped scenario that was probably meant by a file that does not exist.
pub(super) fn near(path: &Path) -> Option<&'static str> {
    let stem = path.file_stem()?.to_str()?;
    match names().find(|own| *own == stem) {
        None if is_name(path) => nearest(stem, names()),
        exact => exact,
    }
}

/// Returns advice about a file that does not exist: the shipped scenario that was probably meant, or all of them.
pub(super) fn meant(path: &Path) -> Option<String> {
    match near(path) {
        Some(name) => Some(format!(
            "`{name}` is a story that ships with the program: write it without folder and ending"
        )),
        None if is_name(path) => {
            let all: Vec<&str> = names().collect();
            Some(format!("these stories ship with the program and need no file: {}", all.join(", ")))
        }
        None => None,
    }
}

/// Whether a path has no folder, so that it may be meant as the name of a shipped scenario.
fn is_name(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_of_the_folder_ship() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let files = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect::<Vec<_>>()
        };
        let there = [files(&folder), files(&folder.join("parts"))].concat();
        let there = there.iter().map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
        let known = SHIPPED.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(there.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_name_is_enough_and_a_path_that_leads_nowhere_is_explained() {
        assert_eq!(named(Path::new("first-transfer")), Some("first-transfer"));
        assert_eq!(named(Path::new("scenarios/first-transfer.toml")), None);
        let said =
            "`first-transfer` is a story that ships with the program: write it without folder and ending";
        for path in ["nowhere/first-transfer.toml", "first-transfer.toml", "first-transfr"] {
            assert_eq!(meant(Path::new(path)).as_deref(), Some(said), "{path}");
        }
        for path in ["nosuch.toml", "nosuch"] {
            let said = meant(Path::new(path)).unwrap();
            assert!(names().all(|name| said.contains(name)), "{said}");
        }
        assert_eq!(meant(Path::new("tests/mine.toml")), None);
    }
}
