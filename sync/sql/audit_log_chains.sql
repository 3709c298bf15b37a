SELECT DISTINCT chain FROM audit_log ORDER BY chain;
