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
