//! Reads scenario files with their includes. Either everything is right, or every mistake is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::check::nevers::{self, Laid};
use super::check::variables::{self, InOrder};
use super::check::{self, Checked, Named, StepOutline};
use super::file::{ReactionFile, ScenarioFile, StepFile};
use super::shipped;
use crate::contract::Catalog;
use crate::files::diagnostic::quoted;
use crate::files::{Diagnostic, Place, Problems, SourceFile, Tree};

/// Maximum depth of includes.
const DEEPEST: usize = 16;

/// Maximum number of including files that a message names.
const LONGEST_CHAIN: usize = 4;

/// Maximum number of files in one story, each counted as often as it is included.
const MOST_FILES: usize = 10_000;

/// Maximum number of steps of a story, repeats not counted.
const MOST_STEPS: usize = 100_000;

/// The texts of files by their paths, used in place of files on the disk.
pub type Texts = BTreeMap<PathBuf, Arc<SourceFile>>;

/// A scenario without mistakes, with its includes expanded.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its `name`, or the file name without its extension.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The top-level keys. Variables and faults are those of all files: the variables in the order in which they get their
    /// values, those of includes first. A variable that is given again keeps its place and has the later value, so that an
    /// included file can be adjusted. The faults of a file that is included twice occur once.
    pub file: ScenarioFile,
    /// The steps in the order in which they are taken; none of them is an `include`. Those of a block follow it.
    pub steps: Vec<PlacedStep>,
    /// The names that its templates read.
    pub read: BTreeSet<String>,
    /// The texts that it was read from.
    pub texts: Texts,
    /// Probable mistakes: unknown fields and words. The scenario can run all the same.
    pub doubts: Problems,
    /// The reactions; those of a file that is included twice occur once.
    pub reactions: Vec<Placed<ReactionFile>>,
}

/// A part of a file with its place.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// Its place.
    pub place: Place,
    /// The part itself.
    pub value: T,
}

/// A step with its place.
#[derive(Clone, Debug)]
pub struct PlacedStep {
    /// Its place.
    pub place: Place,
    /// The step, without the steps of a block.
    pub value: StepFile,
    /// Number of the following steps that belong to the block, inner blocks included; 0 if it is not a block.
    pub size: usize,
}

/// Reads one scenario: a file, or a shipped one by its name. `extra_vars` are the variables set from outside, with `--set`.
pub fn load(path: &Path, catalog: &Catalog, extra_vars: &[&str]) -> Result<Scenario, Problems> {
    if let Some(name) = shipped::named(path) {
        return load_text(&shipped::texts(), &shipped::path(name), catalog, extra_vars);
    }
    load_from(Source::Disk(folders(path)), path, catalog, extra_vars)
}

/// Whether a path is the name of a shipped scenario and not a file.
pub fn is_shipped(path: &Path) -> bool {
    shipped::named(path).is_some()
}

/// Returns the names of the shipped scenarios.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    shipped::names()
}

/// Whether a path is neither a file nor similar to the name of a shipped scenario.
pub fn is_neither(path: &Path) -> bool {
    !path.exists() && shipped::near(path).is_none()
}

/// Reads the file of a scenario from the disk. If it does not exist, the error says which shipped scenario may be meant.
///
/// # Errors
///
/// If it can't be read.
pub fn read(path: &Path) -> Result<Arc<SourceFile>, Problems> {
    SourceFile::read(path).map_err(|unreadable| explained(path, unreadable))
}

/// Says which shipped scenario may be meant by a file that can't be read, if it does not exist.
fn explained(path: &Path, unreadable: Problems) -> Problems {
    match shipped::meant(path).filter(|_| !path.exists()) {
        Some(meant) => {
            let shown = quoted(&path.display().to_string());
            Diagnostic::general(format!("can't read {shown}: there is no such file")).help(meant).into()
        }
        None => unreadable,
    }
}

/// Does the same with these texts as the files, without access to the disk.
pub fn load_text(
    texts: &Texts,
    path: &Path,
    catalog: &Catalog,
    extra_vars: &[&str],
) -> Result<Scenario, Problems> {
    load_from(Source::Texts(texts), path, catalog, extra_vars)
}

fn load_from(
    source: Source<'_>,
    path: &Path,
    catalog: &Catalog,
    extra_vars: &[&str],
) -> Result<Scenario, Problems> {
    let mut loader = Loader {
        catalog,
        files: BTreeMap::new(),
        source,
        problems: Problems::new(),
        included: 0,
        steps: 0,
        full: false,
    };
    let scenario = loader.scenario(path, extra_vars);
    match scenario {
        Some(scenario) if loader.problems.are_doubts() => {
            Ok(Scenario { doubts: loader.problems, ..scenario })
        }
        _ => Err(loader.problems),
    }
}

/// Returns the folders that included files may be in: below the scenario's own folder, both as named and resolved, and below
/// the working folder. The root of the disk does not count.
fn folders(scenario: &Path) -> Vec<PathBuf> {
    let named = scenario.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = std::fs::canonicalize(scenario).ok();
    let real = real.as_deref().and_then(Path::parent).map(Path::to_owned);
    let folders = [Path::new("."), named].into_iter().filter_map(|folder| std::fs::canonicalize(folder).ok());
    folders.chain(real).filter(|folder| folder.parent().is_some()).collect()
}

/// Reads several scenarios; the mistakes of all are reported together.
pub fn load_many(paths: &[&Path], catalog: &Catalog, extra_vars: &[&str]) -> Result<Vec<Scenario>, Problems> {
    let mut problems = Problems::new();
    let mut scenarios = Vec::new();
    for path in paths {
        match load(path, catalog, extra_vars) {
            Ok(scenario) => scenarios.push(scenario),
            Err(more) => problems.extend(more),
        }
    }
    problems.into_result(scenarios)
}

/// A file that was read, under a path that identifies it whatever path names it.
struct Loaded {
    key: PathBuf,
    /// The path as named.
    path: PathBuf,
    checked: Checked,
}

/// The source of files.
enum Source<'a> {
    /// The disk; included files must be below these folders.
    Disk(Vec<PathBuf>),
    Texts(&'a Texts),
}

impl Source<'_> {
    /// Returns the path that identifies a file, whatever path names it.
    fn key(&self, path: &Path) -> PathBuf {
        match self {
            Self::Disk(_) => std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            Self::Texts(_) => path.to_owned(),
        }
    }

    fn read(&self, path: &Path) -> Result<Arc<SourceFile>, Problems> {
        match self {
            Self::Disk(_) => SourceFile::read(path),
            Self::Texts(texts) => texts.get(path).cloned().ok_or_else(|| {
                let path = path.display();
                Diagnostic::general(format!("can't read {path}: it is not among the scenarios here")).into()
            }),
        }
    }

    /// Whether a file may not be included because of its location: running a scenario of someone else must not read and show
    /// any file of the machine. A file that does not exist is reported as such.
    fn is_outside(&self, path: &Path) -> bool {
        let Self::Disk(folders) = self else { return false };
        let real = std::fs::canonicalize(path);
        real.is_ok_and(|real| !folders.iter().any(|folder| real.starts_with(folder)))
    }

    /// Returns the path without `..`, if it leads to the same file: `b.toml` reads better than `a/../b.toml`.
    fn plain(&self, path: PathBuf) -> PathBuf {
        let short = shortened(&path);
        let folder = |path: &Path| {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::canonicalize(folder)
        };
        match self {
            Self::Texts(_) => short,
            Self::Disk(_) => match (folder(&short), folder(&path)) {
                (Ok(one), Ok(other)) if one == other => short,
                _ => path,
            },
        }
    }
}

struct Loader<'a> {
    catalog: &'a Catalog,
    /// Every file read, by the path that identifies it.
    files: BTreeMap<PathBuf, Rc<Loaded>>,
    source: Source<'a>,
    problems: Problems,
    /// Number of files expanded so far.
    included: usize,
    steps: usize,
    full: bool,
}

/// The files and steps of a story, in order.
#[derive(Default)]
struct Layout {
    /// Each file once, in the order of variables and reactions.
    files: Vec<Rc<Loaded>>,
    seen: BTreeSet<PathBuf>,
    /// The steps; those of a block follow it.
    steps: Vec<LaidOut>,
    /// Whether a file could not be read, so that the variables it sets are unknown.
    incomplete: bool,
}

/// A step in a story.
struct LaidOut {
    loaded: Rc<Loaded>,
    /// The place in the file: its index there, or those of the blocks around it and its index in the innermost.
    at: Vec<usize>,
    /// The conversation it belongs to, if it or a block around it names one.
    conversation: Option<String>,
    /// Number of the following steps that belong to the block.
    size: usize,
}

impl LaidOut {
    /// Returns the step with what it forbids. `None` if its file has mistakes.
    fn laid(&self) -> Option<Laid<'_>> {
        let Checked { source, outline, .. } = &self.loaded.checked;
        let step = self.loaded.checked.step(&self.at)?.get_ref();
        let never = outline.as_ref()?.step(&self.at)?.never.as_ref();
        Some(Laid { source, step, never, size: self.size })
    }
}

impl Loader<'_> {
    fn scenario(&mut self, path: &Path, extra_vars: &[&str]) -> Option<Scenario> {
        let root = match self.open(path) {
            Ok(root) => root,
            Err(unreadable) => {
                self.problems.extend(explained(path, unreadable));
                return None;
            }
        };
        let mut layout = Layout::default();
        let mut read = BTreeSet::new();
        self.lay_out(&root, None, &mut Vec::new(), &mut layout);
        if !layout.incomplete {
            let mut in_order = InOrder::default();
            for loaded in &layout.files {
                if let Some(outline) = &loaded.checked.outline {
                    in_order.files.push((&loaded.checked.source, outline));
                }
            }
            for LaidOut { loaded, at, .. } in &layout.steps {
                let outline = loaded.checked.outline.as_ref();
                if let Some(step) = outline.and_then(|outline| outline.step(at)) {
                    in_order.steps.push((&loaded.checked.source, step));
                }
            }
            read = variables::check(&in_order, extra_vars, &mut self.problems);
        }
        let texts = self.files.values().map(|file| (file.path.clone(), Arc::clone(&file.checked.source)));
        let scenario = Scenario { read, texts: texts.collect(), ..assemble(&root, &layout)? };
        if !layout.incomplete {
            self.nevers(&layout, &scenario);
        }
        let empty =
            scenario.steps.is_empty() && scenario.reactions.is_empty() && scenario.file.faults.is_empty();
        if empty && self.problems.are_doubts() {
            let mistake = Diagnostic::whole(&root.checked.source, "this scenario does nothing");
            self.problems.push(mistake.help(
                "it has neither steps nor reactions: begin a step with `[[steps]]`, a reaction with `[[on]]`",
            ));
        }
        Some(scenario)
    }

    /// Checks the `never` steps of a story.
    fn nevers(&mut self, layout: &Layout, scenario: &Scenario) {
        let Some(steps) = layout.steps.iter().map(LaidOut::laid).collect::<Option<Vec<_>>>() else { return };
        let reacts = scenario.reactions.iter().any(|reaction| !reaction.value.send.is_empty());
        nevers::check(&steps, reacts, &mut self.problems);
    }

    /// Reads and checks a file, once.
    ///
    /// # Errors
    ///
    /// If it can't be read at all.
    fn open(&mut self, path: &Path) -> Result<Rc<Loaded>, Problems> {
        let key = self.source.key(path);
        if let Some(known) = self.files.get(&key) {
            return Ok(Rc::clone(known));
        }
        let source = self.source.read(path)?;
        let checked = check::file(&source, self.catalog, &mut self.problems);
        let loaded = Rc::new(Loaded { key: key.clone(), path: path.to_owned(), checked });
        self.files.insert(key, Rc::clone(&loaded));
        Ok(loaded)
    }

    /// Expands a file: its includes, its steps, and then the file itself, so that its variables come after those it includes.
    fn lay_out(
        &mut self,
        loaded: &Rc<Loaded>,
        conversation: Option<&str>,
        within: &mut Vec<(Rc<Loaded>, Place)>,
        layout: &mut Layout,
    ) {
        let Some(outline) = &loaded.checked.outline else {
            layout.incomplete = true;
            return;
        };
        for include in &outline.includes {
            self.include(loaded, include, conversation, within, layout);
        }
        self.lay_out_steps(loaded, &outline.steps, &mut Vec::new(), conversation, within, layout);
        if layout.seen.insert(loaded.key.clone()) {
            layout.files.push(Rc::clone(loaded));
        }
        if self.steps > MOST_STEPS && !self.full {
            self.full = true;
            let message = format!("with its includes the story has more than {MOST_STEPS} steps");
            self.problems.push(
                Diagnostic::whole(&loaded.checked.source, message).help("use `repeat` and `copies` instead"),
            );
        }
    }

    /// Expands the steps of a file, or those of the block at a place in it.
    fn lay_out_steps(
        &mut self,
        loaded: &Rc<Loaded>,
        steps: &[StepOutline],
        at: &mut Vec<usize>,
        conversation: Option<&str>,
        within: &mut Vec<(Rc<Loaded>, Place)>,
        layout: &mut Layout,
    ) {
        for (index, step) in steps.iter().enumerate() {
            at.push(index);
            let own = loaded.checked.step(at).and_then(|step| step.get_ref().conversation.as_deref());
            let conversation = own.or(conversation);
            if let Some(include) = &step.include {
                self.include(loaded, include, conversation, within, layout);
            } else {
                self.steps += 1;
                if self.steps <= MOST_STEPS {
                    let number = layout.steps.len();
                    layout.steps.push(LaidOut {
                        loaded: Rc::clone(loaded),
                        at: at.clone(),
                        conversation: conversation.map(str::to_owned),
                        size: 0,
                    });
                    self.lay_out_steps(loaded, &step.group, at, conversation, within, layout);
                    layout.steps[number].size = layout.steps.len() - number - 1;
                }
            }
            at.pop();
        }
    }

    /// Expands an included file, or reports why that is not possible.
    fn include(
        &mut self,
        from: &Rc<Loaded>,
        include: &Named,
        conversation: Option<&str>,
        within: &mut Vec<(Rc<Loaded>, Place)>,
        layout: &mut Layout,
    ) {
        // An empty path is a mistake reported elsewhere. Of too many files one report is enough.
        if include.name.trim().is_empty() || self.full {
            layout.incomplete = true;
            return;
        }
        let source = &from.checked.source;
        let path = self.source.plain(from.path.parent().unwrap_or(Path::new("")).join(&include.name));
        within.push((Rc::clone(from), source.place(include.span.start)));
        self.included += 1;
        self.full |= self.included > MOST_FILES;
        let refusal = if self.full {
            let message = format!("the story includes more than {MOST_FILES} files");
            Some(Diagnostic::general(message).help("use `repeat` and `copies` instead"))
        } else if self.source.is_outside(&path) {
            let message =
                format!("{} lies outside of the scenario's folder and of the working folder", path.display());
            let help = "copy the file there, or start the program in a folder above both";
            Some(Diagnostic::general(message).help(help))
        } else {
            match self.open(&path) {
                Ok(inner) => {
                    let refusal = refusal(&inner, within);
                    if refusal.is_none() {
                        self.lay_out(&inner, conversation, within, layout);
                    }
                    refusal
                }
                Err(unreadable) => unreadable
                    .into_iter()
                    .next()
                    .map(|one| one.help("paths are relative to the folder of the including file")),
            }
        };
        if let Some(mut refusal) = refusal {
            layout.incomplete = true;
            refusal.file = Some(Arc::clone(source));
            refusal.span = Some(include.span.clone());
            // The last of them is the file of the mistake itself.
            let chain = within.iter().rev().skip(1).take(LONGEST_CHAIN);
            refusal.notes.extend(chain.map(|(_, place)| format!("included at {place}")));
            self.problems.push(refusal);
        }
        within.pop();
    }
}

/// Returns why a file can't be included at this point, without its place.
fn refusal(inner: &Loaded, within: &[(Rc<Loaded>, Place)]) -> Option<Diagnostic> {
    if let Some(first) = within.iter().position(|(outer, _)| outer.key == inner.key) {
        let round = within[first..].iter().map(|(outer, _)| outer.checked.source.path());
        let round: Vec<&str> = round.chain([inner.checked.source.path()]).map(AsRef::as_ref).collect();
        let circle = format!("the cycle: {}", round.join(" → "));
        Some(Diagnostic::general("this include never ends").note(circle))
    } else if within.len() > DEEPEST {
        Some(Diagnostic::general(format!("includes are nested more than {DEEPEST} deep")))
    } else {
        None
    }
}

/// Returns the path without `..`, judging by its text alone.
fn shortened(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            other => short.push(other),
        }
    }
    short
}

/// Combines the typed files; `None` if one of them has mistakes.
fn assemble(root: &Loaded, layout: &Layout) -> Option<Scenario> {
    let mut file = root.checked.file.clone()?;
    let mut vars = Tree::new();
    let mut reactions = Vec::new();
    let mut faults = Vec::new();
    for loaded in &layout.files {
        let part = loaded.checked.file.as_ref()?;
        // `insert` leaves an existing name at its place.
        vars.extend(part.vars.iter().map(|(name, value)| (name.clone(), value.clone())));
        faults.extend(part.faults.iter().cloned());
        for reaction in &part.on {
            let place = loaded.checked.source.place(reaction.span().start);
            reactions.push(Placed { place, value: reaction.get_ref().clone() });
        }
    }
    let mut steps = Vec::new();
    for LaidOut { loaded, at, conversation, size } in &layout.steps {
        let step = loaded.checked.step(at)?;
        let mut value = step.get_ref().clone();
        value.conversation = conversation.clone();
        value.group = Vec::new();
        let place = loaded.checked.source.place(step.span().start);
        steps.push(PlacedStep { place, value, size: *size });
    }
    let stem =
        || root.path.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into());
    file.vars = vars;
    file.faults = faults;
    let name = file.name.clone().unwrap_or_else(stem);
    Some(Scenario {
        name,
        path: root.path.clone(),
        file,
        steps,
        reactions,
        read: BTreeSet::new(),
        texts: Texts::new(),
        doubts: Problems::new(),
    })
}
