//! Cookies on the wire (RFC 6265): reads the `Cookie` header and writes `Set-Cookie`. What
//! is accepted beyond the grammar is what npm `cookie` 0.7.2 accepts.

pub mod parse;
pub mod percent;
pub mod serialize;
pub mod signed;
