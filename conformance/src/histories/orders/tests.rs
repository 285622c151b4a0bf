use std::collections::BTreeSet;

use super::*;

#[test]
fn as_many_as_there_are() {
    assert_eq!(all(2, Script::Five).collect::<BTreeSet<_>>().len(), 9_072);
    assert_eq!(orders(3, 4).collect::<BTreeSet<_>>().len(), 34_650);
    assert_eq!(ends(3).collect::<BTreeSet<_>>().len(), 216);
}

#[test]
fn drawn_by_lot_each_comes() {
    let mut lot = Lot::new(1);
    let drawn: BTreeSet<_> = (0..100_000).map(|_| lot.draw(2, Script::Five)).collect();
    assert_eq!(drawn.len(), 9_072);
}
