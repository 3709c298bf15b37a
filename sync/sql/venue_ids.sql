SELECT id, revision > published AS changed FROM venues ORDER BY id
