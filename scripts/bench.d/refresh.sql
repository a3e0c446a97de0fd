-- The row that one refresh leaves in the database: a successor that names the token it replaced and holds the sealed answer.
\set number :number + 1
insert into refresh_tokens (digest, grant_id, issued_at, expires_at, replaces, answer) values (
  'digest-of-43-characters-' || :round || '-' || :client_id || '-' || :number, :grant, 1, 9000000000000000,
  'digest-of-43-characters-' || :round || '-' || :client_id || '-' || (:number - 1), repeat('x', 1200));
