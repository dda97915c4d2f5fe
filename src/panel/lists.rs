//! What all lists share: which part of them is in sight.

/// The first row in sight of a list with a marked row: the mark is in the middle where the list goes on at both ends.
/// It depends on nothing but the present, so that drawing needs no memory.
#[must_use]
pub fn top(marked: usize, visible: usize, count: usize) -> usize {
    marked.saturating_sub(visible / 2).min(count.saturating_sub(visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_row_is_always_in_sight() {
        for count in 0..30 {
            for visible in 1..12 {
                for marked in 0..count {
                    let top = top(marked, visible, count);
                    assert!(top <= marked && marked < top + visible, "{marked} of {count}");
                    assert!(top + visible <= count.max(visible), "no empty rows at the end");
                }
            }
        }
    }
}
