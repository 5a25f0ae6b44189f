use napi::Env;
use napi::bindgen_prelude::{Function, FunctionCallContext, Result};
use napi_derive::napi;

/// Panics. It is here so that a test can see that a panic in the addon is a
/// JavaScript error and not the end of the process.
#[napi(js_name = "__panic", catch_unwind)]
pub fn panic_on_purpose() {
    panic_now();
}

/// A function that panics, bound as those of a store are.
#[napi(
    js_name = "__panicking",
    catch_unwind,
    ts_return_type = "() => undefined"
)]
pub fn panicking(env: &Env) -> Result<Function<'_, (), ()>> {
    env.create_function_from_closure("panicking", |_: FunctionCallContext| {
        panic_now();
        Ok(())
    })
}

#[allow(clippy::panic, reason = "it is what this is for")]
fn panic_now() {
    panic!("asked to panic");
}
