//! EX: the end of a session, and clocks.

use std::time::Duration;

use http_session::{
    Action, Begin, Config, ConfigError, CookieError, CookieOptions, Expires, Finding, RequestFacts,
    SameSite, Timeouts, Timestamp,
};

use super::model::*;

const DAY: i64 = 86_400_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("a moment")
}

/// The date in a Set-Cookie line.
fn expires(line: &str) -> Option<&str> {
    line.split("; ").find_map(|attribute| attribute.strip_prefix("Expires="))
}

/// What `Date.prototype.toUTCString` says, counted day by day from the epoch.
fn utc(millis: i64) -> String {
    let (mut days, seconds) = (millis.div_euclid(DAY), millis.rem_euclid(DAY) / 1_000);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days.rem_euclid(7) as usize];
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year| if leap(year) { 366 } else { 365 };
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += length(year);
    }
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let mut months = "JanFebMarAprMayJunJulAugSepOctNovDec".as_bytes().chunks(3);
    let february = if leap(year) { 29 } else { 28 };
    let mut month = months.next();
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month = months.next();
    }
    let month = str::from_utf8(month.expect("twelve")).expect("ASCII");
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT", days + 1)
}

// EX-4: how long ago somebody logged in is known to the millisecond: a renewal does not change it, a log-in does
#[test]
fn since_the_log_in() {
    let config = built(recommended());
    let mut store = Store::with("old", &record(Some(later(-3_600_000)), ""));
    let mut exchange = store.load(&config);
    store.act(&mut exchange, Action::LogIn(id("user")), now()).expect("logged in");
    drop(store.end(exchange).expect("saved"));
    let line = cookie(&config, "user");
    let mut exchange = store.begin(&config, &encrypted(), &line, later(1_000));
    store.act(&mut exchange, Action::Renew(id("next")), later(1_000)).expect("renewed");
    drop(store.end_at(exchange, later(1_000)).expect("saved"));
    let line = cookie(&config, "next");
    for (after, fresh) in [(299_999, true), (300_000, false), (300_001, false)] {
        let mut exchange = store.begin(&config, &encrypted(), &line, later(after));
        let since = exchange.session().expect("a session").created().expect("a log-in");
        assert_eq!(later(after).millis_since(since) < 300_000, fresh, "{after}");
    }
}

// EX-6: lifetimes and clocks at every edge: the right date or an error, and no overflow
#[test]
fn extreme_lifetimes() {
    let ages = [
        i64::MIN,
        -1,
        0,
        1,
        999,
        1_000,
        60_000,
        1 << 31,
        401 * DAY,
        1 << 53,
        i64::MAX - 1,
        i64::MAX,
    ];
    let clocks = [
        Timestamp::MIN.as_millis(),
        -62_135_596_800_000,
        -1,
        0,
        2_147_483_648_000,
        253_402_300_799_999,
        253_402_300_800_000,
        Timestamp::MAX.as_millis(),
    ];
    let [mut sent, mut refused] = [0; 2];
    for age in ages {
        let options = CookieOptions::new().max_age_millis(age);
        let config = built(Config::express(SECRET).cookie(options.clone()));
        for clock in clocks {
            let mut store = Store::default();
            let mut exchange = store.begin(&config, &encrypted(), "", at(clock));
            set(&mut exchange, "views", 1);
            let outcome = store.end_at(exchange, at(clock)).expect("saved");
            match clock.checked_add(age).and_then(Timestamp::from_millis) {
                Some(end) if end.as_millis() > -62_167_219_200_000 => {
                    let line = line(&outcome).expect("a line");
                    assert_eq!(expires(line), Some(&*utc(end.as_millis())), "{age} at {clock}");
                    assert_eq!(store.records["new"].expires, Some(end));
                    sent += 1;
                }
                Some(_) => assert!(line(&outcome).is_some(), "{age} at {clock}"),
                None => {
                    assert_eq!(
                        outcome.cookie_error(),
                        Some(CookieError::Expires),
                        "{age} at {clock}"
                    );
                    refused += 1;
                }
            }
        }
        // Under the safe preset, what ends at once is refused, and what browsers cut off is said.
        let config = recommended().cookie(options).build();
        let none = ConfigError::Refused(Finding::NoLifetime);
        assert_eq!(config.as_ref().err(), (age <= 0).then_some(&none), "{age}");
        let long = config.is_ok_and(|config| config.audit().contains(&Finding::LongLived));
        assert_eq!(long, age > 400 * DAY, "{age}");
    }
    println!("{sent} dates, {refused} that are none");
    assert!(sent > 30 && refused > 20);
    for (millis, date) in [
        (-1_000, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (2_147_483_648_000, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (253_402_300_799_000, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800_000, "Sat, 01 Jan 10000 00:00:00 GMT"),
    ] {
        let options = CookieOptions::new().expires(Expires::At(at(millis)));
        let config = built(Config::express(SECRET).cookie(options));
        let mut store = Store::default();
        let exchange = store.begin(&config, &encrypted(), "", now());
        let outcome = store.end(exchange).expect("saved");
        assert_eq!((line(&outcome).and_then(expires), &*utc(millis)), (Some(date), date));
    }
}

/// A cookie in a browser: name, the domain that it was set with, path, and whether it is partitioned tell which
/// one it is (RFC 6265bis section 5.7; CHIPS).
#[derive(Clone, Debug, PartialEq)]
struct Key(String, Option<String>, String, bool);

/// A browser's jar, for one host, over TLS or not.
#[derive(Default)]
struct Jar(Vec<(Key, bool)>);

impl Jar {
    fn receive(&mut self, line: &str, encrypted: bool) {
        let mut parts = line.split("; ");
        let name = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair").0;
        let mut key = Key(name.into(), None, "/".into(), false);
        let (mut secure, mut ended) = (false, false);
        for part in parts {
            match part.split_once('=').unwrap_or((part, "")) {
                ("Domain", domain) => key.1 = Some(domain.trim_start_matches('.').into()),
                ("Path", path) => key.2 = path.into(),
                ("Partitioned", _) => key.3 = true,
                ("Secure", _) => secure = true,
                ("Expires", date) => ended = date == "Thu, 01 Jan 1970 00:00:00 GMT",
                _ => {}
            }
        }
        // What is not Secure neither replaces nor removes what is; and some attributes need it.
        let shadowed = |(other, is_secure): &(Key, bool)| {
            *is_secure && !encrypted && (&other.0, &other.2) == (&key.0, &key.2)
        };
        if secure && !encrypted || key.3 && !secure || self.0.iter().any(shadowed) {
            return;
        }
        self.0.retain(|(other, _)| *other != key);
        if !ended {
            self.0.push((key, secure));
        }
    }
}

// EX-7: after a log-out a browser has no cookie of ours, whatever attributes it was set with
#[test]
fn a_log_out_empties_the_jar() {
    for case in 0..108 {
        let path = ["/", "/a", "/a/b"][case % 3];
        let domain = [None, Some("a.example"), Some(".a.example")][case / 3 % 3];
        let (secure, partitioned) = [(true, true), (true, false), (false, false)][case / 9 % 3];
        let same_site = [SameSite::Lax, SameSite::Strict][case / 27 % 2];
        let mut options = CookieOptions::new()
            .path(path)
            .secure(secure)
            .partitioned(partitioned)
            .same_site(same_site);
        options = domain.into_iter().fold(options, CookieOptions::domain);
        if case >= 54 {
            options = options.max_age(Duration::from_secs(600));
        }
        let config = built(recommended().name("id").cookie(options));
        let connection = if secure { encrypted() } else { plain() };
        let facts = RequestFacts { path: "/a/b", ..connection };
        let (mut store, mut jar) = (Store::default(), Jar::default());
        let mut exchange = store.begin(&config, &facts, "", now());
        set(&mut exchange, "views", 1);
        let outcome = store.end(exchange).expect("saved");
        jar.receive(line(&outcome).expect("sent"), secure);
        assert_eq!(jar.0.len(), 1, "{config:?}");
        let mut exchange = store.begin(&config, &facts, &cookie(&config, "new"), now());
        store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
        let outcome = store.end(exchange).expect("nothing to do");
        jar.receive(line(&outcome).expect("cleared"), secure);
        assert_eq!(jar.0, [], "{config:?}");
    }
}

// EX-9: a lifetime that the application gives one session is the record's and the cookie's, to the second
#[test]
fn a_lifetime_of_its_own() {
    let never = recommended().timeouts(Timeouts::NONE);
    for (config, most) in [(built(recommended()), DAY), (built(never), i64::MAX)] {
        for millis in [1, 999, 1_000, 1_001, 90_500, 3_600_000, DAY, 40 * DAY] {
            let mut store = Store::with("old", &record(Some(now()), ""));
            let mut exchange = store.load(&config);
            let cookie = exchange.session().expect("a session").cookie_mut();
            cookie.set_max_age(Duration::from_millis(millis as u64), now());
            let outcome = store.end_at(exchange, later(250)).expect("touched");
            let end = later(250 + millis).as_millis();
            let line = line(&outcome).expect("the cookie was changed");
            assert_eq!(expires(line), Some(&*utc(end)), "{millis}");
            // The record ends with whatever ends first.
            let expected = end.min(later(250).as_millis().saturating_add(most));
            assert_eq!(
                store.records["old"].expires.map(Timestamp::as_millis),
                Some(expected),
                "{millis}"
            );
        }
    }
}

// EX-10: whatever the clock does between load and end, and whichever of two nodes with clocks apart is asked, a
// record ends at the latest one idle timeout after the later reading, and never after its absolute end
#[test]
fn clocks_that_jump() {
    let (idle, absolute) = (60_000, 300_000);
    let timeouts = Timeouts {
        idle: Some(Duration::from_millis(idle as u64)),
        absolute: Some(Duration::from_millis(absolute as u64)),
    };
    let config = built(recommended().timeouts(timeouts));
    let jumps = [-3_600_000, -5_000, -1, 0, 1, 5_000, 299_999, 3_600_000];
    let [mut ended, mut written] = [0; 2];
    for load in jumps {
        for end in jumps {
            for (name, action) in [
                ("read", None),
                ("save", Some(Action::Save)),
                ("renew", Some(Action::Renew(id("next")))),
                ("log in", Some(Action::LogIn(id("next")))),
            ] {
                for refreshes in [false, true] {
                    let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
                    store.refreshes = refreshes;
                    let line = cookie(&config, "old");
                    let begun = config.begin(&encrypted(), [line.as_bytes()], later(load));
                    assert!(matches!(begun, Begin::Load(_)));
                    let mut exchange = store.begin(&config, &encrypted(), &line, later(load));
                    if exchange.facts().known {
                        if let Some(shortened) = exchange.shorten(later(load)) {
                            let kept = store.records.get_mut("old").expect("a record");
                            kept.expires = shortened.operation.expires;
                        }
                    } else {
                        assert!(load >= absolute, "{load}");
                        ended += 1;
                        continue;
                    }
                    let logs_in = matches!(action, Some(Action::LogIn(_)));
                    if let Some(action) = action.clone() {
                        store.act(&mut exchange, action, later(end)).expect("the store works");
                    }
                    drop(store.end_at(exchange, later(end)).expect("the store works"));
                    let kept = store.records.values().next().and_then(|kept| kept.expires);
                    let kept = kept.expect("an end").millis_since(now());
                    let begun = if logs_in { end } else { 0 };
                    assert!(kept <= load.max(end) + idle, "{name} {load} {end}: {kept}");
                    assert!(kept <= begun + absolute, "{name} {load} {end}: {kept}");
                    written += 1;
                }
            }
        }
    }
    println!("{written} ends, {ended} sessions that had ended");
    assert!(written > 400 && ended > 50);
}
