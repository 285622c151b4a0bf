//! Wrong behaviours, each of which one invariant catches: what was never seen to fail proves nothing.
//!
//! The core stays as it is. A bug stands between it and the world: other options than the scenario's, another
//! Cookie header, a store that does not do what it says, another response.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use http_session::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{IdError, Record, Session, SessionId, Timestamp};
use http_session_store::{Env, Store};
use serde_json::{Value, json};

use crate::client::sign;
use crate::scenario::{Conflict, CookieOptions, Options, Preset, Scenario};
use crate::trace::{Answer, StoreCall};
use crate::world::{Fault, World};

/// A wrong behaviour.
#[derive(Debug)]
pub struct Bug {
    /// What is wrong.
    pub says: &'static str,
    /// The invariant that catches it, before any other.
    pub caught_by: &'static str,
    pub(crate) preset: Preset,
    /// The script of the space that shows it, counted from 0.
    pub(crate) script: usize,
    pub(crate) seed: Seed,
}

/// Where it is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seed {
    /// In the answer, with the Cookie header that led to it.
    Answer(fn(Option<&[u8]>, &mut Answer)),
    /// In the Cookie header that the core gets.
    Cookie(fn(&Scenario, Vec<u8>) -> Vec<u8>),
    /// In the options: as if they were others.
    Options(fn(&mut Options)),
    /// In the response.
    Response(fn(&mut HeaderMap)),
    /// In what a session's `Debug` shows.
    Shown(fn(&Session) -> String),
    /// In the store, or where ids come from.
    World(Misdeed),
}

/// What the world does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Misdeed {
    AdoptsUnknown,
    DeletesAnother,
    DropsData,
    DropsUnchanged,
    FallsBackToAFixedId,
    KeepsWhatIsDeleted,
    LoadsAfterTheEnd,
    LoadsNoData,
    LoadsNothingWhenItFails,
    LoadsTwice,
    NeverSaves,
    RotatesToAKnownId,
    RotatesWithoutCondition,
    SavesTwice,
    SavesWithoutCondition,
    SwallowsFailedRotations,
    SwallowsFailedSaves,
    TouchRevives,
}

const fn bug(
    caught_by: &'static str,
    preset: Preset,
    script: usize,
    says: &'static str,
    seed: Seed,
) -> Bug {
    Bug { says, caught_by, preset, script, seed }
}

/// One bug at least for each invariant.
pub static BUGS: &[Bug] = {
    use Misdeed::*;
    use Preset::{Express, Recommended};
    use Seed::{Answer, Cookie, Options, Response, Shown, World};
    &[
        bug("P-2a", Recommended, 1, "a destroyed record stays", World(KeepsWhatIsDeleted)),
        bug("P-2b", Recommended, 25, "a save needs no record", World(SavesWithoutCondition)),
        bug("P-2b", Recommended, 25, "a new id needs no record", World(RotatesWithoutCondition)),
        bug(
            "P-4a",
            Recommended,
            29,
            "a destroyed record stays, and nobody looks",
            World(KeepsWhatIsDeleted),
        ),
        bug("P-4b", Recommended, 3, "the new id is one that others know", World(RotatesToAKnownId)),
        bug(
            "P-4c",
            Recommended,
            23,
            "a failed rotation is taken for a done one",
            World(SwallowsFailedRotations),
        ),
        bug("P-2c", Express, 25, "a touch makes a record where there is none", World(TouchRevives)),
        bug(
            "P-5a",
            Recommended,
            2,
            "the idle timeout is another one",
            Options(|options| {
                options.idle_timeout = Some(Some(100_000_000));
            }),
        ),
        bug(
            "P-5b",
            Recommended,
            20,
            "there is no absolute timeout",
            Options(|options| {
                options.absolute_timeout = Some(None);
            }),
        ),
        bug("P-5c", Express, 18, "a record lives for a millisecond more", World(LoadsAfterTheEnd)),
        bug("P-1c", Express, 6, "signatures are not looked at", Cookie(signed_anew)),
        bug("P-1b", Express, 9, "an unknown id is adopted", World(AdoptsUnknown)),
        bug(
            "P-1c",
            Express,
            15,
            "a client gets somebody else's session",
            Cookie(|scenario, header| {
                let name = scenario.options.name();
                let secret = &scenario.options.secret.as_slice()[0];
                let own = format!("{name}={}", sign("id.kept", secret));
                let others = format!("{name}={}", sign("id.other", secret));
                if header == own.as_bytes() { others.into() } else { header }
            }),
        ),
        bug(
            "P-1d",
            Express,
            13,
            "the cookie's path is not looked at",
            Options(|options| {
                let everywhere = |cookie: &mut CookieOptions| {
                    cookie
                        .0
                        .iter_mut()
                        .filter(|(key, _)| key == "path")
                        .for_each(|(_, path)| *path = "/".into());
                };
                options.cookie.iter_mut().for_each(everywhere);
                options
                    .cookie_by_path
                    .iter_mut()
                    .flat_map(|by_path| by_path.values_mut())
                    .for_each(everywhere);
            }),
        ),
        bug(
            "P-6a",
            Express,
            6,
            "a forged cookie is answered with a 400",
            Answer(|header, answer| {
                if header.is_some() && answer.calls.iter().all(|call| call.call != StoreCall::Get) {
                    answer.status = 400;
                    answer.ops.clear();
                    answer.set_cookie.clear();
                }
            }),
        ),
        bug(
            "P-7a",
            Recommended,
            28,
            "without a generator the id is a fixed one",
            World(FallsBackToAFixedId),
        ),
        bug("P-1a", Express, 2, "a save deletes somebody else's record", World(DeletesAnother)),
        bug("P-8a", Express, 2, "a session is loaded twice", World(LoadsTwice)),
        bug("P-8a", Recommended, 2, "a session is loaded twice", World(LoadsTwice)),
        bug("P-8b", Express, 2, "a session is saved twice", World(SavesTwice)),
        bug(
            "P-10a",
            Express,
            2,
            "Max-Age is no whole number",
            Response(|headers| {
                each_line(headers, |line| line + "; Max-Age=1.5");
            }),
        ),
        bug(
            "P-10b",
            Express,
            2,
            "the cookie is sent twice",
            Response(|headers| {
                if let Some(line) = headers.get(SET_COOKIE).cloned() {
                    headers.append(SET_COOKIE, line);
                }
            }),
        ),
        bug(
            "P-10c",
            Recommended,
            2,
            "Secure is left out",
            Response(|headers| {
                each_line(headers, |line| line.replace("; Secure", ""));
            }),
        ),
        bug(
            "P-10d",
            Recommended,
            1,
            "a cookie is cleared at /",
            Response(|headers| {
                each_line(headers, |line| match line.contains("=;") {
                    true => line.replace("; Path=/app", "; Path=/"),
                    false => line,
                });
            }),
        ),
        bug(
            "P-10e",
            Express,
            2,
            "the old secret signs",
            Options(|options| {
                let secrets = options.secret.as_slice().iter().rev().cloned().collect();
                options.secret = crate::scenario::Secrets::Many(secrets);
            }),
        ),
        bug(
            "P-10f",
            Express,
            11,
            "X-Forwarded-Proto is always believed",
            Options(|options| {
                options.proxy = Some(true);
            }),
        ),
        bug(
            "P-10g",
            Recommended,
            2,
            "no cookie is sent",
            Response(|headers| drop(headers.remove(SET_COOKIE))),
        ),
        bug(
            "P-10i",
            Express,
            2,
            "HttpOnly is left out",
            Response(|headers| each_line(headers, |line| line.replace("; HttpOnly", ""))),
        ),
        bug(
            "P-10h",
            Recommended,
            1,
            "no cookie is cleared",
            Response(|headers| {
                let line = headers.get(SET_COOKIE).and_then(|line| line.to_str().ok());
                if line.is_some_and(|line| line.contains("=;")) {
                    headers.remove(SET_COOKIE);
                }
            }),
        ),
        bug(
            "P-11a",
            Recommended,
            2,
            "there is no Vary",
            Response(|headers| drop(headers.remove(VARY))),
        ),
        bug(
            "P-11b",
            Recommended,
            2,
            "there is no Cache-Control",
            Response(|headers| {
                headers.remove(CACHE_CONTROL);
            }),
        ),
        bug(
            "P-11c",
            Recommended,
            27,
            "the application's Vary is replaced",
            Response(|headers| {
                if headers.contains_key(VARY) {
                    headers.insert(VARY, HeaderValue::from_static("Cookie"));
                }
            }),
        ),
        bug(
            "P-12a",
            Express,
            22,
            "an error tells the secret",
            Answer(|_, answer| {
                answer
                    .errors
                    .iter_mut()
                    .for_each(|error| error.push_str(": today's secret, 32 bytes and more"));
            }),
        ),
        bug(
            "P-12b",
            Express,
            2,
            "a session's Debug shows its id",
            Shown(|session| session.id().as_str().to_owned()),
        ),
        bug("P-3a", Express, 2, "a save leaves the data out", World(DropsData)),
        bug(
            "P-3b",
            Recommended,
            24,
            "the last one wins",
            Options(|options| {
                options.conflict = Some(Conflict::Overwrite);
            }),
        ),
        bug("P-3c", Express, 2, "a save leaves out what did not change", World(DropsUnchanged)),
        bug("P-3d", Express, 2, "a load leaves the data out", World(LoadsNoData)),
        bug(
            "P-9a",
            Express,
            0,
            "each visitor gets a session",
            Options(|options| {
                options.save_uninitialized = Some(true);
            }),
        ),
        bug("P-13a", Express, 22, "a failed load is a new session", World(LoadsNothingWhenItFails)),
        bug(
            "P-13b",
            Recommended,
            23,
            "a failed save is taken for a done one",
            World(SwallowsFailedSaves),
        ),
        bug("P-13c", Recommended, 2, "nothing is saved", World(NeverSaves)),
        bug(
            "P-14",
            Express,
            2,
            "it matters how often it was asked",
            Answer(|_, answer| {
                use std::sync::atomic::{AtomicU64, Ordering};
                static ASKED: AtomicU64 = AtomicU64::new(0);
                answer.errors.push(ASKED.fetch_add(1, Ordering::Relaxed).to_string());
            }),
        ),
        bug(
            "P-15",
            Recommended,
            1,
            "Partitioned without Secure is let through",
            Options(|options| {
                let plain =
                    |cookie: &mut CookieOptions| cookie.0.retain(|(key, _)| key != "partitioned");
                options.cookie.iter_mut().for_each(plain);
                options
                    .cookie_by_path
                    .iter_mut()
                    .flat_map(|by_path| by_path.values_mut())
                    .for_each(plain);
            }),
        ),
    ]
};

/// Signs what the header claims to be, whoever had signed it.
fn signed_anew(scenario: &Scenario, header: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&header);
    let claimed = text.split_once("=s%3A").and_then(|(_, value)| Some(value.rsplit_once('.')?.0));
    match claimed.filter(|id| !id.is_empty()) {
        Some(id) => {
            let secret = &scenario.options.secret.as_slice()[0];
            format!("{}={}", scenario.options.name(), sign(id, secret)).into()
        }
        None => header,
    }
}

fn each_line(headers: &mut HeaderMap, change: impl Fn(String) -> String) {
    let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for line in lines {
        let changed = change(line.to_str().expect("our own lines are text").to_owned());
        headers.append(SET_COOKIE, changed.parse().expect("still a header's value"));
    }
}

/// The record without the data of which `drops` is true.
fn without(record: &[u8], drops: impl Fn(&str, &Value) -> bool) -> Value {
    let mut record: Value = serde_json::from_slice(record).expect("JSON");
    if let Some(record) = record.as_object_mut() {
        record.retain(|key, value| key == "cookie" || !drops(key, value));
    }
    record
}

fn dropping(record: &Record, drops: impl Fn(&str, &Value) -> bool) -> Record {
    let json = without(record.to_json().as_bytes(), drops).to_string();
    Record::from_json(&json).expect("a record")
}

/// A world that does something wrong.
pub(crate) struct Seeded {
    pub(crate) world: World,
    pub(crate) misdeed: Misdeed,
}

impl Seeded {
    fn does(&self, misdeed: Misdeed) -> bool {
        self.misdeed == misdeed
    }

    fn record(&self, id: &SessionId) -> Option<Value> {
        self.world.records().remove(id.as_str())
    }
}

impl Env for Seeded {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        let id = self.world.genid();
        if self.does(Misdeed::FallsBackToAFixedId) {
            id.or_else(|_| SessionId::from_text("0"))
        } else {
            id
        }
    }
}

impl Store for Seeded {
    type Error = Fault;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Fault> {
        let mut load = load.clone();
        match self.misdeed {
            Misdeed::AdoptsUnknown if self.record(&load.id).is_none() => {
                self.world.put(load.id.as_str(), &json!({ "cookie": {} }));
            }
            Misdeed::LoadsAfterTheEnd => load.now = load.now.plus_millis(-1).expect("a moment"),
            Misdeed::LoadsTwice => drop(self.world.load(&load).await?),
            _ => {}
        }
        match self.world.load(&load).await {
            Err(_) if self.does(Misdeed::LoadsNothingWhenItFails) => Ok(None),
            Ok(Some(mut stored)) if self.does(Misdeed::LoadsNoData) => {
                stored.record = without(&stored.record, |_, _| true).to_string().into();
                Ok(Some(stored))
            }
            loaded => loaded,
        }
    }

    async fn save(&self, save: &Save) -> Result<Written, Fault> {
        let mut save = save.clone();
        match self.misdeed {
            Misdeed::DeletesAnother => {
                let id = SessionId::from_text("id.other").expect("an id");
                self.world.delete(&Delete::new(id, save.now)).await?;
            }
            Misdeed::DropsData => save.record = dropping(&save.record, |_, _| true),
            Misdeed::DropsUnchanged => {
                let held = self.record(&save.id).unwrap_or_default();
                save.record = dropping(&save.record, |key, value| held.get(key) == Some(value));
            }
            Misdeed::NeverSaves => return Ok(Written::Saved(None)),
            Misdeed::SavesTwice => drop(self.world.save(&save).await?),
            Misdeed::SavesWithoutCondition => save.expect = Expect::Anything,
            _ => {}
        }
        match self.world.save(&save).await {
            Err(_) if self.does(Misdeed::SwallowsFailedSaves) => Ok(Written::Saved(None)),
            saved => saved,
        }
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Fault> {
        let mut rotate = rotate.clone();
        if self.does(Misdeed::RotatesToAKnownId) {
            rotate.to = SessionId::from_text("id.planted").expect("an id");
        }
        if self.does(Misdeed::RotatesWithoutCondition) {
            rotate.expect = Expect::Anything;
        }
        match self.world.rotate(&rotate).await {
            Err(_) if self.does(Misdeed::SwallowsFailedRotations) => Ok(Written::Saved(None)),
            rotated => rotated,
        }
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Fault> {
        let touched = self.world.touch(touch).await?;
        if touched == Touched::Gone && self.does(Misdeed::TouchRevives) {
            self.world.put(touch.id.as_str(), &json!({ "cookie": {} }));
        }
        Ok(touched)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Fault> {
        let record = self.record(&delete.id).filter(|_| self.does(Misdeed::KeepsWhatIsDeleted));
        self.world.delete(delete).await?;
        record.iter().for_each(|record| self.world.put(delete.id.as_str(), record));
        Ok(())
    }
}
