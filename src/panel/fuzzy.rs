//! How well a text answers to what somebody typed in haste. Pure arithmetic on texts.

/// What a word that stands in the text counts, before what its place adds.
const WHOLE: u32 = 100;
/// The same for a word whose letters only stand there in their order.
const SCATTERED: u32 = 20;
/// What the beginning of a word of the text adds.
const AT_A_BEGINNING: u32 = 50;

/// How well every word of `typed` is found in `text`, without regard to case: more is better, none is not at all.
/// A word may be left out in part: `klw` finds `kill winner`, if it begins where a word begins.
#[must_use]
pub fn score(text: &str, typed: &str) -> Option<u32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut total = 0;
    for word in typed.split_whitespace() {
        let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        total += whole(&text, &word).or_else(|| scattered(&text, &word))?;
    }
    Some(total)
}

fn begins_word(text: &[char], at: usize) -> bool {
    at == 0 || !text[at - 1].is_alphanumeric()
}

/// The word as it stands; the earliest beginning of a word counts most.
fn whole(text: &[char], word: &[char]) -> Option<u32> {
    let places = text.windows(word.len().max(1)).enumerate().filter(|(_, part)| *part == word);
    let worth = places.map(|(at, _)| {
        let beginning = if begins_word(text, at) { AT_A_BEGINNING } else { 0 };
        WHOLE + beginning - (at as u32).min(WHOLE / 2)
    });
    worth.max()
}

/// Its letters in order, from the beginning of some word on.
fn scattered(text: &[char], word: &[char]) -> Option<u32> {
    let first = word.first()?;
    if word.len() < 2 {
        return None;
    }
    let starts = (0..text.len()).filter(|at| text[*at] == *first && begins_word(text, *at));
    let worth = starts.filter_map(|start| {
        let (mut at, mut gaps) = (start, 0);
        for c in &word[1..] {
            let step = text[at + 1..].iter().position(|other| other == c)?;
            gaps += step as u32;
            at += step + 1;
        }
        Some(SCATTERED.saturating_sub(gaps).max(1))
    });
    worth.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_counts_more_than_what_could_be_meant() {
        let rank = |typed: &str| {
            let texts = ["kill winner", "links", "kill ts1", "walk the links", "look"];
            let mut found: Vec<(u32, &str)> =
                texts.iter().filter_map(|text| Some((score(text, typed)?, *text))).collect();
            found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
            found.into_iter().map(|found| found.1).collect::<Vec<_>>()
        };
        assert_eq!(rank("links"), ["links", "walk the links"]);
        assert_eq!(rank("klw"), ["kill winner"]);
        assert_eq!(rank("WIN kill"), ["kill winner"]);
        assert_eq!(rank("zz"), Vec::<&str>::new());
        assert_eq!(rank("").len(), 5, "nothing typed leaves nothing out");
    }
}
