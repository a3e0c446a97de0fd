-- Signing keys of access and ID tokens.
create table signing_keys (
    -- RFC 7638 thumbprint of the public key.
    kid text primary key,
    alg text not null,
    -- The public key as a JWK (RFC 7517).
    public_jwk text not null,
    -- PKCS#8, sealed under the key-encryption key with the kid as associated data.
    sealed_private text not null,
    created_at bigint not null,
    -- From when it signs. Published at once, so that verifiers know it before it is used.
    active_at bigint not null,
    -- When it stopped signing; it still verifies until retired.
    superseded_at bigint,
    -- When it stopped verifying.
    retired_at bigint
);
