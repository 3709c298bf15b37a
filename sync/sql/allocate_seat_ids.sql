-- A range of $1 ids that follow one another, of which the first is returned. Others wait until the transaction ends.
UPDATE next_seat SET id = id + $1 RETURNING id - $1
