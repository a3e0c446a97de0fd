-- A person who may sign in.
create table users (
    id text primary key,
    -- As the person writes it.
    email text not null,
    -- The form that is compared: trimmed, lower case. One account per address, however it is written (attack C09).
    email_key text not null unique,
    name text not null,
    -- argon2id in PHC form; null for a person who signs in elsewhere.
    password_hash text,
    -- Set for administrators.
    admin_at bigint,
    -- Set while the account is suspended: no sign-in, no refresh, its tokens are refused.
    suspended_at bigint,
    created_at bigint not null
);

-- A browser in which a person is signed in. The cookie holds the secret, the row its digest.
create table sessions (
    digest text primary key,
    user_id text not null references users (id) on delete cascade,
    -- When the person last proved who they are: auth_time of RFC 9068 section 2.2.1.
    authenticated_at bigint not null,
    seen_at bigint not null,
    -- The end that activity cannot move.
    expires_at bigint not null,
    ended_at bigint
);
create index sessions_by_user on sessions (user_id);

-- A link that works once, shown on the console: it makes the first administrator, or lets one in again.
create table links (
    digest text primary key,
    purpose text not null check (purpose in ('first-admin', 'admin-sign-in')),
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);

-- Failed sign-ins of one account, whatever the door (attack C08). A row is forgotten once its window has passed.
create table sign_in_failures (
    email_key text primary key,
    failures bigint not null,
    window_began_at bigint not null
);
