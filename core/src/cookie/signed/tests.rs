use super::*;
use proptest::prelude::*;

fn key(secret: &[u8]) -> Key {
    Key::new(secret).unwrap_or_else(|error| unreachable!("{error}"))
}

/// A cookie's value, signed with `secret`.
fn signed(value: &str, secret: &[u8]) -> String {
    let signed = signature::sign(value.as_bytes(), &key(secret));
    format!("s:{}", String::from_utf8_lossy(&signed))
}

/// What a header says whose cookies of one name have these values.
fn opened(values: &[&str]) -> Result<String, Refusal> {
    let header: Vec<String> = values.iter().map(|value| format!("sid={value}")).collect();
    open(header.join("; ").as_bytes(), b"sid", &[key(b"secret")])
        .map(|value| String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn opens_a_signed_cookie() {
    let good = signed("id", b"secret");
    assert_eq!(opened(&[&good]).as_deref(), Ok("id"));
    assert_eq!(opened(&[&good.replace("s:", "s%3A")]).as_deref(), Ok("id"));
    assert_eq!(opened(&[&signed("", b"secret")]).as_deref(), Ok(""));
    assert_eq!(opened(&[]), Err(Refusal::Absent));
    assert_eq!(opened(&[""]), Err(Refusal::Absent));
    assert_eq!(opened(&[&good[2..]]), Err(Refusal::Unsigned));
    assert_eq!(opened(&[&signed("id", b"other")]), Err(Refusal::Forged));
}

#[test]
fn of_several_the_first_that_is_signed_counts() {
    let (one, two) = (signed("one", b"secret"), signed("two", b"secret"));
    let empty = signed("", b"secret");
    let forged = signed("old", b"other");
    assert_eq!(opened(&[&one, &two]).as_deref(), Ok("one"));
    assert_eq!(opened(&[&one, &forged]).as_deref(), Ok("one"));
    assert_eq!(
        opened(&["", "old", &forged, &two, &one]).as_deref(),
        Ok("two")
    );
    assert_eq!(opened(&[&empty, &one]).as_deref(), Ok(""));
    assert_eq!(opened(&["old", &empty, &one]).as_deref(), Ok(""));
}

#[test]
fn without_a_signed_one_the_first_says_why() {
    let forged = signed("old", b"other");
    assert_eq!(opened(&["", "old", &forged]), Err(Refusal::Absent));
    assert_eq!(opened(&["old", &forged, ""]), Err(Refusal::Unsigned));
    assert_eq!(opened(&[&forged, "old", ""]), Err(Refusal::Forged));
}

#[test]
fn no_more_than_sixteen_are_tried() {
    let good = signed("id", b"secret");
    let mut values = vec!["old"; 15];
    values.push(&good);
    assert_eq!(opened(&values).as_deref(), Ok("id"));
    values.insert(0, "old");
    assert_eq!(opened(&values), Err(Refusal::Unsigned));
}

proptest! {
    #[test]
    fn any_header_is_opened(header: Vec<u8>, name: Vec<u8>) {
        prop_assert!(open(&header, &name, &[key(b"secret")]).is_err());
    }
}
