// Keeps a card page and what it is made of for when there is no network, or no answer from the shop
// but "later" (429, 5xx). The network comes first.

const PAGES = "tillcard-pages";
const PARTS = ["web.css", "icon.svg", "card.js", "codes.js", "phone.js"].map((n) => `/static/${n}`);
// Without its query: a page is kept in the kind that it begins with, live where there is a live code.
const PAGE = /^\/c\/[\w-]{22}$/;
const PATIENCE_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(PAGES).then((cache) => cache.addAll(PARTS)));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function answer(request) {
  const cache = await caches.open(PAGES);
  const { pathname: key, search } = new URL(request.url);
  const fresh = fetch(request).then(async (response) => {
    if (response.ok && !search.includes("kind=")) await cache.put(key, response.clone());
    const moved = [404, 410].includes(response.status) || response.type === "opaqueredirect";
    if (moved) await cache.delete(key);
    return (response.status >= 429 && await cache.match(key)) || response;
  });
  const late = new Promise((_, failed) => { setTimeout(failed, PATIENCE_MS); });
  try {
    return await Promise.race([fresh, late]);
  } catch {
    return (await cache.match(key)) ?? fresh;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  const kept = request.mode === "navigate" ? PAGE.test(pathname) : PARTS.includes(pathname);
  if (request.method === "GET" && kept) event.respondWith(answer(request));
});
