use express_session_core::error::Error;
use napi::Status;

/// Makes a JavaScript `Error` with the message of an error of the core. Its `code` is `Cancelled` if an
/// engine was busy.
pub fn js_error(error: Error) -> napi::Error {
    let status = match error {
        Error::Busy(_) => Status::Cancelled,
        _ => Status::GenericFailure,
    };
    napi::Error::new(status, error.to_string())
}
