//! Panics on purpose: a test sees that each is a JavaScript error, and not the end of the
//! process. What the package exports has no way to panic that a test could take.

use napi::Env;
use napi::bindgen_prelude::{Function, FunctionCallContext, Result};
use napi_derive::napi;

/// Panics, as an export of the package would.
#[napi(js_name = "__panic", catch_unwind)]
pub fn panic_on_purpose() {
    panic!("asked to panic");
}

/// A function that panics, bound as those of a store are.
#[napi(js_name = "__panicking", catch_unwind)]
pub fn panicking(env: &Env) -> Result<Function<'_, (), ()>> {
    env.create_function_from_closure("panicking", |_: FunctionCallContext| {
        panic!("asked to panic")
    })
}
