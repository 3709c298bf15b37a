-- Null if there is no such event. It does not change until the transaction ends.
SELECT currency FROM events WHERE id = $1 FOR UPDATE
