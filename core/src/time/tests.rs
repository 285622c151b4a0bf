use super::*;

use proptest::prelude::*;

/// Milliseconds, `Date.prototype.toUTCString` and `toISOString`, all three from Node 20.
const DATES: [(i64, &str, &str); 22] = [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.000Z"),
    (-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59.999Z"),
    (1, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.001Z"),
    (999, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.999Z"),
    (1000, "Thu, 01 Jan 1970 00:00:01 GMT", "1970-01-01T00:00:01.000Z"),
    (8_640_000_000_000_000, "Sat, 13 Sep 275760 00:00:00 GMT", "+275760-09-13T00:00:00.000Z"),
    (-8_640_000_000_000_000, "Tue, 20 Apr -271821 00:00:00 GMT", "-271821-04-20T00:00:00.000Z"),
    (1_700_000_003_000, "Tue, 14 Nov 2023 22:13:23 GMT", "2023-11-14T22:13:23.000Z"),
    (1_700_000_003_999, "Tue, 14 Nov 2023 22:13:23 GMT", "2023-11-14T22:13:23.999Z"),
    (253_402_300_799_999, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.999Z"),
    (253_402_300_800_000, "Sat, 01 Jan 10000 00:00:00 GMT", "+010000-01-01T00:00:00.000Z"),
    (-62_167_219_200_000, "Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00.000Z"),
    (-62_167_219_200_001, "Fri, 31 Dec -0001 23:59:59 GMT", "-000001-12-31T23:59:59.999Z"),
    (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00.000Z"),
    (951_868_800_000, "Wed, 01 Mar 2000 00:00:00 GMT", "2000-03-01T00:00:00.000Z"),
    (-2_203_891_200_000, "Thu, 01 Mar 1900 00:00:00 GMT", "1900-03-01T00:00:00.000Z"),
    (4_107_542_400_000, "Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00.000Z"),
    (1_709_164_800_000, "Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00.000Z"),
    (-62_198_755_200_000, "Fri, 01 Jan -0001 00:00:00 GMT", "-000001-01-01T00:00:00.000Z"),
    (68_256_000_000, "Wed, 01 Mar 1972 00:00:00 GMT", "1972-03-01T00:00:00.000Z"),
    (1_230_768_000_000, "Thu, 01 Jan 2009 00:00:00 GMT", "2009-01-01T00:00:00.000Z"),
    (32_503_680_000_000, "Wed, 01 Jan 3000 00:00:00 GMT", "3000-01-01T00:00:00.000Z"),
];

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("a date of JavaScript")
}

// B-142, B-143: both texts of a date are JavaScript's, before 1970 and above the year 9999 as well
#[test]
fn dates_are_those_of_javascript() {
    for (millis, http, iso) in DATES {
        let time = at(millis);
        assert_eq!(time.http_date(), http, "{millis}");
        assert_eq!(time.iso8601(), iso, "{millis}");
        assert_eq!(Timestamp::parse_iso8601(iso), Some(time), "{iso}");
    }
}

// EX-6, B-142, B-143: every day of four thousand years has the date that a walk from day to day gives it
#[test]
fn every_day_is_the_one_after_the_day_before() {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let months: Vec<&str> = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(' ').collect();
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let start = Timestamp::parse_iso8601("-000800-01-01T00:00:00.000Z").expect("a date");
    // 1 January of the year 0 was a Saturday, and 800 years are whole weeks (2 × 146,097 days).
    let (mut year, mut month, mut day, mut weekday) = (-800_i64, 0_usize, 1_i64, 6_usize);
    let mut millis = start.as_millis();
    while year <= 3_200 {
        let sign = if year < 0 { "-" } else { "" };
        let name = months[month];
        let expected =
            format!("{}, {day:02} {name} {sign}{:04} 23:59:59 GMT", WEEKDAYS[weekday], year.abs());
        let end_of_day = at(millis + 86_399_999);
        assert_eq!(end_of_day.http_date(), expected);
        let iso = end_of_day.iso8601();
        assert!(iso.ends_with(&format!("-{:02}-{day:02}T23:59:59.999Z", month + 1)), "{iso}");
        assert_eq!(Timestamp::parse_iso8601(&iso), Some(end_of_day), "{iso}");
        millis += 86_400_000;
        weekday = (weekday + 1) % 7;
        let february = if leap(year) { 29 } else { 28 };
        let length = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        day += 1;
        if day > length {
            (day, month) = (1, month + 1);
        }
        if month == 12 {
            (month, year) = (0, year + 1);
        }
    }
}

#[test]
fn other_writers_dates_are_read_as_javascript_reads_them() {
    // With what `Date.parse` of Node 20 makes of them; `None` is its NaN.
    for (text, millis) in [
        ("2023-11-14T22:13:23Z", Some(1_700_000_003_000)),
        ("2023-11-14T22:13:23.1Z", Some(1_700_000_003_100)),
        ("2023-11-14T22:13:23.12Z", Some(1_700_000_003_120)),
        ("2023-11-14T22:13:23.123456789Z", Some(1_700_000_003_123)),
        ("2023-11-14T22:13:23.000+05:30", Some(1_699_980_203_000)),
        ("2023-11-14T22:13:23.000-00:01", Some(1_700_000_063_000)),
        ("+275760-09-13T01:00:00.000+01:00", Some(8_640_000_000_000_000)),
        ("2023-02-31T00:00:00.000Z", Some(1_677_801_600_000)),
        ("+275760-09-13T00:00:00.001Z", None),
        ("-271821-04-19T23:59:59.999Z", None),
        ("+999999-12-31T23:59:59.999Z", None),
        ("2023-11-14T22:13:23.000+24:00", None),
        ("2023-11-14T22:13:23.000+00:60", None),
        ("2023-11-14T22:13:23.", None),
        ("2023-11-14T22:13:23.Z", None),
        ("2023-11-14T22:13:23.000Zulu", None),
        ("2023-11-14T22:13:23.000+00:00x", None),
        ("2023-00-10T00:00:00.000Z", None),
        ("2023-13-10T00:00:00.000Z", None),
        ("2023-11-00T00:00:00.000Z", None),
        ("2023-11-32T00:00:00.000Z", None),
        ("2023-11-14T25:00:00.000Z", None),
        ("2023-11-14T22:60:00.000Z", None),
        ("2023-11-14T22:13:60.000Z", None),
        ("2023-+1-14T22:13:23.000Z", None),
        ("2023-11-14 22-13-23.000Z", None),
        ("+02023-11-14T22:13:23.000Z", None),
        ("2023-11-14T22:13:23.123xZ", None),
        ("2023-1-14T22:13:23.000Z", None),
        ("02023-11-14T22:13:23.000Z", None),
        ("123-11-14T22:13:23.000Z", None),
        ("2023-11-14T2:13:23.000Z", None),
        ("2023-11-14T22:13:23.000+5:30", None),
        ("+2023-11-14T22:13:23.000Z", None),
        ("202é-11-14T22:13:23.000Z", None),
        ("é", None),
        ("null", None),
        ("", None),
    ] {
        assert_eq!(Timestamp::parse_iso8601(text).map(Timestamp::as_millis), millis, "{text}");
    }
}

// B-097: a moment beyond 8.64e15 ms on either side is none
#[test]
fn the_range_is_that_of_javascripts_dates() {
    let bound = 8_640_000_000_000_000;
    assert_eq!(Timestamp::MAX.as_millis(), bound);
    assert_eq!(Timestamp::MIN.as_millis(), -bound);
    for (millis, valid) in [
        (bound, true),
        (bound + 1, false),
        (-bound, true),
        (-bound - 1, false),
        (i64::MAX, false),
        (i64::MIN, false),
    ] {
        assert_eq!(Timestamp::from_millis(millis).is_some(), valid, "{millis}");
        assert_eq!(at(0).plus_millis(millis).is_some(), valid, "{millis}");
    }
    assert_eq!(at(5).plus_millis(i64::MAX), None);
    assert_eq!(at(-5).plus_millis(i64::MIN), None);
    assert_eq!(at(5).plus_millis(-7), Some(at(-2)));
    assert_eq!(Timestamp::MAX.plus_millis(1), None);
    assert_eq!(Timestamp::MIN.plus_millis(-1), None);
    assert_eq!(Timestamp::MAX.millis_since(Timestamp::MIN), 2 * bound);
    assert_eq!(at(3).millis_since(at(10)), -7);
}

#[test]
fn a_clocks_reading_is_cut_to_milliseconds_and_to_the_range() {
    let epoch = SystemTime::UNIX_EPOCH;
    let moment = |nanos| Timestamp::from(epoch + Duration::from_nanos(nanos));
    assert_eq!(moment(1_999_999), at(1));
    assert_eq!(moment(1_700_000_003_000_000_000), at(1_700_000_003_000));
    // A clock that stands before the epoch is not set: it reads as the epoch.
    assert_eq!(Timestamp::from(epoch - Duration::from_millis(5)), at(0));
    assert_eq!(moment(0), at(0));
    let far = Duration::from_secs(9_000_000_000_000);
    assert_eq!(Timestamp::from(epoch + far), Timestamp::MAX);
    assert_eq!(Timestamp::from(epoch - far), at(0));
    assert_eq!(millis(Duration::MAX), i64::MAX);
    assert_eq!(millis(Duration::from_micros(2_999)), 2);
}

proptest! {
    #[test]
    fn every_moment_survives_its_text(
        millis in -8_640_000_000_000_000..=8_640_000_000_000_000_i64,
    ) {
        let time = at(millis);
        prop_assert_eq!(Timestamp::parse_iso8601(&time.iso8601()), Some(time));
    }

    #[test]
    fn an_offset_moves_the_moment(
        millis in -8_600_000_000_000_000..=8_600_000_000_000_000_i64,
        hours in 0..24_i64,
        minutes in 0..60_i64,
        east: bool,
    ) {
        let local = at(millis).iso8601().replace('Z', "");
        let sign = if east { '+' } else { '-' };
        let text = format!("{local}{sign}{hours:02}:{minutes:02}");
        let offset = (hours * 60 + minutes) * 60_000 * if east { 1 } else { -1 };
        prop_assert_eq!(Timestamp::parse_iso8601(&text), Some(at(millis - offset)));
    }

    #[test]
    fn no_text_is_a_panic(text in "[-+0-9TZ:.é ]{0,32}") {
        if let Some(time) = Timestamp::parse_iso8601(&text) {
            prop_assert_eq!(Timestamp::parse_iso8601(&time.iso8601()), Some(time));
        }
    }
}
