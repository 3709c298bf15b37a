UPDATE tickets SET ({columns}) = ROW({values}) WHERE id = ${next}
