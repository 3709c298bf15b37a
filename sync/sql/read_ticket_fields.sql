SELECT {columns} FROM tickets WHERE id = $1
