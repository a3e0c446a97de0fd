-- What may be done by whom, as documents: drafts, and what was published of them. See access/roles/.
create table policy_versions (
    id text primary key,
    -- Counts up from 1; null while a draft.
    version bigint unique,
    -- The policy, as JSON in its one order of members.
    document text not null,
    -- SHA-256 of the document, base64url.
    hash text not null,
    -- Why, in its author's words.
    note text not null,
    -- The version that its author saw; 0 for none.
    based_on bigint not null,
    -- A user's id, or 'system' for the console.
    created_by text not null,
    created_at bigint not null,
    published_by text,
    published_at bigint,
    -- Set where somebody threw the draft away.
    discarded_at bigint,
    check ((version is null) = (published_at is null)),
    check (published_at is null or discarded_at is null)
);
create index policy_versions_by_time on policy_versions (created_at);

-- The version that counts: one row, so that of two who publish at once one waits for the other, and is told.
create table policy_head (
    name text primary key check (name = 'policy'),
    -- 0 while none was ever published.
    version bigint not null
);
insert into policy_head (name, version) values ('policy', 0);
