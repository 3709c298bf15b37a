-- Those of the sections $2 that are not of the venue of the event.
SELECT told.section_id
FROM unnest($2::integer[]) AS told (section_id)
WHERE NOT EXISTS (
  SELECT FROM events AS e JOIN sections AS s ON s.venue_id = e.venue_id
  WHERE e.id = $1 AND s.id = told.section_id
)
ORDER BY told.section_id
