//! Makes the engine of a store.

use std::sync::Arc;

use express_session_core::engine::{Bounds, Engine};
use express_session_core::error::Error;
use express_session_core::memory_store::{MemoryStore, shared};

/// Makes an empty engine with these bounds or, with a name in `shared`, returns the one that
/// all threads of the process share under that name.
///
/// # Errors
/// [`Error::Bounds`] if the shared one exists with other bounds.
pub fn create(bounds: Bounds, shared: Option<&[u8]>) -> Result<Arc<dyn Engine>, Error> {
    Ok(match shared {
        Some(name) => shared::store(name, bounds)?,
        None => Arc::new(MemoryStore::new(bounds)),
    })
}
