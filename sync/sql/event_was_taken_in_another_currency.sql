SELECT EXISTS (
  SELECT FROM reservations AS r JOIN events AS e ON e.id = r.event_id WHERE e.id = $1 AND r.currency <> e.currency
)
