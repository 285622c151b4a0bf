//! What happens at the end of a request, from facts alone: the formulas of express-session, and what the
//! preset `recommended` makes of them.
//!
//! Each function is one rule, as its text says it; none looks at what another one has decided.

/// What the rules speak of.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The session's data is not what it was when the request began. With `recommended`, neither may the
    /// cookie be another one.
    pub changed: bool,
    /// The session's cookie is not what it was.
    pub cookie_changed: bool,
    /// The session that the client presented was ended in this request.
    pub ended: bool,
    /// The cookie has an end.
    pub expiring: bool,
    /// The client presented the session's present id.
    pub known: bool,
    /// The session's id is not the one that it had when the request began.
    pub new_id: bool,
    /// A saved hash was noted: something of the session is in the store, and need not be written for
    /// `resave`.
    pub noted: bool,
    /// What was noted is what the session holds now.
    pub noted_is_current: bool,
    /// The request has a session.
    pub present: bool,
    /// The load has renewed the record's life.
    pub refreshed: bool,
    /// The client's cookie was signed with an old secret.
    pub resign: bool,
    /// The option.
    pub rolling: bool,
    /// The option.
    pub save_uninitialized: bool,
    /// The option `unset` is `destroy`, and there is something that can be destroyed.
    pub unset_destroy: bool,
    /// The session's cookie is Secure and the request is not.
    pub withheld: bool,
}

/// What the store is asked at the end (B-111).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the words are those of the rules")]
pub enum Store {
    Destroy,
    Nothing,
    Save,
    Touch,
}

/// What becomes of the cookie.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the words are those of the rules")]
pub enum Cookie {
    Clear,
    Nothing,
    Send,
}

/// What express-session decides.
#[must_use]
pub fn express(facts: &Facts) -> (Store, Cookie) {
    let store = if quirks::destroys(facts) {
        Store::Destroy
    } else if !facts.present {
        Store::Nothing
    } else if quirks::saves(facts) {
        Store::Save
    } else if quirks::touches(facts) {
        Store::Touch
    } else {
        Store::Nothing
    };
    (store, if quirks::sends(facts) { Cookie::Send } else { Cookie::Nothing })
}

/// The formulas as they stand.
mod quirks {
    use super::Facts;

    // B-098
    fn is_modified(facts: &Facts) -> bool {
        facts.new_id || facts.changed
    }

    // B-106, B-136
    pub(super) fn sends(facts: &Facts) -> bool {
        let wanted = if facts.known {
            facts.rolling || facts.expiring && is_modified(facts)
        } else {
            facts.save_uninitialized || is_modified(facts)
        };
        facts.present && wanted && !facts.withheld
    }

    // B-107
    pub(super) fn saves(facts: &Facts) -> bool {
        if !facts.save_uninitialized && !facts.noted && !facts.known {
            is_modified(facts)
        } else {
            let is_saved = !facts.new_id && facts.noted && facts.noted_is_current;
            !is_saved
        }
    }

    // B-108
    pub(super) fn touches(facts: &Facts) -> bool {
        facts.known && !saves(facts)
    }

    // B-109
    pub(super) fn destroys(facts: &Facts) -> bool {
        facts.unset_destroy && !facts.present
    }
}

/// What the preset `recommended` decides.
///
/// # Panics
/// If the rules ask for two things at once.
#[must_use]
pub fn recommended(facts: &Facts) -> (Store, Cookie) {
    let store = match (wishes::destroys(facts), wishes::saves(facts), wishes::touches(facts)) {
        (true, false, false) => Store::Destroy,
        (false, true, false) => Store::Save,
        (false, false, true) => Store::Touch,
        (false, false, false) => Store::Nothing,
        more => panic!("B-111: one thing at the end, not {more:?}: {facts:?}"),
    };
    let cookie = match (wishes::clears(facts), wishes::sends(facts)) {
        // B-136: a Secure cookie can neither be set nor cleared over plain HTTP.
        _ if facts.withheld => Cookie::Nothing,
        (true, false) => Cookie::Clear,
        (false, true) => Cookie::Send,
        (false, false) => Cookie::Nothing,
        (true, true) => panic!("B-135: one line a response: {facts:?}"),
    };
    (store, cookie)
}

/// What users of express-session would rather have.
mod wishes {
    use super::Facts;

    /// The store has nothing of it that this request should know of: it is new, or `resave` is on.
    fn is_unsaved(facts: &Facts) -> bool {
        !facts.noted
    }

    // B-107: what is worth a place in the store that is not there yet.
    fn has_news(facts: &Facts) -> bool {
        if is_unsaved(facts) {
            // B-112: a session that the client brought; B-116: a change; B-114: the option.
            // B-126: that it has a new id makes an empty session no more worth than a new one.
            facts.known || facts.changed || facts.save_uninitialized
        } else {
            // B-125: what was saved under its new id already is not saved again.
            !facts.noted_is_current
        }
    }

    /// B-137: nobody has its id, and nobody can be told.
    fn is_orphan(facts: &Facts) -> bool {
        is_unsaved(facts) && !facts.known && facts.withheld
    }

    pub(super) fn saves(facts: &Facts) -> bool {
        facts.present && has_news(facts) && !is_orphan(facts)
    }

    // B-108; a record that lives on by itself need not be asked for, unless a cookie says that it does.
    pub(super) fn touches(facts: &Facts) -> bool {
        let says_so = facts.rolling || facts.resign || facts.cookie_changed;
        let lives_on = facts.refreshed && !facts.changed && !says_so;
        let is_saved = !is_unsaved(facts) && !has_news(facts);
        facts.present && facts.known && is_saved && !lives_on
    }

    // B-109
    pub(super) fn destroys(facts: &Facts) -> bool {
        facts.unset_destroy && !facts.present
    }

    /// Once the response is there, the store has the session.
    fn will_be_stored(facts: &Facts) -> bool {
        facts.present && (!is_unsaved(facts) || saves(facts))
    }

    pub(super) fn sends(facts: &Facts) -> bool {
        if facts.known {
            let is_modified = facts.changed || facts.new_id;
            // B-106; B-061: signed anew; B-129: a change of the cookie is one.
            let wanted = facts.rolling || facts.expiring && is_modified;
            facts.present && (wanted || facts.resign || facts.cookie_changed)
        } else {
            // B-124: saved by hand is saved; B-126, B-137: what is not saved is not sent.
            will_be_stored(facts)
        }
    }

    // B-154: what the client brought has ended, and no other session has taken its place.
    pub(super) fn clears(facts: &Facts) -> bool {
        let is_replaced = facts.present && facts.known || will_be_stored(facts);
        facts.ended && !is_replaced
    }
}
