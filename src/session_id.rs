use express_session_core::session_id;
use napi_derive::napi;

/// Makes a new session id: 24 random bytes in URL-safe base64, 32 characters.
#[napi(catch_unwind)]
pub fn session_id() -> String {
    session_id::session_id()
}
