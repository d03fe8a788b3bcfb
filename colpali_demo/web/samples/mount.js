// The samples: a button each.

import { node, partsOf } from "../shared/dom.js";

export function mount({ element, trigger, props, watch }) {
  const part = partsOf(element);
  let drawn = "";

  function sampleButton(sample) {
    return node(
      "button",
      {
        type: "button",
        class: "sample",
        title: sample.description,
        "data-file": sample.file,
        onclick: () => trigger("open_sample", { file: sample.file }),
      },
      sample.thumb
        ? node("img", { src: sample.thumb.url, alt: "" })
        : node("span", { class: "blank", "aria-hidden": "true" }),
      node("span", { class: "sample-text" }, node("b", {}, sample.title), node("span", {}, sample.note)),
    );
  }

  function load() {
    const samples = props.value?.samples || [];
    if (JSON.stringify(samples) === drawn) return; // a button replaced under the pointer would lose its click
    drawn = JSON.stringify(samples);
    part("samples").replaceChildren(...samples.map(sampleButton));
  }

  watch("value", load);
  load();
}
