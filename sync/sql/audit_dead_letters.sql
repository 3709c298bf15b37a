SELECT count(*) FROM dead_letters WHERE partition = $1
