//! What an auditor asks of a configuration: findings, each with the clause that it comes from.

use serde_json::Value;

use crate::config::Options;
use crate::cookie_options::Attributes;
use crate::time::millis;
use crate::{Attribute, Conflict, CookieTemplate, Proxy, Secret};

macro_rules! findings {
    ($($(#[$note:meta])* $variant:ident ($clause:literal) = $text:literal,)*) => {
        explained! {
            /// What is said of a configuration by [`Config::audit`](crate::Config::audit).
            Finding { $(#[doc = concat!("(", $clause, ")")] $(#[$note])* $variant = $text,)* }
        }

        impl Finding {
            /// The clause that asks for something else.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$variant => $clause,)* }
            }
        }
    };
}

findings! {
    DefaultName ("OWASP Session Management Cheat Sheet, Session ID Name Fingerprinting") =
        "the cookie's default name tells which software runs here: give it another",
    DomainWide ("OWASP ASVS 5.0 3.3.3") =
        "the cookie has a Domain: every host below it gets the session",
    HostPrefix ("RFC 6265bis section 4.1.3.2") =
        "a cookie called __Host-…, as the default name __Host-id, needs Secure, Path=/ and no Domain, or \
         browsers drop it: take that option back, or call it __Secure-…; on plain HTTP, for_localhost()",
    HttpPrefix ("RFC 6265bis section 4.1.3") =
        "a cookie with the prefix __Http- or __Host-Http- needs HttpOnly, or browsers drop it",
    KnownSecret ("OWASP ASVS 5.0 13.3.1") =
        "a secret is one from a tutorial: take 32 random bytes, `openssl rand -base64 32`",
    LongLived ("RFC 6265bis section 5.5") =
        "the cookie is to live for more than 400 days, which is the most that browsers keep",
    LostUpdates ("B-130") =
        "parallel requests of one session overwrite each other: set conflict(Conflict::Merge)",
    NeverMatches ("RFC 6265 section 5.1.4") =
        "no request's path is below the cookie's path: begin it with /, and write it percent-encoded",
    NoAbsoluteTimeout ("OWASP ASVS 5.0 7.3.2") =
        "sessions that are used never end: set timeouts",
    NoIdleTimeout ("OWASP ASVS 5.0 7.3.1") =
        "sessions that are not used any more end with the store's own rule at best: set timeouts",
    NoLifetime ("RFC 6265bis section 5.5") =
        "the cookie's max-age or a timeout is zero or negative: each request gets a new session",
    NoPrefix ("OWASP ASVS 5.0 3.3.3") =
        "other hosts of the site can set the cookie: begin its name with __Host-",
    NoSameSite ("OWASP ASVS 5.0 3.3.2") =
        "the cookie has no SameSite, and each browser does as it likes: set Lax",
    NoneNotSecure ("RFC 6265bis section 5.7 step 19") =
        "a cookie with SameSite=None needs Secure, or browsers drop it",
    NotSecure ("OWASP ASVS 5.0 3.3.1") =
        "the cookie travels over plain HTTP: set Secure, but for development on localhost",
    NotRolling ("B-106") =
        "the cookie has a max-age and rolling is off: the browser drops it while the session is in use",
    PartitionedNotSecure ("CHIPS") =
        "a cookie with Partitioned needs Secure, or browsers drop it",
    ProxyBelieved ("RFC 7239 section 8.1; B-162") =
        "X-Forwarded-Proto or Forwarded is believed: let nobody reach this server but through a proxy that sets \
         it",
    Quirks ("B-050, B-137, B-154, B-183") =
        "express-session's quirks are on: among others, a logout leaves the browser's cookie",
    Resave ("B-130") =
        "resave is on: a slow request that changes nothing undoes a faster one",
    SaveUninitialized ("OWASP ASVS 5.0 7.6.2") =
        "save_uninitialized is on: each visitor, each robot, gets a record",
    ScriptsCanRead ("OWASP ASVS 5.0 3.3.4") =
        "scripts can read the cookie: set HttpOnly",
    SecurePrefix ("RFC 6265bis section 4.1.3.1") =
        "a cookie with the prefix __Secure- needs Secure, or browsers drop it",
    ShortSecret ("RFC 2104 section 3") =
        "a secret has less than 32 bytes: take 32 random bytes, `openssl rand -base64 32`",
    TimeoutOrder ("OWASP ASVS 5.0 7.3") =
        "the idle timeout is longer than the absolute one",
}

/// The secrets of express-session's own examples, and their like.
const KNOWN: [&[u8]; 8] = [
    b"keyboard cat",
    b"keyboard-cat",
    b"secret",
    b"your secret key",
    b"your-secret-key",
    b"changeme",
    b"change me",
    b"session secret",
];

/// Browsers' limit of a cookie's life, in milliseconds.
const MAX_AGE: i64 = 400 * 24 * 3_600_000;

/// What is found, and of that the first that can't work or is as good as no protection.
pub(crate) fn audit<'a>(
    name: &str,
    template: &CookieTemplate,
    options: &Options,
    mut secrets: impl Iterator<Item = &'a Secret> + Clone,
) -> (Box<[Finding]>, Option<Finding>) {
    let [cookie, on_tls] = template.attributes();
    let has = |attribute| cookie.truthy(attribute).is_some();
    let (secure, domain) = (has(Attribute::Secure), has(Attribute::Domain));
    let dropped = |cookie: &Attributes| {
        let same_site = cookie.truthy(Attribute::SameSite).and_then(Value::as_str);
        let none = same_site.is_some_and(|site| site.eq_ignore_ascii_case("none"));
        none && cookie.truthy(Attribute::Secure).is_none()
    };
    // Browsers look at prefixes in any case.
    let name = name.to_ascii_lowercase();
    let host = name.starts_with("__host-");
    let http = name.starts_with("__http-") || name.starts_with("__host-http-");
    let age = template.max_age();
    let timeouts = options.timeouts;
    let zero =
        [timeouts.idle, timeouts.absolute].into_iter().flatten().any(|time| millis(time) == 0);
    let ordered = timeouts.idle.zip(timeouts.absolute).is_none_or(|(idle, all)| idle <= all);
    let path = template.path();
    let reachable = path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#<>?\\^`{}".contains(&byte));
    // With an empty path there is no Path attribute at all (B-145).
    let root = cookie.truthy(Attribute::Path).and_then(Value::as_str) == Some("/");
    let refused = [
        (Finding::KnownSecret, secrets.clone().any(|secret| KNOWN.contains(&secret.bytes()))),
        (Finding::ShortSecret, secrets.any(|secret| secret.bytes().len() < 32)),
        (Finding::NoneNotSecure, dropped(cookie) || dropped(on_tls)),
        (Finding::HostPrefix, host && !(secure && !domain && root)),
        (Finding::HttpPrefix, http && !(has(Attribute::HttpOnly) && secure)),
        (Finding::SecurePrefix, name.starts_with("__secure-") && !secure),
        (Finding::PartitionedNotSecure, has(Attribute::Partitioned) && !secure),
        (Finding::NeverMatches, !reachable),
        (Finding::NoLifetime, age.is_some_and(|age| age <= 0) || zero),
        (Finding::TimeoutOrder, !ordered),
    ];
    let advised = [
        (Finding::NotSecure, !secure),
        (Finding::ScriptsCanRead, !has(Attribute::HttpOnly)),
        (Finding::NoSameSite, !has(Attribute::SameSite)),
        (Finding::NoPrefix, !host && !name.starts_with("__secure-")),
        (Finding::DomainWide, domain),
        (Finding::DefaultName, name == "connect.sid"),
        (Finding::LongLived, age.is_some_and(|age| age > MAX_AGE)),
        (Finding::NotRolling, age.is_some() && !options.rolling),
        (Finding::NoIdleTimeout, timeouts.idle.is_none()),
        (Finding::NoAbsoluteTimeout, timeouts.absolute.is_none()),
        (Finding::SaveUninitialized, options.save_uninitialized),
        (Finding::Resave, options.resave),
        (Finding::LostUpdates, options.conflict == Conflict::Overwrite),
        (Finding::ProxyBelieved, matches!(options.proxy, Proxy::Forwarded | Proxy::Trust)),
        (Finding::Quirks, options.quirks),
    ];
    let applies = |(finding, applies): (Finding, bool)| applies.then_some(finding);
    let findings = refused.into_iter().chain(advised).filter_map(applies).collect();
    (findings, refused.into_iter().find_map(applies))
}

#[cfg(test)]
mod tests;
