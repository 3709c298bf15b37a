"""HTTP without tickets: requests, replies, problems, pagination, caching."""
