//! Sizes, openings, attributes and words: what keeps a file readable.
//!
//! Code has at most 100 columns, which rustfmt sees to where it can. What it cannot break may have 120: prose in
//! comments, a line that is one text, and the tables of tests.

use super::source::{Complaints, Source, is_for_tests};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const CODE_COLUMNS_MAX: usize = 100;
const TEXT_COLUMNS_MAX: usize = 120;

/// Files of at most 500 lines, lines of at most 100 columns, a first line that says what the file is.
pub fn sizes(source: &Source) -> Complaints {
    if !source.is_rust() {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        let what = format!("{lines} lines: split it, {FILE_LINES_MAX} is the most");
        complaints.push(source.says(lines, &what));
    }
    if !source.text.starts_with("//!") {
        complaints.push(source.says(1, "open with `//!`: what it owns and must not know"));
    }
    for (at, line) in source.text.lines().enumerate() {
        let inside = line.trim_start();
        let text = inside.starts_with("//") || inside.starts_with('"');
        let most = if text || source.test_only { TEXT_COLUMNS_MAX } else { CODE_COLUMNS_MAX };
        let columns = line.chars().count();
        if columns > most {
            complaints.push(source.says(at + 1, &format!("{columns} columns: {most} is the most")));
        }
    }
    complaints
}

/// Functions of at most 70 lines; `expect` with its reason in place of `allow`; no `unwrap` outside tests.
pub fn syntax(source: &Source) -> Complaints {
    if !source.is_rust() {
        return Vec::new();
    }
    let mut visitor = Visitor { source, tests: source.test_only, complaints: Vec::new() };
    visitor.visit_file(&source.syntax());
    visitor.complaints
}

struct Visitor<'a> {
    source: &'a Source,
    tests: bool,
    complaints: Complaints,
}

impl Visitor<'_> {
    fn function(&mut self, name: &syn::Ident, whole: proc_macro2::Span) {
        let lines = whole.end().line + 1 - name.span().start().line;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {lines} lines: {FUNCTION_LINES_MAX} is the most");
            self.complaints.push(self.source.says(name.span().start().line, &what));
        }
    }

    fn within(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.tests;
        self.tests |= is_for_tests(attributes)
            || attributes.iter().any(|attribute| attribute.path().is_ident("test"));
        visit(self);
        self.tests = before;
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, item.span());
        self.within(&item.attrs, |this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.span());
        self.within(&item.attrs, |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig.ident, item.span());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(&item.attrs, |this| visit::visit_item_mod(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.within(&item.attrs, |this| visit::visit_item_impl(this, item));
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let line = attribute.span().start().line;
        if attribute.path().is_ident("allow") {
            let what = "`allow` hides what is gone: `#[expect(lint, reason = \"…\")]`";
            self.complaints.push(self.source.says(line, what));
        }
        if attribute.path().is_ident("expect") {
            let text = attribute.meta.require_list().map(|list| list.tokens.to_string());
            if !text.is_ok_and(|text| text.contains("reason =")) {
                self.complaints.push(self.source.says(line, "`expect` without its `reason`"));
            }
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && !self.tests {
            let what = "`unwrap` outside tests: `expect(\"why it holds\")`, or handle it";
            self.complaints.push(self.source.says(call.method.span().start().line, what));
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// Words that no file may hold, put together here so that this one does not.
fn words() -> [(&'static str, &'static str); 12] {
    const UNFINISHED: &str = "unfinished work is said in the notes of a release, not in the code";
    const PLACE: &str = "a path of one machine does not belong in the project";
    [
        (concat!("TO", "DO"), UNFINISHED),
        (concat!("FIX", "ME"), UNFINISHED),
        (concat!("XX", "X"), UNFINISHED),
        (concat!("todo", "!("), UNFINISHED),
        (concat!("unimplem", "ented!("), UNFINISHED),
        (concat!("#[ig", "nore"), "a test that does not run proves nothing"),
        (concat!("/ho", "me/"), PLACE),
        (concat!("/ro", "ot/"), PLACE),
        (concat!("/Us", "ers/"), PLACE),
        (concat!("/wo", "rk/"), PLACE),
        (concat!("/fa", "rm/"), PLACE),
        (concat!("bash", "_jobs"), PLACE),
    ]
}

/// No unfinished work, no path of one machine.
pub fn wording(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for (word, why) in words() {
            if holds(line, word) {
                complaints.push(source.says(at + 1, &format!("`{word}`: {why}")));
            }
        }
    }
    complaints
}

/// Whether a line holds a word that is not a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let bare = word.chars().all(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().last(), line[at + word.len()..].chars().next());
        !(bare && (is_letter(before) || is_letter(after)))
    })
}

mod tests {
    use super::super::source::{Complaints, Source};
    use super::{sizes, syntax, wording, words};

    fn count(rule: fn(&Source) -> Complaints, text: &str) -> usize {
        rule(&Source::planted("src/engine/x.rs", text)).len()
    }

    #[test]
    fn long_files_lines_and_functions_are_found() {
        assert_eq!(count(sizes, &format!("//! x\n{}", "//\n".repeat(499))), 0);
        assert_eq!(count(sizes, &format!("//! x\n{}", "//\n".repeat(500))), 1);
        assert_eq!(count(sizes, &format!("//! x\n{}", "é".repeat(100))), 0);
        assert_eq!(count(sizes, &format!("//! x\n{}", "é".repeat(101))), 1);
        for text in ["/// ", "   \""] {
            assert_eq!(count(sizes, &format!("//! x\n{text}{}", "é".repeat(116))), 0);
            assert_eq!(count(sizes, &format!("//! x\n{text}{}", "é".repeat(117))), 1);
        }
        let wide =
            |columns| Source::planted("tests/x.rs", &format!("//! x\n{}", "é".repeat(columns)));
        assert_eq!((sizes(&wide(120)).len(), sizes(&wide(121)).len()), (0, 1));
        for around in [("", ""), ("impl X {", "}"), ("trait X {", "}"), ("mod x { ", "}")] {
            let text = |lines: usize| {
                let body = "x();\n".repeat(lines);
                format!("{}\n/// long\nfn f() {{\n{body}}}\n{}", around.0, around.1)
            };
            assert_eq!(count(syntax, &text(68)), 0, "{around:?}");
            assert_eq!(count(syntax, &text(69)), 1, "{around:?}");
        }
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        assert_eq!(count(sizes, "use std::fmt;"), 1);
        assert_eq!(count(sizes, "//! The panel.\nuse std::fmt;"), 0);
    }

    #[test]
    fn a_lint_is_never_silenced_without_a_reason() {
        assert_eq!(count(syntax, "#![allow(dead_code)]"), 1);
        assert_eq!(count(syntax, "#[allow(dead_code)] fn f() {}"), 1);
        assert_eq!(count(syntax, "struct S { #[allow(dead_code)] a: u8 }"), 1);
        assert_eq!(count(syntax, "#[expect(dead_code)] fn f() {}"), 1);
        assert_eq!(count(syntax, "#[expect(dead_code, reason = \"why\")] fn f() {}"), 0);
    }

    #[test]
    fn unwrap_is_for_tests() {
        assert_eq!(count(syntax, "fn f() { x().unwrap(); }"), 1);
        assert_eq!(count(syntax, "fn f() { x().expect(\"why\"); }"), 0);
        assert_eq!(count(syntax, "#[cfg(test)] mod tests { fn f() { x().unwrap(); } }"), 0);
        assert_eq!(count(syntax, "#[test] fn f() { x().unwrap(); }"), 0);
        let test = Source::planted("tests/x.rs", "fn f() { x().unwrap(); }");
        assert_eq!(syntax(&test).len(), 0);
    }

    #[test]
    fn each_word_is_found_in_any_file() {
        for (word, _) in words() {
            let planted = Source::planted("docs/x.md", &format!("a\nb {word} c\n"));
            assert_eq!(wording(&planted).len(), 1, "{word}");
        }
        assert_eq!(count(wording, "// written as `\\uXXXX`\n"), 0);
        assert_eq!(count(wording, "// everything that is left to do is done\n"), 0);
    }
}
