//! Stores that the threads of a process have in common.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::MemoryStore;
use crate::engine::Bounds;
use crate::error::Error;

/// Held by name only: the last thread that lets go of a store frees it.
static STORES: LazyLock<Mutex<HashMap<Vec<u8>, Weak<MemoryStore>>>> = LazyLock::new(Mutex::default);

/// The store called `name`, which is made if no thread has it.
///
/// # Errors
/// [`Error::Bounds`] if it is there with other bounds.
pub fn store(name: &[u8], bounds: Bounds) -> Result<Arc<MemoryStore>, Error> {
    let mut stores = STORES.lock();
    if let Some(store) = stores.get(name).and_then(Weak::upgrade) {
        return if store.bounds() == bounds {
            Ok(store)
        } else {
            Err(Error::Bounds)
        };
    }
    stores.retain(|_, store| store.strong_count() > 0);
    let store = Arc::new(MemoryStore::new(bounds));
    stores.insert(name.to_vec(), Arc::downgrade(&store));
    Ok(store)
}

#[cfg(test)]
mod tests;
