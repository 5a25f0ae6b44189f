use napi_derive::napi;

/// Panics. It is here so that a test can see that a panic in the addon is a
/// JavaScript error and not the end of the process.
#[napi(js_name = "__panic", catch_unwind)]
#[allow(clippy::panic, reason = "it is what this is for")]
pub fn panic_on_purpose() {
    panic!("asked to panic");
}
