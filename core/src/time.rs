//! Time as an argument: milliseconds since the Unix epoch, and the two texts it is written as.
//!
//! The dates of the protocol reach beyond the year 9999 (B-143) up to JavaScript's last date, in
//! the year 275760 (B-097). The date crates stop earlier, or need a feature that changes how every
//! other crate in the tree reads dates, so the two short calendar functions stand here: the
//! well-known ones of the proleptic Gregorian calendar, in eras of 400 years that begin in March.

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
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < Self::MIN.0 || millis > Self::MAX.0 { None } else { Some(Self(millis)) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `millis` milliseconds later (earlier, if negative), or `None` out of range.
    pub const fn plus_millis(self, millis: i64) -> Option<Self> {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How many milliseconds `self` is after `earlier`: negative if it is before.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `Tue, 14 Nov 2023 22:13:23 GMT`: milliseconds cut off, two-digit day, as many digits of the
    /// year as it has but at least four (B-142, B-143; RFC 9110 section 5.6.7).
    pub(crate) fn http_date(self) -> String {
        let (year, month, day) = self.date();
        let (hour, minute, second, _) = self.clock();
        let weekday = name("ThuFriSatSunMonTueWed", self.0.div_euclid(DAY).rem_euclid(7));
        let month = name("JanFebMarAprMayJunJulAugSepOctNovDec", month.saturating_sub(1));
        let (sign, year) = (if year < 0 { "-" } else { "" }, year.unsigned_abs());
        format!("{weekday}, {day:02} {month} {sign}{year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// The moment as records carry it: `2023-11-14T22:13:23.000Z`, with a sign and six digits for
    /// years outside of 0 to 9999 (F-03 of the store formats).
    pub(crate) fn iso8601(self) -> String {
        let (year, month, day) = self.date();
        let (hour, minute, second, milli) = self.clock();
        let year = match (year, year.unsigned_abs()) {
            (0..=9999, year) => format!("{year:04}"),
            (0.., year) => format!("+{year:06}"),
            (_, year) => format!("-{year:06}"),
        };
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// Reads what [`Timestamp::iso8601`] writes; the fraction may be missing or of any length, and
    /// another zone may stand in the place of `Z`. `None` is JavaScript's invalid date.
    pub(crate) fn parse_iso8601(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let (sign, last, date) = match (date.strip_prefix('-'), date.strip_prefix('+')) {
            (Some(date), _) => (-1, 275_761, date),
            (_, Some(date)) => (1, 275_761, date),
            _ => (1, 9_999, date),
        };
        let (time, zone) = time.split_at_checked(time.find(['Z', '+', '-'])?)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-', [last, 12, 31])?;
        let [hour, minute, second] = numbers(time, ':', [23, 59, 59])?;
        let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        let milli: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let [east, east_minutes] = match zone.split_at_checked(1)? {
            ("Z", "") => [0, 0],
            ("+", offset) => numbers(offset, ':', [23, 59])?,
            (_, offset) => numbers(offset, ':', [23, 59])?.map(i64::saturating_neg),
        };
        if month == 0 || day == 0 || !digits {
            return None;
        }
        #[expect(clippy::arithmetic_side_effects, reason = "each number is bounded: below 1e16")]
        let millis = (days(sign * year, month) + day - 1) * DAY
            + (hour - east) * 3_600_000
            + (minute - east_minutes) * 60_000
            + second * 1_000
            + milli;
        Self::from_millis(millis)
    }

    /// Year, month and day.
    #[expect(clippy::arithmetic_side_effects, reason = "a Timestamp is within 1e8 days")]
    const fn date(self) -> (i64, i64, i64) {
        // Days since 1 March of the year 0.
        let days = self.0.div_euclid(DAY) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (era * 400 + year + next, month, day)
    }

    /// Hour, minute, second and millisecond.
    const fn clock(self) -> (i64, i64, i64, i64) {
        let millis = self.0.rem_euclid(DAY);
        (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60, millis % 1_000)
    }
}

/// A system clock's reading, from the epoch on.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(millis(since).min(Self::MAX.0))
    }
}

/// Whole milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The name at `index` in a list of three-letter names.
fn name(names: &str, index: i64) -> &str {
    let start = usize::try_from(index).unwrap_or_default().saturating_mul(3);
    names.get(start..start.saturating_add(3)).unwrap_or_default()
}

/// `N` decimal numbers, each with its upper bound, whose digits are its width.
fn numbers<const N: usize>(text: &str, separator: char, bounds: [i64; N]) -> Option<[i64; N]> {
    let mut fields = text.split(separator);
    let mut numbers = bounds;
    for number in &mut numbers {
        let field = fields.next()?;
        let width = field.len() == number.to_string().len();
        let digits = width && field.bytes().all(|byte| byte.is_ascii_digit());
        let value = if digits { field.parse().ok()? } else { return None };
        *number = (value <= *number).then_some(value)?;
    }
    fields.next().is_none().then_some(numbers)
}

/// Days from the epoch to the first of the month, for years of at most six digits.
#[expect(clippy::arithmetic_side_effects, reason = "the year is bounded")]
const fn days(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests;
