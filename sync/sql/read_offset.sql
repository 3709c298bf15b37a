SELECT epoch, sequence FROM outbox_offsets WHERE partition = $1
