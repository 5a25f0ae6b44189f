//! The engine of `express-session-rs`, without Node.js.
//!
//! A request walks through it twice. On the way in, [`cookie::signed`] finds the
//! session cookie in the `Cookie` header and verifies its [`signature`], which
//! gives the session id; a new one comes from [`session_id`]. On the way out,
//! [`state`] decides what the request must do to its session, and
//! [`cookie::serialize`] writes the signed id into a `Set-Cookie` header.
//! An [`engine`] keeps sessions as the JSON text they arrived as, [`memory_store`] in this
//! process: [`session_text`] parts it into data and cookie, and [`cookie_text`] keeps what
//! cookies have in common once and reads when they expire.
//!
//! Text is bytes in [generalised UTF-8](wtf8), so that any JavaScript string,
//! also one with lone surrogates, comes back as it went in. Nothing here reads a
//! clock or does I/O: `now` is a parameter, in ms since the epoch.

#![forbid(unsafe_code)]

pub mod cookie;
pub mod cookie_text;
mod date;
pub mod engine;
pub mod error;
pub mod memory_store;
pub mod session_id;
pub mod session_text;
pub mod signature;
pub mod state;
pub mod wtf8;
