// Kabar's pop-ups inside an app or a web view: asks, shows one at a time, and tells what became of it.
//
//   import { init } from "https://kabar.example.co.id/sdk/kabar-popup.js";
//   const popups = init({ endpoint: "https://kabar.example.co.id", token: async () => "…" });
//   popups.ask("after_trade");  // another moment of the app than its opening
//   popups.stop();              // at logout, before the token changes
//
// token: a recipient's token of whoever is logged in, from the app's own back end; asked for again when one has ended.
// schemes: of the app's own links; image, open: what to do with a picture's address and with a link instead of the usual.

const GAP = 30_000; // between the end of one pop-up and the next
const KEEP = 7 * 86_400_000; // how long an event waits for the network
const EVENT = "kabar:event:", SEEN = "kabar:seen", LAST = "kabar:last", DEVICE = "kabar:device";

const STYLE = `
:host { all: initial }
[role] { box-sizing: border-box; width: min(92vw, 400px); max-height: 92vh; padding: 0; overflow: auto; border: 0; border-radius: 18px;
  color-scheme: light dark; background: Canvas; color: CanvasText; font: 16px/1.45 system-ui, sans-serif; box-shadow: 0 12px 48px #0006 }
[role]::backdrop { background: #0009 }
.banner { position: fixed; z-index: 2147483647; top: 12px; left: 50%; translate: -50% }
.fullscreen { width: 100vw; max-width: none; height: 100dvh; max-height: none; border-radius: 0 }
.banner img { max-height: 96px }
img { display: block; width: 100%; max-height: 46vh; object-fit: cover }
article { padding: 18px 20px 20px }
h2 { margin: 0 34px 6px 0; font-size: 19px }
p { margin: 0; white-space: pre-line }
h2, p { overflow-wrap: anywhere }
button { min-height: 44px; width: 100%; margin-top: 10px; border: 0; border-radius: 12px; font: inherit; cursor: pointer;
  background: #8883; color: inherit }
p + button { margin-top: 18px; background: var(--kabar-accent, #0b5d4e); color: var(--kabar-on-accent, #fff) }
button:last-child { position: absolute; top: 8px; right: 8px; width: 44px; margin: 0; border-radius: 50%; background: Canvas; color: CanvasText }
@media (prefers-reduced-motion: no-preference) { [role] { animation: come .2s } @keyframes come { from { opacity: 0 } } }
`;

let store = {}; // without local storage all is forgotten with the page
try { store = localStorage; } catch {}
const read = (key, other) => { try { return JSON.parse(store[key]) ?? other; } catch { return other; } };
const write = (key, value) => { try { store[key] = JSON.stringify(value); } catch {} };

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 15 | 64;
  bytes[8] = bytes[8] & 63 | 128;
  return Array.from(bytes, (byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
}

export function init({ endpoint, token, trigger = "app_open", platform = "web", appVersion = "", locale = navigator.language,
  schemes = ["app"], image = url => url, open = link => location.assign(link) }) {
  const made = uuid();
  write(DEVICE, read(DEVICE, made));
  const device = read(DEVICE, made); // of two tabs that begin at once, both take what was written last
  const ended = new AbortController();
  let held, stream, lastId, poll, due, flushing, busy, hide, strangers = new Set();
  let cache = {}, skew = 0, misses = 0, line = Promise.resolve();
  const now = () => Date.now() + skew; // the server's time: a phone's clock may be wrong by years
  const backoff = () => Math.min(300, 2 ** ++misses) * (.5 + Math.random() / 2);

  async function call(path, options = {}, again = true) {
    held ??= Promise.resolve(token());
    held.catch(() => held = null);
    const headers = { ...options.headers, Authorization: `Bearer ${await held}` };
    const answer = await fetch(endpoint + path, { ...options, headers });
    if (answer.status !== 401 || !again) return answer;
    held = null;
    return call(path, options, false);
  }

  // Of two reasons to ask again the sooner counts: what is heard during an answer would otherwise wait for the next regular question.
  function later(seconds) {
    const then = performance.now() + seconds * 1000;
    if (ended.signal.aborted || poll && due <= then) return;
    clearTimeout(poll);
    due = then;
    poll = setTimeout(ask, seconds * 1000);
  }

  // One question after the other: what is invalidated during an answer is asked again.
  const ask = (name = trigger) => line = line.then(() => question(name));

  async function question(name) {
    clearTimeout(poll);
    poll = 0;
    if (ended.signal.aborted || document.hidden) return;
    const path = "/v1/popups?" + new URLSearchParams({ trigger: name, device, platform, app_version: appVersion, locale });
    if (cache.path !== path) cache = { path };
    try {
      const answer = await call(path, { headers: cache.tag ? { "If-None-Match": cache.tag } : {} });
      skew = (Date.parse(answer.headers.get("Kabar-Time")) || now()) - Date.now();
      if (answer.ok) cache = { path, tag: answer.headers.get("ETag"), body: await answer.json() };
      else if (answer.status !== 304) throw answer;
      misses = 0;
      later(cache.body.poll_after_s);
      for (const item of cache.body.items) show(item);
    } catch {
      later(backoff());
    }
  }

  // Of several tabs the one that holds the lock shows; what it showed the others read in the store.
  async function show(item) {
    if (busy) return;
    busy = true;
    const draw = lock => lock && mayShow(item) && new Promise(done => present(item, done));
    await (navigator.locks?.request("kabar-popup", { ifAvailable: true }, draw) ?? draw(true));
    busy = false;
  }

  function mayShow({ delivery_id, max_impressions, min_interval_s, not_before, expires_at }) {
    const { times = 0, at = 0 } = read(SEEN, {})[delivery_id] ?? {};
    if (times >= max_impressions || now() >= Date.parse(expires_at)) return false;
    const wait = Math.max(Date.parse(not_before), times && at + min_interval_s * 1000, Math.min(read(LAST, 0), now()) + GAP) - now();
    if (wait > 0) later(Math.min(wait / 1000, cache.body.poll_after_s));
    return wait <= 0 && !ended.signal.aborted;
  }

  function saw(item) {
    const seen = read(SEEN, {}), times = (seen[item.delivery_id]?.times ?? 0) + 1;
    for (const id in seen) if (seen[id].until < now()) delete seen[id];
    write(SEEN, { ...seen, [item.delivery_id]: { times, at: now(), until: Date.parse(item.expires_at) } });
    write(LAST, now());
    tell(item, "impression");
  }

  function present(item, done) {
    const { layout, title, body, image: picture, buttons } = item.content;
    const modal = layout !== "banner";
    const host = document.createElement("kabar-popup"), root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const add = (parent, tag, more) => parent.appendChild(Object.assign(document.createElement(tag), more));
    const box = add(root, modal ? "dialog" : "section", { className: layout, role: "dialog", ariaLive: modal ? null : "polite" });
    box.setAttribute("aria-labelledby", "title");
    box.setAttribute("aria-describedby", "body");
    const eye = new IntersectionObserver(([seen]) => {
      if (!seen.isIntersecting || document.hidden) return;
      eye.disconnect();
      saw(item);
    }, { threshold: .5 });
    const end = (type, button) => {
      hide = null;
      eye.disconnect();
      clearTimeout(expiry);
      box.close?.();
      host.remove();
      write(LAST, now());
      if (type) tell(item, type, button);
      done();
    };
    // Longer than a timer can hold is longer than anybody looks at it.
    const expiry = setTimeout(end, Math.min(Date.parse(item.expires_at) - now(), 2 ** 31 - 1));
    if (/^https:/i.test(picture?.url)) {
      add(box, "img", { alt: "", referrerPolicy: "no-referrer", onerror() { this.remove(); } }).src = image(picture.url);
    }
    const text = add(box, "article");
    add(text, "h2", { id: "title", textContent: title });
    add(text, "p", { id: "body", textContent: body });
    for (const { id, label, link } of buttons) {
      add(text, "button", { type: "button", textContent: label, onclick() {
        end("click", id);
        if (link && ["https", ...schemes].includes(link.split(":")[0].toLowerCase())) open(link);
      } });
    }
    const dismiss = () => end("dismiss");
    add(text, "button", { type: "button", textContent: "✕", ariaLabel: locale.startsWith("id") ? "Tutup" : "Close", onclick: dismiss });
    box.onkeydown = event => event.key === "Escape" && dismiss();
    box.onclose = () => hide === end && dismiss(); // the back gesture of a phone
    box.onclick = event => event.target === box && modal && dismiss();
    hide = end;
    try {
      document.body.append(host);
      if (modal) box.showModal();
      eye.observe(box);
    } catch {
      end("error");
    }
  }

  function tell({ delivery_id }, type, button_id) {
    const event_id = uuid();
    write(EVENT + event_id, { event_id, delivery_id, type, button_id, at: new Date(now()).toISOString() });
    flushSoon(1);
  }

  function flushSoon(seconds) {
    clearTimeout(flushing);
    flushing = setTimeout(flush, seconds * 1000);
  }

  // Each event has a key of its own, so that tabs do not overwrite each other's; a second telling changes nothing.
  async function flush() {
    const kept = Object.keys(store).filter(key => key.startsWith(EVENT)).map(key => read(key));
    const items = kept.filter(item => !strangers.has(item.event_id)).sort((one, other) => one.at < other.at ? -1 : 1);
    for (const { event_id, at } of items) if (Date.parse(at) < now() - KEEP) delete store[EVENT + event_id];
    if (!items.length) return;
    try {
      const body = JSON.stringify({ items: items.slice(0, 100) });
      const answer = await call("/v1/popups/events", { method: "POST", keepalive: true, body, headers: { "Content-Type": "application/json" } });
      const told = answer.ok ? (await answer.json()).items : answer.status === 422 ? items.slice(0, 100) : null;
      // What this person's token does not know may be somebody else's, who logs in again.
      for (const { event_id, status } of told) status === "unknown" ? strangers.add(event_id) : delete store[EVENT + event_id];
      misses = 0;
      if (items.length > 100) flushSoon(0);
    } catch {
      flushSoon(backoff());
    }
  }

  async function listen(signal) {
    for (let pause = 1; !signal.aborted; pause = Math.min(pause * 2, 60)) {
      try {
        const answer = await call("/v1/popups/stream", { signal, cache: "no-store", headers: lastId ? { "Last-Event-ID": lastId } : {} });
        if (!answer.ok) throw answer;
        if (!lastId) later(0);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = "", part; !(part = await reader.read()).done;) {
          const blocks = (rest + part.value).split("\n\n");
          rest = blocks.pop();
          for (const block of blocks) hear(block);
          pause = 1;
        }
      } catch {}
      await new Promise(resolve => setTimeout(resolve, pause * (500 + Math.random() * 1000)));
    }
  }

  function hear(block) {
    lastId = /^id: (.*)$/m.exec(block)?.[1] ?? lastId;
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data) later(JSON.parse(data).within_s * Math.random());
  }

  // A page nobody looks at asks nothing; coming back is a session of its own.
  function turn() {
    stream?.abort();
    if (document.hidden || ended.signal.aborted) return flush();
    stream = new AbortController();
    listen(stream.signal);
    later(1.5); // where the stream does not open
    return flush();
  }

  const on = (target, name, handler) => target.addEventListener(name, handler, { signal: ended.signal });
  on(document, "visibilitychange", turn);
  on(window, "pagehide", flush);
  on(window, "online", () => { misses = 0; turn(); });
  turn();
  return { ask, flush, stop() { ended.abort(); clearTimeout(poll); hide?.(); return turn(); } };
}
