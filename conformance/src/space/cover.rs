//! A covering array: few combinations in which any three values of any three dimensions come together.

use std::sync::LazyLock;

use super::{DIMENSIONS, Point};

/// Combinations that hold each triple of values of three dimensions at least once.
///
/// Plainly greedy: the first triple that is still missing is set, and each further dimension gets the value
/// that brings most of what is missing, in the order of the dimensions.
#[must_use]
pub fn covering() -> &'static [Point] {
    static ROWS: LazyLock<Vec<Point>> = LazyLock::new(rows);
    &ROWS
}

fn rows() -> Vec<Point> {
    let mut missing: Vec<[(usize, usize); 3]> = triples().collect();
    let mut rows = Vec::new();
    while let Some(&first) = missing.first() {
        let mut row = [None; DIMENSIONS.len()];
        first.into_iter().for_each(|(dimension, value)| row[dimension] = Some(value));
        for dimension in 0..row.len() {
            if row[dimension].is_some() {
                continue;
            }
            // Of equals the one that comes first.
            let best = (0..DIMENSIONS[dimension].1).rev().max_by_key(|&value| {
                row[dimension] = Some(value);
                let set = |&(dimension, value): &(usize, usize)| row[dimension] == Some(value);
                let open = |&(dimension, _): &(usize, usize)| row[dimension].is_none();
                let gain = |triple: &[(usize, usize); 3]| {
                    let here = triple.contains(&(dimension, value));
                    match (here, triple.iter().filter(|pair| set(pair)).count()) {
                        (true, 3) => 64,
                        // It can still come.
                        (true, 2) if triple.iter().any(open) => 1,
                        _ => 0,
                    }
                };
                missing.iter().map(gain).sum::<usize>()
            });
            row[dimension] = best;
        }
        let row = row.map(Option::unwrap_or_default);
        missing.retain(|triple| !covers(&row, triple));
        rows.push(row);
    }
    rows
}

/// Each triple of values of three dimensions, as dimension and value.
pub(super) fn triples() -> impl Iterator<Item = [(usize, usize); 3]> {
    let values = |from| {
        (from..DIMENSIONS.len())
            .flat_map(|dimension| (0..DIMENSIONS[dimension].1).map(move |value| (dimension, value)))
    };
    values(0).flat_map(move |a| {
        values(a.0 + 1).flat_map(move |b| values(b.0 + 1).map(move |c| [a, b, c]))
    })
}

/// Has the combination these values?
pub(super) fn covers(row: &Point, triple: &[(usize, usize)]) -> bool {
    triple.iter().all(|&(dimension, value)| row[dimension] == value)
}
