-- The tables of a partition do not change until the end of the transaction: every writer of them changes this row.
SELECT epoch, sequence FROM outbox_offsets WHERE partition = $1 FOR UPDATE
