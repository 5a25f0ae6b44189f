//! Decides what a request does to its session, from what is known of the two.
//!
//! When the response's headers are written, [`sets_cookie`] decides whether the session cookie
//! goes with them. When the response ends, [`end`] decides what happens to the session in the
//! store. Both are functions of [`Facts`]. An option that has a say in them is a new fact in
//! the list [`facts!`](crate::facts).

/// Calls the macro `$receiver` with the list of all facts, in the order of their bits in
/// [`Facts`], each with its documentation.
#[macro_export]
macro_rules! facts {
    ($receiver:ident) => {
        $receiver! {
            SAVE_UNINITIALIZED: "Option `saveUninitialized`.",
            ROLLING: "Option `rolling`.",
            UNSET_DESTROY: "Option `unset: 'destroy'`.",
            STORE_TOUCHES: "The store has a `touch` method.",
            HAS_ID: "`req.sessionID` is truthy.",
            ID_IS_STRING: "`req.sessionID` is a string.",
            ID_FROM_COOKIE: "The id is the one the request's cookie brought.",
            UNSET: "`req.session` is null or undefined.",
            HAS_SESSION: "`req.session` is truthy.",
            MODIFIED: "The session's id or data differ from those the request began with.",
            WAS_SAVED: "The session was saved in this request, or needs no save unless modified (option `resave: false`).",
            SAVED: "The session's id and data are those last saved.",
            EXPIRES: "The session's cookie has an expiry.",
            KEEPS_EXPIRY: "This request must not renew the session's expiry.",
            FRESH: "The session's expiry was renewed lately (option `touchAfter`).",
        }
    };
}

macro_rules! define {
    ($($name:ident: $doc:tt,)+) => {
        /// What is known of a request and its session: a bit for each fact, set if it is true.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Facts(pub u32);

        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the facts")]
        enum Bit {
            $($name,)+
        }

        impl Facts {
            $(#[doc = $doc] pub const $name: u32 = 1 << Bit::$name as u32;)+

            /// Returns every combination of facts, in the order of their numbers.
            pub fn all() -> impl Iterator<Item = Facts> {
                (0..1 << [$(Facts::$name),+].len()).map(Facts)
            }
        }
    };
}

facts!(define);

impl Facts {
    fn has(self, fact: u32) -> bool {
        self.0 & fact != 0
    }
}

/// What happens to the session in the store when the response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing.
    Nothing,
    /// It is saved: with a store of another package by the store's `set`.
    Save,
    /// Its expiry alone is renewed: with a store of another package by the store's `touch`.
    Touch,
    /// It is destroyed.
    Destroy,
}

/// Decides what happens to the session in the store when the response ends.
pub fn end(facts: Facts) -> End {
    if facts.has(Facts::UNSET) && facts.has(Facts::UNSET_DESTROY) && facts.has(Facts::HAS_ID) {
        End::Destroy
    } else if !facts.has(Facts::HAS_SESSION) || !facts.has(Facts::ID_IS_STRING) {
        End::Nothing
    } else if must_save(facts) {
        End::Save
    } else if facts.has(Facts::ID_FROM_COOKIE)
        && facts.has(Facts::STORE_TOUCHES)
        && !keeps_expiry(facts)
    {
        End::Touch
    } else {
        End::Nothing
    }
}

/// Decides whether the response sets the session cookie. That a secure cookie goes over a
/// secure connection only is not decided here.
pub fn sets_cookie(facts: Facts) -> bool {
    if !facts.has(Facts::HAS_SESSION) || !facts.has(Facts::ID_IS_STRING) {
        false
    } else if facts.has(Facts::ID_FROM_COOKIE) {
        let rolls = facts.has(Facts::ROLLING) && !keeps_expiry(facts);
        rolls || facts.has(Facts::EXPIRES) && facts.has(Facts::MODIFIED)
    } else {
        facts.has(Facts::SAVE_UNINITIALIZED) || facts.has(Facts::MODIFIED)
    }
}

/// Decides whether the expiry of a known session stays as it is, unless the session is saved.
fn keeps_expiry(facts: Facts) -> bool {
    let is_fresh = facts.has(Facts::FRESH) && !facts.has(Facts::MODIFIED);
    is_fresh || facts.has(Facts::KEEPS_EXPIRY)
}

/// Decides whether a session that is not destroyed is saved.
fn must_save(facts: Facts) -> bool {
    // A save without a change of the data would only renew the expiry of a known session.
    let only_if_modified = if facts.has(Facts::ID_FROM_COOKIE) {
        keeps_expiry(facts)
    } else {
        !facts.has(Facts::SAVE_UNINITIALIZED)
    };
    if only_if_modified && !facts.has(Facts::WAS_SAVED) {
        facts.has(Facts::MODIFIED)
    } else {
        !facts.has(Facts::SAVED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEW: u32 = Facts::HAS_ID | Facts::ID_IS_STRING | Facts::HAS_SESSION;
    const KNOWN: u32 = NEW | Facts::ID_FROM_COOKIE | Facts::STORE_TOUCHES;
    const UNCHANGED: u32 = KNOWN | Facts::WAS_SAVED | Facts::SAVED;

    #[test]
    fn a_new_session_is_saved_once_written_or_when_asked_to() {
        assert_eq!(end(Facts(NEW)), End::Nothing);
        assert_eq!(end(Facts(NEW | Facts::MODIFIED)), End::Save);
        assert_eq!(end(Facts(NEW | Facts::SAVE_UNINITIALIZED)), End::Save);
        assert!(!sets_cookie(Facts(NEW)));
        assert!(sets_cookie(Facts(NEW | Facts::MODIFIED)));
        assert!(sets_cookie(Facts(NEW | Facts::SAVE_UNINITIALIZED)));
    }

    #[test]
    fn a_known_session_is_touched_or_saved() {
        assert_eq!(end(Facts(UNCHANGED)), End::Touch);
        assert_eq!(
            end(Facts(UNCHANGED & !Facts::STORE_TOUCHES)),
            End::Nothing,
            "a store without touch"
        );
        assert_eq!(end(Facts(KNOWN)), End::Save, "resave");
        assert_eq!(
            end(Facts(KNOWN | Facts::WAS_SAVED | Facts::MODIFIED)),
            End::Save
        );
    }

    #[test]
    fn a_known_session_gets_its_cookie_again_when_that_renews_it() {
        assert!(!sets_cookie(Facts(UNCHANGED)));
        assert!(!sets_cookie(Facts(UNCHANGED | Facts::EXPIRES)));
        assert!(!sets_cookie(Facts(KNOWN | Facts::MODIFIED)));
        assert!(sets_cookie(Facts(KNOWN | Facts::MODIFIED | Facts::EXPIRES)));
        assert!(sets_cookie(Facts(UNCHANGED | Facts::ROLLING)));
    }

    #[test]
    fn a_session_that_keeps_its_expiry_is_saved_only_if_it_changed() {
        let kept = UNCHANGED | Facts::KEEPS_EXPIRY | Facts::ROLLING | Facts::EXPIRES;
        assert_eq!(end(Facts(kept)), End::Nothing);
        assert!(!sets_cookie(Facts(kept)));
        let resaved = kept & !Facts::WAS_SAVED & !Facts::SAVED;
        assert_eq!(end(Facts(resaved)), End::Nothing, "resave");
        assert_eq!(end(Facts(resaved | Facts::MODIFIED)), End::Save);
        let reverted = kept & !Facts::SAVED;
        assert_eq!(end(Facts(reverted)), End::Save, "saved, then changed back");
        let created = NEW | Facts::KEEPS_EXPIRY | Facts::MODIFIED;
        assert_eq!(end(Facts(created)), End::Save);
        assert!(sets_cookie(Facts(created)));
    }

    #[test]
    fn a_fresh_session_is_renewed_only_if_it_changed() {
        let fresh = UNCHANGED | Facts::FRESH | Facts::ROLLING | Facts::EXPIRES;
        assert_eq!(end(Facts(fresh)), End::Nothing);
        assert!(!sets_cookie(Facts(fresh)));
        let resaved = fresh & !Facts::WAS_SAVED & !Facts::SAVED;
        assert_eq!(end(Facts(resaved)), End::Nothing, "resave");
        let reverted = fresh & !Facts::SAVED;
        assert_eq!(end(Facts(reverted)), End::Save, "saved, then changed back");
    }

    #[test]
    fn an_unset_session_is_destroyed_only_when_asked_to() {
        let unset = Facts::HAS_ID | Facts::ID_IS_STRING | Facts::UNSET;
        assert_eq!(end(Facts(unset)), End::Nothing);
        assert_eq!(end(Facts(unset | Facts::UNSET_DESTROY)), End::Destroy);
        assert_eq!(
            end(Facts(Facts::UNSET | Facts::UNSET_DESTROY)),
            End::Nothing
        );
    }

    proptest! {
        #[test]
        fn an_id_that_is_no_string_is_never_saved(bits: u32) {
            let facts = Facts(bits & !Facts::ID_IS_STRING);
            prop_assert!(!matches!(end(facts), End::Save | End::Touch));
            prop_assert!(!sets_cookie(facts));
        }

        #[test]
        fn without_a_session_nothing_is_written(bits: u32) {
            let facts = Facts(bits & !Facts::HAS_SESSION);
            prop_assert!(!matches!(end(facts), End::Save | End::Touch));
            prop_assert!(!sets_cookie(facts));
        }

        #[test]
        fn only_an_unset_session_is_destroyed(bits: u32) {
            prop_assert_ne!(end(Facts(bits & !Facts::UNSET)), End::Destroy);
            prop_assert_ne!(end(Facts(bits & !Facts::UNSET_DESTROY)), End::Destroy);
        }

        #[test]
        fn only_an_id_from_the_cookie_is_touched(bits: u32) {
            prop_assert_ne!(end(Facts(bits & !Facts::ID_FROM_COOKIE)), End::Touch);
        }

        #[test]
        fn an_expiry_that_is_kept_is_not_touched(bits: u32) {
            prop_assert_ne!(end(Facts(bits | Facts::KEEPS_EXPIRY)), End::Touch);
        }

        #[test]
        fn a_fresh_session_without_a_change_keeps_its_expiry(bits: u32) {
            let facts = bits & !Facts::MODIFIED;
            let (fresh, kept) = (Facts(facts | Facts::FRESH), Facts(facts | Facts::KEEPS_EXPIRY));
            prop_assert_eq!(end(fresh), end(kept));
            prop_assert_eq!(sets_cookie(fresh), sets_cookie(kept));
        }

        #[test]
        fn a_change_counts_as_ever_whether_the_session_is_fresh_or_new(bits: u32) {
            let changed = bits | Facts::MODIFIED;
            let created = bits & !Facts::ID_FROM_COOKIE;
            for facts in [changed, created] {
                let (fresh, stale) = (Facts(facts | Facts::FRESH), Facts(facts & !Facts::FRESH));
                prop_assert_eq!(end(fresh), end(stale));
                prop_assert_eq!(sets_cookie(fresh), sets_cookie(stale));
            }
        }
    }
}
