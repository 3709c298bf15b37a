INSERT INTO events ({columns}) VALUES ({values}) RETURNING id
