INSERT INTO code_terms (event_id, {columns}) VALUES ($1, {values}) RETURNING id
