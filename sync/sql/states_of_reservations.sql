SELECT id, status, places FROM reservations WHERE id = ANY ($1);
