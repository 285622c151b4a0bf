//! Scenarios, as FORMAT.md describes them: what express-session has of it, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) start: i64,
    pub(crate) options: Options,
    #[serde(default)]
    pub(crate) preload: BTreeMap<String, Value>,
    pub(crate) requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Options {
    #[serde(rename = "preset")]
    _preset: Option<Express>,
    secret: Secrets,
    name: Option<String>,
    pub(crate) resave: Option<bool>,
    pub(crate) save_uninitialized: Option<bool>,
    pub(crate) rolling: Option<bool>,
    unset: Option<String>,
    pub(crate) proxy: Option<bool>,
    #[serde(default)]
    cookie: Pairs,
    cookie_by_path: Option<BTreeMap<String, Pairs>>,
    store_touch: Option<bool>,
    genid: Option<String>,
}

/// The only preset that express-session has.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Express {
    Express,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Secrets {
    One(String),
    Many(Vec<String>),
}

impl Options {
    /// What throws at set-up.
    pub(crate) fn is_refused(&self) -> bool {
        // B-012
        let no_secrets = matches!(&self.secret, Secrets::Many(secrets) if secrets.is_empty());
        // B-011
        let unset = self.unset.as_deref().unwrap_or_default();
        no_secrets || !["", "keep", "destroy"].contains(&unset)
    }

    // B-012, B-013: an empty string is no secret; B-015: in an array it is one.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match &self.secret {
            Secrets::One(secret) if secret.is_empty() => Vec::new(),
            Secrets::One(secret) => vec![secret.clone()],
            Secrets::Many(secrets) => secrets.clone(),
        }
    }

    // B-002
    pub(crate) fn name(&self) -> String {
        let name = self.name.clone().filter(|name| !name.is_empty());
        name.unwrap_or_else(|| "connect.sid".into())
    }

    // B-011
    pub(crate) fn unset_is_destroy(&self) -> bool {
        self.unset.as_deref() == Some("destroy")
    }

    // B-017: an object, or a function of the request.
    pub(crate) fn cookie(&self, url: &str) -> Vec<(String, Value)> {
        let Some(by_path) = &self.cookie_by_path else { return self.cookie.0.clone() };
        let keys = by_path.keys().filter(|key| *key != "default" && url.starts_with(*key));
        let longest = keys.max_by_key(|key| key.len()).map_or("default", |key| key.as_str());
        by_path.get(longest).map(|options| options.0.clone()).unwrap_or_default()
    }

    pub(crate) fn has_cookie_function(&self) -> bool {
        self.cookie_by_path.is_some()
    }

    pub(crate) fn store_has_touch(&self) -> bool {
        self.store_touch != Some(false)
    }

    pub(crate) fn id(&self, number: u32) -> String {
        self.genid.as_deref().unwrap_or("sid#").replace('#', &number.to_string())
    }
}

/// An object in the order of its text, which serde_json's own does not keep.
#[derive(Default)]
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Request {
    pub(crate) at: i64,
    #[serde(rename = "method")]
    _method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) encrypted: bool,
    pub(crate) secure: bool,
    pub(crate) cookie: Presented,
    pub(crate) handler: Vec<Operation>,
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) faults: BTreeMap<String, String>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            at: 0,
            _method: "GET".into(),
            url: "/".into(),
            headers: BTreeMap::new(),
            encrypted: false,
            secure: false,
            cookie: Presented::Word("jar".into()),
            handler: Vec::new(),
            status: 200,
            body: "ok".into(),
            faults: BTreeMap::new(),
        }
    }
}

/// What stands in the Cookie header.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Presented {
    Word(String),
    Raw {
        raw: String,
    },
    Made {
        step: Option<usize>,
        sign: Option<Sign>,
        tamper: Option<String>,
        #[serde(default)]
        before: String,
        #[serde(default)]
        after: String,
    },
}

#[derive(Deserialize)]
pub(crate) struct Sign {
    pub(crate) id: String,
    pub(crate) secret: String,
}

#[derive(Deserialize)]
#[serde(tag = "op")]
pub(crate) enum Operation {
    #[serde(rename = "get")]
    Get { key: String },
    #[serde(rename = "keys")]
    Keys,
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "set")]
    Set { key: String, value: Value },
    #[serde(rename = "delete")]
    Delete { key: String },
    #[serde(rename = "cookie")]
    Cookie,
    #[serde(rename = "cookie.set")]
    CookieSet { field: String, value: Value },
    #[serde(rename = "touch")]
    Touch,
    #[serde(rename = "save")]
    Save,
    #[serde(rename = "reload")]
    Reload,
    #[serde(rename = "regenerate")]
    Regenerate,
    #[serde(rename = "destroy")]
    Destroy,
    #[serde(rename = "unset")]
    Unset,
    #[serde(rename = "advance")]
    Advance { ms: i64 },
    #[serde(rename = "other.set")]
    OtherSet { id: String, record: Value },
    #[serde(rename = "other.destroy")]
    OtherDestroy { id: String },
    #[serde(rename = "header")]
    Header { name: String, value: String },
}
