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
mod tests {
    use super::*;
    use crate::engine::{Engine, Stored};

    fn has_a(store: &MemoryStore) -> bool {
        store.peek(b"a") != Ok(None)
    }

    #[test]
    fn one_name_is_one_store_as_long_as_somebody_has_it() {
        let bounds = Bounds::default();
        let one = store(b"one", bounds).ok();
        if let Some(one) = &one {
            assert_eq!(one.set(b"a", b"{}", None, None), Ok(Stored::Done(None)));
        }
        let again = store(b"one", bounds).ok();
        assert!(again.is_some_and(|it| has_a(&it)));
        assert!(store(b"other", bounds).is_ok_and(|it| !has_a(&it)));
        drop(one);
        assert!(store(b"one", bounds).is_ok_and(|it| !has_a(&it)), "freed");
    }

    #[test]
    fn refuses_other_bounds() {
        let held = store(
            b"bounded",
            Bounds {
                max: Some(5),
                max_bytes: None,
            },
        );
        assert!(held.is_ok());
        let other = store(b"bounded", Bounds::default());
        assert_eq!(other.err(), Some(Error::Bounds));
    }
}
