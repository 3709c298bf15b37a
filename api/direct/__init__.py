"""Direct paths: requests that are answered without aiohttp's request, task and writer."""
