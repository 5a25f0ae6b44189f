//! An engine as one environment of JavaScript holds it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use express_session_core::engine::Engine;
use express_session_core::error::Error;
use napi::bindgen_prelude::Result;
use napi::{Env, sys};

use crate::error::js_error;

/// An engine, and how many of its bytes V8 knows of: what it does not know of is no reason to
/// collect the objects that hold it.
///
/// All handles, doors and changes that an environment has of an engine share one of these,
/// so that V8 is told once. What was told is taken back when the last of them is gone.
pub struct EngineHandle {
    engine: Arc<dyn Engine>,
    env: sys::napi_env,
    told: Cell<i64>,
}

/// V8 is told of changes of so many bytes: a call costs as much as a look-up, and this is
/// some twenty sessions.
const STEP: u64 = 8 * 1024;

impl EngineHandle {
    /// Holds an engine, and tells V8.
    pub fn new(env: &Env, engine: Arc<dyn Engine>) -> Rc<EngineHandle> {
        let handle = Rc::new(EngineHandle {
            engine,
            env: env.raw(),
            told: Cell::new(0),
        });
        handle.adjust(handle.bytes());
        handle
    }

    /// Holds an engine that others may hold, too, also in this environment.
    pub fn shared(env: &Env, engine: Arc<dyn Engine>) -> Rc<EngineHandle> {
        thread_local! {
            static SHARED: RefCell<Vec<Weak<EngineHandle>>> = const { RefCell::new(Vec::new()) };
        }
        let is_it = |handle: &Rc<EngineHandle>| {
            handle.env == env.raw() && Arc::ptr_eq(&handle.engine, &engine)
        };
        let known = SHARED.with_borrow_mut(|shared| {
            shared.retain(|handle| handle.strong_count() > 0);
            shared.iter().filter_map(Weak::upgrade).find(is_it)
        });
        known.unwrap_or_else(|| {
            let handle = EngineHandle::new(env, engine);
            SHARED.with_borrow_mut(|shared| shared.push(Rc::downgrade(&handle)));
            handle
        })
    }

    /// Asks the engine for what may make it larger or smaller, and tells V8 what it takes
    /// then.
    ///
    /// # Errors
    /// The engine's, for JavaScript.
    pub fn ask<T>(
        &self,
        call: impl FnOnce(&dyn Engine) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        let answer = call(&*self.engine);
        self.tell();
        answer.map_err(js_error)
    }

    /// What the engine takes, with its empty parts.
    fn bytes(&self) -> i64 {
        (self.engine.bytes() + size_of_val(&*self.engine)) as i64
    }

    /// Tells V8 what the engine takes now, if that is another number by far. No lock must
    /// be handle.
    fn tell(&self) {
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

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.adjust(-self.told.get());
    }
}
