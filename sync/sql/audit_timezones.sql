-- Time zones of timed events of a partition ($2 of $1).
SELECT e.id, e.timezone FROM events AS e JOIN schedules AS s ON s.event_id = e.id WHERE e.id % $1 = $2
