SELECT id, fact, error FROM dead_letters WHERE position($1::bytea IN fact) > 0
