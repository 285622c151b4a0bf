//! The decision, and what goes onto the response.
//!
//! Every decision to save, touch, delete or send a cookie is made in [`decide`], from [`Facts`]
//! alone. [`Exchange::finish`](crate::Exchange::finish) turns it into an operation; when the store has
//! answered, and not before, there is an [`Outcome`]: nothing is promised to a client that was not
//! saved.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};

use crate::{CookieError, Origin};

/// All that the decision depends on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Facts {
    /// The session is not what it was when it was loaded or made (B-098).
    pub changed: bool,
    /// So is its cookie (B-129); false with `quirks` (B-100).
    pub cookie_changed: bool,
    /// The session that the client presented was ended in this request; false with `quirks` (B-154).
    pub ended: bool,
    /// The cookie has an end of its own (B-092).
    pub expiring: bool,
    /// The client presented the id that the session has now (*known*).
    pub known: bool,
    /// There is a session: it was neither destroyed nor unset.
    pub present: bool,
    /// The id is not what it was when the session was loaded or made (B-098).
    pub new_id: bool,
    /// express-session's quirks are on: [`Config::express`](crate::Config::express).
    pub quirks: bool,
    /// The record lives as long as a touch would let it: the load has renewed it, as
    /// [`Load::refresh`](crate::store::Load::refresh) asked, or nearly as long, by
    /// [`ConfigBuilder::touch_after`](crate::ConfigBuilder::touch_after).
    pub refreshed: bool,
    /// The client's cookie was signed with an old secret; false with `quirks` (B-061).
    pub resign: bool,
    /// The option (B-010).
    pub rolling: bool,
    /// How the data stands to what was last saved.
    pub saved: Saved,
    /// The option (B-009).
    pub save_uninitialized: bool,
    /// The option `unset` is `destroy` (B-011), and without `quirks` there is a record (B-127, B-128).
    pub unset_destroy: bool,
    /// The request is not secure, and the cookie is (B-136), or without `quirks` the one that it replaces.
    pub withheld: bool,
}

/// How the session's data stands to what was last saved. With `resave` off, a session counts as
/// saved when it was loaded (B-077).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Saved {
    /// It is what was last saved.
    Current,
    /// Nothing was saved.
    Never,
    /// It is something else.
    Stale,
}

/// What happens at the end of a request, and why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Decision {
    /// What becomes of the cookie.
    pub cookie: CookieAction,
    /// Why.
    pub cookie_reason: Reason,
    /// What the store is asked.
    pub store: StoreAction,
    /// Why.
    pub store_reason: Reason,
}

explained! {
    /// What becomes of the cookie.
    CookieAction {
        /// The browser is told to forget it (B-154).
        Clear = "cleared",
        /// (B-106)
        Send = "sent",
        /// (B-106, B-136)
        Withhold = "not sent",
    }
}

explained! {
    /// What the store is asked at the end of a request: exactly one of these (B-111).
    StoreAction {
        /// (B-109)
        Delete = "delete",
        /// (B-110)
        Nothing = "nothing",
        /// (B-107)
        Save = "save",
        /// (B-108)
        Touch = "touch",
    }
}

explained! {
    /// Why something is done, or is not.
    Reason {
        /// (B-113)
        AlreadySaved = "the application saved the session and did not change it since",
        /// (B-153)
        BrowserSessionCookie = "the browser keeps the cookie for as long as it runs, and has it",
        /// (B-098)
        Changed = "the session was changed",
        /// (B-129)
        CookieChanged = "the session's cookie was changed",
        /// (B-154)
        Ended = "the session was ended: the browser is to forget its cookie",
        /// (B-131)
        Gone = "the session was ended by a parallel request",
        /// (B-114)
        New = "the session is new and save_uninitialized is on",
        /// (B-123)
        NoSession = "the session was destroyed or unset",
        /// (B-098)
        NotModified = "the session's data was not changed",
        /// (B-037)
        PathMismatch = "the request's path does not begin with the cookie's path",
        /// (B-098)
        NewId = "the session has a new id",
        /// Not in express-session: it touches (B-108).
        Refreshed = "the record lives on as it is: the load has renewed it, or touch_after leaves it",
        /// (B-061)
        Resigned = "an old secret had signed the cookie: it is signed anew",
        /// (B-112)
        Resave = "resave is on: an unchanged session is written back",
        /// (B-106)
        Rolling = "rolling is on: the cookie is sent on every response",
        /// (B-124)
        Saved = "the application saved the new session",
        /// (B-136, B-137)
        SecureOnPlainHttp = "the cookie is Secure and the request is not: behind a TLS proxy set \
            proxy(true) and let it send X-Forwarded-Proto: https; for development for_localhost()",
        /// (B-114)
        Uninitialized = "the session is new and empty and save_uninitialized is off",
        /// (B-109)
        Unset = "the session was unset and unset is destroy",
        /// [`ConfigBuilder::load_on_first_use`](crate::ConfigBuilder::load_on_first_use).
        Unused = "the request did not use its session",
    }
}

/// The whole policy of saving, touching, deleting and sending: express-session's formulas
/// (B-106 … B-111), and where [`Facts::quirks`] is off, what its users would rather have.
#[must_use]
pub const fn decide(facts: Facts) -> Decision {
    let (store, store_reason) = decide_store(facts);
    let (cookie, cookie_reason) = decide_cookie(facts, store, store_reason);
    Decision { cookie, cookie_reason, store, store_reason }
}

/// B-106, B-136.
const fn decide_cookie(
    facts: Facts,
    store: StoreAction,
    store_reason: Reason,
) -> (CookieAction, Reason) {
    use CookieAction::{Clear, Send, Withhold};
    let modified = facts.changed || facts.new_id;
    // The client would have a cookie for what is not in the store.
    let unsaved = matches!((store, facts.saved), (StoreAction::Nothing, Saved::Never));
    let (action, reason) = match facts {
        Facts { present: false, ended: true, .. } => (Clear, Reason::Ended),
        Facts { present: false, .. } => return (Withhold, Reason::NoSession),
        Facts { known: true, rolling: true, .. } => (Send, Reason::Rolling),
        Facts { known: true, resign: true, .. } => (Send, Reason::Resigned),
        Facts { known: true, cookie_changed: true, .. } => (Send, Reason::CookieChanged),
        Facts { known: true, .. } if !modified => return (Withhold, Reason::NotModified),
        Facts { known: true, expiring: false, .. } => {
            return (Withhold, Reason::BrowserSessionCookie);
        }
        Facts { quirks: false, ended: true, .. } if unsaved => (Clear, Reason::Ended),
        Facts { quirks: false, .. } if unsaved => return (Withhold, store_reason),
        Facts { new_id: true, .. } => (Send, Reason::NewId),
        Facts { changed: true, .. } => (Send, Reason::Changed),
        Facts { save_uninitialized: true, .. } => (Send, Reason::New),
        Facts { quirks: false, .. } => (Send, Reason::Saved),
        _ => return (Withhold, Reason::Uninitialized),
    };
    if facts.withheld { (Withhold, Reason::SecureOnPlainHttp) } else { (action, reason) }
}

/// B-107 … B-110.
const fn decide_store(facts: Facts) -> (StoreAction, Reason) {
    use StoreAction::{Delete, Nothing, Save, Touch};
    match facts {
        Facts { present: false, unset_destroy: true, .. } => (Delete, Reason::Unset),
        Facts { present: false, .. } => (Nothing, Reason::NoSession),
        // B-125: also if it was saved under that id already.
        Facts { quirks: true, new_id: true, .. } => (Save, Reason::NewId),
        // B-137: nobody would ever present it.
        Facts { quirks: false, known: false, withheld: true, saved: Saved::Never, .. }
            if facts.changed || facts.save_uninitialized =>
        {
            (Nothing, Reason::SecureOnPlainHttp)
        }
        Facts { saved: Saved::Stale, .. } => (Save, Reason::Changed),
        Facts { saved: Saved::Never, changed: true, .. } => (Save, Reason::Changed),
        Facts { saved: Saved::Never, known: true, .. } => (Save, Reason::Resave),
        Facts { saved: Saved::Never, save_uninitialized: true, .. } => (Save, Reason::New),
        Facts { saved: Saved::Never, .. } => (Nothing, Reason::Uninitialized),
        Facts { known: true, changed: true, .. } => (Touch, Reason::AlreadySaved),
        // A touch also says whether the session has ended: not needed if no cookie is to be sent.
        Facts { known: true, refreshed: true, rolling, resign, cookie_changed, .. }
            if !(rolling || resign || cookie_changed) =>
        {
            (Nothing, Reason::Refreshed)
        }
        Facts { known: true, .. } => (Touch, Reason::NotModified),
        Facts { saved: Saved::Current, .. } => (Nothing, Reason::AlreadySaved),
    }
}

/// What goes onto the response.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    pub(crate) cookie: Result<Option<HeaderValue>, CookieError>,
    pub(crate) decision: Decision,
    pub(crate) origin: Origin,
    /// The response depends on the request's Cookie lines, and caches are to know.
    pub(crate) vary: bool,
}

impl Outcome {
    /// Of a request that did not use its session: nothing was loaded
    /// ([`ConfigBuilder::load_on_first_use`](crate::ConfigBuilder::load_on_first_use)), nothing is to be done.
    pub const fn unused() -> Self {
        let decision = Decision {
            cookie: CookieAction::Withhold,
            cookie_reason: Reason::Unused,
            store: StoreAction::Nothing,
            store_reason: Reason::Unused,
        };
        Self { cookie: Ok(None), decision, origin: Origin::Unused, vary: false }
    }

    /// Appends our Set-Cookie line after those that stand there already: none is replaced (B-134).
    ///
    /// Under [`Config::recommended`](crate::Config::recommended) a response that depends on the session
    /// says `Vary: Cookie` (RFC 9110 section 12.5.5), and one with our line keeps out of shared caches
    /// by `Cache-Control: private` (RFC 9111 sections 5.2.2.7 and 7.3). What stands there already is
    /// added to, or made stricter; never weakened.
    pub fn apply(&self, headers: &mut impl Headers) {
        let line = self.set_cookie();
        line.into_iter().for_each(|line| headers.append(SET_COOKIE, line.clone()));
        if !self.vary {
            return;
        }
        vary(headers);
        // A cache that knows what it must understand ignores no-store (RFC 9111 section 5.2.2.3).
        let stored = has(headers, CACHE_CONTROL, "must-understand");
        let kept_out = has(headers, CACHE_CONTROL, "private")
            || !stored && has(headers, CACHE_CONTROL, "no-store");
        if line.is_some() && !kept_out {
            let kept =
                items(headers, &CACHE_CONTROL).filter(|item| !item.eq_ignore_ascii_case(b"public"));
            let merged = kept.chain([&b"private"[..]]).collect::<Vec<_>>().join(&b", "[..]);
            // Parts of header values, joined by what may stand in one.
            if let Ok(merged) = HeaderValue::from_bytes(&merged) {
                headers.replace(CACHE_CONTROL, merged);
            }
        }
    }

    /// A parallel request ended the session: its cookie is not to be sent.
    pub(crate) fn withhold(&mut self) {
        self.cookie = Ok(None);
        (self.decision.cookie, self.decision.cookie_reason) =
            (CookieAction::Withhold, Reason::Gone);
    }

    /// Why the cookie that was to be sent could not be serialized: to be reported. The response
    /// goes out without it, the session is saved (B-152). Under
    /// [`Config::recommended`](crate::Config::recommended) that is an error before the save.
    pub fn cookie_error(&self) -> Option<CookieError> {
        self.cookie.as_ref().err().copied()
    }

    /// Where the session came from when the request began.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What was decided, and why.
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Our Set-Cookie line, marked as sensitive: its `Debug` does not show it.
    pub fn set_cookie(&self) -> Option<&HeaderValue> {
        self.cookie.as_ref().ok()?.as_ref()
    }
}

/// A response's header lines, in whatever map its framework has: what an [`Outcome`] is applied to.
pub trait Headers {
    /// Adds a line after those that the field has.
    fn append(&mut self, name: HeaderName, line: HeaderValue);
    /// The lines of a field, in their order.
    fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]>;
    /// Puts a line in the place of all lines that the field has.
    fn replace(&mut self, name: HeaderName, line: HeaderValue);
}

impl Headers for HeaderMap {
    fn append(&mut self, name: HeaderName, line: HeaderValue) {
        self.append(name, line);
    }

    fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn replace(&mut self, name: HeaderName, line: HeaderValue) {
        self.insert(name, line);
    }
}

/// The items of a header field that is a list; a comma within double quotes divides nothing.
fn items<'a>(headers: &'a impl Headers, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let divide = |line: &'a [u8]| {
        let (mut quoted, mut escaped) = (false, false);
        line.split(move |byte| {
            quoted ^= *byte == b'"' && !escaped;
            escaped = quoted && *byte == b'\\' && !escaped;
            *byte == b',' && !quoted
        })
    };
    let items = headers.lines(name).flat_map(divide).map(<[u8]>::trim_ascii);
    items.filter(|item| !item.is_empty())
}

fn has(headers: &impl Headers, name: HeaderName, word: &str) -> bool {
    items(headers, &name).any(|item| item.eq_ignore_ascii_case(word.as_bytes()))
}

/// Says that the response depends on the request's cookies (RFC 9110 section 12.5.5).
pub(crate) fn vary(headers: &mut impl Headers) {
    if !has(headers, VARY, "*") && !has(headers, VARY, "cookie") {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}

#[cfg(test)]
mod tests;
