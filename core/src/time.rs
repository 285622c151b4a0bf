//! Time as an argument: milliseconds since the Unix epoch, and the two texts it is written as.
//!
//! The dates of the protocol reach beyond the year 9999 (B-143) up to JavaScript's last date, in
//! the year 275760 (B-097). The date crates stop earlier, or need a feature that changes how every
//! other crate in the tree reads dates, so the two short calendar functions stand here. They are
//! the well-known ones for the proleptic Gregorian calendar, counted in eras of 400 years.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400_000;

/// A moment: milliseconds since the Unix epoch, within the range of JavaScript's dates (B-097).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment that express-session can name: 8.64e15 ms after the epoch (B-097).
    pub const MAX: Self = Self(8_640_000_000_000_000);
    /// The first moment that express-session can name: 8.64e15 ms before the epoch (B-097).
    pub const MIN: Self = Self(-8_640_000_000_000_000);

    /// The moment `millis` milliseconds after the Unix epoch, or `None` outside of
    /// [`Timestamp::MIN`] to [`Timestamp::MAX`].
    #[must_use]
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < Self::MIN.0 || millis > Self::MAX.0 { None } else { Some(Self(millis)) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `millis` milliseconds later (earlier, if negative), or `None` out of range.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Option<Self> {
        match self.0.checked_add(millis) {
            Some(sum) => Self::from_millis(sum),
            None => None,
        }
    }

    /// How many milliseconds `self` is after `earlier`: negative if it is before.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Appends the date as `Tue, 14 Nov 2023 22:13:23 GMT`: milliseconds cut off, two-digit day,
    /// as many digits of the year as it has but at least four (B-142, B-143; IMF-fixdate of
    /// RFC 9110 section 5.6.7 for the years that it covers).
    pub(crate) fn write_http_date(self, out: &mut String) {
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let date = Civil::of(self);
        let weekday = WEEKDAYS.get(date.weekday).unwrap_or(&"");
        let month = MONTHS.get(date.month.saturating_sub(1)).unwrap_or(&"");
        let sign = if date.year < 0 { "-" } else { "" };
        let Civil { day, hour, minute, second, .. } = date;
        let year = date.year.unsigned_abs();
        // Writing to a String never fails.
        let _ = write!(
            out,
            "{weekday}, {day:02} {month} {sign}{year:04} {hour:02}:{minute:02}:{second:02} GMT"
        );
    }

    /// The moment as records carry it: `2023-11-14T22:13:23.000Z`, with a sign and six digits for
    /// years outside of 0 to 9999.
    pub(crate) fn iso8601(self) -> String {
        let Civil { year, month, day, hour, minute, second, milli, .. } = Civil::of(self);
        let year = match year {
            0..=9999 => format!("{year:04}"),
            _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.unsigned_abs()),
        };
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// Reads what [`Timestamp::iso8601`] writes; the fraction may be missing or of any length, and
    /// another zone may stand in the place of `Z`.
    /// `None` stands for JavaScript's invalid date.
    pub(crate) fn parse_iso8601(text: &str) -> Option<Self> {
        let (sign, digits, rest) = match text.as_bytes().first()? {
            b'+' => (1, 6, text.get(1..)?),
            b'-' => (-1, 6, text.get(1..)?),
            _ => (1, 4, text),
        };
        let mut fields = Fields(rest);
        let year = fields.number(digits)?.checked_mul(sign)?;
        let month = fields.after('-')?.number(2)?;
        let day = fields.after('-')?.number(2)?;
        let hour = fields.after('T')?.number(2)?;
        let minute = fields.after(':')?.number(2)?;
        let second = fields.after(':')?.number(2)?;
        let milli = fields.fraction()?;
        let offset = fields.offset()?;
        let valid = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second);
        if !valid {
            return None;
        }
        let days = days_before(year, month).checked_add(day)?.checked_sub(1)?;
        let millis = [
            (days, DAY),
            (hour, 3_600_000),
            (minute, 60_000),
            (second, 1_000),
            (milli, 1),
            (offset, -60_000),
        ]
        .iter()
        .try_fold(0_i64, |sum, (count, unit)| sum.checked_add(count.checked_mul(*unit)?))?;
        Self::from_millis(millis)
    }
}

/// A system clock's reading; a moment outside of the range becomes the nearest bound.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let whole = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(Self::MAX.0);
        let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => whole(after),
            Err(before) => whole(before.duration()).saturating_neg(),
        };
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

/// Whole milliseconds of a duration, at most the range of a date.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
    weekday: usize,
}

impl Civil {
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a Timestamp is within 1e8 days: no intermediate value leaves i64"
    )]
    fn of(time: Timestamp) -> Self {
        let days = time.0.div_euclid(DAY);
        let within = time.0.rem_euclid(DAY);
        // Days since 1 March of the year 0; years begin in March, so that the leap day is last.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month: usize::try_from(month).unwrap_or(0),
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: within / 3_600_000,
            minute: within / 60_000 % 60,
            second: within / 1_000 % 60,
            milli: within % 1_000,
            weekday: usize::try_from(days.rem_euclid(7)).unwrap_or(0),
        }
    }
}

/// Days from the epoch to the first of the month; `year` has at most six digits.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "year has at most six digits and month is 1 to 12: no value leaves i64"
)]
fn days_before(year: i64, month: i64) -> i64 {
    let (year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let year_of_era = year.rem_euclid(400);
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * march_month + 2) / 5;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// A reader of fixed-width decimal fields.
struct Fields<'a>(&'a str);

impl Fields<'_> {
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (field, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        field.bytes().all(|byte| byte.is_ascii_digit()).then(|| field.parse().ok())?
    }

    fn after(&mut self, separator: char) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(separator)?;
        Some(self)
    }

    /// The fraction's milliseconds, the rest cut off; 0 if there is none.
    fn fraction(&mut self) -> Option<i64> {
        if self.after('.').is_none() {
            return Some(0);
        }
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
        if length == 0 { None } else { millis.parse().ok() }
    }

    /// The zone, in minutes east of Greenwich, up to the end of the text.
    fn offset(&mut self) -> Option<i64> {
        if self.0 == "Z" {
            return Some(0);
        }
        let sign = if self.after('+').is_some() { 1 } else { self.after('-').map(|_| -1)? };
        let (hours, minutes) = (self.number(2)?, self.after(':')?.number(2)?);
        let valid = self.0.is_empty() && hours < 24 && minutes < 60;
        let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
        if valid { minutes.checked_mul(sign) } else { None }
    }
}

#[cfg(test)]
mod tests;
