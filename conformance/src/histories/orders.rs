//! Which histories there are: orders of turns, and ends of requests.

use super::{End, Script};

/// All ends of `requests` requests, each with all orders of their turns: 9,072 for two of five, 7,484,400 for
/// three of four.
pub fn all(requests: usize, script: Script) -> impl Iterator<Item = (Vec<End>, Vec<usize>)> {
    let turns = script.turns();
    ends(requests)
        .flat_map(move |ends| orders(requests, turns).map(move |order| (ends.clone(), order)))
}

/// What `requests` requests can end with: 6 to the power of `requests`.
pub fn ends(requests: usize) -> impl Iterator<Item = Vec<End>> {
    let count = End::ALL.len();
    let total = count.pow(u32::try_from(requests).expect("a few requests"));
    (0..total).map(move |number| {
        (0..requests)
            .scan(number, |rest, _| {
                let end = End::ALL[*rest % count];
                *rest /= count;
                Some(end)
            })
            .collect()
    })
}

/// All orders of `turns` turns for each of `requests` requests, in the order of their letters.
pub fn orders(requests: usize, turns: usize) -> impl Iterator<Item = Vec<usize>> {
    let first: Vec<_> = (0..requests).flat_map(|request| vec![request; turns]).collect();
    std::iter::successors(Some(first), |order: &Vec<usize>| next(order))
}

/// The next permutation of a multiset.
fn next(order: &[usize]) -> Option<Vec<usize>> {
    let rise = order.windows(2).rposition(|pair| pair[0] < pair[1])?;
    let mut order = order.to_vec();
    let larger = order.iter().rposition(|turn| *turn > order[rise]).expect("the one behind it");
    order.swap(rise, larger);
    order[rise + 1..].reverse();
    Some(order)
}

/// A seeded source of random numbers (SplitMix64): the same ones everywhere, for ever.
#[derive(Clone, Debug)]
pub struct Lot(u64);

impl Lot {
    /// The numbers of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // As good as even, for a few.
        usize::try_from((u128::from(mix(self.0)) * bound as u128) >> 64).expect("below the bound")
    }

    /// One of the histories of `requests` requests.
    pub fn draw(&mut self, requests: usize, script: Script) -> (Vec<End>, Vec<usize>) {
        let ends = (0..requests).map(|_| End::ALL[self.below(End::ALL.len())]).collect();
        let mut order: Vec<_> =
            (0..requests).flat_map(|request| vec![request; script.turns()]).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
        (ends, order)
    }
}

/// The finalizer of SplitMix64: neighbours become numbers that have nothing in common.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
