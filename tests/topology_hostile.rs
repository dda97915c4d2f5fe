//! Nothing that a topology file can hold makes its reader panic: arbitrary bytes, words that look
//! like a topology, and good files with something broken.

use faultlab::topology::{Bundled, Options, load, load_text};
use proptest::prelude::*;
use std::fs;

/// A good topology, to be broken.
const LAB: &str = include_str!("topology/lab.toml");

/// Texts that look enough like topologies to come past the parser.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "[nodes.",
        "a",
        "b",
        "ls",
        "]\n",
        "[groups.",
        "[[links]]\n",
        "[[steps]]\n",
        "[defaults.link]\n",
        "role",
        "=",
        "\"ls\"",
        "\"ts\"",
        "\"client\"",
        "\n",
        "upstreams",
        "asks",
        "[\"a\"]",
        "[\"*\"]",
        "{",
        "}",
        "records",
        "names",
        "members",
        "count",
        "prefix",
        "3",
        "-1",
        "nan",
        "\"5s\"",
        "timeout",
        "between",
        "[\"a\",\"b\"]",
        "from",
        "to",
        "latency",
        "listen",
        "line",
        "at",
        "\"127.0.0.1:1\"",
        "do",
        "say",
        "\"\"\"",
        "'''",
        "\"",
        "#",
        "\u{1b}",
        "ä",
        "\r\n",
        "policy",
        "\"sticky\"",
        "responds",
        "p50",
        ",",
    ]);
    prop::collection::vec(word, 0..120).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        fs::write(&path, bytes).unwrap();
        if let Err(problems) = load(&path, Options::default()) {
            let text = problems.to_string();
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", text);
        }
    }

    #[test]
    fn no_words_make_the_reader_panic(text in words()) {
        if let Err(problems) = load_text("a.toml", &text, &Bundled) {
            prop_assert!(problems.errors() > 0);
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_reader_panic(
        at in 0..LAB.len(),
        with in "\\PC{0,3}",
        cut in 0..9_usize,
    ) {
        let end = (at + cut).min(LAB.len());
        let text = format!("{}{with}{}", &LAB[..at], &LAB[end..]);
        if let Err(problems) = load_text("a.toml", &text, &Bundled) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }
}
