-- Of seats that are there, what is known of them beside their number.
UPDATE seats AS s
SET (label, accessible, companion, restricted_view, x, y, external_id) = ROW(
  nullif(told.label, ''), told.accessible, told.companion, told.restricted_view, told.x, told.y, told.external_id
)
FROM unnest($1::integer[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::double precision[],
  $7::double precision[], $8::text[]) AS told (id, label, accessible, companion, restricted_view, x, y, external_id)
WHERE s.id = told.id
