//! The options: checked once, when they are built.

use std::sync::Arc;
use std::time::Duration;
use std::{error, fmt};

use crate::audit::{Finding, audit};
use crate::plan::vary;
use crate::session::Data;
use crate::signature::Keys;
use crate::time::millis;
use crate::{
    Attribute, CookieError, CookieOptions, CookieTemplate, Headers, SameSite, Secret, Timestamp,
};

/// The options of one session layer, checked and ready. Clones share them.
#[derive(Clone)]
pub struct Config(Arc<Settings>);

#[derive(Debug)]
pub(crate) struct Settings {
    /// The data of a new session: shared until somebody writes to it.
    pub(crate) empty: Data,
    pub(crate) findings: Box<[Finding]>,
    pub(crate) keys: Keys,
    pub(crate) name: Box<str>,
    pub(crate) options: Options,
    pub(crate) template: Arc<CookieTemplate>,
}

/// The options that need no checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) conflict: Conflict,
    pub(crate) load_on_first_use: bool,
    pub(crate) localhost: bool,
    pub(crate) max_record_bytes: usize,
    pub(crate) proxy: Proxy,
    /// express-session's quirks: the one switch between the two presets.
    pub(crate) quirks: bool,
    pub(crate) resave: bool,
    pub(crate) rolling: bool,
    pub(crate) save_uninitialized: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) touch_after: Option<Duration>,
    pub(crate) unset: Unset,
}

impl Config {
    /// express-session's documented defaults, bit for bit: cookie `connect.sid` with
    /// `Path=/; HttpOnly`, `resave` and `save_uninitialized` on (B-002, B-008, B-009, B-018), no
    /// timeouts, [`Conflict::Overwrite`], and its quirks.
    ///
    /// For ports, and, with `.conflict(Conflict::Merge)`, for sharing sessions with a Node service.
    pub fn express(secret: impl Into<Secret>) -> ConfigBuilder {
        let options = Options {
            conflict: Conflict::Overwrite,
            load_on_first_use: false,
            localhost: false,
            max_record_bytes: 16 * 1024 * 1024,
            proxy: Proxy::Framework,
            quirks: true,
            resave: true,
            rolling: false,
            save_uninitialized: true,
            timeouts: Timeouts::NONE,
            touch_after: None,
            unset: Unset::Keep,
        };
        ConfigBuilder {
            cookie: CookieOptions::new(),
            further_secrets: Vec::new(),
            name: String::new(),
            options,
            secret: secret.into(),
        }
    }

    /// What is safe: a cookie `__Host-id` with `Path=/; HttpOnly; Secure; SameSite=Lax`, `resave` and
    /// `save_uninitialized` off, [`Timeouts::DEFAULT`], [`Conflict::Merge`], and what stands after the
    /// arrow in the place of each of express-session's quirks.
    ///
    /// On plain HTTP no browser would get such a cookie: see [`ConfigBuilder::for_localhost`].
    pub fn recommended(secret: impl Into<Secret>) -> ConfigBuilder {
        let mut builder = Self::express(secret);
        builder.options = Options {
            conflict: Conflict::Merge,
            quirks: false,
            resave: false,
            save_uninitialized: false,
            timeouts: Timeouts::DEFAULT,
            ..builder.options
        };
        builder
    }

    /// What an auditor should know of these options, each with the clause that it comes from.
    pub fn audit(&self) -> &[Finding] {
        &self.0.findings
    }

    /// Cookie options for single requests
    /// ([`RequestFacts::template`](crate::RequestFacts::template)), filled in and checked as those of
    /// [`ConfigBuilder::cookie`] are.
    ///
    /// # Errors
    /// As [`ConfigBuilder::build`].
    pub fn template(&self, cookie: CookieOptions) -> Result<Arc<CookieTemplate>, ConfigError> {
        let checked = self.0.options.check(&self.0.name, cookie, [].into_iter());
        checked.map(|(template, _)| template)
    }

    /// What happens when parallel requests of one session write.
    pub fn conflict(&self) -> Conflict {
        self.0.options.conflict
    }

    /// Is a session loaded when its request uses it, and not before
    /// ([`ConfigBuilder::load_on_first_use`])?
    pub fn loads_on_first_use(&self) -> bool {
        self.0.options.load_on_first_use
    }

    /// Are express-session's quirks on ([`Config::express`])?
    pub fn has_quirks(&self) -> bool {
        self.0.options.quirks
    }

    /// Would two sessions with these options undo each other's work on one request? They do if their cookies
    /// have one name, and, unless one of them is [`Config::express`], if a secret of the one verifies what
    /// the other signs: the signature covers the id and not the cookie's name, so over one store the one's
    /// cookie would be a session of the other, too.
    pub fn clashes(&self, other: &Self) -> bool {
        let quirks = self.has_quirks() || other.has_quirks();
        let verified = || self.verifies(other) || other.verifies(self);
        self.name() == other.name() || !quirks && verified()
    }

    fn verifies(&self, other: &Self) -> bool {
        let signed = [b"id.", &other.0.keys.sign("id")[..]].concat();
        str::from_utf8(&signed).is_ok_and(|signed| self.0.keys.verify(signed).is_some())
    }

    /// What the response to a failed load or save, which has no [`Outcome`](crate::Outcome), is to say: that it
    /// depends on the request's cookies (RFC 9110 section 12.5.5), but for [`Config::express`].
    pub fn mark_failure(&self, headers: &mut impl Headers) {
        if !self.has_quirks() {
            vary(headers);
        }
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The cookie's path: the beginning of the paths that have sessions (B-037).
    pub fn path(&self) -> &str {
        self.0.template.path()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0
    }
}

/// Shows the options, and not the secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Builds a [`Config`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    cookie: CookieOptions,
    further_secrets: Vec<Secret>,
    name: String,
    options: Options,
    secret: Secret,
}

impl ConfigBuilder {
    /// A further secret, which verifies cookies and never signs (B-056): the old one after a
    /// rotation. They are tried in the order given, at most 16 with the first.
    ///
    /// A cookie that an old secret signed is signed anew when it is sent for another reason (B-060),
    /// under [`Config::recommended`] at once (B-061).
    pub fn accept(mut self, secret: impl Into<Secret>) -> Self {
        self.further_secrets.push(secret.into());
        self
    }

    /// What happens when parallel requests of one session write. Default: [`Conflict::Overwrite`],
    /// under [`Config::recommended`] [`Conflict::Merge`].
    pub const fn conflict(mut self, conflict: Conflict) -> Self {
        self.options.conflict = conflict;
        self
    }

    /// The cookie's options, for sessions that are made from now on: a loaded session keeps the
    /// attributes that its record has (B-072). Under [`Config::recommended`], what they don't say of
    /// Secure and SameSite is `Secure; SameSite=Lax`.
    pub fn cookie(mut self, options: CookieOptions) -> Self {
        self.cookie = options;
        self
    }

    /// For development on `http://localhost`: takes Secure off the cookie, and `__Host-` or `__Secure-` off
    /// its name.
    /// [`Config::audit`] says so, and the driver logs it.
    pub const fn for_localhost(mut self) -> Self {
        self.options.localhost = true;
        self
    }

    /// Load a session when its request uses it for the first time, and not before? Default: before the
    /// handler, as express-session does.
    ///
    /// A request that does not use its session then asks the store nothing: it does not begin the idle timeout
    /// anew, sends no cookie, and its response does not depend on the session. Not with
    /// [`resave`](Self::resave) or [`rolling`](Self::rolling), which are about each request's session.
    pub const fn load_on_first_use(mut self, load_on_first_use: bool) -> Self {
        self.options.load_on_first_use = load_on_first_use;
        self
    }

    /// Session data of more than this many bytes of JSON is not written, and a record that is longer
    /// by more than a cookie is not parsed: the request fails, and what is stored stays. Default:
    /// 16 MiB.
    pub const fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.options.max_record_bytes = bytes;
        self
    }

    /// The cookie's name. Default, and for an empty text: `connect.sid` (B-002), under
    /// [`Config::recommended`] `__Host-id`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What may say that the client's connection is secure. Default: [`Proxy::Framework`].
    pub fn proxy(mut self, proxy: impl Into<Proxy>) -> Self {
        self.options.proxy = proxy.into();
        self
    }

    /// Write an unchanged session back on every request (B-112)? Default: on, off under
    /// [`Config::recommended`].
    ///
    /// A slow request then writes its old copy over newer data, and brings a destroyed session back
    /// (B-130): turn it off unless a store without touch needs it.
    pub const fn resave(mut self, resave: bool) -> Self {
        self.options.resave = resave;
        self
    }

    /// Send the cookie on every response (B-106)? Default: off.
    pub const fn rolling(mut self, rolling: bool) -> Self {
        self.options.rolling = rolling;
        self
    }

    /// Store new sessions and send their cookie even if nothing was put into them (B-114)?
    /// Default: on, off under [`Config::recommended`].
    pub const fn save_uninitialized(mut self, save_uninitialized: bool) -> Self {
        self.options.save_uninitialized = save_uninitialized;
        self
    }

    /// When sessions end by themselves. Default: never, under [`Config::recommended`]
    /// [`Timeouts::DEFAULT`].
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// Touch an unchanged session's record only if that moves its end by more than this: not more often than
    /// once in this time. For a store in which a touch costs more than a load. Default: touch at each request
    /// (B-108).
    ///
    /// A session then ends up to this much sooner than its idle timeout says, never later. It takes an idle
    /// timeout that is longer, and a store that tells when a record ends
    /// ([`Stored::expires`](crate::store::Stored::expires)); not with [`resave`](Self::resave) or
    /// [`rolling`](Self::rolling).
    pub fn touch_after(mut self, touch_after: impl Into<Option<Duration>>) -> Self {
        self.options.touch_after = touch_after.into();
        self
    }

    /// What `unset` does to the record. Default: [`Unset::Keep`].
    pub const fn unset(mut self, unset: Unset) -> Self {
        self.options.unset = unset;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// What can never work: a cookie option that can't be serialized (D-early-reject), an empty
    /// secret (B-015), more than 16 secrets, options that exclude each other. Under [`Config::recommended`] also what browsers drop and
    /// what is weak ([`ConfigError::Refused`]).
    pub fn build(mut self) -> Result<Config, ConfigError> {
        if self.name.is_empty() {
            self.name = if self.options.quirks { "connect.sid" } else { "__Host-id" }.into();
        }
        if self.options.localhost {
            let plain = self.name.trim_start_matches("__Host-").trim_start_matches("__Secure-");
            self.name = plain.into();
        }
        if !is_token(&self.name) {
            return Err(CookieError::Name.into());
        }
        self.options.agree()?;
        let keys = Keys::new(&self.secret, &self.further_secrets)?;
        let secrets = self.further_secrets.iter().chain([&self.secret]);
        let (template, findings) = self.options.check(&self.name, self.cookie, secrets)?;
        Ok(Config(Arc::new(Settings {
            empty: Data::default(),
            findings,
            keys,
            name: self.name.into(),
            options: self.options,
            template,
        })))
    }
}

impl Options {
    /// Checks that no option asks for what another one rules out.
    fn agree(&self) -> Result<(), ConfigError> {
        let each = self.resave || self.rolling;
        let idle = self.timeouts.idle;
        if self.load_on_first_use && each {
            return Err(ConfigError::LoadOnFirstUse);
        }
        match self.touch_after {
            Some(after) if each || idle.is_none_or(|idle| idle <= after) => {
                Err(ConfigError::TouchAfter)
            }
            _ => Ok(()),
        }
    }

    /// Fills in what the preset says of the cookie, and checks it.
    fn check<'a>(
        &self,
        name: &str,
        mut cookie: CookieOptions,
        secrets: impl Iterator<Item = &'a Secret> + Clone,
    ) -> Result<(Arc<CookieTemplate>, Box<[Finding]>), ConfigError> {
        if self.localhost {
            cookie = cookie.secure(false);
        }
        if !self.quirks {
            cookie = cookie.or(Attribute::Secure, true).or(Attribute::SameSite, SameSite::Lax);
        }
        let template = Arc::new(cookie.build()?);
        let (findings, refused) = audit(name, &template, self, secrets);
        match refused.filter(|_| !self.quirks) {
            Some(finding) => Err(ConfigError::Refused(finding)),
            None => Ok((template, findings)),
        }
    }
}

/// What happens when a request writes to a session that a parallel one has changed since.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Conflict {
    /// Both changes count, key by key: see [`Session::update`](crate::Session::update) for two changes
    /// of one key. It takes a store with versions.
    Merge,
    /// The last writer wins, silently (B-130). Under [`Config::express`] it also brings a session back
    /// that was destroyed meanwhile.
    Overwrite,
    /// The later writer's request fails with a 409. It takes a store with versions.
    Refuse,
}

impl Conflict {
    /// A write for which a parallel one was faster is merged and tried again at most this often.
    pub const MAX_TRIES: u8 = 32;
}

/// When sessions end by themselves: on the server, whatever the cookie says, to the millisecond. At
/// the moment itself the session has ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timeouts {
    /// This long after the last request (OWASP ASVS 5.0 7.3.1). The store's expiry carries it.
    pub idle: Option<Duration>,
    /// This long after the session was made, or after its user logged in
    /// ([`Action::LogIn`](crate::Action::LogIn)), whatever is requested (OWASP ASVS 5.0 7.3.2). Renewal
    /// does not extend it. The record carries the beginning.
    pub absolute: Option<Duration>,
}

impl Timeouts {
    /// NIST SP 800-63B-4 section 2.1.3: 30 days in all.
    pub const AAL1: Self = Self { idle: None, absolute: Some(Self::hours(30 * 24)) };
    /// NIST SP 800-63B-4 section 2.2.3: one hour idle, 24 hours in all.
    pub const AAL2: Self = Self { idle: Some(Self::hours(1)), absolute: Some(Self::hours(24)) };
    /// NIST SP 800-63B-4 section 2.3.3: 15 minutes idle, 12 hours in all.
    pub const AAL3: Self =
        Self { idle: Some(Duration::from_secs(15 * 60)), absolute: Some(Self::hours(12)) };
    /// 24 hours idle, 30 days in all.
    pub const DEFAULT: Self = Self { idle: Some(Self::hours(24)), ..Self::AAL1 };
    /// Never.
    pub const NONE: Self = Self { idle: None, absolute: None };

    const fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours.saturating_mul(3_600))
    }

    /// The end of a session that was made at `created` and is used `now`; out of range it has none.
    pub(crate) fn end(&self, created: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let idle = self.idle.and_then(|idle| now.plus_millis(millis(idle)));
        [idle, self.absolute_end(created)].into_iter().flatten().min()
    }

    pub(crate) fn absolute_end(&self, created: Option<Timestamp>) -> Option<Timestamp> {
        created?.plus_millis(millis(self.absolute?))
    }
}

/// express-session's `proxy` option: what is believed, where TLS does not end in this process.
/// `true` and `false` are accepted in its place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Proxy {
    /// Nothing: not secure (B-157).
    Distrust,
    /// What the framework says of the connection (B-158):
    /// [`Connection::SecureUpstream`](crate::Connection::SecureUpstream).
    Framework,
    /// `proto` in the last element of the last Forwarded line, which the nearest proxy wrote (RFC 7239 section
    /// 5.4). Anyone who reaches the server directly can write it: only behind a proxy that sets it.
    Forwarded,
    /// X-Forwarded-Proto. Anyone who reaches the server directly can write it: only behind a proxy that
    /// sets it. Its first element counts, which a client can have written if the proxy appends (B-159,
    /// B-162); under [`Config::recommended`] its last, which the nearest proxy wrote.
    Trust,
}

impl From<bool> for Proxy {
    fn from(trust: bool) -> Self {
        if trust { Self::Trust } else { Self::Distrust }
    }
}

/// express-session's `unset` option: what becomes of the record when the application takes the
/// session off the request (B-011).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Unset {
    /// The record is deleted at the end of the request (B-109).
    Destroy,
    /// The record stays, and what was changed in the request is lost.
    Keep,
}

/// A configuration that can never work, refused when it is built (D-early-reject). Its `Debug` is the
/// message as well, because that is what a `main` that returns it prints.
#[derive(Clone, Copy, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A cookie option that can never be serialized (B-026).
    Cookie(CookieError),
    /// The secret is empty: anyone could sign (B-015).
    EmptySecret,
    /// [`ConfigBuilder::load_on_first_use`] with an option that is about each request's session.
    LoadOnFirstUse,
    /// Under [`Config::recommended`]: what browsers drop, or what is weak.
    Refused(Finding),
    /// The secret is not base64 text.
    SecretNotBase64,
    /// More than 16 secrets.
    TooManySecrets,
    /// [`ConfigBuilder::touch_after`] without a longer idle timeout, or with an option that is about each
    /// request's session.
    TouchAfter,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cookie(error) => return error.fmt(f),
            Self::EmptySecret => {
                "the secret is empty: take 32 random bytes, `openssl rand -base64 32`"
            }
            Self::LoadOnFirstUse => {
                "load_on_first_use can't go with resave or rolling, which write or send each request's \
                 session: turn them off"
            }
            Self::Refused(finding) => return write!(f, "{finding} ({})", finding.clause()),
            Self::SecretNotBase64 => "the secret is not base64 text",
            Self::TooManySecrets => {
                "more than 16 secrets: drop those whose cookies have all expired"
            }
            Self::TouchAfter => {
                "touch_after needs an idle timeout that is longer (timeouts), and can't go with resave or \
                 rolling, which write or send each request's session"
            }
        })
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for ConfigError {}

impl From<CookieError> for ConfigError {
    fn from(error: CookieError) -> Self {
        Self::Cookie(error)
    }
}

/// An RFC 9110 token (section 5.6.2; B-151).
fn is_token(name: &str) -> bool {
    let punctuation = b"!#$%&'*+-.^_`|~";
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || punctuation.contains(&byte))
}

#[cfg(test)]
mod tests;
