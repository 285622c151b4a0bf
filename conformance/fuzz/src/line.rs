//! A Set-Cookie line, read by its grammar: what RFC 6265 section 4.1.1 lets a server send, and no more.

use std::collections::BTreeMap;

use cookie::{Cookie, SameSite};

/// The parts of a line: the attributes by their names, and those without a value with an empty one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Line {
    /// Reads a line.
    ///
    /// # Panics
    /// If it is not grammatical, too long, or means something else to the `cookie` crate.
    pub(crate) fn read(line: &[u8]) -> Self {
        let text = str::from_utf8(line).expect("ASCII");
        assert!(text.len() <= 4_096, "{} bytes", text.len());
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
        let mut parts = text.split(';');
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(token), "{text:?}");
        let octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        assert!(value.bytes().all(octet), "{text:?}");
        let mut attributes = BTreeMap::new();
        for part in parts {
            let part = part.strip_prefix(' ').unwrap_or_else(|| panic!("{text:?}"));
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let has_value = ["Domain", "Path", "Expires", "Priority", "SameSite"].contains(&name);
            let has_none = ["HttpOnly", "Secure", "Partitioned"].contains(&name);
            assert!(has_value && part.contains('=') || has_none && part == name, "{text:?}");
            let before = attributes.insert(name.into(), value.into());
            assert_eq!(before, None, "{name} stands there twice: {text:?}");
        }
        let line = Self { name: name.into(), value: value.into(), attributes };
        line.agrees(&Cookie::parse(text).expect("a cookie"));
        line
    }

    /// Another parser reads the same.
    fn agrees(&self, cookie: &Cookie<'_>) {
        assert_eq!(cookie.name_value(), (&*self.name, &*self.value));
        let flag = |name: &str| self.attributes.contains_key(name).then_some(true);
        assert_eq!(cookie.http_only(), flag("HttpOnly"));
        assert_eq!(cookie.secure(), flag("Secure"));
        assert_eq!(cookie.partitioned(), flag("Partitioned"));
        let site = self.attributes.get("SameSite").map(|site| match site.as_str() {
            "Lax" => SameSite::Lax,
            "None" => SameSite::None,
            "Strict" => SameSite::Strict,
            other => panic!("SameSite={other}"),
        });
        assert_eq!(cookie.same_site(), site);
        // It drops a domain's leading dot, and spaces around a path.
        let domain = self.attributes.get("Domain").map(String::as_str);
        assert_eq!(
            cookie.domain(),
            domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain))
        );
        assert_eq!(cookie.path(), self.attributes.get("Path").map(|path| path.trim()));
        assert_eq!(cookie.max_age(), None);
    }

    /// The end that the line names, in seconds since the epoch; `None` beyond the year 9999, which the `cookie`
    /// crate does not read.
    pub(crate) fn end(line: &[u8]) -> Option<i64> {
        let cookie = Cookie::parse(str::from_utf8(line).ok()?).ok()?;
        cookie.expires_datetime().map(cookie::time::OffsetDateTime::unix_timestamp)
    }
}
