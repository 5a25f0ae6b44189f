//! Converts JavaScript strings to bytes and back without loss.
//!
//! napi-rs's own `String` replaces lone surrogates. [`Text`] holds generalised UTF-8
//! instead, and takes one call of Node-API each way for a short string.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::{ptr, slice};

use express_session_core::wtf8;
use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Env, Result, ValueType, check_status, sys};

/// UTF-16 units that are read without asking for the string's length first. A `Cookie` header
/// of a few cookies fits.
const SHORT: usize = 512;

/// The bytes of the longest UTF-8 that goes to V8 as such: V8 refuses more bytes than a string
/// can have units, even if they decode to fewer units.
const LONGEST_UTF8: usize = 1 << 28;

/// A string from JavaScript or for it, in generalised UTF-8.
pub struct Text(Vec<u8>);

impl Text {
    /// Returns the bytes of the string in generalised UTF-8.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Text {
        Text(bytes)
    }
}

impl TypeName for Text {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Text> {
        let mut short = [const { MaybeUninit::uninit() }; SHORT];
        // SAFETY: napi guarantees `env` and `value` for the length of the call that
        // converts its arguments.
        let units = unsafe { read(env, value, &mut short)? };
        // V8 writes a NUL at the end, and stops one unit before the end of the buffer.
        if units.len() < SHORT - 1 {
            return Ok(Text(wtf8::from_utf16(units)));
        }
        let mut length = 0;
        // SAFETY: as above; without a buffer the call only reports the length.
        check_status!(unsafe {
            sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut length)
        })?;
        let mut long = Vec::with_capacity(length + 1);
        // SAFETY: as above.
        let units = unsafe { read(env, value, long.spare_capacity_mut())? };
        Ok(Text(wtf8::from_utf16(units)))
    }
}

/// Reads a string into `room`, up to one unit before its end, and returns the UTF-16 units.
///
/// # Safety
/// `env` must be the environment of this call and `value` a value of it.
unsafe fn read(
    env: sys::napi_env,
    value: sys::napi_value,
    room: &mut [MaybeUninit<u16>],
) -> Result<&[u16]> {
    let mut length = 0;
    let (start, capacity) = (room.as_mut_ptr().cast(), room.len());
    // SAFETY: the pointer and the length are those of one live slice.
    let status =
        unsafe { sys::napi_get_value_string_utf16(env, value, start, capacity, &mut length) };
    check_status!(status, "a string was expected")?;
    // SAFETY: V8 has written that many units.
    Ok(unsafe { slice::from_raw_parts(start, length) })
}

impl ToNapiValue for Text {
    unsafe fn to_napi_value(env: sys::napi_env, text: Text) -> Result<sys::napi_value> {
        // SAFETY: `env` is the caller's.
        unsafe { write(env, &text.0) }
    }
}

/// A JavaScript string that a function has created and returns in the same call.
pub struct CreatedString(sys::napi_value);

impl CreatedString {
    /// Creates a string of these bytes, which are in generalised UTF-8.
    pub fn new(env: &Env, bytes: &[u8]) -> Result<CreatedString> {
        // SAFETY: whoever has an `Env` is in a call of it.
        unsafe { write(env.raw(), bytes) }.map(CreatedString)
    }
}

impl TypeName for CreatedString {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ToNapiValue for CreatedString {
    unsafe fn to_napi_value(_: sys::napi_env, string: CreatedString) -> Result<sys::napi_value> {
        Ok(string.0)
    }
}

/// Creates a JavaScript string of bytes in generalised UTF-8.
///
/// # Safety
/// `env` must be the environment of this call.
unsafe fn write(env: sys::napi_env, bytes: &[u8]) -> Result<sys::napi_value> {
    let mut value = ptr::null_mut();
    let length = bytes.len() as isize;
    // ASCII is its own Latin-1, which V8 copies fastest, and V8 decodes valid UTF-8 itself.
    // Only text with lone surrogates, or that is very long, goes to it as UTF-16.
    // SAFETY: each call copies from a live slice of the given length.
    let status = unsafe {
        if bytes.is_ascii() {
            sys::napi_create_string_latin1(env, bytes.as_ptr().cast(), length, &mut value)
        } else if bytes.len() <= LONGEST_UTF8 && std::str::from_utf8(bytes).is_ok() {
            sys::napi_create_string_utf8(env, bytes.as_ptr().cast(), length, &mut value)
        } else {
            let units = wtf8::to_utf16(bytes);
            sys::napi_create_string_utf16(env, units.as_ptr(), units.len() as isize, &mut value)
        }
    };
    check_status!(status, "a string would be too long")?;
    Ok(value)
}
