-- Who may do what, besides the owner of the tables, who runs `onsale migrate` and may do everything.
--
--   onsale_api   `onsale serve` logs in as it
--   onsale_sync  `onsale sync`, `onsale audit` and `onsale restore` do
--   reporting    analysts are members of it and read the views of that schema
--
-- This runs at the end of every `onsale migrate`, and first revokes all earlier rights. So the rights here are all; a table
-- that is not named here is the owner's alone. A database that was restored from a backup, which has no roles, gets its
-- rights again. Nobody else sees the moment in between: it is one transaction.
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
      WHEN insufficient_privilege THEN NULL; -- reported below
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

  -- The API edits the catalogue and reads the outcomes of sales.
  GRANT USAGE ON SCHEMA public, reporting TO onsale_api;
  GRANT USAGE ON SEQUENCE event_versions TO onsale_api;
  GRANT SELECT, INSERT, UPDATE, DELETE ON events TO onsale_api;
  GRANT SELECT, INSERT, DELETE ON tickets TO onsale_api;
  GRANT UPDATE (ticket_type, unit_minor, capacity, paused, hidden, sale_opens_at, sale_closes_at, min_quantity, currency,
    revision) ON tickets TO onsale_api;
  GRANT SELECT, INSERT ON ticket_sections TO onsale_api;
  GRANT SELECT, INSERT, UPDATE ON schedules TO onsale_api;
  GRANT SELECT, INSERT, DELETE ON schedule_times TO onsale_api;
  GRANT SELECT, INSERT ON venues, sections, section_rows, seats TO onsale_api;
  GRANT UPDATE (name, revision, published) ON venues TO onsale_api;
  GRANT UPDATE (label, accessible, companion, restricted_view, x, y, external_id) ON seats TO onsale_api;
  GRANT SELECT, INSERT ON venue_plans TO onsale_api;
  GRANT SELECT, UPDATE ON next_seat TO onsale_api;
  GRANT SELECT, INSERT, DELETE ON event_blocked_seats TO onsale_api;
  GRANT SELECT ON reservations, reservation_items, reservation_records, row_places, payments TO onsale_api;
  GRANT SELECT ON refunds, kept_items TO onsale_api;
  GRANT SELECT, INSERT, UPDATE ON event_cancellations TO onsale_api;
  GRANT SELECT ON bookings, booking_records, waiting_entries TO onsale_api;
  GRANT SELECT ON etickets, check_ins TO onsale_api;
  GRANT SELECT ON outbox_offsets TO onsale_api;
  GRANT SELECT, INSERT, UPDATE, DELETE ON codes, code_terms, creations TO onsale_api;
  GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO onsale_api;
  GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO onsale_api;
  GRANT SELECT, INSERT ON audit_log TO onsale_api; -- append only
  GRANT SELECT ON dead_letters TO onsale_api; -- what is known of a customer may lie there
  GRANT SELECT, INSERT, UPDATE ON erasures TO onsale_api;
  GRANT SELECT ON reporting.sales_by_event, reporting.sales_by_ticket_type TO onsale_api;

  -- The sync worker writes the outcomes of sales. In the catalogue it notes that an event is published. It follows Redis if
  -- places were sold before a change of their capacity, or of the currency, was committed.
  GRANT USAGE ON SCHEMA public TO onsale_sync;
  GRANT USAGE ON SEQUENCE event_versions TO onsale_sync;
  GRANT SELECT, UPDATE (version, revision, currency) ON events TO onsale_sync;
  GRANT SELECT, UPDATE (capacity, revision) ON tickets TO onsale_sync;
  GRANT SELECT ON schedules, schedule_times, ticket_sections TO onsale_sync;
  GRANT SELECT ON venues, sections, section_rows, seats TO onsale_sync;
  GRANT UPDATE (published) ON venues TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE, DELETE ON codes, code_terms TO onsale_sync; -- it publishes them, and erases customers
  GRANT SELECT, DELETE ON event_blocked_seats TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON reservations, payments TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE, DELETE ON reservation_items, bookings TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON refunds, waiting_entries, queue_rooms, queue_places TO onsale_sync;
  GRANT SELECT, INSERT, DELETE ON kept_items TO onsale_sync;
  GRANT SELECT, UPDATE (holds_ended_at, refunds_begun_at) ON event_cancellations TO onsale_sync;
  GRANT SELECT ON reservation_records, booking_records TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON etickets TO onsale_sync;
  GRANT SELECT, INSERT ON check_ins TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE ON outbox_offsets TO onsale_sync;
  GRANT SELECT, INSERT ON dead_letters, audit_log TO onsale_sync;
  GRANT UPDATE (fact, error) ON dead_letters TO onsale_sync; -- names are erased there, too
  GRANT SELECT, UPDATE (done_at) ON erasures TO onsale_sync;
  GRANT SELECT, UPDATE (enabled, gone_at, revision) ON webhooks TO onsale_sync;
  GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO onsale_sync;
END
$$;
