UPDATE venues SET published = greatest(published, $2) WHERE id = $1
