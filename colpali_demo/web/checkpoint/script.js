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

function load() {
  const value = props.value || {};
  part("dot").className = `dot ${value.state}`;
  part("title").textContent = value.name || "";
  part("state").textContent = value.text || "";
  part("sentence").textContent = value.sentence || "";
  part("facts").replaceChildren(
    ...(value.facts || []).flatMap(([name, text]) => [node("dt", {}, name), node("dd", {}, text)]),
  );
  part("others").replaceChildren(
    ...(value.others || []).map((other) =>
      node(
        "div",
        { class: "other" },
        node("p", {}, node("b", {}, other.name), ` ${other.text}`),
        ...(other.command ? [node("code", { tabindex: "0" }, other.command)] : []),
        ...(other.choose ? [useButton(other)] : []),
      ),
    ),
  );
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
