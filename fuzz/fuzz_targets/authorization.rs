//! How a client proves itself: the `Authorization` header beside the form's own parameters, each on a line of its own
//! (attacks E04, E05).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::clock::Time;
use postern::oauth::client_auth::{Credentials, Measure, Presented};

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(5, '\n');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (header, id, secret) = (next(), next(), next());
    let (assertion_type, assertion) = (next(), next());
    let credentials = Credentials { header, id, secret, assertion, assertion_type };
    let Ok(presented) = Presented::read(credentials) else { return };
    assert!([header, secret, assertion].iter().flatten().count() <= 1, "two ways at once");
    assert!(id.is_none_or(|id| id == presented.client_id), "it names two clients");
    // Whoever is not known is never let in, whatever they present.
    let measure = Measure { keys: None, audiences: &[], now: Time::from_seconds(1_800_000_000) };
    assert!(presented.prove(None, &measure).is_err());
});
