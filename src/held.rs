//! A store as one environment of JavaScript holds it.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use express_session_core::memory_store::MemoryStore;
use napi::{Env, sys};

/// A store, and how many of its bytes V8 knows of: what it does not know of is no reason to
/// collect the objects that hold it.
///
/// All handles, doors and changes that an environment has of a store share one of these,
/// so that V8 is told once. What was told is taken back when the last of them is gone.
pub struct Held {
    store: Arc<MemoryStore>,
    env: sys::napi_env,
    told: Cell<i64>,
}

/// V8 is told of changes of so many bytes: a call costs as much as a look-up, and this is
/// some twenty sessions.
const STEP: u64 = 8 * 1024;

impl Held {
    /// Holds a store, and tells V8.
    pub fn new(env: &Env, store: Arc<MemoryStore>) -> Rc<Held> {
        let held = Rc::new(Held {
            store,
            env: env.raw(),
            told: Cell::new(0),
        });
        held.adjust(held.bytes());
        held
    }

    /// Holds a store that others may hold, too, also in this environment.
    pub fn shared(env: &Env, store: Arc<MemoryStore>) -> Rc<Held> {
        thread_local! {
            static SHARED: RefCell<Vec<Weak<Held>>> = const { RefCell::new(Vec::new()) };
        }
        let is_it = |held: &Rc<Held>| held.env == env.raw() && Arc::ptr_eq(&held.store, &store);
        let known = SHARED.with_borrow_mut(|shared| {
            shared.retain(|held| held.strong_count() > 0);
            shared.iter().filter_map(Weak::upgrade).find(is_it)
        });
        known.unwrap_or_else(|| {
            let held = Held::new(env, store);
            SHARED.with_borrow_mut(|shared| shared.push(Rc::downgrade(&held)));
            held
        })
    }

    /// What the store takes, with its empty parts.
    fn bytes(&self) -> i64 {
        (self.store.bytes() + size_of::<MemoryStore>()) as i64
    }

    /// Tells V8 what the store takes now, if that is another number by far. Called by what
    /// makes the store larger or smaller, without any lock.
    pub fn tell(&self) {
        let change = self.bytes() - self.told.get();
        if change.unsigned_abs() >= STEP {
            self.adjust(change);
        }
    }

    fn adjust(&self, change: i64) {
        // Before the call, which may collect garbage and so come here again.
        self.told.set(self.told.get() + change);
        let mut all = 0;
        // SAFETY: this is the environment's thread, as an `Rc` does not leave it, and the
        // environment is there: it outlives its handles and functions, to which this
        // belongs, and whose finalizers may call this. If the call fails, nothing was told.
        unsafe { sys::napi_adjust_external_memory(self.env, change, &mut all) };
    }
}

impl Deref for Held {
    type Target = MemoryStore;

    fn deref(&self) -> &MemoryStore {
        &self.store
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.adjust(-self.told.get());
    }
}
