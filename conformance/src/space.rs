//! The whole space of options.
