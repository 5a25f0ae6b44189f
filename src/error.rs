use express_session_core::error::Error;

/// The JavaScript error of an error of the engine: an `Error` with its message.
pub fn js_error(error: Error) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
