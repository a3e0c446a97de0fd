-- What one user allowed one installation of one client on one resource. Every token names its grant; a revoked
-- grant ends them all.
create table grants (
    id text primary key,
    client_id text not null,
    -- Null for client_credentials: no person stands behind it.
    user_id text,
    scope text not null,
    resource text not null,
    -- Where the answer went; the consent was for this place only.
    redirect_uri text,
    -- When the person behind it last proved who they are, for ID tokens (OpenID Connect Core section 2).
    authenticated_at bigint,
    created_at bigint not null,
    -- The absolute end of refreshing.
    expires_at bigint not null,
    -- When a token was last issued under it, to the hour: a refresh stays one written row.
    used_at bigint not null,
    revoked_at bigint,
    -- Why: 'user', 'admin', 'client', 'holder' (whoever showed a personal token to be ended), 'code-replay', 'refresh-reuse'.
    revoked_reason text
);
create index grants_by_client on grants (client_id);
create index grants_by_user on grants (user_id);

-- A refresh token; all of one grant are its family, each naming the one that it replaced. A token is live while no
-- other replaces it, so a rotation is one inserted row, and the unique column lets one of many at once through.
create table refresh_tokens (
    digest text primary key,
    grant_id text not null references grants (id) on delete cascade,
    issued_at bigint not null,
    -- Dead if unused until then.
    expires_at bigint not null,
    -- The digest of the token that this one replaced; null for the first of its family. See oauth/refresh.rs.
    replaces text unique,
    -- The answer that carried this token, sealed under a key derived from the one it replaced: a retry within the grace
    -- gets the same answer, and the database cannot read it.
    answer text
);
create index refresh_tokens_by_grant on refresh_tokens (grant_id);
create index refresh_tokens_by_end on refresh_tokens (expires_at);

-- An access token revoked by itself, before its end (RFC 7009). Kept until it would have expired anyway.
create table revoked_tokens (
    jti text primary key,
    expires_at bigint not null
);

-- What a user said yes to, remembered for the same client, place, resource, scopes and document only.
create table consents (
    user_id text not null references users (id) on delete cascade,
    client_id text not null,
    redirect_uri text not null,
    resource text not null,
    scope text not null,
    -- Hash of the described client's document that was shown; empty for other kinds.
    document_hash text not null,
    given_at bigint not null,
    expires_at bigint not null,
    primary key (user_id, client_id, redirect_uri, resource)
);
