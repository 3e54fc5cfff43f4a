// The sandbox's page: who got what, filtered; told by a stream when there is more.
import { Devices, card } from "./devices.js";
import { call, el, id, number } from "./dom.js";
import { Faults } from "./faults.js";

const CHANNELS = { push: "Push", whatsapp: "WhatsApp", email: "E-mail" };
const PAGE = 40;
const chosen = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const devices = new Devices(id("devices"));
const faults = new Faults(refresh);
let older = []; // messages loaded by "more", beyond the first page
let running = null, again = false, drawn = "";

function choose(changes) {
  Object.assign(chosen, changes);
  for (const name in chosen) if (!chosen[name]) delete chosen[name];
  history.replaceState(null, "", "#" + new URLSearchParams(chosen));
  older = [];
  refresh();
}

const asked = more => "messages?" + new URLSearchParams({ ...chosen, limit: PAGE, ...more });

function tiles(channels) {
  const tile = ([name, label]) => {
    const { shown, rejected, dropped } = channels[name];
    const wrong = Object.entries({ ...rejected, ...dropped });
    const sum = wrong.reduce((total, [, times]) => total + times, 0);
    return el("button", { type: "button", "aria-pressed": String(chosen.channel === name), title: wrong.map(pair => pair.join(" × ")).join("\n"),
      onclick: () => choose({ channel: chosen.channel === name ? "" : name }) },
    label, el("b", {}, number(shown)), sum ? el("span", { class: "wrong" }, "✕ " + number(sum)) : "");
  };
  id("tiles").replaceChildren(...Object.entries(CHANNELS).map(tile));
}

function people({ customers, campaigns, kept }) {
  id("kept").textContent = number(kept) + " pesan tersimpan";
  id("everybody").setAttribute("aria-pressed", String(!chosen.customer));
  id("customers").replaceChildren(...customers.map(customer => el("button", {
    type: "button", class: "person", title: customer.name, "aria-pressed": String(chosen.customer === customer.no), onclick: () => choose({ customer: customer.no }),
  }, el("b", {}, customer.name), el("small", {}, (customer.known ? customer.no + " · " : "") +
    Object.entries(customer.messages).map(([name, times]) => CHANNELS[name] + " " + number(times)).join(" · ")))));
  const names = ["", ...campaigns];
  if (id("campaign").dataset.key !== names.join()) {
    id("campaign").dataset.key = names.join();
    id("campaign").replaceChildren(...names.map(name => el("option", { value: name }, name || "Semua kampanye")));
  }
  id("campaign").value = chosen.campaign ?? "";
}

// Cards are rebuilt only when they change: a frame that reloads all the time cannot be read.
function messages(found, customers) {
  const newest = found.filter(message => !older.some(other => other.number === message.number));
  const every = [...newest, ...older];
  const one = chosen.customer;
  id("devices").hidden = !one;
  id("cards").hidden = Boolean(one);
  id("empty").hidden = Boolean(one) || every.length > 0;
  id("more").hidden = (older.length ? older.ended : found.length < PAGE) || !every.length;
  if (one) {
    const name = every[0]?.customer.name ?? customers.find(customer => customer.no === one)?.name ?? one;
    devices.show({ no: one, name }, every);
    return;
  }
  const key = JSON.stringify(chosen) + every.map(message => message.number).join();
  if (key === drawn) return;
  drawn = key;
  const known = new Map([...id("cards").children].map(node => [Number(node.dataset.number), node]));
  id("cards").replaceChildren(...every.map(message => known.get(message.number) ?? card(message, customer => choose({ customer }))));
}

async function load() {
  try {
    const [overview, found] = await Promise.all([call("overview?" + new URLSearchParams({ q: id("search").value })), call(asked())]);
    tiles(overview.channels);
    people(overview);
    faults.show(overview.rules);
    messages(found.messages, overview.customers);
    if (!id("state").classList.contains("live")) id("state").textContent = "langsung";
    id("state").classList.add("live");
  } catch (error) {
    id("state").classList.remove("live");
    id("state").textContent = "sandbox tidak menjawab";
  }
}

// One at a time; what comes in during a look is looked at again.
async function refresh() {
  again = true;
  if (running) return;
  running = true;
  while (again) {
    again = false;
    await load();
  }
  running = null;
}

id("more").addEventListener("click", async () => {
  const shown = older.length ? older : (await call(asked())).messages;
  const next = (await call(asked({ before: shown.at(-1).number }))).messages;
  older = Object.assign([...shown, ...next], { ended: next.length < PAGE });
  refresh();
});
id("search").addEventListener("input", refresh);
id("campaign").addEventListener("change", event => choose({ campaign: event.target.value }));
id("everybody").addEventListener("click", () => choose({ customer: "" }));
id("forget").addEventListener("click", async () => {
  await call("messages", "DELETE");
  drawn = "";
  choose({ customer: "" });
});
const stream = new EventSource("/_sandbox/stream");
stream.addEventListener("message", refresh);
stream.addEventListener("error", () => id("state").classList.remove("live"));
refresh();
