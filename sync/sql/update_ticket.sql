UPDATE tickets SET unit_minor = coalesce($2, unit_minor), capacity = coalesce($3, capacity) WHERE id = $1
