//! Which engine a store has.

use std::sync::Arc;

use express_session_core::engine::{Bounds, Engine};
use express_session_core::error::Error;
use express_session_core::memory_store::{MemoryStore, shared};

/// An empty engine, or the one that all threads of the process share under a name.
///
/// # Errors
/// [`Error::Bounds`] if that one is there with other bounds.
pub fn create(bounds: Bounds, shared: Option<&[u8]>) -> Result<Arc<dyn Engine>, Error> {
    Ok(match shared {
        Some(name) => shared::store(name, bounds)?,
        None => Arc::new(MemoryStore::new(bounds)),
    })
}
