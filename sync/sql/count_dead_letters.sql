SELECT count(*) FROM dead_letters WHERE at > now() - make_interval(secs => $1)
