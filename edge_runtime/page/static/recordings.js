// Recordings: begin, see, end, take away.

import { ask, change } from "./api.js";
import { askFor, tell } from "./dialogs.js";
import { h, part } from "./dom.js";
import { mayOperate, recordingOf, recordings, records, sensors } from "./state.js";
import { t } from "./texts.js";
import { clock, number, size, span } from "./words.js";

export function recordButton(name) {
  const view = recordingOf(name);
  if (records(view)) {
    return h("button", { id: `stop-${name}`, onclick: () => askFor({ title: t("stop_recording"), about: t("stop_about"), yes: t("stop_recording"),
      act: () => change("recording.stop", { sensor: name }), done: () => tell(t("recording_stopped")) }) }, t("stop_recording"));
  }
  return h("button", { id: `record-${name}`, onclick: () => askFor({ title: t("record"), about: t("record_about", { sensor: name }), yes: t("start"), fields: [
    { name: "condition", label: t("condition"), value: t("condition_value"), required: true },
    { name: "minutes", label: t("minutes_long"), kind: "number", value: "1", required: true },
    { name: "label", label: t("label"), kind: "choice", value: "normal", choices: [["normal", t("label_normal")], ["fault", t("label_fault")], ["unknown", t("label_unknown")]] }],
  act: ({ condition, minutes, label }) => change("recording.start", { sensor: name, condition, label, for_s: minutes * 60 }),
  done: () => tell(t("recording_started", { sensor: name })) }) }, t("record"));
}

export function recordingWordsOf(view) {
  const state = t(`rec_${view.state}`, {}, view.state);
  const parts = [`${state}: ${view.condition}`, `${span(view.elapsed_s)} / ${span(view.for_s)}`, size(view.bytes ?? 0)];
  if (view.usable_share !== undefined && view.usable_share !== null) parts.push(t("usable", { n: Math.round(100 * view.usable_share) }));
  return [...parts, view.problem, view.held, view.ended, view.remedy].filter(Boolean).join(" · ");
}

export function recordingsView() {
  const going = part(() => [recordings(), sensors().map((sensor) => sensor.name), mayOperate()], () =>
    h("ul", { class: "cards" }, sensors().map((sensor) => {
      const view = recordingOf(sensor.name);
      return h("li", { class: "card row" }, h("span", { class: "text" }, h("a", { class: "name", href: `#/sensor/${encodeURIComponent(sensor.name)}` }, sensor.name),
        h("span", { class: "sentence" }, view ? recordingWordsOf(view) : t("never_recorded"))), mayOperate() ? recordButton(sensor.name) : null);
    })));
  const list = h("div", {}, h("p", { class: "soft" }, t("loads")));
  let shown = 50, ended = "";
  async function load() {
    try {
      const found = (await ask("/api/ask/recording.list")).toReversed();
      const more = found.length > shown ? h("button", { onclick: () => { shown += 200; load(); } }, t("more")) : null;
      list.replaceChildren(found.length ? table(found.slice(0, shown)) : h("p", { class: "soft" }, t("no_captures")), more ?? "");
    } catch (error) { list.replaceChildren(h("p", { class: "trouble" }, error.message)); }
  }
  load();
  return {
    title: t("recordings"),
    home: h("div", {}, h("h1", {}, t("recordings")), going.home, h("h2", {}, t("captures")), list),
    update: () => {
      going.update();
      const now = recordings().filter((view) => !records(view)).map((view) => view.id).join();
      if (now !== ended) { ended = now; load(); }
    },
    close: () => {},
  };
}

function table(found) {
  return h("ul", { class: "plain captures" }, found.map((capture) => {
    const name = capture.path.split("/").pop();
    return h("li", {}, h("a", { href: `/api/capture?${new URLSearchParams({ sensor: capture.sensor, name })}`, download: "" }, `${capture.sensor}, ${clock(capture.time)}`),
      h("span", { class: "soft" }, ` ${capture.condition || "–"}, ${t(`label_${capture.label}`, {}, capture.label || "–")}, ${span(capture.seconds ?? 0)}, ${size(capture.bytes)}`));
  }));
}
