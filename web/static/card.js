// The card page: draws the live code twice a minute, keeps the screen on, and brings the balance
// up to date. Without a script, or over plain HTTP, the page stays as the server made it.

import { PERIOD_S, draw, liveCode } from "./codes.js";
import { canKeep, forget, kept, renew, take } from "./phone.js";

const CACHE = "tillcard-pages";
const FRESH = { headers: { "X-Fresh": "1" }, cache: "no-store" };
const page = document.getElementById("card");
const token = page.dataset.token;
const address = `/c/${token}`;
const kinds = [...document.querySelectorAll(".kinds [data-kind]")];
let kind = page.dataset.kind;
let card = null;
let shown = "";
let reached = true; // the shop, when it was last asked

function notice(name) {
  for (const text of document.querySelectorAll("[data-notice]")) {
    text.hidden = text.dataset.notice !== name;
  }
}

async function showCode() {
  if (!card) return;
  const now_s = Date.now() / 1000;
  const step = Math.floor(now_s / PERIOD_S);
  document.getElementById("left").style.width = `${100 - ((now_s / PERIOD_S) % 1) * 100}%`;
  if (shown === `${kind} ${step}`) return;
  const code = await liveCode(card, step);
  if (!card) return;
  shown = `${kind} ${step}`;
  const picture = document.getElementById("live");
  draw(picture, kind, code);
  picture.setAttribute("aria-label", code);
  const number = document.querySelector(".number");
  number.classList.add("long");
  number.replaceChildren(...code.match(/.{1,4}/g).map((group) => {
    const span = document.createElement("span");
    span.textContent = group;
    return span;
  }));
  document.getElementById("static")?.toggleAttribute("hidden", true);
  document.getElementById("timer").hidden = false;
  picture.toggleAttribute("hidden", false);
}

// A card that moved to another phone, or is no card any more, has no code here from now on.
async function end() {
  card = null;
  await forget(token);
  await (await caches.open(CACHE)).delete(address);
  page.classList.add("off");
  document.getElementById("code").remove();
  for (const text of document.querySelectorAll(".kinds, .saves")) text.hidden = true;
  notice("moved");
}

// The shop has changed its key: this phone gets a newer one of its own, now or the next time.
async function follow(newest) {
  if (!card || (card.keyId ?? 1) >= newest) return;
  const renewed = await renew(card, `${address}/renewal`).catch(() => card);
  if (!renewed) location.reload();
  card = renewed;
  shown = "";
}

async function refresh() {
  if (document.hidden) return;
  let answer;
  try {
    answer = await fetch(address, FRESH);
    reached = true;
  } catch {
    reached = false;
    notice("offline");
    return;
  }
  if (answer.status === 404 || answer.status === 410) {
    await end();
    return;
  }
  if (!answer.ok) return;
  await (await caches.open(CACHE)).put(address, answer.clone());
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const data = fresh.getElementById("card").dataset;
  if (data.state !== page.dataset.state) location.reload();
  if (card && Number(data.generation) !== card.generation) {
    await end();
    return;
  }
  await follow(Number(data.key));
  for (const id of ["balances", "steps", "history"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && now) old.replaceWith(now);
  }
  const ahead_s = (Date.now() - Date.parse(answer.headers.get("Date"))) / 1000;
  notice(Math.abs(ahead_s) > PERIOD_S ? "clock" : "live");
}

function show(chosen) {
  kind = chosen;
  for (const link of kinds) {
    if (link.dataset.kind === kind) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  // One kind is taller than the other: where the page was scrolled, the code would be off the screen.
  showCode().then(() => document.getElementById("live").scrollIntoView({ block: "nearest" }));
}

async function keepAwake() {
  if (document.hidden || !navigator.wakeLock) return;
  try {
    await navigator.wakeLock.request("screen");
  } catch {
    // Refused while the battery is low; the screen then goes off as usual.
  }
}

// A card on the home screen has cookies and a storage of its own, and phones clear storage: this is
// whose card it is, and the key is not here. Whoever only has the address is somebody else.
const isMine = () => "mine" in page.dataset || matchMedia("(display-mode: standalone)").matches;

function sayNoKey(hidden) {
  document.querySelector("[data-offline]").remove();
  const others = [document.getElementById("code"), ...document.querySelectorAll(".kinds, .saves")];
  const hide = (yes) => {
    for (const other of others) other.hidden = yes;
    notice(yes ? "no-key" : "static");
  };
  hide(hidden);
  document.getElementById("paste").addEventListener("submit", (event) => {
    event.preventDefault(); // a link that is tapped opens in the browser, beside this copy
    const found = document.getElementById("link").value.match(/\/bind\/([\w-]{22})\s*$/);
    if (found) location.assign(`/bind/${found[1]}`);
    else document.getElementById("link-mistake").hidden = false;
  });
  document.getElementById("collect").addEventListener("click", () => hide(false));
}

async function goLive(bound) {
  card = bound;
  if (!card) {
    const chosen = /kind=/.test(location.search) && !/lang=/.test(location.search);
    if (isMine()) sayNoKey(!chosen);
    else notice("elsewhere");
    await keepOffline();
    return;
  }
  await showCode();
  document.querySelector("[data-live]").hidden = false;
  if (navigator.onLine) notice("live"); // all is well, and there is nothing to say
  else refresh(); // the page may be the one that is kept
  follow(Number(page.dataset.key));
  setInterval(showCode, 500);
  setInterval(refresh, PERIOD_S * 1000);
  keepAwake();
  document.addEventListener("click", keepAwake);
  window.addEventListener("offline", refresh);
  window.addEventListener("online", refresh);
  document.addEventListener("visibilitychange", () => {
    showCode();
    refresh();
    keepAwake();
  });
  for (const link of kinds) {
    if (link.dataset.kind === "ean13") continue; // has no room for a live code
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(link.dataset.kind);
    });
  }
  document.addEventListener("click", (event) => {
    if (reached || event.defaultPrevented || !event.target.closest("a")) return;
    event.preventDefault(); // the page that is kept would come again, as if nothing had been asked
    notice("needs-network");
  });
  await keepOffline();
}

async function keepOffline() {
  await navigator.serviceWorker.register("/sw.js");
  const cache = await caches.open(CACHE);
  await cache.put(address, await fetch(address, FRESH));
  await navigator.serviceWorker.ready; // registered is not yet serving
  document.documentElement.dataset.ready = "offline";
  document.querySelector("[data-offline]")?.toggleAttribute("hidden", false);
}

async function start() {
  if ("coupon" in page.dataset) {
    if (canKeep()) await keepOffline();
    return;
  }
  if (!canKeep()) {
    notice("plain");
    return;
  }
  if (kind === "ean13") return;
  const mine = await kept(token);
  if (mine || page.dataset.generation !== "0") {
    await goLive(mine);
    return;
  }
  const bind = () => take(`${address}/phone`).then(goLive);
  if (matchMedia("(pointer: coarse)").matches) {
    await bind();
    return;
  }
  notice("first");
  document.getElementById("bind").addEventListener("click", () => {
    scrollTo(0, 0); // the button stands below the code, which is what is wanted now
    bind();
  }, { once: true });
}

if (page.dataset.state === "active") start();
