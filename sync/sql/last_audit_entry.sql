SELECT number, hash FROM audit_log WHERE chain = $1 ORDER BY number DESC LIMIT 1;
