//! The topologies that are built into the binary, with their lists and tables.
//!
//! It knows their names, titles and order; reading one is the same as reading a file.

use super::problem::Problems;
use super::raw;
use toml::de::DeTable;

/// Every bundled file: its path from the root of the package, and its text. Sorted by path.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// The bundled topology that every list begins with.
pub const FIRST: &str = "tour";

/// A bundled topology, as a list of them shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The word that names it on the command line.
    pub name: &'static str,
    /// One line: what is this?
    pub title: String,
    /// What it teaches.
    pub lesson: String,
    /// How many steps its lecture has.
    pub steps: usize,
}

/// The text of a bundled file, by its path from the root of the package.
#[must_use]
pub fn file(path: &str) -> Option<&'static str> {
    let at = FILES.binary_search_by_key(&path, |(known, _)| *known).ok()?;
    Some(FILES[at].1)
}

/// The text of a bundled topology, by its name.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    file(&format!("topologies/{name}.toml"))
}

/// The names of the bundled topologies, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(path, _)| {
        path.strip_prefix("topologies/")?.strip_suffix(".toml").filter(|name| !name.contains('/'))
    })
}

/// The bundled topologies in the order in which they are offered: `tour`, then by `order`, then by
/// name.
#[must_use]
pub fn list() -> Vec<Entry> {
    let mut entries: Vec<(u64, Entry)> = names()
        .map(|name| {
            let text = text(name).expect("the name was listed just now");
            let (document, _) = DeTable::parse_recoverable(text);
            let file = raw::read(&document, &mut Problems::new(name, text));
            let entry = Entry {
                name,
                title: file.title.map_or_else(|| name.to_owned(), |title| title.value),
                lesson: file.lesson.map(|lesson| lesson.value).unwrap_or_default(),
                steps: file.steps.map_or(0, |steps| steps.value.len()),
            };
            (file.order.map_or(u64::MAX, |order| order.value.0), entry)
        })
        .collect();
    entries.sort_by(|(a_order, a), (b_order, b)| {
        let key = |order: &u64, entry: &Entry| (entry.name != FIRST, *order, entry.name);
        key(a_order, a).cmp(&key(b_order, b))
    });
    entries.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_sorted_and_has_its_files() {
        assert!(FILES.is_sorted());
        assert!(names().any(|name| name == "first-answer"));
        assert!(file("topologies/names/first-answer.txt").is_some());
        assert!(text("../Cargo").is_none());
    }

    #[test]
    fn the_list_has_titles_and_begins_with_the_tour_if_there_is_one() {
        let list = list();
        assert_eq!(list.len(), names().count());
        let found = list.iter().find(|entry| entry.name == "first-answer").unwrap();
        assert!(!found.title.is_empty() && !found.lesson.is_empty());
        if let Some(at) = list.iter().position(|entry| entry.name == FIRST) {
            assert_eq!(at, 0);
        }
    }
}
