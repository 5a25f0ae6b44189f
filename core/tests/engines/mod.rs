//! Engines for tests: see `core/tests/engine_contract.rs` and `__test__/engines/`.

pub mod failing;
pub mod plain;
