//! The one error type of the engine.

use std::fmt;
use std::sync::Arc;

/// What makes a `Set-Cookie` header impossible, in the order in which npm
/// `cookie` 0.7.2 finds it, with that package's messages; and what makes other things
/// impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The name is no RFC 7230 token.
    Name,
    /// The value has a lone surrogate, which percent-encoding cannot express.
    MalformedUri,
    /// The encoded value is no RFC 6265 cookie-value.
    Value,
    /// `maxAge` is no finite number.
    MaxAge,
    /// `domain` is no domain name.
    Domain,
    /// `path` has a control character, `;` or `<`.
    Path,
    /// `expires` is no valid date.
    Expires,
    /// `priority` is none of low, medium, high.
    Priority,
    /// `sameSite` is none of true, lax, strict, none.
    SameSite,
    /// There is no secret to sign with.
    Secret,
    /// A shared store is there with other bounds.
    Bounds,
    /// An engine failed, which says how.
    Engine(Arc<str>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Name => "argument name is invalid",
            Error::MalformedUri => "URI malformed",
            Error::Value => "argument val is invalid",
            Error::MaxAge => "option maxAge is invalid",
            Error::Domain => "option domain is invalid",
            Error::Path => "option path is invalid",
            Error::Expires => "option expires is invalid",
            Error::Priority => "option priority is invalid",
            Error::SameSite => "option sameSite is invalid",
            Error::Secret => "Secret key must be provided.",
            Error::Bounds => "shared option: a shared store of that name has other bounds",
            Error::Engine(message) => message,
        })
    }
}

impl std::error::Error for Error {}
