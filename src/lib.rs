//! The addon: each file binds one module of the engine to JavaScript.
//!
//! Every export is a free function, because a method on a class costs ten times
//! as much to call, and every export catches panics, which would otherwise end
//! the process. `session/` is the only caller.

mod cookie;
mod door;
mod memory_store;
mod panic;
mod session_id;
mod signature;
mod state;
mod text;
