// What is true now, as the gateway said it last: the same for all views.

import { stream } from "./api.js";

const parts = new Map();
let said = 0, heard = 0, stop = null, changed = () => {};

export const me = { who: "", role: "view" };
export const mayOperate = () => me.role === "operate";

export function watch(call) {
  changed = call;
  stop?.();
  stop = stream("/api/picture", {}, (text) => {
    const news = JSON.parse(text);
    for (const [name, value] of Object.entries(news.parts)) parts.set(name, value);
    for (const name of news.gone) parts.delete(name);
    said = news.time;
    heard = performance.now();
    changed();
  });
}

export function leave() { stop?.(); stop = null; parts.clear(); heard = 0; }

export const known = () => heard > 0;
// The gateway's own time: a phone's clock may be another.
export const now = () => (heard ? said * 1000 + (performance.now() - heard) : Date.now());
export const silence = () => (heard ? (performance.now() - heard) / 1000 : 0);
export const service = () => parts.get("service") ?? { answers: true, troubles: {} };
export const alarms = () => parts.get("alarms") ?? [];
export const recordings = () => parts.get("recordings") ?? [];
export const sensor = (name) => parts.get(`sensor ${name}`) ?? null;
export const sensors = () => [...parts].filter(([name]) => name.startsWith("sensor ")).map(([, value]) => value);
export const alarmsOf = (name) => alarms().filter((alarm) => alarm.sensor === name);
export const alarm = (id) => alarms().find((each) => each.id === id) ?? null;
export const recordingOf = (name) => recordings().find((each) => each.sensor === name) ?? null;
export const records = (view) => Boolean(view) && !["ended", "refused"].includes(view.state);
