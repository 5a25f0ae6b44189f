//! Memory stores that the threads of a process share by name.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::MemoryStore;
use crate::engine::Bounds;
use crate::error::Error;

/// The shared stores by name. The references are weak, so that a store is freed when the last
/// thread drops it.
static STORES: LazyLock<Mutex<HashMap<Vec<u8>, Weak<MemoryStore>>>> = LazyLock::new(Mutex::default);

/// Returns the store called `name`. If no thread has it, it is made, with these bounds.
///
/// # Errors
/// [`Error::Bounds`] if a thread has it with other bounds.
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
