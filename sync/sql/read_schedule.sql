SELECT s.capacity, array_agg(t.local_time ORDER BY t.local_time) AS times, s.weekdays, s.closed
FROM schedules AS s JOIN schedule_times AS t USING (event_id)
WHERE s.event_id = $1
GROUP BY s.event_id
