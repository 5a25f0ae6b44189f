//! Which engine a store has: what a test chose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use express_session_core::engine::{Bounds, Engine};
use express_session_core::error::Error;
use napi_derive::napi;

#[path = "../../../core/tests/engines/mod.rs"]
mod doubles;
/// What the package has.
#[path = "../../../src/engines.rs"]
mod package;

use doubles::failing::Failing;
use doubles::plain::Plain;

const MEMORY: u32 = 0;
const PLAIN: u32 = 1;
const FAILING: u32 = 2;

static CHOSEN: AtomicU32 = AtomicU32::new(MEMORY);
static MADE: AtomicU32 = AtomicU32::new(0);
static IS_FAILING: AtomicBool = AtomicBool::new(false);

/// What `src/engines.rs` has, too. Plain engines have no names: those that share one are
/// the package's.
pub fn create(bounds: Bounds, shared: Option<&[u8]>) -> Result<Arc<dyn Engine>, Error> {
    let engine: Arc<dyn Engine> = match (CHOSEN.load(Relaxed), shared) {
        (PLAIN, None) => Arc::new(Plain::new(bounds)),
        (FAILING, None) => Arc::new(Failing::new(bounds, &IS_FAILING)),
        _ => return package::create(bounds, shared),
    };
    MADE.fetch_add(1, Relaxed);
    Ok(engine)
}

/// Chooses the engine of stores that are made from now on, in all threads: `memory`,
/// `plain` or `failing`.
#[napi(catch_unwind)]
pub fn use_engine(name: String) -> napi::Result<()> {
    let chosen = match &name[..] {
        "memory" => MEMORY,
        "plain" => PLAIN,
        "failing" => FAILING,
        _ => return Err(napi::Error::from_reason(format!("no engine {name}"))),
    };
    CHOSEN.store(chosen, Relaxed);
    Ok(())
}

/// How many engines were made that are not the package's.
#[napi(catch_unwind)]
pub fn engines_made() -> u32 {
    MADE.load(Relaxed)
}

/// Whether all that failing engines are asked from now on fails.
#[napi(catch_unwind)]
pub fn fail(is_on: bool) {
    IS_FAILING.store(is_on, Relaxed);
}
