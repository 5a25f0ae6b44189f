use express_session_core::error::Error;

/// Makes a JavaScript `Error` with the message of an error of the core.
pub fn js_error(error: Error) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
