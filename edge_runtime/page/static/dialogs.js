// Questions before something is changed. Enter says yes, Escape no; the focus comes back to where it was.

import { h } from "./dom.js";
import { t } from "./texts.js";

// Fields: { name, label, kind: text | number | choice, value, choices: [[value, words]], required }.
// `act` is called with the values; what it refuses is shown, and the dialog stays.
export function askFor({ title, about = "", fields = [], yes, act, done = () => {} }) {
  const inputs = fields.map((field) => {
    const id = `field-${field.name}`;
    const options = (field.choices ?? []).map(([value, words]) =>
      h("option", { value, selected: value === field.value }, words));
    const input = field.kind === "choice"
      ? h("select", { id, name: field.name }, options)
      : h("input", { id, name: field.name, type: "text", inputmode: field.kind === "number" ? "decimal" : null,
        value: String(field.value ?? ""), maxlength: "400", required: field.required ?? false, autocomplete: "off" });
    return [field, input, h("label", { for: id }, field.label, input)];
  });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const go = h("button", { class: "primary", type: "submit" }, yes);
  const close = () => { box.close(); box.remove(); };
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(inputs.map(([field, input]) =>
      [field.name, field.kind === "number" ? Number(input.value.replace(",", ".")) : input.value.trim()]));
    go.disabled = true;
    try {
      const said = await act(values);
      close();
      done(said);
    } catch (error) {
      trouble.textContent = [error.message, error.remedy].filter(Boolean).join(". ");
      go.disabled = false;
    }
  } },
  h("h2", { id: "dialog-title" }, title), about && h("p", {}, about), inputs.map(([, , label]) => label), trouble,
  h("div", { class: "actions" }, go, h("button", { type: "button", onclick: close }, t("cancel"))));
  const box = h("dialog", { "aria-labelledby": "dialog-title", oncancel: (event) => { event.preventDefault(); close(); } }, form);
  document.body.append(box);
  box.showModal();
}

let timer = 0;
// What was done, said to eyes and screen readers for some seconds.
export function tell(words) {
  const home = document.getElementById("told");
  home.textContent = words;
  home.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => home.classList.remove("shown"), 6000);
}
