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
            ..Bounds::default()
        },
    );
    assert!(held.is_ok());
    let other = store(b"bounded", Bounds::default());
    assert_eq!(other.err(), Some(Error::Bounds));
}
