//! Loading.

use crate::contract::case::Case;
use crate::contract::subject::Subject;
use crate::suite::Outcome;

pub(in crate::contract) const CHECKS: &[Case] = &[Case::new(
    "load/nothing",
    "B-196, store::Load",
    "answers None to a load of an id that was never saved",
    |s| Box::pin(nothing(s)),
)];

async fn nothing(s: &Subject<'_>) -> Outcome {
    s.nothing(&s.id("never"), "a load of an id that was never saved").await
}
