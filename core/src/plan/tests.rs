use super::*;

use std::collections::BTreeSet;

use crate::{DataError, Error, IdError, RecordError};

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
    Outcome { cookie: Ok(Some(HeaderValue::from_static(LINE))), ..Outcome::unused() }
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
        Error::Nested,
        Error::NoLayer,
        Error::NoSession,
        Error::NotLoaded,
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
        Error::Nested,
        Error::NoLayer,
        Error::NoSession,
        Error::NotLoaded,
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
    // Nor after a quote that is escaped.
    for before in
        ["no-cache=\"a, private, b\"", "x=\"a\\\", private, b\"", "x=\"\\\\\\\", private, b\""]
    {
        let after = applied(&consulted(Some(LINE)), &CACHE_CONTROL, &[before.as_bytes()]);
        assert_eq!(after, [format!("{before}, private").as_bytes()]);
    }
    // An escaped backslash escapes nothing.
    let before = &b"x=\"\\\\\", private"[..];
    assert_eq!(applied(&consulted(Some(LINE)), &CACHE_CONTROL, &[before]), [before]);
}
