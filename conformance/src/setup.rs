//! From a scenario's options to the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use http_session::{
    Config, ConfigError, Connection, CookieOptions, CookieTemplate, Expires, Secure, Timeouts,
    Timestamp,
};
use serde_json::Value;

use crate::scenario::{self, Conflict, Preset, Request, Scenario, Unset};

/// A scenario's configuration.
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// With `cookieByPath`: the checked options for each URL of the scenario.
    templates: Option<Arc<BTreeMap<String, Arc<CookieTemplate>>>>,
}

impl Setup {
    /// Fails if an option that the scenario uses can never work (D-early-reject).
    pub(crate) fn of(scenario: &Scenario) -> Result<Self, ConfigError> {
        let options = &scenario.options;
        // An empty list is refused at set-up (B-012): here there is no way to say it.
        let (first, further) =
            options.secret.as_slice().split_first().ok_or(ConfigError::EmptySecret)?;
        let (preset, default) = match options.preset() {
            Preset::Express => (Config::express(first.as_str()), Timeouts::NONE),
            Preset::Recommended => (Config::recommended(first.as_str()), Timeouts::DEFAULT),
        };
        // What the scenario does not say is left to the preset.
        let mut builder = preset.name(options.name.as_deref().unwrap_or_default());
        if let Some(resave) = options.resave {
            builder = builder.resave(resave);
        }
        if let Some(save_uninitialized) = options.save_uninitialized {
            builder = builder.save_uninitialized(save_uninitialized);
        }
        if let Some(rolling) = options.rolling {
            builder = builder.rolling(rolling);
        }
        if let Some(unset) = options.unset {
            builder = builder.unset(match unset {
                Unset::Destroy => http_session::Unset::Destroy,
                Unset::Keep => http_session::Unset::Keep,
            });
        }
        if let Some(conflict) = options.conflict {
            builder = builder.conflict(match conflict {
                Conflict::Merge => http_session::Conflict::Merge,
                Conflict::Overwrite => http_session::Conflict::Overwrite,
                Conflict::Refuse => http_session::Conflict::Refuse,
            });
        }
        let millis = |timeout: Option<u64>| timeout.map(Duration::from_millis);
        builder = builder.timeouts(Timeouts {
            idle: options.idle_timeout.map_or(default.idle, millis),
            absolute: options.absolute_timeout.map_or(default.absolute, millis),
        });
        if options.localhost == Some(true) {
            builder = builder.for_localhost();
        }
        for secret in further {
            builder = builder.accept(secret.as_str());
        }
        if let Some(proxy) = options.proxy {
            builder = builder.proxy(proxy);
        }
        if let Some(cookie) = &options.cookie {
            builder = builder.cookie(cookie_options(cookie));
        }
        let config = builder.build()?;
        let templates = match &options.cookie_by_path {
            None => None,
            Some(_) => {
                let urls: BTreeSet<_> = scenario.requests.iter().map(Request::url).collect();
                let templates = urls.into_iter();
                let templates =
                    templates.map(|url| Ok((url.into(), template(&config, options, url)?)));
                Some(Arc::new(templates.collect::<Result<_, ConfigError>>()?))
            }
        };
        Ok(Self { config, templates })
    }

    /// The cookie options of a request for `url`, if they depend on it.
    pub(crate) fn template_for(&self) -> Option<impl Fn(&str) -> Arc<CookieTemplate> + use<>> {
        let templates = self.templates.clone()?;
        Some(move |url: &str| templates[url].clone())
    }
}

fn template(
    config: &Config,
    options: &scenario::Options,
    url: &str,
) -> Result<Arc<CookieTemplate>, ConfigError> {
    config.template(options.cookie_for(url).map(cookie_options).unwrap_or_default())
}

/// What the scenario says of the request's connection.
pub(crate) fn connection(request: &Request) -> Connection {
    match (request.encrypted(), request.secure()) {
        (true, _) => Connection::Encrypted,
        (false, true) => Connection::SecureUpstream,
        (false, false) => Connection::Plain,
    }
}

fn cookie_options(options: &scenario::CookieOptions) -> CookieOptions {
    options.0.iter().fold(CookieOptions::new(), |cookie, (key, value)| {
        let text = || value.as_str().unwrap_or_default();
        match (key.as_str(), value) {
            ("domain", _) => cookie.domain(text()),
            ("expires", _) => cookie.expires(expires(value)),
            ("httpOnly", Value::Bool(flag)) => cookie.http_only(*flag),
            ("maxAge", Value::Null) => cookie.max_age(None),
            ("maxAge", Value::Number(age)) => {
                cookie.max_age_millis(age.as_i64().expect("whole milliseconds"))
            }
            ("partitioned", Value::Bool(flag)) => cookie.partitioned(*flag),
            ("path", _) => cookie.path(text()),
            ("priority", _) => cookie.priority(value.clone()),
            ("sameSite", _) => cookie.same_site(value.clone()),
            ("secure", Value::Bool(flag)) => cookie.secure(*flag),
            ("secure", Value::String(auto)) if auto == "auto" => cookie.secure(Secure::Auto),
            _ => panic!("cookie option {key}: {value} can't be expressed"),
        }
    })
}

/// A value of `expires`: milliseconds since the epoch, null or false.
pub(crate) fn expires(value: &Value) -> Expires {
    match value {
        Value::Null => Expires::Session,
        Value::Bool(false) => Expires::False,
        _ => {
            let millis = value.as_i64().expect("milliseconds, null or false");
            Timestamp::from_millis(millis).map_or(Expires::Invalid, Expires::At)
        }
    }
}
