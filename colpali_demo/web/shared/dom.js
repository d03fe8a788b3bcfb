// Elements of a page. Text from files and queries only ever becomes text nodes.

/** Finds the parts of a template, by their data-part. Templates do not change, so each is looked for once. */
export function partsOf(element) {
  const parts = new Map();
  return (name) => {
    if (!parts.has(name)) parts.set(name, element.querySelector(`[data-part="${name}"]`));
    return parts.get(name);
  };
}

/** A store of the browser, or null where a sandboxed frame forbids it. */
function store(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}

/** The browser's store for this tab, and that for all visits; null where there is none. */
export const stored = store("sessionStorage");
export const remembered = store("localStorage");

/** Set an attribute only where it differs: every write costs the browser a look at all styles. */
export function mend(one, name, value) {
  if (one.getAttribute(name) !== value) one.setAttribute(name, value);
}

/** An element with attributes; those whose name begins with "on" are event listeners. */
export function node(tag, attributes = {}, ...children) {
  const result = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) result.addEventListener(name.slice(2), value);
    else result.setAttribute(name, value === true ? "" : value);
  }
  result.append(...children.filter((child) => child !== null && child !== undefined));
  return result;
}

/** An element of a vector drawing. */
export function svgNode(tag, attributes = {}) {
  const result = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) result.setAttribute(name, value);
  return result;
}

/** Move by rows and columns that an arrow key stands for, [rows, cols]; undefined for other keys. */
export const arrowMove = (key) =>
  ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] })[key];

/** Arrow keys, Home and End move the focus within a group that Tab enters at one place; `reach` gets where it went. */
export function roving(group, selector, reach = () => {}) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const stops = [...group.querySelectorAll(selector)].filter((stop) => !stop.disabled);
    const at = stops.indexOf(document.activeElement);
    if (at < 0) return;
    let next = null;
    if (step) next = stops[(at + step + stops.length) % stops.length];
    if (event.key === "Home") next = stops[0];
    if (event.key === "End") next = stops[stops.length - 1];
    if (!next) return;
    event.preventDefault();
    for (const stop of stops) stop.tabIndex = stop === next ? 0 : -1;
    next.focus();
    reach(next);
  });
}

/** Turn a control off and say why, or with null on; its own title comes back then. */
export function bar(control, reason) {
  if (control.dataset.title === undefined) control.dataset.title = control.title;
  control.disabled = Boolean(reason);
  const title = reason || control.dataset.title;
  if (control.title !== title) control.title = title;
  if (reason) mend(control, "aria-description", reason);
  else control.removeAttribute("aria-description");
}

/**
 * A row of buttons of which one is on: choices are [value, name, title] each. Returns a function that marks it; given,
 * too, a function that says of a choice why it is off, or null.
 */
export function segments(group, choices, choose) {
  const buttons = choices.map(([value, name, title]) =>
    node("button", { type: "button", role: "radio", "data-choice": value, title, onclick: () => choose(value) }, name),
  );
  group.setAttribute("role", "radiogroup");
  group.replaceChildren(...buttons);
  roving(group, "button", (button) => button.click());
  return (current, barred = () => null) => {
    for (const button of buttons) {
      const on = button.dataset.choice === current;
      mend(button, "aria-checked", String(on));
      mend(button, "tabindex", on ? "0" : "-1");
      bar(button, barred(button.dataset.choice));
    }
  };
}
