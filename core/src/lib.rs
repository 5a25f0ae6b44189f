//! The part of `express-session-rs` that knows nothing of Node.js.
//!
//! A request walks through it twice. On the way in, [`cookie::signed`] finds the session
//! cookie in the `Cookie` header and verifies its [`signature`], which gives the session id;
//! a new id comes from [`session_id`]. On the way out, [`state`] decides what the request
//! does to its session in the store, and [`cookie::serialize`] writes the signed id into a
//! `Set-Cookie` header.
//!
//! An [`engine`] keeps sessions as the JSON text that they arrive as; [`memory_store`] is the
//! one that keeps them in this process, and [`disk_store`] the one that keeps them in a file for all
//! processes of a machine. [`session_text`] splits such a text into the session's
//! cookie and its data, and [`cookie_text`] keeps the text of a cookie once for all sessions
//! that have the same.
//!
//! Text is bytes in [generalised UTF-8](wtf8), so that every JavaScript string, also one with
//! lone surrogates, comes back as it went in. The current time is a parameter `now`, in ms since the
//! epoch. Nothing here but [`disk_store`] does I/O or reads a clock: that orders the changes of
//! several processes by it.

#![forbid(unsafe_code)]

pub mod cookie;
pub mod cookie_text;
mod date;
pub mod disk_store;
pub mod engine;
pub mod error;
pub mod memory_store;
pub mod meta;
pub mod session_id;
pub mod session_text;
pub mod signature;
pub mod state;
pub mod touched;
pub mod wtf8;
