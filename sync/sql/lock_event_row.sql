-- Changes of the event wait until the transaction ends; new rows that refer to it do not.
SELECT FROM events WHERE id = $1 FOR NO KEY UPDATE
