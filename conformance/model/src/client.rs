//! The client of a scenario, which knows one cookie.

use crate::scenario::{Presented, Sign};
use crate::text::{percent_decode, percent_encode, sign};

pub(crate) struct Client {
    name: String,
    /// The value that each response has set.
    by_step: Vec<Option<String>>,
}

impl Client {
    pub(crate) fn new(name: String) -> Self {
        Self { name, by_step: Vec::new() }
    }

    /// Takes a response's Set-Cookie lines: the last one of our name counts.
    pub(crate) fn take(&mut self, lines: &[String]) {
        let mut values =
            lines.iter().filter_map(|line| line.strip_prefix(&format!("{}=", self.name)));
        let last = values.next_back().and_then(|rest| rest.split(';').next());
        self.by_step.push(last.map(String::from));
    }

    /// The Cookie header of a request, byte by byte as Latin-1.
    pub(crate) fn header(&self, cookie: &Presented) -> Option<String> {
        let text = match cookie {
            Presented::Word(word) if word == "none" => return None,
            Presented::Word(_) => {
                let last = self.by_step.iter().rev().find_map(Option::as_deref)?;
                format!("{}={last}", self.name)
            }
            Presented::Raw { raw } => raw.clone(),
            Presented::Made { step, sign: signed, tamper, before, after } => {
                let value = match signed {
                    Some(Sign { id, secret }) => percent_encode(&format!("s:{}", sign(id, secret))),
                    None => self.by_step.get((*step)?)?.clone()?,
                };
                let value = tampered(value, tamper.as_deref());
                let pair = format!("{}={value}", self.name);
                let parts = [before.as_str(), &pair, after];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
            }
        };
        Some(latin1(&text))
    }
}

/// What Latin-1 does not have goes out as UTF-8.
fn latin1(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character <= '\u{FF}' {
            out.push(character);
        } else {
            out.extend(character.to_string().bytes().map(char::from));
        }
    }
    out
}

fn tampered(mut value: String, how: Option<&str>) -> String {
    match how {
        None => value,
        Some("append") => value + "A",
        Some("pad") => value + "=",
        Some("quoted") => format!("\"{value}\""),
        Some("decoded") => percent_decode(&value).expect("a value that was encoded"),
        Some("strip-prefix") => value.strip_prefix("s%3A").unwrap_or(&value).into(),
        Some("truncate") => {
            value.pop();
            value
        }
        Some("flip-last") => {
            let last = value.pop();
            value + if last == Some('A') { "B" } else { "A" }
        }
        Some("strip-signature") => match value.rfind('.') {
            Some(dot) => value[..dot].into(),
            None => tampered(value, Some("truncate")),
        },
        Some("lower-hex") => {
            let mut parts = value.split('%');
            let mut out: String = parts.next().unwrap_or_default().into();
            for part in parts {
                out.push('%');
                out.push_str(&part[..2].to_ascii_lowercase());
                out.push_str(&part[2..]);
            }
            out
        }
        Some(other) => panic!("unknown tamper: {other}"),
    }
}
