// The page without network: its files come from the cache. The API is never answered from it.

const CACHE = "onsale-doors-1";
const FILES = ["camera.js", "code.js", "doors.css", "doors.js", "offline.js", "sound.js", "store.js"];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => `/doors/assets/${file}`))).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The network first, so that a new release is seen; the cache where there is none.
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith("/doors/")) return;
  event.respondWith(
    (async () => {
      const cache = await caches.open(CACHE);
      try {
        const answer = await fetch(event.request);
        if (answer.ok) await cache.put(event.request, answer.clone());
        return answer;
      } catch (error) {
        const known = await cache.match(event.request);
        if (known) return known;
        throw error;
      }
    })(),
  );
});
