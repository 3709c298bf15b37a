SELECT code FROM codes WHERE terms_id = $1 AND code > $2 ORDER BY code LIMIT $3
