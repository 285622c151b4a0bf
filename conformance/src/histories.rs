//! Requests that race: every order of their store operations.
//!
//! The core does not ask the store itself, so requests of one session can be stepped by hand: one operation
//! of one request, then one of another. A [`History`] is what came of one order. [`follow`] makes it, over
//! any [`Store`]; the [`invariants`] are functions over it, and each says how often it applied.
//!
//! Each request makes four operations, or five ([`Script`]): it loads the session, saves a key of its own,
//! (saves an update of a counter that all share,) reloads, and comes to its [`End`], of which there are six. A
//! request that finds its session ended fails, and has fewer; one that a parallel request was faster than
//! has more, and makes those after the order's last turn. The clock moves before each operation.
//!
//! Two requests of five operations have 252 orders × 36 pairs of ends = 9,072 histories; three of four have
//! 34,650 × 216 = 7,484,400:
//!
//! ```sh
//! cargo run --release -q -p http-session-conformance --no-default-features --bin histories -- --requests 3
//! ```
//!
//! The author of a store runs the 9,072 over it, which needs no order of arrival to be waited for:
//!
//! ```
//! use http_session_conformance::histories::{Case, End, Script, Setting, Tally, follow, orders};
//! use http_session_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (setting, mut tally) = (Setting::default(), Tally::default());
//! # let few = 500;
//! for (number, (ends, order)) in orders::all(2, Script::Five).enumerate()
//! #   .step_by(few)
//! {
//!     // Each history has ids of its own: it need not have a store of its own.
//!     let case = Case::new(&ends, Script::Five, &order).name(format!("history{number}-"));
//!     tally.add(&follow(&setting, &MemoryStore::new(), &case).await?);
//! }
//! tally.assert();
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http_session::{Config, Conflict, Timeouts, Timestamp};

pub mod invariants;
mod machine;
mod model;
pub mod orders;
mod story;
mod tally;

pub use self::machine::{at_the_same_time, every_order, follow, one_after_the_other};
pub use self::story::story;
pub use self::tally::Tally;

#[cfg(doc)]
use http_session_store::Store;

/// A session id: how many were made before it in the history. 0 is the one that the requests present.
pub type Id = usize;

/// A session's data: numbers under keys.
pub type Data = BTreeMap<String, i64>;

/// What ends a request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum End {
    /// The session is destroyed.
    Destroy,
    /// A key of the request's own is written, and saved with the end.
    Insert,
    /// Nothing more is done; the end touches.
    Read,
    /// The session is ended, and another one begun that has a key of the request's own.
    Regenerate,
    /// The session gets a new id.
    Renew,
    /// One is added to a counter that all requests share, which is saved with the end.
    Update,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Destroy, Self::Insert, Self::Read, Self::Regenerate, Self::Renew, Self::Update];
}

/// What a request does before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Script {
    /// Loads, saves a key, saves a count, reloads: five operations with its end.
    Five,
    /// Loads, saves a key, reloads: four operations with its end.
    Four,
}

impl Script {
    /// How many operations of the store a request has that nothing comes in the way of. (A regeneration
    /// saves the new session with one more, which no other request can see.)
    pub const fn turns(self) -> usize {
        match self {
            Self::Five => 5,
            Self::Four => 4,
        }
    }
}

/// What all histories of a run have in common.
#[derive(Clone, Debug)]
pub struct Setting {
    absolute: Duration,
    config: Config,
    conflict: Conflict,
    granularity: Duration,
    idle: Duration,
    start: Timestamp,
    tick: Duration,
}

impl Default for Setting {
    fn default() -> Self {
        Self::new(Conflict::Merge)
    }
}

impl Setting {
    /// The recommended configuration with this way to deal with conflicts: an idle timeout of 20 minutes, an
    /// absolute one of 30. The clock moves by a minute before each operation: at first the idle timeout is
    /// what ends the session, later the absolute one.
    pub fn new(conflict: Conflict) -> Self {
        let [idle, absolute] = [20, 30].map(|minutes| Duration::from_secs(minutes * 60));
        let timeouts = Timeouts { idle: Some(idle), absolute: Some(absolute) };
        let config = Config::recommended("a secret of tests, 32 bytes long");
        let config = config.conflict(conflict).timeouts(timeouts).build().expect("sound options");
        let start = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
        let (granularity, tick) = (Duration::ZERO, Duration::from_secs(60));
        Self { absolute, config, conflict, granularity, idle, start, tick }
    }

    /// How much longer than its end the store lets a record live, as in
    /// [`Contract::granularity`](crate::contract::Contract::granularity).
    #[must_use]
    pub const fn granularity(mut self, granularity: Duration) -> Self {
        self.granularity = granularity;
        self
    }

    /// How far the clock moves before each operation. Not at all, for a store whose server's clock says what has
    /// expired, as that one can't be moved along.
    #[must_use]
    pub const fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// What happens to a write when a parallel request was faster.
    pub const fn conflict(&self) -> Conflict {
        self.conflict
    }
}

/// One history that is to be: who the requests are, and whose turn it is when.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    ends: &'a [End],
    fault: Option<Fault>,
    name: String,
    order: &'a [usize],
    script: Script,
}

impl<'a> Case<'a> {
    /// A request for each of `ends`, whose turns come as `order` says: indices into `ends`.
    pub const fn new(ends: &'a [End], script: Script, order: &'a [usize]) -> Self {
        Self { ends, fault: None, name: String::new(), order, script }
    }

    /// Lets an operation fail.
    #[must_use]
    pub const fn fault(mut self, fault: Option<Fault>) -> Self {
        self.fault = fault;
        self
    }

    /// What the session ids begin with: letters, digits and hyphens. Histories on a store of their own need
    /// none.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// An operation that fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Which one: how many operations the requests made before it.
    pub at: usize,
    /// What the failure hides.
    pub kind: FaultKind,
}

/// What became of an operation that was answered with an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// It was carried out; the answer was lost.
    Done,
    /// It is carried out after the next one: a connection that was slow.
    Late,
    /// It was not carried out.
    NotDone,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Late, Self::NotDone];
}

/// What came of a case.
#[derive(Debug)]
pub struct History {
    /// How each request was answered.
    pub answers: Vec<Answer>,
    /// How conflicts were to be dealt with.
    pub conflict: Conflict,
    /// What the requests ended with.
    pub ends: Vec<End>,
    /// What they did before.
    pub script: Script,
    /// What the store held in the end.
    pub end: BTreeMap<Id, Seen>,
    /// Who made each id; `None`: the request before all, which made the session.
    pub makers: Vec<Option<usize>>,
    /// What happened.
    pub steps: Vec<Step>,
    /// How many turns were not needed: their requests had ended.
    pub unused: usize,
    /// How many operations came after the order's last turn.
    pub late: usize,
    absolute: Duration,
    granularity: Duration,
    idle: Duration,
}

/// One operation, and what the store answered.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the operation is to write of its request's doing: what no earlier one has written for it.
    pub adds: Vec<Change>,
    /// What was asked.
    pub call: Call,
    /// The request got the reply. Otherwise the operation failed for it, whatever came of it.
    pub heard: bool,
    /// It was answered with an error before, and reaches the store only now.
    pub late: bool,
    /// The time of the operation, at which it was made; it reached the store later.
    pub made: Timestamp,
    /// When it reached the store.
    pub now: Timestamp,
    /// Did the load or touch that this is ask for a new end?
    pub renews: bool,
    /// What the store answered; `None`: it was not asked.
    pub reply: Option<Reply>,
    /// Whose operation it was.
    pub request: usize,
    /// What the store held after it, under the ids that it was about; empty if it can have changed nothing.
    pub seen: Vec<(Id, Option<Seen>)>,
}

/// A change of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// One more in the counter.
    Count,
    /// 1 under a key that no other request writes.
    Key(String),
}

/// The counter that all requests share.
pub const COUNT: &str = "count";

impl Change {
    /// Makes the change.
    pub fn apply(&self, data: &mut Data) {
        match self {
            Self::Count => *data.entry(COUNT.into()).or_default() += 1,
            Self::Key(key) => drop(data.insert(key.clone(), 1)),
        }
    }
}

/// What a store was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the operations of a store")]
pub enum Call {
    Delete(Id),
    Load(Id),
    Rotate { from: Id, to: Id },
    Save(Id),
    Touch(Id),
}

impl Call {
    /// The ids that it is about.
    pub fn ids(self) -> impl Iterator<Item = Id> {
        let (id, other) = match self {
            Self::Rotate { from, to } => (from, Some(to)),
            Self::Delete(id) | Self::Load(id) | Self::Save(id) | Self::Touch(id) => (id, None),
        };
        [id].into_iter().chain(other)
    }

    /// The id under which it writes a record.
    pub const fn writes(self) -> Option<Id> {
        match self {
            Self::Rotate { to: id, .. } | Self::Save(id) => Some(id),
            Self::Delete(_) | Self::Load(_) | Self::Touch(_) => None,
        }
    }
}

/// What a store answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// To a touch.
    Alive,
    /// A write was refused: this is there now.
    Changed(Data),
    /// To a delete.
    Deleted,
    /// A write was refused: there is a record.
    Exists,
    /// To a load.
    Found(Data),
    /// To a write, or a touch: there is no record.
    Gone,
    /// To a load: there is no record.
    Nothing,
    /// A write was carried out.
    Saved,
}

/// A record in the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// When its session began.
    pub created: Option<Timestamp>,
    /// The session's data.
    pub data: Data,
    /// When it ends, if the store can tell.
    pub expires: Option<Timestamp>,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Answer {
    /// What the answer does with the browser's cookie.
    pub cookie: Cookie,
    /// It found the session whose id it presented.
    pub found: bool,
    /// What the client was told: of a method that failed, or else of the end.
    pub failed: Option<Failure>,
}

/// What an answer does with the browser's cookie.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "they are explained at the type")]
pub enum Cookie {
    Cleared,
    /// It says nothing.
    Kept,
    Set(Id),
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "as `http_session::Error` has them")]
pub enum Failure {
    Conflict,
    Gone,
    Missing,
    Store,
}

impl History {
    /// The end of the history in one line, the same for all that differ in nothing but the moments and the
    /// number of ids: how each request was answered, and each record that lives, with who made its id.
    pub fn end_state(&self) -> String {
        let maker = |id: Id| match self.makers[id] {
            None => "first".to_owned(),
            Some(request) => format!("of {request}"),
        };
        let answers = self.answers.iter().map(|answer| {
            let failed = answer.failed.map_or_else(|| "ok".into(), |failed| format!("{failed:?}"));
            let cookie = match answer.cookie {
                Cookie::Cleared => ", cookie cleared".into(),
                Cookie::Kept => String::new(),
                Cookie::Set(id) => format!(", cookie {}", maker(id)),
            };
            format!("{}{cookie}", failed.to_lowercase())
        });
        let answers = Vec::from_iter(answers).join("; ");
        format!("{answers} | {}", self.live_state())
    }

    /// Was each request answered with success?
    pub fn succeeded(&self) -> bool {
        self.answers.iter().all(|answer| answer.failed.is_none())
    }

    /// The part of the [end state](Self::end_state) that is in the store.
    pub fn live_state(&self) -> String {
        let records = self.end.iter().map(|(id, seen)| {
            let data = seen.data.iter().map(|(key, value)| match value {
                1 if key != COUNT => key.clone(),
                value => format!("{key}={value}"),
            });
            let maker = match self.makers[*id] {
                None => "first".to_owned(),
                Some(request) => format!("of {request}"),
            };
            format!("{maker}: {}", Vec::from_iter(data).join(" "))
        });
        let mut records = Vec::from_iter(records);
        records.sort_unstable();
        format!(
            "{} live{}",
            records.len(),
            records.iter().map(|r| format!(", {r}")).collect::<String>()
        )
    }
}

/// One line for each step, and one for the end.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { call, heard, reply, request, .. } in &self.steps {
            let call = match call {
                Call::Delete(id) => format!("delete id {id}"),
                Call::Load(id) => format!("load id {id}"),
                Call::Rotate { from, to } => format!("rotate id {from} to id {to}"),
                Call::Save(id) => format!("save id {id}"),
                Call::Touch(id) => format!("touch id {id}"),
            };
            let reply =
                reply.as_ref().map_or_else(|| "not done".into(), |reply| format!("{reply:?}"));
            let lost = if *heard { "" } else { " (the answer: an error)" };
            writeln!(f, "  request {request}: {call}: {reply}{lost}")?;
        }
        writeln!(f, "  end: {}", self.end_state())
    }
}
