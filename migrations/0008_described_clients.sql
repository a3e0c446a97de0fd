-- Described clients: their documents as seen, their pictures, and what administrators said of them.

-- The entity tag a version came with, so that its host can answer "unchanged" (RFC 9110 section 13.1.2).
alter table client_documents add column etag text;
-- When this version was last what the host said; fetched_at says when it first was.
alter table client_documents add column seen_at bigint not null default 0;

-- A client's picture as we made it anew from what its host has: a small PNG, served from here and never linked
-- (draft-ietf-oauth-client-id-metadata-document section 8.8).
create table client_logos (
    client_id text primary key references clients (id) on delete cascade,
    -- The logo_uri it was made from.
    source text not null,
    -- SHA-256 of the picture, base64url: its name in the URL it is served at.
    hash text not null,
    -- The PNG, base64url.
    picture text not null,
    fetched_at bigint not null
);
create index client_logos_by_hash on client_logos (hash);

-- What an administrator said of a described client: it outlives the client's row, and stands before it comes.
create table client_rulings (
    client_id text primary key,
    ruling text not null check (ruling in ('approved', 'refused')),
    -- The user's id, or 'system' for the command line.
    ruled_by text not null,
    ruled_at bigint not null
);

-- Who asked that a client be let in. A client waits while somebody asked and nobody ruled.
create table client_askers (
    client_id text not null,
    user_id text not null references users (id) on delete cascade,
    asked_at bigint not null,
    primary key (client_id, user_id)
);
create index client_askers_by_user on client_askers (user_id);
