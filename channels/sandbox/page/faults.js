// The knobs: rules that make the providers misbehave.
import { call, el, id } from "./dom.js";

const ANY = ["latency", "drop_before", "drop_after", "garbage", "hang"];
const KINDS = {
  push: ["UNREGISTERED", "QUOTA_EXCEEDED", "UNAVAILABLE", "INTERNAL", "SENDER_ID_MISMATCH", "THIRD_PARTY_AUTH_ERROR"],
  whatsapp: ["131026", "131049", "131050", "131056", "130429", "131000", "132015", "190"],
  email: ["550 5.1.1 User unknown", "452 4.2.2 Mailbox full", "421 4.7.0 Slow down", "550 5.7.1 Blocked"],
};
const PRESETS = {
  "5 % dari semuanya": Object.entries(KINDS).flatMap(([channel, [first, second]]) =>
    [first, second, "drop_after"].map(kind => ({ channel, kind, share: .05 / 3 }))),
  "Alamat mati 10 %": [["push", "UNREGISTERED"], ["whatsapp", "131026"], ["email", "550 5.1.1 User unknown"]].map(([channel, kind]) => ({ channel, kind, share: .1 })),
  "Lambat 2 detik": Object.keys(KINDS).map(channel => ({ channel, kind: "latency", ms: 2000 })),
  "Jawaban hilang 5 %": Object.keys(KINDS).map(channel => ({ channel, kind: "drop_after", share: .05 })),
  "Penyedia mati": Object.keys(KINDS).map(channel => ({ channel, kind: "drop_before" })),
  "Kuota habis": [{ channel: "push", kind: "QUOTA_EXCEEDED", retry_after: 30 }, { channel: "whatsapp", kind: "130429" }],
};

function told(rule) {
  const parts = [rule.channel, rule.kind, Math.round((rule.share ?? 1) * 1000) / 10 + " %", rule.address, rule.ms && rule.ms + " ms", rule.stage];
  return parts.filter(Boolean).join(" · ");
}

export class Faults {
  constructor(changed) {
    this.changed = changed;
    this.rules = [];
    const form = id("rule");
    const kinds = () => id("kinds").replaceChildren(...[...KINDS[form.channel.value], ...ANY].map(value => el("option", { value })));
    form.channel.addEventListener("change", kinds);
    kinds();
    form.addEventListener("submit", event => {
      event.preventDefault();
      const rule = { channel: form.channel.value, kind: form.kind.value.trim(), share: form.share.value / 100 };
      if (form.address.value.trim()) rule.address = form.address.value.trim();
      if (Number(form.ms.value)) rule.ms = Number(form.ms.value);
      this.do("POST", rule);
    });
    id("presets").replaceChildren(...Object.entries(PRESETS).map(([name, rules]) =>
      el("button", { type: "button", onclick: () => this.do("PUT", rules) }, name)));
    id("calm").addEventListener("click", () => this.do("DELETE"));
    id("open-faults").addEventListener("click", () => {
      id("faults").hidden = !id("faults").hidden;
      id("open-faults").setAttribute("aria-expanded", String(!id("faults").hidden));
    });
  }

  async do(method, body) {
    id("rule-problem").textContent = "";
    try {
      await call("faults", method, body);
    } catch (error) {
      id("rule-problem").textContent = error.message;
    }
    this.changed();
  }

  show(rules) {
    this.rules = rules;
    id("rule-count").textContent = rules.length;
    id("open-faults").classList.toggle("active", rules.length > 0);
    id("rules").replaceChildren(...rules.map(rule => el("li", {}, told(rule),
      el("button", { type: "button", "aria-label": "Cabut " + told(rule), onclick: () => this.do("PUT", this.rules.filter(other => other !== rule)) }, "✕"))));
  }
}
