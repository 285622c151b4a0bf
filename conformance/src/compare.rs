//! Whether a trace equals the recorded one.
//!
//! All is compared exactly but for this:
//!
//! - Set-Cookie lines are equal if their names, their percent-decoded values and their attributes
//!   are: attributes in any order, their names in any case, `Expires` as an instant.
//! - JSON has one type of number: 1.0 equals 1. The order of keys has no meaning.
//! - The text after `other` in errors is not compared.
//!
//! Where the project differs from express-session on purpose, the difference has a name. Three of
//! them can be met in a comparison, one of these with traces of Rocket alone, see [`Difference`]. The others have no case in the sets that are
//! compared, and stories of their own (`fixtures/quirks*`) or tests: D-load-failure (a failed load changes nothing in the store),
//! D-dynamic-auto (`auto` is resolved in a cookie-options function, too), D-key-order (reordered
//! keys are no modification) and D-cookie-lines (every Cookie line of a request is read, whatever
//! bytes other cookies hold).

use std::fmt;
use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use crate::client::cookie_header;
use crate::scenario::{CookieOptions, Presented, Request, Scenario};
use crate::trace::{Answer, Call, StoreCall, Trace};
use crate::via::Via;

/// What came out of a comparison.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The traces are equal.
    Equal,
    /// They differ where, and only where, the project differs from express-session on purpose.
    Accepted(Difference),
    /// They differ. The text says in what first: the request, the field and both values.
    Differs(String),
}

/// A named difference from express-session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Difference {
    /// D-early-reject: the configuration is refused, because of a cookie option that can never be
    /// serialized, or because of an empty secret. express-session reports the one on every response,
    /// and lets anyone sign with the other.
    EarlyReject,
    /// D-rocket-bytes: Rocket drops header lines that are not UTF-8, so a session cookie in such a line is
    /// not found. With traces of Rocket alone, see [`compare_rocket`].
    RocketBytes,
    /// D-write-failure: when the store cannot save or destroy at the end of a request, the client
    /// gets a 500 and no session cookie. express-session has sent the handler's answer by then.
    WriteFailure,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EarlyReject => "D-early-reject",
            Self::RocketBytes => "D-rocket-bytes",
            Self::WriteFailure => "D-write-failure",
        })
    }
}

/// Compares what happened with what was recorded.
pub fn compare(scenario: &Scenario, recorded: &Trace, actual: &Trace) -> Verdict {
    match accepted_difference(scenario, recorded, actual) {
        Ok(None) => Verdict::Equal,
        Ok(Some(difference)) => Verdict::Accepted(difference),
        Err(text) => Verdict::Differs(text),
    }
}

/// As [`compare`], for a trace of Rocket: it may be what the core does without the Cookie lines that are not
/// UTF-8, and nothing else.
pub fn compare_rocket(scenario: &Scenario, recorded: &Trace, actual: &Trace) -> Verdict {
    let verdict = compare(scenario, recorded, actual);
    let dropped = match verdict {
        Verdict::Differs(_) => without_bytes(scenario, actual),
        _ => None,
    };
    let accepted = dropped.is_some_and(|dropped| {
        compare(&dropped, &Via::Core.replay(&dropped), actual) == Verdict::Equal
    });
    if accepted { Verdict::Accepted(Difference::RocketBytes) } else { verdict }
}

/// Whether a request presents its cookies in bytes that are not UTF-8; the trace says what was answered
/// before it.
pub fn presents_bytes(scenario: &Scenario, trace: &Trace) -> bool {
    without_bytes(scenario, trace).is_some()
}

/// The scenario without the Cookie lines that are not UTF-8, if it has such.
fn without_bytes(scenario: &Scenario, trace: &Trace) -> Option<Scenario> {
    let answered: Vec<_> = trace.requests.iter().map(|answer| answer.set_cookie.clone()).collect();
    let (mut dropped, mut found) = (scenario.clone(), false);
    for (index, request) in dropped.requests.iter_mut().enumerate().take(answered.len()) {
        let line = cookie_header(scenario, index, &answered[..index]);
        if line.is_some_and(|line| str::from_utf8(&line).is_err()) {
            (request.cookie, found) = (Some(Presented::None), true);
        }
    }
    found.then_some(dropped)
}

/// Whether the recording shows that the store could not save or destroy at the end of a request.
pub fn shows_write_failure(scenario: &Scenario, recorded: &Trace) -> bool {
    let mut pairs = scenario.requests.iter().zip(&recorded.requests);
    pairs.any(|(request, answer)| ends_in_write_failure(request, answer))
}

/// Whether the scenario uses a cookie option that can never be serialized, or an empty secret.
///
/// Of the options in `cookieByPath` those count that the URL of some request selects.
pub fn uses_impossible_option(scenario: &Scenario) -> bool {
    let options = &scenario.options;
    let mut requests = scenario.requests.iter();
    options.secret.as_slice().iter().any(String::is_empty)
        || !is_token(options.name())
        || match options.cookie_by_path {
            None => options.cookie.as_ref().is_some_and(is_impossible),
            Some(_) => {
                requests.any(|request| options.cookie_for(request.url()).is_some_and(is_impossible))
            }
        }
}

/// The difference that ends the comparison, if there is one; what else differs is an error.
fn accepted_difference(
    scenario: &Scenario,
    recorded: &Trace,
    actual: &Trace,
) -> Result<Option<Difference>, String> {
    exact("name of the recording", &scenario.name, &recorded.name)?;
    exact("name", &recorded.name, &actual.name)?;
    if actual.rejected && !recorded.rejected && uses_impossible_option(scenario) {
        return Ok(Some(Difference::EarlyReject));
    }
    exact("rejected", &recorded.rejected, &actual.rejected)?;
    if recorded.rejected {
        return Ok(None);
    }
    exact("requests of the recording", &scenario.requests.len(), &recorded.requests.len())?;
    for (index, (request, expected)) in scenario.requests.iter().zip(&recorded.requests).enumerate()
    {
        let at = |text: String| format!("request {index}: {text}");
        let answer = actual.requests.get(index).ok_or_else(|| at("no answer".to_owned()))?;
        let equal = equal_answers(expected, answer);
        if equal.is_err() && ends_in_write_failure(request, expected) {
            refused_answer(scenario.options.name(), expected, answer).map_err(at)?;
            return Ok(Some(Difference::WriteFailure));
        }
        equal.map_err(at)?;
    }
    exact("number of requests", &recorded.requests.len(), &actual.requests.len())?;
    each_same(
        "store",
        recorded.store.iter().collect(),
        actual.store.iter().collect(),
        |(id, record), (other_id, other_record)| id == other_id && same_json(record, other_record),
    )?;
    Ok(None)
}

/// Whether the recorded answer is that of a request at whose end `set` or `destroy` failed.
///
/// A failed load has another status; a failed touch is the last of the calls itself; and one that
/// failed within the handler leaves no error.
fn ends_in_write_failure(request: &Request, recorded: &Answer) -> bool {
    let last = recorded.calls.last().map(|call| call.call);
    let failed = last.filter(|call| matches!(call, StoreCall::Set | StoreCall::Destroy));
    failed.is_some_and(|call| request.fault(call).is_some())
        && recorded.errors.iter().any(|error| error == "store")
        && recorded.status == request.status()
}

/// Checks that an answer is what D-write-failure allows in place of the recorded one.
fn refused_answer(name: &str, recorded: &Answer, actual: &Answer) -> Result<(), String> {
    const WANTED: &str = "; D-write-failure is a 500 without session cookie and the error `store`";
    if actual.status != 500 {
        return Err(differs("status", &recorded.status, &actual.status) + WANTED);
    }
    equal_handling(recorded, actual)?;
    for line in &actual.set_cookie {
        if Line::read(line).name == name {
            return Err(format!("setCookie: got {}{WANTED}", short(line)));
        }
        if !recorded.set_cookie.iter().any(|other| same_line(line, other)) {
            return Err(format!("setCookie: got {}, recorded nowhere", short(line)));
        }
    }
    let errors: Vec<&str> = actual.errors.iter().map(|error| kind(error)).collect();
    let recorded_errors: Vec<&str> = recorded.errors.iter().map(|error| kind(error)).collect();
    if errors != ["store"] && errors != recorded_errors {
        return Err(differs("errors", &recorded_errors, &errors) + WANTED);
    }
    Ok(())
}

fn equal_answers(recorded: &Answer, actual: &Answer) -> Result<(), String> {
    exact("status", &recorded.status, &actual.status)?;
    equal_handling(recorded, actual)?;
    let lines = recorded.set_cookie.iter().collect();
    each_same("setCookie", lines, actual.set_cookie.iter().collect(), |a, b| same_line(a, b))?;
    exact("vary", &recorded.vary, &actual.vary)?;
    exact("cacheControl", &recorded.cache_control, &actual.cache_control)?;
    each_same("errors", recorded.errors.iter().collect(), actual.errors.iter().collect(), |a, b| {
        kind(a) == kind(b)
    })
}

/// Compares what the handler and the store saw.
fn equal_handling(recorded: &Answer, actual: &Answer) -> Result<(), String> {
    exact("session", &recorded.session, &actual.session)?;
    let ops = recorded.ops.iter().collect();
    each_same("ops", ops, actual.ops.iter().collect(), |a, b| same_json(a, b))?;
    let calls = recorded.calls.iter().collect();
    each_same("calls", calls, actual.calls.iter().collect(), |a, b| same_call(a, b))
}

fn same_call(a: &Call, b: &Call) -> bool {
    let same_record = match (&a.record, &b.record) {
        (Some(a), Some(b)) => same_json(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let rest = |call: &Call| (call.call, call.to.clone(), call.expires, call.refused);
    rest(a) == rest(b) && a.id == b.id && same_record
}

/// Whether two values are the same in JavaScript, which has one type of number.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

/// The part of an error that is compared.
fn kind(error: &str) -> &str {
    if error.starts_with("other:") { "other" } else { error }
}

fn same_line(a: &str, b: &str) -> bool {
    Line::read(a) == Line::read(b)
}

/// A Set-Cookie line as it is compared.
#[derive(PartialEq)]
struct Line<'a> {
    name: &'a str,
    /// Percent-decoded; `None` where there is no `=`.
    value: Option<Vec<u8>>,
    /// Sorted, names in lower case.
    attributes: Vec<(String, Attribute<'a>)>,
}

#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Attribute<'a> {
    Flag,
    /// Seconds since the Unix epoch.
    Instant(i64),
    Text(&'a str),
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let mut parts = line.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(percent_decode_str(value).collect())),
            None => (pair, None),
        };
        let mut attributes: Vec<_> = parts.map(Attribute::read).collect();
        attributes.sort_unstable();
        Self { name, value, attributes }
    }
}

impl<'a> Attribute<'a> {
    fn read(part: &'a str) -> (String, Self) {
        let Some((name, value)) = part.split_once('=') else {
            return (part.trim().to_ascii_lowercase(), Self::Flag);
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match instant(value) {
            Some(seconds) if name == "expires" => (name, Self::Instant(seconds)),
            _ => (name, Self::Text(value)),
        }
    }
}

/// Reads `Tue, 14 Nov 2023 22:13:22 GMT` into seconds since the Unix epoch.
///
/// A year can have up to six digits, as in JavaScript, where time goes on until 275760; readers in
/// libraries end with the year 9999. A wrong day of the week makes a date unreadable.
pub(crate) fn instant(text: &str) -> Option<i64> {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    let (weekday, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let [day, month, year, time] = parts(rest, ' ')?;
    let [hour, minute, second] = parts(time, ':')?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let days = days_since_epoch(number(year, 4..=6)?, month, number(day, 2..=2)?);
    if WEEKDAYS.iter().position(|name| *name == weekday)? as i64 != (days + 4).rem_euclid(7) {
        return None;
    }
    let hours = days * 24 + number(hour, 2..=2)?;
    let minutes = hours * 60 + number(minute, 2..=2)?;
    Some(minutes * 60 + number(second, 2..=2)?)
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

pub(crate) fn number(text: &str, length: RangeInclusive<usize>) -> Option<i64> {
    let fits = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// Days from 1 January 1970 to a date of the Gregorian calendar, the month counted from 0.
pub(crate) fn days_since_epoch(year: i64, month: usize, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // The 29th of February belongs to the leaps of this year from March on.
    let leaps = leap(if month < 2 { year - 1 } else { year }) - leap(1969);
    (year - 1970) * 365 + leaps + BEFORE[month] + day - 1
}

/// Whether a cookie with these options can never be serialized.
fn is_impossible(options: &CookieOptions) -> bool {
    let is = |key, test: fn(&Value) -> bool| options.get(key).is_some_and(test);
    is("domain", |value| value.as_str().is_some_and(|text| !text.is_empty() && !is_domain(text)))
        || is("path", |value| value.as_str().is_some_and(|text| !is_path(text)))
        || is("priority", |value| is_truthy(value) && !is_one_of(value, &["low", "medium", "high"]))
        || is("sameSite", |value| {
            is_truthy(value)
                && *value != Value::Bool(true)
                && value.as_str() != Some("auto")
                && !is_one_of(value, &["lax", "strict", "none"])
        })
}

/// Whether a name is a token of RFC 9110.
pub(crate) fn is_token(name: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// Whether a domain consists of labels, with or without a dot before them.
fn is_domain(domain: &str) -> bool {
    domain.strip_prefix('.').unwrap_or(domain).split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Whether a path is printable ASCII without `;` and `<`.
fn is_path(path: &str) -> bool {
    path.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b';' | b'<'))
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// Whether JavaScript takes a value for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn exact<T: PartialEq + Serialize>(field: &str, recorded: &T, actual: &T) -> Result<(), String> {
    if recorded == actual { Ok(()) } else { Err(differs(field, recorded, actual)) }
}

/// Compares two lists; says which item differs first.
fn each_same<T: Serialize>(
    field: &str,
    recorded: Vec<T>,
    actual: Vec<T>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<(), String> {
    for index in 0..recorded.len().max(actual.len()) {
        let pair = (recorded.get(index), actual.get(index));
        if !matches!(pair, (Some(a), Some(b)) if same(a, b)) {
            let text = |item: Option<&T>| item.map_or_else(|| "nothing".to_owned(), short);
            let (recorded, actual) = (text(pair.0), text(pair.1));
            return Err(format!("{field}[{index}]: recorded {recorded}, got {actual}"));
        }
    }
    Ok(())
}

fn differs(field: &str, recorded: &impl Serialize, actual: &impl Serialize) -> String {
    format!("{field}: recorded {}, got {}", short(recorded), short(actual))
}

/// A value as JSON, in not much more than a line.
fn short(value: impl Serialize) -> String {
    const LENGTH: usize = 300;
    let text = serde_json::to_string(&value).expect("all that is compared comes from JSON");
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// What came out of comparing a set of traces. It is printed for people.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    equal: usize,
    early_rejects: usize,
    rocket_bytes: usize,
    write_failures: usize,
    differing: usize,
    /// The name of the scenario, and what differs.
    first: Vec<(String, String)>,
    /// How many scenarios use an impossible option.
    most_early_rejects: usize,
    /// How many scenarios present bytes that Rocket drops; 0 unless the traces are Rocket's.
    most_rocket_bytes: usize,
    /// How many recordings show a write failure.
    most_write_failures: usize,
    /// Why nothing can be said of the set as a whole.
    unusable: Vec<String>,
}

impl Summary {
    /// How many of those that differ are printed.
    const FIRST: usize = 10;

    /// Compares sets that belong together line by line.
    pub fn of(scenarios: &[Scenario], recorded: &[Trace], actual: &[Trace]) -> Self {
        Self::by(compare, scenarios, recorded, actual)
    }

    /// As [`of`](Self::of), with traces of Rocket.
    pub fn of_rocket(scenarios: &[Scenario], recorded: &[Trace], actual: &[Trace]) -> Self {
        let mut summary = Self::by(compare_rocket, scenarios, recorded, actual);
        let sets = scenarios.iter().zip(recorded);
        summary.most_rocket_bytes =
            sets.filter(|(scenario, recorded)| presents_bytes(scenario, recorded)).count();
        summary
    }

    fn by(
        compare: fn(&Scenario, &Trace, &Trace) -> Verdict,
        scenarios: &[Scenario],
        recorded: &[Trace],
        actual: &[Trace],
    ) -> Self {
        let mut summary = Self::default();
        if recorded.len() != scenarios.len() || actual.len() != scenarios.len() {
            summary.unusable.push(format!(
                "{} scenarios, {} recorded traces and {} actual ones",
                scenarios.len(),
                recorded.len(),
                actual.len(),
            ));
        }
        for ((scenario, recorded), actual) in scenarios.iter().zip(recorded).zip(actual) {
            summary.add(scenario, recorded, compare(scenario, recorded, actual));
        }
        summary
    }

    /// Adds the verdict on one scenario.
    pub fn add(&mut self, scenario: &Scenario, recorded: &Trace, verdict: Verdict) {
        self.most_early_rejects += usize::from(uses_impossible_option(scenario));
        self.most_write_failures += usize::from(shows_write_failure(scenario, recorded));
        match verdict {
            Verdict::Equal => self.equal += 1,
            Verdict::Accepted(Difference::EarlyReject) => self.early_rejects += 1,
            Verdict::Accepted(Difference::RocketBytes) => self.rocket_bytes += 1,
            Verdict::Accepted(Difference::WriteFailure) => self.write_failures += 1,
            Verdict::Differs(text) => {
                self.differing += 1;
                if self.first.len() < Self::FIRST {
                    self.first.push((scenario.name.clone(), text));
                }
            }
        }
    }

    /// How many scenarios were compared.
    pub fn compared(&self) -> usize {
        self.equal + self.early_rejects + self.rocket_bytes + self.write_failures + self.differing
    }

    /// How many traces are equal.
    pub fn equal(&self) -> usize {
        self.equal
    }

    /// How many differ in a named way only.
    pub fn accepted(&self, difference: Difference) -> usize {
        match difference {
            Difference::EarlyReject => self.early_rejects,
            Difference::RocketBytes => self.rocket_bytes,
            Difference::WriteFailure => self.write_failures,
        }
    }

    /// How many differ otherwise.
    pub fn differing(&self) -> usize {
        self.differing
    }

    /// Whether there was something to compare, and all of it is equal or accepted.
    pub fn passed(&self) -> bool {
        self.failures().is_empty()
    }

    /// How many of each difference there can be at most.
    fn mosts(&self) -> [(Difference, usize); 3] {
        [
            (Difference::EarlyReject, self.most_early_rejects),
            (Difference::RocketBytes, self.most_rocket_bytes),
            (Difference::WriteFailure, self.most_write_failures),
        ]
    }

    /// Why it did not pass.
    fn failures(&self) -> Vec<String> {
        let mut failures = self.unusable.clone();
        if self.compared() == 0 {
            failures.push("nothing was compared".to_owned());
        }
        if self.differing > 0 {
            failures.push(format!("{} differ", self.differing));
        }
        for (difference, most) in self.mosts() {
            let accepted = self.accepted(difference);
            if accepted > most {
                failures
                    .push(format!("{accepted} accepted as {difference}, {most} can be at most"));
            }
        }
        failures
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} compared: {} equal", self.compared(), self.equal)?;
        for (difference, most) in self.mosts() {
            let accepted = self.accepted(difference);
            if (difference, most, accepted) == (Difference::RocketBytes, 0, 0) {
                continue;
            }
            writeln!(f, "{accepted} accepted as {difference}, of {most} where it can be")?;
        }
        writeln!(f, "{} differ", self.differing)?;
        for (name, text) in &self.first {
            writeln!(f, "  {name}: {text}")?;
        }
        if self.differing > self.first.len() {
            writeln!(f, "  and {} more", self.differing - self.first.len())?;
        }
        let failures = self.failures();
        if failures.is_empty() {
            f.write_str("passed")
        } else {
            write!(f, "FAILED: {}", failures.join("; "))
        }
    }
}

#[cfg(test)]
mod tests;
