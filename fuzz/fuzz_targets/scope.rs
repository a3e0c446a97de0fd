//! A scope string (RFC 6749 section 3.3): what is read is written the same way again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::oauth::scope::ScopeSet;

fuzz_target!(|text: &str| {
    let Ok(scope) = text.parse::<ScopeSet>() else { return };
    let written = scope.to_string();
    assert_eq!(written.parse::<ScopeSet>().unwrap(), scope);
    for one in scope.iter() {
        assert!(scope.contains(one) && scope.satisfies(one));
        assert!(one.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{one:?}");
    }
    assert!(scope.is_subset(&scope) && scope.union(&scope) == scope && scope.intersection(&scope) == scope);
});
