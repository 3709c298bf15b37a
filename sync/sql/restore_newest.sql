-- The newest instant of any outcome, and the last partition that outcomes came from.
SELECT
  (SELECT max(greatest(created_at, ended_at)) FROM reservations) AS newest,
  (SELECT max(partition) FROM outbox_offsets WHERE sequence > 0) AS last_partition
