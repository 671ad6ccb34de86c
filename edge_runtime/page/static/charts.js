// Pictures: uPlot with this page's colours; each says in words what it shows.

import { h } from "./dom.js";
import { locale } from "./texts.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const MADE = new Set();
const format = (value) => new Intl.NumberFormat(locale(), { maximumSignificantDigits: 4 }).format(value);

function axis(label, more = {}) {
  return {
    label, stroke: () => colour("--soft"), font: "12px system-ui", labelFont: "12px system-ui", labelSize: 18,
    grid: { stroke: () => colour("--grid"), width: 1 }, ticks: { stroke: () => colour("--grid"), width: 1 },
    values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : format(tick))), ...more,
  };
}

// Times of an axis: hours where it is short, else days.
function times(chart, ticks) {
  const { min, max } = chart.scales.x, short = max - min < 2.5 * 86400;
  const said = new Intl.DateTimeFormat(locale(), short ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" });
  return ticks.map((tick) => said.format(new Date(tick * 1000)));
}

// `bands` are stretches of x to be marked, `marks` single places with a name, `level` a line across.
function drawn(chart, { bands = [], marks = [], level = null }) {
  const { ctx, bbox } = chart, ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour("--band");
  for (const [low, high] of bands) {
    const left = chart.valToPos(low, "x", true);
    ctx.fillRect(left, bbox.top, Math.max(2, chart.valToPos(high, "x", true) - left), bbox.height);
  }
  ctx.strokeStyle = ctx.fillStyle = colour("--alarm");
  ctx.lineWidth = ratio;
  ctx.font = `${11 * ratio}px system-ui`;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  const line = (x0, y0, x1, y1) => { ctx.beginPath(); ctx.moveTo(x0, y0); ctx.lineTo(x1, y1); ctx.stroke(); };
  if (level !== null) {
    const y = chart.valToPos(level, "y", true);
    line(bbox.left, y, bbox.left + bbox.width, y);
  }
  let row = 0;
  for (const { x, name } of marks) {
    const at = chart.valToPos(x, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    line(at, bbox.top, at, bbox.top + bbox.height);
    const left = Math.min(at + 3 * ratio, bbox.left + bbox.width - ctx.measureText(name).width);
    ctx.fillText(name, left, bbox.top + (12 + 13 * (row++ % 3)) * ratio);
  }
  ctx.restore();
}

// A picture of series over x. `set(data, extras, words)` draws it anew.
export function chart({ x, y, series, time = false, height = 190 }) {
  const home = h("div", { class: "chart", role: "img", "aria-label": `${series.join(", ")}: ${y}, ${x}` });
  const caption = h("p", { class: "caption" });
  let plot = null, extras = {}, shown = null;
  const styles = [["--line", 1.4], ["--line2", 1.2], ["--line3", 1.2]];
  // What a line across stands for belongs to the picture.
  const reach = (_, low, high) => {
    const level = extras.level ?? null;
    if (low === null || high === null) return [0, level ?? 1];
    return level === null ? uPlot.rangeNum(low, high, 0.1, true) : uPlot.rangeNum(Math.min(0, low), Math.max(high, level), 0.1, true);
  };
  const make = () => {
    plot?.destroy();
    const width = Math.max(240, home.clientWidth || 320);
    plot = new uPlot({
      width, height, legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time, range: (_, low, high) => extras.range ?? [low, high] }, y: { range: reach } },
      axes: [axis(x, time ? { values: times, size: 40 } : { size: 40 }), axis(y, { size: 56 })],
      series: [{}, ...series.map((name, k) => ({
        label: name, stroke: () => colour(styles[k % 3][0]), width: styles[k % 3][1], points: { show: () => time && (shown?.[0].length ?? 0) < 60, size: 5 },
        dash: k ? [[], [6, 3], [2, 3]][k % 3] : [],
      }))],
      hooks: { draw: [(made) => drawn(made, extras)] },
    }, shown, home);
  };
  const watcher = new ResizeObserver(() => { if (plot) plot.setSize({ width: Math.max(240, home.clientWidth), height }); });
  watcher.observe(home);
  const set = (data, more = {}, words = "") => {
    extras = more;
    shown = data;
    if (words) home.setAttribute("aria-label", words);
    caption.textContent = words;
    if (plot) plot.setData(data); else if (home.isConnected) make();
  };
  const made = { home: h("figure", {}, home, caption), set, redraw: make, close: () => { watcher.disconnect(); plot?.destroy(); MADE.delete(made); } };
  MADE.add(made);
  return made;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => MADE.forEach((made) => made.redraw()));

// How far a score is on its way to the threshold, and beyond.
export function gauge(score, threshold, words) {
  const share = threshold > 0 && score !== null ? Math.min(1, score / threshold / 2) : 0;
  const over = score !== null && score > threshold;
  const bar = h("span", { class: over ? "bar over" : "bar" });
  bar.style.width = `${100 * share}%`;
  return h("div", { class: "gauge", role: "img", "aria-label": words }, bar, h("span", { class: "mark" }));
}
