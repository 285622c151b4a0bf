//! JavaScript's dates: milliseconds since 1970, as text in two forms. Years are counted one by one.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY: i64 = 24 * 60 * 60 * 1000;

/// B-097: beyond this there are no dates.
pub(crate) const LAST: i64 = 8_640_000_000_000_000;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Year, month from 0, day from 1.
fn calendar(mut days: i64) -> (i64, usize, i64) {
    let (mut year, mut month) = (1970, 0);
    while days < 0 {
        year -= 1;
        days += days_in_year(year);
    }
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn clock(time: i64) -> String {
    let seconds = time.rem_euclid(DAY) / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// B-142, B-143: `Tue, 14 Nov 2023 22:13:23 GMT`.
pub(crate) fn http(time: i64) -> String {
    let days = time.div_euclid(DAY);
    let (year, month, day) = calendar(days);
    let (weekday, month) = (WEEKDAYS[days.rem_euclid(7) as usize], MONTHS[month]);
    let sign = if year < 0 { "-" } else { "" };
    format!("{weekday}, {day:02} {month} {sign}{:04} {} GMT", year.abs(), clock(time))
}

/// `2023-11-14T22:13:23.000Z`, as in a record.
pub(crate) fn iso(time: i64) -> String {
    let (year, month, day) = calendar(time.div_euclid(DAY));
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{year:+07}"),
    };
    format!("{year}-{:02}-{day:02}T{}.{:03}Z", month + 1, clock(time), time.rem_euclid(1000))
}

/// Reads the same form, with or without a fraction, or with a zone `+hh:mm`. None: an invalid date.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let at = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(at);
    let offset = match zone {
        "Z" => 0,
        _ => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let minutes = number(hours, 2, 23)? * 60 + number(minutes, 2, 59)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let hour = number(time.next()?, 2, 24)?;
    let minute = number(time.next()?, 2, 59)?;
    let second = number(time.next()?, 2, 59)?;
    number(fraction, fraction.len(), i64::MAX)?;
    let milli = number(&format!("{fraction}00")[..3], 3, 999)?;
    if time.next().is_some() || hour == 24 && (minute, second, milli) != (0, 0, 0) {
        return None;
    }

    let (year, rest) = if date.starts_with(['+', '-']) {
        let year = number(date.get(1..7)?, 6, i64::MAX)?;
        (if date.starts_with('-') { -year } else { year }, &date[7..])
    } else {
        (number(date.get(..4)?, 4, i64::MAX)?, &date[4..])
    };
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    let month = number(month, 2, 12)?.checked_sub(1).filter(|month| *month >= 0)? as usize;
    let day = number(day, 2, 31)?;
    if date.starts_with("-000000") || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let years: i64 = match year {
        1970.. => (1970..year).map(days_in_year).sum(),
        _ => -(year..1970).map(days_in_year).sum::<i64>(),
    };
    let days = years + (0..month).map(|month| days_in_month(year, month)).sum::<i64>() + day - 1;
    let minutes = (days * 24 + hour) * 60 + minute - offset;
    Some((minutes * 60 + second) * 1000 + milli).filter(|time| time.abs() <= LAST)
}

fn number(text: &str, length: usize, most: i64) -> Option<i64> {
    let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok()? } else { return None };
    (number <= most).then_some(number)
}
