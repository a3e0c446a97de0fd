-- A device without a browser that waits for a person to let it in (RFC 8628).
create table device_requests (
    -- SHA-256 of the device_code, which only the device has.
    digest text primary key,
    -- SHA-256 of the user_code, without its dash.
    user_code_digest text not null unique,
    client_id text not null,
    -- What is asked for and from where, as JSON: oauth::request::AuthorizationRequest.
    request text not null,
    created_at bigint not null,
    expires_at bigint not null,
    -- How long the device has to wait between two polls; it grows when it does not.
    interval_seconds bigint not null,
    polled_at bigint,
    -- Set where the last poll came too early.
    hurried_at bigint,
    -- Set by the person, once. Without a grant it was a no.
    decided_at bigint,
    grant_id text,
    -- Set by the one poll that got the tokens.
    redeemed_at bigint
);
create index device_requests_by_end on device_requests (expires_at);

-- Codes of devices that were typed, by address and by account, within a window: right or wrong, since who guesses
-- mixes in codes of their own.
create table device_guesses (
    guesser text primary key,
    guesses bigint not null,
    window_began_at bigint not null
);

-- An authorization request that its client pushed (RFC 9126), until a browser brings its name, once.
create table pushed_requests (
    -- SHA-256 of the unguessable part of the request_uri.
    digest text primary key,
    client_id text not null,
    -- The whole request as JSON, parsed and checked: oauth::request::AuthorizationRequest.
    request text not null,
    expires_at bigint not null
);
create index pushed_requests_by_end on pushed_requests (expires_at);

-- What a grant was exchanged from (RFC 8693): the grants and tokens behind it, all the way to the person's yes. When one
-- of them ends, so does everything made of it.
create table grant_sources (
    grant_id text not null references grants (id) on delete cascade,
    source_id text not null,
    -- The access token that was exchanged.
    token_id text not null,
    primary key (grant_id, source_id, token_id)
);

-- Who of an identity provider is which account here: by issuer, tenant and subject, and by nothing that can be given
-- to somebody else later, such as an address.
create table issuer_subjects (
    issuer text not null,
    -- Of an issuer with many tenants; empty where it has none.
    tenant text not null,
    subject text not null,
    user_id text not null references users (id) on delete cascade,
    linked_at bigint not null,
    primary key (issuer, tenant, subject)
);
create index issuer_subjects_by_user on issuer_subjects (user_id);
