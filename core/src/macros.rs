//! Shapes that recur: an enum that explains itself, a value that does not show itself, an error that
//! is part of another.

/// An enum each of whose variants has one sentence for people: its documentation and its `Display`.
macro_rules! explained {
    ($(#[$meta:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("“", $text, "”.")] $(#[$note])* $variant,)*
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

/// A `Debug` that shows the type's name alone: ids, secrets and data stay out of logs.
macro_rules! redacted {
    ($($name:ident $(<$parameter:ident>)?)*) => {
        $(impl$(<$parameter>)? std::fmt::Debug for $name$(<$parameter>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}

/// `?` from the error of a part to the whole [`Error`](crate::Error).
macro_rules! parts {
    ($($variant:ident($part:ident))*) => {
        $(impl<E> From<$part> for Error<E> {
            fn from(error: $part) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
