WITH schedule AS (
  INSERT INTO schedules (event_id, capacity) VALUES ($1, $2) RETURNING event_id
)
INSERT INTO schedule_times (event_id, local_time)
SELECT event_id, unnest($3::time[]) FROM schedule
