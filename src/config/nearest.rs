//! The known name that a misspelt one most likely means.

/// The known name with the least distance to `name`, if the distance is at most `most`: the number of characters that are
/// inserted, left out, replaced or swapped with their neighbour.
pub(super) fn nearest<'k>(
    name: &str,
    known: impl IntoIterator<Item = &'k str>,
    most: usize,
) -> Option<&'k str> {
    // The distance is at least the difference in length, which is cheap to compute.
    let near = known.into_iter().filter(|known| known.len().abs_diff(name.len()) <= most);
    let distances = near.map(|known| (strsim::osa_distance(name, known), known));
    let (distance, known) = distances.min()?;
    (distance <= most).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_no_far_one() {
        let known = ["upstream-timeout", "upstream-idle-timeout", "host"];
        assert_eq!(nearest("upsteam-timeout", known, 2), Some("upstream-timeout"));
        assert_eq!(nearest("hsot", known, 2), Some("host"));
        assert_eq!(nearest("exchange", known, 2), None);
        assert_eq!(nearest("x", [], 2), None);
    }
}
