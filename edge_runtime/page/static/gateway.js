// This gateway: versions, broker, disk, clock, what is wrong; the doctor; who changed what.

import { ask, post } from "./api.js";
import { h, icon, part } from "./dom.js";
import { mayOperate, me, service } from "./state.js";
import { t } from "./texts.js";
import { fullTime, number, size, span } from "./words.js";

export function gatewayView(left) {
  const troubles = part(() => [service().troubles, service().answers, service().what], () => {
    if (!service().answers) return h("p", { class: "trouble" }, [service().what, service().remedy].filter(Boolean).join(". "));
    const wrong = Object.entries(service().troubles ?? {});
    return wrong.length ? h("ul", { class: "cards" }, wrong.map(([name, text]) => h("li", { class: "card fault sensor" }, icon("fault"), h("span", { class: "text" }, h("b", {}, name), h("span", {}, text)))))
      : h("p", { class: "calm" }, icon("ok"), t("gateway_fine"));
  });
  const facts = h("div"), changes = h("ol", { class: "log" }), found = h("div", { role: "status" });
  const load = async () => {
    try {
      const said = await ask("/api/gateway");
      facts.replaceChildren(factsPart(said));
      changes.replaceChildren(...(said.changes.length ? said.changes.toReversed().map((each) => h("li", {}, h("time", { datetime: each.time }, fullTime(each.time)), " ", h("b", {}, each.who), ` (${each.from}) `, each.what, ` · ${each.about} · ${each.result}`)) : [h("li", {}, t("no_changes"))]));
    } catch (error) { facts.replaceChildren(h("p", { class: "trouble" }, error.message)); }
  };
  load();
  const timer = setInterval(load, 10000);
  const examine = h("button", { id: "examine", class: "primary", onclick: async () => {
    examine.disabled = true;
    found.replaceChildren(h("p", { class: "soft" }, t("doctor_works")));
    try { found.replaceChildren(findings(await post("/api/doctor"))); } catch (error) { found.replaceChildren(h("p", { class: "trouble" }, [error.message, error.remedy].filter(Boolean).join(". "))); }
    examine.disabled = false;
  } }, t("examine"));
  return {
    title: t("this_gateway"),
    home: h("div", {}, h("h1", {}, t("this_gateway")), troubles.home,
      h("section", {}, h("h2", {}, t("doctor")), mayOperate() ? examine : h("p", { class: "soft" }, t("only_look")), found),
      h("section", {}, h("h2", {}, t("details")), facts), h("section", {}, h("h2", {}, t("who_did_what")), changes),
      h("section", {}, h("h2", {}, t("you")), h("p", {}, t(`role_${me.role}`, { who: me.who })), h("button", { id: "leave", onclick: left }, t("leave")))),
    update: troubles.update,
    close: () => clearInterval(timer),
  };
}

function factsPart(said) {
  const figure = (name) => said.figures[name];
  const rows = [
    ["site", `${said.site} / ${said.device}`], ["program", said.program], ["up", span(said.up_s)],
    ["broker", t(said.connected ? "connected" : "not_connected")], ["stored", number(figure("spool.alarm.depth"), 6)],
    ["capacity", figure("spool.hours_of_capacity") === null ? null : t("hours", { n: number(figure("spool.hours_of_capacity")) })],
    ["disk", figure("disk.free_bytes") === undefined ? null : size(figure("disk.free_bytes"))],
    ["history", figure("history.bytes") === undefined ? null : size(figure("history.bytes"))],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "–");
  const all = Object.entries(said.figures).sort(([a], [b]) => a.localeCompare(b));
  return h("div", {}, h("dl", { class: "wide" }, rows.map(([name, value]) => [h("dt", {}, t(`g_${name}`)), h("dd", {}, value)])),
    h("details", {}, h("summary", {}, t("all_figures")), h("dl", { class: "figures" }, all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, number(value, 6))]))));
}

const LEVELS = { ok: "ok", skipped: "quiet", warning: "asks", fault: "alarm" };

// In the doctor's own order; what is well is folded away.
function findings(list) {
  const line = (each) => h("li", { class: "card row" }, icon(LEVELS[each.level] ?? "asks"), h("span", { class: "text" },
    h("span", { class: "name" }, t(`level_${each.level}`, {}, each.level), ": ", each.about || each.check), h("span", { class: "sentence" }, each.what), each.remedy ? h("span", { class: "todo" }, each.remedy) : null));
  const wrong = list.filter((each) => ["warning", "fault"].includes(each.level)), fine = list.filter((each) => !wrong.includes(each));
  return h("div", {}, wrong.length ? h("ul", { class: "cards" }, wrong.map(line)) : h("p", { class: "calm" }, icon("ok"), t("doctor_fine")),
    h("details", {}, h("summary", {}, t("doctor_rest", { n: fine.length })), h("ul", { class: "cards" }, fine.map(line))));
}
