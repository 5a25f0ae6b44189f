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

/// Decision on the session when a response ends: nothing.
#[napi]
pub const END_NOTHING: u32 = 0;
/// Decision on the session when a response ends: save it.
#[napi]
pub const END_SAVE: u32 = 1;
/// Decision on the session when a response ends: renew its expiry alone.
#[napi]
pub const END_TOUCH: u32 = 2;
/// Decision on the session when a response ends: destroy it.
#[napi]
pub const END_DESTROY: u32 = 3;

/// The bits of an element of `decisions` that are one of the `END_` numbers.
#[napi]
pub const END_MASK: u32 = 0b011;
/// The bit of an element of `decisions` that is set if the response sets the session cookie.
#[napi]
pub const SETS_COOKIE: u32 = 0b100;

/// Returns the decisions on each combination of facts. The index of an element is the sum of
/// the facts; the element is one of the `END_` numbers, plus `SETS_COOKIE` if the response sets
/// the session cookie.
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
