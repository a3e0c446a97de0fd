-- Guesses at the password of one account, at sign-in and where it is changed (attack C08); those at the codes of devices
-- are in device_guesses. A row is forgotten by a right answer, or a day after the last guess.
drop table sign_in_failures;
create table guesses (
    -- The account's address in its compared form; for a browser that the account signed in with before, that and the
    -- browser's digest: strangers slow down strangers, and never the owner at their own desk.
    account text primary key,
    failures bigint not null,
    -- How long the next guess has to wait, in microseconds; doubled at each.
    wait bigint not null,
    -- From when on there may be another.
    free_at bigint not null,
    guessed_at bigint not null
);
create index guesses_by_time on guesses (guessed_at);

-- Browsers in which an account was signed in to. They have a counter of their own in guesses.
create table known_browsers (
    user_id text not null references users (id) on delete cascade,
    -- SHA-256 of the browser's cookie.
    browser_digest text not null,
    seen_at bigint not null,
    primary key (user_id, browser_digest)
);
create index known_browsers_by_time on known_browsers (seen_at);

-- The longest life of a token that the key signed, in seconds: it stays published until the last of them has expired,
-- also where the configured life became shorter meanwhile.
alter table signing_keys add column token_seconds bigint not null default 900;

-- For the sweeper, which looks for what has ended and must not read everything that has not.
create index grants_by_revocation on grants (revoked_at) where revoked_at is not null;
create index consents_by_end on consents (expires_at);
create index sessions_by_end on sessions (expires_at);
create index revoked_tokens_by_end on revoked_tokens (expires_at);
