//! The session's cookie: its lifetime, how it is stored, and how it is sent.

use serde_json::{Map, Value};

use crate::date;

/// A value in JavaScript, as far as cookies have them.
#[derive(Clone, PartialEq)]
pub(crate) enum Js {
    Undefined,
    /// None: an invalid one.
    Date(Option<i64>),
    /// The number that an invalid date has.
    NaN,
    Json(Value),
}

impl Js {
    fn date(time: f64) -> Self {
        Self::Date((time.abs() <= date::LAST as f64).then_some(time as i64))
    }

    /// B-071: a text is read as a date.
    pub(crate) fn stored(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Date(date::parse(text)),
            other => Self::Json(other.clone()),
        }
    }

    /// An option or an assigned value: JSON has no dates, they come as numbers.
    fn assigned(value: &Value) -> Self {
        match value.as_f64() {
            Some(time) => Self::date(time),
            None => Self::Json(value.clone()),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Undefined | Self::Json(Value::Null))
    }

    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::NaN | Self::Json(Value::Null) => false,
            Self::Json(Value::Bool(value)) => *value,
            Self::Json(Value::Number(number)) => number.as_f64() != Some(0.0),
            Self::Json(Value::String(text)) => !text.is_empty(),
            Self::Json(_) | Self::Date(_) => true,
        }
    }

    /// What JSON.stringify makes of it; None where it leaves it out (B-085).
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Undefined => None,
            Self::Date(Some(time)) => Some(date::iso(*time).into()),
            // B-097
            Self::Date(None) | Self::NaN => Some(Value::Null),
            Self::Json(value) => Some(value.clone()),
        }
    }

    /// As a number, where the trace has one.
    fn to_number(&self) -> Value {
        match self {
            Self::Date(Some(time)) => (*time).into(),
            other => other.to_json().unwrap_or_default(),
        }
    }

    fn lower_case(&self) -> String {
        match self {
            Self::Json(Value::String(text)) => text.to_ascii_lowercase(),
            other => other.to_json().unwrap_or_default().to_string(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Cookie {
    original_max_age: Js,
    partitioned: Js,
    priority: Js,
    expires: Js,
    pub(crate) secure: Js,
    http_only: Js,
    domain: Js,
    path: Js,
    pub(crate) same_site: Js,
}

impl Cookie {
    // B-018 … B-022
    pub(crate) fn new(options: &[(String, Value)], now: i64) -> Self {
        let mut cookie = Self {
            original_max_age: Js::Undefined,
            partitioned: Js::Undefined,
            priority: Js::Undefined,
            expires: Js::Undefined,
            secure: Js::Undefined,
            http_only: Js::Json(true.into()),
            domain: Js::Undefined,
            path: Js::Json("/".into()),
            same_site: Js::Undefined,
        };
        cookie.set("maxAge", &Value::Null, now);
        for (key, value) in options {
            cookie.set(key, value, now);
        }
        if cookie.original_max_age.is_null() {
            cookie.original_max_age = cookie.max_age(now);
        }
        cookie
    }

    // B-071; None: no usable cookie (B-069).
    pub(crate) fn inflate(stored: &Value, now: i64) -> Option<Self> {
        let fields = match stored {
            Value::Null => return None,
            Value::Object(fields) => fields.clone(),
            // Falsy options are none, any others are a TypeError (B-024).
            other if Js::Json(other.clone()).is_true() => return None,
            _ => Map::new(),
        };
        let fields: Vec<_> = fields.into_iter().collect();
        let mut cookie = Self::new(&fields, now);
        if stored["expires"].is_string() {
            cookie.expires = Js::stored(&stored["expires"]);
        }
        cookie.original_max_age =
            stored.get("originalMaxAge").map_or(Js::Undefined, |value| Js::Json(value.clone()));
        Some(cookie)
    }

    pub(crate) fn set(&mut self, key: &str, value: &Value, now: i64) {
        let js = Js::Json(value.clone());
        match key {
            "maxAge" => self.set_max_age(js, now),
            "expires" => self.set_expires(Js::assigned(value), now),
            // B-090
            "originalMaxAge" => self.original_max_age = js,
            "partitioned" => self.partitioned = js,
            "priority" => self.priority = js,
            "secure" => self.secure = js,
            "httpOnly" => self.http_only = js,
            "domain" => self.domain = js,
            "path" => self.path = js,
            "sameSite" => self.same_site = js,
            // B-021, B-022
            _ => {}
        }
    }

    // B-086
    fn set_expires(&mut self, value: Js, now: i64) {
        self.expires = value;
        self.original_max_age = self.max_age(now);
    }

    // B-088, B-097
    fn set_max_age(&mut self, value: Js, now: i64) {
        let expires = match value {
            Js::Json(Value::Number(age)) => Js::date(now as f64 + age.as_f64().expect("a number")),
            Js::NaN => Js::Date(None),
            other => other,
        };
        self.set_expires(expires, now);
    }

    // B-087
    fn max_age(&self, now: i64) -> Js {
        match &self.expires {
            Js::Date(Some(end)) => Js::Json((end - now).into()),
            Js::Date(None) => Js::NaN,
            other => other.clone(),
        }
    }

    // B-091
    pub(crate) fn touch(&mut self, now: i64) {
        self.set_max_age(self.original_max_age.clone(), now);
    }

    // B-092
    pub(crate) fn is_expiring(&self) -> bool {
        !self.expires.is_null()
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure.is_true()
    }

    // B-085
    pub(crate) fn to_json(&self) -> Value {
        let fields = [
            ("originalMaxAge", &self.original_max_age),
            ("partitioned", &self.partitioned),
            ("priority", &self.priority),
            ("expires", &self.expires),
            ("secure", &self.secure),
            ("httpOnly", &self.http_only),
            ("domain", &self.domain),
            ("path", &self.path),
            ("sameSite", &self.same_site),
        ];
        let there =
            fields.into_iter().filter_map(|(key, value)| Some((key.into(), value.to_json()?)));
        Value::Object(there.collect())
    }

    /// What the operation `cookie` tells.
    pub(crate) fn described(&self, now: i64) -> Value {
        serde_json::json!({
            "maxAge": self.max_age(now).to_number(),
            "originalMaxAge": self.original_max_age.to_number(),
            "expires": self.expires.to_number(),
        })
    }

    // B-139 … B-151; the error says which option is to blame.
    pub(crate) fn line(&self, name: &str, value: &str) -> Result<String, &'static str> {
        if !is_token(name) {
            return Err("name");
        }
        let mut line = format!("{name}={value}");
        // B-145, B-146
        if self.domain.is_true() {
            let domain = self.domain.to_json().unwrap_or_default();
            let domain = domain.as_str().filter(|domain| is_domain(domain)).ok_or("domain")?;
            line += &format!("; Domain={domain}");
        }
        // B-145, B-147
        if self.path.is_true() {
            let path = self.path.to_json().unwrap_or_default();
            let path = path.as_str().filter(|path| is_path(path)).ok_or("path")?;
            line += &format!("; Path={path}");
        }
        // B-142, B-144
        match self.expires {
            Js::Date(Some(end)) => line += &format!("; Expires={}", date::http(end)),
            _ if self.expires.is_true() => return Err("expires"),
            _ => {}
        }
        // B-148
        for (flag, value) in [
            ("HttpOnly", &self.http_only),
            ("Secure", &self.secure),
            ("Partitioned", &self.partitioned),
        ] {
            if value.is_true() {
                line += &format!("; {flag}");
            }
        }
        // B-033, B-149
        if self.priority.is_true() {
            line += match self.priority.lower_case().as_str() {
                "low" => "; Priority=Low",
                "medium" => "; Priority=Medium",
                "high" => "; Priority=High",
                _ => return Err("priority"),
            };
        }
        // B-033, B-150
        if self.same_site.is_true() {
            line += match self.same_site.lower_case().as_str() {
                "true" if self.same_site == Js::Json(true.into()) => "; SameSite=Strict",
                "lax" => "; SameSite=Lax",
                "strict" => "; SameSite=Strict",
                "none" => "; SameSite=None",
                _ => return Err("sameSite"),
            };
        }
        Ok(line)
    }
}

// B-151
fn is_token(name: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

// B-146
fn is_domain(domain: &str) -> bool {
    let labels = domain.strip_prefix('.').unwrap_or(domain).split('.');
    labels.into_iter().all(|label| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let ends = label.starts_with('-') || label.ends_with('-');
        plain && !ends && (1..=63).contains(&label.len())
    })
}

// B-147
fn is_path(path: &str) -> bool {
    path.bytes().all(|byte| (0x20..=0x7E).contains(&byte) && byte != b';' && byte != b'<')
}
