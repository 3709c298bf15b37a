-- The event, which nobody deletes until the transaction ends. Who changes a code takes this lock first: a deletion of the event
-- goes on to its codes.
SELECT id FROM events WHERE id = $1 FOR KEY SHARE
