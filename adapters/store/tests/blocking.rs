//! The driver for hosts that block, and that it does what the async one does.

mod common;

use http::HeaderValue;
use http_session_store::blocking::{close, open, run};
use http_session_store::core::{
    Action, ConfigBuilder, Conflict, CookieOptions, Exchange, Origin, Outcome, RecordError,
    RequestFacts, SessionId, Unset,
};
use http_session_store::{Error, Session};

use self::common::{Op, World, quiet, ready, safe};

fn opened(world: &World, cookie: Option<&HeaderValue>) -> Result<Exchange, Error> {
    let lines = cookie.map(HeaderValue::as_bytes);
    let connection = world.connection;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let begin = world.sessions.config().begin(&facts, lines, common::START);
    Ok(open(begin, &world.store, &world.env)?.expect("a session on every path"))
}

/// A request of a client whose session has `n` = 1.
fn loaded(world: &World) -> Exchange {
    let cookie = ready(world.logged_in());
    let exchange = opened(world, Some(&cookie)).expect("the store works");
    world.store.calls();
    exchange
}

fn set(exchange: &mut Exchange, n: u64) {
    exchange.session().expect("a session").insert("n", n).expect("a number");
}

fn regenerate() -> Action {
    Action::Regenerate(SessionId::from_text("new").expect("an id"))
}

// B-067, B-069: a failed load and a record that can't be read are failed requests; the record stays
#[test]
fn open_fails() {
    let world = World::new(quiet().unset(Unset::Destroy));
    let cookie = ready(world.logged_in());
    let before = world.store.records();
    world.store.fail(Op::Load);
    assert!(matches!(opened(&world, Some(&cookie)), Err(Error::Store(_))));
    assert_eq!(world.store.records(), before);
    world.store.put("sid1", "{}");
    let unreadable = opened(&world, Some(&cookie));
    assert!(matches!(unreadable, Err(Error::Record(RecordError::NoCookie))));
    assert_eq!(world.store.records()["sid1"], "{}");
    assert_eq!(world.store.calls(), ["load sid1", "load sid1"]);
}

// B-037, B-063, B-065: outside of the cookie's path, without a cookie, and with an unknown one
#[test]
fn open_without_a_record() {
    let world = World::new(quiet().cookie(CookieOptions::new().path("/app")));
    let facts = RequestFacts { path: "/", ..RequestFacts::default() };
    let begin = world.sessions.config().begin(&facts, [], common::START);
    assert!(open(begin, &world.store, &world.env).expect("nothing is asked").is_none());
    let world = World::new(quiet());
    let exchange = opened(&world, None).expect("nothing is asked");
    assert_ne!(exchange.origin(), Origin::Loaded);
    assert_eq!(world.store.calls(), [""; 0]);
    let cookie = ready(world.logged_in());
    world.store.drop_all();
    let mut exchange = opened(&world, Some(&cookie)).expect("the store works");
    assert_eq!(exchange.origin(), Origin::Missing);
    assert_eq!(exchange.session().expect("a session").id().as_str(), "sid3");
}

// B-178, B-183, B-184: what a method that failed leaves behind
#[test]
fn run_fails() {
    let world = World::new(quiet());
    let failing = |op: Op, action: Action| {
        let mut exchange = loaded(&world);
        world.store.fail(op);
        let failed = run(&mut exchange, action, &world.store, &world.env);
        assert!(matches!(failed, Err(Error::Store(_))), "{op:?}: {failed:?}");
        exchange
    };
    let n = |mut exchange: Exchange| exchange.session().map(|session| session.get::<u64>("n"));
    assert_eq!(n(failing(Op::Save, Action::Save)), Some(Ok(Some(1))));
    assert_eq!(n(failing(Op::Load, Action::Reload)), Some(Ok(Some(1))));
    assert_eq!(n(failing(Op::Delete, regenerate())), Some(Ok(None)));
    assert_eq!(n(failing(Op::Delete, Action::Destroy)), None);
    assert_eq!(world.store.records().len(), 4);

    let mut exchange = loaded(&world);
    world.store.drop_all();
    let missing = run(&mut exchange, Action::Reload, &world.store, &world.env);
    assert!(matches!(missing, Err(Error::Missing)));
    exchange.unset();
    let gone = run(&mut exchange, Action::Save, &world.store, &world.env);
    assert!(matches!(gone, Err(Error::NoSession)));
}

/// Ends a request after `change`, with a store that fails at `op`.
fn closed(
    config: ConfigBuilder,
    op: Op,
    change: impl FnOnce(&mut Exchange),
) -> Result<Outcome, Error> {
    let world = World::new(config);
    let mut exchange = loaded(&world);
    let before = world.store.records();
    change(&mut exchange);
    world.store.fail(op);
    let outcome = close(exchange, &world.store, &world.env);
    assert_eq!(world.store.records(), before);
    assert_eq!(world.store.calls(), [format!("{op:?} sid1").to_lowercase()]);
    outcome
}

// D-write-failure, B-208, B-210: without the store's answer there is no outcome, but for a touch
#[test]
fn close_fails() {
    let saved = closed(quiet().rolling(true), Op::Save, |exchange| set(exchange, 2));
    assert!(matches!(saved, Err(Error::Store(_))));
    let deleted = closed(quiet().unset(Unset::Destroy), Op::Delete, Exchange::unset);
    assert!(matches!(deleted, Err(Error::Store(_))));
    let touched = closed(quiet().rolling(true), Op::Touch, |_| {}).expect("it goes out");
    assert!(touched.set_cookie().is_some());
}

/// What a handler does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Destroy,
    Increment,
    /// A parallel request.
    Overtaken,
    Regenerate,
    Reload,
    Renew,
    Save,
    Set(u64),
    Unset,
}

fn increment(n: Option<u64>) -> u64 {
    n.unwrap_or_default() + 1
}

/// Somebody else writes the record.
fn overtake(world: &World) {
    if world.ids() == ["sid1"] {
        world.store.put("sid1", r#"{"cookie":{"originalMaxAge":null},"n":100,"other":1}"#);
    }
}

impl Step {
    fn blocking(self, exchange: &mut Exchange, world: &World) -> Result<(), Error> {
        use http_session_store::Env;
        let action = match self {
            Self::Destroy => Action::Destroy,
            Self::Regenerate => Action::Regenerate(world.env.genid().map_err(Error::Id)?),
            Self::Reload => Action::Reload,
            Self::Renew => Action::Renew(world.env.genid().map_err(Error::Id)?),
            Self::Save => Action::Save,
            Self::Increment => {
                let session = exchange.session().ok_or(Error::NoSession)?;
                session.update("n", increment).map_err(Error::Data)?;
                return Ok(());
            }
            Self::Overtaken => {
                overtake(world);
                return Ok(());
            }
            Self::Set(n) => {
                set(exchange, n);
                return Ok(());
            }
            Self::Unset => {
                exchange.unset();
                return Ok(());
            }
        };
        run(exchange, action, &world.store, &world.env)
    }

    async fn waiting(self, session: &Session, world: &World) -> Result<(), Error> {
        match self {
            Self::Increment => session.update("n", increment).map(drop),
            Self::Overtaken => {
                overtake(world);
                Ok(())
            }
            Self::Renew => session.renew().await,
            Self::Destroy => session.destroy().await,
            Self::Regenerate => session.regenerate().await,
            Self::Reload => session.reload().await,
            Self::Save => session.save().await,
            Self::Set(n) => session.insert("n", n),
            Self::Unset => session.unset(),
        }
    }
}

/// All that a request leaves behind.
type Traces = (Vec<String>, Vec<String>, Option<HeaderValue>, Vec<(String, String)>);

fn traces(world: &World, steps: Vec<String>, outcome: Result<Outcome, Error>) -> Traces {
    let line = outcome.ok().and_then(|outcome| outcome.set_cookie().cloned());
    (steps, world.store.calls(), line, world.store.records().into_iter().collect())
}

fn fail_after(world: &World, op: Option<Op>) {
    if let Some(op) = op {
        world.store.fail_after(op);
    }
}

fn blocking(config: ConfigBuilder, steps: &[Step], fails: Option<Op>) -> Traces {
    let world = World::on_tls(config);
    let mut exchange = loaded(&world);
    fail_after(&world, fails);
    let results =
        steps.iter().map(|step| format!("{:?}", step.blocking(&mut exchange, &world))).collect();
    let outcome = close(exchange, &world.store, &world.env);
    traces(&world, results, outcome)
}

async fn waiting(config: ConfigBuilder, steps: &[Step], fails: Option<Op>) -> Traces {
    let world = World::on_tls(config);
    let session = world.loaded().await;
    fail_after(&world, fails);
    let mut results = Vec::new();
    for step in steps {
        results.push(format!("{:?}", step.waiting(&session, &world).await));
    }
    let outcome = world.sessions.close(&session).await;
    traces(&world, results, outcome)
}

// parallel changes are merged by the driver for hosts that block as well, at the end and in a
// renewal
#[test]
fn blocking_merges() {
    use Step::{Increment, Overtaken, Renew};
    let (_, calls, line, records) = blocking(safe(), &[Increment, Overtaken], None);
    assert_eq!((calls, line), (vec!["save sid1".into(), "save sid1".into()], None));
    assert!(records[0].1.contains(r#""n":101,"other":1"#), "{records:?}");
    let (_, calls, line, records) = blocking(safe(), &[Increment, Overtaken, Renew], None);
    assert_eq!(calls, ["rotate sid1", "rotate sid1"]);
    assert!(line.is_some() && records[0].0 == "sid2", "{records:?}");
    assert!(records[0].1.contains(r#""n":101,"other":1"#), "{records:?}");
}

// both drivers leave the same calls, records, cookies and errors behind
#[test]
fn both_drivers_do_alike() {
    use Step::{Destroy, Increment, Overtaken, Regenerate, Reload, Renew, Save, Set};
    for steps in [
        &[] as &[Step],
        &[Set(2)],
        &[Set(2), Save],
        &[Set(2), Save, Set(3)],
        &[Set(2), Reload],
        &[Regenerate, Set(5)],
        &[Regenerate, Regenerate, Save],
        &[Destroy],
        &[Destroy, Save],
        &[Step::Unset],
        &[Renew, Set(2)],
        &[Increment, Overtaken, Renew, Increment],
        &[Increment, Overtaken],
        &[Increment, Overtaken, Save, Increment],
    ] {
        for config in [
            quiet(),
            quiet().resave(true).rolling(true).unset(Unset::Destroy),
            safe(),
            safe().conflict(Conflict::Refuse).rolling(true).unset(Unset::Destroy),
        ] {
            let ops = [Op::Save, Op::Delete, Op::Load, Op::Touch, Op::Rotate].map(Some);
            for fails in [None].into_iter().chain(ops) {
                let one = blocking(config.clone(), steps, fails);
                let other = ready(waiting(config.clone(), steps, fails));
                assert_eq!(one, other, "{steps:?}, {fails:?} fails");
            }
        }
    }
}
