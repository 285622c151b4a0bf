use super::*;

use proptest::prelude::*;
use serde_json::json;

use crate::cookie::samples::*;
use crate::text::text;
use crate::{Config, SessionId};

// B-018, B-140, B-141, B-142, B-143, B-144, B-145, B-146, B-147, B-148, B-149, B-150: whole lines
#[test]
fn lines() {
    let day = 86_400_000;
    for (options, expected) in [
        (options(), "sid=v; Path=/; HttpOnly"),
        (options().path("").http_only(false), "sid=v"),
        (options().domain("").path("/a b"), "sid=v; Path=/a b; HttpOnly"),
        (options().path("relative"), "sid=v; Path=relative; HttpOnly"),
        (options().domain(".Example.COM"), "sid=v; Domain=.Example.COM; Path=/; HttpOnly"),
        (options().secure(true), "sid=v; Path=/; HttpOnly; Secure"),
        (options().secure(false), "sid=v; Path=/; HttpOnly"),
        (options().secure(Secure::Always), "sid=v; Path=/; HttpOnly; Secure"),
        (options().secure(Secure::Never), "sid=v; Path=/; HttpOnly"),
        (options().partitioned(true), "sid=v; Path=/; HttpOnly; Partitioned"),
        (options().partitioned(false), "sid=v; Path=/; HttpOnly"),
        (options().priority(Priority::Low), "sid=v; Path=/; HttpOnly; Priority=Low"),
        (options().priority(Priority::Medium), "sid=v; Path=/; HttpOnly; Priority=Medium"),
        (options().priority(Priority::High), "sid=v; Path=/; HttpOnly; Priority=High"),
        (options().priority("hIGH"), "sid=v; Path=/; HttpOnly; Priority=High"),
        (options().priority(""), "sid=v; Path=/; HttpOnly"),
        (options().same_site(SameSite::Lax), "sid=v; Path=/; HttpOnly; SameSite=Lax"),
        (options().same_site(SameSite::None), "sid=v; Path=/; HttpOnly; SameSite=None"),
        (options().same_site(SameSite::Strict), "sid=v; Path=/; HttpOnly; SameSite=Strict"),
        (options().same_site("StRiCt"), "sid=v; Path=/; HttpOnly; SameSite=Strict"),
        (options().same_site(true), "sid=v; Path=/; HttpOnly; SameSite=Strict"),
        (options().same_site(false), "sid=v; Path=/; HttpOnly"),
        (options().same_site(""), "sid=v; Path=/; HttpOnly"),
        (
            options().max_age_millis(0),
            "sid=v; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
        ),
        (
            options().max_age_millis(1),
            "sid=v; Path=/; Expires=Tue, 14 Nov 2023 22:13:24 GMT; HttpOnly",
        ),
        (
            options().max_age(Duration::from_secs(86_400 * 17)),
            "sid=v; Path=/; Expires=Fri, 01 Dec 2023 22:13:23 GMT; HttpOnly",
        ),
        (
            options().max_age_millis(-day),
            "sid=v; Path=/; Expires=Mon, 13 Nov 2023 22:13:23 GMT; HttpOnly",
        ),
        (
            options().expires(Expires::At(Timestamp::MAX)),
            "sid=v; Path=/; Expires=Sat, 13 Sep 275760 00:00:00 GMT; HttpOnly",
        ),
        (options().expires(Expires::False), "sid=v; Path=/; HttpOnly"),
        (options().expires(Expires::Session), "sid=v; Path=/; HttpOnly"),
        (options().max_age(None), "sid=v; Path=/; HttpOnly"),
        (
            options()
                .same_site("lax")
                .priority("low")
                .partitioned(true)
                .secure(true)
                .max_age_millis(day)
                .path("/p")
                .domain("a-1.b"),
            "sid=v; Domain=a-1.b; Path=/p; Expires=Wed, 15 Nov 2023 22:13:23 GMT; HttpOnly; \
             Secure; Partitioned; Priority=Low; SameSite=Lax",
        ),
    ] {
        assert_eq!(line(&made(options)).as_deref(), Ok(expected));
    }
}

// B-145, B-148, B-149, B-150: a record's attributes are read by JavaScript's truthiness, and
// written back verbatim
#[test]
fn truthiness() {
    for (value, truth) in [
        (json!(null), false),
        (json!(false), false),
        (json!(0), false),
        (json!(-0.0), false),
        (json!(""), false),
        (json!(true), true),
        (json!(1), true),
        (json!(-0.5), true),
        (json!("0"), true),
        (json!([]), true),
        (json!({}), true),
    ] {
        for (key, attribute) in
            [("httpOnly", "; HttpOnly"), ("secure", "; Secure"), ("partitioned", "; Partitioned")]
        {
            let mut record = json!({"httpOnly": false, "path": ""});
            record[key] = value.clone();
            let line = line(&stored(&record));
            let attribute = if truth { attribute } else { "" };
            assert_eq!(line, Ok(format!("sid=v{attribute}")), "{key} {value}");
        }
        for (key, error) in [
            ("domain", CookieError::Domain),
            ("path", CookieError::Path),
            ("priority", CookieError::Priority),
            ("sameSite", CookieError::SameSite),
        ] {
            let mut record = json!({"httpOnly": false, "path": ""});
            record[key] = value.clone();
            let cookie = stored(&record);
            let expected = match (key, value.as_str()) {
                _ if !truth => Ok(String::from("sid=v")),
                ("sameSite", _) if value == true => Ok("sid=v; SameSite=Strict".into()),
                ("domain", Some(text)) => Ok(format!("sid=v; Domain={text}")),
                ("path", Some(text)) => Ok(format!("sid=v; Path={text}")),
                _ => Err(error),
            };
            assert_eq!(line(&cookie), expected, "{key} {value}");
            let json: Value = serde_json::from_str(&cookie.to_json()).expect("JSON");
            assert_eq!(json.get(key), Some(&value));
        }
    }
}

// B-146: dot-joined labels of 1 to 63 letters, digits and inner hyphens; a leading dot is allowed
#[test]
fn domains() {
    let label = |length: usize| "a".repeat(length);
    for (domain, valid) in [
        ("localhost", true),
        ("a.b.c", true),
        (".a.b", true),
        ("A-b-9.x", true),
        ("127.0.0.1", true),
        ("9", true),
        ("a--b", true),
        ("xn--p1ai", true),
        (&label(63), true),
        (&format!("{}.{}", label(63), label(63)), true),
        (&label(64), false),
        (&format!("a.{}", label(64)), false),
        (".", false),
        ("..a", false),
        ("a.", false),
        ("a..b", false),
        ("-a", false),
        ("a-", false),
        ("a.-b", false),
        ("a-.b", false),
        ("-", false),
        ("a b", false),
        ("a_b", false),
        ("a;b", false),
        ("a:80", false),
        ("é", false),
        ("\u{212A}", false),
        ("a\n", false),
    ] {
        let expected = if valid { None } else { Some(CookieError::Domain) };
        assert_eq!(options().domain(domain).build().err(), expected, "{domain}");
        let mut cookie = made(options().domain("before"));
        assert_eq!(cookie.set(Attribute::Domain, domain).err(), expected, "{domain}");
        let kept = json!(if valid { domain } else { "before" });
        assert_eq!(cookie.get(Attribute::Domain), Some(&kept));
    }
    // Taken off again (B-145).
    for none in [json!(""), Value::Null] {
        let mut cookie = made(options().domain("before"));
        assert_eq!(cookie.set(Attribute::Domain, none.clone()), Ok(()));
        assert_eq!(cookie.get(Attribute::Domain), Some(&none));
        assert_eq!(line(&cookie).as_deref(), Ok("sid=v; Path=/; HttpOnly"));
    }
    assert_eq!(made(options()).get(Attribute::Domain), None);
}

// B-147: every character of ASCII, and some beyond
#[test]
fn paths() {
    for character in (0..128_u8).map(char::from).chain(['\u{80}', '\u{A0}', 'é', '\u{FF5E}']) {
        let valid = (' '..='~').contains(&character) && character != ';' && character != '<';
        for path in [format!("/a{character}b"), character.to_string()] {
            let expected = if valid { None } else { Some(CookieError::Path) };
            assert_eq!(options().path(&path).build().err(), expected, "{path:?}");
            let mut cookie = made(options().path("/before"));
            assert_eq!(cookie.set(Attribute::Path, &*path).err(), expected, "{path:?}");
            let kept = json!(if valid { &*path } else { "/before" });
            assert_eq!(cookie.get(Attribute::Path), Some(&kept));
        }
    }
}

// B-026, B-033, B-149, B-150: names of nothing are refused when they are set, the cookie unchanged
#[test]
fn names_of_attributes() {
    for name in ["x", "Lowest", "low ", "auto", "true"] {
        assert_eq!(options().priority(name).build().err(), Some(CookieError::Priority), "{name}");
    }
    assert_eq!(options().priority(true).build().err(), Some(CookieError::Priority));
    for name in ["x", "laxer", " lax", "AUTO", "Auto", "true", "default"] {
        assert_eq!(options().same_site(name).build().err(), Some(CookieError::SameSite), "{name}");
    }
    assert_eq!(options().same_site(1).build().err(), Some(CookieError::SameSite));
    let mut cookie = made(options().same_site("LAX").priority("LOW"));
    let before = cookie.clone();
    assert_eq!(cookie.set(Attribute::SameSite, "auto"), Err(CookieError::SameSite));
    assert_eq!(cookie.set(Attribute::SameSite, SameSite::Auto), Err(CookieError::SameSite));
    assert_eq!(cookie.set(Attribute::Priority, "x"), Err(CookieError::Priority));
    assert_eq!(cookie, before);
    assert_eq!(cookie.set(Attribute::SameSite, "NONE"), Ok(()));
    assert_eq!(cookie.set(Attribute::Priority, "Medium"), Ok(()));
    assert_eq!(
        line(&cookie).as_deref(),
        Ok("sid=v; Path=/; HttpOnly; Priority=Medium; SameSite=None")
    );
    // The case is kept in records.
    assert!(cookie.to_json().contains("\"priority\":\"Medium\""), "{}", cookie.to_json());
    assert!(cookie.to_json().ends_with(",\"sameSite\":\"NONE\"}"), "{}", cookie.to_json());
}

// B-019, B-020: of maxAge and expires the later wins, and gives the original length
#[test]
fn the_later_option_wins() {
    for (options, expires, original) in [
        (
            options().max_age_millis(5).expires(Expires::At(later(9))),
            Expires::At(later(9)),
            Expires::At(9),
        ),
        (
            options().expires(Expires::At(later(9))).max_age_millis(5),
            Expires::At(later(5)),
            Expires::At(5),
        ),
        (
            options().expires(Expires::At(later(9))).max_age(None),
            Expires::Session,
            Expires::Session,
        ),
        (options().max_age_millis(5).expires(Expires::Session), Expires::Session, Expires::Session),
        (options().max_age_millis(5).expires(Expires::False), Expires::False, Expires::False),
        (options().max_age_millis(5).path("/x"), Expires::At(later(5)), Expires::At(5)),
        (options().max_age(Duration::from_micros(2_999)), Expires::At(later(2)), Expires::At(2)),
    ] {
        let cookie = made(options);
        assert_eq!((cookie.expires(), cookie.original_max_age()), (expires, original));
    }
}

// B-027, B-028, B-029: `auto`, each resolved for itself
#[test]
fn auto() {
    let none = options();
    for (options, plain, secure) in [
        (none.clone().secure(Secure::Auto), "", "; Secure"),
        (none.clone().same_site(SameSite::Auto), "; SameSite=Lax", "; SameSite=None"),
        (
            none.clone().same_site("auto").secure(Secure::Auto),
            "; SameSite=Lax",
            "; Secure; SameSite=None",
        ),
        (
            none.clone().same_site("auto").secure(true),
            "; Secure; SameSite=Lax",
            "; Secure; SameSite=None",
        ),
        (none.clone().same_site("auto").secure(false), "; SameSite=Lax", "; SameSite=None"),
        (
            none.clone().same_site("strict").secure(Secure::Auto),
            "; SameSite=Strict",
            "; Secure; SameSite=Strict",
        ),
        // The last word counts.
        (none.clone().secure(Secure::Auto).secure(false), "", ""),
        (none.same_site("auto").same_site(false), "", ""),
    ] {
        let template = options.build().expect("sound options");
        for (is_secure, attributes) in [(false, plain), (true, secure)] {
            let cookie = template.create(now(), is_secure, true);
            let line = line(&cookie);
            assert_eq!(line, Ok(format!("sid=v; Path=/; HttpOnly{attributes}")));
            assert_eq!(cookie.is_secure(), attributes.contains("Secure"));
            assert!(!cookie.to_json().contains("auto"), "{}", cookie.to_json());
        }
    }
}

// B-037: an empty path takes part everywhere
#[test]
fn the_path_that_takes_part() {
    for (options, path) in
        [(options(), "/"), (options().path(""), "/"), (options().path("/a"), "/a")]
    {
        assert_eq!(options.build().expect("sound options").path(), path);
    }
}

#[test]
fn setters_and_getters_agree() {
    use Attribute::{Domain, HttpOnly, Partitioned, Path, Priority, SameSite, Secure};
    let flags = [HttpOnly, Secure, Partitioned];
    let mut cookie = made(options().http_only(false));
    assert_eq!(flags.map(|flag| cookie.get(flag).cloned()), [Some(json!(false)), None, None]);
    assert!(!cookie.is_secure());
    for flag in flags {
        assert_eq!(cookie.set(flag, true), Ok(()));
        assert_eq!(cookie.get(flag), Some(&json!(true)));
    }
    assert!(cookie.is_secure());
    assert_eq!(cookie.set(Path, ""), Ok(()));
    assert_eq!(line(&cookie).as_deref(), Ok("sid=v; HttpOnly; Secure; Partitioned"));
    for flag in flags {
        assert_eq!(cookie.set(flag, false), Ok(()));
        assert_eq!(cookie.get(flag), Some(&json!(false)));
    }
    assert!(!cookie.is_secure());
    assert_eq!(line(&cookie).as_deref(), Ok("sid=v"));
    // What is set is what is had, and each attribute has a place of its own.
    let values = [
        (Partitioned, json!(true)),
        (Priority, json!("hIGH")),
        (Secure, json!(1)),
        (HttpOnly, json!(null)),
        (Domain, json!("a.b")),
        (Path, json!("/p")),
        (SameSite, json!(true)),
    ];
    for (attribute, value) in &values {
        assert_eq!(cookie.set(*attribute, value.clone()), Ok(()));
    }
    for (attribute, value) in &values {
        assert_eq!(cookie.get(*attribute), Some(value), "{attribute:?}");
    }
    assert_eq!(
        cookie.to_json(),
        "{\"originalMaxAge\":null,\"partitioned\":true,\"priority\":\"hIGH\",\"expires\":null,\
         \"secure\":1,\"httpOnly\":null,\"domain\":\"a.b\",\"path\":\"/p\",\"sameSite\":true}"
    );
    // One that can't be serialized leaves all as it was, an end that can't be sent is none's fault.
    cookie.set_expires(Expires::Invalid, now());
    let before = cookie.clone();
    for (attribute, value, error) in [
        (Priority, json!(7), CookieError::Priority),
        (Domain, json!(true), CookieError::Domain),
        (Path, json!("/;"), CookieError::Path),
        (SameSite, json!("lacks"), CookieError::SameSite),
        (Path, json!([]), CookieError::NoAttribute),
        (Secure, json!([true]), CookieError::NoAttribute),
        (SameSite, json!({}), CookieError::NoAttribute),
    ] {
        assert_eq!(cookie.set(attribute, value), Err(error));
        assert_eq!(cookie, before);
    }
    assert_eq!(cookie.set(Path, "/q"), Ok(()));
}

/// What else is wrong with a loaded cookie is no hindrance: each attribute can be mended by itself.
#[test]
fn one_attribute_at_a_time() {
    let mut record = json!({ "priority": "bogus", "sameSite": "bogus", "domain": ";" });
    let record = record.as_object_mut().expect("an object");
    let mut cookie = SessionCookie::from_record(record, true);
    let line = |cookie: &SessionCookie| {
        let config = Config::express("keyboard cat").build().expect("sound options");
        let id = SessionId::from_text("v").expect("an id");
        cookie.line(config.settings(), Some(&id)).map(drop)
    };
    assert_eq!(line(&cookie), Err(CookieError::Domain));
    assert_eq!(cookie.set(Attribute::Domain, Value::Null), Ok(()));
    assert_eq!(line(&cookie), Err(CookieError::Priority));
    assert_eq!(cookie.set(Attribute::Priority, "low"), Ok(()));
    assert_eq!(line(&cookie), Err(CookieError::SameSite));
    assert_eq!(cookie.set(Attribute::SameSite, false), Ok(()));
    assert_eq!(line(&cookie), Ok(()));
}

/// DS-3: The longest domain and path that are accepted, which is what browsers keep.
#[test]
fn values_of_1024_bytes_at_most() {
    let path = |length| CookieOptions::new().path("/".repeat(length)).build().map(drop);
    assert_eq!((path(1_024), path(1_025)), (Ok(()), Err(CookieError::Path)));
    let domain = |length: usize| {
        let domain: String = "a.".repeat(600).chars().take(length).collect();
        CookieOptions::new().domain(domain.trim_end_matches('.')).build().map(drop)
    };
    assert_eq!((domain(1_023), domain(1_025)), (Ok(()), Err(CookieError::Domain)));
}

/// One of these, or none.
fn one_of<T: Copy + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(proptest::sample::select(values.to_vec()))
}

proptest! {
    // CK-7, B-140, B-142, B-146, B-148, B-150: an independent reader finds in a line what was put there
    #[test]
    fn the_cookie_crate_reads_our_lines(
        value in text("[A-Za-z0-9._~*'()!-]{1,40}"),
        domain in proptest::option::of(text("[a-z][a-z0-9]{0,9}(\\.[a-z]{1,5}){0,2}")),
        path in text("(/[a-z0-9%=, ]{0,5}[a-z])?/?[a-z]?"),
        age in proptest::option::of(-1_000_000_000_000..100_000_000_000_000_i64),
        flags: (bool, bool, bool),
        same_site in one_of(&[SameSite::Lax, SameSite::None, SameSite::Strict]),
        priority in one_of(&[Priority::Low, Priority::Medium, Priority::High]),
    ) {
        let (http_only, secure, partitioned) = flags;
        let mut options = options().path(&path).http_only(http_only).secure(secure);
        options = options.partitioned(partitioned);
        if let Some(domain) = &domain {
            options = options.domain(domain);
        }
        if let Some(age) = age {
            options = options.max_age_millis(age);
        }
        if let Some(same_site) = same_site {
            options = options.same_site(same_site);
        }
        if let Some(priority) = priority {
            options = options.priority(priority);
        }
        let config = Config::express("keyboard cat").name("sid").build().expect("sound options");
        let id = SessionId::from_text(&value).expect("an id");
        let line = made(options).line(config.settings(), Some(&id)).expect("a line");
        let line = line.to_str().expect("ASCII");
        let read = cookie::Cookie::parse(line).expect("a cookie");
        let signature = config.settings().keys.sign(&value);
        let signature = str::from_utf8(&signature).expect("ASCII");
        let signature = signature.replace('+', "%2B").replace('/', "%2F");
        let signed = format!("s%3A{value}.{signature}");
        prop_assert_eq!(read.name_value(), ("sid", &*signed));
        prop_assert_eq!(read.domain(), domain.as_deref());
        prop_assert_eq!(read.path(), Some(&*path).filter(|path| !path.is_empty()));
        prop_assert_eq!(read.http_only().is_some(), http_only);
        prop_assert_eq!(read.secure().is_some(), secure);
        prop_assert_eq!(read.partitioned().is_some(), partitioned);
        prop_assert_eq!(read.same_site(), same_site.map(|same_site| match same_site {
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::None => cookie::SameSite::None,
            SameSite::Auto | SameSite::Strict => cookie::SameSite::Strict,
        }));
        prop_assert_eq!(read.max_age(), None);
        let expires = read.expires_datetime().map(|date| date.unix_timestamp());
        prop_assert_eq!(expires, age.map(|age| later(age).as_millis().div_euclid(1_000)));
        prop_assert_eq!(line.contains("; Priority="), priority.is_some());
    }
}
