SELECT partition, epoch, sequence FROM outbox_offsets WHERE partition = ANY ($1::smallint[])
