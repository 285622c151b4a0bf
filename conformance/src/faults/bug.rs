//! What a driver could do wrong.

use serde_json::Value;

use super::Rule;
use super::store::Hit;
use crate::scenario::Scenario;
use crate::trace::{Answer, StoreCall};
use crate::world::Phase;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])* $name:ident => $rule:ident,)*) => {
        /// What a driver could do wrong.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Bug {
            $($(#[doc = $doc])* $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The rule that catches it.
            pub const fn caught_by(self) -> Rule {
                match self { $(Self::$name => Rule::$rule),* }
            }
        }
    };
}

bugs! {
    /// It takes a load that fails for a session that is not there.
    FailedLoadIsMissing => LoadFails,
    /// It deletes a record that it could not load.
    FailedLoadDeletes => OldOrNew,
    /// It takes a record that can't be read for one that is not there.
    UnreadableIsMissing => Unreadable,
    /// It deletes a record that it can't read.
    UnreadableIsDeleted => Unreadable,
    /// It does not look at what a write at the end answers.
    FailedWriteIsDone => WriteFails,
    /// It sends the cookie with the 500.
    FailedWriteSends => WriteFails,
    /// It fails the response because of a touch.
    FailedTouchFails => TouchFails,
    /// It does not report a touch.
    FailedTouchIsHidden => TouchFails,
    /// It deletes what it could not write.
    FailedWriteDeletes => OldOrNew,
    /// It empties what it could not touch.
    FailedTouchEmpties => OldOrNew,
    /// It asks again.
    AsksAgain => NotRepeated,
    /// It does not tell the handler.
    MethodIsSilent => MethodTells,
    /// It gives the session another id, though the method failed.
    MethodRenames => MethodKeeps,
    /// It empties the session when a method fails.
    MethodEmpties => MethodKeeps,
    /// It takes a save that failed in the handler for done.
    FailedSaveCounts => MadeUpFor,
    /// It writes what express-session does not.
    FailedSaveIsRepeated => CountsAsSaved,
    /// It keeps the session when a regenerate fails.
    RegenerateKeeps => RegeneratesAnyway,
    /// It keeps the session when a destroy fails.
    DestroyKeeps => DestroysAnyway,
    /// It takes over an id that the store does not know.
    Adopts => NotAdopted,
    /// It answers a conflict with 500.
    ConflictIsAnError => ConflictTells,
    /// It says nothing of a conflict.
    ConflictIsSilent => ConflictTells,
    /// It writes without any precondition.
    WritesAnyway => TheirsStays,
    /// It says that it has merged in the handler, and has not.
    MergesNothing => ConflictTells,
    /// It does not say which record it expects.
    ForgetsPreconditions => LastWins,
    /// It writes only what is still there.
    NeverOverwrites => LastWins,
    /// It puts the record back when a touch finds it gone.
    TouchRevives => NotRevived,
    /// It says that it has written, and has not.
    WritesNothing => Promised,
    /// It uses no store again that has failed.
    StaysAway => Recovers,
    /// As [`StaysAway`](Self::StaysAway), from the request after the next one.
    TurnsAway => Afterwards,
    /// It cleans up when a request is dropped, and deletes.
    DroppedDeletes => Dropped,
}

impl Bug {
    /// What it makes of the answer.
    pub(super) fn spoil(self, answer: &mut Answer, hit: &Hit, scenario: &Scenario) {
        let looks = match hit.phase {
            Phase::Handling(begun) => answer.ops.get_mut(begun..begun + 2),
            _ => None,
        };
        match (self, looks) {
            (Self::FailedWriteSends, _) if hit.phase == Phase::Ending && answer.status == 500 => {
                answer.set_cookie.push(format!("{}=s%3Aid.signature", scenario.options.name()));
            }
            (Self::FailedTouchFails, _) if hit.call == StoreCall::Touch => answer.status = 500,
            (Self::MethodRenames, Some([id, _])) => *id = "another".into(),
            (Self::MethodEmpties, Some([_, keys])) => *keys = Value::Array(Vec::new()),
            (Self::RegenerateKeeps | Self::DestroyKeeps, Some([id, _])) => *id = (*hit.id).into(),
            _ => {}
        }
    }
}
