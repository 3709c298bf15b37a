SELECT plan FROM venue_plans WHERE venue_id = $1
