//! The addon: each file binds one module of the engine to JavaScript.
//!
//! Every export is a free function, because a method on a class costs ten times
//! as much to call. What each request calls, the doors and the changes of a store,
//! are functions made by such exports and bound to what they need, which then is
//! not looked up. All of them catch panics, which would otherwise end the process.
//! `session/` is the only caller.

use napi_derive::napi;

mod caller_buffer;
mod cookie;
mod door;
mod engines;
mod error;
mod handle;
mod session_id;
mod signature;
mod state;
mod store;
mod text;

/// The version of this package. The JavaScript half takes no addon of another one, which
/// may have other functions.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
