//! The addon: binds the crate `express_session_core` to JavaScript, a file for each of its
//! modules.
//!
//! Every export is a free function, because calling a method of a class takes ten times as
//! long. The functions that requests call, those of [`session_reader::create_session_reader`] and
//! [`store::store_request_calls`], are closures that such exports make: they own what they need, and
//! do not look it up at each call. All of them catch panics, which would otherwise end the
//! process. The package's JavaScript calls each of them, and tests call no others.

use napi_derive::napi;

mod caller_buffer;
mod cookie;
mod disk;
mod engines;
mod error;
mod handle;
mod later;
mod session_id;
mod session_reader;
mod signature;
mod state;
mod store;
mod text;
mod touched;

/// The version of this package. The JavaScript half takes no addon of another one, which
/// may have other functions.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
