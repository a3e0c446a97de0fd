use super::*;

#[test]
fn a_secret_says_nothing_in_debug_and_is_found_by_digest() {
    let secret = Secret::<Code>::mint();
    assert_eq!(format!("{secret:?}"), "poc_…");
    let again = Secret::<Code>::presented(secret.reveal()).unwrap();
    assert!(again.digest().matches(&secret.digest()));
}

#[test]
fn what_cannot_be_a_secret_is_refused_before_any_lookup() {
    let good = Secret::<Code>::mint();
    let text = good.reveal();
    for bad in ["", "poc_", &text[..20], &format!("{text}x"), &text.replace("poc_", "por_"), "poc_é"] {
        assert!(Secret::<Code>::presented(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a_ciphertext_opens_for_its_own_row_and_key_only() {
    let vault = Vault::from_base64url(&Vault::mint()).unwrap();
    let sealed = vault.seal("key/1", b"private");
    assert_eq!(vault.open("key/1", &sealed).unwrap(), b"private");
    assert_eq!(vault.open("key/2", &sealed), Err(SealError::Broken));
    let other = Vault::from_base64url(&Vault::mint()).unwrap();
    assert!(matches!(other.open("key/1", &sealed), Err(SealError::OtherKey { .. })));
}

#[test]
fn an_earlier_key_opens_and_seals_nothing() {
    let (old, new) = (Vault::mint(), Vault::mint());
    let before = Vault::from_base64url(&old).unwrap();
    let both = Vault::from_base64url(&new).unwrap().with_previous(&old).unwrap();
    let sealed = before.seal("row", b"private");
    assert_eq!(both.open("row", &sealed).unwrap(), b"private");
    assert_eq!(both.open("other", &sealed), Err(SealError::Broken));
    assert!(!both.is_current(&sealed) && both.is_current(&both.seal("row", b"private")));
    assert!(before.open("row", &both.seal("row", b"private")).is_err());
}

#[test]
fn an_answer_sealed_under_a_token_opens_with_that_token_only() {
    let (token, other) = (Secret::<Refresh>::mint(), Secret::<Refresh>::mint());
    let sealed = seal_under(&token, "row", b"answer");
    assert_eq!(open_under(&token, "row", &sealed).unwrap(), b"answer");
    assert_eq!(open_under(&other, "row", &sealed), Err(SealError::Broken));
}

#[test]
fn ids_are_in_order_of_time() {
    assert!(id(Time::from_seconds(1_000)) < id(Time::from_seconds(1_001)));
}
