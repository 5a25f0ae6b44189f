//! A buffer of JavaScript's into which the addon writes what it returns beside a string.

use std::cell::RefCell;
use std::{ptr, slice};

use napi::bindgen_prelude::{Result, ToNapiValue, Uint8Array};
use napi::{Env, check_status, sys};

use crate::session_reader::DETAILS_BYTES;

/// A `Uint8Array` of `DETAILS_BYTES` bytes that the caller of `createSessionReader` passed, and reads after
/// each call of the function that it got.
///
/// Each use asks V8 where the array's memory is: JavaScript may have transferred it to another
/// thread or to `structuredClone` since, or have made it smaller.
pub struct CallerBuffer(RefCell<Uint8Array>);

impl CallerBuffer {
    /// Takes a caller's array.
    ///
    /// # Errors
    /// An error if the array has another length, or if it is of a `SharedArrayBuffer`, to which
    /// other threads can write.
    pub fn new(env: &Env, array: Uint8Array) -> Result<CallerBuffer> {
        let caller_buffer = CallerBuffer(RefCell::new(array));
        let (mut buffer, mut is_own) = (ptr::null_mut(), false);
        caller_buffer.locate(env, Some(&mut buffer))?;
        // SAFETY: `buffer` is a value of this call. For a SharedArrayBuffer `is_own` is false.
        check_status!(unsafe { sys::napi_is_arraybuffer(env.raw(), buffer, &mut is_own) })?;
        if is_own {
            Ok(caller_buffer)
        } else {
            Err(napi::Error::from_reason("details is shared"))
        }
    }

    /// Calls `write` with the bytes of the array. `write` must not call JavaScript, which could
    /// transfer or free them; as it is given neither an `Env` nor a value, it cannot.
    ///
    /// # Errors
    /// An error if the memory was transferred or made smaller.
    pub fn fill<T>(&self, env: &Env, write: impl FnOnce(&mut [u8]) -> T) -> Result<T> {
        let start = self.locate(env, None)?;
        // SAFETY: V8 has just said that so many bytes are there, and JavaScript, which alone
        // can read or write them, too, waits until `write` has returned.
        let bytes = unsafe { slice::from_raw_parts_mut(start, DETAILS_BYTES as usize) };
        Ok(write(bytes))
    }

    /// Returns where the bytes of the array are now, and sets `buffer` to its `ArrayBuffer`.
    fn locate(&self, env: &Env, buffer: Option<&mut sys::napi_value>) -> Result<*mut u8> {
        let mut array = self.0.try_borrow_mut().map_err(|_| gone())?;
        let (mut start, mut length) = (ptr::null_mut(), 0);
        // SAFETY: `env` is that of the current call; `array` refers to a value of the same
        // environment, as functions do not leave theirs. Results whose pointer is null are
        // not written.
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
        if length == DETAILS_BYTES as usize && !start.is_null() {
            Ok(start.cast())
        } else {
            Err(gone())
        }
    }
}

fn gone() -> napi::Error {
    napi::Error::from_reason("details has another length")
}
