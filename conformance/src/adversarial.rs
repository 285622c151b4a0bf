//! The attacks that each release is tested with, by their ids.
