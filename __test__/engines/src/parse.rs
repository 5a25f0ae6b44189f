//! The engine's reader of `Cookie` headers, which the package only has together with the
//! verification of signatures. Tests compare it with npm `cookie`.

use express_session_core::cookie::parse;
use napi::bindgen_prelude::{Either, Undefined};
use napi_derive::napi;

use crate::text::Text;

/// The value of the first cookie called `name` in a `Cookie` header, decoded.
#[napi(js_name = "__parseCookie", catch_unwind)]
pub fn parse_cookie(header: Text, name: Text) -> Either<Text, Undefined> {
    match parse::values(&header, &name).next() {
        Some(value) => Either::A(value.into_owned().into()),
        None => Either::B(()),
    }
}
