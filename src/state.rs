use express_session_core::state::{self, End, Facts};
use napi_derive::napi;

macro_rules! facts {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("A fact of a request: see `state.rs` of the engine for `", stringify!($name), "`.")]
            #[napi]
            pub const $name: u32 = Facts::$name;
        )+
    };
}

facts!(
    SAVE_UNINITIALIZED,
    ROLLING,
    UNSET_DESTROY,
    STORE_TOUCHES,
    HAS_ID,
    ID_IS_STRING,
    ID_FROM_COOKIE,
    UNSET,
    HAS_SESSION,
    MODIFIED,
    WAS_SAVED,
    SAVED,
    EXPIRES,
);

/// `endOf` says: the store is not called.
#[napi]
pub const END_NOTHING: u32 = 0;
/// `endOf` says: the session is written.
#[napi]
pub const END_SAVE: u32 = 1;
/// `endOf` says: the session's expiry is renewed.
#[napi]
pub const END_TOUCH: u32 = 2;
/// `endOf` says: the session is removed.
#[napi]
pub const END_DESTROY: u32 = 3;

/// What the end of a request does to its session: one of the `END_` numbers.
#[napi(catch_unwind)]
pub fn end_of(facts: u32) -> u32 {
    match state::end(Facts(facts)) {
        End::Nothing => END_NOTHING,
        End::Save => END_SAVE,
        End::Touch => END_TOUCH,
        End::Destroy => END_DESTROY,
    }
}

/// Whether the response carries the session cookie.
#[napi(catch_unwind)]
pub fn sets_cookie(facts: u32) -> bool {
    state::sets_cookie(Facts(facts))
}
