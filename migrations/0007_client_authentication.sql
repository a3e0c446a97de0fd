-- What may be used once, on all nodes together: the jti of client assertions (RFC 7523), DPoP proofs (RFC 9449),
-- identity assertions (ID-JAG) and the rounds of an MCP call that asks its person something. The row is the use; whoever
-- inserts it has used it.
create table replays (
    -- SHA-256 of kind, issuer and jti, base64url: a stranger's text of any length is one key of one size.
    digest text primary key,
    -- The end of what was used: from then on its own expiry refuses it.
    expires_at bigint not null
);
create index replays_by_end on replays (expires_at);

-- Initial access tokens (RFC 7591 section 3): whoever holds one may register a few clients, for a while.
create table registration_tokens (
    id text primary key,
    -- SHA-256 of the token, base64url.
    digest text not null unique,
    -- What it is for, in an administrator's words.
    note text not null,
    -- Counted down by the statement that lets a registration through.
    uses_left bigint not null check (uses_left >= 0),
    created_at bigint not null,
    expires_at bigint not null
);
