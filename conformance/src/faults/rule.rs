//! What must hold when a store fails.

use std::fmt;

/// The rules, each with what it says.
macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident = $must:literal,)*) => {
        /// What must hold when a store fails.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Rule {
            $($(#[doc = $doc])* $name,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for Rule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $must),* })
            }
        }
    };
}

rules! {
    /// B-067
    LoadFails = "a load that fails: 500, no handler runs, no session cookie, reported once",
    /// B-069
    Unreadable = "a record that can't be read: 500, no handler runs, no session cookie, the record stays",
    /// D-write-failure
    WriteFails = "a write at the end that fails: 500, no session cookie, reported once",
    /// B-207, B-210
    TouchFails = "a touch that fails: the response as it would be, reported once",
    /// Neither deleted nor emptied.
    OldOrNew = "what failed was done or was not: the store holds nothing third",
    /// B-211
    NotRepeated = "what failed is not asked again",
    /// B-209
    MethodTells = "a method that fails tells the handler",
    /// Its quirks apart: B-183, B-184
    MethodKeeps = "a method that fails leaves the session, its id and its keys",
    /// B-176; not under `express`
    MadeUpFor = "a save that failed in the handler is made up for at the end, or the client is told",
    /// B-176
    CountsAsSaved = "express: a save that failed in the handler counts as one",
    /// B-183
    RegeneratesAnyway = "express: a regenerate that fails gives a new, empty session; the old record stays",
    /// B-184
    DestroysAnyway = "express: a destroy that fails takes the session off the request; the record stays",
    /// B-065
    NotAdopted = "an id whose record somebody deleted is not adopted",
    /// `Expect`
    ConflictTells = "a refused write: merged, left to the other one if there is nothing to lose, or 409 without a cookie",
    /// `Conflict::Merge`, `Conflict::Refuse`
    TheirsStays = "what somebody else wrote or deleted stays so",
    /// B-130
    LastWins = "a write of what somebody else has changed: under Overwrite alone, where the last writer wins",
    /// B-131, B-202
    NotRevived = "a touch brings nothing back, and changes no data",
    /// Rule 2 of the library's own.
    Promised = "a session that a cookie promises is in the store",
    /// An outage ends.
    Recovers = "the next request works, and finds what the store holds",
    /// The rest of the scenario.
    Afterwards = "no later request of the scenario fails but for a reason of its own",
    /// A client that goes away while the store hangs.
    Dropped = "a request that is dropped while the store hangs: done or not, nothing third",
}
