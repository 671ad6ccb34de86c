// One alarm: which sensor, since when, how bad, why; and what to do about it.

import { ask, bytes, change } from "./api.js";
import { chart, gauge } from "./charts.js";
import { askFor, tell } from "./dialogs.js";
import { h, icon, part } from "./dom.js";
import { Latest, readerOf } from "./frames.js";
import { amplitudes, envelope, largest, thinned } from "./spectrum.js";
import { alarm as openAlarm, mayOperate, sensor as sensorOf } from "./state.js";
import { t } from "./texts.js";
import { historyList } from "./trend.js";
import { ago, badness, bandWords, clock, fullTime, number, reasonWords, size } from "./words.js";

export function alarmView(id) {
  let shown = openAlarm(id), ended = false, pictures = null, diagnosis = [];
  const look = () => { const alarm = openAlarm(id); ended = !alarm; shown = alarm ?? shown; return shown; };
  const head = part(() => [look(), ended], () => shown ? heading(shown, ended) : [h("h1", {}, t("alarm")), h("p", {}, t("alarm_gone"))]);
  const bad = part(() => [look()?.score, shown?.peak, bands(shown), diagnosis], () => (shown ? badWords(shown, diagnosis) : null));
  const doing = part(() => [look(), ended, mayOperate()], () => (shown ? actions(shown, ended) : null), "div", { class: "actions" });
  const evidence = h("section", { "aria-labelledby": "evidence-title" }, h("h2", { id: "evidence-title" }, t("evidence")));
  const body = h("div", {}, h("p", { class: "soft" }, t("evidence_loads")));
  evidence.append(body);
  const draw = async () => {
    try {
      const found = await ask("/api/ask/evidence.list", { alarm: id });
      diagnosis = [...new Set(found.map((each) => each.diagnosis).filter(Boolean))].slice(0, 2);
      bad.update();
      pictures?.close();
      pictures = evidencePart(found, sensorOf(shown?.sensor));
      body.replaceChildren(pictures.home);
    } catch (error) { body.replaceChildren(h("p", { class: "soft" }, error.message)); }
  };
  draw();
  // What is around an alarm's beginning is kept some seconds after it.
  const later = setTimeout(draw, 15000);
  const past = shown ? historyList(shown.sensor) : null;
  return {
    title: t("alarm"),
    home: h("article", {}, head.home, bad.home, doing.home, evidence, past?.home ?? null),
    update: () => [head, bad, doing].forEach((each) => each.update()),
    close: () => { clearTimeout(later); pictures?.close(); },
  };
}

function heading(alarm, ended) {
  const kind = alarm.kind === "anomaly" ? "alarm" : "fault";
  const since = { time: clock(alarm.start_time), ago: ago(alarm.start_time) };
  return [
    h("h1", {}, icon(ended ? "ok" : kind), h("a", { href: `#/sensor/${encodeURIComponent(alarm.sensor)}` }, alarm.sensor),
      alarm.machine ? h("small", {}, alarm.machine) : null),
    h("p", { class: "lead" }, ended ? t("alarm_ended") : t(alarm.active ? `s_${alarm.kind}` : "s_anomaly_over", since)),
    h("dl", {}, h("dt", {}, t("since_when")), h("dd", {}, h("time", { datetime: alarm.start_time ?? "" }, fullTime(alarm.start_time)))),
    alarm.acknowledged ? h("p", { class: "note" }, t("acknowledged_by", { who: alarm.acknowledged.who, time: clock(alarm.acknowledged.time) }), alarm.acknowledged.note ? ` “${alarm.acknowledged.note}”` : null) : null,
    alarm.shelved ? h("p", { class: "note" }, t("shelved_by", { who: alarm.shelved.who, until: clock(alarm.shelved.until) }), ` “${alarm.shelved.why}”`) : null,
    alarm.latched && !alarm.active ? h("p", { class: "note" }, t("latched")) : null,
  ];
}

const bands = (alarm) => (alarm?.kind === "anomaly" ? (sensorOf(alarm.sensor)?.bands ?? []).slice(0, 3).map(bandWords) : []);

function badWords(alarm, diagnosis) {
  const why = [reasonWords(alarm.reason), bands(alarm).length ? t("mostly", { what: bands(alarm).join(", ") }) : ""].filter(Boolean);
  if (alarm.kind !== "anomaly") return h("dl", {}, h("dt", {}, t("why")), h("dd", {}, why.join("; ") || "–"));
  const now = badness(alarm.score, alarm.threshold);
  return h("dl", {}, h("dt", {}, t("how_bad")),
    h("dd", {}, h("b", {}, now), gauge(alarm.score, alarm.threshold, now),
      h("span", { class: "soft" }, t("score_of", { score: number(alarm.score), threshold: number(alarm.threshold), peak: number(alarm.peak) }))),
    h("dt", {}, t("why")), h("dd", { id: "why" }, diagnosis.map((text) => h("p", { class: "diagnosis" }, text)), why.join("; ") || (diagnosis.length ? null : t("why_unknown"))));
}

function actions(alarm, ended) {
  if (!mayOperate()) return h("p", { class: "soft" }, t("only_look"));
  const note = { name: "note", label: t("note"), value: "" };
  const button = (id, words, primary, ask) => h("button", { id, class: primary ? "primary" : null, onclick: () => askFor(ask) }, words);
  const acts = (method, more = {}) => (values) => change(`alarms.${method}`, { alarm: alarm.id, ...more, ...values });
  const judge = button("judge", t("judge"), ended, { title: t("judge"), about: t("judge_about"), yes: t("judge"), fields: [
    { name: "verity", label: t("verity"), kind: "choice", value: "real", choices: ["real", "false", "maintenance"].map((each) => [each, t(`verity_${each}`)]) }, note],
  act: acts("judge"), done: () => tell(t("judged")) });
  if (ended) return judge;
  return [
    alarm.acknowledged ? null : button("acknowledge", t("acknowledge"), true, { title: t("acknowledge"), about: t("acknowledge_about", { sensor: alarm.sensor }), yes: t("acknowledge"), fields: [note], act: acts("acknowledge"), done: () => tell(t("acknowledged")) }),
    alarm.latched && !alarm.active ? button("reset", t("reset"), true, { title: t("reset"), yes: t("reset"), fields: [note], act: acts("reset"), done: () => tell(t("reset_done")) }) : null,
    alarm.shelved
      ? button("unshelve", t("unshelve"), false, { title: t("unshelve"), yes: t("unshelve"), act: acts("unshelve"), done: () => tell(t("unshelved")) })
      : button("shelve", t("shelve"), false, { title: t("shelve"), about: t("shelve_about"), yes: t("shelve"), fields: [
        { name: "hours", label: t("hours_long"), kind: "number", value: "8", required: true }, { name: "why", label: t("why_shelve"), required: true }],
      act: ({ hours, why }) => change("alarms.shelve", { alarm: alarm.id, for_s: hours * 3600, why }), done: () => tell(t("shelved")) }),
    judge,
  ];
}

// What is kept of the vibration, the diagnosis in words, and pictures of the one that is chosen.
function evidencePart(found, sensor) {
  if (!found.length) return { home: h("p", { class: "soft" }, t("no_evidence")), close: () => {} };
  const place = h("div");
  let charts = [];
  const clear = () => { charts.forEach((each) => each.close()); charts = []; };
  const show = async (piece) => {
    clear();
    place.replaceChildren(h("p", { class: "soft" }, t("evidence_loads")));
    try {
      const [record, data] = await Promise.all([ask("/api/ask/evidence.record", { id: piece.id }), bytes("/api/evidence", { id: piece.id })]);
      charts = drawn(data, record, sensor, place);
    } catch (error) { place.replaceChildren(h("p", { class: "trouble" }, error.message)); }
  };
  const list = found.map((piece) => h("li", {},
    h("button", { onclick: () => show(piece) }, t("show_pictures")), " ",
    h("a", { href: `/api/evidence?id=${encodeURIComponent(piece.id)}`, download: "" }, `${t(`moment_${piece.moment}`, {}, piece.moment)}, ${clock(piece.time)}`),
    ` ${t("seconds", { n: number(piece.seconds, 2) })}, ${size(piece.bytes)}`, piece.judged ? ` · ${t(`verity_${piece.judged}`, {}, piece.judged)}` : ""));
  const said = found.some((each) => each.diagnosis) ? null : h("p", { class: "soft" }, t("no_diagnosis"));
  return { home: h("div", {}, said, h("ul", { class: "plain" }, list), place), close: clear };
}

function drawn(data, record, sensor, place) {
  const latest = new Latest(4e6), reader = readerOf({ protocol: "frames" });
  latest.take(reader.feed(data));
  if (!latest.channels.length) { place.replaceChildren(h("p", { class: "soft" }, t("no_samples"))); return []; }
  const unit = sensor?.unit ?? "", name = sensor?.channels?.[0] ?? "1", samples = latest.channels[0], rate = latest.rate_hz;
  const wave = chart({ x: t("seconds_axis"), y: unit, series: [t("least"), t("most")] });
  const lines = chart({ x: "Hz", y: unit, series: [t("spectrum")] });
  const around = chart({ x: "Hz", y: t("envelope"), series: [t("envelope")] });
  place.replaceChildren(h("h3", {}, `${t("waveform")} ${name}`), wave.home, h("h3", {}, t("spectrum")), lines.home, h("h3", {}, t("envelope")), around.home);
  const thin = thinned(samples, rate, 600), amps = amplitudes(samples), step = rate / 2 / amps.length;
  wave.set([thin.times, thin.low, thin.high], {}, t("waveform_words", { n: number(samples.length / rate), peak: number(Math.max(...thin.high.map(Math.abs), ...thin.low.map(Math.abs))), unit }));
  const top = largest(amps, step);
  const shaded = (sensor?.bands ?? []).filter((band) => band.low_hz !== null).slice(0, 3).map((band) => [band.low_hz, band.high_hz]);
  lines.set([Array.from(amps, (_, k) => k * step), Array.from(amps)], { bands: shaded }, t("largest_line", { hz: number(top.hz), value: number(top.amplitude), unit }));
  const env = envelope(samples, rate), until = Math.min(env.lines.length, Math.round(500 / env.step_hz));
  const marks = (record.findings ?? []).flatMap((finding) => finding.lines ?? []).filter((line) => line.hz > 0).map((line) => ({ x: line.hz, name: line.name }));
  const peak = largest(env.lines.subarray(0, until), env.step_hz, 5);
  around.set([Array.from({ length: until }, (_, k) => k * env.step_hz), Array.from(env.lines.subarray(0, until))], { marks }, t("largest_envelope", { hz: number(peak.hz), names: marks.map((mark) => `${mark.name} ${number(mark.x)} Hz`).join(", ") || "–" }));
  return [wave, lines, around];
}
