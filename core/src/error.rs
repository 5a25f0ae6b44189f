//! The one error type of this crate.

use std::fmt;
use std::sync::Arc;

/// Why this crate could not do what it was asked to do.
///
/// The variants from `Name` to `SameSite` are about a `Set-Cookie` header, in the order in
/// which npm `cookie` 0.7.2 checks for them. Their messages are that package's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The name is no token (RFC 7230 section 3.2.6).
    Name,
    /// The value has a lone surrogate, which percent-encoding cannot express.
    MalformedUri,
    /// The encoded value is no cookie-value (RFC 6265 section 4.1.1).
    Value,
    /// `maxAge` is no finite number.
    MaxAge,
    /// `domain` is no domain name (RFC 1034 section 3.5).
    Domain,
    /// `path` has a character that is not printable ASCII, `;` or `<`.
    Path,
    /// `expires` is no time that a JavaScript `Date` can have.
    Expires,
    /// `priority` is none of `low`, `medium` and `high`.
    Priority,
    /// `sameSite` is none of `true`, `lax`, `strict` and `none`.
    SameSite,
    /// There is no secret to sign with.
    Secret,
    /// A shared store of that name exists and has other bounds.
    Bounds,
    /// An engine failed. Has the engine's message.
    Engine(Arc<str>),
    /// An engine could not answer at once. Has the engine's message.
    Busy(Arc<str>),
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
            Error::Engine(message) | Error::Busy(message) => message,
        })
    }
}

impl std::error::Error for Error {}
