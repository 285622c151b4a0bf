use serde_json::json;

use super::*;
use crate::scenario::Secrets;

const LINE: &str =
    "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly";

fn scenario(options: Value, requests: Value) -> Scenario {
    let mut options = options;
    options["secret"] = json!("k");
    serde_json::from_value(
        json!({"name": "test", "start": 0, "options": options, "requests": requests}),
    )
    .unwrap()
}

fn trace(requests: Value, store: Value) -> Trace {
    serde_json::from_value(json!({"name": "test", "requests": requests, "store": store})).unwrap()
}

fn rejected() -> Trace {
    Trace { name: "test".to_owned(), rejected: true, ..Trace::default() }
}

fn answer() -> Value {
    json!({
        "status": 200,
        "session": "sid1",
        "ops": [true, {"maxAge": 3000}],
        "setCookie": ["other=1", LINE],
        "calls": [
            {"call": "get", "id": "sid1"},
            {"call": "set", "id": "sid1", "record": {"cookie": {"path": "/"}, "n": [1, null]}},
        ],
        "errors": ["other: some text"],
    })
}

fn store() -> Value {
    json!({"sid1": {"cookie": {"path": "/"}, "n": 1}})
}

/// Compares a recording of two equal answers with one whose second is changed.
fn verdict(change: impl FnOnce(&mut Value)) -> Verdict {
    let mut changed = answer();
    change(&mut changed);
    compare(
        &scenario(json!({}), json!([{}, {}])),
        &trace(json!([answer(), answer()]), store()),
        &trace(json!([answer(), changed]), store()),
    )
}

#[track_caller]
fn differs_in(field: &str, verdict: Verdict) {
    match verdict {
        Verdict::Differs(text) => assert!(text.starts_with(field), "{text}"),
        verdict => panic!("{field}: {verdict:?}"),
    }
}

#[test]
fn equal_traces_are_equal() {
    assert_eq!(verdict(|_| ()), Verdict::Equal);
}

#[test]
fn every_field_is_compared() {
    differs_in("request 1: status", verdict(|a| a["status"] = json!(201)));
    differs_in("request 1: session", verdict(|a| a["session"] = json!("sid2")));
    differs_in("request 1: session", verdict(|a| a["session"] = json!(null)));
    differs_in("request 1: ops[0]", verdict(|a| a["ops"][0] = json!(null)));
    differs_in("request 1: ops[1]", verdict(|a| a["ops"][1]["maxAge"] = json!(3001)));
    differs_in("request 1: ops[1]", verdict(|a| a["ops"] = json!([true])));
    differs_in("request 1: ops[2]", verdict(|a| a["ops"] = json!([true, {"maxAge": 3000}, 1])));
    differs_in("request 1: setCookie[0]", verdict(|a| a["setCookie"] = json!([LINE, "other=1"])));
    differs_in("request 1: setCookie[1]", verdict(|a| a["setCookie"] = json!(["other=1"])));
    differs_in("request 1: calls[0]", verdict(|a| a["calls"][0]["call"] = json!("destroy")));
    differs_in("request 1: calls[0]", verdict(|a| a["calls"][0]["id"] = json!("sid2")));
    differs_in("request 1: calls[0]", verdict(|a| a["calls"][0]["record"] = json!({})));
    differs_in("request 1: calls[1]", verdict(|a| a["calls"][1]["record"]["n"] = json!(1)));
    differs_in("request 1: calls[1]", verdict(|a| a["calls"] = json!([a["calls"][0]])));
    differs_in("request 1: calls[1]", verdict(|a| a["calls"][1]["to"] = json!("sid2")));
    differs_in("request 1: calls[1]", verdict(|a| a["calls"][1]["expires"] = json!(1)));
    differs_in("request 1: calls[1]", verdict(|a| a["calls"][1]["refused"] = json!("gone")));
    differs_in("request 1: vary", verdict(|a| a["vary"] = json!("Cookie")));
    differs_in("request 1: cacheControl", verdict(|a| a["cacheControl"] = json!("private")));
    differs_in("request 1: errors[0]", verdict(|a| a["errors"] = json!([])));
    differs_in("request 1: errors[0]", verdict(|a| a["errors"] = json!(["store"])));
    differs_in("request 1: errors[1]", verdict(|a| a["errors"] = json!(["other", "other"])));
}

#[test]
fn what_was_recorded_and_what_came_are_named() {
    let Verdict::Differs(text) = verdict(|a| a["status"] = json!(201)) else { panic!() };
    assert_eq!(text, "request 1: status: recorded 200, got 201");
    let Verdict::Differs(text) = verdict(|a| a["ops"][0] = json!("x".repeat(1000))) else {
        panic!()
    };
    assert!(text.len() < 400, "{text}");
    let Verdict::Differs(text) = verdict(|a| a["calls"] = json!([{"call": "get", "id": "x"}]))
    else {
        panic!()
    };
    let calls = r#"recorded {"call":"get","id":"sid1"}, got {"call":"get","id":"x"}"#;
    assert_eq!(text, format!("request 1: calls[0]: {calls}"));
}

#[test]
fn names_numbers_of_answers_and_stores_are_compared() {
    let scenario = scenario(json!({}), json!([{}]));
    let recorded = trace(json!([answer()]), store());
    let with = |change: fn(&mut Trace)| {
        let mut actual = recorded.clone();
        change(&mut actual);
        compare(&scenario, &recorded, &actual)
    };
    differs_in("name", with(|trace| trace.name.push('2')));
    differs_in("request 0: no answer", with(|trace| trace.requests.clear()));
    differs_in("number of requests", with(|trace| trace.requests.push(Answer::default())));
    differs_in("store[0]", with(|trace| trace.store.clear()));
    differs_in(
        "store[1]",
        with(|trace| {
            trace.store.insert("sid2".to_owned(), json!({}));
        }),
    );
    differs_in(
        "store[0]",
        with(|trace| {
            trace.store.insert("sid1".to_owned(), json!({"n": 1}));
        }),
    );
    differs_in("rejected", with(|trace| *trace = rejected()));
    differs_in("rejected", compare(&scenario, &rejected(), &recorded));
    assert_eq!(compare(&scenario, &rejected(), &rejected()), Verdict::Equal);
    let short = trace(json!([]), store());
    differs_in("requests of the recording", compare(&scenario, &short, &short));
    let mut other = recorded.clone();
    other.name.push('2');
    differs_in("name of the recording", compare(&scenario, &other, &other));
}

#[test]
fn numbers_are_those_of_javascript() {
    let change = |value| verdict(|a| a["calls"][1]["record"]["n"][0] = value);
    assert_eq!(change(json!(1.0)), Verdict::Equal);
    differs_in("request 1: calls[1]", change(json!(1.5)));
    differs_in("request 1: calls[1]", change(json!("1")));
    differs_in("request 1: calls[1]", change(json!(true)));
    assert!(same_json(&json!(1e21), &json!(1_000_000_000_000_000_000_000_f64)));
    assert!(same_json(&json!({"a": 1, "b": 2}), &json!({"b": 2.0, "a": 1.0})));
    assert!(!same_json(&json!({"a": 1}), &json!({"a": 1, "b": null})));
    assert!(!same_json(&json!({"a": null}), &json!({"b": null})));
    assert!(!same_json(&json!([1, 2]), &json!([2, 1])));
}

#[test]
fn the_text_after_other_is_not_compared() {
    for error in ["other", "other: another text"] {
        assert_eq!(verdict(|a| a["errors"][0] = json!(error)), Verdict::Equal);
    }
    differs_in("request 1: errors[0]", verdict(|a| a["errors"][0] = json!("others")));
}

#[test]
fn set_cookie_lines_are_compared_by_meaning() {
    for line in [
        "connect.sid=s:sid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
        "connect.sid=s%3asid1.x; HttpOnly; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT",
        "connect.sid=s%3Asid1.x;path=/;EXPIRES=Tue, 14 Nov 2023 22:13:23 GMT;httponly",
    ] {
        assert!(same_line(LINE, line), "{line}");
    }
    for line in [
        "",
        "connect.sid",
        "Connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
        "connect.sid=s%3ASid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
        "connect.sid=s%3Asid1.x; Path=/x; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:24 GMT; HttpOnly",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23; HttpOnly",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly; Secure",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly=",
        "connect.sid=s%3Asid1.x; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly; Path=/",
    ] {
        assert!(!same_line(LINE, line), "{line}");
    }
    assert!(!same_line("a=1; SameSite=Lax", "a=1; SameSite=lax"), "values are exact");
    assert!(!same_line("a", "a="));
}

#[test]
fn dates_are_read_as_javascript_writes_them() {
    for (text, seconds) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ("Sat, 01 Jan 10000 00:00:00 GMT", 253_402_300_800),
        ("Sat, 13 Sep 275760 00:00:00 GMT", 8_640_000_000_000),
        ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
    ] {
        assert_eq!(instant(text), Some(seconds), "{text}");
    }
    for text in [
        "",
        "Wed, 14 Nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:20 UTC",
        "Tue, 14 Nov 23 22:13:20 GMT",
        "Tue, 14-Nov-2023 22:13:20 GMT",
        "Tue, 14 nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13 GMT",
        "Tue, 14 Nov 2023 22:+3:20 GMT",
        "Tue, 14 Nov 2023 22:13:20 GMT ",
        "Tue, 14 Nov 2023  22:13:20 GMT",
    ] {
        assert_eq!(instant(text), None, "{text}");
    }
}

#[test]
fn what_can_never_be_serialized() {
    let impossible = |options: Value| uses_impossible_option(&scenario(options, json!([{}])));
    for cookie in [
        json!({"domain": "bad domain"}),
        json!({"domain": "ex;ample"}),
        json!({"domain": "a..b"}),
        json!({"domain": "a.b."}),
        json!({"domain": "."}),
        json!({"domain": "..a"}),
        json!({"domain": "-a"}),
        json!({"domain": "a-.b"}),
        json!({"domain": "a".repeat(64)}),
        json!({"domain": "é.test"}),
        json!({"path": "/;"}),
        json!({"path": "/<"}),
        json!({"path": "/\u{1f}"}),
        json!({"path": "/\u{7f}"}),
        json!({"path": "/é"}),
        json!({"priority": "bogus"}),
        json!({"priority": true}),
        json!({"priority": 1}),
        json!({"sameSite": "bogus"}),
        json!({"sameSite": "Auto"}),
        json!({"sameSite": 1}),
        json!({"sameSite": []}),
    ] {
        assert!(impossible(json!({"cookie": cookie})), "{cookie}");
    }
    for cookie in [
        json!({}),
        json!({"domain": "", "path": "", "priority": "", "sameSite": ""}),
        json!({"domain": null, "path": null, "priority": null, "sameSite": null}),
        json!({"domain": false, "path": false, "priority": 0, "sameSite": 0}),
        json!({"domain": "example.test", "path": "/a b", "priority": "High", "sameSite": "Lax"}),
        json!({"domain": ".example.test", "path": " :=>?~", "priority": "low", "sameSite": true}),
        json!({"domain": "A-1.b", "path": "x", "priority": "MEDIUM", "sameSite": "STRICT"}),
        json!({"domain": "a".repeat(63), "sameSite": false, "secure": "auto", "maxAge": -1}),
        json!({"sameSite": "auto"}),
        json!({"sameSite": "None"}),
    ] {
        assert!(!impossible(json!({"cookie": cookie})), "{cookie}");
    }
    for name in ["a b", "a=", "a;", "\u{e9}", "a\"", "(a)", "a/b"] {
        assert!(impossible(json!({"name": name})), "{name}");
    }
    for name in ["", "__Host-id", "connect.sid", "!#$%&'*+-.^_`|~09azAZ"] {
        assert!(!impossible(json!({"name": name})), "{name}");
    }
}

#[test]
fn an_early_reject_needs_an_impossible_option_that_is_used() {
    let recorded = trace(json!([answer()]), store());
    let verdict = |options: Value, url| {
        compare(&scenario(options, json!([{"url": url}])), &recorded, &rejected())
    };
    let accepted = Verdict::Accepted(Difference::EarlyReject);
    let bad = json!({"domain": "bad domain"});
    assert_eq!(verdict(json!({"cookie": bad}), "/"), accepted);
    assert_eq!(verdict(json!({"name": "a b"}), "/"), accepted);
    differs_in("rejected", verdict(json!({"cookie": {"domain": "example.test"}}), "/"));
    let mut empty = scenario(json!({}), json!([{}]));
    empty.options.secret = Secrets::Many(vec!["k".into(), String::new()]);
    assert_eq!(compare(&empty, &recorded, &rejected()), accepted);

    let special = json!({"cookieByPath": {"default": {}, "/app": bad}});
    assert_eq!(verdict(special.clone(), "/app/x"), accepted);
    differs_in("rejected", verdict(special, "/"));
    let default = json!({"cookieByPath": {"default": bad, "/app": {}}});
    assert_eq!(verdict(default.clone(), "/"), accepted);
    differs_in("rejected", verdict(default, "/app"));
    let unused = json!({"cookie": bad, "cookieByPath": {"default": {}}});
    differs_in("rejected", verdict(unused, "/"));
}

/// A recorded answer whose `set` at the end failed.
fn failed() -> Value {
    let mut failed = answer();
    failed["errors"] = json!(["store"]);
    failed
}

/// What comes instead of it.
fn refused() -> Value {
    let mut refused = failed();
    refused["status"] = json!(500);
    refused["setCookie"] = json!([]);
    refused
}

/// Compares an answer, a write failure and an answer with an answer, `actual` and nothing more.
fn write_failure(request: Value, recorded: Value, actual: Value) -> Verdict {
    compare(
        &scenario(json!({}), json!([{}, request, {}])),
        &trace(json!([answer(), recorded, answer()]), store()),
        &trace(json!([answer(), actual]), json!({})),
    )
}

#[test]
fn a_write_failure_is_accepted() {
    let accepted = Verdict::Accepted(Difference::WriteFailure);
    for code in ["EIO", "ENOENT"] {
        let request = json!({"faults": {"set": code}});
        assert_eq!(write_failure(request, failed(), refused()), accepted);
    }
    let set = json!({"faults": {"set": "EIO"}});
    let mut kept = refused();
    kept["setCookie"] = json!(["other=1"]);
    assert_eq!(write_failure(set.clone(), failed(), kept), accepted);
    let mut both = failed();
    both["errors"] = json!(["other: text", "store"]);
    assert_eq!(write_failure(set, both, refused()), accepted);

    let (mut recorded, mut actual) = (failed(), refused());
    recorded["calls"][1] = json!({"call": "destroy", "id": "sid1"});
    actual["calls"][1] = json!({"call": "destroy", "id": "sid1"});
    let destroy = json!({"faults": {"destroy": "EIO"}, "status": 200});
    assert_eq!(write_failure(destroy, recorded, actual), accepted);
}

#[test]
fn a_write_failure_changes_nothing_else() {
    let with = |change: fn(&mut Value)| {
        let mut actual = refused();
        change(&mut actual);
        write_failure(json!({"faults": {"set": "EIO"}}), failed(), actual)
    };
    differs_in("request 1: status", with(|a| a["status"] = json!(200)));
    differs_in("request 1: status", with(|a| a["status"] = json!(503)));
    differs_in("request 1: session", with(|a| a["session"] = json!(null)));
    differs_in("request 1: ops", with(|a| a["ops"] = json!([])));
    differs_in("request 1: calls", with(|a| a["calls"] = json!([])));
    differs_in("request 1: calls[1]", with(|a| a["calls"][1]["record"]["n"] = json!(2)));
    differs_in("request 1: setCookie", with(|a| a["setCookie"] = json!([LINE])));
    differs_in("request 1: setCookie", with(|a| a["setCookie"] = json!(["connect.sid=; Path=/"])));
    differs_in("request 1: setCookie", with(|a| a["setCookie"] = json!(["other=2"])));
    differs_in("request 1: errors", with(|a| a["errors"] = json!([])));
    differs_in("request 1: errors", with(|a| a["errors"] = json!(["other"])));
    differs_in("request 1: errors", with(|a| a["errors"] = json!(["store", "store"])));
}

#[test]
fn a_write_failure_must_be_in_the_recording() {
    let set = json!({"faults": {"set": "EIO"}});
    let differs = |request: &Value, recorded| {
        differs_in("request 1: ", write_failure(request.clone(), recorded, refused()));
    };
    differs(&json!({}), failed());
    differs(&json!({"faults": {"touch": "EIO"}}), failed());
    differs(&json!({"faults": {"destroy": "EIO"}}), failed());
    differs(&json!({"faults": {"set": "EIO"}, "status": 404}), failed());
    differs(&set, answer());
    let mut touched = failed();
    touched["calls"][1]["call"] = json!("touch");
    let mut actual = refused();
    actual["calls"][1]["call"] = json!("touch");
    let touch = json!({"faults": {"touch": "EIO", "set": "EIO"}});
    differs_in("request 1: status", write_failure(touch, touched, actual));
    let mut loading = failed();
    loading["calls"] = json!([{"call": "get", "id": "sid1"}]);
    differs(&json!({"faults": {"get": "EIO"}}), loading);
}

#[test]
fn before_a_write_failure_all_is_compared() {
    let scenario = scenario(json!({}), json!([{}, {"faults": {"set": "EIO"}}]));
    let recorded = trace(json!([answer(), failed()]), store());
    let mut first = answer();
    first["ops"][0] = json!(false);
    let actual = trace(json!([first, refused()]), store());
    differs_in("request 0: ops[0]", compare(&scenario, &recorded, &actual));
    assert_eq!(compare(&scenario, &recorded, &recorded), Verdict::Equal);
}

#[test]
fn a_summary_counts() {
    let scenarios = [
        scenario(json!({}), json!([{}])),
        scenario(json!({"name": "a b"}), json!([{}])),
        scenario(json!({}), json!([{"faults": {"set": "EIO"}}])),
    ];
    let recorded = [
        trace(json!([answer()]), store()),
        trace(json!([answer()]), store()),
        trace(json!([failed()]), store()),
    ];
    let mut actual =
        [recorded[0].clone(), rejected(), trace(json!([refused()]), json!({}))].to_vec();
    let summary = Summary::of(&scenarios, &recorded, &actual);
    assert!(summary.passed(), "{summary}");
    assert_eq!((summary.compared(), summary.equal(), summary.differing()), (3, 1, 0));
    assert_eq!(summary.accepted(Difference::EarlyReject), 1);
    assert_eq!(summary.accepted(Difference::WriteFailure), 1);
    assert_eq!(
        summary.to_string(),
        "3 compared: 1 equal\n\
         1 accepted as D-early-reject, of 1 where it can be\n\
         1 accepted as D-write-failure, of 1 where it can be\n\
         0 differ\n\
         passed"
    );

    actual[0].requests[0].status = 201;
    let summary = Summary::of(&scenarios, &recorded, &actual);
    assert!(!summary.passed());
    let text = summary.to_string();
    assert!(text.contains("\n  test: request 0: status: recorded 200, got 201\n"), "{text}");
    assert!(text.ends_with("FAILED: 1 differ"), "{text}");
}

#[test]
fn a_summary_prints_the_first_differences() {
    let scenario = scenario(json!({}), json!([]));
    let mut summary = Summary::default();
    for number in 0..12 {
        summary.add(&scenario, &trace(json!([]), json!({})), Verdict::Differs(number.to_string()));
    }
    let text = summary.to_string();
    assert!(text.contains("\n  test: 9\n  and 2 more\nFAILED: 12 differ"), "{text}");
}

#[test]
fn a_summary_fails_without_a_fair_comparison() {
    let text = |scenarios: &[Scenario], recorded: &[Trace], actual: &[Trace]| {
        let summary = Summary::of(scenarios, recorded, actual);
        assert!(!summary.passed());
        summary.to_string()
    };
    let scenario = scenario(json!({}), json!([]));
    let empty = trace(json!([]), json!({}));
    let (one, two) = (std::slice::from_ref(&empty), [empty.clone(), empty.clone()]);
    let scenarios = [scenario.clone(), scenario];
    assert!(text(&[], &[], &[]).ends_with("nothing was compared"));
    assert!(text(&scenarios, &two, one).contains("2 scenarios, 2 recorded traces and 1 actual"));
    assert!(text(&scenarios, one, &two).contains("FAILED"));
    assert!(text(&scenarios[..1], &two, &two).contains("FAILED"));
    let other = Trace { name: "other".to_owned(), ..empty.clone() };
    assert!(text(&scenarios, &two, &[empty.clone(), other.clone()]).contains("name"));
    assert!(text(&scenarios, &[empty, other], &two).contains("name"));
    assert!(Summary::of(&scenarios, &two, &two).passed());
}

#[test]
fn a_summary_bounds_what_is_accepted() {
    let scenario = scenario(json!({}), json!([]));
    for difference in [Difference::EarlyReject, Difference::WriteFailure] {
        let mut summary = Summary::default();
        summary.add(&scenario, &trace(json!([]), json!({})), Verdict::Accepted(difference));
        assert!(!summary.passed());
        let failure = format!("FAILED: 1 accepted as {difference}, 0 can be at most");
        assert!(summary.to_string().ends_with(&failure), "{summary}");
    }
}
