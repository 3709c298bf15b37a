SELECT id FROM sections WHERE venue_id = $1 ORDER BY position
