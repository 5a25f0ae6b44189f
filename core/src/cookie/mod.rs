//! Cookies on the wire (RFC 6265): reading the `Cookie` header, writing
//! `Set-Cookie`. The grammar and its tolerance are npm `cookie` 0.7.2's.

pub mod parse;
pub mod percent;
pub mod serialize;
pub mod signed;
