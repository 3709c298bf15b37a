WITH schedule AS (
  INSERT INTO schedules (event_id, capacity, weekdays, closed) VALUES ($1, $2, $4::smallint[], $5::text[])
  ON CONFLICT (event_id) DO UPDATE
    SET capacity = excluded.capacity, weekdays = excluded.weekdays, closed = excluded.closed
  RETURNING event_id
), gone AS (
  DELETE FROM schedule_times WHERE event_id = $1 AND local_time <> ALL ($3::time[])
)
INSERT INTO schedule_times (event_id, local_time)
SELECT event_id, unnest($3::time[]) FROM schedule
ON CONFLICT DO NOTHING
