//! The handle by which one environment of JavaScript (a thread) holds an engine.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use express_session_core::engine::Engine;
use express_session_core::error::Error;
use napi::bindgen_prelude::Result;
use napi::{Env, sys};

use crate::error::js_error;

/// An engine, of whose memory V8 is told: V8 does not see memory outside its heap, and would
/// find no reason to collect objects that keep an engine of many sessions alive.
///
/// All JavaScript objects and functions of an environment that use an engine share one handle,
/// so that V8 is told of the memory once. When the last of them is collected, V8 is told that
/// the memory is gone.
pub struct EngineHandle {
    engine: Arc<dyn Engine>,
    env: sys::napi_env,
    /// The bytes that V8 was told of.
    told: Cell<i64>,
}

/// The bytes by which the memory must have changed before V8 is told again. Telling it takes
/// as long as a look-up; these are the bytes of about twenty sessions.
const STEP: u64 = 8 * 1024;

impl EngineHandle {
    /// Makes the handle of an engine that no other handle has, and tells V8 of its memory.
    pub fn new(env: &Env, engine: Arc<dyn Engine>) -> Rc<EngineHandle> {
        let handle = Rc::new(EngineHandle {
            engine,
            env: env.raw(),
            told: Cell::new(0),
        });
        handle.adjust(handle.bytes());
        handle
    }

    /// Returns the handle that this environment has of `engine`, or makes it. Other
    /// environments may have handles of their own of the same engine.
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

    /// Calls the engine, and then tells V8 of its memory, which the call may have changed.
    ///
    /// # Errors
    /// The engine's error, as a JavaScript error.
    pub fn ask<T>(
        &self,
        call: impl FnOnce(&dyn Engine) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        let answer = call(&*self.engine);
        self.tell();
        answer.map_err(js_error)
    }

    /// Returns the engine, for another thread.
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine)
    }

    /// Returns the bytes of the engine: those of its sessions, and its own size.
    fn bytes(&self) -> i64 {
        (self.engine.bytes() + size_of_val(&*self.engine)) as i64
    }

    /// Tells V8 how many bytes the engine takes now, if these have changed by [`STEP`] or more.
    /// No lock may be held, as V8 may collect garbage and call finalizers.
    fn tell(&self) {
        let change = self.bytes() - self.told.get();
        if change.unsigned_abs() >= STEP {
            self.adjust(change);
        }
    }

    /// Tells V8 that the engine takes `change` more bytes.
    fn adjust(&self, change: i64) {
        // Set before the call, which may collect garbage and so call this function again.
        self.told.set(self.told.get() + change);
        let mut all = 0;
        // SAFETY: this is the environment's thread, which an `Rc` does not leave; and the
        // environment still exists, as it outlives the objects and functions that own this
        // handle, and their finalizers. A failure of the call changes nothing.
        unsafe { sys::napi_adjust_external_memory(self.env, change, &mut all) };
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.adjust(-self.told.get());
    }
}
