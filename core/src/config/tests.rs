use super::*;

use std::time::Duration;

fn express() -> ConfigBuilder {
    Config::express("keyboard cat")
}

// B-002, B-008, B-009, B-010, B-011, B-016, B-018: express-session's defaults
#[test]
fn the_defaults() {
    let config = express().build().expect("sound options");
    let settings = &config.settings().options;
    assert_eq!(config.name(), "connect.sid");
    assert_eq!(config.path(), "/");
    assert!(settings.resave);
    assert!(settings.save_uninitialized);
    assert!(!settings.rolling);
    assert_eq!(settings.unset, Unset::Keep);
    assert_eq!(settings.proxy, Proxy::Framework);
    assert_eq!(settings.max_record_bytes, 16 * 1024 * 1024);
}

// B-002, B-010, B-011, B-016: each option reaches its place
#[test]
fn options_arrive() {
    let config = express()
        .name("sid")
        .cookie(CookieOptions::new().path("/app"))
        .max_record_bytes(7)
        .proxy(true)
        .resave(false)
        .rolling(true)
        .save_uninitialized(false)
        .unset(Unset::Destroy)
        .build()
        .expect("sound options");
    let settings = &config.settings().options;
    assert_eq!(config.name(), "sid");
    assert_eq!(config.path(), "/app");
    assert!(!settings.resave);
    assert!(!settings.save_uninitialized);
    assert!(settings.rolling);
    assert_eq!(settings.unset, Unset::Destroy);
    assert_eq!(settings.proxy, Proxy::Trust);
    assert_eq!(settings.max_record_bytes, 7);
    let distrust = express().proxy(false).build().expect("sound options");
    assert_eq!(distrust.settings().options.proxy, Proxy::Distrust);
}

// B-002, B-151: an empty name is none, any other must be a token
#[test]
fn names() {
    for (name, expected) in [
        ("", Some("connect.sid")),
        ("sid", Some("sid")),
        ("__Host-sid", Some("__Host-sid")),
        ("!#$%&'*+-.^_`|~", Some("!#$%&'*+-.^_`|~")),
        ("a b", None),
        ("a=b", None),
        ("a;b", None),
        ("a\r\nSet-Cookie: b", None),
        ("é", None),
    ] {
        let config = express().name(name).build();
        assert_eq!(config.as_ref().ok().map(Config::name), expected, "{name:?}");
        let refused = matches!(config, Err(ConfigError::Cookie(CookieError::Name)));
        assert_eq!(refused, expected.is_none());
    }
}

// B-151: every character of ASCII in a name
#[test]
fn names_are_tokens() {
    for character in (0..128_u8).map(char::from).chain(['é', '\u{A0}']) {
        let valid = character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        assert_eq!(is_token(&format!("a{character}")), valid, "{character:?}");
    }
    assert!(!is_token(""));
}

// B-015, B-026: what can never work is refused at once
#[test]
fn refused() {
    let cookie = |options| express().cookie(options).build().err();
    let options = CookieOptions::new;
    for (error, expected) in [
        (Config::express("").build().err(), ConfigError::EmptySecret),
        (Config::express(vec![]).accept("x").build().err(), ConfigError::EmptySecret),
        (express().accept("x").accept("").build().err(), ConfigError::EmptySecret),
        (cookie(options().domain("a b")), CookieError::Domain.into()),
        (cookie(options().path("/;")), CookieError::Path.into()),
        (cookie(options().priority("urgent")), CookieError::Priority.into()),
        (cookie(options().same_site("loose")), CookieError::SameSite.into()),
    ] {
        assert_eq!(error, Some(expected));
    }
}

// B-056: the first secret signs, those accepted verify; sixteen at most
#[test]
fn secrets() {
    let config = Config::express("first").accept("second").accept("third").build();
    let config = config.expect("sound options");
    let first = Config::express("first").build().expect("sound options");
    assert_eq!(config.settings().keys.sign("id"), first.settings().keys.sign("id"));
    for secret in ["first", "second", "third", "fourth"] {
        let other = Config::express(secret).build().expect("sound options");
        let signature = other.settings().keys.sign("id");
        let signed = format!("id.{}", str::from_utf8(&signature).expect("ASCII"));
        let verified = config.settings().keys.verify(&signed).is_some();
        assert_eq!(verified, secret != "fourth", "{secret}");
    }
    let many = |further| (0..further).fold(express(), |builder, _| builder.accept("x")).build();
    assert!(many(15).is_ok());
    assert_eq!(many(16).err(), Some(ConfigError::TooManySecrets));
}

#[test]
fn a_later_option_takes_the_place_of_an_earlier_one() {
    let config = express()
        .cookie(CookieOptions::new().path("/a").max_age(Duration::from_secs(1)))
        .cookie(CookieOptions::new())
        .name("a")
        .name("")
        .build()
        .expect("sound options");
    assert_eq!((config.name(), config.path()), ("connect.sid", "/"));
}

#[test]
fn debug_shows_no_secret() {
    let builder = Config::express("needle").accept("needle-2").name("sid");
    let config = builder.clone().build().expect("sound options");
    let text = format!("{builder:?} {config:?} {config:#?}");
    assert!(!text.contains("needle"), "{text}");
    assert!(text.contains("sid"), "{text}");
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// CF-6: NIST SP 800-63B-4: 30 days; 24 hours and one hour; 12 hours and 15 minutes.
#[test]
fn timeouts_of_nist() {
    let all = |idle, absolute| Timeouts { idle, absolute };
    assert_eq!(Timeouts::AAL1, all(None, Some(hours(30 * 24))));
    assert_eq!(Timeouts::AAL2, all(Some(hours(1)), Some(hours(24))));
    assert_eq!(Timeouts::AAL3, all(Some(Duration::from_secs(900)), Some(hours(12))));
    assert_eq!(Timeouts::DEFAULT, all(Some(hours(24)), Some(hours(30 * 24))));
    assert_eq!(Timeouts::NONE, all(None, None));
    let of = |builder: ConfigBuilder| builder.build().expect("sound options").settings().options;
    assert_eq!(of(Config::recommended([7; 32])).timeouts, Timeouts::DEFAULT);
    assert_eq!(of(express()).timeouts, Timeouts::NONE);
}

/// The first end counts; one beyond all dates is none; nothing overflows.
#[test]
fn ends_of_timeouts() {
    let at = |millis| Timestamp::from_millis(millis).expect("a moment");
    let millis = |millis| Some(Duration::from_millis(millis));
    let longest = Some(Duration::from_millis(i64::MAX as u64));
    for (idle, absolute, created, end) in [
        (None, None, Some(0), None),
        (millis(5), None, None, Some(105)),
        (None, millis(5), Some(98), Some(103)),
        (None, millis(5), None, None),
        (millis(5), millis(7), Some(97), Some(104)),
        (millis(5), millis(7), Some(98), Some(105)),
        (millis(5), millis(7), Some(99), Some(105)),
        (Some(Duration::MAX), millis(7), Some(99), Some(106)),
        (longest, longest, Some(99), None),
        (millis(5), Some(Duration::MAX), Some(99), Some(105)),
    ] {
        let timeouts = Timeouts { idle, absolute };
        assert_eq!(timeouts.end(created.map(at), at(100)), end.map(at), "{timeouts:?}");
        for moment in [Timestamp::MIN, Timestamp::MAX] {
            let _ = timeouts.end(Some(moment), moment);
        }
    }
}

// B-018: what is recommended
#[test]
fn the_recommended_defaults() {
    let config = Config::recommended([7; 32]).build().expect("sound options");
    let options = &config.settings().options;
    assert_eq!((config.name(), config.path()), ("__Host-id", "/"));
    assert!(!options.quirks && !options.resave && !options.save_uninitialized);
    assert!(!options.rolling);
    assert_eq!(options.conflict, Conflict::Merge);
    assert_eq!(options.unset, Unset::Keep);
    assert_eq!(options.proxy, Proxy::Framework);
    assert!(express().build().is_ok_and(|config| config.settings().options.quirks));
}

// CK-4, SG-7, B-034: what two layers on one request must not have in common, whichever of them is asked
#[test]
fn clashes() {
    let (old, new) = ("an old secret of 32 bytes or more", "a new secret of 32 bytes or more.");
    let safe = |name: &str, secret: &str| Config::recommended(secret).name(name);
    let quirky = |name: &str, secret: &str| Config::express(secret).name(name);
    let built = |builder: ConfigBuilder| builder.build().expect("sound options");
    for (one, other, expected) in [
        (safe("__Host-a", old), safe("__Host-b", new), false),
        (safe("__Host-a", old), safe("__Host-a", new), true),
        (quirky("a", old), quirky("a", new), true),
        (safe("__Host-a", old), safe("__Host-b", old), true),
        // One way is enough.
        (safe("__Host-a", new).accept(old), safe("__Host-b", old), true),
        (safe("__Host-a", new).accept(old), safe("__Host-b", new).accept(old), true),
        // What they accept alone, nobody signs.
        (
            safe("__Host-a", "the first secret has 32 bytes too").accept(old),
            safe("__Host-b", new).accept(old),
            false,
        ),
        // express-session's layers accept each other's cookies.
        (quirky("a", old), quirky("b", old), false),
        (quirky("a", old), safe("__Host-b", old), false),
    ] {
        let (one, other) = (built(one), built(other));
        assert_eq!([one.clashes(&other), other.clashes(&one)], [expected; 2], "{one:?} {other:?}");
    }
}

// LG-1: what `Debug` shows are the options, and no secret; of an error it is its sentence
#[test]
fn what_debug_shows() {
    let config = express().name("sid").rolling(true).build().expect("sound options");
    let text = format!("{config:?}");
    assert!(text.contains("\"sid\"") && text.contains("rolling: true"), "{text}");
    assert!(!text.contains("keyboard cat"), "{text}");
    let error = ConfigError::EmptySecret;
    assert!(format!("{error:?}").contains(&error.to_string()));
}
