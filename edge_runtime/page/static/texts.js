// Every text of the page, in each language it speaks. `{name}` stands for what is filled in.

import { english } from "./texts.en.js";
import { german } from "./texts.de.js";

const TEXTS = { en: english, de: german };
export const languages = Object.keys(TEXTS);

let spoken = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
if (!(spoken in TEXTS)) spoken = "en";

export const language = () => spoken;
// How numbers and dates are written; days before months, whatever the language.
export const locale = () => ({ en: "en-GB", de: "de-DE" })[spoken];

export function speak(chosen) {
  spoken = chosen;
  localStorage.setItem("language", chosen);
}

// The text of that name; `otherwise` where there is none, of what the gateway may name anew.
export function t(name, filled = {}, otherwise = name) {
  const text = Object.hasOwn(TEXTS[spoken], name) ? TEXTS[spoken][name] : otherwise;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (Object.hasOwn(filled, key) ? String(filled[key]) : whole));
}
