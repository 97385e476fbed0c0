// What this phone keeps of its cards: for each page token the number, and a key that cannot be read.

const STORE = "cards";

function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open("tillcard", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

async function inStore(mode, act) {
  const db = await open();
  try {
    return await new Promise((done, failed) => {
      const transaction = db.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => failed(transaction.error);
    });
  } finally {
    db.close();
  }
}

export const canKeep = () => window.isSecureContext && Boolean(crypto.subtle && window.indexedDB);
export const kept = (token) => inStore("readonly", (store) => store.get(token));
export const forget = (token) => inStore("readwrite", (store) => store.delete(token));

async function keep(answer) {
  if (!answer.ok) return null;
  const { token, number, generation, prefix, key, key_id: keyId } = await answer.json();
  const bytes = Uint8Array.from(key.match(/../g), (octet) => parseInt(octet, 16));
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const card = {
    token,
    number,
    generation,
    prefix,
    keyId,
    key: await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]),
  };
  await inStore("readwrite", (store) => store.put(card, token));
  navigator.storage?.persist?.();
  return card;
}

// Ask the shop at `path` for the card; keep it and return it, or null where it is not given.
export const take = async (path) => keep(await fetch(path, { method: "POST" }));

// Prove the key of `card` to be given the shop's newest one; keep it and return it, or null. A card
// whose key is not accepted any more is forgotten: the till does not take its code either.
export async function renew(card, path) {
  const mac = await crypto.subtle.sign("HMAC", card.key, new TextEncoder().encode("renew"));
  const octets = [...new Uint8Array(mac)].map((octet) => octet.toString(16).padStart(2, "0"));
  const answer = await fetch(path, { method: "POST", body: octets.join("") });
  if (answer.status === 409) await forget(card.token);
  return keep(answer);
}
