// The samples. Gradio runs this text as the body of a function (element, trigger, props, server, upload, watch).

const part = (name) => element.querySelector(`[data-part="${name}"]`);

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

let shown = "";

function load() {
  const samples = props.value?.samples || [];
  if (JSON.stringify(samples) === shown) return; // a button replaced under the pointer would lose its click
  shown = JSON.stringify(samples);
  part("samples").replaceChildren(
    ...samples.map((sample) =>
      node(
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
      ),
    ),
  );
}

watch("value", load);
load();
