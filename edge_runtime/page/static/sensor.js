// One sensor: how it stands, its vibration now, its trend, its commissioning, its recordings.

import { ask, change, stream } from "./api.js";
import { chart, gauge } from "./charts.js";
import { commissioningPart } from "./commissioning.js";
import { askFor, tell } from "./dialogs.js";
import { h, icon, part } from "./dom.js";
import { Latest, readerOf, unbase64 } from "./frames.js";
import { recordButton, recordingWordsOf } from "./recordings.js";
import { amplitudes, largest, rms } from "./spectrum.js";
import { alarmsOf, known, mayOperate, recordingOf, sensor as sensorOf } from "./state.js";
import { t } from "./texts.js";
import { trendPart } from "./trend.js";
import { badness, bandWords, clock, number, sentence, shape, standing } from "./words.js";

const SHOWN = 8192;

export function sensorView(name) {
  const look = () => sensorOf(name);
  const head = part(() => look() && [standing(look()), sentence(look()), look().machine], () => heading(name, look()));
  const score = part(() => look() && [look().score, look().threshold, look().usable_share, look().state], () => (look() ? scorePart(look()) : null));
  const doing = part(() => [recordingOf(name), mayOperate(), alarmsOf(name).map((alarm) => alarm.id), Boolean(look()?.state)], () => actions(name), "div", { class: "actions" });
  const details = part(() => { const s = look(); return s && [s.model, s.rate_hz, s.channels, s.unit, s.link, s.fault, s.model_fault, s.suppressed]; }, () => (look() ? detailsPart(look()) : null));
  let live = null, trend = null, learning = null;
  const places = [h("div"), h("div"), h("div")];
  const begin = () => {
    if (live || !look()) return;
    live = livePart(look());
    learning = commissioningPart(name);
    trend = trendPart(name, () => look()?.threshold ?? null);
    [live, trend, learning].forEach((made, k) => places[k].append(made.home));
  };
  begin();
  return {
    title: name,
    home: h("article", {}, head.home, score.home, doing.home, ...(look()?.commissioning ? [places[2], places[0], places[1]] : places), details.home),
    update: () => { begin(); [head, score, doing, details].forEach((each) => each.update()); },
    close: () => [live, trend, learning].forEach((each) => each?.close()),
  };
}

function heading(name, sensor) {
  if (!sensor) return [h("h1", {}, name), h("p", {}, t(known() ? "no_such_sensor" : "waiting"))];
  const { state } = standing(sensor);
  return [h("h1", {}, icon(shape(state)), name, sensor.machine ? h("small", {}, sensor.machine) : null),
    h("p", { class: "lead" }, h("b", {}, t(`state_${state}`), ": "), sentence(sensor)),
    sensor.suppressed ? h("p", { class: "note" }, t("suppressed", { why: sensor.suppressed })) : null];
}

function scorePart(sensor) {
  const words = badness(sensor.score, sensor.threshold);
  return h("dl", { class: "wide" },
    h("dt", {}, t("score_now")), h("dd", {}, h("b", {}, words), gauge(sensor.score, sensor.threshold, words),
      h("span", { class: "soft" }, t("score_of_short", { score: number(sensor.score), threshold: number(sensor.threshold) }))),
    sensor.usable_share === null ? null : [h("dt", {}, t("usable_title")), h("dd", {}, t("usable", { n: Math.round(100 * sensor.usable_share) }))],
    sensor.state ? [h("dt", {}, t("machine_state")), h("dd", {}, sensor.state, sensor.state_said ? ` (${t("state_said", { what: sensor.state_said })})` : "")] : null);
}

function actions(name) {
  const links = alarmsOf(name).map((alarm) => h("a", { class: "button primary", id: `to-${alarm.id}`, href: `#/alarm/${encodeURIComponent(alarm.id)}` }, t(`to_${alarm.kind}`)));
  if (!mayOperate()) return [...links, h("p", { class: "soft" }, t("only_look"))];
  const state = sensorOf(name)?.state ? h("button", { id: "say-state", onclick: () => askFor({ title: t("say_state"), about: t("say_state_about"), yes: t("say_state"),
    fields: [{ name: "state", label: t("machine_state"), value: "" }], act: ({ state }) => change("machine.state", { sensor: name, state }), done: () => tell(t("done_it")) }) }, t("say_state")) : null;
  const view = recordingOf(name);
  return [...links, recordButton(name), state, view ? h("p", { class: "soft" }, recordingWordsOf(view)) : null];
}

function detailsPart(sensor) {
  const model = sensor.model, evidence = h("ul", { class: "plain" });
  ask("/api/ask/evidence.list", { sensor: sensor.name }).then((found) => evidence.replaceChildren(...found.map((piece) =>
    h("li", {}, h("a", { href: `#/alarm/${encodeURIComponent(piece.alarm)}` }, `${clock(piece.time)}`), " ", piece.diagnosis || piece.kind)))).catch(() => {});
  const rows = [["link", sensor.link], ["sensor_fault", sensor.fault], ["model_fault", sensor.model_fault], ["channels", sensor.channels.join(", ")],
    ["rate", `${number(sensor.rate_hz, 6)} Hz`], ["unit", sensor.unit], ["model", model.detector ? `${model.name} (${model.detector} ${model.version})` : ""],
    ["origin", t(`origin_${model.origin}`, {}, model.origin)], ["digest", model.sha256.slice(0, 16)]].filter(([, value]) => value);
  return [h("section", {}, h("h2", {}, t("evidence")), evidence),
    h("section", {}, h("h2", {}, t("details")), h("dl", { class: "wide" }, rows.map(([name, value]) => [h("dt", {}, t(`d_${name}`)), h("dd", {}, value)])))];
}

// Waveform and spectrum a few times a second, computed here.
function livePart(sensor) {
  const wave = chart({ x: t("seconds_axis"), y: sensor.unit, series: sensor.channels, height: 150 });
  const lines = chart({ x: "Hz", y: sensor.unit, series: sensor.channels });
  const note = h("p", { class: "soft", role: "status" }, t("live_waits"));
  const pause = h("button", { id: "pause", "aria-pressed": "false", onclick: () => { paused = !paused; pause.setAttribute("aria-pressed", String(paused)); } }, t("pause"));
  const latest = new Latest(SHOWN), reader = readerOf(sensor);
  let heard = performance.now(), paused = false;
  const stop = stream("/api/live", { sensor: sensor.name }, (text) => {
    const frames = reader.feed(unbase64(text));
    if (latest.take(frames)) heard = performance.now();
    const quiet = performance.now() - heard > 1500;
    note.textContent = quiet ? t("live_silent") : "";
    if (frames.length && !paused && latest.channels[0].length >= 256) draw(sensor.name, latest, wave, lines);
  }, () => { note.textContent = t("live_waits"); });
  return {
    home: h("section", { "aria-labelledby": "live-title" }, h("h2", { id: "live-title" }, t("live")), note, h("h3", {}, t("waveform")), wave.home, h("h3", {}, t("spectrum")), lines.home, pause),
    close: () => { stop(); wave.close(); lines.close(); },
  };
}

function draw(name, { channels, rate_hz }, wave, lines) {
  const sensor = sensorOf(name), unit = sensor?.unit ?? "";
  const shown = Math.min(channels[0].length, Math.round(rate_hz / 8), 1500);
  const from = channels[0].length - shown;
  wave.set([Array.from({ length: shown }, (_, k) => k / rate_hz), ...channels.map((part) => Array.from(part.subarray(from)))], {},
    t("live_words", { rms: channels.map((part) => number(rms(part))).join(", "), unit }));
  const amps = channels.map((part) => amplitudes(part, Math.min(2048, 2 ** Math.floor(Math.log2(part.length)))));
  const step = rate_hz / 2 / amps[0].length, top = largest(amps[0], step);
  const bands = (sensor?.bands ?? []).filter((band) => band.low_hz !== null && band.high_hz !== null).slice(0, 3);
  const words = t("largest_line", { hz: number(top.hz), value: number(top.amplitude), unit });
  lines.set([Array.from(amps[0], (_, k) => k * step), ...amps.map((part) => Array.from(part))], { bands: bands.map((band) => [band.low_hz, band.high_hz]) },
    bands.length ? `${words} ${t("bands_words", { what: bands.map(bandWords).join(", ") })}` : words);
}
