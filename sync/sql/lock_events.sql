-- Locks against changes; rows that refer to an event can be written all the same.
SELECT FROM events ORDER BY id FOR NO KEY UPDATE
