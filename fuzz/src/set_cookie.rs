//! `Set-Cookie`, against a writer that joins a list, and read back by the `cookie` crate
//! and by the engine itself.

use cookie::Cookie;
use express_session_core::cookie::serialize::{
    Attribute, Attributes, Priority, SameSite, Value, set_cookie,
};
use express_session_core::cookie::{parse, percent as engine};
use express_session_core::error::Error;

use super::{cut, iso, percent, same, same_if_any};

/// In place of the line feeds of a text, as those end it. No text has this byte.
const LINE_FEED: u8 = 0xFF;

/// ECMAScript's range of times, in ms.
const MAX_TIME: f64 = 8.64e15;

#[derive(Default)]
struct Fields {
    name: Vec<u8>,
    value: Vec<u8>,
    is_encoded: bool,
    max_age: Attribute<f64>,
    domain: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    expires: Attribute<f64>,
    http_only: bool,
    secure: bool,
    partitioned: bool,
    priority: Attribute<Priority>,
    same_site: Attribute<SameSite>,
}

/// Reads lines `field=text`, or only `field` for what is true or false.
pub fn check(input: &[u8]) {
    let fields = read(input);
    let value = if fields.is_encoded {
        Value::Encoded(&fields.value)
    } else {
        Value::Plain(&fields.value)
    };
    let attributes = Attributes {
        max_age: fields.max_age,
        domain: fields.domain.as_deref(),
        path: fields.path.as_deref(),
        expires: fields.expires,
        http_only: fields.http_only,
        secure: fields.secure,
        partitioned: fields.partitioned,
        priority: fields.priority,
        same_site: fields.same_site,
    };
    let written = set_cookie(&fields.name, value, &attributes);
    match (written, parts(&fields)) {
        (Ok(header), Ok(parts)) => {
            same(&header, parts.join("; ").as_bytes());
            is_one_header(&header, parts.len());
            is_read_by_the_cookie_crate(&header, &fields);
            is_read_by_the_engine(parts[0].as_bytes(), &fields);
        }
        (written, expected) => assert_eq!(written.err(), expected.err()),
    }
    if let Attribute::Value(time) = fields.expires {
        writes_another_date(time);
    }
    escapes_and_back(&fields.value);
}

/// Mutations of a number stay near it, so days of which there is one in a century are
/// hardly met. These lie all over the 550,000 years.
fn writes_another_date(time: f64) {
    let scattered = time.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 10;
    let time = scattered as f64 % (2.0 * MAX_TIME) - MAX_TIME;
    let attributes = Attributes {
        expires: Attribute::Value(time),
        ..Attributes::default()
    };
    let written = set_cookie(b"n", Value::Plain(b""), &attributes);
    let expected = format!("n=; Expires={}", date(time));
    same_if_any(written.ok().as_deref(), Some(expected.as_bytes()));
}

fn read(input: &[u8]) -> Fields {
    let mut fields = Fields::default();
    for line in input.split(|&byte| byte == b'\n') {
        let (field, text) = cut(line, b'=');
        let text: Vec<u8> = text
            .unwrap_or_default()
            .iter()
            .map(|&byte| if byte == LINE_FEED { b'\n' } else { byte })
            .collect();
        match field {
            b"name" => fields.name = text,
            b"value" => fields.value = text,
            b"encoded" => fields.is_encoded = true,
            // npm `cookie` rounds down, which the JavaScript half does too.
            b"maxAge" => {
                fields.max_age =
                    number(&text).map_or(Attribute::Invalid, |it| Attribute::Value(it.floor()))
            }
            b"domain" => fields.domain = Some(text),
            b"path" => fields.path = Some(text),
            b"expires" => {
                fields.expires = number(&text).map_or(Attribute::Invalid, Attribute::Value)
            }
            b"httpOnly" => fields.http_only = true,
            b"secure" => fields.secure = true,
            b"partitioned" => fields.partitioned = true,
            b"priority" => {
                fields.priority = match &text[..] {
                    b"low" => Attribute::Value(Priority::Low),
                    b"medium" => Attribute::Value(Priority::Medium),
                    b"high" => Attribute::Value(Priority::High),
                    _ => Attribute::Invalid,
                }
            }
            b"sameSite" => {
                fields.same_site = match &text[..] {
                    b"lax" => Attribute::Value(SameSite::Lax),
                    b"none" => Attribute::Value(SameSite::None),
                    b"strict" => Attribute::Value(SameSite::Strict),
                    _ => Attribute::Invalid,
                }
            }
            _ => {}
        }
    }
    fields
}

fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What the header must consist of, or the first reason why there is none.
fn parts(fields: &Fields) -> Result<Vec<String>, Error> {
    let name = ascii(&fields.name, "!#$%&'*+-.^_`|~")
        .filter(|name| !name.is_empty())
        .ok_or(Error::Name)?;
    let value = if fields.is_encoded {
        encoded_value(&fields.value).ok_or(Error::Value)?
    } else {
        percent::encoded(&fields.value).ok_or(Error::MalformedUri)?
    };
    let mut parts = vec![format!("{name}={value}")];
    if let Some(seconds) = given(fields.max_age, Error::MaxAge)? {
        let is_finite = seconds.abs() <= f64::MAX;
        parts.push(format!(
            "Max-Age={}",
            is_finite.then(|| digits(seconds)).ok_or(Error::MaxAge)?
        ));
    }
    if let Some(domain) = &fields.domain {
        parts.push(format!(
            "Domain={}",
            domain_name(domain).ok_or(Error::Domain)?
        ));
    }
    if let Some(path) = &fields.path {
        parts.push(format!("Path={}", path_text(path).ok_or(Error::Path)?));
    }
    if let Some(time) = given(fields.expires, Error::Expires)? {
        let is_time = (-MAX_TIME..=MAX_TIME).contains(&time);
        parts.push(format!(
            "Expires={}",
            is_time.then(|| date(time)).ok_or(Error::Expires)?
        ));
    }
    for (is_set, flag) in [
        (fields.http_only, "HttpOnly"),
        (fields.secure, "Secure"),
        (fields.partitioned, "Partitioned"),
    ] {
        if is_set {
            parts.push(flag.to_owned());
        }
    }
    // The variants have the attributes' own names.
    if let Some(priority) = given(fields.priority, Error::Priority)? {
        parts.push(format!("Priority={priority:?}"));
    }
    if let Some(same_site) = given(fields.same_site, Error::SameSite)? {
        parts.push(format!("SameSite={same_site:?}"));
    }
    Ok(parts)
}

fn given<T>(attribute: Attribute<T>, error: Error) -> Result<Option<T>, Error> {
    match attribute {
        Attribute::Absent => Ok(None),
        Attribute::Invalid => Err(error),
        Attribute::Value(value) => Ok(Some(value)),
    }
}

/// The text, if it has letters, digits and some other characters only.
fn ascii<'t>(text: &'t [u8], others: &str) -> Option<&'t str> {
    let text = std::str::from_utf8(text).ok()?;
    text.chars()
        .all(|char| char.is_ascii_alphanumeric() || others.contains(char))
        .then_some(text)
}

/// RFC 6265 section 4.1.1: printable, but no blank, quote, comma, semicolon or backslash;
/// with quotes around it or without.
fn encoded_value(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    inner
        .chars()
        .all(|char| char.is_ascii_graphic() && !"\",;\\".contains(char))
        .then(|| text.to_owned())
}

fn domain_name(domain: &[u8]) -> Option<&str> {
    let text = ascii(domain, "-.")?;
    let labels = text.strip_prefix('.').unwrap_or(text);
    labels
        .split('.')
        .all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
        .then_some(text)
}

fn path_text(path: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(path).ok()?;
    text.chars()
        .all(|char| (char == ' ' || char.is_ascii_graphic()) && char != ';' && char != '<')
        .then_some(text)
}

/// A whole number as JavaScript writes it. JSON writes the same digits.
fn digits(value: f64) -> String {
    if value.abs() < 9e15 {
        return (value as i64).to_string();
    }
    let json = serde_json::to_string(&value).unwrap_or_default();
    let (sign, json) = json
        .strip_prefix('-')
        .map_or(("", &json[..]), |rest| ("-", rest));
    let (mantissa, exponent) = json.split_once('e').unwrap_or((json, "0"));
    let exponent: usize = exponent.trim_start_matches('+').parse().unwrap_or_default();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{whole}{fraction}");
    // The place of the point, counted from the first digit.
    let point = whole.len() + exponent;
    if point <= 21 {
        return format!("{sign}{all:0<point$}");
    }
    let all = all.trim_end_matches('0');
    let (first, rest) = all.split_at(1);
    let point_and_rest = if rest.is_empty() {
        String::new()
    } else {
        format!(".{rest}")
    };
    format!("{sign}{first}{point_and_rest}e+{}", point - 1)
}

/// `Date.prototype.toUTCString`.
fn date(time: f64) -> String {
    let (at, year) = iso::moment(time as i64);
    let sign = if year < 0 { "-" } else { "" };
    let short = |name: String| name[..3].to_owned();
    format!(
        "{}, {:02} {} {sign}{:04} {:02}:{:02}:{:02} GMT",
        short(at.weekday().to_string()),
        at.day(),
        short(at.month().to_string()),
        year.abs(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Nothing in it ends the header or begins an attribute that nobody asked for.
fn is_one_header(header: &[u8], parts: usize) {
    assert!(header.iter().all(|byte| matches!(byte, b' '..=b'~')));
    assert_eq!(header.split(|&byte| byte == b';').count(), parts);
}

fn is_read_by_the_cookie_crate(header: &[u8], fields: &Fields) {
    let text = String::from_utf8_lossy(header).into_owned();
    // A reader that decodes values decodes names too, which may be tokens with `%`.
    let pair = text.split_once('=').map(|(_, rest)| format!("n={rest}"));
    let raw = Cookie::parse(text.clone()).unwrap_or_else(|error| unreachable!("{error}: {text}"));
    assert_eq!(raw.name().as_bytes(), &fields.name[..]);
    if fields.is_encoded {
        assert_eq!(raw.value().as_bytes(), &fields.value[..]);
    } else {
        let decoded = Cookie::parse_encoded(pair.unwrap_or_default());
        let value = decoded.map(|cookie| cookie.value().as_bytes().to_vec());
        assert_eq!(value.ok().as_ref(), Some(&fields.value));
    }
    let path = fields.path.as_deref().map(|path| path.trim_ascii());
    assert_eq!(raw.path().map(str::as_bytes), path);
    let domain = fields.domain.as_deref();
    let domain = domain.map(|domain| domain.strip_prefix(b".").unwrap_or(domain));
    assert_eq!(raw.domain().map(str::as_bytes), domain);
    assert_eq!(raw.http_only(), fields.http_only.then_some(true));
    assert_eq!(raw.secure(), fields.secure.then_some(true));
    assert_eq!(raw.partitioned(), fields.partitioned.then_some(true));
    assert_eq!(
        raw.same_site().map(|it| it.to_string()),
        given(fields.same_site, Error::SameSite)
            .ok()
            .flatten()
            .map(|it| format!("{it:?}"))
    );
    if let Attribute::Value(seconds) = fields.max_age
        && seconds.abs() < 9e15
    {
        let read = raw.max_age().map(|it| it.whole_seconds());
        assert_eq!(read, Some((seconds as i64).max(0)));
    }
    // Before the year 1000 and after 9999 the crate reads no date.
    if let Attribute::Value(time) = fields.expires
        && (-30_610_224_000_000.0..253_402_300_800_000.0).contains(&time)
    {
        let read = raw.expires_datetime().map(|at| at.unix_timestamp());
        assert_eq!(read, Some((time as i64).div_euclid(1000)));
    }
}

/// A browser sends the pair back as it is.
fn is_read_by_the_engine(pair: &[u8], fields: &Fields) {
    let unquoted = match &fields.value[..] {
        [b'"', inner @ .., b'"'] => inner,
        value => value,
    };
    let expected = if fields.is_encoded {
        percent::decoded(unquoted).unwrap_or_else(|| unquoted.to_vec())
    } else {
        fields.value.clone()
    };
    let read = parse::values(pair, &fields.name).next();
    if fields.name == b"__proto__" {
        assert_eq!(read, None);
    } else {
        same_if_any(read.as_deref(), Some(&expected));
    }
}

fn escapes_and_back(text: &[u8]) {
    let encoded = engine::encode(text).ok();
    assert_eq!(encoded, percent::encoded(text).map(String::into_bytes));
    if let Some(encoded) = encoded {
        assert_eq!(engine::decode(&encoded).as_deref(), Some(text));
    }
    assert_eq!(
        engine::decode(text).map(|it| it.into_owned()),
        percent::decoded(text)
    );
}
