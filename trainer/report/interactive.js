// Makes a chart of each figure's data: drag to zoom, double click to see all, move to read off.
"use strict";
(() => {
  const HEIGHT = 300, NAMES = 96;
  const digits = (value) => (value === null || value === undefined ? "-" : String(Number(value.toPrecision(4))));
  const frame = (label) => ({ label, stroke: "#333", grid: { stroke: "#e4e4e4", width: 1 }, ticks: { stroke: "#aaa", width: 1 } });

  // Names stand above the frame, each a letter's height from the next, with a line down to its place.
  const named = (chart) => (plot) => {
    const { ctx, bbox } = plot, ratio = devicePixelRatio || 1, apart = 13 * ratio;
    let last = -Infinity;
    ctx.save();
    ctx.font = 11 * ratio + "px sans-serif";
    ctx.fillStyle = ctx.strokeStyle = "#a34400";
    ctx.lineWidth = ratio;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const [at, name] of chart.marks) {
      const x = plot.valToPos(at, "x", true);
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const place = Math.max(x, last + apart);
      if (place > bbox.left + bbox.width + 3 * apart) continue;
      last = place;
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(place, bbox.top - 8 * ratio);
      ctx.stroke();
      ctx.translate(place, bbox.top - 11 * ratio);
      ctx.rotate(-Math.PI / 2);
      ctx.fillText(name, 0, 0, (NAMES - 14) * ratio);
      ctx.rotate(Math.PI / 2);
      ctx.translate(-place, -(bbox.top - 11 * ratio));
    }
    ctx.restore();
  };

  const limited = (chart) => (plot) => {
    if (chart.limit === null) return;
    const { ctx, bbox } = plot, y = plot.valToPos(chart.limit, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
    ctx.save();
    ctx.setLineDash([6, 5]);
    ctx.strokeStyle = "#000";
    ctx.lineWidth = devicePixelRatio || 1;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };

  const day = (value) => new Date(1000 * value).toISOString().slice(0, 10);
  const places = (chart) => {
    if (chart.dates) return { values: (_plot, at) => at.map((v, i) => (i && day(v) === day(at[i - 1]) ? "" : day(v))), space: 90 };
    return chart.names.length ? { values: (_plot, at) => at.map((v) => (Number.isInteger(v) ? v : "")) } : {};
  };

  const reading = (chart) => (_plot, value, _series, index) => {
    if (value === null || value === undefined) return "-";
    if (chart.names.length && index !== null) return chart.names[index];
    if (chart.dates) return new Date(1000 * value).toISOString().slice(0, 16).replace("T", " ");
    return digits(value) + (chart.turn_hz ? " (" + (value / chart.turn_hz).toFixed(2) + " x)" : "");
  };

  // The limit is part of what is to be seen.
  const spanned = (chart) => (_plot, low, high) => {
    if (low === null || high === null) return chart.logarithmic ? [0.1, 10] : [0, 1];
    const least = chart.limit === null ? low : Math.min(low, chart.limit), most = chart.limit === null ? high : Math.max(high, chart.limit);
    if (chart.logarithmic) return uPlot.rangeLog(least, most === least ? 10 * least : most, 10, true);
    return uPlot.rangeNum(Math.min(least, 0), most === least ? least + 1 : most, 0.1, true);
  };

  const widened = (chart, low, high) => {
    if (!chart.series.every((each) => each.points) || low !== chart.x[0] || high !== chart.x.at(-1)) return [low, high];
    const more = 0.03 * (high - low) || (chart.dates ? 43200 : 0.5);
    return [low - more, high + more];
  };

  const options = (chart, width) => ({
    width,
    height: HEIGHT + (chart.marks.length ? NAMES : 0),
    padding: [chart.marks.length ? NAMES : 10, 14, 0, 0],
    scales: {
      // Marks at either end are to be seen whole; what is zoomed into is as it was chosen.
      x: { time: chart.dates, range: (_plot, low, high) => widened(chart, low, high) },
      y: { distr: chart.logarithmic ? 3 : 1, range: spanned(chart) },
    },
    axes: [
      { ...frame(chart.x_label), space: 60, ...places(chart) },
      { ...frame(chart.y_label), size: 62, values: (_p, at) => at.map((v) => (v === null ? "" : digits(v))) },
    ],
    series: [
      { label: chart.x_label, value: reading(chart) },
      ...chart.series.map((each) => ({
        label: each.name,
        stroke: each.colour,
        width: each.points ? 0 : 1.2,
        dash: each.dashed ? [6, 4] : undefined,
        paths: each.points ? () => null : undefined,
        points: { show: each.points, size: 8, fill: each.colour },
        value: (_plot, value) => digits(value),
      })),
    ],
    cursor: { drag: { x: true, y: false } },
    hooks: { draw: [named(chart), limited(chart)] },
  });

  for (const place of document.querySelectorAll("figure .plot")) {
    try {
      const chart = JSON.parse(place.querySelector("script").textContent);
      chart.marks.sort((one, other) => one[0] - other[0]);
      place.hidden = false;
      const width = () => Math.max(240, Math.floor(place.clientWidth));
      const plot = new uPlot(options(chart, width()), [chart.x, ...chart.series.map((each) => each.y)], place);
      place.plot = plot;
      place.closest("figure").classList.add("live");
      new ResizeObserver(() => plot.width !== width() && plot.setSize({ width: width(), height: plot.height })).observe(place);
    } catch (error) {
      place.hidden = true; // the still picture says the same
      console.error(error);
    }
  }
})();
