//! Reading the repository: every file with its path, its layer and whether only tests compile it.
//!
//! It knows folders and syntax, no rule.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// One file of the repository.
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether it is compiled for tests alone (`#[cfg(test)] mod name;`, or a file of `tests/`).
    pub test_only: bool,
}

/// What a rule has to say: `path:line: what is wrong and what would be right`.
pub type Complaints = Vec<String>;

impl Source {
    /// A file that exists only in a test of a rule.
    pub fn planted(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), test_only: path.starts_with("tests/") }
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|ending| ending == "rs")
    }

    /// Its modules below `src`: `["engine", "control"]`; none for files that are not in `src`.
    pub fn modules(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if modules.last().is_some_and(|last| last == "mod") {
            modules.pop();
        }
        Some(modules)
    }

    /// The folder of `src` it belongs to, or its own name at the top (`main`, `cli`, `lib`).
    pub fn layer(&self) -> Option<String> {
        self.modules().and_then(|modules| modules.first().cloned())
    }

    /// Its tokens.
    ///
    /// # Panics
    /// If the file is no Rust.
    pub fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path))
    }

    /// Its syntax.
    ///
    /// # Panics
    /// If the file is no Rust.
    pub fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text)
            .unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path))
    }

    /// A complaint about one of its lines.
    pub fn says(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Folders that are searched, and files at the top.
const FOLDERS: [&str; 8] =
    ["src", "tests", "benches", "examples", "docs", "topologies", "assets", ".ci"];
const ENDINGS: [&str; 5] = ["rs", "toml", "md", "txt", "sh"];

/// Every file of the repository that people write.
pub fn repository() -> &'static [Source] {
    static ONCE: OnceLock<Vec<Source>> = OnceLock::new();
    ONCE.get_or_init(read_repository)
}

fn read_repository() -> Vec<Source> {
    // Where cargo runs the test, which may be another working copy than the one it was compiled in.
    let root = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = root.as_path();
    let mut paths = Vec::new();
    for folder in FOLDERS {
        walk(&root.join(folder), &mut paths);
    }
    let top = fs::read_dir(root).expect("the repository can be read");
    paths.extend(top.flatten().map(|entry| entry.path()).filter(|path| path.is_file()));
    paths.sort();
    let mut sources: Vec<Source> = paths.iter().filter_map(|path| read(root, path)).collect();
    let test_only = test_modules(&sources);
    for source in &mut sources {
        source.test_only |= test_only.iter().any(|prefix| {
            source.path == format!("{prefix}.rs") || source.path.starts_with(&format!("{prefix}/"))
        });
    }
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "no file was found");
    sources
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            walk(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> Option<Source> {
    let inside = path.strip_prefix(root).ok()?.to_str()?.replace('\\', "/");
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    // Planted bad input for the reader of topology files is no text of the project.
    let searched = ENDINGS.contains(&ending) || inside == ".ci/run";
    if !searched || inside.starts_with("tests/bad_files/") {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let test_only = inside.starts_with("tests/");
    Some(Source { path: inside, text, test_only })
}

/// The files, without `.rs`, that `#[cfg(test)] mod name;` declares.
fn test_modules(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some(modules) = source.modules() else { continue };
        let folder = match modules.as_slice() {
            [top] if top == "lib" || top == "main" => "src".to_owned(),
            modules => format!("src/{}", modules.join("/")),
        };
        for item in source.syntax().items {
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
                && is_for_tests(&module.attrs)
            {
                found.insert(format!("{folder}/{}", module.ident));
            }
        }
    }
    found
}

/// Whether the attributes hold `cfg(test)`.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}

/// Every identifier, with its line, groups and macros included; texts and comments are not.
pub fn identifiers(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => found.push((word.to_string(), word.span().start().line)),
            TokenTree::Group(group) => identifiers(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
