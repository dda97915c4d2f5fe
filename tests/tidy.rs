//! The rules of the code as tests: layers, forbidden names, sizes, words. Each rule proves on planted text that it can
//! fail, and is then held against the whole repository.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/never.rs"]
mod never;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;

use source::{Complaints, Source};

/// What a rule is let off for: the file, what the complaint says, and the reason. One that nothing needs any more
/// fails.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

fn is_excepted(complaint: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, what, _)| complaint.starts_with(file) && complaint.contains(what))
}

fn hold(rule: fn(&Source) -> Complaints) {
    let complaints: Complaints = source::repository()
        .iter()
        .flat_map(rule)
        .filter(|complaint| !is_excepted(complaint))
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn arrows_between_layers_point_down() {
    hold(layers::check);
}

#[test]
fn layers_use_no_name_that_is_not_theirs() {
    hold(never::check);
}

#[test]
fn files_and_lines_stay_small_and_say_what_they_are() {
    hold(shape::sizes);
}

#[test]
fn functions_stay_small_and_lints_keep_their_reasons() {
    hold(shape::syntax);
}

#[test]
fn no_unfinished_work_and_no_path_of_one_machine() {
    hold(shape::wording);
}

#[test]
fn every_exception_is_still_needed() {
    let sources = source::repository();
    let rules = [layers::check, never::check, shape::sizes, shape::syntax, shape::wording];
    let complaints: Complaints =
        rules.iter().flat_map(|rule| sources.iter().flat_map(rule)).collect();
    for (file, what, reason) in EXCEPTIONS {
        let needed = complaints
            .iter()
            .any(|complaint| complaint.starts_with(file) && complaint.contains(what));
        assert!(needed, "{file} is let off for `{what}` ({reason}), but no rule complains of it");
    }
}
