UPDATE events SET ({columns}) = ROW({values}) WHERE id = ${next}
