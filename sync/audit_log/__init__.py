"""The audit log: who changed what, in Postgres. Entries are written with their change and form hash chains."""
