// What an app does to have pop-ups: one import, one call at session start, one at logout. The rest of this file is the app itself.
const id = name => document.getElementById(name);
const customer = new URLSearchParams(location.search).get("customer");
const say = text => id("word").textContent = text;

// The app's own back end knows who is logged in; this one belongs to the sandbox.
async function token() {
  const answer = await fetch("/app/token", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ customer_no: customer }),
  });
  const told = await answer.json();
  if (!answer.ok) {
    say(told.error);
    throw new Error(told.error);
  }
  say("");
  return told.token;
}

async function begin() {
  const { endpoint } = await (await fetch("/app/config")).json();
  if (!endpoint) return say("Sandbox ini tidak tahu di mana Kabar menjawab.");
  let kabar;
  try {
    kabar = await import(endpoint + "/sdk/kabar-popup.js");
  } catch {
    return say("Kabar tidak menjawab di " + endpoint + "; jalankan `kabar up` dengan setelan dari sandbox.env.");
  }
  const popups = kabar.init({
    endpoint, token, locale: "id-ID",
    // Nothing outside the sandbox is fetched or opened: pictures are placeholders, links are told.
    image: url => "/_sandbox/poster?u=" + encodeURIComponent(url),
    open: link => say("Membuka " + link),
  });
  for (const button of document.querySelectorAll("[data-trigger]")) {
    button.addEventListener("click", () => popups.ask(button.dataset.trigger));
  }
  id("leave").addEventListener("click", async () => {
    await popups.stop();
    location.search = "";
  });
}

id("login").hidden = Boolean(customer);
id("home").hidden = id("leave").hidden = !customer;
if (customer) {
  id("who").textContent = customer;
  begin();
}
