// Coming in: a code, and the name that stands in the records.

import { post } from "./api.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

export function enterView(entered) {
  const fromLink = /^#code=([0-9A-Za-z-]{4,20})$/.exec(location.hash)?.[1] ?? "";
  if (fromLink) history.replaceState(null, "", "/"); // nobody finds it in the history
  const code = h("input", { id: "code", name: "code", type: "text", value: fromLink, required: true, maxlength: "20",
    autocapitalize: "characters", autocomplete: "one-time-code", spellcheck: "false", class: "code" });
  const who = h("input", { id: "who", name: "who", type: "text", value: localStorage.getItem("who") ?? "", required: true,
    maxlength: "40", autocomplete: "name" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const go = h("button", { class: "primary", type: "submit" }, t("enter"));
  const form = h("form", { class: "card", onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      const said = await post("/api/enter", { code: code.value, who: who.value.trim() });
      localStorage.setItem("who", who.value.trim());
      entered(said);
    } catch (error) {
      trouble.textContent = [error.message, error.remedy].filter(Boolean).join(". ");
      go.disabled = false;
    }
  } },
  h("label", { for: "code" }, t("code"), code), h("label", { for: "who" }, t("your_name"), who), trouble,
  h("div", { class: "actions" }, go), h("p", { class: "soft" }, t("code_how")), h("pre", {}, "edge-runtime page code --operate"));
  return { title: t("enter_title"), home: h("div", {}, h("h1", {}, t("enter_title")), form), update: () => {}, close: () => {} };
}
