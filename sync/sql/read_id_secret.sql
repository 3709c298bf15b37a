SELECT id_secret FROM outbox_offsets WHERE partition = $1
