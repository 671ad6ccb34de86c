// How it stands, in words: the worst first, one sentence each.

import { alarmsOf, now, recordingOf, records } from "./state.js";
import { locale, t } from "./texts.js";

export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return new Intl.NumberFormat(locale(), { maximumSignificantDigits: digits }).format(value);
}

export function clock(text) {
  if (!text) return "–";
  const moment = new Date(text), today = new Date(now()).toDateString() === moment.toDateString();
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(locale(), today ? time : { ...time, day: "numeric", month: "short" }).format(moment);
}

export function fullTime(text) {
  return text ? new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(new Date(text)) : "–";
}

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return t("seconds", { n: s });
  if (s < 5400) return t("minutes", { n: Math.round(s / 60) });
  if (s < 172800) return t("hours", { n: number(s / 3600, 2) });
  return t("days", { n: Math.round(s / 86400) });
}

export const ago = (text) => span((now() - Date.parse(text)) / 1000);

export function size(bytes) {
  const unit = { style: "unit", unitDisplay: "short", maximumSignificantDigits: 3 };
  const [value, name] = bytes >= 1e6 ? [bytes / 1e6, "megabyte"] : [bytes / 1e3, "kilobyte"];
  return new Intl.NumberFormat(locale(), { ...unit, unit: name }).format(value);
}

// How bad: a ratio says more than a score, whose unit nobody knows.
export function badness(score, threshold) {
  if (!(threshold > 0) || score === null || score === undefined) return t("no_score");
  const ratio = score / threshold;
  return ratio >= 1 ? t("times_threshold", { n: number(ratio, 2) }) : t("of_threshold", { n: Math.round(100 * ratio) });
}

const RANK = ["alarm", "fault", "asks", "acknowledged", "shelved", "learning", "quiet", "ok"];
const ICONS = { acknowledged: "alarm", shelved: "quiet" };
export const shape = (state) => ICONS[state] ?? state;

// The state of a sensor, of those in RANK, and the alarm that makes it so.
export function standing(sensor) {
  const open = alarmsOf(sensor.name).filter((alarm) => !alarm.suppressed);
  const about = (alarm) => (alarm.kind === "anomaly" || alarm.kind === "operating_state" ? "alarm" : "fault");
  const fresh = open.filter((alarm) => !alarm.acknowledged && !alarm.shelved);
  const worst = (list) => list.sort((a, b) => RANK.indexOf(about(a)) - RANK.indexOf(about(b)))[0] ?? null;
  if (fresh.length) { const alarm = worst(fresh); return { state: about(alarm), alarm }; }
  if (sensor.trouble) return { state: "fault", alarm: worst(open) };
  if (sensor.asks) return { state: "asks", alarm: null };
  if (open.length) { const alarm = worst(open); return { state: alarm.shelved ? "shelved" : "acknowledged", alarm }; }
  if (sensor.commissioning && sensor.commissioning !== "armed") return { state: "learning", alarm: null };
  if (sensor.score === null) return { state: "quiet", alarm: null };
  return { state: "ok", alarm: null };
}

export const rank = (sensor) => RANK.indexOf(standing(sensor).state);
export const needs = (sensor) => rank(sensor) <= RANK.indexOf("asks");

export function reasonWords(reason) {
  const [check, ...rest] = (reason ?? "").split(":");
  const said = t(`reason_${check}`, {}, "");
  const details = rest.join(":").trim();
  return said ? (details ? `${said} (${details})` : said) : (reason ?? "");
}

export function sentence(sensor) {
  const { state, alarm } = standing(sensor);
  const since = alarm ? { time: clock(alarm.start_time), ago: ago(alarm.start_time) } : {};
  if (alarm && alarm.kind === "anomaly") {
    const bad = badness(alarm.score ?? alarm.peak, alarm.threshold);
    return `${t(alarm.active ? "s_anomaly" : "s_anomaly_over", since)} ${bad}${tail(state, alarm)}`;
  }
  if (alarm) return `${t(`s_${alarm.kind}`, since)} ${reasonWords(alarm.reason)}${tail(state, alarm)}`;
  if (state === "fault") return `${t("s_trouble")} ${reasonWords(sensor.trouble)}`;
  if (state === "asks") return sensor.asks;
  if (state === "learning") return t(`stage_${sensor.commissioning}_s`);
  if (state === "quiet") return t("s_quiet");
  return `${t("s_ok")} ${badness(sensor.score, sensor.threshold)}`;
}

function tail(state, alarm) {
  if (alarm.acknowledged) return ` ${t("s_acknowledged", { who: alarm.acknowledged.who })}`;
  return alarm.shelved ? ` ${t("s_shelved", { until: clock(alarm.shelved.until) })}` : "";
}

export const recordingWords = (name) => {
  const view = recordingOf(name);
  return records(view) ? t("recording_now", { done: span(view.elapsed_s), of: span(view.for_s) }) : "";
};

export function bandWords(band) {
  if (band.low_hz === null || band.high_hz === null) return band.name;
  return t("band", { low: number(band.low_hz), high: number(band.high_hz) });
}
