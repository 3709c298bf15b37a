UPDATE waiting_entries SET details = '{}', contact = '{}'
WHERE id = ANY ($1::text[]) AND (details::text <> '{}' OR contact::text <> '{}')
