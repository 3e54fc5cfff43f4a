// Elements and words. Text is only ever put in as text.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== "" && child !== null && child !== undefined));
  return node;
}

export const id = name => document.getElementById(name);
export const number = value => value.toLocaleString("id-ID");
export const clock = at => new Date(at).toLocaleTimeString("id-ID", { hour: "2-digit", minute: "2-digit" });
export const day = at => new Date(at).toLocaleDateString("id-ID", { weekday: "long", day: "numeric", month: "long" });
export const stamp = at =>
  new Date(at).toLocaleString("id-ID", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const poster = url => url ? el("img", { class: "poster", alt: "Gambar: " + url, title: url, loading: "lazy", src: posterOf(url) }) : "";
export const posterOf = url => "/_sandbox/poster?u=" + encodeURIComponent(url);

export async function call(path, method = "GET", body) {
  const answer = await fetch("/_sandbox/" + path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = answer.status === 202 || answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}
