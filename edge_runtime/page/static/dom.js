// Elements from text and children alone: no HTML is ever made of what somebody wrote.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// Each state has a shape of its own: colour alone tells nothing.
const SHAPES = {
  alarm: "M12 3 22 21H2Z M12 10v5 M12 18v.5",
  fault: "M4 4h16v16H4Z M8 8l8 8 M16 8l-8 8",
  asks: "M12 2a10 10 0 1 0 .01 0Z M9 9.5a3 3 0 1 1 4.2 2.7c-.9.4-1.2.9-1.2 1.8 M12 17v.5",
  learning: "M5 3h14 M5 21h14 M6 3c0 8 12 10 12 18 M18 3c0 8-12 10-12 18",
  quiet: "M12 2a10 10 0 1 0 .01 0Z M12 7v5l3 3",
  ok: "M12 2a10 10 0 1 0 .01 0Z M7.5 12.5l3 3 6-7",
  back: "M15 5l-7 7 7 7",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("class", `icon ${name}`);
  drawn.setAttribute("aria-hidden", "true");
  for (const part of SHAPES[name].split(/ (?=M)/)) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", part);
    drawn.append(path);
  }
  return drawn;
}

// A part of a view that is drawn again where what it is made of differs; the focus stays where it was.
export function part(look, draw, tag = "div", attributes = {}) {
  const home = h(tag, attributes);
  let known = null;
  const update = () => {
    const seen = look();
    const text = JSON.stringify(seen ?? null);
    if (text === known) return;
    known = text;
    const focused = home.contains(document.activeElement) ? document.activeElement.id : "";
    home.replaceChildren(...[draw(seen)].flat(Infinity).filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
  };
  update();
  return { home, update };
}
