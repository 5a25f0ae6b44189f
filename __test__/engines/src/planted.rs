//! Faults on purpose, for `scripts/sanitize.js`: a run that does not report them would
//! report nothing. Nothing else may call them.

use std::hint::black_box;

use napi_derive::napi;

/// Reads memory that is freed.
#[napi(js_name = "__useAfterFree", catch_unwind)]
pub fn use_after_free() -> u32 {
    let freed = black_box(Box::new([7_u8; 64]));
    let start = freed.as_ptr();
    drop(freed);
    // SAFETY: it is not safe. The sanitizer ends the process here.
    u32::from(unsafe { *black_box(start) })
}

/// Writes one byte past the end of a piece of memory.
#[napi(js_name = "__overflow", catch_unwind)]
pub fn overflow() -> u32 {
    let mut piece = black_box(vec![7_u8; 64]);
    let end = black_box(piece.as_mut_ptr().wrapping_add(64));
    // SAFETY: as above.
    unsafe { *end = 1 };
    u32::from(piece[0])
}
