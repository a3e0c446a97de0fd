-- A client of any kind: pre-registered by an administrator, described by its own https document (CIMD), or
-- self-registered (RFC 7591).
create table clients (
    -- The client_id, to the letter. For a described client it is the document's URL, never re-serialised
    -- (draft-ietf-oauth-client-id-metadata-document section 3).
    id text primary key,
    kind text not null check (kind in ('pre-registered', 'described', 'self-registered')),
    name text not null,
    -- The client's metadata as JSON with the member names of RFC 7591 section 2; parsed at the door into oauth::client.
    metadata text not null,
    -- SHA-256 of the client secret, base64url; null for a public client.
    secret_digest text,
    -- SHA-256 of the registration access token (RFC 7592); null where the client cannot manage itself.
    registration_digest text,
    -- SHA-256 of the document a described client was last read from.
    document_hash text,
    -- Until when the document may be used without asking its host again.
    document_fresh_until_at bigint,
    registered_at bigint not null,
    -- When it last began or continued a grant, to the hour; null for one that never did. The sweep reads it.
    used_at bigint,
    -- Set while an administrator has suspended it: no new grants, its tokens are refused.
    suspended_at bigint,
    -- Set for good when it was revoked; the row stays so that the audit log can name it.
    revoked_at bigint
);
create index clients_by_use on clients (kind, used_at);

-- Every version of a described client's document, so that a change can be shown.
create table client_documents (
    client_id text not null references clients (id) on delete cascade,
    hash text not null,
    document text not null,
    fetched_at bigint not null,
    primary key (client_id, hash)
);
