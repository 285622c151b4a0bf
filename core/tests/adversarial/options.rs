//! CF: options that are no protection, or that browsers drop.

use std::time::Duration;

use http_session::{
    Config, ConfigBuilder, ConfigError, CookieOptions, Finding, SameSite, Secure, Timeouts,
};

use super::model::*;

fn refusal(builder: ConfigBuilder) -> Option<Finding> {
    match builder.build() {
        Ok(_) => None,
        Err(ConfigError::Refused(finding)) => {
            // The message names the rule.
            let text = ConfigError::Refused(finding).to_string();
            assert!(text.contains(finding.clause()), "{text}");
            Some(finding)
        }
        Err(other) => panic!("{other}"),
    }
}

// CF-1: a prefix without what it needs is refused in any spelling, as browsers look at it in any
#[test]
fn prefixes() {
    use Finding::{HostPrefix, HttpPrefix, SecurePrefix};
    let cookie = CookieOptions::new;
    for (prefix, options, expected) in [
        ("__Host-", cookie(), None),
        ("__Host-", cookie().domain("a.example"), Some(HostPrefix)),
        ("__Host-", cookie().path("/x"), Some(HostPrefix)),
        ("__Host-", cookie().secure(false), Some(HostPrefix)),
        ("__Host-", cookie().secure(Secure::Auto), Some(HostPrefix)),
        ("__Secure-", cookie().domain("a.example").path("/x"), None),
        ("__Secure-", cookie().secure(false), Some(SecurePrefix)),
        ("__Secure-", cookie().secure(Secure::Auto), Some(SecurePrefix)),
        ("__Http-", cookie(), None),
        ("__Http-", cookie().http_only(false), Some(HttpPrefix)),
        ("__Http-", cookie().secure(false), Some(HttpPrefix)),
        ("__Host-Http-", cookie(), None),
        ("__Host-Http-", cookie().http_only(false), Some(HttpPrefix)),
        ("__Host-Http-", cookie().domain("a.example"), Some(HostPrefix)),
        ("__Host-Http-", cookie().path("/x"), Some(HostPrefix)),
        ("__Host-Http-", cookie().secure(false), Some(HostPrefix)),
    ] {
        let mixed = |(at, byte): (usize, char)| {
            if at % 2 == 0 { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() }
        };
        let spellings = [
            prefix.into(),
            prefix.to_ascii_lowercase(),
            prefix.to_ascii_uppercase(),
            prefix.chars().enumerate().map(mixed).collect::<String>(),
        ];
        for spelling in spellings {
            let builder = recommended().name(format!("{spelling}id")).cookie(options.clone());
            assert_eq!(refusal(builder), expected, "{spelling} {options:?}");
        }
        // What only resembles a prefix needs nothing.
        for name in [format!("x{prefix}id"), prefix.replace('-', "_"), prefix.replace("__", "_")] {
            assert_eq!(refusal(recommended().name(name).cookie(options.clone())), None);
        }
    }
    // Options for single requests are checked as well.
    let config = built(recommended());
    let template = config.template(cookie().path("/x"));
    assert_eq!(template.err(), Some(ConfigError::Refused(HostPrefix)));
}

// CF-2: SameSite=None and Partitioned need Secure, also where `auto` becomes the one or the other
#[test]
fn what_needs_secure() {
    use Finding::{NoneNotSecure, PartitionedNotSecure};
    let named = || recommended().name("id");
    let cookie = CookieOptions::new;
    for (options, expected) in [
        (cookie().same_site(SameSite::None), None),
        (cookie().same_site(SameSite::None).secure(false), Some(NoneNotSecure)),
        (cookie().same_site("none").secure(false), Some(NoneNotSecure)),
        (cookie().same_site("NoNe").secure(false), Some(NoneNotSecure)),
        (cookie().same_site(SameSite::Auto), None),
        (cookie().same_site(SameSite::Auto).secure(false), Some(NoneNotSecure)),
        (cookie().same_site(SameSite::Auto).secure(Secure::Auto), None),
        (cookie().same_site(SameSite::None).secure(Secure::Auto), Some(NoneNotSecure)),
        (cookie().same_site(SameSite::Strict).secure(false), None),
        (cookie().partitioned(true), None),
        (cookie().partitioned(true).secure(false), Some(PartitionedNotSecure)),
        (cookie().partitioned(true).secure(Secure::Auto), Some(PartitionedNotSecure)),
    ] {
        assert_eq!(refusal(named().cookie(options.clone())), expected, "{options:?}");
    }
}

// CF-3: a secret that is empty, short, or stands in a tutorial is refused, the first one as well as a further one
#[test]
fn secrets_that_protect_nothing() {
    use Finding::{KnownSecret, ShortSecret};
    for known in ["keyboard cat", "keyboard-cat", "secret", "changeme", "your secret key"] {
        assert_eq!(refusal(Config::recommended(known)), Some(KnownSecret));
        assert_eq!(refusal(recommended().accept(known)), Some(KnownSecret));
        let express = Config::express(known).build().expect("it is only said");
        assert!(express.audit().contains(&KnownSecret));
    }
    for length in 1..32 {
        assert_eq!(refusal(Config::recommended(vec![7; length])), Some(ShortSecret));
        assert_eq!(refusal(recommended().accept(vec![7; length])), Some(ShortSecret));
    }
    for builder in [Config::recommended(""), Config::express(""), recommended().accept("")] {
        assert_eq!(builder.build().err(), Some(ConfigError::EmptySecret));
    }
}

// CF-5: timeouts that end each session at once, or that can't both count, are refused
#[test]
fn timeouts_that_contradict() {
    let millis = |millis| Some(Duration::from_millis(millis));
    let nano = Some(Duration::from_nanos(999_999));
    for (idle, absolute, expected) in [
        (millis(1), millis(1), None),
        (millis(2), millis(1), Some(Finding::TimeoutOrder)),
        (Some(Duration::MAX), millis(1), Some(Finding::TimeoutOrder)),
        (Some(Duration::MAX), None, None),
        (millis(0), None, Some(Finding::NoLifetime)),
        (None, millis(0), Some(Finding::NoLifetime)),
        (millis(0), millis(0), Some(Finding::NoLifetime)),
        (nano, None, Some(Finding::NoLifetime)),
    ] {
        let builder = recommended().timeouts(Timeouts { idle, absolute });
        assert_eq!(refusal(builder), expected, "{idle:?} {absolute:?}");
    }
}
