-- Terms that somebody is about to publish are locked.
SELECT id FROM code_terms WHERE NOT published AND created_at < now() - interval '1 second' ORDER BY id
