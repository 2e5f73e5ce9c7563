//! `init`: creates a folder to begin with. Its files are those of `recipes/`, and the settings file is generated from the
//! schema.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::shell::quoted;
use super::{CommandError, Exit};
use crate::files::visible;

const EXAMPLES: &str = "\
Examples:
    airudder-mock init airudder-tests
    airudder-mock init . --language node

Receivers with Flask, FastAPI, Django, Express, Fastify, NestJS, axum and ASP.NET are in the folder recipes/ of the \
source.";

/// The arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder. It is created if it does not exist; existing files are never overwritten.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The language of the receiver.
    #[arg(long, value_enum, default_value_t = Language::Python)]
    language: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    /// Python 3.9, without packages.
    Python,
    /// Node.js 18, without packages.
    Node,
    /// Go 1.19, without packages.
    Go,
    /// PHP 8.1, without packages.
    Php,
    /// Ruby 3, with the gem webrick.
    Ruby,
    /// Java 17, with Gson.
    Java,
}

/// Gets Gson as `gson.jar`, with Maven.
const GSON: &str = "mvn -q dependency:copy -Dartifact=com.google.code.gson:gson:2.11.0 -DoutputDirectory=. \
    -Dmdep.stripVersion=true";

/// A file of `recipes/`: its name and its text.
type Recipe = (&'static str, &'static str);

impl Language {
    fn receiver(self) -> &'static [Recipe] {
        match self {
            Self::Python => &[
                ("receiver.py", include_str!("../../recipes/python/receiver.py")),
                ("test_receiver.py", include_str!("../../recipes/python/test_receiver.py")),
            ],
            Self::Node => &[
                ("receiver.mjs", include_str!("../../recipes/node/receiver.mjs")),
                ("receiver.test.mjs", include_str!("../../recipes/node/receiver.test.mjs")),
            ],
            Self::Go => &[("receiver.go", include_str!("../../recipes/go/receiver.go"))],
            Self::Php => &[("receiver.php", include_str!("../../recipes/php/receiver.php"))],
            Self::Ruby => &[("receiver.rb", include_str!("../../recipes/ruby/receiver.rb"))],
            Self::Java => &[("Receiver.java", include_str!("../../recipes/java/Receiver.java"))],
        }
    }

    /// Returns the command that gets the library that the receiver needs, if it needs one.
    fn library(self) -> Option<&'static str> {
        match self {
            Self::Ruby => Some("gem install webrick"),
            Self::Java => Some(GSON),
            Self::Python | Self::Node | Self::Go | Self::Php => None,
        }
    }

    /// Returns the command that starts the receiver, which listens at the port in `PORT`.
    fn start(self) -> &'static str {
        match self {
            Self::Python => "python3 receiver.py",
            Self::Node => "node receiver.mjs",
            Self::Go => "go run receiver.go",
            Self::Php => "sh -c 'exec php -S 127.0.0.1:$PORT receiver.php'",
            Self::Ruby => "ruby receiver.rb",
            Self::Java => "java -cp gson.jar Receiver.java",
        }
    }

    /// Returns the command that starts the receiver at port 3000.
    fn start_by_hand(self) -> &'static str {
        match self {
            Self::Php => "php -S 127.0.0.1:3000 receiver.php",
            _ => self.start(),
        }
    }

    /// Returns the receiver's own tests, if its language has a test runner.
    fn tests(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("python3 -m unittest"),
            Self::Node => Some("node --test"),
            Self::Go | Self::Php | Self::Ruby | Self::Java => None,
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let settings = crate::settings::commented();
    let mut files: Vec<(&str, &str)> =
        vec![("airudder-mock.toml", &settings), ("story.toml", include_str!("../../recipes/story.toml"))];
    files.extend(args.language.receiver());
    let there: Vec<String> = files
        .iter()
        .map(|(name, _)| args.folder.join(name))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| visible(&path.to_string_lossy()).into_owned())
        .collect();
    if !there.is_empty() {
        let (exist, them) = if there.len() == 1 { ("exists", "it") } else { ("exist", "them") };
        return Err(CommandError::usage(format!(
            "{} {exist} already, so nothing was written; give another folder, or move {them} away",
            there.join(", ")
        )));
    }
    fs::create_dir_all(&args.folder).map_err(|error| super::cannot_write(&args.folder, &error))?;
    for (name, text) in &files {
        let path = args.folder.join(name);
        written(&path, text).map_err(|error| super::cannot_write(&path, &error))?;
    }
    super::print(&next_steps(args, &files))
}

/// Writes a file that must not exist yet.
fn written(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn next_steps(args: &Args, files: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = files
        .iter()
        .map(|(name, _)| format!("wrote {}", visible(&args.folder.join(name).to_string_lossy())))
        .collect();
    lines.extend([String::new(), "Next:".to_owned()]);
    if args.folder != Path::new(".") {
        lines.push(format!("  cd {}", quoted(&visible(&args.folder.to_string_lossy()))));
    }
    let language = args.language;
    lines.extend(language.library().map(|library| format!("  {library}")));
    lines.extend(language.tests().map(|tests| format!("  {tests}")));
    lines.push(format!("  airudder-mock run story.toml --speed max -- {}", language.start()));
    lines.extend([String::new(), "While you work, in two terminals:".to_owned()]);
    lines.push(format!("  {}", language.start_by_hand()));
    lines.push("  airudder-mock serve --watch --callback-url http://127.0.0.1:3000/callbacks".to_owned());
    lines.join("\n") + "\n"
}
