-- The audit log: one hash chain per node, so that nodes never wait for each other.
create table audit (
    node text not null,
    -- 1, 2, 3 … within the node.
    sequence bigint not null,
    occurred_at bigint not null,
    -- What happened, by its published name: grant.issued, consent.allowed, tool.calls …
    event text not null,
    -- Who did it: a user's id, 'system', or null where nobody was known.
    actor text,
    client_id text,
    grant_id text,
    request_id text,
    outcome text not null,
    -- The rest, as JSON. For tool.calls a batch of reads, one object each.
    detail text not null,
    -- The hash of the row before, and of this one: see audit.rs.
    previous_hash text not null,
    hash text not null,
    primary key (node, sequence)
);
create index audit_by_time on audit (occurred_at);

-- What changed that other processes must know at once. On Postgres notifications carry it and this table stays
-- empty; on SQLite the server reads it when the file changes, so that a command line's revocation bites too.
create table events (
    id text primary key,
    kind text not null,
    subject text not null,
    occurred_at bigint not null
);
create index events_by_time on events (occurred_at);
