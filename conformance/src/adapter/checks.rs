//! All checks, from the simple to the difficult.

use super::case::Case;

mod body;
mod cookies;
mod disconnect;
mod first_use;
mod handle;
mod headers;
mod layer;
mod load;
mod order;
mod panic;
mod parallel;
mod paths;
mod replay;
mod save;
mod secure;
mod status;
mod two;
mod visit;

/// In the order in which they run.
pub(super) const ALL: [&[Case]; 18] = [
    visit::CHECKS,
    cookies::CHECKS,
    headers::CHECKS,
    status::CHECKS,
    paths::CHECKS,
    secure::CHECKS,
    layer::CHECKS,
    order::CHECKS,
    load::CHECKS,
    save::CHECKS,
    first_use::CHECKS,
    panic::CHECKS,
    handle::CHECKS,
    body::CHECKS,
    two::CHECKS,
    parallel::CHECKS,
    disconnect::CHECKS,
    replay::CHECKS,
];
