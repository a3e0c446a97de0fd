//! What a catalog is asked and made of: descriptors, filters, predicates, cursors (attacks E07, H02).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::catalog::cursor::Cursor;
use postern::catalog::predicate::Predicate;
use postern::catalog::{filter, yaml};

fuzz_target!(|text: &str| {
    let _ = yaml::documents(text);
    let _ = filter::parse([text]);
    if let Ok(value) = serde_json::from_str(text) {
        let _ = Predicate::parse(&value);
    }
    if let Ok(cursor) = Cursor::decode(text) {
        assert!(Cursor::decode(&cursor.encode()).is_ok(), "a cursor that is read is written again");
    }
});
