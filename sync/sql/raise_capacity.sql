-- What is sold is sold: the capacity follows (sync/catalogue/editor.py).
UPDATE tickets SET capacity = $2 WHERE id = $1
