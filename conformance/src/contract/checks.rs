//! All checks, from the simple to the difficult.

use super::case::Case;

mod cancel;
mod content;
mod delete;
mod expect;
mod expiry;
mod failure;
mod load;
mod names;
mod parallel;
mod refresh;
mod rotate;
mod save;
mod touch;
mod version;

/// In the order in which they run.
pub(super) const ALL: [&[Case]; 14] = [
    load::CHECKS,
    save::CHECKS,
    delete::CHECKS,
    expect::CHECKS,
    version::CHECKS,
    rotate::CHECKS,
    touch::CHECKS,
    names::CHECKS,
    content::CHECKS,
    expiry::CHECKS,
    refresh::CHECKS,
    parallel::CHECKS,
    cancel::CHECKS,
    failure::CHECKS,
];
