-- What a code and a refresh token are bound to: the thumbprint of a key that only the client has (RFC 7638, RFC 9449
-- sections 5 and 10). Null where whoever holds it may use it.
alter table codes add column key_thumbprint text;
alter table refresh_tokens add column key_thumbprint text;
