-- The tables of a partition stand still until the end of the transaction: whoever writes them moves this row.
SELECT epoch, sequence FROM outbox_offsets WHERE partition = $1 FOR UPDATE
