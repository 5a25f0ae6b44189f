//! The addon's own sources, but for the module that makes engines; and what only tests
//! may have: panics and faults on purpose, and the reader of `Cookie` headers alone.

use napi_derive::napi;

#[path = "../../../src/caller_buffer.rs"]
mod caller_buffer;
#[path = "../../../src/cookie.rs"]
mod cookie;
#[path = "../../../src/disk.rs"]
mod disk;
mod engines;
#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/handle.rs"]
mod handle;
#[path = "../../../src/later.rs"]
mod later;
mod panic;
mod parse;
mod planted;
#[path = "../../../src/session_id.rs"]
mod session_id;
#[path = "../../../src/session_reader.rs"]
mod session_reader;
#[path = "../../../src/signature.rs"]
mod signature;
#[path = "../../../src/state.rs"]
mod state;
#[path = "../../../src/store.rs"]
mod store;
#[path = "../../../src/text.rs"]
mod text;
#[path = "../../../src/touched.rs"]
mod touched;

/// The version of the package, which takes no addon of another one.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
