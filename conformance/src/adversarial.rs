//! The attacks that the library is tested with, by their ids, and where each is carried out.
//!
//! `attacks.txt` has a line for each: its id, what is tried and what is expected, and why it can't be tried or is
//! not answered yet. Every other one is cited by a test: in the comment directly above a test function of this
//! workspace (`// CK-3: …`), or in the rule of a check of the contracts.
//!
//! | ids | what is attacked |
//! | --- | --- |
//! | CK | how cookies are read and written |
//! | SG | signatures, and what stands behind them |
//! | FX | whose session it is |
//! | RC | requests at the same time |
//! | EX | the end of a session, and clocks |
//! | PX | proxies and caches |
//! | ST | stores |
//! | DS | what a request costs |
//! | LG | what is printed |
//! | CF | options |

use std::io;
use std::path::Path;

use crate::citations::{Kind, List};

pub(crate) static KIND: Kind = Kind {
    noun: "attack",
    excuse: "untested",
    groups: &[
        ("CK", 10),
        ("SG", 8),
        ("FX", 8),
        ("RC", 11),
        ("EX", 11),
        ("PX", 9),
        ("ST", 11),
        ("DS", 8),
        ("LG", 5),
        ("CF", 8),
    ],
    digits: 1,
    lines: include_str!("adversarial/attacks.txt"),
};

/// All attacks with their tests: reads the list, and looks for citations in the workspace at `root`.
///
/// # Errors
/// A file can't be read, or a test cites an attack that the list does not have.
pub fn attacks(root: &Path) -> io::Result<List> {
    List::cited_in(root, &KIND)
}
