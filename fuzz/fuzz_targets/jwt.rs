//! A token and a DPoP proof from a stranger: nothing that was not signed here is ever believed (attack F01).
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postern::clock::Time;
use postern::oauth::claims::verify_for_any_audience;
use postern::oauth::key::{Algorithm, KeyRing, SigningKey};
use postern::secret;

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| {
    let pkcs8 = secret::private_key(Algorithm::Es256);
    let key = SigningKey::from_pkcs8(&pkcs8, Algorithm::Es256, Time::from_micros(0)).unwrap();
    KeyRing::new(key, vec![]).unwrap()
});

fuzz_target!(|text: &str| {
    let now = Time::from_micros(1_800_000_000_000_000);
    assert!(verify_for_any_audience(text, &KEYS, "https://postern.example", now).is_err());
    // The right key id, so that more than the first look is reached.
    let kid = KEYS.signing().kid.as_str();
    assert!(verify_for_any_audience(&text.replace("KID", kid), &KEYS, "https://postern.example", now).is_err());
});
