//! Text from a wire, a file or a person reaches nobody's terminal raw: every payload in every sink. Each sink also
//! shows a harmless word, for one that shows nothing would prove nothing.

#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/payloads.rs"]
mod payloads;
#[path = "hostile/screens.rs"]
mod screens;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "panel/story.rs"]
mod story;

use payloads::{PAYLOADS, harm};

/// Something that is shown, written or printed, made of a text.
type Sink = (&'static str, fn(&str) -> String);

/// Holds sinks against all payloads, and against a harmless word.
fn hold(sinks: &[Sink]) {
    let mut found = Vec::new();
    for (sink, show) in sinks {
        let calm = show("calm");
        assert!(calm.contains("calm"), "{sink} does not even show a harmless word:\n{calm}");
        for (payload, text) in PAYLOADS {
            if let Some(harm) = harm(&show(&format!("a{text}z"))) {
                found.push(format!("{sink}: {payload}: {harm}"));
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_judge_finds_every_payload() {
    for (payload, text) in PAYLOADS {
        assert!(harm(text).is_some(), "{payload}");
    }
    assert_eq!(harm("e\u{301} 世界 \n → ok"), None);
}
