-- A personal access token: a grant that its owner made for themselves, with no sign-in and no refresh. It is the token
-- of one grant under the client 'personal-access-tokens', so whatever ends a grant ends it, on every node; the grant's
-- resource is '*' where it opens every MCP server. See access/personal.rs.
create table personal_tokens (
    grant_id text primary key references grants (id) on delete cascade,
    -- SHA-256 of the token, base64url.
    digest text not null unique,
    -- What its owner calls it.
    name text not null,
    -- What it is kept to besides its scopes, as JSON: {"plugins": […], "permissions": […]}.
    kept text not null,
    -- When it was last used, to the hour; null for one that never was.
    used_at bigint
);
