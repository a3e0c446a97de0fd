-- What a person sees of their own sessions: the browser as it called itself at the sign-in, cut to a line; null where it
-- said nothing, or came before this column.
alter table sessions add column agent text;

-- A link with which one person sets a password of their own choice, once. An administrator makes it and hands it over;
-- nobody but the person ever knows the password.
create table password_links (
    -- SHA-256 of the unguessable part, base64url.
    digest text primary key,
    user_id text not null references users (id) on delete cascade,
    -- The administrator who made it.
    made_by text not null,
    created_at bigint not null,
    expires_at bigint not null,
    -- Set by the one use, and where a newer link took its place.
    used_at bigint
);
create index password_links_by_user on password_links (user_id);
create index password_links_by_end on password_links (expires_at);

-- The audit log is read by who did it, by client, by request and by event, newest first.
create index audit_by_actor on audit (actor, occurred_at) where actor is not null;
create index audit_by_client on audit (client_id, occurred_at) where client_id is not null;
create index audit_by_request on audit (request_id) where request_id is not null;
create index audit_by_event on audit (event, occurred_at);
