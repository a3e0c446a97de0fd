-- Runs of software templates. A task is a row before anything happens; a node claims it by a lease, says again and again
-- that it still has it, and writes down each step before it begins and after it has ended.
create table scaffolder_tasks (
    id text primary key,
    -- Whose it is: the account, or the client where no person stands behind it.
    owner text not null,
    owner_name text not null,
    -- 'user' or 'client'.
    owner_kind text not null,
    -- Through what it was asked for; the client and the grant are empty for a page of this server.
    client_id text not null,
    grant_id text not null,
    resource text not null,
    scopes text not null,
    template_ref text not null,
    -- JSON: what runs, as it was when it was asked for, with the parameters. Secrets are not in it.
    spec text not null,
    -- JSON: the actions of this server that its steps may use, as the caller might when it was asked for.
    allowed text not null,
    -- Sealed for this row: secrets, hidden parameters, and what the steps gave. Empty once it is not needed any more.
    sealed text not null,
    -- JSON, once it is completed.
    output text,
    -- Why it failed.
    error text,
    created_at bigint not null,
    -- Who has it: a name that is new with each claim, so that a node that lost it writes nothing any more.
    lease text,
    leased_until bigint,
    heartbeat_at bigint,
    -- The step that began last, counted from 0, and whether it has ended.
    step bigint not null,
    step_begun_at bigint,
    -- How often a node took it up from one that died.
    recoveries bigint not null,
    cancel_asked_at bigint,
    -- At most one of these is set; a retry takes it back.
    completed_at bigint,
    failed_at bigint,
    cancelled_at bigint
);
create index scaffolder_tasks_by_owner on scaffolder_tasks (owner, id);
create index scaffolder_tasks_by_lease on scaffolder_tasks (leased_until);

-- What a task says, in order.
create table scaffolder_events (
    task_id text not null references scaffolder_tasks (id) on delete cascade,
    sequence bigint not null,
    created_at bigint not null,
    -- log, completion, cancelled or recovered.
    kind text not null,
    message text not null,
    step_id text,
    -- The state of the step, or of the task where it ended.
    status text,
    -- JSON, with a completion.
    output text,
    primary key (task_id, sequence)
);
