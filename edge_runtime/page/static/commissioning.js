// A sensor's way to a model of its own: how far, what is missing, what was learnt from what, one button a step.

import { ask, change } from "./api.js";
import { askFor, tell } from "./dialogs.js";
import { h } from "./dom.js";
import { mayOperate, sensor as sensorOf } from "./state.js";
import { t } from "./texts.js";
import { fullTime, number, span } from "./words.js";

const STAGES = ["learning", "calibrating", "shadow", "armed"];

export function commissioningPart(name) {
  const body = h("div", {}, h("p", { class: "soft" }, t("loads")));
  const home = h("section", { "aria-labelledby": "commission-title" }, h("h2", { id: "commission-title" }, t("commissioning")), body);
  let known = "", timer = 0, closed = false;
  async function load() {
    clearTimeout(timer);
    try {
      const said = await ask("/api/ask/commission.status", { sensor: name });
      const text = JSON.stringify([said, mayOperate()]);
      if (text !== known && !closed) {
        const focused = body.contains(document.activeElement) ? document.activeElement.id : "";
        known = text;
        body.replaceChildren(...drawn(name, said, load));
        if (focused) document.getElementById(focused)?.focus();
      }
    } catch (error) {
      // A delivered model is not commissioned: then there is nothing to show.
      if (error.status === 409 && !sensorOf(name)?.commissioning) { home.hidden = true; return; }
      known = "";
      body.replaceChildren(h("p", { class: "soft" }, [error.message, error.remedy].filter(Boolean).join(". ")));
    }
    if (!closed) timer = setTimeout(load, 3000);
  }
  load();
  return { home, close: () => { closed = true; clearTimeout(timer); } };
}

function drawn(name, said, again) {
  const at = STAGES.indexOf(said.stage);
  const steps = at < 0 && said.stage !== "retired" ? h("p", {}, t("delivered")) : h("ol", { class: "steps" }, STAGES.map((stage, k) =>
    h("li", { class: k < at ? "past" : k === at ? "now" : "", "aria-current": k === at ? "step" : null }, t(`stage_${stage}`))));
  const facts = [
    said.learner ? h("p", { role: "status" }, t("learner_works", { step: said.learner.step, share: Math.round(100 * said.learner.share) }),
      h("progress", { max: "1", value: said.learner.share, "aria-label": t("commissioning") })) : null,
    said.problem ? h("p", { class: "trouble" }, said.problem) : null,
    said.asks ? h("p", { class: "note" }, said.asks) : null,
    h("dl", {}, at < 0 && !said.model ? null : [h("dt", {}, t("model")), h("dd", {}, said.model ? t("model_of", { n: said.model, kept: said.kept }) : t("no_model"))],
      said.rests_on ? [h("dt", {}, t("rests_on")), h("dd", {}, said.rests_on)] : null,
      said.windows ? [h("dt", {}, t("watched")), h("dd", {}, t("watched_words", { span: span(said.watched_s), windows: number(said.windows, 6), exceeded: said.exceeded, alarms: said.alarms }))] : null),
  ];
  const history = h("details", {}, h("summary", {}, t("who_did_what")), h("ol", { class: "log" }, said.history.toReversed().map((entry) =>
    h("li", {}, h("time", { datetime: entry.time }, fullTime(entry.time)), " ", h("b", {}, entry.who || t("the_program")), " ", entry.what))));
  return [steps, ...facts, mayOperate() ? h("div", { class: "actions" }, buttons(name, said, again)) : null, history].filter(Boolean);
}

function buttons(name, said, again) {
  const note = { name: "note", label: t("note"), value: "" };
  const button = (verb, primary, params = {}, about = t(`do_${verb}_about`)) => h("button", { id: `do-${verb}${params.model ?? ""}`, class: primary ? "primary" : null, onclick: () => askFor({
    title: t(`do_${verb}`, params), about, yes: t(`do_${verb}`, params), fields: [note],
    act: (values) => change(`commission.${verb}`, { sensor: name, ...params, ...values }), done: () => { tell(t("done_it")); again(); },
  }) }, t(`do_${verb}`, params));
  if (said.learner) return null;
  // The offer is taken by its number: what is taken is what was shown. To decline it is to learn again.
  const offer = said.offer ? button("accept", true, { model: said.offer }, said.offered) : null;
  const learning = said.stage === "learning" || said.offer;
  return [
    offer,
    learning ? button("learn", !said.offer) : null,
    said.stage === "delivered" ? button("adapt", false) : null,
    ["calibrating", "shadow"].includes(said.stage) ? button("arm", true) : null,
    said.model && said.stage !== "retired" ? button("retire", false) : null,
    said.stage === "retired" && said.kept ? button("accept", true, { model: said.kept }, t("do_accept_about")) : null,
    said.kept > 1 && said.model > 1 ? button("accept", false, { model: said.model - 1 }, t("undo_about")) : null,
    said.model ? button("after-repair", false) : null,
  ];
}
