-- What is sold is sold: the capacity follows (sync/catalogue/event_publisher.py).
UPDATE tickets SET capacity = $2 WHERE id = $1
