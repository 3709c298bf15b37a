UPDATE outbox_offsets SET id_secret = $2 WHERE partition = $1 AND id_secret <> $2
