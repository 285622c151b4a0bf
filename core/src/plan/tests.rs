use super::*;

use std::collections::BTreeSet;

use crate::store::{Expect, Stored};
use crate::{DataError, IdError, Record, RecordError, SessionCookie, SessionId, Timestamp};

/// Every combination of facts: 2^9 × 3.
fn all() -> impl Iterator<Item = Facts> {
    let saved = [Saved::Current, Saved::Never, Saved::Stale];
    (0..512_u32).flat_map(move |bits| {
        let bit = |index: u32| bits & (1 << index) != 0;
        saved.map(|saved| Facts {
            changed: bit(0),
            expiring: bit(1),
            known: bit(2),
            present: bit(3),
            new_id: bit(4),
            rolling: bit(5),
            saved,
            save_uninitialized: bit(6),
            unset_destroy: bit(7),
            withheld: bit(8),
        })
    })
}

/// The predicates of the rules, each written as its rule says it.
struct Rules(Facts);

impl Rules {
    // B-098
    fn is_modified(&self) -> bool {
        self.0.new_id || self.0.changed
    }

    // B-107, its second half
    fn is_saved(&self) -> bool {
        !self.0.new_id && self.0.saved == Saved::Current
    }

    // B-106
    fn wants_cookie(&self) -> bool {
        self.0.present
            && if self.0.known {
                self.0.rolling || (self.0.expiring && self.is_modified())
            } else {
                self.0.save_uninitialized || self.is_modified()
            }
    }

    // B-107
    fn should_save(&self) -> bool {
        if !self.0.save_uninitialized && self.0.saved == Saved::Never && !self.0.known {
            self.is_modified()
        } else {
            !self.is_saved()
        }
    }

    // B-108
    fn should_touch(&self) -> bool {
        self.0.known && !self.should_save()
    }

    // B-109
    fn should_destroy(&self) -> bool {
        self.0.unset_destroy && !self.0.present
    }

    // B-110
    fn store(&self) -> StoreAction {
        if self.should_destroy() {
            return StoreAction::Delete;
        }
        if !self.0.present {
            return StoreAction::Nothing;
        }
        if self.should_save() {
            return StoreAction::Save;
        }
        if self.should_touch() {
            return StoreAction::Touch;
        }
        StoreAction::Nothing
    }

    // B-106, B-136
    fn cookie(&self) -> CookieAction {
        if self.wants_cookie() && !self.0.withheld {
            CookieAction::Send
        } else {
            CookieAction::Withhold
        }
    }
}

// B-106, B-107, B-108, B-109, B-110, B-111, B-114, B-136, B-137: for every combination of facts,
// the decision is that of the formulas
#[test]
fn the_decision_is_that_of_the_formulas() {
    let different: BTreeSet<_> = all().map(|facts| format!("{facts:?}")).collect();
    assert_eq!(different.len(), 1_536);
    for facts in all() {
        let decision = decide(facts);
        let rules = Rules(facts);
        assert_eq!(decision.store, rules.store(), "{facts:?}");
        assert_eq!(decision.cookie, rules.cookie(), "{facts:?}");
        // `save_uninitialized` matters only while not known (B-114).
        if facts.known {
            let other = Facts { save_uninitialized: !facts.save_uninitialized, ..facts };
            assert_eq!(decide(other), decision, "{facts:?}");
        }
        // Whether the cookie is withheld is nothing to the store (B-137).
        let other = decide(Facts { withheld: !facts.withheld, ..facts });
        assert_eq!((other.store, other.store_reason), (decision.store, decision.store_reason));
    }
}

/// What each reason claims, told by the facts, so that a reason can never be a lie.
fn cookie_reason_fits(facts: Facts, reason: Reason) -> bool {
    let rules = Rules(facts);
    let sent = rules.cookie() == CookieAction::Send;
    match reason {
        Reason::NoSession => !facts.present,
        Reason::SecureOnPlainHttp => rules.wants_cookie() && facts.withheld,
        Reason::Rolling => sent && facts.known && facts.rolling,
        Reason::NewId => sent && facts.new_id,
        Reason::Changed => sent && facts.changed && !facts.new_id,
        Reason::New => sent && !facts.known && facts.save_uninitialized && !rules.is_modified(),
        Reason::NotModified => {
            !sent && facts.present && facts.known && !facts.rolling && !rules.is_modified()
        }
        Reason::BrowserSessionCookie => {
            !sent
                && facts.present
                && facts.known
                && !facts.rolling
                && !facts.expiring
                && rules.is_modified()
        }
        Reason::Uninitialized => {
            !sent
                && facts.present
                && !facts.known
                && !facts.save_uninitialized
                && !rules.is_modified()
        }
        Reason::AlreadySaved | Reason::PathMismatch | Reason::Resave | Reason::Unset => false,
    }
}

fn store_reason_fits(facts: Facts, action: StoreAction, reason: Reason) -> bool {
    let modified = Rules(facts).is_modified();
    match reason {
        Reason::NoSession => action == StoreAction::Nothing && !facts.present,
        Reason::Unset => action == StoreAction::Delete && !facts.present && facts.unset_destroy,
        Reason::NewId => action == StoreAction::Save && facts.new_id,
        Reason::Changed => {
            let stale = facts.saved == Saved::Stale;
            action == StoreAction::Save && (stale || (facts.changed && facts.saved == Saved::Never))
        }
        Reason::Resave => {
            action == StoreAction::Save && facts.known && facts.saved == Saved::Never && !modified
        }
        Reason::New => {
            action == StoreAction::Save
                && !facts.known
                && facts.save_uninitialized
                && facts.saved == Saved::Never
                && !modified
        }
        Reason::Uninitialized => {
            action == StoreAction::Nothing
                && !facts.known
                && !facts.save_uninitialized
                && facts.saved == Saved::Never
                && !modified
        }
        Reason::AlreadySaved => {
            let unsaved = matches!(action, StoreAction::Delete | StoreAction::Save);
            !unsaved && facts.saved == Saved::Current && (facts.changed || !facts.known)
        }
        Reason::NotModified => {
            action == StoreAction::Touch && facts.saved == Saved::Current && !modified
        }
        Reason::BrowserSessionCookie
        | Reason::PathMismatch
        | Reason::Rolling
        | Reason::SecureOnPlainHttp => false,
    }
}

// B-112, B-136, B-153: each reason fits the facts, and each that can occur does
#[test]
fn the_reasons_fit() {
    let mut cookie_reasons = BTreeSet::new();
    let mut store_reasons = BTreeSet::new();
    for facts in all() {
        let Decision { cookie_reason, store, store_reason, .. } = decide(facts);
        assert!(cookie_reason_fits(facts, cookie_reason), "{facts:?} {cookie_reason:?}");
        assert!(store_reason_fits(facts, store, store_reason), "{facts:?} {store_reason:?}");
        let hidden = Rules(facts).wants_cookie() && facts.withheld;
        assert_eq!(cookie_reason == Reason::SecureOnPlainHttp, hidden, "{facts:?}");
        cookie_reasons.insert(format!("{cookie_reason:?}"));
        store_reasons.insert(format!("{store_reason:?}"));
    }
    let names =
        |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<BTreeSet<_>>();
    assert_eq!(
        cookie_reasons,
        names(&[
            "BrowserSessionCookie",
            "Changed",
            "New",
            "NewId",
            "NoSession",
            "NotModified",
            "Rolling",
            "SecureOnPlainHttp",
            "Uninitialized",
        ])
    );
    assert_eq!(
        store_reasons,
        names(&[
            "AlreadySaved",
            "Changed",
            "New",
            "NewId",
            "NoSession",
            "NotModified",
            "Resave",
            "Uninitialized",
            "Unset",
        ])
    );
}

#[test]
fn each_reason_has_a_sentence_of_its_own() {
    let reasons = [
        Reason::AlreadySaved,
        Reason::BrowserSessionCookie,
        Reason::Changed,
        Reason::New,
        Reason::NoSession,
        Reason::NotModified,
        Reason::PathMismatch,
        Reason::NewId,
        Reason::Resave,
        Reason::Rolling,
        Reason::SecureOnPlainHttp,
        Reason::Uninitialized,
        Reason::Unset,
    ];
    let sentences: BTreeSet<_> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), reasons.len());
    assert!(Reason::SecureOnPlainHttp.to_string().contains("proxy(true)"));
}

// B-106, B-111: what is done reads as what it is: one word for each store operation
#[test]
fn what_is_done_has_a_name() {
    for (action, text) in [(CookieAction::Send, "sent"), (CookieAction::Withhold, "not sent")] {
        assert_eq!(action.to_string(), text);
    }
    for (action, text) in [
        (StoreAction::Delete, "delete"),
        (StoreAction::Nothing, "nothing"),
        (StoreAction::Save, "save"),
        (StoreAction::Touch, "touch"),
    ] {
        assert_eq!(action.to_string(), text);
    }
}

const LINE: &str = "connect.sid=x; Path=/";

fn outcome() -> Outcome {
    let decision = decide(all().next().expect("facts"));
    let cookie = Ok(Some(HeaderValue::from_static(LINE)));
    Outcome { cookie, decision, origin: Origin::Missing }
}

fn id() -> SessionId {
    SessionId::from_bytes([1; 24])
}

fn save() -> Closing<Save> {
    let record = Record::from_json("{\"cookie\":{}}").expect("a record");
    let operation = Save::new(id(), record, Expect::Anything, Timestamp::MIN);
    Closing { operation, outcome: outcome() }
}

// B-208: a write that the store refuses or fails leaves no line to send (D-write-failure)
#[test]
fn what_the_store_did_not_do_is_not_promised() {
    let stored = Stored::new("{}");
    assert!(
        save()
            .settle::<&str>(Ok(Written::Saved(None)))
            .is_ok_and(|outcome| { outcome.set_cookie().is_some_and(|line| line == LINE) })
    );
    for reply in [Written::Changed(stored), Written::Exists, Written::Gone] {
        assert!(matches!(save().settle::<&str>(Ok(reply)), Err(Error::Conflict)));
    }
    assert!(matches!(save().settle(Err("down")), Err(Error::Store("down"))));
    let delete = || Closing { operation: Delete::new(id(), Timestamp::MIN), outcome: outcome() };
    assert!(matches!(delete().settle(Err("down")), Err(Error::Store("down"))));
    assert!(delete().settle::<&str>(Ok(())).is_ok());
}

#[test]
fn each_error_has_a_status_and_a_sentence() {
    let errors = [
        Error::Conflict,
        Error::Data(DataError::TooDeep),
        Error::Ended,
        Error::Id(IdError::Random),
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Record(RecordError::NoCookie),
        Error::Store("down"),
    ];
    let sentences: BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), errors.len());
    for inner in ["down", &DataError::TooDeep.to_string(), &IdError::Random.to_string()] {
        assert!(sentences.contains(inner), "passed through: {inner}");
    }
    for error in errors {
        let conflict = matches!(error, Error::Conflict);
        assert_eq!(error.status(), if conflict { 409 } else { 500 }, "{error}");
    }
}

/// The store's error speaks for itself: its text is passed through, so its cause comes next.
#[test]
fn the_cause_of_the_stores_error_is_ours() {
    #[derive(Debug)]
    struct Down(Option<Box<Self>>);
    impl std::fmt::Display for Down {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(if self.0.is_some() { "down" } else { "cable" })
        }
    }
    impl std::error::Error for Down {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.0.as_deref().map(|cause| cause as _)
        }
    }
    let cause = |error: &Error<Down>| {
        std::error::Error::source(error).map(|cause| (cause.to_string(), cause.is::<Down>()))
    };
    let error = Error::Store(Down(Some(Box::new(Down(None)))));
    assert_eq!(error.to_string(), "down");
    assert_eq!(cause(&error), Some(("cable".into(), true)));
    for error in [
        Error::Store(Down(None)),
        Error::Conflict,
        Error::Data(DataError::TooDeep),
        Error::Ended,
        Error::Id(IdError::Random),
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Record(RecordError::NoCookie),
    ] {
        assert_eq!(cause(&error), None, "{error}");
    }
}

// B-210: a touch that failed, or found the record gone, changes nothing for the response
#[test]
fn a_failed_touch_loses_nothing_but_lifetime() {
    for reply in [None, Some(Touched::Alive), Some(Touched::Gone)] {
        let cookie = SessionCookie::from_record(&mut serde_json::Map::new());
        let operation = Touch::new(id(), cookie, None, Timestamp::MIN);
        let settled = Closing { operation, outcome: outcome() }.settle(reply);
        assert!(settled.set_cookie().is_some_and(|line| line == LINE));
        assert_eq!(settled.origin(), Origin::Missing);
    }
}

// B-134: our line is appended after those that stand there; without one, nothing changes
#[test]
fn lines_that_stand_there_stay() {
    let mut headers = HeaderMap::new();
    headers.append(SET_COOKIE, HeaderValue::from_static("connect.sid=other"));
    headers.append(SET_COOKIE, HeaderValue::from_static("second=2"));
    for cookie in [Ok(None), Err(CookieError::Expires)] {
        Outcome { cookie, ..outcome() }.apply(&mut headers);
        assert_eq!(headers.len(), 2);
    }
    outcome().apply(&mut headers);
    let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(lines, ["connect.sid=other", "second=2", LINE]);
}
