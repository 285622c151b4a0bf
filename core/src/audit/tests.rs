use std::collections::BTreeSet;
use std::time::Duration;

use crate::*;

const STRONG: [u8; 32] = [7; 32];

fn recommended() -> ConfigBuilder {
    Config::recommended(STRONG)
}

fn options() -> CookieOptions {
    CookieOptions::new()
}

/// `Config::express` with all the advice followed but that of its quirks.
fn careful() -> ConfigBuilder {
    Config::express(STRONG)
        .conflict(Conflict::Merge)
        .cookie(options().same_site("lax").secure(true))
        .name("__Host-id")
        .resave(false)
        .save_uninitialized(false)
        .timeouts(Timeouts::DEFAULT)
}

fn findings(builder: ConfigBuilder) -> Vec<Finding> {
    builder.build().expect("sound options").audit().to_vec()
}

/// Every finding, in the order of their names.
const ALL: [Finding; 25] = [
    Finding::DefaultName,
    Finding::DomainWide,
    Finding::HostPrefix,
    Finding::HttpPrefix,
    Finding::KnownSecret,
    Finding::LongLived,
    Finding::LostUpdates,
    Finding::NeverMatches,
    Finding::NoAbsoluteTimeout,
    Finding::NoIdleTimeout,
    Finding::NoLifetime,
    Finding::NoPrefix,
    Finding::NoSameSite,
    Finding::NoneNotSecure,
    Finding::NotRolling,
    Finding::NotSecure,
    Finding::PartitionedNotSecure,
    Finding::ProxyBelieved,
    Finding::Quirks,
    Finding::Resave,
    Finding::SaveUninitialized,
    Finding::ScriptsCanRead,
    Finding::SecurePrefix,
    Finding::ShortSecret,
    Finding::TimeoutOrder,
];

/// The preset that is recommended has nothing to be said against it.
#[test]
fn nothing_is_found_in_what_is_recommended() {
    assert_eq!(findings(recommended()), []);
    for builder in [
        recommended().rolling(true).cookie(options().max_age(Duration::from_secs(3_600))),
        recommended().rolling(true).cookie(options().max_age(Duration::from_secs(400 * 86_400))),
        recommended().cookie(options().same_site("strict").priority("high").partitioned(true)),
        recommended().cookie(options().same_site("none")),
        recommended().cookie(options().secure(Secure::Always)),
        recommended().accept([8; 32]).unset(Unset::Destroy).rolling(true),
        recommended().conflict(Conflict::Refuse).proxy(false),
        recommended().timeouts(Timeouts::AAL2),
        recommended().timeouts(Timeouts::AAL3),
        recommended().name("__Host-Http-id"),
        recommended().name("__HOST-other"),
    ] {
        assert_eq!(findings(builder.clone()), [], "{builder:?}");
    }
}

// B-002, B-008, B-009, B-018, B-130: what is said of express-session's defaults
#[test]
fn what_is_found_in_express() {
    let expected = [
        Finding::NotSecure,
        Finding::NoSameSite,
        Finding::NoPrefix,
        Finding::DefaultName,
        Finding::NoIdleTimeout,
        Finding::NoAbsoluteTimeout,
        Finding::SaveUninitialized,
        Finding::Resave,
        Finding::LostUpdates,
        Finding::Quirks,
    ];
    assert_eq!(findings(Config::express(STRONG)), expected);
    let tutorial = [&[Finding::KnownSecret, Finding::ShortSecret][..], &expected].concat();
    assert_eq!(findings(Config::express("keyboard cat")), tutorial);
    assert_eq!(findings(careful()), [Finding::Quirks]);
}

/// Each finding has an option that leads to it, and goes when its advice is followed.
// B-155, B-162: what browsers drop, and what is weak
#[test]
fn each_finding_has_its_cause() {
    use Finding::*;
    let minute = |minutes: u64| Some(Duration::from_secs(minutes * 60));
    let timeouts = |idle, absolute| Timeouts { idle, absolute };
    let lax = || options().same_site("lax");
    let secure = || lax().secure(true);
    let day = 86_400_000;
    let mut caused = BTreeSet::new();
    for (builder, expected) in [
        (careful().name("connect.sid"), &[NoPrefix, DefaultName][..]),
        (careful().name("sid").cookie(secure().domain("a.example")), &[NoPrefix, DomainWide]),
        (careful().cookie(secure().domain("a.example")), &[HostPrefix, DomainWide]),
        (careful().cookie(secure().path("/app")), &[HostPrefix]),
        // There is no Path attribute then, and the browser takes the path of the request.
        (careful().cookie(secure().path("")), &[HostPrefix]),
        (careful().name("__Secure-x").cookie(secure().path("")), &[]),
        (careful().cookie(lax()), &[HostPrefix, NotSecure]),
        (careful().cookie(lax().secure(Secure::Auto)), &[HostPrefix, NotSecure]),
        (careful().name("__hOsT-x").cookie(lax()), &[HostPrefix, NotSecure]),
        (careful().name("__Http-x"), &[NoPrefix]),
        (
            careful().name("__Http-x").cookie(secure().http_only(false)),
            &[HttpPrefix, ScriptsCanRead, NoPrefix],
        ),
        (careful().name("__Http-x").cookie(lax()), &[HttpPrefix, NotSecure, NoPrefix]),
        (
            careful().name("__Host-Http-x").cookie(secure().http_only(false)),
            &[HttpPrefix, ScriptsCanRead],
        ),
        (careful().name("__Host-Http-x").cookie(secure().path("/x")), &[HostPrefix]),
        (careful().name("__Secure-x").cookie(lax()), &[SecurePrefix, NotSecure]),
        (careful().name("__Secure-x"), &[]),
        (careful().accept("keyboard cat"), &[KnownSecret, ShortSecret]),
        (careful().accept("changeme"), &[KnownSecret, ShortSecret]),
        (careful().accept([1; 31]), &[ShortSecret]),
        (careful().accept([1; 32]), &[]),
        (careful().cookie(secure().max_age_millis(400 * day + 1)), &[LongLived, NotRolling]),
        (careful().cookie(secure().max_age_millis(400 * day)), &[NotRolling]),
        (careful().cookie(secure().max_age_millis(1)).rolling(true), &[]),
        (careful().cookie(secure().max_age_millis(0)), &[NoLifetime, NotRolling]),
        (careful().cookie(secure().max_age_millis(-1)), &[NoLifetime, NotRolling]),
        (careful().timeouts(timeouts(Some(Duration::ZERO), minute(1))), &[NoLifetime]),
        (
            careful().timeouts(timeouts(minute(1), Some(Duration::ZERO))),
            &[NoLifetime, TimeoutOrder],
        ),
        (careful().timeouts(timeouts(minute(3), minute(2))), &[TimeoutOrder]),
        (careful().timeouts(timeouts(minute(2), minute(2))), &[]),
        (careful().timeouts(timeouts(None, minute(2))), &[NoIdleTimeout]),
        (careful().timeouts(timeouts(minute(2), None)), &[NoAbsoluteTimeout]),
        (careful().conflict(Conflict::Overwrite), &[LostUpdates]),
        (careful().conflict(Conflict::Refuse), &[]),
        (careful().name("sid").cookie(secure().path("app")), &[NeverMatches, NoPrefix]),
        (careful().name("sid").cookie(secure().path("/a b")), &[NeverMatches, NoPrefix]),
        (careful().name("sid").cookie(secure().path("/a?b")), &[NeverMatches, NoPrefix]),
        (careful().name("sid").cookie(secure().path("/a%20b")), &[NoPrefix]),
        (careful().name("sid").cookie(secure().path("/a/b~!$&'()*+,=:@-._")), &[NoPrefix]),
        (careful().cookie(options().secure(true)), &[NoSameSite]),
        (careful().cookie(secure().same_site(false)), &[NoSameSite]),
        (careful().cookie(secure().same_site(true)), &[]),
        (
            careful().name("sid").cookie(options().same_site("NONE")),
            &[NoneNotSecure, NotSecure, NoPrefix],
        ),
        (careful().cookie(options().same_site("none").secure(true)), &[]),
        (
            careful().name("sid").cookie(lax().partitioned(true)),
            &[PartitionedNotSecure, NotSecure, NoPrefix],
        ),
        (careful().cookie(secure().partitioned(true)), &[]),
        (careful().proxy(true), &[ProxyBelieved]),
        (careful().proxy(false), &[]),
        (careful().resave(true), &[Resave]),
        (careful().save_uninitialized(true), &[SaveUninitialized]),
        (careful().cookie(secure().http_only(false)), &[ScriptsCanRead]),
    ] {
        let expected = [expected, &[Quirks]].concat();
        assert_eq!(findings(builder.clone()), expected, "{builder:?}");
        caused.extend(expected.iter().map(|finding| format!("{finding:?}")));
    }
    assert_eq!(caused, ALL.iter().map(|finding| format!("{finding:?}")).collect());
}

/// CF-1, CF-2, CF-3, CF-5: What can't work, or is no protection, is refused under `recommended`, and only said under
/// `express`.
// B-026, B-155: refused when the options are built
#[test]
fn refused_under_recommended() {
    use Finding::*;
    let zero = Timeouts { idle: Some(Duration::ZERO), ..Timeouts::DEFAULT };
    let reversed = Timeouts { idle: Timeouts::AAL1.absolute, absolute: Timeouts::AAL2.absolute };
    type Apply = fn(ConfigBuilder) -> ConfigBuilder;
    let cases: [(Apply, Finding); 9] = [
        (|builder| builder.accept([1; 31]), ShortSecret),
        (|builder| builder.accept("your secret key"), KnownSecret),
        (|builder| builder.cookie(options().secure(true).path("/x")), HostPrefix),
        (
            |builder| builder.name("__Http-x").cookie(options().secure(true).http_only(false)),
            HttpPrefix,
        ),
        (|builder| builder.name("__Secure-x").cookie(options().secure(false)), SecurePrefix),
        (
            |builder| builder.name("x").cookie(options().secure(false).same_site("none")),
            NoneNotSecure,
        ),
        (
            |builder| builder.name("x").cookie(options().secure(false).partitioned(true)),
            PartitionedNotSecure,
        ),
        (|builder| builder.name("x").cookie(options().path("x")), NeverMatches),
        (|builder| builder.cookie(options().secure(true).max_age_millis(0)), NoLifetime),
    ];
    let mut refused = BTreeSet::new();
    let mut check = |apply: &dyn Fn(ConfigBuilder) -> ConfigBuilder, finding: Finding| {
        let error = apply(recommended()).build().err();
        assert_eq!(error, Some(ConfigError::Refused(finding)));
        let text = ConfigError::Refused(finding).to_string();
        assert!(text.contains(&finding.to_string()) && text.contains(finding.clause()), "{text}");
        let express = Config::express(STRONG).name("__Host-id");
        assert!(findings(apply(express)).contains(&finding), "{finding:?}");
        refused.insert(format!("{finding:?}"));
    };
    for (apply, finding) in cases {
        check(&apply, finding);
    }
    check(&|builder| builder.timeouts(zero), NoLifetime);
    check(&|builder| builder.timeouts(reversed), TimeoutOrder);
    assert_eq!(refused.len(), 10);
    // The secret that signs is looked at as well, the known one first.
    for (secret, finding) in [("keyboard cat", KnownSecret), ("keyboard dog", ShortSecret)] {
        let error = Config::recommended(secret).build().err();
        assert_eq!(error, Some(ConfigError::Refused(finding)));
    }
}

/// Each finding says what to do, and which clause asks for it.
#[test]
fn each_finding_has_a_sentence_and_a_clause() {
    let sentences: BTreeSet<_> = ALL.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), ALL.len());
    for finding in ALL {
        let clause = finding.clause();
        let known = ["B-", "CHIPS", "OWASP ASVS 5.0 ", "OWASP Session Management", "RFC "];
        assert!(known.iter().any(|start| clause.starts_with(start)), "{clause}");
    }
}

/// What was not said of Secure and SameSite is filled in; what was said is kept.
#[test]
fn what_is_filled_in() {
    let attributes = |cookie| {
        let config = recommended().name("sid").cookie(cookie).build().expect("sound options");
        let plain = config.settings().template.attributes()[0].clone();
        let get = |attribute| plain.get(attribute).cloned().unwrap_or_default();
        (get(Attribute::Secure), get(Attribute::SameSite))
    };
    let hour = Duration::from_secs(3_600);
    for (cookie, secure, same_site) in [
        (options(), true.into(), "lax".into()),
        (options().max_age(hour), true.into(), "lax".into()),
        (options().secure(false), false.into(), "lax".into()),
        (options().same_site("Strict"), true.into(), "Strict".into()),
        (options().same_site(false), true.into(), false.into()),
        (options().secure(false).same_site(SameSite::Strict), false.into(), "strict".into()),
    ] {
        assert_eq!(attributes(cookie), (secure, same_site));
    }
    let express = Config::express(STRONG).build().expect("sound options");
    let plain = express.settings().template.attributes()[0];
    assert_eq!((plain.get(Attribute::Secure), plain.get(Attribute::SameSite)), (None, None));
    // In whatever order.
    let hour = options().max_age(hour);
    let config = recommended().cookie(hour.clone()).for_localhost().build().expect("sound");
    assert_eq!(config.audit(), [Finding::NotSecure, Finding::NoPrefix, Finding::NotRolling]);
    let config = recommended().for_localhost().cookie(hour).build().expect("sound");
    assert_eq!(config.audit(), [Finding::NotSecure, Finding::NoPrefix, Finding::NotRolling]);
}

/// On localhost: not Secure, no prefix, SameSite as ever, and it is said.
#[test]
fn on_localhost() {
    for (builder, name) in [
        (recommended(), "id"),
        (recommended().name("__Host-mine"), "mine"),
        (recommended().name("mine"), "mine"),
        (recommended().cookie(options().secure(true)), "id"),
        (recommended().cookie(options().secure(Secure::Auto)), "id"),
    ] {
        let config = builder.for_localhost().build().expect("sound options");
        assert_eq!(config.name(), name);
        let template = &config.settings().template;
        let now = Timestamp::from_millis(0).expect("a moment");
        for secure in [true, false] {
            let cookie = template.create(now, secure, false);
            assert!(!cookie.is_secure());
            assert_eq!(cookie.get(Attribute::SameSite), Some(&"lax".into()));
        }
        assert_eq!(config.audit(), [Finding::NotSecure, Finding::NoPrefix]);
    }
    // Of express-session's defaults it changes nothing.
    let config = Config::express(STRONG).for_localhost().build().expect("sound options");
    assert_eq!(config.name(), "connect.sid");
    // What needs Secure is refused all the same.
    let none = recommended().cookie(options().same_site("none")).for_localhost().build();
    assert_eq!(none.err(), Some(ConfigError::Refused(Finding::NoneNotSecure)));
}

// B-028, B-029, B-155: what `auto` becomes on a secure request counts as well
#[test]
fn none_that_auto_becomes_needs_secure() {
    let cookie = options().same_site(SameSite::Auto).secure(false);
    let error = recommended().name("id").cookie(cookie).build().err();
    assert_eq!(error, Some(ConfigError::Refused(Finding::NoneNotSecure)));
}
