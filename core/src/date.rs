//! Writes and reads dates of the proleptic Gregorian calendar as JavaScript does.

const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The latest time of a JavaScript `Date`, in ms since the epoch: 100,000,000 days. The
/// earliest is as long before the epoch (ECMA-262 section 21.4.1.1).
pub const MAX_TIME: i64 = 8_640_000_000_000_000;

/// The bytes of `YYYY-MM-DDTHH:mm:ss.sssZ`.
pub const ISO: usize = 24;

/// A time as a calendar date and a time of day in UTC. `weekday` is 0 for Thursday, the day of
/// the epoch; `month` and `day` begin with 1.
struct Parts {
    weekday: usize,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    ms: i64,
}

impl Parts {
    /// Returns the parts of `time`, in ms since the epoch.
    fn of(time: i64) -> Parts {
        let (days, ms) = (time.div_euclid(DAY_MS), time.rem_euclid(DAY_MS));
        let (year, month, day) = civil(days);
        let seconds = ms / 1000;
        Parts {
            weekday: days.rem_euclid(7) as usize,
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            ms: ms % 1000,
        }
    }
}

/// Writes `time`, in ms since the epoch, as `Date.prototype.toUTCString` does (ECMA-262
/// section 21.4.4.43): as the IMF-fixdate of RFC 7231, `Thu, 01 Jan 1970 00:00:00 GMT`.
pub fn utc_string(time: i64) -> String {
    let Parts {
        weekday,
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = Parts::of(time);
    let sign = if year < 0 { "-" } else { "" };
    format!(
        "{}, {day:02} {} {sign}{:04} {hour:02}:{minute:02}:{second:02} GMT",
        DAYS[weekday],
        MONTHS[month as usize - 1],
        year.abs(),
    )
}

/// Writes `time`, in ms since the epoch, as `Date.prototype.toJSON` does (ECMA-262 section
/// 21.4.1.32). `None` if its year is not one of 0 to 9999, as others have more digits.
pub fn to_iso(time: i64) -> Option<[u8; ISO]> {
    let parts = Parts::of(time);
    if !(0..10_000).contains(&parts.year) {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (at, digits, value) in [
        (0, 4, parts.year),
        (5, 2, parts.month),
        (8, 2, parts.day),
        (11, 2, parts.hour),
        (14, 2, parts.minute),
        (17, 2, parts.second),
        (20, 3, parts.ms),
    ] {
        let mut value = value;
        for digit in text[at..at + digits].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    Some(text)
}

/// Returns the time, in ms since the epoch, of which [`to_iso`] makes `text`. `None` if it
/// makes that text of no time.
pub fn from_iso(text: &[u8]) -> Option<i64> {
    const PATTERN: &[u8; ISO] = b"0000-00-00T00:00:00.000Z";
    let shaped = text.len() == ISO
        && text.iter().zip(PATTERN).all(|(&byte, &pattern)| {
            if pattern == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == pattern
            }
        });
    if !shaped {
        return None;
    }
    let number = |at: usize, digits: usize| {
        text[at..at + digits]
            .iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
    let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2));
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| {
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        seconds * 1000 + number(20, 3)
    })
}

/// Returns the number of days of a month.
fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from the epoch to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted from March a year ends with the leap day.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Returns the year, month (1 to 12) and day (1 to 31) of the day that is `days` days after
/// the epoch, as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::cookie::time::OffsetDateTime;
    use proptest::prelude::*;

    /// The years 0 to 9999, in seconds since the epoch.
    const WRITABLE: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

    #[test]
    fn years_of_more_digits_have_no_iso_text() {
        assert_eq!(to_iso(WRITABLE.start * 1000 - 1), None);
        assert_eq!(to_iso(WRITABLE.end * 1000), None);
    }

    proptest! {
        /// Against an independent calendar.
        #[test]
        fn writes_and_reads_iso_texts(seconds in WRITABLE, ms in 0i64..1000) {
            let at = OffsetDateTime::from_unix_timestamp(seconds)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            let expected = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{ms:03}Z",
                at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second()
            );
            let time = seconds * 1000 + ms;
            let text = to_iso(time).unwrap_or_default();
            prop_assert_eq!(&text[..], expected.as_bytes());
            prop_assert_eq!(from_iso(expected.as_bytes()), Some(time));
        }

        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            from_iso(&text);
        }
    }
}
