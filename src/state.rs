use express_session_core::facts;
use express_session_core::state::{self, End, Facts};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

macro_rules! export {
    ($($name:ident: $doc:tt,)+) => {
        $(
            #[doc = $doc]
            #[napi]
            pub const $name: u32 = Facts::$name;
        )+
    };
}

facts!(export);

/// A decision on the session at the end of a request: the store is not called.
#[napi]
pub const END_NOTHING: u32 = 0;
/// A decision on the session at the end of a request: the session is written.
#[napi]
pub const END_SAVE: u32 = 1;
/// A decision on the session at the end of a request: the session's expiry is renewed.
#[napi]
pub const END_TOUCH: u32 = 2;
/// A decision on the session at the end of a request: the session is removed.
#[napi]
pub const END_DESTROY: u32 = 3;

/// The bits of a decision that are one of the `END_` numbers.
#[napi]
pub const END_MASK: u32 = 0b011;
/// The bit of a decision that says: the response carries the session cookie.
#[napi]
pub const SETS_COOKIE: u32 = 0b100;

/// What each combination of facts leads to, in the order of their numbers: the sum of an
/// `END_` number and, if so, `SETS_COOKIE`.
#[napi(catch_unwind)]
pub fn decisions() -> Uint8Array {
    let all = Facts::all().map(|facts| {
        let end = match state::end(facts) {
            End::Nothing => END_NOTHING,
            End::Save => END_SAVE,
            End::Touch => END_TOUCH,
            End::Destroy => END_DESTROY,
        };
        let cookie = if state::sets_cookie(facts) {
            SETS_COOKIE
        } else {
            0
        };
        (end | cookie) as u8
    });
    all.collect::<Vec<_>>().into()
}
