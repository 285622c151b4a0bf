//! The options: checked once, when they are built.

use std::sync::Arc;
use std::{error, fmt};

use crate::session::Data;
use crate::signature::Keys;
use crate::{CookieError, CookieOptions, CookieTemplate, Secret};

/// The options of one session layer, checked and ready. Clones share them.
#[derive(Clone)]
pub struct Config(Arc<Settings>);

#[derive(Debug)]
pub(crate) struct Settings {
    /// The data of a new session: shared until somebody writes to it.
    pub(crate) empty: Data,
    pub(crate) keys: Keys,
    pub(crate) max_record_bytes: usize,
    pub(crate) name: Box<str>,
    pub(crate) proxy: Proxy,
    pub(crate) resave: bool,
    pub(crate) rolling: bool,
    pub(crate) save_uninitialized: bool,
    pub(crate) template: Arc<CookieTemplate>,
    pub(crate) unset: Unset,
}

impl Config {
    /// express-session's documented defaults, bit for bit: cookie `connect.sid` with
    /// `Path=/; HttpOnly`, `resave` and `save_uninitialized` on (B-002, B-008, B-009, B-018).
    ///
    /// For ports, and for sharing sessions with a Node service.
    pub fn express(secret: impl Into<Secret>) -> ConfigBuilder {
        ConfigBuilder {
            cookie: CookieOptions::new(),
            further_secrets: Vec::new(),
            max_record_bytes: 16 * 1024 * 1024,
            name: DEFAULT_NAME.into(),
            proxy: Proxy::Framework,
            resave: true,
            rolling: false,
            save_uninitialized: true,
            secret: secret.into(),
            unset: Unset::Keep,
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

const DEFAULT_NAME: &str = "connect.sid";

/// Builds a [`Config`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    cookie: CookieOptions,
    further_secrets: Vec<Secret>,
    max_record_bytes: usize,
    name: String,
    proxy: Proxy,
    resave: bool,
    rolling: bool,
    save_uninitialized: bool,
    secret: Secret,
    unset: Unset,
}

impl ConfigBuilder {
    /// A further secret, which verifies cookies and never signs (B-056): the old one after a
    /// rotation. They are tried in the order given, at most 16 with the first.
    ///
    /// A cookie that an old secret signed is signed anew when it is sent for another reason (B-060).
    pub fn accept(mut self, secret: impl Into<Secret>) -> Self {
        self.further_secrets.push(secret.into());
        self
    }

    /// The cookie's options, for sessions that are made from now on: a loaded session keeps the
    /// attributes that its record has (B-072).
    pub fn cookie(mut self, options: CookieOptions) -> Self {
        self.cookie = options;
        self
    }

    /// Session data of more than this many bytes of JSON is not written, and a record that is longer
    /// by more than a cookie is not parsed: the request fails, and what is stored stays. Default:
    /// 16 MiB.
    pub const fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// The cookie's name. Default, and for an empty text: `connect.sid` (B-002).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What may say that the client's connection is secure. Default: [`Proxy::Framework`].
    pub fn proxy(mut self, proxy: impl Into<Proxy>) -> Self {
        self.proxy = proxy.into();
        self
    }

    /// Write an unchanged session back on every request (B-112)? Default: on.
    ///
    /// A slow request then writes its old copy over newer data, and brings a destroyed session back
    /// (B-130): turn it off unless a store without touch needs it.
    pub const fn resave(mut self, resave: bool) -> Self {
        self.resave = resave;
        self
    }

    /// Send the cookie on every response (B-106)? Default: off.
    pub const fn rolling(mut self, rolling: bool) -> Self {
        self.rolling = rolling;
        self
    }

    /// Store new sessions and send their cookie even if nothing was put into them (B-114)?
    /// Default: on.
    pub const fn save_uninitialized(mut self, save_uninitialized: bool) -> Self {
        self.save_uninitialized = save_uninitialized;
        self
    }

    /// What `unset` does to the record. Default: [`Unset::Keep`].
    pub const fn unset(mut self, unset: Unset) -> Self {
        self.unset = unset;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// What can never work: a cookie option that can't be serialized (D-early-reject), an empty
    /// secret (B-015), more than 16 secrets.
    pub fn build(self) -> Result<Config, ConfigError> {
        let name = if self.name.is_empty() { DEFAULT_NAME.into() } else { self.name };
        if !is_token(&name) {
            return Err(CookieError::Name.into());
        }
        Ok(Config(Arc::new(Settings {
            empty: Data::default(),
            keys: Keys::new(&self.secret, &self.further_secrets)?,
            max_record_bytes: self.max_record_bytes,
            name: name.into(),
            proxy: self.proxy,
            resave: self.resave,
            rolling: self.rolling,
            save_uninitialized: self.save_uninitialized,
            template: Arc::new(self.cookie.build()?),
            unset: self.unset,
        })))
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
    /// The first element of X-Forwarded-Proto (B-159). Anyone who reaches the server directly can
    /// write that header: only behind a proxy that sets it (B-162).
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

/// A configuration that can never work, refused when it is built (D-early-reject).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A cookie option that can never be serialized (B-026).
    Cookie(CookieError),
    /// The secret is empty: anyone could sign (B-015).
    EmptySecret,
    /// The secret is not base64 text.
    SecretNotBase64,
    /// More than 16 secrets.
    TooManySecrets,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cookie(error) => return error.fmt(f),
            Self::EmptySecret => {
                "the secret is empty: take 32 random bytes, `openssl rand -base64 32`"
            }
            Self::SecretNotBase64 => "the secret is not base64 text",
            Self::TooManySecrets => {
                "more than 16 secrets: drop those whose cookies have all expired"
            }
        })
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
