-- Who may do what, besides the owner of the tables, who runs `onsale migrate` and may do everything.
--
--   onsale_api   `onsale serve` logs in as it
--   onsale_sync  `onsale sync`, `onsale audit` and `onsale restore` do
--   reporting    analysts are members of it and read the views of that schema
--
-- This runs at the end of every `onsale migrate`, and takes back first what was given before: what stands here is all that
-- there is, a table that is not named here is the owner's alone, and a database that was brought back from a backup has its
-- rights again, for roles are no part of one. Nobody else sees the moment in between: it is one transaction.
-- docs/access.md has it as a table, which tests hold against what Postgres says.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['onsale_api', 'onsale_sync', 'reporting'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      END IF;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL; -- made for another database of the server just now
      WHEN insufficient_privilege THEN NULL; -- told below
    END;
  END LOOP;
  IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('onsale_api', 'onsale_sync', 'reporting')) < 3 THEN
    RAISE WARNING 'the roles onsale_api, onsale_sync and reporting are not all there, and this user may not make roles: '
      'nobody but the owner of the tables has rights; have them made (deploy/postgres/roles.sql), and migrate again';
    RETURN;
  END IF;

  REVOKE CREATE ON SCHEMA public FROM PUBLIC; -- which Postgres 14 gives to everybody
  REVOKE ALL ON ALL TABLES IN SCHEMA public, reporting FROM onsale_api, onsale_sync, reporting;
  REVOKE ALL ON ALL SEQUENCES IN SCHEMA public, reporting FROM onsale_api, onsale_sync, reporting;
  REVOKE ALL ON SCHEMA public, reporting FROM onsale_api, onsale_sync, reporting;

  GRANT USAGE ON SCHEMA reporting TO reporting;
  GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO reporting;

  -- The API edits the catalogue and reads what came of sales.
  GRANT USAGE ON SCHEMA public, reporting TO onsale_api;
  GRANT USAGE ON SEQUENCE event_versions TO onsale_api;
  GRANT SELECT, INSERT, UPDATE ON events TO onsale_api;
  GRANT SELECT, INSERT, UPDATE (unit_minor, capacity) ON tickets TO onsale_api;
  GRANT SELECT, INSERT ON schedules, schedule_times, ticket_sections TO onsale_api;
  GRANT SELECT, INSERT ON venues, sections, section_rows, seats TO onsale_api;
  GRANT SELECT, UPDATE ON next_seat TO onsale_api;
  GRANT SELECT, INSERT, DELETE ON event_blocked_seats TO onsale_api;
  GRANT SELECT ON reservations, reservation_items, reservation_records, payments TO onsale_api;
  GRANT SELECT ON bookings, booking_records TO onsale_api;
  GRANT SELECT ON outbox_offsets TO onsale_api;
  GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO onsale_api;
  GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO onsale_api;
  GRANT SELECT ON reporting.sales_by_event, reporting.sales_by_ticket_type TO onsale_api;

  -- The sync worker writes what came of sales. Of the catalogue it says that an event is published, and follows Redis where
  -- places were sold before a change of their capacity was committed.
  GRANT USAGE ON SCHEMA public TO onsale_sync;
  GRANT USAGE ON SEQUENCE event_versions TO onsale_sync;
  GRANT SELECT, UPDATE (version) ON events TO onsale_sync;
  GRANT SELECT, UPDATE (capacity) ON tickets TO onsale_sync;
  GRANT SELECT ON schedules, schedule_times, ticket_sections TO onsale_sync;
  GRANT SELECT ON venues, sections, section_rows TO onsale_sync;
  GRANT SELECT, DELETE ON event_blocked_seats TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON reservations, payments TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE, DELETE ON reservation_items, bookings TO onsale_sync;
  GRANT SELECT ON reservation_records, booking_records TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON outbox_offsets TO onsale_sync;
  GRANT SELECT, INSERT ON dead_letters TO onsale_sync;
  GRANT SELECT, UPDATE (enabled, gone_at) ON webhooks TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO onsale_sync;
END
$$;
