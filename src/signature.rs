use express_session_core::signature::{self, Key};
use napi::bindgen_prelude::{Array, Either, External, Result, Uint8Array};
use napi_derive::napi;

use crate::error::js_error;
use crate::text::Text;

/// Secrets that are prepared for signing, in the order in which a program gave them. For
/// JavaScript they are an opaque object.
pub type Keys = External<Vec<Key>>;

/// Prepares secrets for signing, so that no request has to. The first is the one to sign with;
/// all of them verify.
#[napi(
    catch_unwind,
    ts_args_type = "secrets: Array<Uint8Array>",
    ts_return_type = "object"
)]
pub fn prepare_keys(secrets: Array) -> Result<Keys> {
    // Without reserving `secrets.len()`, as a sparse array can have any length.
    let mut keys = Vec::new();
    for index in 0..secrets.len() {
        let secret: Option<Uint8Array> = secrets.get(index)?;
        let secret = secret.ok_or_else(|| napi::Error::from_reason("a secret is missing"))?;
        keys.push(Key::new(&secret).map_err(js_error)?);
    }
    Ok(External::new(keys))
}

/// Returns `value` with a dot and its signature by the first key behind it.
#[napi(
    catch_unwind,
    ts_args_type = "value: string, keys: object",
    ts_return_type = "string"
)]
pub fn sign(value: Text, keys: &Keys) -> Result<Text> {
    match keys.first() {
        Some(key) => Ok(signature::sign(&value, key).into()),
        None => Err(napi::Error::from_reason("there is no key to sign with")),
    }
}

/// Returns the value of a signed text, or `false` if none of the keys made its signature.
#[napi(
    catch_unwind,
    ts_args_type = "signed: string, keys: object",
    ts_return_type = "string | false"
)]
pub fn unsign(signed: Text, keys: &Keys) -> Either<Text, bool> {
    match signature::unsign(&signed, keys) {
        Some(value) => Either::A(value.to_vec().into()),
        None => Either::B(false),
    }
}
