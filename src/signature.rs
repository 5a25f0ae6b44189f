use express_session_core::signature::{self, Key};
use napi::bindgen_prelude::{Array, Either, External, Result, Uint8Array};
use napi_derive::napi;

use crate::error::js_error;
use crate::text::Text;

/// Secrets prepared for signing, in the order given.
pub type Keys = External<Vec<Key>>;

/// Prepares secrets, so that no request has to.
#[napi(
    catch_unwind,
    ts_args_type = "secrets: Array<Uint8Array>",
    ts_return_type = "object"
)]
pub fn prepare_keys(secrets: Array) -> Result<Keys> {
    // Grows with what is there: an array may claim any length.
    let mut keys = Vec::new();
    for index in 0..secrets.len() {
        let secret: Option<Uint8Array> = secrets.get(index)?;
        let secret = secret.ok_or_else(|| napi::Error::from_reason("a secret is missing"))?;
        keys.push(Key::new(&secret).map_err(js_error)?);
    }
    Ok(External::new(keys))
}

/// The keys themselves.
pub fn prepared(keys: &Keys) -> &[Key] {
    keys
}

/// `value`, a dot and its signature by the first key.
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

/// The value of a signed text, or `false` if no key made the signature.
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
