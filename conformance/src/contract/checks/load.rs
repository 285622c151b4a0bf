//! Loading.

use crate::contract::Check;
use crate::contract::check::Outcome;
use crate::contract::subject::Subject;

pub(in crate::contract) const CHECKS: &[Check] = &[Check::new(
    "load/nothing",
    "B-196, store::Load",
    "answers None to a load of an id that was never saved",
    |s| Box::pin(nothing(s)),
)];

async fn nothing(s: &Subject<'_>) -> Outcome {
    s.nothing(&s.id("never"), "a load of an id that was never saved").await
}
