-- A location that somebody registered: a URL that the catalog reads descriptors from. What is fetched of it is on each
-- node's own disk; here is only that it counts. See catalog/sources/.
create table catalog_locations (
    id text primary key,
    -- The https URL in its normal form.
    target text not null unique,
    -- Who registered it: a user's or a client's id, or 'system' for the console.
    added_by text not null,
    added_at bigint not null,
    -- How it stood when a node last saw a change of it; null until one looked.
    noted_at bigint,
    entities bigint,
    -- Why it could not be fetched; null where it could.
    failure text
);
