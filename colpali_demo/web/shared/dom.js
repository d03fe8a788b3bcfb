// Small helpers of the components. Text from files and queries only ever becomes text nodes.

const parts = new Map();

/** The element of the template with this data-part; templates do not change, so it is looked for once. */
function part(name) {
  if (!parts.has(name)) parts.set(name, element.querySelector(`[data-part="${name}"]`));
  return parts.get(name);
}

const stored = (() => {
  try {
    return window.sessionStorage;
  } catch {
    return null; // a sandboxed frame may forbid it
  }
})();

function bytes(base64) {
  const text = atob(base64 || "");
  const result = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) result[i] = text.charCodeAt(i);
  return result;
}

/** Set an attribute that differs: every write costs the browser a look at all styles. */
function mend(one, name, value) {
  if (one.getAttribute(name) !== value) one.setAttribute(name, value);
}

/** An element with attributes; those whose name begins with "on" are event listeners. */
function node(tag, attributes = {}, ...children) {
  const result = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) result.addEventListener(name.slice(2), value);
    else result.setAttribute(name, value === true ? "" : value);
  }
  result.append(...children.filter((child) => child !== null && child !== undefined));
  return result;
}

function drawing(tag, attributes = {}) {
  const result = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) result.setAttribute(name, value);
  return result;
}

const shown = (value, digits = 3) =>
  value
    .toFixed(digits)
    .replace(/^-(?=0\.?0*$)/, "")
    .replace("-", "−");
const signed = (value, digits = 3) => `+${shown(value, digits)}`.replace("+−", "−");
const grouped = new Intl.NumberFormat("en-US");
const count = (value) => grouped.format(value);
const percent = (value) => `${Math.round(100 * value)} %`.replace("-", "−");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

/** Arrow keys, Home and End move the focus within a group that Tab enters at one place; `reach` is told where to. */
function roving(group, selector, reach = () => {}) {
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

/** A row of buttons of which one is on: choices are [value, name, title] each. Returns a function that marks it. */
function segments(group, choices, choose) {
  const buttons = choices.map(([value, name, title]) =>
    node(
      "button",
      { type: "button", role: "radio", "data-choice": value, title, onclick: () => choose(value) },
      name,
    ),
  );
  group.setAttribute("role", "radiogroup");
  group.replaceChildren(...buttons);
  roving(group, "button", (button) => button.click());
  return (current, disabled = () => false) => {
    for (const button of buttons) {
      const on = button.dataset.choice === current;
      mend(button, "aria-checked", String(on));
      mend(button, "tabindex", on ? "0" : "-1");
      button.disabled = disabled(button.dataset.choice);
    }
  };
}
