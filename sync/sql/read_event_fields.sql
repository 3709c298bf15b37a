SELECT {columns}, revision FROM events WHERE id = $1 FOR UPDATE
