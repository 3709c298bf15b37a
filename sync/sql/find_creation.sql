SELECT made FROM creations WHERE request = $1 AND made_at > now() - make_interval(secs => $2)
