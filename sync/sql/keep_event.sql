-- The event, which nobody deletes until the transaction ends. Who changes what a deletion takes along, as codes, has this
-- lock first, as the deletion has.
SELECT id FROM events WHERE id = $1 FOR KEY SHARE
