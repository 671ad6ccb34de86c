// What is asked of the gateway. A refusal is an Error with `what` and `remedy` in the gateway's own words.

import { t } from "./texts.js";

export class Refusal extends Error {
  constructor(status, body) {
    super(body.what ?? t("no_contact"));
    this.status = status;
    this.remedy = body.remedy ?? "";
  }
}

let outside = () => {};
export function whenOutside(call) { outside = call; }

async function fetched(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal(0, { what: t("no_contact"), remedy: t("no_contact_remedy") });
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401 && path !== "/api/enter") outside();
  throw new Refusal(response.status, body);
}

export async function ask(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return (await fetched(text ? `${path}?${text}` : path)).json();
}

export async function post(path, body = {}) {
  const headers = { "content-type": "application/json" };
  return (await fetched(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

export const change = (method, params) => post(`/api/do/${method}`, params);

export async function bytes(path, query) {
  return new Uint8Array(await (await fetched(`${path}?${new URLSearchParams(query)}`)).arrayBuffer());
}

// Server-sent events until it is closed; where the connection is lost, it is tried again, for ever.
export function stream(path, query, taken, failed = () => {}) {
  let source = null, timer = 0, closed = false;
  const open = () => {
    const text = new URLSearchParams(query).toString();
    source = new EventSource(text ? `${path}?${text}` : path);
    source.onmessage = (event) => taken(event.data);
    source.onerror = () => {
      source.close();
      if (closed) return;
      failed();
      // An EventSource hides why: whoever is outside by now is told.
      ask("/api/me").catch(() => {});
      timer = setTimeout(open, 2000);
    };
  };
  open();
  return () => { closed = true; clearTimeout(timer); source.close(); };
}
