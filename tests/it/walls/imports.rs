//! What the files of a crate use of each other, read off their text.
//!
//! Paths are followed through `use`, `super`, renamed imports and re-exports down to the file that defines what is named,
//! so that a folder's `mod.rs` hides nothing. Macros are read as plain tokens. Test code does not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A module path below the crate: `["simulator", "calling"]`.
type Path = Vec<String>;

/// The files of a crate: their module path and their text, read from `src` or planted by a test.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<Path, String>);

/// What one file uses.
#[derive(Debug, Default)]
pub(crate) struct FileUses {
    /// The files of the crate, by module path.
    pub(crate) files: BTreeSet<Path>,
    /// Paths that lead out of the crate: `std::time::Instant::now`.
    pub(crate) outside: BTreeSet<String>,
}

impl Sources {
    /// A file by its path below `src`: `simulator/calling/mod.rs`.
    pub(crate) fn add(&mut self, file: &str, text: &str) {
        let stem = file.strip_suffix(".rs").expect("a Rust file");
        let mut path: Path = stem.split('/').map(str::to_owned).collect();
        if path.last().is_some_and(|last| last == "mod" || last == "lib") {
            path.pop();
        }
        self.0.insert(path, text.to_owned());
    }

    /// All files below a folder.
    pub(crate) fn read(root: &std::path::Path) -> Self {
        fn walk(sources: &mut Sources, root: &std::path::Path, folder: &std::path::Path) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(sources, root, &path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8");
                    sources.add(name, &std::fs::read_to_string(&path).expect("a text"));
                }
            }
        }
        let mut sources = Self::default();
        walk(&mut sources, root, root);
        sources
    }

    /// What each file uses, without test code.
    pub(crate) fn uses(&self) -> BTreeMap<Path, FileUses> {
        let mut modules: BTreeMap<Path, Module> = BTreeMap::new();
        self.enter(&mut modules, Vec::new());
        // The program's own file stands beside the library.
        self.enter(&mut modules, vec!["main".to_owned()]);
        let crate_ = Crate { modules: &modules };
        modules.iter().map(|(path, module)| (path.clone(), crate_.uses_of(path, module))).collect()
    }

    fn enter(&self, modules: &mut BTreeMap<Path, Module>, path: Path) {
        let Some(text) = self.0.get(&path) else { return };
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.join("::")));
        let mut module = Module::default();
        module.items(&file.items);
        let children = std::mem::take(&mut module.children);
        for child in &children {
            let inner: Path = path.iter().cloned().chain([child.clone()]).collect();
            self.enter(modules, inner);
        }
        module.children = children;
        modules.insert(path, module);
    }
}

/// A file as it is read.
#[derive(Debug, Default)]
struct Module {
    /// The modules it declares in files of their own.
    children: BTreeSet<String>,
    /// Names that `use` brings in, and the paths behind them.
    names: BTreeMap<String, Path>,
    /// Paths whose every name is brought in.
    globs: Vec<Path>,
    /// Paths as they are written.
    paths: BTreeSet<Path>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
            || attribute.path().is_ident("test")
    })
}

impl Module {
    fn items(&mut self, items: &[syn::Item]) {
        for item in items {
            self.visit_item(item);
        }
    }

    fn tree(&mut self, before: &mut Path, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(part) => {
                before.push(part.ident.to_string());
                self.tree(before, &part.tree);
                before.pop();
            }
            syn::UseTree::Name(name) => self.import(before, &name.ident.to_string(), &name.ident.to_string()),
            syn::UseTree::Rename(name) => {
                self.import(before, &name.ident.to_string(), &name.rename.to_string())
            }
            syn::UseTree::Glob(_) => {
                self.paths.insert(before.clone());
                self.globs.push(before.clone());
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree);
                }
            }
        }
    }

    fn import(&mut self, before: &Path, name: &str, known_as: &str) {
        let mut path = before.clone();
        let known_as = if name == "self" && known_as == "self" {
            before.last().cloned().unwrap_or_default()
        } else {
            known_as.to_owned()
        };
        if name != "self" {
            path.push(name.to_owned());
        }
        self.paths.insert(path.clone());
        self.names.insert(known_as, path);
    }

    /// Paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    colons = 0;
                    self.tokens(group.stream());
                }
                // `$crate` names the crate.
                TokenTree::Punct(punct) if punct.as_char() == '$' => self.end(&mut path),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end(&mut path);
                    colons = 0;
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Path) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        match &item.content {
            Some((_, items)) => self.items(items),
            None => {
                self.children.insert(item.ident.to_string());
            }
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.paths.insert(parts);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {
        // Attributes name no code of other files, and derived code uses what the types use.
    }
}

/// What a path leads to.
enum Found {
    File(Path),
    Outside(Path),
}

struct Crate<'a> {
    modules: &'a BTreeMap<Path, Module>,
}

impl Crate<'_> {
    fn uses_of(&self, here: &Path, module: &Module) -> FileUses {
        let mut uses = FileUses::default();
        for path in &module.paths {
            match self.resolve(here, path, 0) {
                Some(Found::File(file)) if file != *here => {
                    uses.files.insert(file);
                }
                Some(Found::Outside(path)) => {
                    uses.outside.insert(path.join("::"));
                }
                Some(Found::File(_)) | None => {}
            }
        }
        uses
    }

    /// What a path that is written in a file leads to; nothing for local names.
    fn resolve(&self, here: &Path, path: &[String], depth: usize) -> Option<Found> {
        // Re-exports that lead in circles lead nowhere.
        if depth > 32 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "airudder_mock" => self.descend(&Vec::new(), rest, depth),
            "self" => self.descend(here, rest, depth),
            "super" => {
                let mut above = here.clone();
                above.pop()?;
                let supers = rest.iter().take_while(|part| *part == "super").count();
                for _ in 0..supers {
                    above.pop()?;
                }
                self.descend(&above, &rest[supers..], depth)
            }
            _ => {
                let module = self.modules.get(here)?;
                if let Some(target) = module.names.get(first) {
                    // `use serde;` names itself.
                    if target.len() == 1 && target[0] == *first {
                        return Some(Found::Outside(path.to_vec()));
                    }
                    let whole: Path = target.iter().chain(rest).cloned().collect();
                    return self.resolve(here, &whole, depth + 1);
                }
                if module.children.contains(first) {
                    return self.descend(here, path, depth);
                }
                // A path of one name is local or comes from a glob; longer ones begin with a crate or a type.
                if path.len() > 1 && first.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                    return Some(Found::Outside(path.to_vec()));
                }
                module.globs.iter().find_map(|glob| {
                    let whole: Path = glob.iter().chain(path).cloned().collect();
                    match self.resolve(here, glob, depth + 1)? {
                        Found::File(file) if self.defines(&file, first) => {
                            self.resolve(here, &whole, depth + 1)
                        }
                        Found::File(_) | Found::Outside(_) => None,
                    }
                })
            }
        }
    }

    /// Whether a module re-exports a name or has it as a child; what it defines itself need not be known here.
    fn defines(&self, file: &Path, name: &str) -> bool {
        self.modules
            .get(file)
            .is_some_and(|module| module.names.contains_key(name) || module.children.contains(name))
    }

    /// Follows a path from a module downwards.
    fn descend(&self, module: &Path, rest: &[String], depth: usize) -> Option<Found> {
        let known = self.modules.get(module)?;
        let Some((first, below)) = rest.split_first() else { return Some(Found::File(module.clone())) };
        if known.children.contains(first) {
            let inner: Path = module.iter().cloned().chain([first.clone()]).collect();
            return if self.modules.contains_key(&inner) { self.descend(&inner, below, depth) } else { None };
        }
        if let Some(target) = known.names.get(first)
            && target.first() != Some(first)
        {
            let whole: Path = target.iter().chain(below).cloned().collect();
            return self.resolve(module, &whole, depth + 1);
        }
        if let Some(target) = known.names.get(first)
            && target.len() > 1
        {
            let whole: Path = target.iter().chain(below).cloned().collect();
            return self.resolve(module, &whole, depth + 1);
        }
        Some(Found::File(module.clone()))
    }
}
