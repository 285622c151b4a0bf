//! Replays the corpora, and sees that each target can fail: with something broken in the library's place, some
//! input of its corpus shows it.

use std::fs;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use http_session::ConfigError;
use http_session_conformance::invariants::Tally;
use http_session_conformance::scenario::{Scenario, Secrets};
use http_session_conformance::trace::Trace;
use http_session_conformance::via::Via;
use http_session_fuzz::{
    TARGETS, cookie_header, exchange, forwarding, options, premises, record, set_cookie,
    signed_value, store_replies,
};

/// A target's inputs, each with its name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(folder).expect("each target has a corpus");
    let mut inputs: Vec<_> = files
        .map(|file| {
            let path = file.expect("it can be listed").path();
            (path.display().to_string(), fs::read(&path).expect("it can be read"))
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_keeps_the_rules() {
    for (target, run) in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{target}");
        premises::take();
        for (name, bytes) in &inputs {
            let kept = catch_unwind(|| run(bytes));
            assert!(kept.is_ok(), "{name}");
        }
        println!("{target}: {} inputs\n{}", inputs.len(), premises::take());
    }
}

/// A premise that no input of a corpus fulfils would leave its check idle.
#[test]
fn every_premise_holds_in_some_input() {
    let expected: [(&str, &[&str]); 8] = [
        (
            "cookie_header",
            &[
                "nothing is presented",
                "an id is presented, with quirks",
                "an id is presented",
                "two or three ids are presented",
                "four ids are presented",
                "an id is presented behind four cookies of our name",
            ],
        ),
        ("exchange", &["the options are refused", "a scenario is replayed"]),
        (
            "forwarding",
            &[
                "TLS ends here",
                "a header says https",
                "no header is believed",
                "no header says https",
                "the proxy says http",
            ],
        ),
        (
            "options",
            &[
                "a cookie that can't be sent",
                "a request is served",
                "a request is served, with quirks",
                "no room for the data",
                "options are refused",
            ],
        ),
        (
            "record",
            &[
                "a line with what the record says",
                "a session that has ended",
                "an error",
                "too large to be written",
                "written and read again",
                "written and read again, with quirks",
            ],
        ),
        (
            "set_cookie",
            &[
                "a line after setters",
                "a line without an end",
                "an end",
                "an end out of ordinary years",
                "no line",
            ],
        ),
        ("signed_value", &["issued, and accepted", "not issued, and refused"]),
        (
            "store_replies",
            &[
                "a cookie is cleared",
                "a cookie is sent",
                "a cookie is sent, with quirks",
                "a write was tried again",
                "answers out of order",
                "no cookie",
            ],
        ),
    ];
    for ((target, run), (name, expected)) in TARGETS.into_iter().zip(expected) {
        assert_eq!(target, name);
        premises::take();
        corpus(target).iter().for_each(|(_, bytes)| run(bytes));
        let held = premises::take();
        for premise in expected {
            assert!(held.of(premise) > 0, "{target}: {premise}");
        }
        if target == "exchange" {
            // Each promise is about something.
            for (name, says, _) in Tally::default().counts() {
                assert!(held.of(name) > 0, "{name}: {says}");
            }
        }
    }
}

/// Some input of the corpus makes the check fail.
fn is_found(target: &str, bug: &str, check: impl Fn(&[u8])) {
    // What fails is told without a backtrace, which would take most of the time.
    static BRIEF: Once = Once::new();
    BRIEF.call_once(|| panic::set_hook(Box::new(|info| eprintln!("{info}"))));
    let fails = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| check(bytes))).is_err();
    let (all, mut found) = (corpus(target), 0);
    for (name, _) in all.iter().filter(|(_, bytes)| fails(bytes)) {
        found += 1;
        if found == 1 {
            println!("{target}, {bug}: first found by {name}");
        }
    }
    println!("{target}, {bug}: found by {found} inputs");
    assert!(found > 0, "{target} does not find that {bug}");
}

#[test]
fn bugs_in_reading_cookies_are_found() {
    let bug = |name, broken: fn(&cookie_header::Input) -> cookie_header::Asked| {
        is_found("cookie_header", name, |bytes| cookie_header::check(bytes, broken));
    };
    bug("the last line comes first", |input| {
        let mut input = input.clone();
        input.lines.reverse();
        cookie_header::library(&input)
    });
    bug("only one line is read", |input| {
        let mut input = input.clone();
        input.lines.truncate(1);
        cookie_header::library(&input)
    });
    bug("four cookies are looked at", |input| {
        let (mut input, mut ours) = (input.clone(), 0);
        for line in &mut input.lines {
            let kept = line.split(|byte| *byte == b';').filter(|pair| {
                ours += usize::from(pair.trim_ascii_start().starts_with(b"__Host-id"));
                ours <= 4
            });
            *line = kept.collect::<Vec<_>>().join(&b';');
        }
        cookie_header::library(&input)
    });
    bug("quotes count as text", |input| {
        let mut input = input.clone();
        for line in &mut input.lines {
            line.iter_mut().filter(|byte| **byte == b'"').for_each(|byte| *byte = b'\'');
        }
        cookie_header::library(&input)
    });
    bug("an id is asked for twice", |input| {
        let mut asked = cookie_header::library(input);
        asked.extend(asked.first().cloned());
        asked
    });
}

#[test]
fn bugs_in_the_line_are_found() {
    let bug = |name, broken: fn(&str) -> String| {
        is_found("set_cookie", name, |bytes| {
            set_cookie::check(bytes, |input| {
                let mut answer = set_cookie::library(input)?;
                answer.line = broken(str::from_utf8(&answer.line).expect("ASCII")).into();
                Some(answer)
            });
        });
    };
    bug("HttpOnly is forgotten", |line| line.replace("; HttpOnly", ""));
    bug("SameSite is always Lax", |line| {
        line.replace("SameSite=None", "SameSite=Lax").replace("SameSite=Strict", "SameSite=Lax")
    });
    bug("an attribute is injected", |line| format!("{line}; Domain=evil.example"));
    bug("a line feed is injected", |line| line.replacen("; ", "\r\n", 1));
    bug("seconds are cut to minutes", |line| match line.split_once(" GMT") {
        Some((date, rest)) => format!("{}00 GMT{rest}", &date[..date.len() - 2]),
        None => line.into(),
    });
}

#[test]
fn bugs_in_verifying_are_found() {
    let bug = |name, broken: fn(&signed_value::Input) -> signed_value::Accepted| {
        is_found("signed_value", name, |bytes| signed_value::check(bytes, broken));
    };
    let with = |input: &signed_value::Input, value: &str| {
        let input = signed_value::Input { value: value.into(), ..input.clone() };
        signed_value::library(&input)
    };
    is_found("signed_value", "padding is forgiven", |bytes| {
        signed_value::check(bytes, |input| with(input, input.value.trim_end_matches('=')));
    });
    is_found("signed_value", "spaces are cut off", |bytes| {
        signed_value::check(bytes, |input| with(input, input.value.trim()));
    });
    is_found("signed_value", "what comes after the signature does not count", |bytes| {
        signed_value::check(bytes, |input| {
            let end = input.value.char_indices().rev().map(|(at, _)| at);
            let mut shorter = end.take(3).filter_map(|at| input.value.get(..at));
            signed_value::library(input).or_else(|| shorter.find_map(|value| with(input, value)))
        });
    });
    bug("the id ends at its first dot", |input| {
        let id = signed_value::library(input)?;
        id.split('.').next().map(String::from)
    });
}

#[test]
fn bugs_in_records_are_found() {
    let bug = |name, broken: fn(&mut record::Answer)| {
        is_found("record", name, |bytes| {
            record::check(bytes, |input| {
                let mut answer = record::library(input)?;
                answer.iter_mut().for_each(broken);
                Ok(answer)
            });
        });
    };
    bug("the last key is lost", |answer| {
        let last = answer.data.keys().next_back().cloned();
        last.map(|key| answer.data.remove(&key));
    });
    bug("a reserved key is kept", |answer| drop(answer.data.insert("id".into(), 1.into())));
    bug("the beginning is lost", |answer| answer.created = None);
    bug("what is null is left out of the record", |answer| {
        let _ = answer.written.as_mut().map(|text| *text = text.replace(":null", ":false"));
    });
    is_found("record", "a bad record is an empty session", |bytes| {
        record::check(bytes, |input| record::library(input).or(Ok(None)));
    });
}

#[test]
fn bugs_in_believing_proxies_are_found() {
    let bug = |name, broken: fn(&forwarding::Input) -> bool| {
        is_found("forwarding", name, |bytes| forwarding::check(bytes, broken));
    };
    bug("the first Forwarded line counts", |input| {
        let mut input = input.clone();
        input.forwarded.reverse();
        forwarding::library(&input)
    });
    bug("https anywhere in the line is enough", |input| {
        let https = |line: &Vec<u8>| String::from_utf8_lossy(line).contains("proto=https");
        forwarding::library(input) || input.forwarded.last().is_some_and(https)
    });
    bug("a quote divides", |input| {
        let mut input = input.clone();
        for line in &mut input.forwarded {
            line.retain(|byte| *byte != b'"');
        }
        forwarding::library(&input)
    });
}

#[test]
fn bugs_in_taking_replies_are_found() {
    let bug = |name, broken: fn(&mut store_replies::Seen)| {
        is_found("store_replies", name, |bytes| {
            store_replies::check(bytes, |u| {
                let mut seen = store_replies::library(u)?;
                seen.iter_mut().for_each(broken);
                Ok(seen)
            });
        });
    };
    bug("a cookie is sent though nothing is saved", |seen| {
        seen.line.get_or_insert_with(|| b"sid=s%3Anew0.x; Path=/".to_vec());
    });
    bug("a cookie is sent though the record is gone", |seen| {
        if seen.refused {
            seen.line = Some(b"sid=s%3Amine.x; Path=/".to_vec());
        }
    });
}

#[test]
fn bugs_in_the_options_are_found() {
    is_found("options", "a secret shows", |bytes| {
        options::check(bytes, |input| {
            let mut answer = options::library(input);
            if let options::Answer::Built { texts, .. } = &mut answer {
                texts.push_str(&input.secrets.concat());
            }
            answer
        });
    });
    is_found("options", "a session is not found again", |bytes| {
        options::check(bytes, |input| {
            let mut answer = options::library(input);
            if let options::Answer::Built { found, .. } = &mut answer {
                *found = false;
            }
            answer
        });
    });
    is_found("options", "the wrong option is blamed", |bytes| {
        options::check(bytes, |input| match options::library(input) {
            options::Answer::Refused(_) => options::Answer::Refused(ConfigError::TooManySecrets),
            built => built,
        });
    });
    is_found("options", "each secret is accepted", |bytes| {
        options::check(bytes, |input| {
            let mut sound = input.clone();
            sound.secrets.retain(|secret| !secret.is_empty());
            options::library(&sound)
        });
    });
}

#[test]
fn bugs_in_exchanges_are_found() {
    let bug = |name, broken: fn(&Scenario) -> Trace| {
        is_found("exchange", name, |bytes| exchange::check(bytes, broken));
    };
    // A library that ignores an option is one that replays another scenario.
    bug("the absolute timeout is ignored", |scenario| {
        let mut other = scenario.clone();
        other.options.absolute_timeout = Some(None);
        Via::Core.replay(&other)
    });
    bug("a secret that was not given is accepted", |scenario| {
        let mut other = scenario.clone();
        let mut secrets = other.options.secret.as_slice().to_vec();
        secrets.push("the old secret, which is still accepted".into());
        other.options.secret = Secrets::Many(secrets);
        Via::Core.replay(&other)
    });
    bug("a failed request sends the cookie of the one before", |scenario| {
        let mut trace = Via::Core.replay(scenario);
        let lines: Vec<_> = trace.requests.iter().map(|answer| answer.set_cookie.clone()).collect();
        for (answer, before) in trace.requests.iter_mut().skip(1).zip(lines) {
            if answer.set_cookie.is_empty() {
                answer.set_cookie = before;
            }
        }
        trace
    });
    bug("caches are not told", |scenario| {
        let mut trace = Via::Core.replay(scenario);
        trace.requests.iter_mut().for_each(|answer| answer.vary = None);
        trace
    });
}
