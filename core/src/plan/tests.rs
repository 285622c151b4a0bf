use super::*;

use std::collections::BTreeSet;

use crate::{DataError, Error, IdError, RecordError};

/// Every combination of facts: with the quirks, under which four of them are never true, 2^9 × 3;
/// without them, 2^13 × 3.
fn all(quirks: bool) -> impl Iterator<Item = Facts> {
    let saved = [Saved::Current, Saved::Never, Saved::Stale];
    let count: u32 = if quirks { 512 } else { 8_192 };
    (0..count).flat_map(move |bits| {
        let bit = |index: u32| bits & (1 << index) != 0;
        saved.map(|saved| Facts {
            changed: bit(0),
            cookie_changed: bit(9),
            ended: bit(10),
            expiring: bit(1),
            known: bit(2),
            present: bit(3),
            new_id: bit(4),
            quirks,
            refreshed: bit(12),
            resign: bit(11),
            rolling: bit(5),
            saved,
            save_uninitialized: bit(6),
            unset_destroy: bit(7),
            withheld: bit(8),
        })
    })
}

/// The predicates of the rules with the quirks, each written as its rule says it.
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
    let different: BTreeSet<_> = all(true).map(|facts| format!("{facts:?}")).collect();
    assert_eq!(different.len(), 1_536);
    for facts in all(true) {
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
        Reason::AlreadySaved
        | Reason::CookieChanged
        | Reason::Ended
        | Reason::Gone
        | Reason::PathMismatch
        | Reason::Refreshed
        | Reason::Resave
        | Reason::Resigned
        | Reason::Saved
        | Reason::Unset
        | Reason::Unused => false,
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
        | Reason::CookieChanged
        | Reason::Ended
        | Reason::Gone
        | Reason::PathMismatch
        | Reason::Refreshed
        | Reason::Resigned
        | Reason::Rolling
        | Reason::Saved
        | Reason::SecureOnPlainHttp
        | Reason::Unused => false,
    }
}

// B-112, B-136, B-153: each reason fits the facts, and each that can occur does
#[test]
fn the_reasons_fit() {
    let mut cookie_reasons = BTreeSet::new();
    let mut store_reasons = BTreeSet::new();
    for facts in all(true) {
        let Decision { cookie_reason, store, store_reason, .. } = decide(facts);
        assert!(cookie_reason_fits(facts, cookie_reason), "{facts:?} {cookie_reason:?}");
        assert!(store_reason_fits(facts, store, store_reason), "{facts:?} {store_reason:?}");
        let hidden = Rules(facts).wants_cookie() && facts.withheld;
        assert_eq!(cookie_reason == Reason::SecureOnPlainHttp, hidden, "{facts:?}");
        cookie_reasons.insert(format!("{cookie_reason:?}"));
        store_reasons.insert(format!("{store_reason:?}"));
    }
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

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

#[test]
fn each_reason_has_a_sentence_of_its_own() {
    let reasons = [
        Reason::AlreadySaved,
        Reason::BrowserSessionCookie,
        Reason::Changed,
        Reason::CookieChanged,
        Reason::Ended,
        Reason::Gone,
        Reason::New,
        Reason::NoSession,
        Reason::NotModified,
        Reason::PathMismatch,
        Reason::NewId,
        Reason::Resave,
        Reason::Resigned,
        Reason::Rolling,
        Reason::Saved,
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
    for (action, text) in [
        (CookieAction::Clear, "cleared"),
        (CookieAction::Send, "sent"),
        (CookieAction::Withhold, "not sent"),
    ] {
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
    let decision = decide(all(true).next().expect("facts"));
    let cookie = Ok(Some(HeaderValue::from_static(LINE)));
    Outcome { cookie, decision, origin: Origin::Missing, vary: false }
}

#[test]
fn each_error_has_a_status_and_a_sentence() {
    let errors = [
        Error::Conflict,
        Error::Cookie(CookieError::TooLong),
        Error::Data(DataError::TooDeep),
        Error::Ended,
        Error::Gone,
        Error::Id(IdError::Random),
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Record(RecordError::NoCookie),
        Error::Store("down"),
        Error::Undeliverable,
    ];
    let sentences: BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), errors.len());
    for inner in [
        "down",
        &CookieError::TooLong.to_string(),
        &DataError::TooDeep.to_string(),
        &IdError::Random.to_string(),
    ] {
        assert!(sentences.contains(inner), "passed through: {inner}");
    }
    for error in errors {
        let conflict = matches!(error, Error::Conflict | Error::Gone);
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
        Error::Cookie(CookieError::TooLong),
        Error::Data(DataError::TooDeep),
        Error::Ended,
        Error::Gone,
        Error::Id(IdError::Random),
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Record(RecordError::NoCookie),
        Error::Undeliverable,
    ] {
        assert_eq!(cause(&error), None, "{error}");
    }
}

// CK-8, B-134: our line is appended after those that stand there; without one, nothing changes
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

/// The rules without the quirks, each as one would say it.
#[derive(Clone, Copy)]
struct Wishes(Facts);

impl Wishes {
    /// The store has a record of the session, older than the session or not.
    fn is_in_the_store(self) -> bool {
        self.0.saved != Saved::Never
    }

    /// Somebody has this session's id, or can be given it.
    fn is_of_use(self) -> bool {
        self.0.known || !self.0.withheld
    }

    /// The load has renewed the record's lifetime, and no cookie is sent that had to be checked first.
    fn lives_on_by_itself(self) -> bool {
        self.0.refreshed
            && !self.0.changed
            && !(self.0.rolling || self.0.resign || self.0.cookie_changed)
    }

    /// There is something that the store has not, and that is worth keeping.
    fn has_news(self) -> bool {
        match self.0.saved {
            Saved::Stale => true,
            Saved::Current => false,
            // Whoever presents an id has a session; a visitor has one by an option, or by a change.
            Saved::Never => self.0.known || self.0.changed || self.0.save_uninitialized,
        }
    }

    fn store(self) -> StoreAction {
        let is_saved =
            self.0.present && self.has_news() && (self.is_in_the_store() || self.is_of_use());
        let is_touched = self.0.present
            && self.0.known
            && self.0.saved == Saved::Current
            && !self.lives_on_by_itself();
        let is_deleted = !self.0.present && self.0.unset_destroy;
        match (is_saved, is_touched, is_deleted) {
            (true, false, false) => StoreAction::Save,
            (false, true, false) => StoreAction::Touch,
            (false, false, true) => StoreAction::Delete,
            (false, false, false) => StoreAction::Nothing,
            more => panic!("one thing at a time: {more:?}"),
        }
    }

    /// After this request, the store has the session.
    fn will_be_in_the_store(self) -> bool {
        self.0.present && (self.is_in_the_store() || self.store() == StoreAction::Save)
    }

    /// What the browser has is not what it should have.
    fn wants_cookie(self) -> bool {
        let Facts { changed, cookie_changed, expiring, new_id, resign, rolling, .. } = self.0;
        if self.0.known {
            let later_end = expiring && (changed || new_id);
            self.0.present && (rolling || resign || cookie_changed || later_end)
        } else {
            self.will_be_in_the_store()
        }
    }

    /// The browser presented what this request ended, and nothing takes its place.
    fn wants_clearing(self) -> bool {
        let replaced = self.0.present && (self.0.known || self.will_be_in_the_store());
        self.0.ended && !replaced
    }

    fn cookie(self) -> CookieAction {
        match (self.wants_cookie(), self.wants_clearing()) {
            _ if self.0.withheld => CookieAction::Withhold,
            (true, false) => CookieAction::Send,
            (false, true) => CookieAction::Clear,
            (false, false) => CookieAction::Withhold,
            (true, true) => panic!("one line at a time"),
        }
    }

    fn cookie_reason_fits(self, reason: Reason) -> bool {
        let Facts { changed, cookie_changed, known, new_id, present, .. } = self.0;
        let (modified, decision) = (changed || new_id, self.cookie());
        let sent = decision == CookieAction::Send;
        let kept = decision == CookieAction::Withhold && present;
        match reason {
            Reason::Ended => decision == CookieAction::Clear,
            Reason::NoSession => !present && !self.wants_clearing(),
            // Wanted, or not even saved because of it.
            Reason::SecureOnPlainHttp => {
                let orphan = kept && !known && self.has_news();
                self.0.withheld && (self.wants_cookie() || self.wants_clearing() || orphan)
            }
            Reason::Rolling => sent && known && self.0.rolling,
            Reason::Resigned => sent && known && self.0.resign && !self.0.rolling,
            Reason::CookieChanged => sent && known && cookie_changed,
            Reason::NewId => sent && new_id,
            Reason::Changed => sent && changed && !new_id,
            Reason::New => sent && !known && self.0.save_uninitialized && !modified,
            Reason::Saved => sent && !known && self.is_in_the_store() && !modified,
            Reason::NotModified => kept && known && !modified && !cookie_changed,
            Reason::BrowserSessionCookie => kept && known && modified && !self.0.expiring,
            Reason::Uninitialized => kept && !known && !self.has_news(),
            Reason::AlreadySaved
            | Reason::Gone
            | Reason::PathMismatch
            | Reason::Refreshed
            | Reason::Resave
            | Reason::Unset
            | Reason::Unused => false,
        }
    }

    fn store_reason_fits(self, reason: Reason) -> bool {
        let Facts { changed, known, present, saved, .. } = self.0;
        let (action, never) = (self.store(), saved == Saved::Never);
        match reason {
            Reason::Changed => {
                action == StoreAction::Save && (saved == Saved::Stale || changed && never)
            }
            Reason::New => action == StoreAction::Save && never && !changed && !known,
            Reason::Resave => action == StoreAction::Save && never && !changed && known,
            Reason::NotModified => action == StoreAction::Touch && !changed,
            Reason::Refreshed => {
                let read = known && present && saved == Saved::Current;
                action == StoreAction::Nothing && read && self.lives_on_by_itself()
            }
            Reason::AlreadySaved => {
                !matches!(action, StoreAction::Save | StoreAction::Delete)
                    && saved == Saved::Current
                    && (changed || !known)
            }
            Reason::NoSession => action == StoreAction::Nothing && !present,
            Reason::Unset => action == StoreAction::Delete,
            Reason::SecureOnPlainHttp => {
                action == StoreAction::Nothing && present && never && !self.is_of_use()
            }
            Reason::Uninitialized => action == StoreAction::Nothing && present && never,
            _ => false,
        }
    }
}

// B-060, B-061, B-106, B-107, B-108, B-124, B-129, B-137, B-154: without the quirks, for every
// combination of facts, the decision is what one would wish
#[test]
fn the_decision_is_what_one_would_wish() {
    let different: BTreeSet<_> = all(false).map(|facts| format!("{facts:?}")).collect();
    assert_eq!(different.len(), 24_576);
    for facts in all(false) {
        let (decision, wishes) = (decide(facts), Wishes(facts));
        assert_eq!(decision.store, wishes.store(), "{facts:?}");
        assert_eq!(decision.cookie, wishes.cookie(), "{facts:?}");
    }
}

// B-136, B-137, B-154: without the quirks, what never happens
#[test]
fn what_never_happens() {
    for facts in all(false) {
        let Decision { cookie, store, .. } = decide(facts);
        let saved = facts.saved != Saved::Never || store == StoreAction::Save;
        if cookie == CookieAction::Send {
            assert!(facts.present && saved, "a promise that was not kept: {facts:?}");
            assert!(!facts.withheld, "a cookie that the browser drops: {facts:?}");
        }
        if cookie == CookieAction::Clear {
            assert!(facts.ended && !facts.withheld, "{facts:?}");
            assert!(!facts.present || !facts.known && !saved, "{facts:?}");
        }
        if facts.saved == Saved::Never && facts.withheld && !facts.known {
            assert!(store != StoreAction::Save, "an orphan: {facts:?}");
        }
        let presented_nothing = facts.present && !facts.known && !facts.ended;
        let set_nothing = !facts.changed && facts.saved == Saved::Never;
        if presented_nothing && set_nothing && !facts.save_uninitialized {
            let nothing = (StoreAction::Nothing, CookieAction::Withhold);
            assert_eq!((store, cookie), nothing, "{facts:?}");
        }
        let cookie_only = facts.changed && facts.cookie_changed && facts.saved == Saved::Stale;
        if facts.present && facts.known && cookie_only && !facts.withheld {
            assert_eq!((store, cookie), (StoreAction::Save, CookieAction::Send), "{facts:?}");
        }
    }
}

// B-124, B-129, B-136, B-154: without the quirks, each reason fits the facts, and each that can
// occur does
#[test]
fn the_reasons_fit_without_quirks() {
    let mut cookie_reasons = BTreeSet::new();
    let mut store_reasons = BTreeSet::new();
    for facts in all(false) {
        let Decision { cookie_reason, store_reason, .. } = decide(facts);
        let wishes = Wishes(facts);
        assert!(wishes.cookie_reason_fits(cookie_reason), "{facts:?} {cookie_reason:?}");
        assert!(wishes.store_reason_fits(store_reason), "{facts:?} {store_reason:?}");
        cookie_reasons.insert(format!("{cookie_reason:?}"));
        store_reasons.insert(format!("{store_reason:?}"));
    }
    assert_eq!(
        cookie_reasons,
        names(&[
            "BrowserSessionCookie",
            "Changed",
            "CookieChanged",
            "Ended",
            "New",
            "NewId",
            "NoSession",
            "NotModified",
            "Resigned",
            "Rolling",
            "Saved",
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
            "NoSession",
            "NotModified",
            "Refreshed",
            "Resave",
            "SecureOnPlainHttp",
            "Uninitialized",
            "Unset",
        ])
    );
}

/// A header's lines before, and after.
type Lines = (&'static [&'static [u8]], &'static [&'static [u8]]);

/// The header's lines after `outcome` was applied to `lines`.
fn applied(outcome: &Outcome, name: &HeaderName, lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line).expect("a header value"));
    }
    outcome.apply(&mut headers);
    headers.get_all(name).iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn consulted(line: Option<&'static str>) -> Outcome {
    let cookie = Ok(line.map(HeaderValue::from_static));
    Outcome { cookie, vary: true, ..outcome() }
}

/// PX-9: Caches learn that the response depends on the Cookie lines: once, whatever stands there.
#[test]
fn vary_says_cookie() {
    let cases: &[Lines] = &[
        (&[], &[b"Cookie"]),
        (&[b"Accept"], &[b"Accept", b"Cookie"]),
        (&[b"accept, COOKIE"], &[b"accept, COOKIE"]),
        (&[b"Cookie"], &[b"Cookie"]),
        (&[b"accept", b" cookie ,origin"], &[b"accept", b" cookie ,origin"]),
        (&[b"*"], &[b"*"]),
        (&[b"accept", b"*"], &[b"accept", b"*"]),
        // Neither is the field itself.
        (&[b"Cookies"], &[b"Cookies", b"Cookie"]),
        (&[b"X-Cookie"], &[b"X-Cookie", b"Cookie"]),
        (&[b"Set-Cookie"], &[b"Set-Cookie", b"Cookie"]),
        (&[b""], &[b"", b"Cookie"]),
        (&[b"accept-\xE9"], &[b"accept-\xE9", b"Cookie"]),
    ];
    for (before, after) in cases {
        for line in [Some(LINE), None] {
            assert_eq!(applied(&consulted(line), &VARY, before), *after, "{before:?}");
        }
        // Under express, or if nobody asked for the session: as it was.
        assert_eq!(applied(&outcome(), &VARY, before), *before);
    }
}

/// PX-9: Our line stays out of shared caches: what stands there is made stricter, never weaker.
#[test]
fn cache_control_says_private() {
    let cases: &[Lines] = &[
        (&[], &[b"private"]),
        (&[b"public"], &[b"private"]),
        (&[b"Public"], &[b"private"]),
        (&[b"public, max-age=60"], &[b"max-age=60, private"]),
        (&[b"max-age=60,PUBLIC ,must-revalidate"], &[b"max-age=60, must-revalidate, private"]),
        (&[b"no-store"], &[b"no-store"]),
        (&[b"No-Store, public"], &[b"No-Store, public"]),
        (&[b"private"], &[b"private"]),
        (&[b"max-age=60, Private"], &[b"max-age=60, Private"]),
        (&[b"no-cache"], &[b"no-cache, private"]),
        (&[b"s-maxage=60"], &[b"s-maxage=60, private"]),
        // Of one field alone, it says nothing of ours.
        (&[b"private=\"x\""], &[b"private=\"x\", private"]),
        (&[b"private=\"x, y\""], &[b"private=\"x, y\", private"]),
        (&[b"no-cache=\"set-cookie\", public"], &[b"no-cache=\"set-cookie\", private"]),
        (&[b"public", b"max-age=60"], &[b"max-age=60, private"]),
        (&[b"max-age=60", b"private"], &[b"max-age=60", b"private"]),
        (&[b"max-age=60", b"no-store"], &[b"max-age=60", b"no-store"]),
        (&[b", ,"], &[b"private"]),
    ];
    for (before, after) in cases {
        let shown: Vec<_> = before.iter().map(|line| String::from_utf8_lossy(line)).collect();
        assert_eq!(applied(&consulted(Some(LINE)), &CACHE_CONTROL, before), *after, "{shown:?}");
        // Without our line the response may be cached, under express it is the handler's affair.
        assert_eq!(applied(&consulted(None), &CACHE_CONTROL, before), *before, "{shown:?}");
        assert_eq!(applied(&outcome(), &CACHE_CONTROL, before), *before, "{shown:?}");
    }
}

/// What can't be read as text is still the handler's word: it stays, with ours beside it.
#[test]
fn cache_control_beyond_ascii_is_not_lost() {
    for before in [&b"no-store, x=\"\xE9\""[..], b"max-age=60, x=\"\xE9\"", b"\xFF"] {
        let after = applied(&consulted(Some(LINE)), &CACHE_CONTROL, &[before]).join(&b", "[..]);
        let find = |text: &[u8]| after.windows(text.len()).any(|part| part == text);
        assert!(find(before), "{}", String::from_utf8_lossy(&after));
        assert!(find(b"private") || find(b"no-store"), "{}", String::from_utf8_lossy(&after));
    }
}

/// A directive's quoted text is no directive.
#[test]
fn a_word_in_quotes_is_not_a_word() {
    let before = &b"no-cache=\"a, private, b\""[..];
    let after = applied(&consulted(Some(LINE)), &CACHE_CONTROL, &[before]);
    assert_eq!(after, [&b"no-cache=\"a, private, b\", private"[..]]);
}
