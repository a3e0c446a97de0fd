-- Calls of tools that go on after their answer (MCP, extension io.modelcontextprotocol/tasks). A task is its caller's:
-- subject, client and resource of whoever asks for it must be these.
create table mcp_tasks (
    -- Of the task's id, which only its client has: what is sealed here, nobody opens with the database alone.
    digest text primary key,
    subject text not null,
    client_id text not null,
    resource text not null,
    -- The action that runs.
    action text not null,
    created_at bigint not null,
    updated_at bigint not null,
    -- The node that runs it says again and again that it does; once this has passed, nobody does any more.
    claimed_until bigint not null,
    -- Sealed: what waits for an answer, and the answers that the running node has not taken yet.
    questions text,
    answers text,
    -- Sealed: the result, or the JSON-RPC error.
    outcome text,
    -- At most one of these is set, and never changes.
    completed_at bigint,
    failed_at bigint,
    cancelled_at bigint,
    expires_at bigint not null
);
create index mcp_tasks_by_end on mcp_tasks (expires_at);
create index mcp_tasks_by_caller on mcp_tasks (subject, client_id);
