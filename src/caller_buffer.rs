//! The bytes that a door writes beside its answer, in memory that belongs to JavaScript.

use std::cell::RefCell;
use std::{ptr, slice};

use napi::bindgen_prelude::{Result, ToNapiValue, Uint8Array};
use napi::{Env, check_status, sys};

use crate::door::FOUND_BYTES;

/// A `Uint8Array` of `FOUND_BYTES` bytes, held for as long as a door is.
///
/// Its memory is asked for at each use: JavaScript may have given it away since, to
/// another thread or to `structuredClone`, or have made it smaller.
pub struct CallerBuffer(RefCell<Uint8Array>);

impl CallerBuffer {
    /// # Errors
    /// If the array has another length, or if other threads can have its memory.
    pub fn new(env: &Env, array: Uint8Array) -> Result<CallerBuffer> {
        let place = CallerBuffer(RefCell::new(array));
        let (mut buffer, mut is_own) = (ptr::null_mut(), false);
        place.look(env, Some(&mut buffer))?;
        // SAFETY: `buffer` is a value of this call. Of a SharedArrayBuffer the answer is no.
        check_status!(unsafe { sys::napi_is_arraybuffer(env.raw(), buffer, &mut is_own) })?;
        if is_own {
            Ok(place)
        } else {
            Err(napi::Error::from_reason("found is shared"))
        }
    }

    /// Lets `write` have the bytes. It must not call JavaScript, which could take them away;
    /// given neither an `Env` nor a value, it cannot.
    ///
    /// # Errors
    /// If the memory is not there any more.
    pub fn fill<T>(&self, env: &Env, write: impl FnOnce(&mut [u8]) -> T) -> Result<T> {
        let start = self.look(env, None)?;
        // SAFETY: the engine has just said that so many bytes are there, and JavaScript,
        // the only other one to have them, waits until `write` is done.
        let bytes = unsafe { slice::from_raw_parts_mut(start, FOUND_BYTES as usize) };
        Ok(write(bytes))
    }

    /// Where the bytes are now; and in `buffer` what they lie in.
    fn look(&self, env: &Env, buffer: Option<&mut sys::napi_value>) -> Result<*mut u8> {
        let mut array = self.0.try_borrow_mut().map_err(|_| gone())?;
        let (mut start, mut length) = (ptr::null_mut(), 0);
        // SAFETY: whoever has an `Env` is in a call of it; `array` refers to a value of the
        // same environment, as functions do not leave theirs. The engine passes over what
        // it is given no place for.
        check_status!(unsafe {
            let array = ToNapiValue::to_napi_value(env.raw(), &mut *array)?;
            sys::napi_get_typedarray_info(
                env.raw(),
                array,
                ptr::null_mut(),
                &mut length,
                &mut start,
                buffer.map_or(ptr::null_mut(), ptr::from_mut),
                ptr::null_mut(),
            )
        })?;
        if length == FOUND_BYTES as usize && !start.is_null() {
            Ok(start.cast())
        } else {
            Err(gone())
        }
    }
}

fn gone() -> napi::Error {
    napi::Error::from_reason("found has another length")
}
