// One message as its customer sees it, and a customer's devices with all of theirs.
import { call, clock, day, el, id, poster, stamp } from "./dom.js";

const NAMES = { push: "Push", whatsapp: "WhatsApp", email: "E-mail" };
const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓" };

function banner({ at, content }) {
  return el("div", { class: "banner" }, poster(content.image),
    el("div", {}, el("span", { class: "app" }, el("span", {}, "Aplikasi Anda"), el("span", {}, clock(at))),
      el("b", {}, content.title), content.body, content.data.link ? el("span", { class: "link" }, "↗ " + content.data.link) : ""));
}

const hour = at => [el("p", { class: "hour" }, clock(at)), el("p", { class: "day" }, day(at))];

function marked(text) {
  return text.split(/(\*[^*\n]+\*|_[^_\n]+_)/).map(piece =>
    /^\*.+\*$/.test(piece) ? el("b", {}, piece.slice(1, -1)) : /^_.+_$/.test(piece) ? el("i", {}, piece.slice(1, -1)) : piece);
}

async function inbound(body) {
  try {
    await call("inbound", "POST", body);
    id("state").textContent = "Balasan nasabah terkirim.";
  } catch (error) {
    id("state").textContent = error.message;
  }
}

function bubble(message) {
  const { text, footer, image, buttons, template } = message.content;
  const press = ({ kind, value, label }) => kind === "quick_reply" && (() =>
    inbound({ from: message.to, kind: "button", payload: value || label, text: label, message: message.provider_id }));
  return el("div", { class: "bubble" }, poster(image),
    el("p", {}, marked(text || "(template " + template + ")")),
    footer ? el("small", {}, footer) : "",
    el("small", { class: "ticks " + message.ticks }, clock(message.at), " ", el("b", { title: message.ticks }, TICKS[message.ticks])),
    buttons.map(button => el("button", { type: "button", title: button.value, onclick: press(button) || undefined },
      (button.kind === "quick_reply" ? "↩ " : "↗ ") + button.label)));
}

function reply(phone) {
  const field = el("input", { placeholder: "Balas, mis. BERHENTI", "aria-label": "Balasan nasabah" });
  return el("form", { class: "reply", onsubmit: event => {
    event.preventDefault();
    if (field.value) inbound({ from: phone, kind: "text", text: field.value });
    field.value = "";
  } }, field, el("button", {}, "Kirim"));
}

function letter({ number, content }) {
  const frame = el("iframe", { title: content.subject || "surat", loading: "lazy", sandbox: true, src: "/_sandbox/mail/" + number });
  const way = (label, path, pressed) => el("button", { type: "button", "aria-pressed": String(pressed), onclick: event => {
    frame.src = path;
    for (const button of event.target.parentNode.children) button.setAttribute("aria-pressed", String(button === event.target));
  } }, label);
  return el("div", { class: "mail" }, el("h3", {}, content.subject || "(tanpa subjek)"),
    el("p", {}, "Dari " + content.sender, content.unsubscribe ? " · dapat berhenti berlangganan" : ""),
    el("div", { class: "way" }, way("HTML", "/_sandbox/mail/" + number, true), way("Teks", "/_sandbox/mail/" + number + "?text", false)), frame);
}

const SHOWN = {
  push: message => el("div", { class: "lock" }, hour(message.at), banner(message)),
  whatsapp: message => el("div", { class: "chat" }, el("div", { class: "talk" }, bubble(message)), reply(message.to)),
  email: letter,
};

function facts(message, choose) {
  const repeated = message.copies > 1;
  const note = message.channel === "push" && message.key ? "kiriman ke-" + message.copies + ", di perangkat tetap satu" : "salinan ke-" + message.copies;
  return el("div", { class: "facts" }, el("span", {}, NAMES[message.channel]),
    choose ? el("button", { type: "button", onclick: () => choose(message.customer.no) }, message.customer.name) : "",
    el("span", {}, message.campaign),
    repeated ? el("span", { class: message.channel === "push" ? "" : "bad" }, note) : "",
    message.answered ? "" : el("span", { class: "bad" }, "pengirim tidak tahu"), el("time", {}, stamp(message.at)));
}

export const card = (message, choose) => el("article", { class: "card", "data-number": message.number }, SHOWN[message.channel](message), facts(message, choose));

const phone = (title, screen) => el("figure", {}, el("figcaption", {}, title), el("div", { class: "phone" }, screen));
const nothing = text => el("p", { class: "nothing" }, text);

// Four devices of one customer; the app stays as it is while messages come in, or its pop-up would be torn away.
export class Devices {
  constructor(place) {
    this.place = place;
    this.customer = null;
  }

  show(customer, messages) {
    if (this.customer !== customer.no) {
      this.customer = customer.no;
      this.opened = null;
      this.drawn = "";
      this.others = el("div", { style: null });
      this.slots = ["push", "whatsapp", "email"].map(channel => {
        const screen = el("div", { class: "screen " + { push: "lock", whatsapp: "chat", email: "mail box" }[channel] });
        return [channel, screen, phone({ push: "Layar kunci · push", whatsapp: "WhatsApp", email: "Kotak surat · e-mail" }[channel], screen)];
      });
      const app = el("iframe", { title: "Aplikasi nasabah", src: "/app?" + new URLSearchParams({ customer: customer.no }) });
      this.place.replaceChildren(...this.slots.map(([, , figure]) => figure), phone("Aplikasi · pop-up", app));
    }
    for (const [channel, screen] of this.slots) {
      const own = messages.filter(message => message.channel === channel);
      const key = own.map(message => message.number).join();
      if (screen.dataset.key === key) continue;
      screen.dataset.key = key;
      screen.replaceChildren(...this[channel](own, customer));
    }
  }

  push(messages) {
    return [...hour(messages[0]?.at ?? Date.now()), ...messages.map(banner), messages.length ? "" : nothing("Belum ada push.")];
  }

  whatsapp(messages, customer) {
    const head = el("div", { class: "who" }, customer.sender ?? "Perusahaan Anda", el("small", {}, "chat dengan " + customer.name));
    const talk = el("div", { class: "talk" }, messages.length ? messages.toReversed().map(bubble) : nothing("Belum ada pesan WhatsApp."));
    return [head, talk, messages.length ? reply(messages[0].to) : ""];
  }

  email(messages) {
    if (!messages.length) return [nothing("Kotak surat kosong.")];
    return messages.map((message, place) => {
      const box = el("details", { name: "mail", open: place === 0 },
        el("summary", {}, message.content.subject || "(tanpa subjek)", el("small", {}, stamp(message.at) + " · " + message.campaign)));
      // A frame is made when its letter is opened.
      box.addEventListener("toggle", () => box.open && box.children.length === 1 && box.append(letter(message)));
      return box;
    });
  }
}
