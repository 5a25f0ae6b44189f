//! What the fuzz targets check, one function of one input each.
//!
//! The targets call them with what libFuzzer makes up; `core/tests/fuzz_corpora.rs`
//! includes this file and calls them with the inputs kept here, so that a stable compiler
//! does that too. A check compares the engine with a reference that is plain rather than
//! fast, and panics where the two differ.

use express_session_core::error::Error;

pub mod cookie_header;
pub mod disk_row;
mod iso;
mod json;
pub mod memory_store;
mod model;
mod percent;
pub mod session_text;
pub mod set_cookie;
pub mod unsign;

/// A check by the name of its target.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 6] = [
    ("cookie_header", cookie_header::check),
    ("unsign", unsign::check),
    ("set_cookie", set_cookie::check),
    ("session_text", session_text::check),
    ("memory_store", memory_store::check),
    ("disk_row", disk_row::check),
];

/// What stands before the first `separator`, and behind it. All is before it if there is
/// none.
fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |&byte| byte == separator);
    (parts.next().unwrap_or_default(), parts.next())
}

/// What an engine answers that never fails.
#[track_caller]
fn sure<T>(answer: Result<T, Error>) -> T {
    answer.unwrap_or_else(|error| unreachable!("{error}"))
}

/// For the messages of failed assertions.
fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string()
}

/// Asserts that two texts are the same, and shows them only if not: millions are compared.
#[track_caller]
fn same(found: &[u8], expected: &[u8]) {
    same_if_any(Some(found), Some(expected));
}

#[track_caller]
fn same_if_any(found: Option<&[u8]>, expected: Option<&[u8]>) {
    if found != expected {
        assert_eq!(found.map(shown), expected.map(shown));
    }
}
