-- Sessions of MCP clients from before 2026-07-28: what a client said when it connected, so that any node knows it and a
-- restart loses nothing. Access is never decided here: each request brings its own token, and a session only opens for
-- the user, client and resource that it was made for.
create table mcp_sessions (
    -- SHA-256 of Mcp-Session-Id. What is sealed below is sealed under the id itself, so the database cannot read it.
    digest text primary key,
    subject text not null,
    client_id text not null,
    resource text not null,
    -- The negotiated revision.
    revision text not null,
    -- The parameters of `initialize`, as JSON: capabilities and name.
    client text not null,
    -- What logging/setLevel asked for; null before.
    log_level text,
    created_at bigint not null,
    -- The last use, to the nearest ten minutes.
    seen_at bigint not null,
    -- null while it lives; kept for a while so that ending it twice is the same answer.
    ended_at bigint,
    check (created_at <= seen_at)
);
create index mcp_sessions_by_caller on mcp_sessions (subject, client_id, seen_at);
create index mcp_sessions_by_use on mcp_sessions (seen_at);

-- Resources that a session follows (resources/subscribe).
create table mcp_subscriptions (
    session text not null references mcp_sessions (digest) on delete cascade,
    uri text not null,
    primary key (session, uri)
);

-- What was sent on a stream, for a client that was cut off and comes back, perhaps to another node.
create table mcp_events (
    session text not null references mcp_sessions (digest) on delete cascade,
    -- The stream's own name; an event id is this and the sequence.
    stream text not null,
    -- 1, 2, 3 … within the stream.
    sequence bigint not null,
    -- The message, sealed; null for the end of the stream.
    body text,
    created_at bigint not null,
    primary key (session, stream, sequence)
);
create index mcp_events_by_time on mcp_events (created_at);

-- A question that a node put to a client and waits for, so that the answer may come to any node.
create table mcp_questions (
    -- Our JSON-RPC id of it.
    id text primary key,
    session text not null references mcp_sessions (digest) on delete cascade,
    -- The client's answer, sealed; null before it comes, and where the node that waits took it.
    answer text,
    created_at bigint not null,
    answered_at bigint
);
create index mcp_questions_by_time on mcp_questions (created_at);
