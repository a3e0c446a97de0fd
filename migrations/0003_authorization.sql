-- An authorization request that is under way, from GET /authorize to the redirect.
create table authorization_requests (
    -- SHA-256 of the unguessable name in the URL /authorize/{id}.
    digest text primary key,
    client_id text not null,
    -- The whole request as JSON, parsed and checked: oauth::request::AuthorizationRequest.
    request text not null,
    -- SHA-256 of the cookie of the browser that began it: nobody else's click can finish it (attack D01).
    -- Null until a browser opens the hub: some clients fetch /authorize themselves before they open one.
    browser_digest text,
    created_at bigint not null,
    expires_at bigint not null,
    -- Set by Allow or Cancel, once.
    decided_at bigint,
    -- 'allow' or 'cancel', with the user and the scopes that were agreed to.
    decision text check (decision in ('allow', 'cancel')),
    user_id text,
    scope text,
    -- Set when the redirect was given out; a second visit does not mint a second code.
    finished_at bigint
);
create index authorization_requests_by_end on authorization_requests (expires_at);

-- An authorization code (RFC 6749 section 1.3.1). The row outlives its redemption, so that a replay is recognised.
create table codes (
    digest text primary key,
    grant_id text not null,
    client_id text not null,
    redirect_uri text not null,
    -- S256 challenge (RFC 7636 section 4.2).
    code_challenge text not null,
    scope text not null,
    resource text not null,
    -- OpenID Connect nonce, echoed in the ID token.
    nonce text,
    authenticated_at bigint not null,
    issued_at bigint not null,
    expires_at bigint not null,
    -- Null until the one redemption; see oauth/code.rs.
    redeemed_at bigint check (redeemed_at is null or issued_at <= redeemed_at)
);
create index codes_by_end on codes (expires_at);
