//! CK: how cookies are read and written. FX-5.

use http_session::{
    Action, Begin, Config, ConfigError, CookieError, CookieOptions, Expires, Origin, Priority,
    SameSite,
};
use http_session_model::text::percent_decode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::model::*;
use super::{OTHER_SECRET, asked, cases, encoded, presets};

/// The second parser: which ids are asked for, by the text of the rules and without regard to speed.
fn second(config: &Config, lines: &[Vec<u8>]) -> Vec<String> {
    let text = lines.join(&b';').into_iter().map(char::from).collect::<String>();
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.trim_matches([' ', '\t']), value));
    let ours = pairs.filter(|(name, _)| *name == "__Host-id").take(if config.has_quirks() {
        1
    } else {
        64
    });
    let mut ids: Vec<String> = Vec::new();
    for (_, value) in ours {
        let value = value.trim_matches([' ', '\t']);
        let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = if value == "\"" { "" } else { inner.unwrap_or(value) };
        let value = percent_decode(value).unwrap_or_else(|| value.into());
        let id =
            value.strip_prefix("s:").and_then(|value| value.rsplit_once('.')).map(|(id, _)| id);
        let id = id.filter(|id| signed(&SECRET, id) == value && (1..=1_024).contains(&id.len()));
        ids.extend(id.filter(|id| !ids.iter().any(|known| known == id)).map(String::from));
    }
    ids.truncate(4);
    ids
}

/// Pieces of Cookie lines: our name, values that are signed or nearly, encoded or quoted, and any bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let secret = prop_oneof![3 => Just(SECRET), 1 => Just(OTHER_SECRET)];
    let value = ("[a-e]{0,2}", secret, 0..5_u8).prop_map(|(id, secret, dress)| {
        let value = signed(&secret, &id);
        match dress {
            0 => value,
            1 => encoded(&value),
            2 => format!("\"{value}\""),
            3 => format!("\t{} ", value.replace('a', "%61")),
            _ => format!("{value}="),
        }
        .into_bytes()
    });
    let words =
        [&b"__Host-id="[..], b"__Host-id", b"; ", b";", b"=", b"\"", b"%", b" ", b"s:", b"s%3A"];
    prop_oneof![
        4 => value.clone().prop_map(|value| [b"__Host-id=", &value[..], b";"].concat()),
        1 => value,
        3 => proptest::sample::select(words.map(<[u8]>::to_vec).to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ]
}

// CK-1: any bytes in any number of lines give what the second parser gives, under both presets
#[test]
fn any_bytes() {
    let fixed = [&b""[..], b";", b"=", b";;;;", b"====", b"; = ; =", b"__Host-id", b"__Host-id="];
    let single = (0..=0xFF_u8).map(|byte| vec![vec![byte]]);
    let around = (0..=0xFF_u8).map(|byte| {
        let line = [b"__Host-id=", signed(&SECRET, "old").as_bytes(), &[byte]].concat();
        vec![[&[byte], &line[..]].concat(), line]
    });
    let mut runner = TestRunner::deterministic();
    let lines = vec(vec(piece(), 0..7).prop_map(|pieces| pieces.concat()), 0..4);
    let random = (0..cases(4_000)).map(|_| lines.new_tree(&mut runner).expect("lines").current());
    let fixed = fixed.into_iter().map(|line| vec![line.to_vec()]);
    let [mut all, mut found, mut several] = [0; 3];
    for lines in fixed.chain(single).chain(around).chain(random) {
        for config in presets() {
            let ids = asked(&config, lines.iter().map(Vec::as_slice));
            assert_eq!(ids, second(&config, &lines), "{lines:?}");
            all += 1;
            found += usize::from(!ids.is_empty());
            several += usize::from(ids.len() > 1);
        }
    }
    println!("{all} headers, {found} with an id, {several} with several");
    assert!(found > all / 5 && several > all / 25);
}

// CK-2: without its cookie, and with one that is cut off at any byte, a visitor is nobody, and nothing is written
#[test]
fn cut_off() {
    for config in presets() {
        for value in [signed(&SECRET, "old"), encoded(&signed(&SECRET, "old"))] {
            let whole = format!("{}={value}", config.name());
            for end in 0..=whole.len() {
                let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
                let mut exchange = store.begin(&config, &encrypted(), &whole[..end], now());
                let is_loaded = exchange.origin() == Origin::Loaded;
                assert_eq!(is_loaded, end == whole.len(), "{end}");
                if !is_loaded {
                    assert_eq!(get(&mut exchange, "views"), None);
                    let outcome = store.end(exchange).expect("nothing to do");
                    assert_eq!((store.calls.as_str(), line(&outcome)), ("", None));
                }
                assert_eq!(store.records.len(), 1);
            }
        }
    }
}

/// All orders of some values.
fn permutations(values: &[&str]) -> Vec<Vec<String>> {
    let Some((first, rest)) = values.split_first() else { return vec![vec![]] };
    let insert = |order: Vec<String>| {
        (0..=order.len()).map(move |place| {
            let mut order = order.clone();
            order.insert(place, (*first).into());
            order
        })
    };
    permutations(rest).into_iter().flat_map(insert).collect()
}

// CK-3: the one cookie that verifies is the session in every order of the junk around it, and behind as much as a
// neighbour's page can set; no junk costs a question. Under express the first alone counts
#[test]
fn junk_of_our_name() {
    let old = signed(&SECRET, "old");
    let forged = signed(&OTHER_SECRET, "old");
    let junk = ["", "x", "s:old", &forged, "s:."];
    let mut orders = permutations(&[&[&*old][..], &junk].concat());
    assert_eq!(orders.len(), 720);
    for (count, places) in [(50, 0..=50), (63, 63..=63)] {
        orders.extend(places.map(|place| {
            let mut values: Vec<_> =
                junk.iter().cycle().take(count).map(|junk| (*junk).into()).collect();
            values.insert(place, old.clone());
            values
        }));
    }
    let [express, recommended] = presets();
    for values in orders {
        let lines = values.iter().map(|value| format!("__Host-id={value}")).collect::<Vec<_>>();
        let (one, several) = (lines.join("; "), lines.iter().map(|line| line.as_bytes()));
        for ids in [asked(&recommended, [one.as_bytes()]), asked(&recommended, several)] {
            assert_eq!(ids, ["old"], "{values:?}");
        }
        let ids = asked(&express, [one.as_bytes()]);
        assert_eq!(!ids.is_empty(), values[0] == old, "{values:?}");
    }
    // Of more of them than any neighbour can set, the rest is not looked at.
    let line = "__Host-id=x; ".repeat(64) + "__Host-id=" + &old;
    assert!(asked(&recommended, [line.as_bytes()]).is_empty());
}

// CK-5: none of these is our name: nothing but spaces and tabs is taken off
#[test]
fn names_like_ours() {
    let value = signed(&SECRET, "old");
    for config in presets() {
        for name in [
            &b"%5F%5FHost-id"[..],
            b"__%48ost-id",
            b"__host-id",
            b"__HOST-ID",
            b"\xC2\xA0__Host-id",
            b"\xA0__Host-id",
            b"\x85__Host-id",
            b"\xC2\x85__Host-id",
            b"\xE2\x80\x80__Host-id",
            b"=__Host-id",
            b"__Host.id",
            b"..Host-id",
            b"__Host-id.",
            b"\x0C__Host-id",
            b"\x0B__Host-id",
            b"\0__Host-id",
            b"__Host-id\0",
            b"\r\n__Host-id",
            b"$__Host-id",
            b"$Version=1, __Host-id",
            b"$Path",
            b"$Version=\"1\"$__Host-id",
            b"\"__Host-id\"",
            b"__Host-id[]",
            b"__Host_id",
            b"__Host-id ;x",
        ] {
            for before in [&b""[..], b"$Version=1; ", b"a=b;"] {
                let line = [before, name, b"=", value.as_bytes(), b"; $Path=/"].concat();
                assert!(asked(&config, [&line[..]]).is_empty(), "{}", line.escape_ascii());
            }
        }
        // What is not in the name takes nothing away, and adds nothing.
        for line in [
            format!("$Version=1; __Host-id={value}; $Path=/; $Domain=x"),
            format!("$Version=1; __Host-id=\"{value}\"; $Path=\"/\""),
            format!(" \t __Host-id\t =\t {value} "),
        ] {
            assert_eq!(asked(&config, [line.as_bytes()]), ["old"], "{line}");
        }
    }
}

// CK-6: whatever stands where an id should, the store is not asked unless we signed it
#[test]
fn ids_of_nobody() {
    let (long, percent) = ("x".repeat(1 << 20), "%41".repeat(1 << 18));
    let ids = [
        b"__proto__",
        &b"constructor"[..],
        b"../../x",
        b"..%2F..%2Fx",
        b"a\0b",
        b"a%00b",
        b"' OR 1=1",
        b"%27%20OR%201%3D1",
        b"\xFF\xFE\xC3",
        b"%FF%FE",
        long.as_bytes(),
        percent.as_bytes(),
        b"",
    ];
    let mac = signed(&SECRET, "old").split_off("s:old".len());
    for config in presets() {
        for id in ids {
            for (before, after) in
                [("", ""), ("s:", ""), ("s:", "."), ("s:", &*mac), ("s%3A", &*mac)]
            {
                let line = [b"__Host-id=", before.as_bytes(), id, after.as_bytes()].concat();
                assert!(asked(&config, [&line[..]]).is_empty(), "{}", id.escape_ascii());
                // As a name it is not ours either.
                let line = [id, b"=", signed(&SECRET, "old").as_bytes()].concat();
                assert!(asked(&config, [&line[..]]).is_empty(), "{}", id.escape_ascii());
            }
        }
        // What we would have signed, and yet is no id.
        for id in ["", &"x".repeat(1_025), &long] {
            let line = format!("__Host-id={}", signed(&SECRET, id));
            assert!(asked(&config, [line.as_bytes()]).is_empty(), "{} bytes", id.len());
        }
    }
}

// FX-5: an empty value or id is no cookie, and nothing is ever kept under an empty id
#[test]
fn empty() {
    for config in presets() {
        for value in [
            "",
            "\"\"",
            "\"",
            "s:",
            "s:.",
            "s%3A.",
            "\"s:.\"",
            &signed(&SECRET, ""),
            &encoded(&signed(&SECRET, "")),
        ] {
            let mut store = Store::default();
            store.put("", &record(Some(now()), ",\"user\":1"), None);
            let cookie = format!("__Host-id={value}");
            let mut exchange = store.begin(&config, &encrypted(), &cookie, now());
            assert_ne!(exchange.origin(), Origin::Loaded, "{value}");
            assert_eq!(get(&mut exchange, "user"), None);
            set(&mut exchange, "views", 1);
            let outcome = store.end(exchange).expect("saved");
            let line = line(&outcome).expect("a new session");
            assert!(line.starts_with("__Host-id=s%3Anew."), "{line}");
            assert_eq!(store.data("").expect("as it was")["user"], 1);
            assert!(store.records.contains_key("new"));
        }
    }
}

/// What a user agent reads in a line (RFC 6265 section 5.2): name, value, and the attributes in lower case.
fn received(line: &str) -> (String, String, Vec<(String, String)>) {
    let mut parts = line.split(';');
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
    let attribute = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim().into())
    };
    (name.trim().into(), value.trim().into(), parts.map(attribute).collect())
}

/// The Set-Cookie line of a new session.
fn sent(config: &Config) -> String {
    let mut store = Store::default();
    let facts = http_session::RequestFacts { path: config.path(), ..encrypted() };
    let Begin::Create(create) = config.begin(&facts, [], now()) else { panic!("no cookie") };
    let mut exchange = create.with_id(id("new"), now());
    set(&mut exchange, "views", 1);
    line(&store.end(exchange).expect("saved")).expect("sent").into()
}

// CK-7: what could end an attribute or the line is refused in each option when it is built
#[test]
fn options_that_end_a_line() {
    let cookie = CookieOptions::new;
    for bad in [
        ";",
        "\r",
        "\n",
        "\r\nSet-Cookie: x=y",
        "\0",
        "\x7F",
        "\t",
        "é",
        "\u{2028}",
        "; Secure",
        "\u{85}",
    ] {
        for (options, error) in [
            (cookie().path(format!("/a{bad}")), CookieError::Path),
            (cookie().domain(format!("a{bad}.example")), CookieError::Domain),
            (cookie().same_site(format!("lax{bad}")), CookieError::SameSite),
            (cookie().priority(format!("low{bad}")), CookieError::Priority),
        ] {
            let built = Config::express(SECRET).cookie(options).build();
            assert_eq!(built.err(), Some(ConfigError::Cookie(error)), "{bad:?}");
        }
        let built = Config::express(SECRET).name(format!("id{bad}")).build();
        assert_eq!(built.err(), Some(ConfigError::Cookie(CookieError::Name)), "{bad:?}");
    }
    for bad in [",", " ", "=", "\"", "a,b", "a b"] {
        let name = Config::express(SECRET).name(format!("id{bad}")).build();
        assert_eq!(name.err(), Some(ConfigError::Cookie(CookieError::Name)), "{bad:?}");
        let domain = Config::express(SECRET).cookie(cookie().domain(format!("a{bad}"))).build();
        assert_eq!(domain.err(), Some(ConfigError::Cookie(CookieError::Domain)), "{bad:?}");
    }
}

// CK-7: and of what is accepted, a parser of RFC 6265 reads exactly what was meant
#[test]
fn lines_are_read_as_meant() {
    for case in 0..768 {
        let flag = |bit: usize| case >> bit & 1 == 1;
        let [secure, http_only, partitioned] = [0, 1, 2].map(flag);
        let (same_site, site) =
            if flag(3) { (SameSite::None, "None") } else { (SameSite::Lax, "Lax") };
        let (priority, word) =
            if flag(4) { (Priority::High, "High") } else { (Priority::Low, "Low") };
        let path = ["/", "/a,b", "/ a=\"b\"", "/%3B"][case >> 6 & 3];
        let domain = [None, Some("a.example"), Some(".a.example")][case >> 8];
        let mut options = CookieOptions::new()
            .path(path)
            .secure(secure)
            .http_only(http_only)
            .partitioned(partitioned)
            .same_site(same_site)
            .priority(priority);
        let mut expected = vec![("path", path), ("samesite", site), ("priority", word)];
        if let Some(domain) = domain {
            options = options.domain(domain);
            expected.push(("domain", domain));
        }
        if flag(5) {
            options = options.expires(Expires::At(later(3_600_000)));
            expected.push(("expires", "Tue, 14 Nov 2023 23:13:23 GMT"));
        }
        let named = [("secure", secure), ("httponly", http_only), ("partitioned", partitioned)];
        expected.extend(named.into_iter().filter(|(_, is)| *is).map(|(name, _)| (name, "")));
        expected.sort_unstable();
        let line = sent(&built(Config::express(SECRET).name("id").cookie(options)));
        let (name, value, mut attributes) = received(&line);
        assert_eq!((&*name, percent_decode(&value)), ("id", Some(signed(&SECRET, "new"))));
        attributes.sort_unstable();
        let attributes = attributes.iter().map(|(name, value)| (&**name, &**value));
        assert_eq!(attributes.collect::<Vec<_>>(), expected, "{line}");
    }
}

// CK-8: a session that is destroyed and begun anew in one request is one line, whatever else is done
#[test]
fn one_line_at_most() {
    let actions = [
        Action::Destroy,
        Action::Regenerate(id("next")),
        Action::Renew(id("next")),
        Action::LogIn(id("next")),
        Action::Save,
    ];
    for config in presets() {
        for first in &actions {
            for second in &actions {
                let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
                let mut exchange = store.load(&config);
                for action in [first, second] {
                    // What can't be done any more is an error, and nothing else.
                    let _ = store.act(&mut exchange, action.clone(), now());
                    if let Some(session) = exchange.session() {
                        session.insert("views", 2).expect("JSON");
                    }
                }
                let outcome = store.end(exchange);
                let mut headers = http::HeaderMap::new();
                outcome.expect("the store works").apply(&mut headers);
                assert!(headers.get_all("set-cookie").iter().count() <= 1, "{first:?} {second:?}");
            }
        }
    }
}
