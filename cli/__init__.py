"""`onsale …`: where settings, logs and processes are put together for people. No rules live here."""
