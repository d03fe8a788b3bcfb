// The line about the model in use, and the others that can be chosen.

import { node, partsOf } from "../shared/dom.js";
import { speakerOf } from "./speaker.js";

export function mount({ element, trigger, props, watch }) {
  const part = partsOf(element);
  const details = element.querySelector("details");
  const close = () => {
    details.open = false;
  };

  function useButton(other) {
    const button = node("button", { type: "button", "aria-label": `Use ${other.name}` }, "Use it");
    button.addEventListener("click", () => {
      close();
      trigger("choose_model", { name: other.choose });
    });
    return button;
  }

  function load() {
    const value = props.value || {};
    const others = value.others || [];
    const here = others.filter((other) => other.choose);
    const elsewhere = others.filter((other) => !other.choose);
    part("dot").className = `dot ${value.state}`;
    part("title").textContent = value.name || "";
    const [text, sentence] = speakerOf(value);
    part("state").textContent = text;
    part("sentence").textContent = sentence;
    part("facts").replaceChildren(
      ...(value.facts || []).flatMap(([name, text]) => [node("dt", {}, name), node("dd", {}, text)]),
    );
    part("here").hidden = !here.length;
    part("choices").replaceChildren(...here.map((other) => row(other, useButton(other))));
    part("elsewhere").hidden = !elsewhere.length;
    part("commands").replaceChildren(...elsewhere.map((other) => row(other)));
    part("command").textContent = elsewhere[0]?.command || "";
    element.dataset.state = value.state || "";
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  document.addEventListener("click", (event) => {
    if (!element.contains(event.target)) close();
  });
  watch("value", load);
  load();
}

function row(other, ...buttons) {
  const about = node("div", {}, node("b", {}, other.name), node("p", {}, [other.text, ...other.facts].join(" · ")));
  return node("div", { class: "other" }, about, ...buttons);
}
