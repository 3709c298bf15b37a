SELECT id FROM venues ORDER BY id
