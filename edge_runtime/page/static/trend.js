// What was: the trend of a sensor, from an hour to a year, and what happened.

import { ask } from "./api.js";
import { chart } from "./charts.js";
import { h } from "./dom.js";
import { t } from "./texts.js";
import { fullTime, number } from "./words.js";

const SPANS = ["hour", "day", "week", "month", "year"];

export function trendPart(sensor, threshold) {
  const score = chart({ x: t("time"), y: t("score"), series: [t("highest"), t("mean")], time: true });
  const level = chart({ x: t("time"), y: "mm/s", series: [t("velocity")], time: true });
  const levelHome = h("div", { hidden: true }, h("h3", {}, t("velocity")), level.home);
  const note = h("p", { class: "soft", role: "status" });
  const marks = h("ol", { class: "log" });
  let chosen = "day", turn = 0, closed = false;
  const buttons = SPANS.map((span) => h("button", { id: `span-${span}`, "aria-pressed": String(span === chosen), onclick: () => load(span) }, t(`span_${span}`)));
  async function load(span) {
    chosen = span;
    const mine = ++turn;
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(SPANS[k] === span)));
    note.textContent = t("loads");
    try {
      const found = await ask("/api/trend", { sensor, span });
      if (mine !== turn || closed) return;
      note.textContent = found.rows.length ? "" : t("no_trend");
      const times = found.rows.map((row) => row.time_s), of = (name) => found.rows.map((row) => row.values[name] ?? null);
      const range = [found.since_s, found.until_s];
      const most = of("score_max").filter((value) => value !== null);
      score.set([times, of("score_max"), of("score_mean")], { level: threshold(), range }, most.length ? t("trend_words", { most: number(Math.max(...most)), threshold: number(threshold()) }) : "");
      const columns = [...new Set(found.rows.flatMap((row) => Object.keys(row.values)))].filter((name) => name.startsWith("velocity."));
      levelHome.hidden = !columns.length;
      if (columns.length) {
        const last = of(columns[0]).findLast((value) => value !== null);
        level.set([times, of(columns[0])], { range }, t("velocity_words", { channel: columns[0].slice(9), value: number(last) }));
      }
      marks.replaceChildren(...logLines(found.marks));
    } catch (error) { note.textContent = error.message; }
  }
  load(chosen);
  return {
    home: h("section", { "aria-labelledby": "trend-title" }, h("h2", { id: "trend-title" }, t("trend")),
      h("div", { class: "actions spans", role: "group", "aria-label": t("trend") }, buttons), note, score.home, levelHome,
      h("details", {}, h("summary", {}, t("what_happened")), marks)),
    close: () => { closed = true; score.close(); level.close(); },
  };
}

function logLines(marks) {
  const lines = marks.toReversed().slice(0, 60).map((mark) => h("li", {},
    h("time", { datetime: new Date(mark.time_s * 1000).toISOString() }, fullTime(mark.time_s * 1000)), " ", h("b", {}, t(`mark_${mark.kind}`, {}, mark.kind)), " ",
    mark.kind === "model" ? mark.text.slice(0, 12) : mark.text));
  return lines.length ? lines : [h("li", {}, t("nothing_happened"))];
}

// What happened to a sensor in the last month.
export function historyList(sensor) {
  const list = h("ol", { class: "log" }, h("li", {}, t("loads")));
  ask("/api/trend", { sensor, span: "month" })
    .then((found) => list.replaceChildren(...logLines(found.marks)))
    .catch((error) => list.replaceChildren(h("li", {}, error.message)));
  return { home: h("section", {}, h("h2", {}, t("what_happened")), list) };
}
