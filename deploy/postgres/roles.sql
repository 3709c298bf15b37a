-- The users that API and sync worker log in as, with passwords from the environment. For psql, as a user who may make roles:
-- by itself where containers begin with an empty database, else by hand; again to change passwords. What they may do is
-- given by `onsale migrate` (sync/migrations/rights.sql), which the owner of the database runs.
\getenv api_password POSTGRES_API_PASSWORD
\getenv sync_password POSTGRES_SYNC_PASSWORD

SELECT format('CREATE ROLE %I', wanted)
FROM unnest(ARRAY['onsale_api', 'onsale_sync']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec

ALTER ROLE onsale_api LOGIN PASSWORD :'api_password';
ALTER ROLE onsale_sync LOGIN PASSWORD :'sync_password';
