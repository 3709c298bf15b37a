-- Instants of sales are those of the clock of Redis, in whole ms.

CREATE FUNCTION instant(ms bigint) RETURNS timestamptz
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN timestamptz 'epoch' + ms * interval '1 millisecond';
COMMENT ON FUNCTION instant IS 'The instant of a count of ms since 1970. Exact.';

CREATE FUNCTION milliseconds(at timestamptz) RETURNS bigint
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN (extract(epoch FROM at) * 1000)::bigint;
COMMENT ON FUNCTION milliseconds IS 'Ms since 1970 of an instant. Undoes instant().';
