//! express-session's rules once more, naively, from their text alone: nothing of the library is used here.
