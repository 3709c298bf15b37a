-- Before the first entry of a partition.
INSERT INTO outbox_offsets (partition, epoch, sequence) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING
