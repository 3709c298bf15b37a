-- What is sold is sold: the currency follows (sync/catalogue/event_publisher.py), and that of the tickets with it.
UPDATE events SET currency = $2 WHERE id = $1
