//! Dates, by the calendar of the `time` crate.

use cookie::time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Seconds in 400 years of the Gregorian calendar, after which it repeats itself, days of
/// the week included.
const CYCLE: i64 = 146_097 * 86_400;

/// The calendar's moment of `ms` since the epoch, in the 400 years from 1970, and the year
/// that it really is in.
pub fn moment(ms: i64) -> (OffsetDateTime, i64) {
    let seconds = ms.div_euclid(1000);
    let at = OffsetDateTime::from_unix_timestamp(seconds.rem_euclid(CYCLE))
        .unwrap_or_else(|error| unreachable!("{error}"));
    let year = i64::from(at.year()) + 400 * seconds.div_euclid(CYCLE);
    (at, year)
}

/// `Date.prototype.toJSON`, or `None` for years of other than four digits.
pub fn text(ms: i64) -> Option<String> {
    let (at, year) = moment(ms);
    (0..10_000).contains(&year).then(|| {
        format!(
            "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            ms.rem_euclid(1000)
        )
    })
}

/// The time of such a text, in ms since the epoch.
pub fn time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())?;
    let number = |at: usize, digits: usize| {
        let digits = text.get(at..at + digits)?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let small = |at| number(at, 2).map(|number| number as u8);
    let month = Month::try_from(small(5)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(8)?).ok()?;
    let time = Time::from_hms_milli(small(11)?, small(14)?, small(17)?, number(20, 3)?).ok()?;
    let at = date.with_time(time).assume_offset(UtcOffset::UTC);
    let ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
    // Only what is written the same way was read right.
    (self::text(ms)? == text).then_some(ms)
}
