//! The `Authorization` header of a client, beside the form's own parameters (attack E04).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::oauth::client_auth::Presented;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (header, id, secret) = (next(), next(), next());
    let Ok(presented) = Presented::read(header, id, secret) else { return };
    assert!(id.is_none_or(|id| id == presented.client_id), "the header and the form name two clients");
    // Whoever is not known is never let in, whatever they present.
    assert!(presented.prove(None).is_err());
});
