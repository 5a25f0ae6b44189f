//! The table of the option `touchAfter`.

use std::cell::RefCell;
use std::rc::Rc;

use express_session_core::touched::Touched;
use napi::Env;
use napi::bindgen_prelude::{Function, FunctionCallContext, JsObjectValue, Object, Result};
use napi_derive::napi;

use crate::text::Text;

/// Makes a table of the times at which sids were touched last, in ms since the epoch, and returns
/// the functions that use it: `note` a sid's time, `forget` a sid, and return the `last` time of
/// a sid, NaN if that is not known. The table does not grow.
#[napi(
    catch_unwind,
    ts_return_type = "{ note(sid: string, time: number): void, forget(sid: string): void, last(sid: string): number }"
)]
pub fn create_touched<'env>(env: &'env Env) -> Result<Object<'env>> {
    let mut calls = Object::new(env)?;
    let table = Rc::new(RefCell::new(Touched::default()));
    let mut add = |name: &str, act: fn(&mut Touched, Text, &FunctionCallContext) -> Result<f64>| {
        let table = Rc::clone(&table);
        let function: Function<'_, (), f64> =
            env.create_function_from_closure(name, move |call: FunctionCallContext| {
                let sid = call.get(0)?;
                act(&mut table.borrow_mut(), sid, &call)
            })?;
        calls.set_named_property(name, function)
    };
    add("note", |table, sid, call| {
        let time: f64 = call.get(1)?;
        table.note(&sid, time as u64);
        Ok(time)
    })?;
    add("forget", |table, sid, _| {
        table.forget(&sid);
        Ok(f64::NAN)
    })?;
    add("last", |table, sid, _| {
        Ok(table.last(&sid).map_or(f64::NAN, |time| time as f64))
    })?;
    Ok(calls)
}
