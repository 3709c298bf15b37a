-- A code before its terms, as who changes one locks them.
SELECT FROM codes WHERE terms_id = $1 ORDER BY code COLLATE "C" FOR UPDATE
