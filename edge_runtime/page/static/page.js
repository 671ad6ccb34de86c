// Where everything begins: who is there, which view, and what is true now.

import { alarmView } from "./alarm.js";
import { ask, post, whenOutside } from "./api.js";
import { enterView } from "./enter.js";
import { gatewayView } from "./gateway.js";
import { h } from "./dom.js";
import { recordingsView } from "./recordings.js";
import { sensorView } from "./sensor.js";
import { alarmsView, sensorsView } from "./sensors.js";
import * as state from "./state.js";
import { language, languages, speak, t } from "./texts.js";
import { span } from "./words.js";

const LOST_S = 4;
let view = null, inside = false;

const main = h("main", { id: "main", tabindex: "-1" });
const banner = h("p", { class: "banner", role: "alert", hidden: true });
const told = h("p", { id: "told", role: "status", "aria-live": "polite" });
const where = h("span", { class: "where" });
const count = h("span", { class: "count", hidden: true });
const nav = h("nav", {});
const skip = h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } });
const tongue = h("button", { id: "language", onclick: () => { speak(languages[(languages.indexOf(language()) + 1) % languages.length]); frame(); show(); } });

const TABS = [["#/", "sensors"], ["#/alarms", "alarms"], ["#/recordings", "recordings"], ["#/gateway", "this_gateway"]];

function frame() {
  document.documentElement.lang = language();
  skip.textContent = t("skip");
  tongue.textContent = t("language_other");
  nav.setAttribute("aria-label", t("navigation"));
  nav.replaceChildren(...TABS.map(([href, name]) => h("a", { href, id: `tab-${name}` }, t(`tab_${name}`), name === "alarms" ? count : null)));
  nav.hidden = !inside;
}

function chosen() {
  const [, kind = "", name = ""] = location.hash.split("/");
  const named = () => { try { return decodeURIComponent(name); } catch { return name; } };
  if (kind === "sensor" && name) return sensorView(named());
  if (kind === "alarm" && name) return alarmView(named());
  if (kind === "alarms") return alarmsView();
  if (kind === "recordings") return recordingsView();
  if (kind === "gateway") return gatewayView(leave);
  return sensorsView();
}

function show(focus = false) {
  view?.close();
  view = inside ? chosen() : enterView(enter);
  main.replaceChildren(view.home);
  for (const link of nav.children) {
    if (link.getAttribute("href") === (location.hash || "#/")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view.title} – steadyhum`;
  if (focus) { scrollTo(0, 0); main.focus({ preventScroll: true }); }
  refresh();
}

function refresh() {
  if (!inside) { banner.hidden = true; return; }
  view?.update();
  const service = state.service(), open = state.alarms().filter((alarm) => !alarm.acknowledged && !alarm.shelved).length;
  where.textContent = service.site ? `${service.site} / ${service.device}` : "";
  count.hidden = !open;
  count.textContent = String(open);
  const lost = state.known() && state.silence() > LOST_S;
  const words = lost ? t("no_contact_since", { span: span(state.silence()) }) : service.answers ? "" : t("service_silent");
  if (banner.textContent !== words) banner.textContent = words;
  banner.hidden = !words;
}

function enter(said) {
  Object.assign(state.me, said);
  inside = true;
  frame();
  state.watch(refresh);
  show();
}

function outside() {
  if (!inside && view) return;
  inside = false;
  state.leave();
  frame();
  show();
}

async function leave() {
  await post("/api/leave").catch(() => {});
  outside();
}

document.body.append(skip, h("header", {}, h("a", { class: "brand", href: "#/" }, "steadyhum"), where, tongue), banner, main, nav, told);
frame();
whenOutside(outside);
addEventListener("hashchange", () => { if (/^#code=/.test(location.hash)) { if (!inside) show(); return; } show(true); });
setInterval(refresh, 1000);
ask("/api/me").then(enter).catch(outside);
