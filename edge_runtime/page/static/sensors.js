// All sensors: what needs a person first, then the others, the worst first.

import { h, icon, part } from "./dom.js";
import { alarms, known, sensors, service } from "./state.js";
import { t } from "./texts.js";
import { badness, needs, rank, recordingWords, sentence, shape, standing } from "./words.js";

const open = (sensor) => {
  const { alarm } = standing(sensor);
  return alarm ? `#/alarm/${encodeURIComponent(alarm.id)}` : `#/sensor/${encodeURIComponent(sensor.name)}`;
};

function card(sensor) {
  const { state, alarm } = standing(sensor);
  const to = needs(sensor) ? open(sensor) : `#/sensor/${encodeURIComponent(sensor.name)}`;
  return h("li", {}, h("a", { class: `card sensor ${state}`, href: to, id: `card-${sensor.name}` },
    icon(shape(state)),
    h("span", { class: "text" },
      h("span", { class: "name" }, sensor.name, sensor.machine ? h("small", {}, sensor.machine) : null),
      h("span", { class: "sentence" }, h("b", {}, t(`state_${state}`), ": "), sentence(sensor)),
      recordingWords(sensor.name) ? h("span", { class: "soft" }, recordingWords(sensor.name)) : null,
      needs(sensor) ? h("span", { class: "todo" }, t(alarm ? "todo_look" : `todo_${state}`)) : null)));
}

// Scores change with every window: they are drawn once a second, and the cards where their words differ.
export function sensorsView() {
  const sorted = () => sensors().sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const seen = (list) => list.map((sensor) => [sensor.name, rank(sensor), sentence(sensor), recordingWords(sensor.name)]);
  const list = (wanted) => sorted().filter((sensor) => needs(sensor) === wanted);
  const troubles = () => Object.entries(service().troubles ?? {}).filter(([name]) => !/^(sensor|chatter of|overload of) /.test(name));
  const urgent = part(() => [seen(list(true)), troubles(), known()], () => {
    if (!known()) return h("p", { class: "soft" }, t("waiting"));
    const cards = list(true).map(card);
    const own = troubles().map(([name, text]) => h("li", {}, h("a", { class: "card sensor fault", href: "#/gateway" }, icon("fault"),
      h("span", { class: "text" }, h("span", { class: "name" }, t("this_gateway")), h("span", { class: "sentence" }, `${name}: ${text}`)))));
    if (!cards.length && !own.length) return h("p", { class: "calm" }, icon("ok"), t("nothing_needs"));
    return h("ul", { class: "cards" }, cards, own);
  });
  const others = part(() => seen(list(false)), () => h("ul", { class: "cards" }, list(false).map(card)));
  const heading = part(() => list(true).length + troubles().length, (count) => [t("needs_you"), count ? h("span", { class: "count" }, String(count)) : null], "h1");
  return {
    title: t("sensors"),
    home: h("div", {}, heading.home, urgent.home, h("h2", {}, t("all_others")), others.home),
    update: () => [heading, urgent, others].forEach((each) => each.update()),
    close: () => {},
  };
}

// Every open alarm, also those that somebody has seen or put aside.
export function alarmsView() {
  const line = (alarm) => h("li", {}, h("a", { class: `card sensor ${alarm.kind === "anomaly" ? "alarm" : "fault"}`, href: `#/alarm/${encodeURIComponent(alarm.id)}`, id: `alarm-${alarm.id}` },
    icon(alarm.kind === "anomaly" ? "alarm" : "fault"),
    h("span", { class: "text" }, h("span", { class: "name" }, alarm.sensor, alarm.machine ? h("small", {}, alarm.machine) : null),
      h("span", { class: "sentence" }, alarmWords(alarm)),
      alarm.acknowledged ? h("span", { class: "soft" }, t("s_acknowledged", { who: alarm.acknowledged.who })) : null)));
  const all = part(() => alarms().map((alarm) => [alarm.id, alarmWords(alarm), alarm.acknowledged]), () =>
    alarms().length ? h("ul", { class: "cards" }, alarms().map(line)) : h("p", { class: "calm" }, icon("ok"), t("no_alarms")));
  return { title: t("alarms"), home: h("div", {}, h("h1", {}, t("alarms")), all.home), update: all.update, close: () => {} };
}

import { ago, clock, reasonWords } from "./words.js";

function alarmWords(alarm) {
  const since = { time: clock(alarm.start_time), ago: ago(alarm.start_time) };
  if (alarm.kind !== "anomaly") return `${t(`s_${alarm.kind}`, since)} ${reasonWords(alarm.reason)}`;
  return `${t(alarm.active ? "s_anomaly" : "s_anomaly_over", since)} ${badness(alarm.score ?? alarm.peak, alarm.threshold)}`;
}
