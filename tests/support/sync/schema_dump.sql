-- One line per column, attribute of a type, constraint, index, sequence, view and function of the schemas public and reporting.
WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('public', 'reporting')),
  relations AS (
    SELECT c.oid, c.relkind, concat_ws('.', n.nspname, c.relname) AS name
    FROM pg_class AS c
    JOIN schemas AS n ON n.oid = c.relnamespace
  )
SELECT format(
  '%s %s %s: %s', CASE c.relkind WHEN 'c' THEN 'type' ELSE 'column' END, c.name, lpad((row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum))::text, 2, '0'),
  concat_ws(
    ' ', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
    nullif(a.attidentity::text, ''), 'default ' || pg_get_expr(d.adbin, d.adrelid)
  )
) AS line
FROM pg_attribute AS a
JOIN relations AS c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'v', 'c') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('constraint %s %s: %s', c.name, k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint AS k
JOIN relations AS c ON c.oid = k.conrelid
WHERE k.contype <> 'n' -- NOT NULL, which stands at the column
UNION ALL
SELECT 'index ' || pg_get_indexdef(oid) FROM relations WHERE relkind = 'i'
UNION ALL
SELECT 'sequence ' || name FROM relations WHERE relkind = 'S'
UNION ALL
SELECT format('view %s: %s', name, regexp_replace(pg_get_viewdef(oid), '\s+', ' ', 'g')) FROM relations WHERE relkind = 'v'
UNION ALL
SELECT format('function %s: %s', p.oid::regprocedure, CASE p.prokind
  WHEN 'a' THEN (
    SELECT concat_ws(' ', a.aggtransfn, a.aggtranstype::regtype, a.agginitval, a.aggcombinefn)
    FROM pg_aggregate AS a
    WHERE a.aggfnoid = p.oid
  )
  ELSE regexp_replace(pg_get_functiondef(p.oid), '\s+', ' ', 'g')
END)
FROM pg_proc AS p
JOIN schemas AS n ON n.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e'); -- of an extension
