//! Dates: the calendar (proleptic Gregorian), the text of `Expires`, and the
//! text that `Date.prototype.toJSON` makes.

const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The time range of ECMAScript: 100,000,000 days either side of the epoch, in ms.
pub const MAX_TIME: i64 = 8_640_000_000_000_000;

/// `Date.prototype.toUTCString` (ECMA-262 section 21.4.4.43): the IMF-fixdate of
/// RFC 7231, `Thu, 01 Jan 1970 00:00:00 GMT`. `time` is in ms since the epoch.
pub fn utc_string(time: i64) -> String {
    let (days, ms) = (time.div_euclid(DAY_MS), time.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let sign = if year < 0 { "-" } else { "" };
    let seconds = ms / 1000;
    format!(
        "{}, {day:02} {} {sign}{:04} {:02}:{:02}:{:02} GMT",
        DAYS[days.rem_euclid(7) as usize],
        MONTHS[month as usize - 1],
        year.abs(),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    )
}

/// Year, month (1 to 12) and day (1 to 31) of a day since the epoch.
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    // Years start in March here, so that the leap day is the last of its year.
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
