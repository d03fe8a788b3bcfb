// The checkpoint. Gradio runs this text, after that of shared/dom.js, as the body of a function (element, trigger,
// props, server, upload, watch).

function useButton(other) {
  const button = node("button", { type: "button", "aria-label": `Use ${other.name}` }, "Use it");
  button.addEventListener("click", () => {
    element.querySelector("details").open = false;
    trigger("choose_model", { name: other.choose });
  });
  return button;
}

function row(other, ...buttons) {
  const about = node("div", {}, node("b", {}, other.name), node("p", {}, [other.text, ...other.facts].join(" · ")));
  return node("div", { class: "other" }, about, ...buttons);
}

function load() {
  const value = props.value || {};
  part("dot").className = `dot ${value.state}`;
  part("title").textContent = value.name || "";
  part("state").textContent = value.text || "";
  part("sentence").textContent = value.sentence || "";
  part("facts").replaceChildren(
    ...(value.facts || []).flatMap(([name, text]) => [node("dt", {}, name), node("dd", {}, text)]),
  );
  const others = value.others || [];
  const [here, elsewhere] = [others.filter((other) => other.choose), others.filter((other) => !other.choose)];
  part("here").hidden = !here.length;
  part("choices").replaceChildren(...here.map((other) => row(other, useButton(other))));
  part("elsewhere").hidden = !elsewhere.length;
  part("commands").replaceChildren(...elsewhere.map((other) => row(other)));
  part("command").textContent = elsewhere[0]?.command || "";
  element.dataset.state = value.state || "";
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") element.querySelector("details").open = false;
});
document.addEventListener("click", (event) => {
  if (!element.contains(event.target)) element.querySelector("details").open = false;
});

watch("value", load);
load();
