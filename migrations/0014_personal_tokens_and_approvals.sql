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

-- A call that waits for its person's yes. The yes is for these arguments of this tool under this grant, once, and soon.
-- See access/approval.rs.
create table approvals (
    id text primary key,
    -- Whose yes it needs: the subject of the token that called.
    user_id text not null,
    grant_id text not null,
    client_id text not null,
    resource text not null,
    action text not null,
    -- SHA-256 of the action's definition and the arguments in canonical form, base64url.
    digest text not null,
    -- The arguments as they will run, sealed for this row: people type secrets into tools.
    arguments text not null,
    asked_at bigint not null,
    expires_at bigint not null,
    -- Set by the one answer.
    approved_at bigint,
    refused_at bigint,
    -- Set by the one call that runs on it.
    used_at bigint,
    check (approved_at is null or refused_at is null),
    check (used_at is null or approved_at is not null)
);
create index approvals_by_call on approvals (grant_id, digest);
create index approvals_by_end on approvals (expires_at);
