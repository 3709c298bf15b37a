SELECT id, version FROM events ORDER BY id
