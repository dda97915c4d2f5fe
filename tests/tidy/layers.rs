//! Who may name whom: the picture of ARCHITECTURE.md as a table, held against every path in the code.
//!
//! Paths are read from the tokens, so `use` lines, inline paths, visibilities, attributes and the insides of macros
//! count alike. A layer may not hand another's items on (`pub use`), or the table could be walked around.

use super::source::{Complaints, Source};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A layer, and the layers that it may name besides itself. `machine::Told` names one item alone.
pub const EDGES: &[(&str, &[&str])] = &[
    // Vocabulary.
    ("base", &[]),
    ("message", &["base"]),
    ("command", &["base", "message"]),
    ("topology", &["base", "message", "command"]),
    ("event", &["base", "message", "command", "topology"]),
    // Pure.
    ("wire", &["base", "message", "command", "topology", "event"]),
    ("link", &["base", "message", "command", "topology", "event"]),
    ("machine", &["base", "message", "command", "topology", "event"]),
    ("log", &["base", "message", "command", "topology", "event"]),
    ("check", &["base", "message", "command", "topology", "event", "log"]),
    ("script", &["base", "message", "command", "topology", "event", "check", "machine::Told"]),
    ("engine", &["base", "message", "command", "topology", "event", "machine", "link", "wire"]),
    ("world", &["base", "message", "command", "topology", "event", "log", "check"]),
    (
        "sim",
        &[
            "base", "message", "command", "topology", "event", "log", "script", "engine",
            "machine", "link", "wire",
        ],
    ),
    // Shells.
    ("report", &["base", "message", "command", "topology", "event", "log", "check", "world"]),
    (
        "panel",
        &["base", "message", "command", "topology", "event", "log", "check", "world", "report"],
    ),
    (
        "lab",
        &[
            "base", "message", "command", "topology", "event", "log", "script", "engine",
            "machine", "link", "wire",
        ],
    ),
];

/// Composition: these may name everything, and nothing above may name them.
pub const COMPOSITION: [&str; 4] = ["main", "cli", "mode", "lib"];

/// One path in the code that leads somewhere in this crate.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    line: usize,
    /// From the root of the crate: `["machine", "Told"]`; empty for the root itself.
    to: Vec<String>,
    /// Whether it is handed on under a name of this layer.
    exported: bool,
}

/// Every path of this file that the table does not allow.
pub fn check(source: &Source) -> Complaints {
    let (Some(modules), Some(layer)) = (source.modules(), source.layer()) else {
        return Vec::new();
    };
    let mut edges = Vec::new();
    let root_file = matches!(layer.as_str(), "main" | "lib") && modules.len() == 1;
    let modules = if root_file { Vec::new() } else { modules };
    Walk { modules, edges: &mut edges }.stream(source.tokens());
    edges.iter().filter_map(|edge| judge(source, &layer, edge)).collect()
}

fn judge(source: &Source, layer: &str, edge: &Edge) -> Option<String> {
    let Some(target) = edge.to.first() else {
        return Some(source.says(
            edge.line,
            "the root of the crate is renamed or imported whole, which hides who names whom: \
             name the layer",
        ));
    };
    if target == layer || COMPOSITION.contains(&layer) {
        return None;
    }
    let path = edge.to.join("::");
    let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == layer) else {
        let what = format!("`{layer}` is no layer of the table in tests/tidy/layers.rs: add it");
        return Some(source.says(edge.line, &what));
    };
    let fits = |allowed: &&str| path == **allowed || path.starts_with(&format!("{allowed}::"));
    if !allowed.iter().any(fits) {
        let what = format!("`{layer}` must not name `{path}`: arrows point down only");
        return Some(source.says(edge.line, &what));
    }
    let what = format!("`{layer}` hands on `{path}`, which belongs to another layer");
    edge.exported.then(|| source.says(edge.line, &what))
}

struct Walk<'a> {
    modules: Vec<String>,
    edges: &'a mut Vec<Edge>,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut exported = false;
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(word) if word == "mod" => {
                    at += self.module(&tokens[at..]);
                    continue;
                }
                TokenTree::Ident(word) if word == "use" => {
                    exported = is_public(&tokens[..at]);
                }
                TokenTree::Punct(mark) if mark.as_char() == ';' => exported = false,
                TokenTree::Ident(word) if starts_path(&word.to_string()) => {
                    at += self.path(&tokens[at..], &[], exported).max(1);
                    continue;
                }
                TokenTree::Ident(word) if word == "extern" => self.external(&tokens[at..]),
                TokenTree::Group(group) => self.stream(group.stream()),
                TokenTree::Literal(text) => self.quoted(&text.to_string()),
                TokenTree::Punct(_) | TokenTree::Ident(_) => {}
            }
            at += 1;
        }
    }

    /// `extern crate self as x` renames the root.
    fn external(&mut self, tokens: &[TokenTree]) {
        if let [_, TokenTree::Ident(word), TokenTree::Ident(name), ..] = tokens
            && *word == "crate"
            && *name == "self"
        {
            let line = word.span().start().line;
            self.edges.push(Edge { line, to: Vec::new(), exported: false });
        }
    }

    /// A path in quotes, as in `#[serde(with = "crate::x")]`.
    fn quoted(&mut self, text: &str) {
        let inside = text.trim_matches('"');
        if (inside.starts_with("crate::") || inside.starts_with("super::"))
            && let Ok(tokens) = inside.parse()
        {
            self.stream(tokens);
        }
    }

    /// `mod name { … }`: paths in it begin one module deeper.
    fn module(&mut self, tokens: &[TokenTree]) -> usize {
        if let [_, TokenTree::Ident(name), TokenTree::Group(body), ..] = tokens
            && body.delimiter() == Delimiter::Brace
        {
            self.modules.push(name.to_string());
            self.stream(body.stream());
            self.modules.pop();
            return 3;
        }
        1
    }

    /// Reads `a::b::{c, d::*}` after what stands before it and records where it leads. Gives the tokens it took.
    fn path(&mut self, tokens: &[TokenTree], before: &[String], exported: bool) -> usize {
        let line = tokens.first().map_or(0, |token| token.span().start().line);
        let mut words = before.to_vec();
        let mut at = 0;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    words.push(word.to_string());
                    at += 1;
                }
                Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
                    self.list(list.stream(), &words, exported);
                    return at + 1;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    words.push("*".into());
                    at += 1;
                    break;
                }
                _ => break,
            }
            if !is_double_colon(&tokens[at..]) {
                break;
            }
            at += 2;
        }
        let renamed = matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "as");
        self.record(line, &words, renamed, exported);
        at
    }

    fn list(&mut self, list: TokenStream, before: &[String], exported: bool) {
        let tokens: Vec<TokenTree> = list.into_iter().collect();
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
        for piece in tokens.split(is_comma).filter(|piece| !piece.is_empty()) {
            self.path(piece, before, exported);
        }
    }

    fn record(&mut self, line: usize, words: &[String], renamed: bool, exported: bool) {
        let Some((to, spelled_root)) = self.resolve(words) else { return };
        // `pub(crate)` and `pub(super)` say nothing of the root; `use crate as x` and `use super::*` do.
        if to.is_empty() && !(renamed || spelled_root) {
            return;
        }
        self.edges.push(Edge { line, to, exported });
    }

    /// Where a path leads from the root of the crate, and whether it means the root itself by `*` or `self`.
    fn resolve(&self, words: &[String]) -> Option<(Vec<String>, bool)> {
        let mut words = words.iter().map(String::as_str).peekable();
        let mut at: Vec<String> = match *words.peek()? {
            "crate" | "faultlab" => {
                words.next();
                Vec::new()
            }
            "self" | "super" => self.modules.clone(),
            _ => return None,
        };
        let mut whole = false;
        for word in words {
            match word {
                "super" => {
                    at.pop();
                }
                "self" | "*" => whole = true,
                word => at.push(word.trim_start_matches("r#").to_owned()),
            }
        }
        let spelled_root = whole && at.is_empty();
        Some((at, spelled_root))
    }
}

fn starts_path(word: &str) -> bool {
    matches!(word, "crate" | "faultlab" | "super" | "self")
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(a), TokenTree::Punct(b), ..]
        if a.as_char() == ':' && b.as_char() == ':')
}

/// Whether `pub` or `pub(…)` stands before `use`.
fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(word)] | [.., TokenTree::Ident(word), TokenTree::Group(_)] => {
            word == "pub"
        }
        _ => false,
    }
}

mod tests {
    use super::super::source::Source;
    use super::{EDGES, check};

    fn complaints(path: &str, text: &str) -> usize {
        check(&Source::planted(path, text)).len()
    }

    #[test]
    fn an_arrow_that_points_up_is_found_wherever_it_stands() {
        for planted in [
            "use crate::lab::Clock;",
            "use crate::{base::NodeId, lab::Clock};",
            "use crate::{self as root};",
            "use crate as root;",
            "use crate::*;",
            "use super::super::lab;",
            "use super::super::{lab as l};",
            "use faultlab::lab::Clock;",
            "fn f() { let _ = crate::lab::start(); }",
            "fn f(_: &dyn Fn(crate::lab::Clock)) {}",
            "mod inner { use super::super::super::lab; }",
            "mod inner { fn f() { super::super::super::lab::start() } }",
            "macro_rules! m { () => { $crate::lab::start() } }",
            "fn f() { assert_eq!(crate::lab::start(), 1); }",
            "#[derive(X)] #[x(with = crate::lab::Y)] struct S;",
            "extern crate self as me;",
            "#[serde(with = \"crate::lab::Y\")] struct S;",
            "impl crate::lab::T for () {}",
        ] {
            assert_eq!(complaints("src/world/node.rs", planted), 1, "{planted}");
        }
    }

    #[test]
    fn what_the_table_allows_passes() {
        for fine in [
            "use crate::base::NodeId;",
            "use super::node; pub(crate) fn f() {} pub(super) fn g(self) { self.x; }",
            "use crate::world::node::X; pub use self::node::Y; pub use crate::world::Z;",
            "pub(in crate::world) fn f() {}",
            "mod tests { use super::*; use super::super::World; }",
            "use std::sync::Arc; fn f() { lab(); let lab = 1; }",
            "/// See crate::lab.\nfn f() { let _ = \"see crate::lab\"; }",
        ] {
            assert_eq!(complaints("src/world/node.rs", fine), 0, "{fine}");
        }
        assert_eq!(complaints("src/mode/mod.rs", "use crate::{lab, panel, world};"), 0);
        assert_eq!(complaints("src/main.rs", "use faultlab::mode;"), 0);
    }

    #[test]
    fn an_edge_to_one_item_is_no_edge_to_its_neighbours() {
        assert_eq!(complaints("src/script/mod.rs", "use crate::machine::Told;"), 0);
        assert_eq!(complaints("src/script/mod.rs", "use crate::machine::{Told, build};"), 1);
    }

    #[test]
    fn a_layer_hands_nothing_of_another_on() {
        assert_eq!(complaints("src/world/mod.rs", "pub use crate::base::NodeId;"), 1);
        assert_eq!(complaints("src/world/mod.rs", "pub(crate) use crate::base::NodeId;"), 1);
        assert_eq!(complaints("src/world/mod.rs", "pub use node::N; use crate::base::X;"), 0);
    }

    #[test]
    fn a_folder_that_the_table_does_not_know_is_found() {
        assert_eq!(complaints("src/newcomer/mod.rs", "use crate::base::NodeId;"), 1);
    }

    #[test]
    fn the_table_has_no_circle() {
        let place = |layer: &str| EDGES.iter().position(|(name, _)| *name == layer);
        for (at, (layer, allowed)) in EDGES.iter().enumerate() {
            for target in *allowed {
                let target = target.split("::").next().unwrap_or(target);
                assert!(place(target).is_some_and(|place| place < at), "{layer} names {target}");
            }
        }
    }
}
