//! Does what takes long on a thread of libuv's pool, for a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, Result, ToNapiValue, TypeName};
use napi::{Env, Task};

/// What a thread of the pool does. Its result fulfils a promise of JavaScript's.
pub struct Work<T>(Option<Box<dyn FnOnce() -> Result<T> + Send>>);

/// Makes the task that does `work`. A panic in it becomes an error.
pub fn later<T: Send + ToNapiValue + TypeName + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> AsyncTask<Work<T>> {
    AsyncTask::new(Work(Some(Box::new(work))))
}

impl<T: Send + ToNapiValue + TypeName + 'static> Task for Work<T> {
    type Output = T;
    type JsValue = T;

    fn compute(&mut self) -> Result<T> {
        let Some(work) = self.0.take() else {
            return Err(napi::Error::from_reason("the work was done already"));
        };
        // A panic must not leave this function: its caller is a C library.
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(napi::Error::from_reason("the engine panicked")))
    }

    fn resolve(&mut self, _env: Env, output: T) -> Result<T> {
        Ok(output)
    }
}
